/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver of a function: frames of every shape through its rings, its interrupts, what it
 * refuses, and that it gives back all it took. A misbehaving one harms itself.
 */
#include <poll.h>
#include <pthread.h>

#include "simguests.h"

#define A 1u /* pools of the first VFs */
#define B 2u

static uint64_t seed;

static uint32_t dice(uint32_t n)
{
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t) ((seed >> 33) % n);
}

/* ---- its life ---- */

static void refusals(void **state)
{
        static const struct {
                struct vfdrv_config config;
                uint32_t pool;
                int error;
                const char *text;
        } cases[] = {
                {{0}, 3, -ENODEV, "no such function"},
                {{.rx_ring = 4}, A, -EINVAL, "8 to 4096"},
                {{.rx_ring = 12}, A, -EINVAL, "multiple of 8"},
                {{.tx_ring = 8192}, A, -EINVAL, "8 to 4096"},
                {{.queues = 3}, A, -EINVAL, "queues"},
                {{.buffer = 1000}, A, -EINVAL, "1024"},
                {{.buffer = 17408}, A, -EINVAL, "16384"},
                {{.largest_page = 8192}, A, -EINVAL, "2 MiB"},
                {{.moderation = 1023}, A, -EINVAL, "1022"},
                {{.rx_ring = 4096, .tx_ring = 4096, .buffer = 16384, .queues = 2}, A, -ENOMEM,
                        "no memory for VF 0"},
        };
        struct world *w = world_empty("ixgbe", 2, 2);
        struct vfdrv *d = (struct vfdrv *) 77;
        char why[128];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                why[0] = '\0';
                assert_int_equal(vfdrv_open(w->nic, cases[i].pool, &cases[i].config, w->now, &d,
                                         why, sizeof(why)),
                        cases[i].error);
                if (!strstr(why, cases[i].text))
                        fail_msg("%zu: '%s'", i, why);
                assert_ptr_equal(d, (struct vfdrv *) 77);
                assert_int_equal(memory_taken(w->memory), 0);
        }
        assert_int_equal(vfdrv_open(w->nic, A, &cases[1].config, w->now, &d, NULL, 0), -EINVAL);
        world_free(w);
}

static void gives_all_back(void **state)
{
        static const struct vfdrv_config configs[] = {
                {0},
                {.largest_page = PAGE_SIZE_4K},
                {.queues = 2, .posted = true, .with_fd = true, .scatter = true, .buffer = 1024},
                {.rx_ring = 8, .tx_ring = 8, .moderation = 100, .drop = true, .raw = true},
        };
        struct world *w = world_empty("ixgbe", 2, 2);

        (void) state;
        world_open(w, B, NULL);
        for (size_t i = 0; i < ELEMENTSOF(configs); i++) {
                uint64_t taken = memory_taken(w->memory);

                for (uint32_t k = 0; k < 3; k++) {
                        world_open(w, A, &configs[i]);
                        assert_true(memory_taken(w->memory) > taken);
                        assert_int_equal(vfdrv_pool(w->guest[A]), A);
                        assert_int_equal(world_talk(w, B, A, NO_VLAN), 1u << A);
                        assert_int_equal(world_talk(w, A, B, NO_VLAN), 1u << B);
                        world_close(w, A);
                        assert_int_equal(memory_taken(w->memory), taken);
                        /* Nobody is at home. */
                        assert_int_equal(world_talk(w, B, A, NO_VLAN), 0);
                }
        }
        world_free(w);
}

/* A function that a guest has, and the VFs go: the driver only gives its memory back. */
static void vfs_go(void **state)
{
        struct world *w = world_empty("ixgbe", 2, 1);

        (void) state;
        world_open(w, A, NULL);
        assert_int_equal(pfdrv_set_numvfs(w->pf, 0, w->now), 0);
        world_close(w, A);
        world_free(w);
}

/* ---- frames ---- */

struct sent {
        uint8_t bytes[FRAME_MAX];
        uint32_t length;
};

static void fill(struct sent *s, uint64_t dst, uint64_t src, uint32_t length, uint32_t mark)
{
        uint8_t head[64];

        make_frame(head, dst, src, NO_VLAN);
        memcpy(s->bytes, head, 14);
        for (uint32_t i = 14; i < length; i++)
                s->bytes[i] = (uint8_t) (mark * 7 + i);
        s->length = length;
}

