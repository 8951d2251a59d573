/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters for people: a line per function, bars, and the drops. Any thread, machine locked. */
#include <stdio.h>

#include "sim/kernel.h"
#include "sim/statsjson.h"

#define BAR_WIDTH 20u

static void put_bar(FILE *file, uint64_t value, uint64_t most)
{
        unsigned n = most > 0 ? (unsigned) ((value * BAR_WIDTH + most - 1) / most) : 0;

        for (unsigned i = 0; i < n; i++)
                fputs("\xe2\x96\x88", file); /* full block */
}

static void put_drops(FILE *file, const char *who, const uint64_t drops[static DROP_MAX])
{
        for (unsigned i = 1; i < DROP_MAX; i++)
                if (drops[i] > 0)
                        fprintf(file, "  %-8s %10llu  %s\n", who, (unsigned long long) drops[i],
                                drop_reason_text(i));
}

static uint64_t sum(const uint64_t drops[static DROP_MAX])
{
        uint64_t n = 0;

        for (unsigned i = 0; i < DROP_MAX; i++)
                n += drops[i];
        return n;
}

/* Nobody has it open, and nothing was counted for it. */
static bool idle(struct sim_pf *pf, uint32_t pool)
{
        struct pool_stats s;

        nic_pool_stats(traffic_nic(pf->nic), pool, &s);
        return !traffic_guest(pf->nic, pool) && s.tx_packets + s.rx_packets + sum(s.drops) == 0 &&
               nic_mdd(traffic_nic(pf->nic), pool).cause == MDD_NONE;
}

static void put_function(FILE *file, struct sim_pf *pf, uint32_t pool, uint64_t most)
{
        const struct traffic_guest *guest = traffic_guest(pf->nic, pool);
        struct nic_mdd mdd = nic_mdd(traffic_nic(pf->nic), pool);
        struct pool_stats s;
        char name[16];

        nic_pool_stats(traffic_nic(pf->nic), pool, &s);
        trace_pool_name(pool, name);
        fprintf(file, "%-8s %-16.16s %12llu %12llu %10llu %10llu  ", name,
                guest ? traffic_guest_name(guest) : "-", (unsigned long long) s.tx_packets,
                (unsigned long long) s.rx_packets, (unsigned long long) s.spoofed,
                (unsigned long long) sum(s.drops));
        put_bar(file, s.tx_packets + s.rx_packets, most);
        if (mdd.cause != MDD_NONE)
                fprintf(file, "  stopped: %s", mdd_cause_text(mdd.cause));
        fputc('\n', file);
}

static void put_all(FILE *file, struct sim_pf *pf)
{
        struct nic *nic = traffic_nic(pf->nic);
        struct pool_stats s;
        struct nic_stats n;
        uint64_t most = 0;
        uint32_t n_idle = 0;
        char name[16];

        nic_stats(nic, &n);
        for (uint32_t i = 0; i < nic_n_pools(nic); i++) {
                nic_pool_stats(nic, i, &s);
                if (s.tx_packets + s.rx_packets > most)
                        most = s.tx_packets + s.rx_packets;
        }
        fprintf(file, "%-8s %-16s %12s %12s %10s %10s\n", "FUNCTION", "GUEST", "SENT", "RECEIVED",
                "SPOOFED", "DROPPED");
        for (uint32_t i = 0; i < nic_n_pools(nic); i++) {
                if (idle(pf, i))
                        n_idle++;
                else
                        put_function(file, pf, i, most);
        }
        if (n_idle > 0)
                fprintf(file, "%-8s %u more that nobody uses\n", "", n_idle);
        fprintf(file, "%-8s %-16s %12llu %12llu %10s %10llu\n", "wire",
                kernel_link_up(pf) ? "up" : "down", (unsigned long long) n.wire_rx_packets,
                (unsigned long long) n.wire_tx_packets, "-",
                (unsigned long long) sum(n.wire_drops));
        if (n.in_flight > 0)
                fprintf(file, "in packet memory: %llu\n", (unsigned long long) n.in_flight);
        fputs("drops:\n", file);
        put_drops(file, "wire", n.wire_drops);
        for (uint32_t i = 0; i < nic_n_pools(nic); i++) {
                nic_pool_stats(nic, i, &s);
                trace_pool_name(i, name);
                put_drops(file, name, s.drops);
        }
}

int stats_text(struct machine *m, struct sim_pf *pf, char **ret)
{
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);
        _cleanup_(freep) char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return -errno;
        put_all(file, pf);
        if (fclose(file) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}
