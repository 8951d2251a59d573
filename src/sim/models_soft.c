/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Emulated and paravirtual network cards, as far as they move frames: guests with memory and rings
 * in it, a hypervisor that is let in by a trapped register or by a kick, and its software switch.
 * One thread.
 */
#include "sim/models_soft.h"
#include "sim/nic/desc.h"
#include "sim/nic/frame.h"

#define RING    256u
#define BURST   32u
#define BUFFER  2048u
#define GPA     UINT64_C(0x100000) /* where the guest's memory begins, as it sees it */
#define BUFFERS (GPA + 2 * RING * DESC_SIZE)
#define MEMORY  (2 * RING * DESC_SIZE + 2 * RING * BUFFER)
#define FDB     64u

struct soft_guest {
        uint8_t *memory; /* as the hypervisor has it mapped */
        uint64_t mac;
        uint32_t tx_tail, tx_head, rx_tail, rx_head, rx_seen;
        uint32_t cause; /* ICR */
};

struct soft_host {
        struct soft_guest guest[2];
        struct {
                uint64_t mac;
                uint32_t guest;
        } fdb[FDB];
        uint8_t frame[BUFFER];
        struct model_cost sum;
};

/* ---- the hypervisor ----------------------------------------------------------------------------
 */

/* A guest's address, looked up in its only memory slot; NULL outside. */
static uint8_t *translate(struct soft_host *h, const struct soft_guest *g, uint64_t gpa, uint32_t n)
{
        h->sum.translations++;
        return gpa >= GPA && gpa + n <= GPA + MEMORY ? g->memory + (gpa - GPA) : NULL;
}

static uint32_t fdb_slot(uint64_t mac)
{
        return (uint32_t) (mac * 0x9e3779b97f4a7c15u >> 58) % FDB;
}

static struct soft_guest *switch_frame(struct soft_host *h, const uint8_t *frame)
{
        uint64_t dst = mac_number(frame);
        uint32_t i = fdb_slot(dst);

        h->sum.classifications++;
        while (h->fdb[i].mac != 0 && h->fdb[i].mac != dst)
                i = (i + 1) % FDB;
        return h->fdb[i].mac == dst ? &h->guest[h->fdb[i].guest] : NULL;
}

static struct tx_desc *tx_ring(const struct soft_guest *g)
{
        return (struct tx_desc *) g->memory;
}

static struct rx_desc *rx_ring(const struct soft_guest *g)
{
        return (struct rx_desc *) (g->memory + RING * DESC_SIZE);
}

/* A frame into the receiver's next buffer, with its write-back. */
static bool deliver(struct soft_host *h, struct soft_guest *g, const uint8_t *frame, uint32_t n)
{
        struct rx_desc *d;
        struct rx_done done = {.length = (uint16_t) n};
        uint8_t *to;

        if (g->rx_head == g->rx_tail)
                return false;
        h->sum.translations++; /* of the ring */
        d = &rx_ring(g)[g->rx_head];
        to = translate(h, g, d->address, n);
        if (!to)
                return false;
        memcpy(to, frame, n);
        h->sum.copies++;
        memcpy(d, &done, sizeof(done));
        __atomic_store_n(&((struct rx_done *) d)->status, RX_DD | RX_EOP, __ATOMIC_RELEASE);
        g->rx_head = (g->rx_head + 1) % RING;
        return true;
}

/* ---- guests ------------------------------------------------------------------------------------
 */

static uint64_t buffer_of(bool transmit, uint32_t i)
{
        return BUFFERS + ((transmit ? 0 : RING) + i) * (uint64_t) BUFFER;
}

/* The driver puts a frame into memory and its descriptor into the ring. */
static void put_frame(struct soft_host *h, struct soft_guest *g, const uint8_t *frame, uint32_t n)
{
        uint64_t gpa = buffer_of(true, g->tx_tail);

        memcpy(g->memory + (gpa - GPA), frame, n);
        h->sum.copies++;
        tx_ring(g)[g->tx_tail] = (struct tx_desc){.address = gpa, .cmd = TX_EOP | n};
        g->tx_tail = (g->tx_tail + 1) % RING;
}

/* The driver takes what came and gives the buffers back. How many. */
static uint32_t take_frames(struct soft_guest *g)
{
        uint32_t n = 0;

        for (; g->rx_seen != g->rx_head; n++) {
                const struct rx_done *done = (const struct rx_done *) &rx_ring(g)[g->rx_seen];

                if (!(__atomic_load_n(&done->status, __ATOMIC_ACQUIRE) & RX_DD))
                        break;
                rx_ring(g)[g->rx_seen] = (struct rx_desc){.address = buffer_of(false, g->rx_seen)};
                g->rx_seen = (g->rx_seen + 1) % RING;
        }
        return n;
}

static void host_done(struct soft_host *h)
{
        free(h->guest[0].memory);
        free(h->guest[1].memory);
}

static int host_init(struct soft_host *h)
{
        for (uint32_t i = 0; i < 2; i++) {
                struct soft_guest *g = &h->guest[i];

                g->memory = calloc(1, MEMORY);
                if (!g->memory)
                        return -ENOMEM;
                g->mac = 0x020000000000u + i + 1;
                for (uint32_t k = 0; k < RING; k++)
                        rx_ring(g)[k] = (struct rx_desc){.address = buffer_of(false, k)};
                g->rx_tail = RING - 1;
                h->fdb[fdb_slot(g->mac)].mac = g->mac;
                h->fdb[fdb_slot(g->mac)].guest = i;
        }
        return 0;
}