/* Bursts of frames of any length in both directions, all bytes looked at, rings round many times.
 */
static void traffic(struct world *w, uint32_t rounds, uint32_t longest)
{
        static struct sent sent[16];
        struct vfdrv_frame out[16], in[32];

        for (uint32_t round = 0; round < rounds; round++) {
                uint32_t from = round % 2 ? A : B, to = round % 2 ? B : A, n = 1 + dice(16),
                         got = 0;

                for (uint32_t i = 0; i < n; i++) {
                        uint32_t length = dice(3) ? 14 + dice(200) : 14 + dice(longest - 13);

                        fill(&sent[i], vf_mac(w, to), vf_mac(w, from), length, round + i);
                        out[i] = (struct vfdrv_frame){.bytes = sent[i].bytes, .length = length};
                }
                for (uint32_t begun = 0, idle = 0; got < n;) {
                        uint32_t k = vfdrv_send(w->guest[from], 0, out + begun, n - begun);

                        begun += k;
                        world_run(w);
                        k = vfdrv_receive(w->guest[to], 0, in, ELEMENTSOF(in));
                        idle = k > 0 ? 0 : idle + 1; /* it may only have given buffers back */
                        assert_true(idle < 3);
                        for (uint32_t i = 0; i < k; i++, got++) {
                                assert_int_equal(in[i].length, sent[got].length);
                                assert_memory_equal(in[i].bytes, sent[got].bytes, in[i].length);
                                assert_true(in[i].flags & VFDRV_LOOPBACK);
                        }
                }
        }
        vfdrv_receive(w->guest[A], 0, in, 1);
        vfdrv_receive(w->guest[B], 0, in, 1);
        assert_int_equal(vfdrv_unsent(w->guest[A], 0), 0);
        assert_int_equal(vfdrv_unsent(w->guest[B], 0), 0);
}

static void shapes(void **state)
{
        static const struct vfdrv_config configs[] = {
                {.rx_ring = 256, .tx_ring = 256},
                {.rx_ring = 64, .tx_ring = 16, .scatter = true},
                {.rx_ring = 32, .tx_ring = 32, .buffer = 1024, .scatter = true},
                {.rx_ring = 64, .tx_ring = 64, .buffer = 16384},
                {.rx_ring = 64, .tx_ring = 64, .largest_page = PAGE_SIZE_4K, .scatter = true},
        };

        (void) state;
        seed = 4711;
        for (size_t i = 0; i < ELEMENTSOF(configs); i++) {
                struct world *w = world_empty("i40e", 2, 1);
                bool all = configs[i].scatter || configs[i].buffer > FRAME_MAX;

                world_open(w, A, &configs[i]);
                world_open(w, B, &configs[i]);
                if (all) {
                        assert_int_equal(vfdrv_set_mtu(w->guest[A], FRAME_MAX - 18), 0);
                        assert_int_equal(vfdrv_set_mtu(w->guest[B], FRAME_MAX - 18), 0);
                }
                traffic(w, 3000, all ? FRAME_MAX - 4 : 1514);
                world_free(w);
        }
}

/* Frames in several buffers, to a driver that takes none such. */
static void no_scatter(void **state)
{
        struct world *w = world_empty("i40e", 2, 1);
        struct sent s;

        (void) state;
        world_open(w, A, NULL);
        world_open(w, B, &(struct vfdrv_config){.buffer = 1024, .rx_ring = 16, .raw = true});
        for (uint32_t i = 0; i < 40; i++) { /* the ring does not run dry of them either */
                fill(&s, vf_mac(w, B), vf_mac(w, A), 1500, i);
                assert_int_equal(world_send_bytes(w, A, s.bytes, s.length), 0);
                fill(&s, vf_mac(w, B), vf_mac(w, A), 1000, i);
                assert_int_equal(world_send_bytes(w, A, s.bytes, s.length), 1u << B);
        }
        assert_int_equal(vfdrv_set_mtu(w->guest[A], 9000), 0); /* that one scatters */
        world_free(w);
}

