/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames from VF to VF through the whole NIC, and next to it the bound: the same two copies and the
 * same four descriptor transfers in the same memory, with no logic.
 *
 *   datapath [--size N] [--vfs N] [--mode hot|cold] [--single] [--cut-through] [--no-iommu]
 *            [--frames untagged|tagged|port-vlan|udp] [--ms N] [--samples N]
 *
 * One line of JSON: {"results": [{"size", "vfs", "mode", "frames", "iommu", "threads", "mpps",
 * "gbps", "bound_mpps", "ratio", ...}]}. size counts the FCS (64 is 60 bytes in memory). Every
 * second VF sends, to the next one; MAC and VLAN anti-spoof and the VLAN filter are on. The NIC has
 * a core, and the drivers of all guests (which write every descriptor anew) have another; with
 * --single one thread does both by turns, and nothing is subtracted. NIC and bound are measured by
 * turns; the medians are shown.
 */
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "../unit/rings.h"

#define BURST       32u
#define STRIDE      2240u /* from one buffer to the next, as drivers have them */
#define SAMPLES_MAX 31u
#define VLAN        100u

enum frames { UNTAGGED, TAGGED, PORT_VLAN, UDP };
static const char *const frames_name[] = {"untagged", "tagged", "port-vlan", "udp"};

struct options {
        uint32_t size, vfs;
        const char *mode;
        bool single, cut_through, no_iommu;
        enum frames frames;
        uint32_t ms, samples;
};

/* What a guest's driver knows of a ring. */
struct ring {
        uint8_t *desc; /* where the host has it */
        uint8_t *buffers;
        uint64_t iova; /* of the first buffer */
        uint32_t size, next, tail;
        uint32_t bell; /* the bound's doorbell; atomic */
        uint32_t head; /* the bound's */
};

struct pair {
        struct rings from, to;
        _Alignas(64) struct ring tx;
        _Alignas(64) struct ring rx;
        uint64_t received; /* atomic */
};

struct bench {
        struct options o;
        struct memory *memory;
        struct iommu *iommu;
        struct irq *irq;
        struct nic *nic;
        struct pair *pairs;
        uint32_t n_pairs, length;
        bool bound; /* who moves the frames now */
        bool stop;  /* atomic */
        uint8_t *staging;
        uint64_t busy_ns, busy_passes;
};

static uint64_t now_ns(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}

static void pin(unsigned core)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(core, &set);
        sched_setaffinity(0, sizeof(set), &set);
}

/* ---- the drivers of the guests ---- */

static void bell(struct bench *b, struct ring *r, const struct rings *g, bool transmit)
{
        if (b->bound)
                __atomic_store_n(&r->bell, r->tail, __ATOMIC_RELEASE);
        else if (transmit)
                nic_tx_doorbell(b->nic, g->pool, 0, r->tail);
        else
                nic_rx_doorbell(b->nic, g->pool, 0, r->tail);
}

/* A burst of frames that were built before; the last of them reports. */
static void send(struct bench *b, struct pair *p)
{
        struct ring *r = &p->tx;
        struct tx_desc *d = (struct tx_desc *) (void *) r->desc;
        uint32_t last = r->tail + 2 * BURST - 1;

        /* Room for a burst: the one that had its place is written back. */
        last = last >= r->size ? last - r->size : last;
        if (!(__atomic_load_n(&d[last].status, __ATOMIC_ACQUIRE) & TX_DD))
                return;
        for (uint32_t i = 0; i < BURST; i++) {
                uint32_t at = r->tail + i;

                d[at] = rings_desc(r->iova + (uint64_t) at * STRIDE, b->length);
                if (i != BURST - 1)
                        d[at].cmd &= ~TX_RS;
        }
        r->tail = r->tail + BURST < r->size ? r->tail + BURST : 0;
        bell(b, r, &p->from, true);
}

static void receive(struct bench *b, struct pair *p)
{
        struct ring *r = &p->rx;
        uint32_t n = 0;

        for (; n < BURST; n++) {
                struct rx_done *d = (struct rx_done *) (void *) (r->desc + r->next * DESC_SIZE);

                if (r->next == r->tail || !rings_done(d))
                        break;
                *(struct rx_desc *) (void *) d =
                        (struct rx_desc){.address = r->iova + (uint64_t) r->next * STRIDE};
                r->next = r->next + 1 < r->size ? r->next + 1 : 0;
        }
        if (n == 0)
                return;
        r->tail = r->tail + n < r->size ? r->tail + n : r->tail + n - r->size;
        bell(b, r, &p->to, false);
        __atomic_store_n(&p->received, p->received + n, __ATOMIC_RELAXED);
}

