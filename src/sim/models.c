/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The models with simulated hardware, and the table of all. One thread. */
#include "sim/models_soft.h"
#include "sim/traffic.h"

#define CABLE_FRAMES 128u
#define BURST        NIC_BURST
#define PATIENCE     100000u /* passes without a frame */

uint64_t model_clock(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

/* ---- a cable between two cards -----------------------------------------------------------------
 */

struct cable_end {
        uint8_t bytes[CABLE_FRAMES][2048];
        uint32_t length[CABLE_FRAMES];
        uint32_t put, taken;
        struct cable_end *peer;
};

static uint32_t cable_receive(void *end, struct port_frame *frames, uint32_t n)
{
        struct cable_end *e = end;
        uint32_t i = 0;

        for (; i < n && e->taken != e->put; i++, e->taken++)
                frames[i] = (struct port_frame){
                        e->bytes[e->taken % CABLE_FRAMES], e->length[e->taken % CABLE_FRAMES]};
        return i;
}

/* Half full is full: what the peer was given stays good until it asks again. */
static uint32_t cable_transmit(void *end, const struct port_frame *frames, uint32_t n)
{
        struct cable_end *to = ((struct cable_end *) end)->peer;
        uint32_t i = 0;

        for (; i < n && to->put - to->taken < CABLE_FRAMES / 2; i++, to->put++) {
                memcpy(to->bytes[to->put % CABLE_FRAMES], frames[i].bytes, frames[i].length);
                to->length[to->put % CABLE_FRAMES] = frames[i].length;
        }
        return i;
}

static const struct port_ops cable_ops = {cable_receive, cable_transmit};

/* ---- a host with one or two cards --------------------------------------------------------------
 */

struct hard_host {
        struct memory *memory;
        struct iommu *iommu;
        struct irq *irq;
        struct nic *nic[2];
        struct pfdrv *pfdrv[2];
        struct vfdrv *from, *to;
        struct cable_end *cable;
        uint64_t now;
};

static void host_done(struct hard_host *h)
{
        if (h->from)
                vfdrv_close(h->from);
        if (h->to)
                vfdrv_close(h->to);
        for (int i = 0; i < 2; i++) {
                if (h->pfdrv[i])
                        pfdrv_free(h->pfdrv[i]);
                if (h->nic[i])
                        nic_free(h->nic[i]);
        }
        irq_free(h->irq);
        iommu_free(h->iommu);
        memory_free(h->memory);
        free(h->cable);
}

/* Of the PF of the first or second card. */
static uint64_t card_mac(bool second)
{
        return second ? 0x010000000002u : 0x020000000002u;
}

static int add_card(struct hard_host *h, int i, uint32_t vfs)
{
        const struct sim_profile *profile = sim_profile_find("ice");
        const uint64_t number = card_mac(i == 1);
        const struct nic_config config = {
                .memory = h->memory,
                .iommu = h->iommu,
                .irq = h->irq,
                .pf_rid = (uint16_t) ((i + 1) << 8),
                .vf_offset = profile->offset,
                .vf_stride = profile->stride,
                .max_vfs = vfs,
                .queues = 1,
                .pf_vectors = 3,
                .vf_vectors = 3,
        };
        struct mac mac;
        int r;

        memcpy(mac.b, &number, sizeof(mac.b));
        r = nic_new(&config, &h->nic[i]);
        if (r < 0)
                return r;
        _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(h->nic[i]);

        r = pfdrv_new(held, profile, &mac, &h->pfdrv[i]);
        if (r < 0)
                return r;
        nic_set_link(held, true);
        pfdrv_set_link(h->pfdrv[i], true);
        return pfdrv_set_numvfs(h->pfdrv[i], vfs, 0);
}

static int open_function(
        struct hard_host *h, struct nic *nic, uint32_t pool, bool guest, struct vfdrv **ret)
{
        _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(nic);
        const struct vfdrv_config config = {.posted = guest, .mac = card_mac(nic == h->nic[1])};

        return vfdrv_open(held, pool, &config, h->now, ret, NULL, 0);
}

static int connect_cards(struct hard_host *h)
{
        h->cable = calloc(2, sizeof(*h->cable));
        if (!h->cable)
                return -ENOMEM;
        for (int i = 0; i < 2; i++) {
                _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(h->nic[i]);

                h->cable[i].peer = &h->cable[1 - i];
                nic_set_port(held, &cable_ops, &h->cable[i]);
        }
        return 0;
}

static int host_init(struct hard_host *h, enum io_model model)
{
        bool guests = model != MODEL_NATIVE;
        int r;

        r = memory_new(UINT64_C(64) << 20, &h->memory);
        if (r >= 0)
                r = iommu_new(h->memory, guests, &h->iommu);
        if (r >= 0)
                r = irq_new(h->iommu, guests, &h->irq);
        if (r >= 0)
                r = add_card(h, 0, model == MODEL_SRIOV ? 2 : 0);
        if (r >= 0 && model == MODEL_SRIOV) {
                r = open_function(h, h->nic[0], pool_of_vf(0), true, &h->from);
                return r < 0 ? r : open_function(h, h->nic[0], pool_of_vf(1), true, &h->to);
        }
        if (r >= 0)
                r = add_card(h, 1, 0);
        if (r >= 0)
                r = connect_cards(h);
        if (r >= 0)
                r = open_function(h, h->nic[0], POOL_PF, guests, &h->from);
        return r < 0 ? r : open_function(h, h->nic[1], POOL_PF, guests, &h->to);
}

/* ---- running -----------------------------------------------------------------------------------
 */

static uint32_t pass(struct hard_host *h)
{
        uint32_t moved = nic_poll(h->nic[0], h->now);

        return h->nic[1] ? moved + nic_poll(h->nic[1], h->now) : moved;
}

/* Sends so many and waits until they are there. How many came. */
static uint32_t move(struct hard_host *h, const struct vfdrv_frame *frame, uint32_t count)
{
        struct vfdrv_frame out[BURST], in[BURST];
        uint32_t sent = 0, came = 0, idle = 0;

        for (uint32_t i = 0; i < BURST; i++)
                out[i] = *frame;
        while (came < count && idle < PATIENCE) {
                uint32_t want = count - sent < BURST ? count - sent : BURST, got;

                h->now += 1000;
                if (want > 0)
                        sent += vfdrv_send(h->from, 0, out, want);
                pass(h);
                got = vfdrv_receive(h->to, 0, in, BURST);
                came += got;
                idle = got > 0 ? 0 : idle + 1;
        }
        return came;
}

struct counting {
        struct model_cost cost;
        bool iommu; /* without one an address stands for itself */
};

/* What one frame's steps are, counted as the datapath tells of them. */
static void count_step(void *counting, const struct trace_event *e)
{
        const struct counting *k = counting;
        struct model_cost *c = &((struct counting *) counting)->cost;

        switch (e->step) {
        case TRACE_TRANSLATE:
                c->translations += k->iommu;
                break;
        case TRACE_STORE:
        case TRACE_DMA:
        case TRACE_PORT_OUT:
                c->copies++;
                break;
        case TRACE_VERDICT:
                c->classifications++;
                break;
        case TRACE_INTERRUPT:
                c->interrupts++;
                break;
        default:
                break;
        }
}

static void trace_cards(struct hard_host *h, struct nic_tracer *tracer)
{
        for (int i = 0; i < 2 && h->nic[i]; i++) {
                _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(h->nic[i]);

                nic_trace(held, tracer);
        }
}

static int model_hardware(
        enum io_model model, uint32_t size, uint32_t frames, struct model_cost *ret)
{
        _cleanup_(host_done) struct hard_host h = {0};
        struct counting counting = {
                .cost.copies = 1, /* into the sender's own memory */
                .iommu = model != MODEL_NATIVE,
        };
        struct nic_tracer tracer = {count_step, &counting};
        uint8_t bytes[2048] = {0};
        struct vfdrv_frame frame = {.bytes = bytes, .length = size};
        uint64_t dst, src, began;
        int r;

        r = host_init(&h, model);
        if (r < 0)
                return r;
        dst = vfdrv_mac(h.to);
        src = vfdrv_mac(h.from);
        memcpy(bytes, &dst, 6);
        memcpy(bytes + 6, &src, 6);
        bytes[12] = 0x88;
        bytes[13] = 0xb5;
        trace_cards(&h, &tracer);
        if (move(&h, &frame, 1) != 1)
                return -EIO;
        trace_cards(&h, NULL);
        if (move(&h, &frame, 1024) != 1024) /* warm */
                return -EIO;
        began = model_clock();
        if (move(&h, &frame, frames) != frames)
                return -EIO;
        counting.cost.ns = (double) (model_clock() - began) / frames;
        *ret = counting.cost;
        return 0;
}

/* ---- the table ---------------------------------------------------------------------------------
 */

static const struct {
        const char *name, *about;
} models[MODEL_MAX] = {
        [MODEL_EMULATED] = {"emulated", "a card in software: a trap per register access"},
        [MODEL_PARAVIRTUAL] = {"paravirtual", "a shared ring, the host's switch copies"},
        [MODEL_PASSTHROUGH] = {"passthrough", "a whole card for each guest, by the wire"},
        [MODEL_SRIOV] = {"sr-iov", "a VF for each guest, the card switches"},
        [MODEL_NATIVE] = {"native", "the host with its PFs, by the wire, no IOMMU"},
};

const char *io_model_name(enum io_model model)
{
        return models[model].name;
}

const char *io_model_about(enum io_model model)
{
        return models[model].about;
}

int io_model_run(enum io_model model, uint32_t size, uint32_t frames, struct model_cost *ret)
{
        switch (model) {
        case MODEL_EMULATED:
                return model_emulated(size, frames, ret);
        case MODEL_PARAVIRTUAL:
                return model_paravirtual(size, frames, ret);
        case MODEL_PASSTHROUGH:
        case MODEL_SRIOV:
        case MODEL_NATIVE:
                return model_hardware(model, size, frames, ret);
        case MODEL_MAX:
                break;
        }
        return -EINVAL;
}