/* More frames of several buffers than one call can return. */
static void many_joined(void **state)
{
        struct world *w = world_empty("i40e", 2, 1);
        struct vfdrv_frame in[32];
        uint32_t n = 0, k;
        struct sent s;

        (void) state;
        world_open(w, A, &(struct vfdrv_config){.rx_ring = 256, .tx_ring = 256});
        world_open(w, B, &(struct vfdrv_config){.rx_ring = 256, .buffer = 1024, .scatter = true});
        for (uint32_t i = 0; i < 20; i++) {
                struct vfdrv_frame f = {.bytes = s.bytes, .length = 1500};

                fill(&s, vf_mac(w, B), vf_mac(w, A), 1500, i);
                assert_int_equal(vfdrv_send(w->guest[A], 0, &f, 1), 1);
        }
        world_run(w);
        while ((k = vfdrv_receive(w->guest[B], 0, in, 32)) > 0)
                for (uint32_t i = 0; i < k; i++, n++) {
                        fill(&s, vf_mac(w, B), vf_mac(w, A), 1500, n);
                        assert_int_equal(in[i].length, 1500);
                        assert_memory_equal(in[i].bytes, s.bytes, 1500);
                }
        assert_int_equal(n, 20);
        world_free(w);
}

static void not_sent(void **state)
{
        struct world *w = world_empty("i40e", 2, 1);
        uint8_t bytes[FRAME_MAX + 1] = {0};
        const struct vfdrv_frame frames[] = {
                {.bytes = bytes, .length = 13},
                {.bytes = bytes, .length = FRAME_MAX + 1},
                {.bytes = bytes, .length = 60, .flags = VFDRV_VLAN, .tci = 4095},
                {.bytes = bytes, .length = 60},
        };

        (void) state;
        world_open(w, A, &(struct vfdrv_config){.tx_ring = 8});
        world_open(w, B, NULL);
        make_frame(bytes, vf_mac(w, B), vf_mac(w, A), NO_VLAN);
        assert_int_equal(vfdrv_send(w->guest[A], 0, frames, 4), 4);
        world_run(w);
        assert_int_equal(world_collect(w), 1u << B);
        assert_int_equal(nic_mdd(w->nic, A).cause, MDD_NONE);
        assert_int_equal(vfdrv_unsent(w->guest[A], 0), 0);
        world_free(w);
}

/* Nobody takes them: the sender is held, its ring fills; then all arrive, in order. */
static void full_rings(void **state)
{
        struct world *w = world_empty("i40e", 2, 1);
        struct vfdrv_frame f[8], in[32];
        uint32_t sent = 0, got = 0, k;
        struct sent s[8];

        (void) state;
        world_open(w, A, &(struct vfdrv_config){.tx_ring = 16});
        world_open(w, B, &(struct vfdrv_config){.rx_ring = 16});
        for (bool more = true; more; world_run(w)) {
                for (uint32_t i = 0; i < 8; i++) {
                        fill(&s[i], vf_mac(w, B), vf_mac(w, A), 60, sent + i);
                        f[i] = (struct vfdrv_frame){.bytes = s[i].bytes, .length = 60};
                }
                k = vfdrv_send(w->guest[A], 0, f, 8);
                more = k > 0;
                sent += k;
        }
        assert_true(sent >= 30 && sent < 2000);
        assert_int_equal(vfdrv_unsent(w->guest[A], 0), 15);
        assert_int_equal(vfdrv_send(w->guest[A], 0, f, 8), 0);
        while ((k = vfdrv_receive(w->guest[B], 0, in, 32)) > 0) {
                for (uint32_t i = 0; i < k; i++, got++) {
                        fill(&s[0], vf_mac(w, B), vf_mac(w, A), 60, got);
                        assert_memory_equal(in[i].bytes, s[0].bytes, 60);
                }
                vfdrv_receive(w->guest[B], 0, in, 0);
                world_run(w);
        }
        assert_int_equal(got, sent);
        assert_int_equal(vfdrv_unsent(w->guest[A], 0), 0);
        world_free(w);
}

/* ---- offloads ---- */

static uint32_t ip_frame(uint8_t to[static 128], uint64_t dst, uint64_t src, bool tcp)
{
        uint8_t head[64];

        make_frame(head, dst, src, NO_VLAN);
        memset(to, 0, 128);
        memcpy(to, head, 12);
        memcpy(to + 12,
                ((uint8_t[]){0x08, 0x00, 0x45, 0, 0, 86, 0, 0, 0, 0, 64, tcp ? 6 : 17, 0, 0, 10, 0,
                        0, 1, 10, 0, 0, 2, 0x12, 0x34, 0x56, 0x78}),
                26);
        if (tcp)
                to[46] = 0x50;
        else
                to[39] = 66;
        for (uint32_t i = 60; i < 100; i++)
                to[i] = (uint8_t) i;
        return 100;
}

