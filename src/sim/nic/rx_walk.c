/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of a frame from the wire to a guest. Steps 3 to 6 are also what happens to a frame that
 * local switching keeps inside. Datapath thread.
 */
#include "sim/nic/nic_private.h"

typedef uint64_t __attribute__((may_alias)) rx_half; /* of a descriptor, as memory has it */

/* ---- 1 receive_from_port, 2 sort_into_pools ---- */

static void wire_drop(struct nic *nic, const struct port_frame *from, enum drop_reason why)
{
        stat_add(&nic->stats.wire_drops[why], 1);
        if (unlikely(nic->tracer))
                tell_drop(nic, FROM_WIRE, FROM_WIRE, from->length, from->bytes, why);
}

static enum drop_reason refuse(struct nic *nic, const struct port_frame *from)
{
        if (!nic->link)
                return DROP_LINK_DOWN;
        if (from->length < FRAME_MIN)
                return DROP_TOO_SHORT;
        if (from->length > FRAME_MAX)
                return DROP_TOO_LONG;
        if (unlikely(from->bytes[0] & 1)) {
                bool broadcast = mac_number(from->bytes) == MAC_BROADCAST;

                if (!storm_pass(&nic->storm, broadcast, from->length, nic->now))
                        return DROP_STORM;
        }
        return DROP_NONE;
}

/* Into packet memory. NULL: dropped, and counted. */
static struct nic_frame *store(struct nic *nic, const struct port_frame *from)
{
        enum drop_reason why = refuse(nic, from);
        struct nic_frame *f;
        uint32_t cell;

        cell = why ? CELL_NONE : pktmem_take(&nic->mem, from->length);
        if (cell == CELL_NONE) {
                wire_drop(nic, from, why ? why : DROP_MEMORY);
                return NULL;
        }
        f = &nic->frames[cell];
        f->rest = NULL;
        f->length = from->length;
        f->tag = 0;
        f->from = FROM_WIRE;
        f->counted = 0;
        f->start = HEADROOM;
        if (likely(frame_one_cell(f)))
                dma_copy(frame_bytes(f), from->bytes, from->length);
        else
                pktmem_write(&nic->mem, cell, HEADROOM, from->bytes, from->length);
        if (from->length < FRAME_HEADER)
                memset(frame_bytes(f) + from->length, 0, FRAME_HEADER - from->length);
        if (unlikely(nic->tracer))
                tell_frame(nic, TRACE_STORE, f, FROM_WIRE);
        return f;
}

/* 1. How many frames the port gave; those that are kept are the burst. */
static uint32_t receive_from_port(struct nic *nic, struct nic_burst *b)
{
        struct port_frame from[NIC_BURST];
        uint32_t n, want = nic->tracer ? 1 : NIC_BURST;

        b->n = 0;
        n = nic->port->receive(nic->port_userdata, from, want);
        for (uint32_t i = 0; i < n; i++) {
                struct nic_frame *f;

                stat_add(&nic->stats.wire_rx_packets, 1);
                stat_add(&nic->stats.wire_rx_bytes, from[i].length);
                if (unlikely(nic->tracer))
                        tell_port(nic, TRACE_PORT_IN, FROM_WIRE, &from[i]);
                f = store(nic, &from[i]);
                if (f)
                        b->frame[b->n++] = f;
        }
        return n;
}

/* 2 */
static void sort_into_pools(struct nic *nic, struct nic_burst *b)
{
        uint32_t n = 0;

        if (!nic->sorter) {
                for (uint32_t i = 0; i < b->n; i++)
                        b->verdict[i] = (struct verdict){.reason = DROP_NO_POOL, .pool = POOL_NONE};
        } else {
                const struct frame_format *format = sorter_format(nic->sorter);

                for (uint32_t i = 0; i < b->n; i++) {
                        const struct nic_frame *f = b->frame[i];

                        frame_parse(frame_bytes(f), f->length, format, &b->head[i]);
                }
                burst_sort(nic, FROM_WIRE, b);
        }
        for (uint32_t i = 0; i < b->n; i++) {
                b->frame[i]->head = b->head[i];
                if (replicas_note(nic, b->frame[i], &b->verdict[i], &b->set[i]))
                        b->frame[n++] = b->frame[i];
        }
        b->n = n;
}

