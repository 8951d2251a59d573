/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames in and out of a guest: descriptors and buffers, nothing else. The guest's thread, one per
 * direction. No allocation, no lock, one doorbell per call.
 *
 * Descriptor i has buffer i, always. A frame longer than a buffer takes several.
 */
#include "sim/guest/vfdrv_private.h"

/* ---- receive -----------------------------------------------------------------------------------
 */

static void give(struct vf_rx *r, uint32_t i)
{
        r->ring[i].given.address = r->iova + (uint64_t) i * r->stride;
        r->ring[i].given.header = 0; /* with it goes the old status */
}

void vfdrv_rings_fill(struct vf_queue *q)
{
        for (uint32_t i = 0; i < q->rx.size; i++)
                give(&q->rx, i);
        q->rx.at = q->rx.given = 0;
        q->tx.clean = q->tx.tail = q->tx.run = 0;
        q->tx.context = CONTEXT_NONE;
}

/* A ring is never quite full, else it would look empty: the tail stays one behind. */
static void give_back(struct vfdrv *d, uint32_t queue, struct vf_rx *r)
{
        if (r->given == r->at)
                return;
        while (r->given != r->at) {
                give(r, r->given);
                r->given = r->given + 1 == r->size ? 0 : r->given + 1;
        }
        nic_rx_doorbell(d->nic, d->pool, queue, r->at > 0 ? r->at - 1 : r->size - 1);
}

static const struct rx_done *done_at(const struct vf_rx *r, uint32_t i, uint32_t *ret_status)
{
        const struct rx_done *done = &r->ring[i].done;

        *ret_status = __atomic_load_n(&done->status, __ATOMIC_ACQUIRE);
        return done;
}

static uint16_t flags_of(uint32_t status)
{
        uint32_t f = 0;

        f |= status & RX_VP ? VFDRV_VLAN : 0;
        f |= status & RX_LB ? VFDRV_LOOPBACK : 0;
        if (status & RX_IPCS)
                f |= status & RX_IPE ? VFDRV_IP_BAD : VFDRV_IP_GOOD;
        if (status & RX_L4CS)
                f |= status & RX_L4E ? VFDRV_L4_BAD : VFDRV_L4_GOOD;
        return (uint16_t) f;
}

static void describe(
        struct vfdrv_frame *f, uint8_t *bytes, uint32_t length, const struct rx_done *last)
{
        *f = (struct vfdrv_frame){
                .bytes = bytes,
                .length = length,
                .tci = last->vlan,
                .flags = flags_of(last->status),
                .hash = last->hash,
        };
}

enum joined { JOINED, REFUSED, UNFINISHED };

/* A frame in several buffers, from r->at on. REFUSED: passed over, because the driver takes none
 * such or it is longer than any frame. */
static enum joined join(struct vf_rx *r, uint8_t *to, struct vfdrv_frame *f)
{
        uint32_t i = r->at, length = 0, status;
        const struct rx_done *done;

        do { /* all of it must be there */
                done = done_at(r, i, &status);
                if (!(status & RX_DD))
                        return UNFINISHED;
                length += done->length;
                i = i + 1 == r->size ? 0 : i + 1;
        } while (!(status & RX_EOP) && i != r->at);

        if (!to || length > FRAME_MAX || !(status & RX_EOP)) {
                r->at = i;
                return REFUSED;
        }
        for (uint32_t k = r->at, at = 0; k != i; k = k + 1 == r->size ? 0 : k + 1) {
                done = done_at(r, k, &status);
                memcpy(to + at, r->buffers + (size_t) k * r->stride, done->length);
                at += done->length;
        }
        describe(f, to, length, done);
        r->at = i;
        return JOINED;
}