static void make_frame(const struct soft_host *h, uint8_t *frame)
{
        memcpy(frame, &h->guest[1].mac, 6);
        memcpy(frame + 6, &h->guest[0].mac, 6);
        frame[12] = 0x88;
        frame[13] = 0xb5;
}

static void average(struct model_cost *sum, uint32_t frames, uint64_t ns, struct model_cost *ret)
{
        *ret = (struct model_cost){
                .copies = sum->copies / frames,
                .translations = sum->translations / frames,
                .exits = sum->exits / frames,
                .classifications = sum->classifications / frames,
                .interrupts = sum->interrupts / frames,
                .ns = (double) ns / frames,
        };
}

/* ---- emulated ----------------------------------------------------------------------------------
 */

enum soft_register { SOFT_TDT = 0x3818, SOFT_ICR = 0x00c0, SOFT_RDT = 0x2818 }; /* of an e1000 */

/* The hypervisor's card: takes the sender's frames one by one, through a buffer of its own. */
static void emulate_transmit(struct soft_host *h, struct soft_guest *g)
{
        while (g->tx_head != g->tx_tail) {
                struct tx_desc d = tx_ring(g)[g->tx_head];
                uint32_t n = d.cmd & TX_LENGTH;
                struct soft_guest *to;
                const uint8_t *from;

                h->sum.translations++; /* of the ring */
                from = translate(h, g, d.address, n);
                if (from && n <= sizeof(h->frame)) {
                        memcpy(h->frame, from, n);
                        h->sum.copies++;
                        to = switch_frame(h, h->frame);
                        if (to && deliver(h, to, h->frame, n)) {
                                to->cause |= 0x80;
                                h->sum.interrupts++;
                        }
                }
                tx_ring(g)[g->tx_head].status = TX_DD;
                g->tx_head = (g->tx_head + 1) % RING;
        }
}

/* Every access leaves the guest. */
static __attribute__((noinline)) uint32_t trap(
        struct soft_host *h, struct soft_guest *g, enum soft_register reg, uint32_t value)
{
        uint32_t cause;

        h->sum.exits++;
        switch (reg) {
        case SOFT_TDT:
                g->tx_tail = value;
                emulate_transmit(h, g);
                return 0;
        case SOFT_RDT:
                g->rx_tail = value;
                return 0;
        case SOFT_ICR:
                cause = g->cause;
                g->cause = 0;
                return cause;
        }
        return 0;
}

int model_emulated(uint32_t size, uint32_t frames, struct model_cost *ret)
{
        _cleanup_(host_done) struct soft_host h = {0};
        uint8_t frame[BUFFER] = {0};
        uint64_t began;
        int r;

        r = host_init(&h);
        if (r < 0)
                return r;
        make_frame(&h, frame);
        began = model_clock();
        for (uint32_t i = 0; i < frames; i++) {
                put_frame(&h, &h.guest[0], frame, size);
                trap(&h, &h.guest[0], SOFT_TDT, h.guest[0].tx_tail);
                if (trap(&h, &h.guest[1], SOFT_ICR, 0) && take_frames(&h.guest[1]) > 0)
                        trap(&h, &h.guest[1], SOFT_RDT, (h.guest[1].rx_seen + RING - 1) % RING);
        }
        average(&h.sum, frames, model_clock() - began, ret);
        return 0;
}

/* ---- paravirtual -------------------------------------------------------------------------------
 */

/* The host's switch: straight from the sender's memory into the receiver's. */
static void serve_ring(struct soft_host *h, struct soft_guest *g)
{
        bool came = false;

        while (g->tx_head != g->tx_tail) {
                struct tx_desc d = tx_ring(g)[g->tx_head];
                uint32_t n = d.cmd & TX_LENGTH;
                const uint8_t *from = translate(h, g, d.address, n);
                struct soft_guest *to = from ? switch_frame(h, from) : NULL;

                h->sum.translations++; /* of the ring */
                came |= to && deliver(h, to, from, n);
                tx_ring(g)[g->tx_head].status = TX_DD;
                g->tx_head = (g->tx_head + 1) % RING;
        }
        if (came)
                h->sum.interrupts++; /* one call per burst */
}

int model_paravirtual(uint32_t size, uint32_t frames, struct model_cost *ret)
{
        _cleanup_(host_done) struct soft_host h = {0};
        uint8_t frame[BUFFER] = {0};
        uint64_t began;
        int r;

        r = host_init(&h);
        if (r < 0)
                return r;
        make_frame(&h, frame);
        began = model_clock();
        for (uint32_t i = 0; i < frames;) {
                for (uint32_t k = 0; k < BURST && i < frames; k++, i++)
                        put_frame(&h, &h.guest[0], frame, size);
                h.sum.exits++; /* the kick */
                serve_ring(&h, &h.guest[0]);
                take_frames(&h.guest[1]);
                h.guest[1].rx_tail = (h.guest[1].rx_seen + RING - 1) % RING;
        }
        average(&h.sum, frames, model_clock() - began, ret);
        return 0;
}