static void offloads(void **state)
{
        static const uint16_t wishes[] = {VFDRV_IP_SUM | VFDRV_L4_SUM, VFDRV_IP_SUM, VFDRV_L4_SUM,
                0, VFDRV_VLAN | VFDRV_IP_SUM | VFDRV_L4_SUM, VFDRV_VLAN};
        struct world *w = world_new("i40e", 2);
        uint8_t bytes[128];

        (void) state;
        assert_int_equal(vfdrv_set_vlan(w->guest[A], 42, true), 0);
        assert_int_equal(vfdrv_set_vlan(w->guest[B], 42, true), 0);
        for (uint32_t round = 0; round < 100; round++)
                for (size_t i = 0; i < ELEMENTSOF(wishes); i++) {
                        bool tcp = round % 3 == 0, vlan = wishes[i] & VFDRV_VLAN;
                        struct vfdrv_frame f = {.bytes = bytes, .tci = 6 << 13 | 42};
                        uint16_t flags;

                        f.length = ip_frame(bytes, vf_mac(w, B), vf_mac(w, A), tcp);
                        f.flags = wishes[i];
                        world_collect(w);
                        assert_int_equal(vfdrv_send(w->guest[A], 0, &f, 1), 1);
                        world_run(w);
                        assert_int_equal(world_collect(w), 1u << B);
                        flags = w->seen[B].flags;
                        assert_int_equal(flags & VFDRV_VLAN, vlan ? VFDRV_VLAN : 0);
                        if (vlan)
                                assert_int_equal(w->seen[B].tci, f.tci);
                        assert_int_equal(flags & (VFDRV_IP_GOOD | VFDRV_IP_BAD),
                                wishes[i] & VFDRV_IP_SUM ? VFDRV_IP_GOOD : VFDRV_IP_BAD);
                        if (wishes[i] & VFDRV_L4_SUM)
                                assert_int_equal(
                                        flags & (VFDRV_L4_GOOD | VFDRV_L4_BAD), VFDRV_L4_GOOD);
                        else if (tcp)
                                assert_int_equal(
                                        flags & (VFDRV_L4_GOOD | VFDRV_L4_BAD), VFDRV_L4_BAD);
                        assert_int_equal(w->seen[B].length, 100);
                        assert_memory_equal(w->bytes[B], bytes, 24);
                }
        assert_int_equal(nic_mdd(w->nic, A).cause, MDD_NONE);
        /* Asked for what it is not: sent as it is. */
        for (uint32_t length = 14; length < 100; length++) {
                struct vfdrv_frame f = {
                        .bytes = bytes, .length = length, .flags = VFDRV_IP_SUM | VFDRV_L4_SUM};

                ip_frame(bytes, vf_mac(w, B), vf_mac(w, A), true);
                world_collect(w);
                assert_int_equal(vfdrv_send(w->guest[A], 0, &f, 1), 1);
                world_run(w);
                assert_int_equal(world_collect(w), 1u << B);
        }
        assert_int_equal(nic_mdd(w->nic, A).cause, MDD_NONE);
        world_free(w);
}

/* ---- queues, interrupts ---- */

static void queues(void **state)
{
        struct world *w = world_empty("i40e", 2, 4);
        uint32_t count[4] = {0}, hashes = 0;
        uint64_t vectors[IRQ_VECTORS / 64];
        struct vfdrv_frame in[64];
        uint8_t bytes[128];

        (void) state;
        world_open(w, A, &(struct vfdrv_config){.queues = 4, .tx_ring = 64});
        world_open(w, B, &(struct vfdrv_config){.queues = 2, .rx_ring = 256});
        for (uint32_t i = 0; i < 200; i++) {
                struct vfdrv_frame f = {.bytes = bytes};

                f.length = ip_frame(bytes, vf_mac(w, B), vf_mac(w, A), true);
                bytes[35] = (uint8_t) i; /* source port */
                assert_int_equal(vfdrv_send(w->guest[A], i % 4, &f, 1), 1);
                world_run(w);
        }
        for (uint32_t q = 0; q < 2; q++) {
                uint32_t k = vfdrv_receive(w->guest[B], q, in, 64);

                for (; k > 0; k = vfdrv_receive(w->guest[B], q, in, 64)) {
                        count[q] += k;
                        for (uint32_t i = 0; i < k; i++)
                                hashes += in[i].hash != 0;
                }
        }
        assert_int_equal(count[0] + count[1], 200);
        assert_true(count[0] > 50 && count[1] > 50);
        assert_int_equal(hashes, 200);
        /* A vector for each of its queues; the mailbox has the last. */
        assert_true(irq_take(vfdrv_irq(w->guest[B]), vectors));
        assert_int_equal(vectors[0] & 3, 3);
        world_free(w);
}