uint32_t rx_walk(struct nic *nic)
{
        struct nic_burst *b = &nic->burst;
        uint32_t n;

        nic->tracing_from = FROM_WIRE;
        n = receive_from_port(nic, b);
        if (b->n == 0)
                return n;
        sort_into_pools(nic, b);
        replicas_spread(nic, NULL, b->frame, b->n);
        return n;
}

/* ---- may it be received ---- */

/* Why the queue takes nothing at all now; DROP_NONE. */
static enum drop_reason closed(const struct nic_queue *q)
{
        if (!q->pool->link)
                return DROP_LINK_DOWN;
        if (!q->enabled || !q->pool->bus_master)
                return DROP_NO_QUEUE;
        return DROP_NONE;
}

/* The tag that the receiver finds in its descriptor, or never sees: 1 << 16 | TCI; 0: it stays. */
static inline uint32_t stripped(const struct sorter_pool *s, const struct frame_head *h)
{
        if (likely(!h->tagged))
                return 0;
        if (s->port_vlan ? frame_vlan_key(h) == s->port_vlan : s->strip)
                return 1u << 16 | h->tci;
        return 0;
}

/* ---- 3 fetch_rx_descriptors ---- */

/* n descriptors from the queue's head on, as they are now. False: the IOMMU says no, and the queue
 * has stopped. */
static bool fetch_rx_descriptors(struct nic *nic, struct nic_queue *q, uint32_t n, struct rx_run *r)
{
        uint32_t at = q->head;

        if (unlikely(nic->tracer))
                tell_descriptors(nic, TRACE_RX_DESCRIPTORS, q, n);
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
                memcpy(&r->desc[done], piece.host, piece.n);
                for (uint32_t i = 0; i < k; i++)
                        r->at[done + i] = piece.host + i * DESC_SIZE;
                at = at + k < q->size ? at + k : 0;
        }
        prefetch_lines_to_write(r->at[n - 1] + DESC_SIZE, NIC_BURST * DESC_SIZE);
        return true;
}

static enum mdd_cause bad_descriptor(const struct rx_desc *d)
{
        if (unlikely(d->address >> IOVA_BITS))
                return MDD_RX_ADDRESS;
        return unlikely(d->header & 1) ? MDD_RX_HEADER : MDD_NONE;
}

/* ---- 4 dma_to_guest ---- */

/* A tag is stored and to be left out, or the other way round; the end may still be at the sender.
 */
static void copy_retagged(const struct nic_frame *f, uint8_t *to, uint32_t length)
{
        const uint32_t at = f->head.tag_at, tag = htobe32(f->tag);
        const uint32_t here = frame_stored(f) - (f->rest ? f->n_rest : 0);
        const uint8_t *from = frame_bytes(f);

        /* Addresses, and perhaps an outer tag: 12 or 16 bytes. */
        if (likely(length >= 16))
                memcpy(to, from, 16);
        else
                memcpy(to, from, at);
        to += at;
        if (f->tag) {
                memcpy(to, &tag, sizeof(tag));
                to += 4;
        }
        from += f->tag ? at : at + 4;
        dma_copy(to, from, (uint32_t) (frame_bytes(f) + here - from));
        if (f->rest)
                dma_copy(to + (frame_bytes(f) + here - from), f->rest, f->n_rest);
}

static inline void copy_frame(const struct nic_frame *f, uint8_t *to, uint32_t length, bool untag)
{
        uint32_t here;

        if (unlikely(untag != (f->tag != 0))) {
                copy_retagged(f, to, length);
                return;
        }
        if (likely(!f->rest)) {
                dma_copy(to, frame_bytes(f), length);
                return;
        }
        here = length - f->n_rest;
        dma_copy(to, frame_bytes(f), here);
        dma_copy(to + here, f->rest, f->n_rest);
}

