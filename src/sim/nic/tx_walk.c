/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of a frame from a guest to the wire, or to other guests: steps 4 to 6. Step 3 is in
 * tx_gather.c, 7 in wire.c. Datapath thread.
 */
#include "sim/nic/nic_private.h"

/* ---- 4 translate_tx ---- */

/* One frame's bytes, all of them. False: blocked. */
static bool translate_frame(
        struct nic *nic, struct nic_queue *q, struct tx_burst *b, struct tx_frame *f)
{
        f->piece = (uint16_t) b->n_pieces;
        for (uint32_t i = f->begin; i < f->end; i++) {
                const struct tx_desc *d = &b->desc[i];
                struct dma_piece *piece = &b->piece[b->n_pieces];
                uint32_t k = 1;

                if (unlikely(nic->tracer))
                        tell_guest_memory(nic, q, d);
                piece->n = d->cmd & TX_LENGTH;
                piece->host = dma_find(&q->buffer_pages, d->address, piece->n);
                if (unlikely(!piece->host))
                        k = dma_map(nic, &q->buffer_pages, q->pool->rid, d->address, piece->n,
                                piece, TX_PIECES_MAX - b->n_pieces);
                if (unlikely(k == 0))
                        return false;
                __builtin_prefetch(piece->host);
                b->n_pieces += k;
        }
        f->n_pieces = (uint8_t) (b->n_pieces - f->piece);
        return true;
}

/* Where plain frames are, up to one that is on two pages or blocked: from there on they are no
 * longer plain. */
static void translate_plain(struct nic_queue *q, struct tx_burst *b)
{
        uint32_t n = 0;

        for (; n < b->n_plain; n++) {
                const struct tx_desc *d = &b->desc[n];

                b->piece[n].n = d->cmd & TX_LENGTH;
                b->piece[n].host = dma_find(&q->buffer_pages, d->address, b->piece[n].n);
                if (unlikely(!b->piece[n].host))
                        break;
                __builtin_prefetch(b->piece[n].host);
        }
        for (uint32_t i = n; i < b->n_plain; i++)
                b->frame[i] = tx_frame(b->desc[i].cmd & TX_LENGTH, i, i + 1);
        b->n_plain = b->n_pieces = n;
}

/* 4. Up to the first that the IOMMU blocks. */
static void translate_tx(struct nic *nic, struct nic_queue *q, struct tx_burst *b)
{
        translate_plain(q, b);
        for (uint32_t i = b->n_plain; i < b->n; i++) {
                struct tx_frame *f = &b->frame[i];

                if (f->dropped || translate_frame(nic, q, b, f))
                        continue;
                tx_burst_bad(b, MDD_DMA_READ, DROP_TX_FAULT, f->length);
                b->consumed = f->begin;
                b->n = i;
        }
}

/* ---- 5 dma_from_guest ---- */

/* A frame that never was in packet memory. */
static void sender_drop(struct nic *nic, struct nic_queue *q, enum drop_reason why, uint32_t length)
{
        const uint32_t pool = q->pool->number;

        stat_add(&q->pool->stats.drops[why], 1);
        if (unlikely(nic->tracer))
                tell_drop(nic, pool, pool, length, NULL, why);
}

void tx_store_rest(struct nic_frame *f)
{
        if (likely(!f->rest))
                return;
        dma_copy(frame_bytes(f) + frame_stored(f) - f->n_rest, f->rest, f->n_rest);
        f->rest = NULL;
}

/* A tag among the bytes. */
static void insert_tag(struct nic_frame *f, uint32_t at, uint32_t tag)
{
        uint8_t *bytes = frame_bytes(f), addresses[16];
        uint32_t value = htobe32(tag);

        memcpy(addresses, bytes, sizeof(addresses)); /* a size the compiler knows; at is 12 or 16 */
        memcpy(bytes - 4, addresses, sizeof(addresses));
        memcpy(bytes - 4 + at, &value, sizeof(value));
        f->start = (uint8_t) (f->start - 4);
}

