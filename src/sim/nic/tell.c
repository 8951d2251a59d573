/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a tracer is told of each step of the two walks. Datapath thread, and only if there is one.
 */
#include "sim/nic/nic_private.h"

void tell_descriptors(struct nic *nic, enum trace_step step, const struct nic_queue *q, uint32_t n)
{
        const struct trace_event e = {
                .step = step,
                .pool = q->pool->number,
                .from = nic->tracing_from,
                .rid = q->pool->rid,
                .queue = q->number,
                .index = q->head,
                .length = n,
                .iova = q->ring,
        };

        nic->tracing_pool = q->pool->number;
        nic_tell(nic, &e);
}

void tell_guest_memory(struct nic *nic, const struct nic_queue *q, const struct tx_desc *d)
{
        const struct trace_event e = {
                .step = TRACE_GUEST_MEMORY,
                .pool = q->pool->number,
                .from = q->pool->number,
                .rid = q->pool->rid,
                .queue = q->number,
                .iova = d->address,
                .length = d->cmd & TX_LENGTH,
        };

        nic_tell(nic, &e);
}

void tell_wait(struct nic *nic, const struct nic_queue *q)
{
        const struct trace_event e = {
                .step = TRACE_SHAPER,
                .pool = q->pool->number,
                .from = q->pool->number,
                .queue = q->number,
                .index = q->head,
                .address = q->due,
        };

        nic_tell(nic, &e);
}

void tell_port(struct nic *nic, enum trace_step step, uint32_t from, const struct port_frame *frame)
{
        const struct trace_event e = {
                .step = step,
                .pool = FROM_WIRE,
                .from = from,
                .length = frame->length,
                .bytes = frame->length >= FRAME_MIN ? frame->bytes : NULL,
        };

        nic_tell(nic, &e);
}

void tell_frame(struct nic *nic, enum trace_step step, const struct nic_frame *f, uint32_t pool)
{
        const struct trace_event e = {
                .step = step,
                .pool = pool,
                .from = f->from,
                .length = f->length,
                .cell = f->cell,
                .bytes = frame_bytes(f),
        };

        nic_tell(nic, &e);
}

void tell_drop(struct nic *nic, uint32_t pool, uint32_t from, uint32_t length, const uint8_t *bytes,
        enum drop_reason why)
{
        const struct trace_event e = {
                .step = TRACE_DROP,
                .pool = pool,
                .from = from,
                .length = length,
                .reason = why,
                .bytes = length >= FRAME_MIN ? bytes : NULL,
        };

        nic_tell(nic, &e);
}

void tell_sender(struct nic *nic, const struct nic_frame *f, enum drop_reason why, uint32_t tag)
{
        const struct trace_event e = {
                .step = TRACE_SENDER,
                .pool = f->from,
                .from = f->from,
                .length = f->length,
                .reason = why,
                .tag = tag,
        };

        nic_tell(nic, &e);
}

void tell_dma(
        struct nic *nic, const struct nic_queue *q, uint64_t iova, const struct dma_piece *piece)
{
        const struct trace_event e = {
                .step = TRACE_DMA,
                .pool = q->pool->number,
                .from = nic->tracing_from,
                .rid = q->pool->rid,
                .queue = q->number,
                .length = piece->n,
                .iova = iova,
                .address = (uint64_t) (piece->host - nic->memory->bytes),
        };

        nic_tell(nic, &e);
}

void tell_write_back(struct nic *nic, const struct nic_queue *q, uint32_t index, uint32_t status,
        uint32_t length, uint32_t tag)
{
        const struct trace_event e = {
                .step = TRACE_WRITE_BACK,
                .pool = q->pool->number,
                .from = nic->tracing_from,
                .rid = q->pool->rid,
                .queue = q->number,
                .index = index,
                .status = status,
                .length = length,
                .tag = tag,
        };

        nic_tell(nic, &e);
}

/* ---- the sorter, rule by rule ---- */

struct rule_teller {
        struct nic *nic;
        const struct nic_frame *frame;
};

static void tell_rule(
        void *userdata, enum sorter_rule rule, const struct pool_set *set, uint32_t n_pools)
{
        struct rule_teller *t = userdata;
        const struct trace_event e = {
                .step = TRACE_RULE,
                .pool = t->frame->from,
                .from = t->frame->from,
                .length = t->frame->length,
                .rule = rule,
                .set = set,
        };

        (void) n_pools;
        nic_tell(t->nic, &e);
}

void tell_sorting(struct nic *nic, const struct nic_frame *f, const struct frame_head *h,
        struct pool_set *set, struct verdict *ret)
{
        struct rule_teller teller = {nic, f};
        const struct sorter_trace trace = {tell_rule, &teller};
        struct trace_event e = {
                .step = TRACE_VERDICT,
                .pool = f->from,
                .from = f->from,
                .length = f->length,
                .verdict = ret,
                .set = set,
        };

        sorter_walk(nic->sorter, f->from, h, set, ret, &trace);
        e.reason = ret->reason;
        nic_tell(nic, &e);
}