/* 4. n whole frames, each into its buffer. */
static void dma_to_guest(struct nic *nic, const struct nic_queue *q,
        struct nic_frame *const *frames, const struct rx_run *r, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++) {
                const struct nic_frame *f = frames[i];

                if (unlikely(nic->tracer))
                        tell_dma(nic, q, r->desc[i].address,
                                &(struct dma_piece){r->to[i], r->length[i]});
                copy_frame(f, r->to[i], r->length[i], r->tag[i]);
        }
}

/* ---- 5 write_back_rx ---- */

/* One descriptor, its status last: what is before it is to be seen by who sees DD. */
static void write_done(
        uint8_t *at, uint32_t info, uint32_t hash, uint32_t status, uint32_t length, uint32_t vlan)
{
        rx_half *half = (rx_half *) (void *) at;

        __atomic_store_n(&half[0], info | (uint64_t) hash << 32, __ATOMIC_RELAXED);
        __atomic_store_n(&half[1],
                status | (uint64_t) (length & 0xffff) << 32 | (uint64_t) (vlan & 0xffff) << 48,
                __ATOMIC_RELEASE);
}

/* A frame's last descriptor. */
static inline void write_final(struct nic *nic, const struct nic_queue *q,
        const struct nic_frame *f, const struct rx_run *r, uint32_t i, uint32_t at)
{
        uint32_t status = RX_DD | RX_EOP | f->sums, info = f->types, hash = 0;

        if (f->from != FROM_WIRE)
                status |= RX_LB;
        if (r->shown[i])
                status |= RX_VP;

        if (unlikely(q->pool->rss_key)) {
                info |= f->rss_type;
                hash = f->hash;
        }
        write_done(r->at[i], info, hash, status, r->length[i], r->shown[i]);
        if (unlikely(nic->tracer))
                tell_write_back(nic, q, at, status, r->length[i], r->shown[i]);
}

/* 5. Descriptors of n whole frames. */
static void write_back_rx(struct nic *nic, struct nic_queue *q, struct nic_frame *const *frames,
        const struct rx_run *r, uint32_t n)
{
        uint32_t at = q->head;

        for (uint32_t i = 0; i < n; i++) {
                write_final(nic, q, frames[i], r, i, at);
                at = at + 1 < q->size ? at + 1 : 0;
        }
        q->head = at;
}

/* 5, too: of one frame in n buffers. Its flags are in the last. */
static void write_back_pieces(struct nic *nic, struct nic_queue *q, const struct nic_frame *f,
        struct rx_run *r, uint32_t n)
{
        uint32_t at = q->head;

        for (uint32_t i = 0; i < n - 1; i++) {
                write_done(r->at[i], 0, 0, RX_DD, r->length[i], 0);
                if (nic->tracer)
                        tell_write_back(nic, q, at, RX_DD, r->length[i], 0);
                at = at + 1 < q->size ? at + 1 : 0;
        }
        write_final(nic, q, f, r, n - 1, at);
        q->head = at + 1 < q->size ? at + 1 : 0;
}

/* ---- delivery ---- */

static void count(struct nic *nic, struct nic_queue *q, struct nic_frame *const *frames, uint32_t n)
{
        struct pool_stats *s = &q->pool->stats;
        uint64_t bytes = 0, loopback = 0, multicast = 0;
        uint32_t counted = 0;

        for (uint32_t i = 0; i < n; i++) {
                const struct nic_frame *f = frames[i];

                bytes += f->length;
                loopback += f->from != FROM_WIRE;
                multicast |= f->head.dst;
                counted |= f->counted;
        }
        stat_add(&s->rx_packets, n);
        stat_add(&s->rx_bytes, bytes);
        stat_add(&s->rx_loopback, loopback);
        if (likely(!counted && !mac_number_multicast(multicast)))
                return;
        for (uint32_t i = 0; i < n; i++) {
                if (mac_number_multicast(frames[i]->head.dst))
                        stat_add(frames[i]->head.dst == MAC_BROADCAST ? &s->rx_broadcast
                                                                      : &s->rx_multicast,
                                1);
                replica_done(nic, frames[i]);
        }
}