void tx_complete(struct nic_frame *f)
{
        tx_store_rest(f);
        if (!f->tag)
                return;
        insert_tag(f, f->head.tag_at, f->tag);
        f->tag = 0;
}

/* What a descriptor asks for besides. */
static void offload(struct nic *nic, struct nic_frame *f, struct frame_head *h,
        const struct frame_format *format, const struct tx_frame *t)
{
        uint8_t *bytes;

        if (t->tag) {
                insert_tag(f, h->tag_at, t->tag);
                f->length += 4;
                frame_parse(frame_bytes(f), f->length, format, h);
        }
        if (!t->sums)
                return;
        /* The context's lengths were checked; what is no such packet all the same goes as it is. */
        bytes = (uint8_t *) (uintptr_t) frame_linear(nic, f);
        if (frame_insert_checksums(bytes, f->length, h, t->sums & TX_IXSM, t->sums & TX_TXSM) ==
                        0 &&
                bytes == nic->linear)
                pktmem_write(&nic->mem, f->cell, f->start, bytes, f->length);
}

/* What packet memory knows of a frame as it comes in. */
static inline struct nic_frame *new_frame(
        struct nic *nic, const struct nic_queue *q, uint32_t length, uint8_t **ret_bytes)
{
        struct nic_frame *f = &nic->frames[pktmem_take(&nic->mem, length)];

        f->rest = NULL;
        f->length = length;
        f->tag = 0;
        f->from = q->pool->number;
        f->counted = 0;
        f->start = HEADROOM;
        *ret_bytes = f->memory + HEADROOM;
        return f;
}

/* What is looked at of a short frame is zero behind its end. */
static inline void clear_header(uint8_t *bytes, uint32_t length)
{
        if (length < FRAME_HEADER)
                memset(bytes, 0, FRAME_HEADER);
}

/* One cell, one piece: all of it, or (cut-through) its header, and the rest when it is clear where
 * to. */
static inline struct nic_frame *store_plain(
        struct nic *nic, const struct nic_queue *q, const struct dma_piece *piece, bool cut)
{
        uint8_t *bytes;
        struct nic_frame *f = new_frame(nic, q, piece->n, &bytes);

        if (cut && piece->n > FRAME_HEADER) {
                memcpy(bytes, piece->host, FRAME_HEADER);
                f->rest = piece->host + FRAME_HEADER;
                f->n_rest = piece->n - FRAME_HEADER;
        } else {
                clear_header(bytes, piece->n);
                dma_copy(bytes, piece->host, piece->n);
        }
        return f;
}

static struct nic_frame *store(
        struct nic *nic, const struct nic_queue *q, struct tx_burst *b, const struct tx_frame *t)
{
        const struct dma_piece *piece = &b->piece[t->piece];
        uint32_t at = HEADROOM;
        struct nic_frame *f;
        uint8_t *bytes;

        f = new_frame(nic, q, t->length, &bytes);
        clear_header(bytes, t->length);
        for (uint32_t i = 0; i < t->n_pieces; at += piece[i].n, i++)
                pktmem_write(&nic->mem, f->cell, at, piece[i].host, piece[i].n);
        return f;
}

/* Which tags count. */
static const struct frame_format *tags_of(const struct nic *nic)
{
        static const struct frame_format none = {};

        return nic->sorter ? sorter_format(nic->sorter) : &none;
}

/* Frames that are not plain: those that are to be dropped at once are. */
static void store_others(struct nic *nic, struct nic_queue *q, struct tx_burst *t)
{
        const struct frame_format *format = tags_of(nic);
        struct nic_burst *b = &nic->burst;

        for (uint32_t i = t->n_plain; i < t->n; i++) {
                const struct tx_frame *f = &t->frame[i];
                struct nic_frame *stored;

                stat_add(&q->pool->stats.tx_bytes, f->length);
                if (f->dropped) {
                        sender_drop(nic, q, f->dropped, f->length);
                        continue;
                }
                stored = store(nic, q, t, f);
                frame_parse(frame_bytes(stored), f->length, format, &b->head[b->n]);
                if (f->tag | f->sums)
                        offload(nic, stored, &b->head[b->n], format, f);
                if (nic->tracer)
                        tell_frame(nic, TRACE_STORE, stored, stored->from);
                b->frame[b->n++] = stored;
        }
}

