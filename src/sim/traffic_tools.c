/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people do to frames: send, follow, capture, misbehave. Held. */
#include <stdio.h>

#include "sim/traffic_private.h"

#define SETTLE_ROUNDS 1024u

/* ---- sending -----------------------------------------------------------------------------------
 */

static int inject(struct traffic_nic *n, const uint8_t *bytes, uint32_t length)
{
        struct traffic_frame *f = calloc(1, sizeof(*f));

        if (!f)
                return -ENOMEM;
        memcpy(f->bytes, bytes, length);
        f->length = length;
        if (n->injected_last)
                n->injected_last->next = f;
        else
                n->injected = f;
        n->injected_last = f;
        return 1;
}

/* One frame into the ring or onto the wire: 1, or 0 when there is no room now. */
static int send_one(struct traffic_nic *n, uint32_t where, const uint8_t *bytes, uint32_t length)
{
        uint8_t copy[FRAME_MAX];
        struct vfdrv_frame frame = {.bytes = copy, .length = length};
        uint32_t sent;

        if (where == FROM_WIRE)
                return inject(n, bytes, length);
        memcpy(copy, bytes, length);
        sent = vfdrv_send(n->guests[where]->driver, 0, &frame, 1);
        if (sent == 1)
                traffic_captured(n, where, bytes, length, true, NULL);
        return (int) sent;
}

static int check_place(const struct traffic_nic *n, uint32_t where, uint32_t length)
{
        if (where != FROM_WIRE &&
                (where >= n->n_pools || !n->guests[where] || !n->guests[where]->driver))
                return -ENOTCONN;
        return length == 0 || length > FRAME_MAX ? -EMSGSIZE : 0;
}

/* What our thread would do meanwhile. */
static uint32_t run_round(struct traffic *t)
{
        return traffic_round(t, t->threaded ? traffic_clock() : t->now);
}

int64_t traffic_send(struct traffic_nic *n, uint32_t where, const uint8_t *bytes, uint32_t length,
        uint32_t count)
{
        uint32_t sent = 0, stuck = 0;
        int r;

        r = check_place(n, where, length);
        if (r < 0)
                return r;
        while (sent < count && stuck < SETTLE_ROUNDS) {
                r = send_one(n, where, bytes, length);
                if (r < 0)
                        return r;
                sent += (uint32_t) r;
                if (r > 0 && sent % TRAFFIC_BURST != 0)
                        continue;
                stuck = run_round(n->traffic) > 0 || r > 0 ? 0 : stuck + 1;
        }
        while (stuck < SETTLE_ROUNDS && run_round(n->traffic) > 0)
                stuck++;
        return sent;
}

/* ---- following ---------------------------------------------------------------------------------
 */

int traffic_trace(struct traffic_nic *n, uint32_t where, const uint8_t *bytes, uint32_t length,
        const struct nic_tracer *tracer)
{
        struct traffic *t = n->traffic;
        struct nic_tracer copy = *tracer;
        int r;

        r = check_place(n, where, length);
        if (r < 0)
                return r;
        /* Others' frames are not in the way, as far as they are not in the NIC already. */
        for (uint32_t i = 0; i < SETTLE_ROUNDS && run_round(t) > 0; i++) {
        }
        n->muted = true;
        {
                _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(n->nic);

                nic_trace(held, &copy);
        }
        r = send_one(n, where, bytes, length);
        for (uint32_t i = 0; i < SETTLE_ROUNDS && r > 0 && run_round(t) > 0; i++) {
        }
        {
                _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(n->nic);

                nic_trace(held, NULL);
        }
        n->muted = false;
        traffic_follow_drops(n);
        return r < 0 ? r : r == 0 ? -ENOBUFS : 0;
}

/* ---- captures ----------------------------------------------------------------------------------
 */

static void end_capture(struct traffic *t, size_t i)
{
        struct traffic_nic *n = t->captures[i].nic;
        bool drops = t->captures[i].where == TRAFFIC_DROPS;

        capture_free(t->captures[i].file);
        t->captures[i] = t->captures[--t->n_captures];
        if (drops)
                traffic_follow_drops(n);
}

void traffic_captured(struct traffic_nic *n, uint32_t where, const uint8_t *bytes, uint32_t length,
        bool outbound, const char *comment)
{
        struct traffic *t = n->traffic;

        for (size_t i = 0; i < t->n_captures; i++) {
                struct traffic_capture *c = &t->captures[i];

                if (c->nic != n || c->where != where || c->left == 0)
                        continue;
                if (capture_frame(c->file, c->interface, t->epoch + t->now, bytes, length, outbound,
                            comment) < 0 ||
                        capture_flush(c->file) < 0) {
                        c->left = 0; /* nobody reads any more */
                        continue;
                }
                c->written++;
                if (c->left != UINT64_MAX)
                        c->left--;
        }
}

