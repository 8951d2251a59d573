/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events of a frame's way as lines for people. Each begins with the walk, the step's number in it
 * and the name of the function that is that step (nic.h), then whose it is:
 *
 *   out 4 translate_tx          VF 3   01:10.6 reads IOVA 0x10000 -> 0x7f1000 (2 MiB page)
 *
 * Plain values, any thread.
 */
#include <stdarg.h>
#include <stdio.h>

#include "sim/nic/trace.h"

/* Text that grows in a buffer of a fixed size, and is cut off there. */
struct text {
        char *buf;
        size_t size, n;
};

static _printf_(2, 3) void add(struct text *t, const char *fmt, ...)
{
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(t->buf + t->n, t->size - t->n, fmt, ap);
        va_end(ap);
        if (n > 0)
                t->n = t->n + (size_t) n < t->size ? t->n + (size_t) n : t->size - 1;
}

/* ---- pools -------------------------------------------------------------------------------------
 */

void trace_pool_name(uint32_t pool, char buf[static 16])
{
        if (pool == FROM_WIRE)
                snprintf(buf, 16, "wire");
        else if (pool == POOL_PF)
                snprintf(buf, 16, "PF");
        else
                snprintf(buf, 16, "VF %u", pool - 1);
}

/* The first pool after a run of them that begins at pool. */
static uint32_t run_end(const struct pool_set *set, uint32_t n_pools, uint32_t pool)
{
        while (pool_set_next(set, n_pools, pool) == pool)
                pool++;
        return pool;
}

static uint32_t pool_count(const struct pool_set *set, uint32_t n_pools)
{
        uint32_t n = 0;

        for (uint32_t p = 0; (p = pool_set_next(set, n_pools, p)) != POOL_NONE; p++)
                n++;
        return n;
}

size_t trace_pools(const struct pool_set *set, uint32_t n_pools, char *buf, size_t size)
{
        const size_t tail = sizeof(", VF 4095-4095,... (4097)");
        struct text t = {buf, size, 0};
        uint32_t pool = pool_set_next(set, n_pools, 0), end;
        const char *before = "VF ";

        buf[0] = '\0';
        if (pool == POOL_NONE)
                add(&t, "nobody");
        if (pool == POOL_PF) {
                add(&t, "PF");
                before = ", VF ";
                pool = pool_set_next(set, n_pools, 1);
        }
        for (; pool != POOL_NONE; pool = pool_set_next(set, n_pools, end), before = ",") {
                if (t.n + tail > size) {
                        add(&t, "%s... (%u)", before, pool_count(set, n_pools));
                        break;
                }
                end = run_end(set, n_pools, pool);
                add(&t, "%s%u", before, pool - 1);
                if (end - pool > 1)
                        add(&t, "-%u", end - 2);
        }
        return t.n;
}

static void add_pools(struct text *t, const struct pool_set *set, uint32_t n_pools)
{
        t->n += trace_pools(set, n_pools, t->buf + t->n, t->size - t->n);
}

/* ---- what the steps have to say ----------------------------------------------------------------
 */

static void add_rid(struct text *t, uint16_t rid)
{
        add(t, "%02x:%02x.%x", rid >> 8, rid >> 3 & 0x1f, rid & 7);
}

static void add_page_size(struct text *t, uint64_t size)
{
        if (size >= PAGE_SIZE_1G)
                add(t, "%llu GiB page", (unsigned long long) (size / PAGE_SIZE_1G));
        else if (size >= PAGE_SIZE_2M)
                add(t, "%llu MiB page", (unsigned long long) (size >> 20));
        else
                add(t, "%llu KiB page", (unsigned long long) (size >> 10));
}

static void add_tag(struct text *t, uint32_t tci)
{
        add(t, "VLAN %u", tci & 0xfff);
        if (tci >> 13 & 7)
                add(t, " priority %u", tci >> 13 & 7);
}

size_t trace_frame(const uint8_t *bytes, uint32_t length, char *buf, size_t size)
{
        static const struct frame_format format = {.service_tags = true};
        struct text t = {buf, size, 0};
        uint8_t head[FRAME_HEADER] = {0};
        char dst[MAC_STR_MAX], src[MAC_STR_MAX];
        struct frame_head h;
        struct mac mac;

        buf[0] = '\0';
        if (length < FRAME_MIN)
                return 0;
        memcpy(head, bytes, length < FRAME_HEADER ? length : FRAME_HEADER);
        frame_parse(head, length, &format, &h);
        memcpy(mac.b, head, sizeof(mac.b));
        format_mac(dst, &mac);
        memcpy(mac.b, head + 6, sizeof(mac.b));
        format_mac(src, &mac);
        add(&t, "%s to %s, ", src, dst);
        if (h.tagged) {
                add_tag(&t, h.tci);
                add(&t, "%s, ", h.tpid == ETH_QINQ ? " (802.1ad)" : "");
        }
        add(&t, "type %04x", h.ethertype);
        return t.n;
}

