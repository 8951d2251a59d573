/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 7 of the walk out: what waits for the wire, in the order it came. Datapath thread. */
#include "sim/nic/nic_private.h"

#define PORT_RETRY 20000u /* ns until a port that was full is asked again */

void wire_push(struct nic *nic, struct nic_frame *f)
{
        uint32_t at = (nic->wire_at + nic->wire_n) % nic->mem.n;

        nic->wire_queue[at] = f->cell;
        nic->wire_n++;
        f->queued = true;
}

void wire_forget(struct nic *nic, struct nic_frame *f)
{
        uint32_t cell = f->cell, kept = 0;

        for (uint32_t i = 0; i < nic->wire_n; i++) {
                uint32_t c = nic->wire_queue[(nic->wire_at + i) % nic->mem.n];

                if (c != cell)
                        nic->wire_queue[(nic->wire_at + kept++) % nic->mem.n] = c;
        }
        nic->wire_n = kept;
        f->queued = false;
}

static void take_first(struct nic *nic, struct nic_frame *f)
{
        nic->wire_at = (nic->wire_at + 1) % nic->mem.n;
        nic->wire_n--;
        nic->wire_moved++;
        f->wire = f->queued = false;
}

static struct nic_frame *first(const struct nic *nic, uint32_t i)
{
        return &nic->frames[nic->wire_queue[(nic->wire_at + i) % nic->mem.n]];
}

static uint32_t padded(const struct nic_frame *f)
{
        return f->length < FRAME_PADDED ? FRAME_PADDED : f->length;
}

/* Its bytes as the wire gets them. */
static uint8_t *wire_bytes(struct nic *nic, struct nic_frame *f)
{
        uint8_t *bytes;

        tx_complete(f);
        if (!frame_one_cell(f))
                return (uint8_t *) (uintptr_t) frame_linear(nic, f);
        bytes = frame_bytes(f);
        if (f->length < FRAME_PADDED)
                memset(bytes + f->length, 0, FRAME_PADDED - f->length);
        return bytes;
}

/* So many of the first as may go now, of several cells only the last: nic->linear is but one. */
static uint32_t choose(struct nic *nic, struct port_frame *out)
{
        const uint32_t most = nic->tracer ? 1 : NIC_BURST;
        uint32_t n = 0;

        while (n < most && n < nic->wire_n) {
                struct nic_frame *f = first(nic, n);
                bool one_cell = frame_one_cell(f);

                if (!bucket_take(&nic->wire, padded(f), nic->now))
                        break;
                out[n++] = (struct port_frame){wire_bytes(nic, f), padded(f)};
                if (!one_cell)
                        break;
        }
        return n;
}

static void drop_all(struct nic *nic, enum drop_reason why)
{
        while (nic->wire_n > 0) {
                struct nic_frame *f = first(nic, 0);

                take_first(nic, f);
                replica_drop(nic, f, FROM_WIRE, why);
        }
}

void transmit_to_port(struct nic *nic)
{
        struct port_frame out[NIC_BURST];
        uint32_t n, sent;

        if (!nic->link || !nic->port)
                drop_all(nic, nic->link ? DROP_NO_WIRE : DROP_LINK_DOWN);
        nic->port_full = false;
        while (!nic->port_full && (n = choose(nic, out)) > 0) {
                sent = nic->port->transmit(nic->port_userdata, out, n);
                for (uint32_t i = 0; i < sent; i++) {
                        struct nic_frame *f = first(nic, 0);

                        take_first(nic, f);
                        stat_add(&nic->stats.wire_tx_packets, 1);
                        stat_add(&nic->stats.wire_tx_bytes, out[i].length);
                        if (unlikely(nic->tracer))
                                tell_port(nic, TRACE_PORT_OUT, f->from, &out[i]);
                        replica_done(nic, f);
                }
                for (uint32_t i = sent; i < n; i++)
                        nic->wire.tokens +=
                                nic->wire.rate ? (int64_t) out[i].length * BUCKET_BYTE : 0;
                nic->port_full = sent < n;
        }
}

uint64_t wire_due(const struct nic *nic, uint64_t now)
{
        if (nic->wire_n == 0)
                return UINT64_MAX;
        return nic->port_full ? now + PORT_RETRY
                              : bucket_when(&nic->wire, padded(first(nic, 0)), now);
}