uint32_t vfdrv_receive(struct vfdrv *d, uint32_t queue, struct vfdrv_frame *frames, uint32_t n)
{
        struct vf_rx *r = &d->queues[queue].rx;
        const struct rx_done *done;
        uint32_t count = 0, joined = 0, status;

        give_back(d, queue, r);
        while (count < n) {
                done = done_at(r, r->at, &status);
                if (!(status & RX_DD))
                        break;
                if (status & RX_EOP) {
                        describe(&frames[count++], r->buffers + (size_t) r->at * r->stride,
                                done->length, done);
                        r->at = r->at + 1 == r->size ? 0 : r->at + 1;
                        continue;
                }
                if (joined == FRAMES_JOINED)
                        break;
                switch (join(
                        r, r->joined ? r->joined + joined * FRAME_MAX : NULL, &frames[count])) {
                case JOINED:
                        count++;
                        joined++;
                        break;
                case REFUSED:
                        break;
                case UNFINISHED:
                        return count;
                }
        }
        return count;
}

/* ---- send --------------------------------------------------------------------------------------
 */

static uint32_t between(const struct vf_tx *t, uint32_t from, uint32_t to)
{
        return to >= from ? to - from : to + t->size - from;
}

static uint32_t used(const struct vf_tx *t)
{
        return between(t, t->clean, t->tail);
}

static uint32_t room_of(const struct vf_tx *t)
{
        return t->size - 1 - used(t);
}

/* Passes over what was written back: whole runs, by the report at their end. */
static void reclaim(struct vf_tx *t)
{
        while (t->clean != t->run) {
                uint32_t last = t->report[t->clean];

                if (!(__atomic_load_n(&t->ring[last].status, __ATOMIC_ACQUIRE) & TX_DD))
                        return;
                t->clean = last + 1 == t->size ? 0 : last + 1;
        }
}

static uint32_t after(const struct vf_tx *t, uint32_t i)
{
        return i + 1 == t->size ? 0 : i + 1;
}

/* The descriptor at i, which ends a frame, reports the run up to it. */
static void end_run(struct vf_tx *t, uint32_t i)
{
        t->ring[i].cmd |= TX_RS;
        t->report[t->run] = (uint16_t) i;
        t->run = after(t, i);
}

static void copy_frame(uint8_t *to, const uint8_t *from, uint32_t n)
{
        if (n > 64 || n < 32) {
                memcpy(to, from, n);
                return;
        }
        memcpy(to, from, 32); /* the smallest frames, without a call */
        memcpy(to + n - 32, from + n - 32, 32);
}

/* What a frame's flags ask for, in a context descriptor's words and the first data descriptor's. */
struct offload {
        uint64_t context; /* lengths | cmd << 32 */
        uint32_t cmd, status;
};

static struct offload offload_of(const struct vfdrv_frame *f)
{
        const struct frame_format format = {.service_tags = true};
        struct offload o = {.context = CONTEXT_NONE};
        uint8_t bytes[FRAME_HEADER] = {0};
        uint32_t lengths = 0, cmd = 0;
        struct frame_head head;
        struct frame_ip ip;

        if (f->flags & VFDRV_VLAN) {
                lengths = (uint32_t) f->tci << 16;
                o.cmd = TX_VLE;
        }
        if (f->flags & (VFDRV_IP_SUM | VFDRV_L4_SUM)) {
                memcpy(bytes, f->bytes, f->length < sizeof(bytes) ? f->length : sizeof(bytes));
                frame_parse(bytes, f->length, &format, &head);
                if (frame_ip(f->bytes, f->length, &head, &ip)) {
                        lengths |= (uint32_t) ip.at << 9 | (uint32_t) (ip.l4 - ip.at);
                        cmd = (ip.version == 4 ? TX_CONTEXT_IP4 : 0) |
                              (ip.protocol == 6 ? TX_CONTEXT_TCP : 0);
                        if ((f->flags & VFDRV_IP_SUM) && ip.version == 4)
                                o.status |= TX_IXSM;
                        if ((f->flags & VFDRV_L4_SUM) && ip.protocol != 0)
                                o.status |= TX_TXSM;
                }
        }
        if (o.cmd || o.status)
                o.context = (uint64_t) cmd << 32 | lengths;
        return o;
}