static void add_length(struct text *t, const struct trace_event *e)
{
        add(t, "%u bytes", e->length);
        if (!e->bytes || e->length < FRAME_MIN)
                return;
        add(t, ": ");
        t->n += trace_frame(e->bytes, e->length, t->buf + t->n, t->size - t->n);
}

static void say_length(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        (void) n_pools;
        add_length(t, e);
}

static void say_guest_memory(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        (void) n_pools;
        add(t, "queue %u: %u bytes at IOVA 0x%llx", e->queue, e->length,
                (unsigned long long) e->iova);
}

static void say_descriptors(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        (void) n_pools;
        add(t, "queue %u: %u descriptor%s from index %u of the ring at IOVA 0x%llx", e->queue,
                e->length, e->length == 1 ? "" : "s", e->index, (unsigned long long) e->iova);
}

static void say_driver(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        (void) n_pools;
        add(t, "queue %u: the driver wrote index %u and rang the doorbell", e->queue, e->index);
}

static void say_translate(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        static const char *const does[] = {"asks for", "reads", "writes", "reads and writes"};

        (void) n_pools;
        add_rid(t, e->rid);
        add(t, " %s IOVA 0x%llx -> ", does[e->access & 3], (unsigned long long) e->iova);
        if (e->blocked != IOMMU_OK) {
                add(t, "blocked: %s", iommu_reason_text(e->blocked));
                return;
        }
        add(t, "0x%llx (", (unsigned long long) e->address);
        add_page_size(t, e->page_size);
        add(t, ")");
}

static void say_store(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        (void) n_pools;
        add(t, "cell %u of packet memory, ", e->cell);
        add_length(t, e);
}

static void say_sender(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        (void) n_pools;
        if (e->reason != DROP_NONE)
                add(t, "%-22s refused: %s", "sender", drop_reason_text(e->reason));
        else
                add(t, "%-22s may send this", "sender");
        if (e->reason == DROP_NONE && e->tag) {
                add(t, ", gets ");
                add_tag(t, e->tag);
        }
}

static void say_shaper(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        uint64_t ns = e->address > e->time ? e->address - e->time : 0;

        (void) n_pools;
        add(t, "queue %u: waits %llu.%03llu us for its rate limit", e->queue,
                (unsigned long long) (ns / 1000), (unsigned long long) (ns % 1000));
}

static void say_rule(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        add(t, "%-22s ", sorter_rule_name(e->rule));
        if (e->set)
                add_pools(t, e->set, n_pools);
}

static void say_verdict(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        const struct verdict *v = e->verdict;
        char name[16];

        add(t, "%-22s ", "verdict");
        if (!v)
                return;
        if (v->n > 1 && e->set) {
                add(t, "to ");
                add_pools(t, e->set, n_pools);
        } else if (v->n > 0) {
                trace_pool_name(v->pool, name);
                add(t, "to %s", name);
        }
        if (v->wire)
                add(t, "%sto the wire", v->n > 0 ? " and " : "");
        if (v->n == 0 && !v->wire)
                add(t, "to nobody: %s", drop_reason_text(v->reason));
        if (v->mirrored)
                add(t, ", some by mirror rules");
}

static void say_dma(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        (void) n_pools;
        add(t, "queue %u: %u bytes to IOVA 0x%llx, which is 0x%llx", e->queue, e->length,
                (unsigned long long) e->iova, (unsigned long long) e->address);
}

static void say_write_back(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        static const struct {
                uint32_t mask, value;
                const char *text;
        } flags[] = {
                {RX_DD, RX_DD, "done"},
                {RX_EOP, RX_EOP, "end of packet"},
                {RX_LB, RX_LB, "loopback"},
                {RX_IPCS | RX_IPE, RX_IPCS, "IP checksum good"},
                {RX_IPCS | RX_IPE, RX_IPCS | RX_IPE, "IP checksum bad"},
                {RX_L4CS | RX_L4E, RX_L4CS, "L4 checksum good"},
                {RX_L4CS | RX_L4E, RX_L4CS | RX_L4E, "L4 checksum bad"},
        };

        (void) n_pools;
        add(t, "queue %u: index %u, %u bytes", e->queue, e->index, e->length);
        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                if ((e->status & flags[i].mask) == flags[i].value)
                        add(t, ", %s", flags[i].text);
        if (e->status & RX_VP) {
                add(t, ", stripped ");
                add_tag(t, e->tag);
        }
}