/* 5. What is in packet memory then is the burst for the sorter. */
static void dma_from_guest(struct nic *nic, struct nic_queue *q, struct tx_burst *t)
{
        const struct frame_format *format = tags_of(nic);
        const bool cut = nic->config.cut_through;
        struct pool_stats *s = &q->pool->stats;
        struct nic_burst *b = &nic->burst;
        uint64_t bytes = 0;

        for (uint32_t i = 0; i < t->n_plain; i++) {
                bytes += t->piece[i].n;
                b->frame[i] = store_plain(nic, q, &t->piece[i], cut);
        }
        for (uint32_t i = 0; i < t->n_plain; i++)
                frame_parse(frame_bytes(b->frame[i]), t->piece[i].n, format, &b->head[i]);
        b->n = t->n_plain;
        stat_add(&s->tx_packets, t->n);
        stat_add(&s->tx_bytes, bytes);
        if (unlikely(t->n > t->n_plain))
                store_others(nic, q, t);
}

/* ---- 6 switch_locally ---- */

/* What the sender may not send goes no further. */
static void drop_refused(struct nic *nic, struct nic_queue *q, struct nic_burst *b)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < b->n; i++) {
                struct nic_frame *f = b->frame[i];
                enum drop_reason why = b->reason[i];

                if (why == DROP_NONE) {
                        b->frame[n] = f;
                        b->head[n++] = b->head[i];
                        continue;
                }
                if (why == DROP_SPOOF_MAC || why == DROP_SPOOF_VLAN)
                        stat_add(&q->pool->stats.spoofed, 1);
                replica_drop(nic, f, q->pool->number, why);
                pktmem_give(&nic->mem, f->cell);
        }
        b->n = n;
}

/* The port VLAN of all: most receivers are in it too, and it is taken off again for them. So it is
 * noted, and goes in where somebody sees it. */
static void add_port_vlan(struct nic_burst *b, uint32_t tag)
{
        for (uint32_t i = 0; i < b->n; i++) {
                struct frame_head *h = &b->head[i];

                b->frame[i]->tag = tag;
                b->frame[i]->length += 4;
                h->tagged = true;
                h->tpid = (uint16_t) (tag >> 16);
                h->tci = (uint16_t) tag;
                h->payload_at = (uint8_t) (h->payload_at + 4);
        }
}

/* Anti-spoof and port VLAN, on the header as it is in packet memory. */
static void check_sender(struct nic *nic, struct nic_queue *q, struct nic_burst *b)
{
        const uint32_t pool = q->pool->number;
        uint32_t tag = 0, good = 0;

        if (likely(nic->sorter && pool < sorter_n_pools(nic->sorter)))
                good = sorter_check_burst(nic->sorter, pool, b->head, b->n, b->reason, &tag);
        else
                for (uint32_t i = 0; i < b->n; i++)
                        b->reason[i] = DROP_TX_DISABLED;
        if (unlikely(nic->tracer))
                for (uint32_t i = 0; i < b->n; i++)
                        tell_sender(nic, b->frame[i], b->reason[i], tag);
        if (unlikely(good < b->n))
                drop_refused(nic, q, b);
        if (tag)
                add_port_vlan(b, tag);
}

