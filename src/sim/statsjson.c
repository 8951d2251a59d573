/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters as JSON. Any thread, machine locked. */
#include <stdio.h>

#include "config/json.h"
#include "sim/address.h"
#include "sim/kernel.h"
#include "sim/statsjson.h"

static void put_drops(struct json_writer *w, const uint64_t drops[static DROP_MAX])
{
        json_open_object(w, "drops");
        for (unsigned i = 0; i < DROP_MAX; i++)
                if (drops[i] > 0)
                        json_put_u64(w, drop_reason_name(i), drops[i]);
        json_close(w);
}

static void put_wire(struct json_writer *w, const struct nic_stats *s)
{
        json_open_object(w, "wire");
        json_put_u64(w, "rx_packets", s->wire_rx_packets);
        json_put_u64(w, "rx_bytes", s->wire_rx_bytes);
        json_put_u64(w, "tx_packets", s->wire_tx_packets);
        json_put_u64(w, "tx_bytes", s->wire_tx_bytes);
        put_drops(w, s->wire_drops);
        json_close(w);
        json_put_u64(w, "copies", s->copies);
        json_put_u64(w, "mirrored", s->mirrored);
        json_put_u64(w, "in_flight", s->in_flight);
}

static void put_pool(struct json_writer *w, const struct pool_stats *s)
{
        json_put_u64(w, "tx_packets", s->tx_packets);
        json_put_u64(w, "tx_bytes", s->tx_bytes);
        json_put_u64(w, "rx_packets", s->rx_packets);
        json_put_u64(w, "rx_bytes", s->rx_bytes);
        json_put_u64(w, "rx_multicast", s->rx_multicast);
        json_put_u64(w, "rx_broadcast", s->rx_broadcast);
        json_put_u64(w, "tx_loopback", s->tx_loopback);
        json_put_u64(w, "rx_loopback", s->rx_loopback);
        json_put_u64(w, "spoofed", s->spoofed);
        json_put_u64(w, "interrupts", s->interrupts);
        put_drops(w, s->drops);
}

static void put_function(struct json_writer *w, struct sim_pf *pf, uint32_t pool)
{
        struct nic *nic = traffic_nic(pf->nic);
        struct traffic_guest *guest = traffic_guest(pf->nic, pool);
        struct bdf address = pf->address;
        struct pool_stats stats;
        char text[BDF_STR_MAX], mac_text[MAC_STR_MAX];
        struct nic_mdd mdd = nic_mdd(nic, pool);
        struct mac mac;
        uint64_t number;

        json_open_object(w, NULL);
        json_put_string(w, "function", pool == POOL_PF ? "pf" : "vf");
        if (pool != POOL_PF) {
                json_put_u64(w, "index", pool - 1);
                sim_vf_address(&pf->address, pf->profile, pool - 1, &address);
        }
        format_bdf(text, &address);
        json_put_string(w, "address", text);
        if (guest) {
                json_put_string(w, "guest", traffic_guest_name(guest));
                number = vfdrv_mac(traffic_guest_driver(guest));
                memcpy(mac.b, &number, sizeof(mac.b));
                format_mac(mac_text, &mac);
                json_put_string(w, "mac", mac_text);
        }
        nic_pool_stats(nic, pool, &stats);
        put_pool(w, &stats);
        if (mdd.cause != MDD_NONE)
                json_put_string(w, "stopped", mdd_cause_name(mdd.cause));
        json_close(w);
}

static void put_faults(struct json_writer *w, struct machine *m)
{
        struct iommu_counts counts = iommu_counts(traffic_iommu(m->traffic));
        struct iommu_fault faults[IOMMU_FAULTS_MAX];
        size_t n = traffic_dma_faults(m->traffic, faults);
        struct bdf rid;
        char text[32];

        json_open_object(w, "iommu");
        json_put_bool(w, "enabled", m->iommu);
        json_put_u64(w, "hits", counts.hits);
        json_put_u64(w, "misses", counts.misses);
        json_put_u64(w, "faults", counts.faults);
        json_put_u64(w, "invalidations", counts.invalidations);
        json_close(w);
        json_open_array(w, "dma_faults");
        for (size_t i = 0; i < n; i++) {
                rid = (struct bdf){
                        .bus = (uint8_t) (faults[i].rid >> 8), .devfn = (uint8_t) faults[i].rid};
                json_open_object(w, NULL);
                format_bdf(text, &rid);
                json_put_string(w, "requester", text);
                snprintf(text, sizeof(text), "0x%llx", (unsigned long long) faults[i].address);
                json_put_string(w, faults[i].interrupt ? "interrupt" : "address", text);
                json_put_bool(w, "write", faults[i].write);
                json_put_string(w, "reason", iommu_reason_text(faults[i].reason));
                json_put_u64(w, "count", faults[i].count);
                json_close(w);
        }
        json_close(w);
}

int stats_json(struct machine *m, struct sim_pf *pf, char **ret)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);
        _cleanup_(nic_releasep) _unused_ struct nic *nic = nic_hold(traffic_nic(pf->nic));
        struct nic_stats stats;
        char why[160] = "";

        if (!w)
                return -ENOMEM;
        json_open_object(w, NULL);
        json_put_string(w, "pf", dev_id_address(&pf->id));
        json_put_string(w, "netdev", pf->netdev);
        json_put_u64(w, "time_ns", traffic_now(held));
        json_put_bool(w, "link", kernel_link_up(pf));
        nic_stats(nic, &stats);
        put_wire(w, &stats);
        json_put_bool(w, "conserved", nic_conserved(nic, why, sizeof(why)));
        put_faults(w, m);
        json_open_array(w, "functions");
        for (uint32_t pool = 0; pool < nic_n_pools(nic); pool++)
                put_function(w, pf, pool);
        json_close(w);
        json_close(w);
        return json_writer_text(w, ret);
}