static void interrupts(void **state)
{
        static const struct {
                bool posted;
                uint32_t moderation, expected;
        } cases[] = {{true, 0, 10}, {false, 0, 10}, {true, 1000, 1}};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct world *w = world_empty("ixgbe", 2, 1);
                uint64_t vectors[IRQ_VECTORS / 64], before;
                const struct irq_target *t;
                struct pollfd p;

                world_open(w, A, NULL);
                world_open(w, B,
                        &(struct vfdrv_config){.posted = cases[i].posted,
                                .with_fd = true,
                                .moderation = cases[i].moderation});
                t = vfdrv_irq(w->guest[B]);
                irq_take(vfdrv_irq(w->guest[B]), vectors);
                before = t->count;
                for (uint32_t k = 0; k < 10; k++)
                        world_talk(w, A, B, NO_VLAN);
                assert_int_equal(t->count - before, cases[i].expected);
                assert_int_equal(t->posted, cases[i].posted);
                assert_int_equal(t->host_handled > 0, !cases[i].posted);
                p = (struct pollfd){.fd = t->event_fd, .events = POLLIN};
                assert_int_equal(poll(&p, 1, 0), 1);
                assert_true(irq_take(vfdrv_irq(w->guest[B]), vectors));
                assert_int_equal(vectors[0], 1); /* of the queue, not the mailbox's */
                if (cases[i].moderation) {       /* what was owed comes when the interval is over */
                        w->now += 2000000;
                        world_run(w);
                        assert_int_equal(t->count - before, 2);
                }
                world_free(w);
        }
}

/* ---- memory ---- */

/* Two functions of one VM: one domain, two places in it. */
static void shared_domain(void **state)
{
        struct world *w = world_empty("ixgbe", 2, 1);
        struct iommu_domain *domain;
        struct vfdrv_raw a, b;
        struct iommu_page page;

        (void) state;
        assert_int_equal(iommu_domain_new(w->iommu, &domain), 0);
        world_open(w, A, &(struct vfdrv_config){.domain = domain});
        world_open(w, B, &(struct vfdrv_config){.domain = domain, .rx_ring = 1024});
        a = vfdrv_raw(w->guest[A], 0);
        b = vfdrv_raw(w->guest[B], 0);
        assert_int_equal(a.iova, GUEST_IOVA);
        assert_true(b.iova >= a.iova + a.bytes);
        assert_ptr_equal(a.domain, domain);
        assert_ptr_equal(b.domain, domain);
        assert_int_equal(world_talk(w, A, B, NO_VLAN), 1u << B);
        world_close(w, A);
        assert_int_equal(iommu_look(w->iommu, nic_rid(w->nic, A), b.iova, IOMMU_READ, &page),
                IOMMU_NO_CONTEXT);
        assert_int_equal(
                iommu_look(w->iommu, nic_rid(w->nic, B), b.iova, IOMMU_READ, &page), IOMMU_OK);
        world_open(w, A, &(struct vfdrv_config){.domain = domain});
        assert_int_equal(vfdrv_raw(w->guest[A], 0).iova, GUEST_IOVA);
        assert_int_equal(world_talk(w, B, A, NO_VLAN), 1u << A);
        world_close(w, A);
        world_close(w, B);
        iommu_domain_free(domain);
        world_free(w);
}