/* The receiver's descriptor is at fault. */
static void fail(struct nic *nic, struct nic_queue *q, struct nic_frame *f, enum mdd_cause cause)
{
        bool dma = cause == MDD_DMA_WRITE || cause == MDD_DMA_RING;

        queue_stop(nic, q, cause);
        replica_drop(nic, f, q->pool->number, dma ? DROP_RX_FAULT : DROP_MALICIOUS);
}

/* Where frames go, up to the first that has not one cell and one buffer in one piece. */
static uint32_t find_buffers(struct nic *nic, struct nic_queue *q, const struct sorter_pool *s,
        struct nic_frame *const *frames, uint32_t n, enum mdd_cause *ret_bad)
{
        const uint32_t longest = q->buffer < s->max_frame ? q->buffer : s->max_frame;
        struct dma_piece piece[RX_PIECES_MAX];
        struct rx_run *r = &nic->rx;

        for (uint32_t i = 0; i < n; i++) {
                struct nic_frame *f = frames[i];
                uint64_t iova = r->desc[i].address;
                uint32_t tag = stripped(s, &f->head), pieces;

                r->length[i] = f->length - (tag ? 4 : 0);
                r->tag[i] = tag;
                r->shown[i] = s->port_vlan ? 0 : tag;
                if (unlikely(f->length > longest || !frame_one_cell(f)))
                        return i;
                if (unlikely(!f->summed) && !f->rest)
                        rx_sums(nic, f);
                *ret_bad = bad_descriptor(&r->desc[i]);
                if (unlikely(*ret_bad))
                        return i;
                r->to[i] = dma_find(&q->buffer_pages, iova, r->length[i]);
                if (unlikely(!r->to[i])) {
                        pieces = dma_map(nic, &q->buffer_pages, q->pool->rid, iova, r->length[i],
                                piece, ELEMENTSOF(piece));
                        if (!pieces)
                                *ret_bad = MDD_DMA_WRITE;
                        if (pieces != 1)
                                return i;
                        r->to[i] = piece[0].host;
                }
                __builtin_prefetch(r->to[i], 1);
        }
        return n;
}

/* Frames of one cell and one buffer each, as many as come first. How many are done with. */
static uint32_t deliver_run(struct nic *nic, struct nic_queue *q, const struct sorter_pool *s,
        struct nic_frame *const *frames, uint32_t n)
{
        struct rx_run *r = &nic->rx;
        enum mdd_cause bad = MDD_NONE;
        uint32_t filled, k;

        filled = queue_filled(nic, q, n);
        n = n < filled ? n : filled;
        if (n == 0)
                return 0;
        if (!fetch_rx_descriptors(nic, q, n, r)) {
                replica_drop(nic, frames[0], q->pool->number, DROP_RX_FAULT);
                return 1;
        }
        k = find_buffers(nic, q, s, frames, n, &bad);
        dma_to_guest(nic, q, frames, r, k);
        if (nic->config.cut_through)
                rx_sums_there(frames, r, k);
        write_back_rx(nic, q, frames, r, k);
        count(nic, q, frames, k);
        if (likely(!bad))
                return k;
        fail(nic, q, frames[k], bad);
        return k + 1;
}

/* The frame's bytes as the receiver gets them. */
static const uint8_t *whole_bytes(struct nic *nic, struct nic_frame *f, bool untag)
{
        const uint8_t *from;
        uint32_t at = f->head.tag_at;

        tx_complete(f);
        from = frame_linear(nic, f);
        if (!untag)
                return from;
        memmove(nic->linear, from, at);
        memmove(nic->linear + at, from + at + 4, f->length - at - 4);
        return nic->linear;
}

