/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A NIC with its PF driver, some guests that have VFs open, and a wire, by a clock of the test's:
 * what frames do when settings change.
 */
#pragma once

#include "sim/guest/pfdrv.h"
#include "sim/guest/vfdrv.h"
#include "unit.h"

#define GUESTS_MAX 8u
#define WIRE_MASK  (1u << 31) /* of world_send(): it left by the wire */
#define FROM_OUT   FROM_WIRE
#define NO_VLAN    (-1)
#define ETYPE      0x88b5u /* for local experiments */
#define BROADCAST  MAC_BROADCAST
#define OUTSIDE    mac_of_text("02:00:00:00:ee:01") /* somebody at the other end of the wire */

struct world {
        struct memory *memory;
        struct iommu *iommu;
        struct irq *irq;
        struct nic *nic;
        struct pfdrv *pf;
        const struct sim_profile *profile;
        struct vfdrv *guest[GUESTS_MAX]; /* by pool; 0: the PF's own */
        uint32_t n_vfs;
        uint64_t now;
        /* The wire. */
        uint8_t in[FRAME_MAX], out[FRAME_MAX];
        uint32_t in_length; /* 0: nothing comes */
        uint32_t out_length, n_out;
        /* What the last frame looked like for who got it. */
        struct vfdrv_frame seen[GUESTS_MAX];
        uint8_t bytes[GUESTS_MAX][FRAME_MAX];
};

static inline uint64_t mac_of_text(const char *text)
{
        struct mac m;

        assert_int_equal(parse_mac(text, &m), 0);
        return mac_number(m.b);
}

static inline struct mac mac_bytes(uint64_t number)
{
        struct mac m;

        memcpy(m.b, &number, 6);
        return m;
}

/* ---- the wire ---- */

static inline uint32_t wire_receive(void *port, struct port_frame *frames, uint32_t n)
{
        struct world *w = port;

        if (n == 0 || w->in_length == 0)
                return 0;
        frames[0] = (struct port_frame){w->in, w->in_length};
        w->in_length = 0;
        return 1;
}

static inline uint32_t wire_transmit(void *port, const struct port_frame *frames, uint32_t n)
{
        struct world *w = port;

        for (uint32_t i = 0; i < n; i++) {
                memcpy(w->out, frames[i].bytes, frames[i].length);
                w->out_length = frames[i].length;
                w->n_out++;
        }
        return n;
}

/* ---- its making ---- */

static inline void world_open(struct world *w, uint32_t pool, const struct vfdrv_config *config)
{
        static const struct vfdrv_config standard = {.rx_ring = 64, .tx_ring = 64, .scatter = true};
        char why[128] = "";
        int r;

        r = vfdrv_open(w->nic, pool, config ? config : &standard, w->now, &w->guest[pool], why,
                sizeof(why));
        if (r < 0)
                fail_msg("pool %u: %s: %s", pool, strerror(-r), why);
}

static inline void world_close(struct world *w, uint32_t pool)
{
        if (w->guest[pool])
                vfdrv_close(w->guest[pool]);
        w->guest[pool] = NULL;
}

/* The NIC, its PF driver, n VFs; nobody has one open. */
static inline struct world *world_empty(const char *profile, uint32_t n_vfs, uint32_t queues)
{
        static const struct port_ops wire = {wire_receive, wire_transmit};
        const struct mac mac = {{0x02, 0x51, 0x00, 0x00, 0x01, 0x00}};
        struct world *w = calloc(1, sizeof(*w));
        struct nic_config config;

        assert_non_null(w);
        w->profile = sim_profile_find(profile);
        assert_non_null(w->profile);
        w->n_vfs = n_vfs;
        w->now = 1000;
        assert_int_equal(memory_new(UINT64_C(256) << 20, &w->memory), 0);
        assert_int_equal(iommu_new(w->memory, true, &w->iommu), 0);
        assert_int_equal(irq_new(w->iommu, true, &w->irq), 0);
        config = (struct nic_config){
                .memory = w->memory,
                .iommu = w->iommu,
                .irq = w->irq,
                .pf_rid = 0x0100,
                .vf_offset = w->profile->offset,
                .vf_stride = w->profile->stride,
                .max_vfs = n_vfs,
                .queues = queues,
                .pf_vectors = 4,
                .vf_vectors = 3,
        };
        assert_int_equal(nic_new(&config, &w->nic), 0);
        nic_set_port(w->nic, &wire, w);
        nic_set_link(w->nic, true);
        assert_int_equal(pfdrv_new(w->nic, w->profile, &mac, &w->pf), 0);
        assert_int_equal(pfdrv_set_numvfs(w->pf, n_vfs, w->now), 0);
        return w;
}

