/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Step 3 of the walk out: descriptors are fetched, checked, and become frames. Datapath thread. */
#include "sim/nic/nic_private.h"

/* ---- 3 fetch_tx_descriptors ---- */

/* n descriptors from the head on: the checks see these copies, whatever the guest does
 * meanwhile. False: the IOMMU says no, and the queue has stopped. */
static bool fetch_tx_descriptors(
        struct nic *nic, struct nic_queue *q, uint32_t n, struct tx_burst *b)
{
        uint32_t at = q->head;

        for (uint32_t done = 0, k; done < n; done += k) {
                uint64_t iova = q->ring + (uint64_t) at * DESC_SIZE;
                struct dma_piece piece = {.n = n - done < q->size - at ? n - done : q->size - at};

                piece.n *= DESC_SIZE;
                piece.host = dma_find(&q->ring_pages, iova, piece.n);
                if (unlikely(!piece.host) &&
                        !dma_map_first(nic, &q->ring_pages, q->pool->rid, iova, &piece)) {
                        queue_stop(nic, q, MDD_DMA_RING);
                        return false;
                }
                k = piece.n / DESC_SIZE;
                memcpy(&b->desc[done], piece.host, piece.n);
                b->ring[b->n_ring++] = (struct ring_piece){piece.host, done, done + k};
                at = at + k < q->size ? at + k : 0;
        }
        prefetch_lines(b->ring[b->n_ring - 1].host + (n - b->ring[b->n_ring - 1].begin) * DESC_SIZE,
                NIC_BURST * DESC_SIZE);
        b->n_desc = n;
        return true;
}

/* ---- frames ---- */

struct gathering {
        struct tx_state state;
        uint32_t at;    /* the next descriptor */
        uint32_t bytes; /* that may still be sent now, */
        uint32_t cells; /* and packet memory for them */
        bool all;       /* the burst has all that the driver has given by now */
        enum tx_outcome outcome;
};

void tx_burst_bad(struct tx_burst *b, enum mdd_cause cause, enum drop_reason as, uint32_t length)
{
        b->bad = cause;
        b->bad_as = as;
        b->bad_length = length;
}

/* A frame that is not one plain descriptor, contexts before it included. False: none, for now. */
static bool gather_odd(struct tx_burst *b, struct gathering *g, struct tx_frame *f)
{
        for (uint32_t i = g->at; i < b->n_desc; i++) {
                const struct tx_desc *d = &b->desc[i];
                enum mdd_cause cause = tx_desc_check(&g->state, d);
                uint32_t n = d->cmd & TX_LENGTH;

                /* Too short for a frame and nothing else: not held against the driver. */
                if (cause == MDD_TOO_SHORT && d->cmd & TX_EOP &&
                        n == d->status >> TX_PAYLEN_SHIFT) {
                        *f = tx_frame(n, i, i + 1);
                        f->dropped = DROP_TOO_SHORT;
                        return true;
                }
                if (cause) {
                        tx_burst_bad(
                                b, cause, DROP_MALICIOUS, g->state.inside ? g->state.length : n);
                        return false;
                }
                if (!g->state.inside && (d->cmd & TX_DTYP) == TX_CONTEXT) {
                        b->consumed = g->at = i + 1;
                        continue;
                }
                if (g->state.inside)
                        continue;
                *f = tx_frame(g->state.length, g->at, i + 1);
                if (b->desc[g->at].cmd & TX_VLE)
                        f->tag = ETH_VLAN << 16 | g->state.context.vlan_lengths >> 16;
                f->sums = g->state.first_status & (TX_IXSM | TX_TXSM);
                return true;
        }
        b->cut = g->state.inside;
        if (b->cut && g->all)
                tx_burst_bad(b, MDD_NO_EOP, DROP_MALICIOUS, g->state.length);
        return false;
}