static void drop_seen(void *nic, const struct trace_event *e)
{
        if (e->step == TRACE_DROP && e->bytes)
                traffic_captured(nic, TRAFFIC_DROPS, e->bytes,
                        e->length < FRAME_HEADER ? e->length : FRAME_HEADER, e->from != FROM_WIRE,
                        drop_reason_name(e->reason));
}

void traffic_follow_drops(struct traffic_nic *n)
{
        _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(n->nic);
        bool wanted = false;

        for (size_t i = 0; i < n->traffic->n_captures; i++)
                wanted |= n->traffic->captures[i].nic == n &&
                          n->traffic->captures[i].where == TRAFFIC_DROPS;
        n->drops = (struct nic_tracer){drop_seen, n};
        nic_trace(held, wanted ? &n->drops : NULL);
}

void traffic_forget_captures(struct traffic_nic *n)
{
        struct traffic *t = n->traffic;

        for (size_t i = t->n_captures; i-- > 0;)
                if (t->captures[i].nic == n) {
                        capture_free(t->captures[i].file);
                        t->captures[i] = t->captures[--t->n_captures];
                }
}

int traffic_capture(struct traffic_nic *n, uint32_t where, int fd, uint64_t count, uint32_t *ret_id)
{
        _cleanup_(capture_freep) struct capture *file = NULL;
        struct traffic *t = n->traffic;
        char path[64], name[16];
        struct fault f;
        uint32_t interface;
        int r;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        r = capture_new(path, &file, &f);
        close(fd);
        if (r < 0)
                return r;
        if (where == TRAFFIC_DROPS)
                snprintf(name, sizeof(name), "drops");
        else
                trace_pool_name(where, name);
        r = capture_interface(file, name, &interface);
        if (r >= 0)
                r = capture_flush(file);
        if (r >= 0)
                r = array_grow(
                        &t->captures, &t->captures_capacity, t->n_captures, sizeof(*t->captures));
        if (r < 0)
                return r;
        t->captures[t->n_captures++] = (struct traffic_capture){
                .id = ++t->next_capture,
                .where = where,
                .nic = n,
                .file = TAKE_PTR(file),
                .interface = interface,
                .left = count ?: UINT64_MAX,
        };
        *ret_id = t->next_capture;
        if (where == TRAFFIC_DROPS)
                traffic_follow_drops(n);
        return 0;
}

int traffic_end_capture(struct traffic *t, uint32_t id, uint64_t *ret_frames)
{
        for (size_t i = 0; i < t->n_captures; i++)
                if (t->captures[i].id == id) {
                        *ret_frames = t->captures[i].written;
                        end_capture(t, i);
                        return 0;
                }
        return -ENOENT;
}

bool traffic_capturing(struct traffic *t, uint32_t id)
{
        for (size_t i = 0; i < t->n_captures; i++)
                if (t->captures[i].id == id)
                        return t->captures[i].left > 0;
        return false;
}

/* ---- DMA faults --------------------------------------------------------------------------------
 */

size_t traffic_dma_faults(struct traffic *t, struct iommu_fault ret[static IOMMU_FAULTS_MAX])
{
        uint64_t first;
        size_t n = 0;

        while (iommu_next_fault(t->iommu, &t->faults[t->n_faults % IOMMU_FAULTS_MAX]))
                t->n_faults++;
        first = t->n_faults > IOMMU_FAULTS_MAX ? t->n_faults - IOMMU_FAULTS_MAX : 0;
        for (uint64_t i = first; i < t->n_faults; i++)
                ret[n++] = t->faults[i % IOMMU_FAULTS_MAX];
        return n;
}

/* ---- misbehaviour ------------------------------------------------------------------------------
 */

/* All its descriptors point behind its memory. */
static void wild_descriptors(struct traffic_guest *g)
{
        struct vfdrv_raw raw = vfdrv_raw(g->driver, 0);

        for (uint32_t i = 0; i < raw.tx_size; i++)
                raw.tx[i] = (struct tx_desc){
                        .address = raw.iova + raw.bytes + (uint64_t) i * PAGE_SIZE_4K,
                        .cmd = TX_DATA | TX_EOP | TX_IFCS | TX_DEXT | TX_RS | FRAME_PADDED,
                        .status = FRAME_PADDED << TX_PAYLEN_SHIFT,
                };
}

int traffic_wild_dma(struct traffic_nic *n, uint32_t pool, uint32_t count)
{
        struct traffic_guest *g = pool < n->n_pools ? n->guests[pool] : NULL;
        int r = 0;

        for (uint32_t i = 0; i < count && r >= 0; i++) {
                if (i > 0 && g)
                        r = traffic_restart_guest(g);
                if (!g || !g->driver)
                        return -ENOTCONN;
                wild_descriptors(g);
                nic_tx_doorbell(n->nic, pool, 0, vfdrv_raw(g->driver, 0).tx_tail);
                run_round(n->traffic);
        }
        return r;
}