/* The same, and a guest has each function open. */
static inline struct world *world_new(const char *profile, uint32_t n_vfs)
{
        struct world *w = world_empty(profile, n_vfs, 1);

        for (uint32_t pool = 0; pool <= n_vfs; pool++)
                world_open(w, pool, NULL);
        return w;
}

static inline void world_free(struct world *w)
{
        char why[512] = "";

        if (!nic_conserved(w->nic, why, sizeof(why)))
                fail_msg("%s", why);
        for (uint32_t pool = 0; pool < GUESTS_MAX; pool++)
                world_close(w, pool);
        pfdrv_free(w->pf);
        nic_free(w->nic);
        irq_free(w->irq);
        iommu_free(w->iommu);
        assert_int_equal(memory_taken(w->memory), 0);
        memory_free(w->memory);
        free(w);
}

/* ---- frames ---- */

/* Returns its length: 60 bytes, or 64 with a tag. */
static inline uint32_t make_frame(uint8_t to[static 64], uint64_t dst, uint64_t src, int tci)
{
        uint32_t at = 12;

        memset(to, 0xa5, 64);
        memcpy(to, &dst, 6);
        memcpy(to + 6, &src, 6);
        if (tci != NO_VLAN) {
                memcpy(to + at, (const uint8_t[]){0x81, 0x00, (uint8_t) (tci >> 8), (uint8_t) tci},
                        4);
                at += 4;
        }
        to[at] = ETYPE >> 8;
        to[at + 1] = ETYPE & 255;
        return tci == NO_VLAN ? 60 : 64;
}

static inline void world_run(struct world *w)
{
        for (uint32_t idle = 0; idle < 3;) {
                w->now += 1000;
                idle = nic_poll(w->nic, w->now) > 0 ? 0 : idle + 1;
        }
}

/* What has come to each guest: a bit per pool. Several frames for one guest: the last is seen. */
static inline uint32_t world_collect(struct world *w)
{
        struct vfdrv_frame frames[32];
        uint32_t mask = 0, n;

        for (uint32_t pool = 0; pool < GUESTS_MAX; pool++) {
                if (!w->guest[pool])
                        continue;
                while ((n = vfdrv_receive(w->guest[pool], 0, frames, 32)) > 0) {
                        mask |= 1u << pool;
                        w->seen[pool] = frames[n - 1];
                        memcpy(w->bytes[pool], frames[n - 1].bytes, frames[n - 1].length);
                }
        }
        return mask;
}

/* Sends a frame from a pool or from outside, and tells who got it. */
static inline uint32_t world_send_bytes(
        struct world *w, uint32_t from, uint8_t *bytes, uint32_t length)
{
        uint32_t n_out = w->n_out, mask;

        world_collect(w);
        if (from == FROM_OUT) {
                memcpy(w->in, bytes, length);
                w->in_length = length;
        } else {
                struct vfdrv_frame f = {.bytes = bytes, .length = length};

                assert_int_equal(vfdrv_send(w->guest[from], 0, &f, 1), 1);
        }
        world_run(w);
        mask = world_collect(w);
        return mask | (w->n_out > n_out ? WIRE_MASK : 0);
}

static inline uint32_t world_send(
        struct world *w, uint32_t from, uint64_t dst, uint64_t src, int tci)
{
        uint8_t bytes[64];
        uint32_t n = make_frame(bytes, dst, src, tci);

        return world_send_bytes(w, from, bytes, n);
}

static inline uint64_t vf_mac(struct world *w, uint32_t pool)
{
        return pfdrv_vf_mac(w->pf, pool - 1);
}

/* From one guest to another, with the addresses they have. */
static inline uint32_t world_talk(struct world *w, uint32_t from, uint32_t to, int tci)
{
        return world_send(w, from, vf_mac(w, to), vf_mac(w, from), tci);
}

static inline uint64_t world_drops(struct world *w, uint32_t pool, enum drop_reason reason)
{
        struct pool_stats s;

        nic_pool_stats(w->nic, pool, &s);
        return s.drops[reason];
}

/* ---- settings ---- */

static inline int set_text(
        struct world *w, uint32_t pool, enum vf_setting setting, const char *settings)
{
        struct vf_attrs a = {0};
        char copy[128], *word, *rest = copy;
        struct fault f = FAULT_NULL;

        snprintf(copy, sizeof(copy), "%s", settings);
        while ((word = strsep(&rest, " "))) {
                char *value = strchr(word, '=');

                *value++ = '\0';
                if (vf_attrs_set_text(&a, vf_attr_from_name(word), value, &f) < 0)
                        fail_msg("%s", f.text);
        }
        return pfdrv_set_vf(w->pf, pool - 1, setting, &a, w->now);
}

/* Interrupts that reached the guest so far. */
static inline uint64_t irq_target_count(struct world *w, uint32_t pool)
{
        return __atomic_load_n(&vfdrv_irq(w->guest[pool])->count, __ATOMIC_RELAXED);
}