static void drivers(struct bench *b)
{
        for (uint32_t i = 0; i < b->n_pairs; i++) {
                send(b, &b->pairs[i]);
                receive(b, &b->pairs[i]);
        }
}

static void *driver_thread(void *userdata)
{
        struct bench *b = userdata;

        pin(1);
        while (!__atomic_load_n(&b->stop, __ATOMIC_ACQUIRE))
                drivers(b);
        return NULL;
}

/* ---- the bound ---- */

static bool bound_pair(struct bench *b, struct pair *p)
{
        struct ring *tx = &p->tx, *rx = &p->rx;
        uint32_t tail = __atomic_load_n(&tx->bell, __ATOMIC_ACQUIRE);
        uint32_t room = __atomic_load_n(&rx->bell, __ATOMIC_ACQUIRE);
        struct tx_desc from[BURST];
        struct rx_desc to[BURST];

        if (tail == tx->head || (room + rx->size - rx->head) % rx->size < BURST)
                return false;
        memcpy(from, tx->desc + tx->head * DESC_SIZE, sizeof(from));
        for (uint32_t i = 0; i < BURST; i++)
                memcpy(b->staging + i * STRIDE, tx->buffers + (from[i].address - tx->iova),
                        b->length);
        memcpy(to, rx->desc + rx->head * DESC_SIZE, sizeof(to));
        for (uint32_t i = 0; i < BURST; i++)
                memcpy(rx->buffers + (to[i].address - rx->iova), b->staging + i * STRIDE,
                        b->length);
        for (uint32_t i = 0; i < BURST; i++) {
                uint64_t *d = (uint64_t *) (void *) (rx->desc + (rx->head + i) * DESC_SIZE);

                d[0] = 0;
                __atomic_store_n(
                        &d[1], RX_DD | RX_EOP | (uint64_t) b->length << 32, __ATOMIC_RELEASE);
        }
        tx->head = tx->head + BURST < tx->size ? tx->head + BURST : 0;
        rx->head = rx->head + BURST < rx->size ? rx->head + BURST : 0;
        __atomic_store_n(
                (uint32_t *) (void *) (tx->desc +
                                       (tx->head ? tx->head - 1 : tx->size - 1) * DESC_SIZE + 12),
                TX_DD, __ATOMIC_RELEASE);
        return true;
}

/* Did anything move? */
static bool move(struct bench *b, uint64_t now)
{
        bool moved = false;

        if (!b->bound)
                return nic_poll(b->nic, now) > 0;
        for (uint32_t i = 0; i < b->n_pairs; i++)
                moved |= bound_pair(b, &b->pairs[i]);
        return moved;
}

/* ---- one sample ---- */

/* Rings as they are when a driver begins; the NIC's too. */
static void start_pair(struct bench *b, struct pair *p)
{
        struct tx_desc *tx = (struct tx_desc *) (void *) p->tx.desc;
        struct rx_desc *rx = (struct rx_desc *) (void *) p->rx.desc;

        nic_write(b->nic, p->from.pool, 0, REG_TX(0) + REG_RING_CTRL, 0, 0);
        nic_write(b->nic, p->to.pool, 0, REG_RX(0) + REG_RING_CTRL, 0, 0);
        for (uint32_t i = 0; i < p->tx.size; i++)
                tx[i] = (struct tx_desc){.status = TX_DD};
        for (uint32_t i = 0; i < p->rx.size; i++)
                rx[i] = (struct rx_desc){.address = p->rx.iova + (uint64_t) i * STRIDE};
        /* For verify(): what is right there was brought by this run. */
        for (uint32_t i = 0; i < p->rx.size; i++)
                p->rx.buffers[(size_t) i * STRIDE + b->length - 5] = 0;
        p->tx.head = p->tx.tail = p->tx.next = p->tx.bell = 0;
        p->rx.head = p->rx.next = 0;
        p->received = 0;
        nic_write(b->nic, p->from.pool, 0, REG_TX(0) + REG_RING_CTRL, REG_RING_ENABLE, 0);
        nic_write(b->nic, p->to.pool, 0, REG_RX(0) + REG_RING_CTRL, REG_RING_ENABLE, 0);
        p->rx.tail = p->rx.size - 1;
        bell(b, &p->rx, &p->to, false);
}

static uint64_t received(const struct bench *b)
{
        uint64_t sum = 0;

        for (uint32_t i = 0; i < b->n_pairs; i++)
                sum += __atomic_load_n(&b->pairs[i].received, __ATOMIC_RELAXED);
        return sum;
}