static void say_interrupt(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        (void) n_pools;
        add_rid(t, e->rid);
        add(t, " vector %u, remapping entry %u: %s", e->vector, e->irte, e->note ?: "raised");
        if (e->pool == e->from)
                add(t, " (transmit done)");
}

static void say_held(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        char name[16];

        (void) n_pools;
        trace_pool_name(e->pool, name);
        add(t, "%s takes nothing now: in cell %u, and its sender waits", name, e->cell);
}

static void say_drop(struct text *t, const struct trace_event *e, uint32_t n_pools)
{
        (void) n_pools;
        add(t, "%s: %s", drop_reason_name(e->reason), drop_reason_text(e->reason));
}

/* ---- lines -------------------------------------------------------------------------------------
 */

/* Of a step: its number and function in the walk in and in the walk out; 0: it has no number. */
static const struct {
        uint8_t in, out;
        const char *in_name, *out_name;
        void (*say)(struct text *t, const struct trace_event *e, uint32_t n_pools);
} steps[] = {
        [TRACE_GUEST_MEMORY] = {0, 1, "", "guest_memory", say_guest_memory},
        [TRACE_DRIVER] = {0, 2, "", "write_descriptors", say_driver},
        [TRACE_TX_DESCRIPTORS] = {0, 3, "", "fetch_tx_descriptors", say_descriptors},
        [TRACE_TRANSLATE] = {4, 4, "dma_to_guest", "translate_tx", say_translate},
        [TRACE_STORE] = {1, 5, "receive_from_port", "dma_from_guest", say_store},
        [TRACE_SENDER] = {0, 6, "", "switch_locally", say_sender},
        [TRACE_SHAPER] = {0, 0, "", "rate_limit", say_shaper},
        [TRACE_PORT_IN] = {1, 0, "receive_from_port", "", say_length},
        [TRACE_RULE] = {2, 6, "sort_into_pools", "switch_locally", say_rule},
        [TRACE_VERDICT] = {2, 6, "sort_into_pools", "switch_locally", say_verdict},
        [TRACE_RX_DESCRIPTORS] = {3, 0, "fetch_rx_descriptors", "", say_descriptors},
        [TRACE_DMA] = {4, 0, "dma_to_guest", "", say_dma},
        [TRACE_WRITE_BACK] = {5, 0, "write_back_rx", "", say_write_back},
        [TRACE_INTERRUPT] = {6, 0, "raise_interrupt", "raise_interrupt", say_interrupt},
        [TRACE_PORT_OUT] = {0, 7, "", "transmit_to_port", say_length},
        [TRACE_HELD] = {0, 0, "held", "held", say_held},
        [TRACE_DROP] = {0, 0, "drop", "drop", say_drop},
};

_Static_assert(ELEMENTSOF(steps) == TRACE_STEP_MAX, "a line for each step");

/* Does the event belong to the walk from a guest? What happens at the sender itself does, and all
 * about a guest's frame that is not a receiver's. */
static bool is_out(const struct trace_event *e)
{
        if (steps[e->step].in_name[0] == '\0')
                return true;
        if (steps[e->step].out_name[0] == '\0' || e->from == FROM_WIRE)
                return false;
        if (e->step == TRACE_TRANSLATE)
                return e->pool == e->from && e->access != IOMMU_WRITE;
        return e->step != TRACE_INTERRUPT || e->pool == e->from;
}

void trace_describe(const struct trace_event *e, uint32_t n_pools, char *buf, size_t size)
{
        bool out = is_out(e);
        unsigned number = out ? steps[e->step].out : steps[e->step].in;
        struct text t = {buf, size, 0};
        char name[16], digit[2] = " ";

        if (size == 0)
                return;
        if (number > 0)
                digit[0] = (char) ('0' + number);
        trace_pool_name(e->pool, name);
        add(&t, "%-3s %s %-20s  %-7s  ", out ? "out" : "in", digit,
                out ? steps[e->step].out_name : steps[e->step].in_name, name);
        steps[e->step].say(&t, e, n_pools);
}