/* A frame in pieces of a buffer each. Returns its last descriptor. */
static uint32_t put_pieces(struct vf_tx *t, const struct vfdrv_frame *f, const struct offload *o)
{
        uint32_t i = t->tail, last = i;

        for (uint32_t at = 0; at < f->length; at += t->buffer, i = after(t, i)) {
                uint32_t n = f->length - at < t->buffer ? f->length - at : t->buffer;
                bool end = at + n == f->length;

                copy_frame(t->buffers + (size_t) i * t->stride, f->bytes + at, n);
                t->ring[i] = (struct tx_desc){
                        .address = t->iova + (uint64_t) i * t->stride,
                        .cmd = TX_DATA | TX_DEXT | n | o->cmd | (end ? TX_EOP | TX_IFCS : 0),
                        .status = f->length << TX_PAYLEN_SHIFT | o->status,
                };
                last = i;
        }
        t->tail = i;
        return last;
}

static uint32_t pieces(const struct vf_tx *t, const struct vfdrv_frame *f)
{
        return (f->length + t->buffer - 1) / t->buffer;
}

/* What the NIC would stop the queue for, or the ring can not hold, goes no further than here. */
static bool sendable(const struct vf_tx *t, const struct vfdrv_frame *f)
{
        return f->length >= FRAME_MIN && f->length <= FRAME_MAX &&
               pieces(t, f) + 1 <= t->size - 1 &&
               !((f->flags & VFDRV_VLAN) && (f->tci & VLAN_KEY_VID) == VLAN_KEY_VID);
}

/* Anything but a short frame without offloads. False: no room. */
static bool put_any(struct vf_tx *t, const struct vfdrv_frame *f, uint32_t *room, uint32_t *last)
{
        struct offload o = offload_of(f);
        bool context = o.context != CONTEXT_NONE && o.context != t->context;
        uint32_t need = context + pieces(t, f);

        if (*room < need) {
                reclaim(t);
                *room = room_of(t);
        }
        if (*room < need)
                return false;
        *room -= need;
        if (context) {
                t->ring[t->tail] = (struct tx_desc){
                        .address = (uint32_t) o.context,
                        .cmd = TX_CONTEXT | TX_DEXT | (uint32_t) (o.context >> 32),
                };
                t->context = o.context;
                t->tail = after(t, t->tail);
        }
        *last = put_pieces(t, f, &o);
        return true;
}

static void put_plain(struct vf_tx *t, const struct vfdrv_frame *f, uint32_t *room, uint32_t *last)
{
        uint32_t i = t->tail;

        copy_frame(t->buffers + (size_t) i * t->stride, f->bytes, f->length);
        t->ring[i] = (struct tx_desc){
                .address = t->iova + (uint64_t) i * t->stride,
                .cmd = TX_DATA | TX_EOP | TX_IFCS | TX_DEXT | f->length,
                .status = f->length << TX_PAYLEN_SHIFT,
        };
        --*room;
        *last = i;
        t->tail = after(t, i);
}

uint32_t vfdrv_send(struct vfdrv *d, uint32_t queue, const struct vfdrv_frame *frames, uint32_t n)
{
        const uint16_t offloads = VFDRV_VLAN | VFDRV_IP_SUM | VFDRV_L4_SUM;
        struct vf_tx *t = &d->queues[queue].tx;
        uint32_t room = room_of(t), count = 0, begin = t->tail, last = t->tail;

        if (room < n) {
                reclaim(t);
                room = room_of(t);
        }
        for (; count < n && room > 0; count++) {
                const struct vfdrv_frame *f = &frames[count];

                if (f->length >= FRAME_MIN && f->length <= t->buffer && !(f->flags & offloads))
                        put_plain(t, f, &room, &last);
                else if (sendable(t, f) && !put_any(t, f, &room, &last))
                        break;
                if (between(t, t->run, t->tail) >= TX_REPORT)
                        end_run(t, last);
        }
        if (t->tail == begin)
                return count;
        if (t->run != t->tail)
                end_run(t, last);
        nic_tx_doorbell(d->nic, d->pool, queue, t->tail);
        return count;
}

uint32_t vfdrv_unsent(struct vfdrv *d, uint32_t queue)
{
        struct vf_tx *t = &d->queues[queue].tx;

        reclaim(t);
        return used(t);
}