/* One pass, or the bound's. The time that it was at work: what others took of the core (a pass of
 * more than a millisecond) and passes that found nothing are not. */
static void timed_move(struct bench *b)
{
        uint64_t began = now_ns(), took;
        bool moved = move(b, began);

        took = now_ns() - began;
        if (moved && took < 1000000) {
                b->busy_ns += took;
                b->busy_passes++;
        }
}

/* Frames per second, in millions: by the clock, and (*ret_busy) of the NIC's own time. */
static double sample(struct bench *b, bool bound, double *ret_busy)
{
        uint64_t began, end, first = 0, warm = (uint64_t) b->o.ms * 200000, now;
        bool started = false;
        pthread_t thread;

        b->bound = bound;
        b->stop = false;
        for (uint32_t i = 0; i < b->n_pairs; i++)
                start_pair(b, &b->pairs[i]);
        if (!b->o.single && pthread_create(&thread, NULL, driver_thread, b) != 0)
                abort();
        began = now_ns();
        end = began + warm + (uint64_t) b->o.ms * 1000000;
        do {
                for (uint32_t i = 0; i < 16; i++) {
                        if (b->o.single)
                                drivers(b);
                        timed_move(b);
                }
                now = now_ns();
                if (!started && now >= began + warm) {
                        started = true;
                        first = received(b);
                        began = now;
                        end = now + (uint64_t) b->o.ms * 1000000;
                        b->busy_ns = 0;
                }
        } while (now < end || !started);
        first = received(b) - first;
        __atomic_store_n(&b->stop, true, __ATOMIC_RELEASE);
        if (!b->o.single)
                pthread_join(thread, NULL);
        *ret_busy = b->busy_ns ? (double) first * 1000 / (double) b->busy_ns : 0;
        return (double) first * 1000 / (double) (now - began);
}

/* ---- the machine ---- */

static uint64_t mac_of(uint32_t pool)
{
        return 0x0002u | (uint64_t) pool << 16;
}

/* UDP over IPv4 with right checksums, which the receiver is told of. */
static void build_udp(uint8_t *frame, uint32_t n)
{
        static const uint8_t headers[] = {0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10,
                0, 0, 1, 10, 0, 0, 2, 0, 9, 0, 9, 0, 0, 0, 0};
        static const struct frame_format format = {};
        struct frame_head h;

        memcpy(frame + 12, headers, sizeof(headers));
        frame[16] = (uint8_t) ((n - 14) >> 8);
        frame[17] = (uint8_t) (n - 14);
        frame[38] = (uint8_t) ((n - 34) >> 8);
        frame[39] = (uint8_t) (n - 34);
        frame_parse(frame, n, &format, &h);
        if (frame_insert_checksums(frame, n, &h, true, true) < 0)
                abort();
}

static uint32_t build_frame(const struct bench *b, const struct pair *p, uint8_t *frame)
{
        uint32_t n = b->length, at = 12;
        uint64_t dst = mac_of(p->to.pool), src = mac_of(p->from.pool);

        memset(frame, 0xa5, n);
        memcpy(frame, &dst, 6);
        memcpy(frame + 6, &src, 6);
        if (b->o.frames == TAGGED) {
                frame[at] = ETH_VLAN >> 8;
                frame[at + 1] = ETH_VLAN & 0xff;
                frame[at + 2] = 0;
                frame[at + 3] = VLAN;
                at += 4;
        }
        if (b->o.frames == UDP) {
                build_udp(frame, n);
                return n;
        }
        frame[at] = 0x88;
        frame[at + 1] = 0xb5; /* for experiments (IEEE 802) */
        return n;
}

static void publish(struct bench *b)
{
        uint32_t n = b->o.vfs + 1;
        struct sorter_pool *pools = calloc(n, sizeof(*pools));
        struct sorter_filter *filters = calloc(n, sizeof(*filters));
        struct sorter_member *members = calloc(n, sizeof(*members));
        struct sorter_config c = {
                .n_pools = n,
                .pools = pools,
                .filters = filters,
                .n_filters = n,
                .members = members,
                .n_members = n,
                .vlan_filter = true,
                .switching = true,
                .default_pool = POOL_PF,
        };
        struct sorter *s = NULL;

        for (uint32_t i = 0; i < n; i++) {
                pools[i] = (struct sorter_pool){
                        .rx_enable = true,
                        .tx_enable = true,
                        .broadcast = true,
                        .untagged = true,
                        .mac_antispoof = true,
                        .vlan_antispoof = true,
                        .strip = true,
                        .max_frame = FRAME_MAX,
                        .port_vlan = b->o.frames == PORT_VLAN ? VLAN : 0,
                };
                filters[i] = (struct sorter_filter){mac_of(i), i};
                members[i] = (struct sorter_member){VLAN, i};
        }
        if (sorter_new(&c, &s) < 0)
                abort();
        nic_publish(b->nic, s);
        free(pools);
        free(filters);
        free(members);
}