/* Scatters one frame over so many buffers, all of which are looked up before the first byte moves.
 */
static enum mdd_cause scatter(
        struct nic *nic, struct nic_queue *q, struct nic_frame *f, struct rx_run *r, uint32_t n)
{
        struct dma_piece piece[FRAME_MAX / RX_BUFFER_MIN + 1][RX_PIECES_MAX];
        uint32_t pieces[ELEMENTSOF(piece)], left = f->length - (r->tag[0] ? 4 : 0);
        const uint8_t *from;

        for (uint32_t i = 0; i < n; i++) {
                enum mdd_cause bad = bad_descriptor(&r->desc[i]);

                if (bad)
                        return bad;
                r->length[i] = left < q->buffer ? left : q->buffer;
                left -= r->length[i];
                pieces[i] = dma_map(nic, &q->buffer_pages, q->pool->rid, r->desc[i].address,
                        r->length[i], piece[i], RX_PIECES_MAX);
                if (!pieces[i])
                        return MDD_DMA_WRITE;
        }
        from = whole_bytes(nic, f, r->tag[0]);
        for (uint32_t i = 0; i < n; i++)
                for (uint32_t k = 0; k < pieces[i]; k++) {
                        memcpy(piece[i][k].host, from, piece[i][k].n);
                        from += piece[i][k].n;
                        if (nic->tracer)
                                tell_dma(nic, q, r->desc[i].address, &piece[i][k]);
                }
        return MDD_NONE;
}

/* Any frame. False: too few descriptors, for now. */
static bool deliver_one(
        struct nic *nic, struct nic_queue *q, const struct sorter_pool *s, struct nic_frame *f)
{
        struct rx_run *r = &nic->rx;
        uint32_t tag = stripped(s, &f->head), length = f->length - (tag ? 4 : 0);
        uint32_t need = (length + q->buffer - 1) / q->buffer;
        enum mdd_cause bad;

        if (f->length > s->max_frame || need >= q->size) {
                replica_drop(nic, f, q->pool->number, DROP_TOO_LONG);
                return true;
        }
        if (queue_filled(nic, q, need) < need) {
                if (q->enabled)
                        return false;
                replica_drop(nic, f, q->pool->number, DROP_NO_QUEUE);
                return true;
        }
        if (!f->summed)
                rx_sums(nic, f);
        r->tag[0] = tag;
        r->shown[need - 1] = s->port_vlan ? 0 : tag;
        bad = fetch_rx_descriptors(nic, q, need, r) ? scatter(nic, q, f, r, need) : MDD_DMA_RING;
        if (bad) {
                fail(nic, q, f, bad);
                return true;
        }
        write_back_pieces(nic, q, f, r, need);
        count(nic, q, &f, 1);
        return true;
}

uint32_t rx_deliver(
        struct nic *nic, struct nic_queue *q, struct nic_frame *const *frames, uint32_t n)
{
        const uint32_t pool = q->pool->number, began = q->head;
        const struct sorter_pool *s = NULL;
        uint32_t done = 0, k;

        dma_refresh(&q->ring_pages, nic->generation);
        dma_refresh(&q->buffer_pages, nic->generation);
        if (likely(nic->sorter && pool < sorter_n_pools(nic->sorter)))
                s = sorter_pool(nic->sorter, pool);
        while (done < n) {
                enum drop_reason why = s ? closed(q) : DROP_NO_QUEUE;

                if (unlikely(why)) {
                        for (; done < n; done++)
                                replica_drop(nic, frames[done], pool, why);
                        break;
                }
                k = deliver_run(nic, q, s, frames + done, n - done);
                if (k == 0 && q->enabled && deliver_one(nic, q, s, frames[done]))
                        k = 1;
                done += k;
                if (k == 0 && q->enabled)
                        break;
        }
        if (q->head != began)
                raise_interrupt(nic, q->pool, q->vector);
        return done;
}