/* May a frame of this length come in now? If so it has taken its share of everything. */
static bool admit(struct nic *nic, struct nic_queue *q, struct gathering *g, uint32_t length)
{
        struct nic_pool *p = q->pool;
        uint32_t cells = 1;

        if (unlikely(length > CELL_BYTES - HEADROOM))
                cells = (length + HEADROOM + CELL_BYTES - 1) / CELL_BYTES;
        if (unlikely(cells > g->cells)) {
                g->outcome = TX_FULL;
                return false;
        }
        if (unlikely(length > g->bytes)) {
                g->outcome = TX_MORE;
                return false;
        }
        if (unlikely(p->limited) && !bucket_take(&p->bucket, length, nic->now)) {
                g->outcome = TX_WAITS;
                q->due = bucket_when(&p->bucket, length, nic->now);
                return false;
        }
        g->cells -= cells;
        g->bytes -= length;
        return true;
}

/* The usual: frames of one plain descriptor and one cell each, and nothing that limits them. */
static void gather_plain(struct tx_burst *b, struct gathering *g, uint32_t most)
{
        uint32_t room = most < b->n_desc ? most : b->n_desc, n = 0;

        room = room < g->cells ? room : g->cells;
        while (n < room && likely(tx_desc_plain(&b->desc[n])) &&
                likely((b->desc[n].cmd & TX_LENGTH) <= CELL_BYTES - HEADROOM))
                n++;
        b->n = b->n_plain = b->consumed = g->at = n;
        g->cells -= n;
}

/* As many frames as may come in now. */
static void gather(struct nic *nic, struct nic_queue *q, struct tx_burst *b, struct gathering *g)
{
        const uint32_t most = nic->tracer ? 1 : NIC_BURST;
        const bool link = q->pool->link;

        if (likely(link && !q->pool->limited && g->bytes == UINT32_MAX && !nic->tracer))
                gather_plain(b, g, most);
        while (b->n < most && g->at < b->n_desc) {
                const struct tx_desc *d = &b->desc[g->at];
                struct tx_frame *f = &b->frame[b->n];

                if (likely(tx_desc_plain(d)))
                        *f = tx_frame(d->cmd & TX_LENGTH, g->at, g->at + 1);
                else if (!gather_odd(b, g, f))
                        break;
                if (unlikely(!link) && !f->dropped)
                        f->dropped = DROP_LINK_DOWN;
                if (!f->dropped && !admit(nic, q, g, f->length))
                        break;
                b->n++;
                b->consumed = g->at = f->end;
        }
        /* Between frames only the context counts. */
        q->state =
                (struct tx_state){.has_context = g->state.has_context, .context = g->state.context};
}

/* Cells that a sender may take: the wire's are not touched, and half of the others is left for the
 * next sender, so that a few whose receivers are slow do not stop all. */
static uint32_t cells_for_senders(const struct nic *nic)
{
        return nic->mem.n_free > nic->reserve ? (nic->mem.n_free - nic->reserve) / 2 + 1 : 0;
}

static bool begin(struct nic *nic, struct nic_queue *q, struct tx_burst *b, uint32_t bytes,
        uint32_t most, enum tx_outcome *ret)
{
        struct gathering g = {
                .state = q->state,
                .bytes = bytes,
                .cells = cells_for_senders(nic),
                .outcome = TX_MORE,
        };
        uint32_t filled;

        b->n = b->n_plain = b->n_pieces = b->n_ring = b->n_desc = b->consumed = 0;
        b->cut = false;
        b->bad = MDD_NONE;
        *ret = TX_IDLE;
        filled = queue_filled(nic, q, most);
        if (filled == 0 || !fetch_tx_descriptors(nic, q, filled < most ? filled : most, b))
                return false;
        g.all = filled < most;
        gather(nic, q, b, &g);
        if (unlikely(nic->tracer) && b->consumed > 0)
                tell_descriptors(nic, TRACE_TX_DESCRIPTORS, q, b->consumed);
        *ret = g.outcome == TX_MORE && g.all && b->consumed == b->n_desc ? TX_IDLE : g.outcome;
        if (unlikely(nic->tracer) && g.outcome == TX_WAITS && b->n == 0)
                tell_wait(nic, q);
        return true;
}

bool tx_burst_begin(struct nic *nic, struct nic_queue *q, struct tx_burst *b, uint32_t bytes,
        enum tx_outcome *ret)
{
        if (!begin(nic, q, b, bytes, NIC_BURST, ret))
                return false;
        if (likely(!b->cut || b->consumed > 0))
                return true;
        return begin(nic, q, b, bytes, TX_FETCH_MAX, ret);
}