/* 6. How many frames still wait afterwards, for receivers here or for the wire. */
static uint32_t switch_locally(struct nic *nic, struct nic_queue *q, struct nic_burst *b)
{
        uint32_t n = 0, local = 0, wire = 0;

        check_sender(nic, q, b);
        if (b->n == 0)
                return 0;
        burst_sort(nic, q->pool->number, b);
        for (uint32_t i = 0; i < b->n; i++) {
                struct nic_frame *f = b->frame[i];

                f->head = b->head[i];
                local += b->verdict[i].n > 0;
                wire += b->verdict[i].wire;
                if (likely(replicas_note(nic, f, &b->verdict[i], &b->set[i])))
                        b->frame[n++] = f;
        }
        b->n = n;
        q->pool->uses_wire = wire > 0;
        stat_add(&q->pool->stats.tx_loopback, local);
        return replicas_spread(nic, q, b->frame, n);
}

/* ---- back to the driver ---- */

static void write_back_head(struct nic *nic, struct nic_queue *q)
{
        uint64_t iova = q->head_write_back & ~UINT64_C(3);
        struct dma_piece p = {.n = sizeof(uint32_t)};

        dma_refresh(&q->head_pages, nic->generation);
        p.host = dma_find(&q->head_pages, iova, p.n);
        if (!p.host && !dma_map_first(nic, &q->head_pages, q->pool->rid, iova, &p))
                queue_stop(nic, q, MDD_DMA_WRITE);
        else
                __atomic_store_n((uint32_t *) (void *) p.host, q->head, __ATOMIC_RELEASE);
}

static void write_done(uint8_t *desc)
{
        uint32_t *status = (uint32_t *) (void *) (desc + offsetof(struct tx_desc, status));

        __atomic_store_n(status, TX_DD, __ATOMIC_RELEASE);
}

/* What it asked to be told of: that the NIC needs these descriptors and buffers no more. */
static void write_back_tx(struct nic *nic, struct nic_queue *q, const struct tx_burst *b)
{
        const bool head = q->head_write_back & 1;
        bool told = false;

        for (uint32_t k = 0; k < b->n_ring; k++) {
                const struct ring_piece *r = &b->ring[k];

                for (uint32_t i = r->begin; i < r->end && i < b->consumed; i++) {
                        uint32_t cmd = b->desc[i].cmd;

                        if (!(cmd & TX_RS) || (cmd & TX_DTYP) != TX_DATA)
                                continue;
                        told = true;
                        if (!head)
                                write_done(r->host + (i - r->begin) * DESC_SIZE);
                }
        }
        if (!told)
                return;
        if (head)
                write_back_head(nic, q);
        raise_interrupt(nic, q->pool, q->vector);
}

/* The frame at which the burst ended badly. */
static void end_badly(struct nic *nic, struct nic_queue *q, const struct tx_burst *b)
{
        stat_add(&q->pool->stats.tx_packets, 1);
        stat_add(&q->pool->stats.tx_bytes, b->bad_length);
        sender_drop(nic, q, b->bad_as, b->bad_length);
        queue_stop(nic, q, b->bad);
}

uint32_t tx_walk(struct nic *nic, struct nic_queue *q, uint32_t bytes, enum tx_outcome *ret)
{
        struct tx_burst *b = &nic->tx;
        uint32_t waiting;

        nic->tracing_from = nic->tracing_pool = q->pool->number;
        dma_refresh(&q->ring_pages, nic->generation);
        dma_refresh(&q->buffer_pages, nic->generation);
        *ret = TX_IDLE;
        if (unlikely(!q->enabled || !q->pool->bus_master) || !tx_burst_begin(nic, q, b, bytes, ret))
                return 0;
        translate_tx(nic, q, b);
        dma_from_guest(nic, q, b);
        q->head += b->consumed;
        if (q->head >= q->size)
                q->head -= q->size;
        waiting = switch_locally(nic, q, &nic->burst);
        write_back_tx(nic, q, b);
        if (unlikely(b->bad))
                end_badly(nic, q, b);
        if (unlikely(waiting))
                *ret = TX_HELD;
        return b->n + (b->bad != MDD_NONE);
}