static void open_pair(struct bench *b, struct pair *p, uint32_t pool, uint32_t ring)
{
        const struct rings_config sender = {
                .tx_size = ring,
                .rx_size = 8,
                .tx_distance = STRIDE,
                .interrupts = true,
        };
        const struct rings_config receiver = {
                .rx_size = ring,
                .tx_size = 8,
                .rx_distance = STRIDE,
                .interrupts = true,
        };
        uint8_t frame[FRAME_MAX];
        uint32_t n;

        rings_open(&p->from, b->nic, pool, &sender);
        rings_open(&p->to, b->nic, pool + 1, &receiver);
        p->tx = (struct ring){
                .desc = rings_at(&p->from, p->from.tx_ring),
                .buffers = rings_at(&p->from, p->from.tx_buffers),
                .iova = rings_iova(p->from.tx_buffers),
                .size = ring,
        };
        p->rx = (struct ring){
                .desc = rings_at(&p->to, p->to.rx_ring),
                .buffers = rings_at(&p->to, p->to.rx_buffers),
                .iova = rings_iova(p->to.rx_buffers),
                .size = ring,
        };
        n = build_frame(b, p, frame);
        for (uint32_t i = 0; i < ring; i++) {
                memcpy(p->tx.buffers + (size_t) i * STRIDE, frame, n);
                memset(p->rx.buffers + (size_t) i * STRIDE, 0, n);
        }
}

static void open_bench(struct bench *b, uint32_t ring)
{
        uint64_t per_pair = ((uint64_t) ring * (STRIDE + DESC_SIZE) + 16 * PAGE_SIZE_2M) * 2;
        struct nic_config c = {
                .pf_rid = 0x100,
                .vf_offset = 0x80,
                .vf_stride = 1,
                .max_vfs = b->o.vfs,
                .queues = 1,
                .pf_vectors = 2,
                .vf_vectors = 2,
                .cut_through = b->o.cut_through,
        };
        uint64_t size = (b->o.vfs / 2 * per_pair + 64 * PAGE_SIZE_2M) & -PAGE_SIZE_2M;

        b->length = b->o.size - 4;
        b->n_pairs = b->o.vfs / 2;
        b->pairs = aligned_alloc(64, b->n_pairs * sizeof(*b->pairs));
        b->staging = aligned_alloc(64, BURST * STRIDE);
        if (!b->pairs || !b->staging || memory_new(size, &b->memory) < 0 ||
                iommu_new(b->memory, true, &b->iommu) < 0 || irq_new(b->iommu, true, &b->irq) < 0)
                abort();
        memset(b->pairs, 0, b->n_pairs * sizeof(*b->pairs));
        c.memory = b->memory;
        c.iommu = b->iommu;
        c.irq = b->irq;
        if (nic_new(&c, &b->nic) < 0 || nic_enable_vfs(b->nic, b->o.vfs) < 0)
                abort();
        publish(b);
        for (uint32_t i = 0; i < b->n_pairs; i++)
                open_pair(b, &b->pairs[i], 1 + 2 * i, ring);
}

static void close_bench(struct bench *b)
{
        for (uint32_t i = 0; i < b->n_pairs; i++) {
                rings_close(&b->pairs[i].from);
                rings_close(&b->pairs[i].to);
        }
        nic_free(b->nic);
        irq_free(b->irq);
        iommu_free(b->iommu);
        memory_free(b->memory);
        free(b->pairs);
        free(b->staging);
}

/* ---- results ---- */