/* A platform without IOMMU: what devices say is the address. */
static void without_iommu(void **state)
{
        struct world *w = world_empty("ixgbe", 0, 1);
        const struct mac mac = {{0x02, 0x51, 0, 0, 2, 0}};
        struct iommu *none;
        struct irq *irq;
        struct pfdrv *pf;
        struct nic *nic;
        struct vfdrv *d[2];
        struct vfdrv_frame f, in[2];
        uint8_t bytes[64];

        (void) state;
        assert_int_equal(iommu_new(w->memory, false, &none), 0);
        assert_int_equal(irq_new(none, false, &irq), 0);
        assert_int_equal(nic_new(&(struct nic_config){.memory = w->memory,
                                         .iommu = none,
                                         .irq = irq,
                                         .pf_rid = 0x200,
                                         .vf_offset = 16,
                                         .vf_stride = 1,
                                         .max_vfs = 2,
                                         .queues = 1,
                                         .pf_vectors = 1,
                                         .vf_vectors = 1},
                                 &nic),
                0);
        assert_int_equal(pfdrv_new(nic, w->profile, &mac, &pf), 0);
        assert_int_equal(pfdrv_set_numvfs(pf, 2, 0), 0);
        for (uint32_t i = 0; i < 2; i++)
                assert_int_equal(
                        vfdrv_open(nic, i + 1, &(struct vfdrv_config){0}, 0, &d[i], NULL, 0), 0);
        assert_int_equal(vfdrv_raw(d[0], 0).iova, vfdrv_raw(d[0], 0).physical);
        f = (struct vfdrv_frame){.bytes = bytes,
                .length = make_frame(bytes, pfdrv_vf_mac(pf, 1), pfdrv_vf_mac(pf, 0), NO_VLAN)};
        assert_int_equal(vfdrv_send(d[0], 0, &f, 1), 1);
        for (uint64_t now = 1; now < 4; now++)
                nic_poll(nic, now);
        assert_int_equal(vfdrv_receive(d[1], 0, in, 2), 1);
        assert_memory_equal(in[0].bytes, bytes, 60);
        vfdrv_close(d[0]);
        vfdrv_close(d[1]);
        pfdrv_free(pf);
        nic_free(nic);
        irq_free(irq);
        iommu_free(none);
        world_free(w);
}

/* A guest that points its NIC at memory that is not its own: it is stopped, nobody else sees it. */
static void wild_dma(void **state)
{
        struct world *w = world_new("ixgbe", 3);
        struct vfdrv_raw raw = vfdrv_raw(w->guest[A], 0), other = vfdrv_raw(w->guest[B], 0);
        uint8_t *canary = malloc(other.bytes);
        struct iommu_fault fault;

        (void) state;
        assert_non_null(canary);
        memcpy(canary, memory_at(w->memory, other.physical), other.bytes);
        for (uint32_t i = 0; i < raw.rx_size; i++)
                raw.rx[i].address = other.physical; /* as if there were no IOMMU */
        assert_int_equal(world_send(w, 3, vf_mac(w, A), vf_mac(w, 3), NO_VLAN), 0);
        assert_int_equal(nic_mdd(w->nic, A).cause, MDD_DMA_WRITE);
        assert_true(iommu_next_fault(w->iommu, &fault));
        assert_int_equal(fault.rid, nic_rid(w->nic, A));
        assert_true(fault.write);
        assert_memory_equal(canary, memory_at(w->memory, other.physical), other.bytes);
        assert_int_equal(world_talk(w, 3, B, NO_VLAN), 1u << B);
        /* It stays stopped until its function is reset. */
        assert_int_equal(world_talk(w, 3, A, NO_VLAN), 0);
        world_close(w, A);
        world_open(w, A, NULL);
        assert_int_equal(world_talk(w, 3, A, NO_VLAN), 1u << A);
        free(canary);
        world_free(w);
}

/* ---- the PF's own, and raw ones ---- */

