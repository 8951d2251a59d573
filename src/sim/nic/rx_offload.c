/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a receiver is told of a packet: checksums, and the RSS hash that chose its queue. Datapath
 * thread. */
#include "sim/nic/nic_private.h"

/* Its header where the bytes are without the tag that decides. */
static struct frame_head untagged(const struct nic_frame *f)
{
        struct frame_head h = f->head;

        h.tagged = false;
        h.payload_at = (uint8_t) (h.payload_at - 4);
        return h;
}

static struct frame_head head_stored(const struct nic_frame *f)
{
        return f->tag ? untagged(f) : f->head;
}

struct nic_queue *rx_queue_by_rss(struct nic *nic, struct nic_pool *p, struct nic_frame *f)
{
        const struct frame_head h = head_stored(f);
        uint32_t queue;

        tx_store_rest(f);
        f->rss_type = (uint8_t) rss_frame(
                p->rss_key, p->rss.types, frame_linear(nic, f), frame_stored(f), &h, &f->hash);
        queue = f->rss_type == RSS_NONE ? 0 : rss_queue(&p->rss, f->hash);
        return &p->rx[queue < nic->config.queues ? queue : 0];
}

static void note_sums(
        struct nic_frame *f, const uint8_t *bytes, uint32_t n, const struct frame_head *h)
{
        uint32_t what = frame_checksums(bytes, n, h);

        f->summed = true;
        f->sums = (what & FRAME_IP4 ? RX_IPCS : 0) | (what & FRAME_IP4_BAD ? RX_IPE : 0) |
                  (what & FRAME_L4 ? RX_L4CS : 0) | (what & FRAME_L4_BAD ? RX_L4E : 0);
        f->types = (what & FRAME_IP4 ? RX_TYPE_IP4 : 0) | (what & FRAME_IP6 ? RX_TYPE_IP6 : 0) |
                   (what & FRAME_TCP ? RX_TYPE_TCP : 0) | (what & FRAME_UDP ? RX_TYPE_UDP : 0);
}

void rx_sums(struct nic *nic, struct nic_frame *f)
{
        const struct frame_head h = head_stored(f);

        tx_store_rest(f);
        note_sums(f, frame_linear(nic, f), frame_stored(f), &h);
}

void rx_sums_there(struct nic_frame *const *frames, const struct rx_run *r, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++) {
                struct nic_frame *f = frames[i];
                struct frame_head h = r->tag[i] ? untagged(f) : f->head;

                if (!f->summed)
                        note_sums(f, r->to[i], r->length[i], &h);
        }
}