/* Is what lies in the receivers' buffers what was sent? */
static void verify(const struct bench *b)
{
        uint32_t at = b->o.frames == TAGGED ? 16 : 12, n = b->length - at;

        for (uint32_t i = 0; i < b->n_pairs; i++) {
                const struct pair *p = &b->pairs[i];
                uint8_t frame[FRAME_MAX];

                build_frame(b, p, frame);
                for (uint32_t k = 0; p->received > p->rx.size && k < p->rx.size; k++) {
                        const uint8_t *got = p->rx.buffers + (size_t) k * STRIDE;

                        if (memcmp(got, frame, 12) == 0 && memcmp(got + 12, frame + at, n) == 0)
                                continue;
                        fprintf(stderr, "datapath: a frame of pair %u arrived damaged\n", i);
                        exit(EXIT_FAILURE);
                }
        }
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

static void run(const struct options *o, bool *first)
{
        double mpps[SAMPLES_MAX], bound[SAMPLES_MAX], busy[SAMPLES_MAX], bound_busy[SAMPLES_MAX];
        struct bench b = {.o = *o};
        uint32_t m = o->samples / 2;
        char why[256];

        open_bench(&b, streq(o->mode, "cold") ? 4096 : 256);
        pin(0);
        for (uint32_t i = 0; i < o->samples; i++) {
                bound[i] = sample(&b, true, &bound_busy[i]);
                mpps[i] = sample(&b, false, &busy[i]);
                verify(&b);
        }
        if (!nic_conserved(b.nic, why, sizeof(why))) {
                fprintf(stderr, "not conserved: %s\n", why);
                exit(EXIT_FAILURE);
        }
        qsort(mpps, o->samples, sizeof(*mpps), compare);
        qsort(bound, o->samples, sizeof(*bound), compare);
        qsort(busy, o->samples, sizeof(*busy), compare);
        qsort(bound_busy, o->samples, sizeof(*bound_busy), compare);
        printf("%s\n {\"size\": %u, \"vfs\": %u, \"mode\": \"%s\", \"frames\": \"%s\", "
               "\"iommu\": true, \"threads\": %d, \"cut_through\": %s, \"mpps\": %.2f, "
               "\"min_mpps\": %.2f, \"max_mpps\": %.2f, \"gbps\": %.1f, \"bound_mpps\": %.2f, "
               "\"ratio\": %.3f, \"busy_mpps\": %.2f, \"busy_bound_mpps\": %.2f}",
                *first ? "" : ",", o->size, o->vfs, o->mode, frames_name[o->frames],
                o->single ? 1 : 2, o->cut_through ? "true" : "false", mpps[m], mpps[0],
                mpps[o->samples - 1], mpps[m] * o->size * 8 / 1000, bound[m], mpps[m] / bound[m],
                busy[m], bound_busy[m]);
        fflush(stdout);
        *first = false;
        close_bench(&b);
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                {"size", required_argument, NULL, 's'},
                {"vfs", required_argument, NULL, 'v'},
                {"mode", required_argument, NULL, 'm'},
                {"single", no_argument, NULL, '1'},
                {"cut-through", no_argument, NULL, 'c'},
                {"frames", required_argument, NULL, 'f'},
                {"ms", required_argument, NULL, 't'},
                {"samples", required_argument, NULL, 'n'},
                {},
        };
        static const uint32_t sizes[] = {64, 256, 1518}, counts[] = {2, 8, 64, 256};
        static const char *const modes[] = {"hot", "cold"};
        struct options o = {.ms = 100, .samples = 5};
        bool first = true;
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
                switch (c) {
                case 's':
                        o.size = (uint32_t) atoi(optarg);
                        break;
                case 'v':
                        o.vfs = (uint32_t) atoi(optarg);
                        break;
                case 'm':
                        o.mode = optarg;
                        break;
                case '1':
                        o.single = true;
                        break;
                case 'c':
                        o.cut_through = true;
                        break;
                case 'f':
                        o.frames = streq(optarg, "tagged")      ? TAGGED
                                   : streq(optarg, "udp")       ? UDP
                                   : streq(optarg, "port-vlan") ? PORT_VLAN
                                                                : UNTAGGED;
                        break;
                case 't':
                        o.ms = (uint32_t) atoi(optarg);
                        break;
                case 'n':
                        o.samples = (uint32_t) atoi(optarg);
                        break;
                default:
                        return EXIT_FAILURE;
                }
        printf("{\"results\": [");
        for (size_t s = 0; s < ELEMENTSOF(sizes); s++)
                for (size_t v = 0; v < ELEMENTSOF(counts); v++)
                        for (size_t m = 0; m < ELEMENTSOF(modes); m++) {
                                struct options one = o;

                                if ((o.size && o.size != sizes[s]) ||
                                        (o.vfs && o.vfs != counts[v]) ||
                                        (o.mode && !streq(o.mode, modes[m])))
                                        continue;
                                one.size = sizes[s];
                                one.vfs = counts[v];
                                one.mode = modes[m];
                                run(&one, &first);
                        }
        printf("\n]}\n");
        return EXIT_SUCCESS;
}