static void no_mailbox(void **state)
{
        struct world *w = world_empty("i40e", 2, 1);
        uint8_t key[40];

        (void) state;
        world_open(w, 0, NULL);
        world_open(w, A, &(struct vfdrv_config){.raw = true, .mac = 7});
        assert_int_equal(vfdrv_mac(w->guest[0]), 0);
        assert_int_equal(vfdrv_mac(w->guest[A]), 7);
        for (uint32_t pool = 0; pool <= A; pool++) {
                struct vfdrv *d = w->guest[pool];

                assert_int_equal(vfdrv_set_mac(d, mac_of_text("02:00:00:00:00:0a")), -EOPNOTSUPP);
                assert_int_equal(vfdrv_set_vlan(d, 5, true), -EOPNOTSUPP);
                assert_int_equal(vfdrv_set_multicast(d, NULL, 0), -EOPNOTSUPP);
                assert_int_equal(vfdrv_add_macvlan(d, 0), -EOPNOTSUPP);
                assert_int_equal(vfdrv_set_xcast(d, XCAST_ALLMULTI), -EOPNOTSUPP);
                assert_int_equal(vfdrv_set_mtu(d, 1400), -EOPNOTSUPP);
                assert_int_equal(vfdrv_get_rss(d, key), -EOPNOTSUPP);
                assert_int_equal(vfdrv_serve_mailbox(d), 0);
                assert_true(vfdrv_link(d));
        }
        assert_int_equal(
                world_send(w, A, mac_of_text("02:51:00:00:01:00"), vf_mac(w, A), NO_VLAN), 1u << 0);
        assert_int_equal(
                world_send(w, 0, vf_mac(w, A), mac_of_text("02:51:00:00:01:00"), NO_VLAN), 1u << A);
        assert_int_equal(
                world_send(w, 0, OUTSIDE, mac_of_text("02:51:00:00:01:00"), NO_VLAN), WIRE_MASK);
        world_free(w);
}

/* ---- threads: a guest sends, a guest receives, the NIC runs, somebody changes settings ---- */

#define THREAD_FRAMES 20000u

struct threads {
        struct world *w;
        bool stop;
};

static void *run_nic(void *userdata)
{
        struct threads *t = userdata;

        for (uint64_t now = t->w->now; !__atomic_load_n(&t->stop, __ATOMIC_RELAXED); now += 1000)
                nic_poll(t->w->nic, now);
        return NULL;
}

static void *run_sender(void *userdata)
{
        struct threads *t = userdata;
        struct sent s;

        for (uint32_t i = 0; i < THREAD_FRAMES;) {
                struct vfdrv_frame f = {.bytes = s.bytes, .length = 60 + i % 1000};

                fill(&s, mac_of_text("02:00:00:00:00:0b"), mac_of_text("02:00:00:00:00:0a"),
                        f.length, i);
                i += vfdrv_send(t->w->guest[A], 0, &f, 1);
        }
        return NULL;
}

static void threads(void **state)
{
        struct world *w = world_new("ixgbe", 3);
        struct threads t = {.w = w};
        pthread_t nic, sender;
        struct vfdrv_frame in[32];
        struct sent s;

        (void) state;
        assert_int_equal(set_text(w, A, VF_SETTING_MAC, "mac=02:00:00:00:00:0a"), 0);
        assert_int_equal(set_text(w, B, VF_SETTING_MAC, "mac=02:00:00:00:00:0b"), 0);
        assert_int_equal(pthread_create(&nic, NULL, run_nic, &t), 0);
        assert_int_equal(pthread_create(&sender, NULL, run_sender, &t), 0);
        for (uint32_t got = 0, k; got < THREAD_FRAMES; got += k) {
                k = vfdrv_receive(w->guest[B], 0, in, 32);
                for (uint32_t i = 0; i < k; i++) {
                        fill(&s, mac_of_text("02:00:00:00:00:0b"), mac_of_text("02:00:00:00:00:0a"),
                                60 + (got + i) % 1000, got + i);
                        assert_int_equal(in[i].length, s.length);
                        assert_memory_equal(in[i].bytes, s.bytes, s.length);
                }
                if (got / 1000 != (got + k) / 1000) {
                        _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(w->nic);

                        assert_int_equal(vfdrv_set_vlan(w->guest[3], 1 + got / 1000 % 50, true), 0);
                }
        }
        pthread_join(sender, NULL);
        __atomic_store_n(&t.stop, true, __ATOMIC_RELAXED);
        pthread_join(nic, NULL);
        world_free(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refusals),
                cmocka_unit_test(gives_all_back),
                cmocka_unit_test(vfs_go),
                cmocka_unit_test(shapes),
                cmocka_unit_test(no_scatter),
                cmocka_unit_test(many_joined),
                cmocka_unit_test(not_sent),
                cmocka_unit_test(full_rings),
                cmocka_unit_test(offloads),
                cmocka_unit_test(queues),
                cmocka_unit_test(interrupts),
                cmocka_unit_test(shared_domain),
                cmocka_unit_test(without_iommu),
                cmocka_unit_test(wild_dma),
                cmocka_unit_test(no_mailbox),
                cmocka_unit_test(threads),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
