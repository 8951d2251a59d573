/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Throughput of the whole NIC and its bound, by turns. Two threads of its own: the NIC's on core 0,
 * the drivers of all guests on core 1.
 */
#include <pthread.h>
#include <sched.h>

#include "sim/bench.h"
#include "sim/guest/pfdrv.h"
#include "sim/guest/vfdrv.h"
#include "sim/models.h"
#include "sim/nic/registers.h"

#define BURST       NIC_BURST
#define SAMPLES_MAX 31u
#define CELL        2240u /* between two staged frames, as in packet memory */

/* What a guest's driver knows of a ring. */
struct ring {
        uint8_t *desc; /* where the host has it */
        uint8_t *buffers;
        uint64_t iova; /* of the first buffer */
        uint32_t stride, size, next, tail;
        uint32_t bell; /* the bound's doorbell; atomic */
        uint32_t head; /* the bound's */
        uint32_t pool;
};

struct pair {
        struct vfdrv *from, *to;
        _Alignas(64) struct ring tx;
        _Alignas(64) struct ring rx;
        uint64_t received; /* atomic */
};

struct bench {
        struct bench_case o;
        struct memory *memory;
        struct iommu *iommu;
        struct irq *irq;
        struct nic *nic;
        struct pair *pairs;
        uint32_t n_pairs, length;
        bool bound; /* who moves the frames now */
        bool stop;  /* atomic */
        uint8_t *staging;
};

static void pin(unsigned core)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(core, &set);
        sched_setaffinity(0, sizeof(set), &set);
}

/* ---- the drivers of the guests
 * --------------------------------------------------------------------
 */

static void bell(struct bench *b, struct ring *r, bool transmit)
{
        if (b->bound)
                __atomic_store_n(&r->bell, r->tail, __ATOMIC_RELEASE);
        else if (transmit)
                nic_tx_doorbell(b->nic, r->pool, 0, r->tail);
        else
                nic_rx_doorbell(b->nic, r->pool, 0, r->tail);
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

                d[at] = (struct tx_desc){
                        .address = r->iova + (uint64_t) at * r->stride,
                        .cmd = TX_DATA | TX_EOP | TX_IFCS | TX_DEXT | TX_RS | b->length,
                        .status = b->length << TX_PAYLEN_SHIFT,
                };
                if (i != BURST - 1)
                        d[at].cmd &= ~TX_RS;
        }
        r->tail = r->tail + BURST < r->size ? r->tail + BURST : 0;
        bell(b, r, true);
}

static void receive(struct bench *b, struct pair *p)
{
        struct ring *r = &p->rx;
        uint32_t n = 0;

        for (; n < BURST; n++) {
                struct rx_done *d = (struct rx_done *) (void *) (r->desc + r->next * DESC_SIZE);

                if (r->next == r->tail || !(__atomic_load_n(&d->status, __ATOMIC_ACQUIRE) & RX_DD))
                        break;
                *(struct rx_desc *) (void *) d =
                        (struct rx_desc){.address = r->iova + (uint64_t) r->next * r->stride};
                r->next = r->next + 1 < r->size ? r->next + 1 : 0;
        }
        if (n == 0)
                return;
        r->tail = r->tail + n < r->size ? r->tail + n : r->tail + n - r->size;
        bell(b, r, false);
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

/* ---- the bound
 * ------------------------------------------------------------------------------------
 */

static void bound_pair(struct bench *b, struct pair *p)
{
        struct ring *tx = &p->tx, *rx = &p->rx;
        uint32_t tail = __atomic_load_n(&tx->bell, __ATOMIC_ACQUIRE);
        uint32_t room = __atomic_load_n(&rx->bell, __ATOMIC_ACQUIRE);
        struct tx_desc from[BURST];
        struct rx_desc to[BURST];

        if (tail == tx->head || (room + rx->size - rx->head) % rx->size < BURST)
                return;
        memcpy(from, tx->desc + tx->head * DESC_SIZE, sizeof(from));
        for (uint32_t i = 0; i < BURST; i++)
                memcpy(b->staging + i * CELL, tx->buffers + (from[i].address - tx->iova),
                        b->length);
        memcpy(to, rx->desc + rx->head * DESC_SIZE, sizeof(to));
        for (uint32_t i = 0; i < BURST; i++)
                memcpy(rx->buffers + (to[i].address - rx->iova), b->staging + i * CELL, b->length);
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
}

static void move(struct bench *b)
{
        if (b->bound)
                for (uint32_t i = 0; i < b->n_pairs; i++)
                        bound_pair(b, &b->pairs[i]);
        else
                nic_poll(b->nic, model_clock());
}

/* ---- one sample
 * -----------------------------------------------------------------------------------
 */

/* Rings as they are when a driver begins; the NIC's too. */
static void start_pair(struct bench *b, struct pair *p)
{
        struct tx_desc *tx = (struct tx_desc *) (void *) p->tx.desc;
        struct rx_desc *rx = (struct rx_desc *) (void *) p->rx.desc;

        nic_write(b->nic, p->tx.pool, 0, REG_TX(0) + REG_RING_CTRL, 0, 0);
        nic_write(b->nic, p->rx.pool, 0, REG_RX(0) + REG_RING_CTRL, 0, 0);
        for (uint32_t i = 0; i < p->tx.size; i++)
                tx[i] = (struct tx_desc){.status = TX_DD};
        for (uint32_t i = 0; i < p->rx.size; i++)
                rx[i] = (struct rx_desc){.address = p->rx.iova + (uint64_t) i * p->rx.stride};
        p->tx.head = p->tx.tail = p->tx.next = p->tx.bell = 0;
        p->rx.head = p->rx.next = 0;
        p->received = 0;
        nic_write(b->nic, p->tx.pool, 0, REG_TX(0) + REG_RING_CTRL, REG_RING_ENABLE, 0);
        nic_write(b->nic, p->rx.pool, 0, REG_RX(0) + REG_RING_CTRL, REG_RING_ENABLE, 0);
        p->rx.tail = p->rx.size - 1;
        bell(b, &p->rx, false);
}

static uint64_t received(const struct bench *b)
{
        uint64_t sum = 0;

        for (uint32_t i = 0; i < b->n_pairs; i++)
                sum += __atomic_load_n(&b->pairs[i].received, __ATOMIC_RELAXED);
        return sum;
}

/* Frames per second, in millions. */
static double sample(struct bench *b, bool bound)
{
        uint64_t began, end, first = 0, warm = (uint64_t) b->o.ms * 200000, now;
        bool started = false;
        pthread_t thread;

        b->bound = bound;
        b->stop = false;
        for (uint32_t i = 0; i < b->n_pairs; i++)
                start_pair(b, &b->pairs[i]);
        if (!b->o.single)
                pthread_create(&thread, NULL, driver_thread, b);
        began = model_clock();
        end = began + warm + (uint64_t) b->o.ms * 1000000;
        do {
                for (uint32_t i = 0; i < 16; i++) {
                        if (b->o.single)
                                drivers(b);
                        move(b);
                }
                now = model_clock();
                if (!started && now >= began + warm) {
                        started = true;
                        first = received(b);
                        began = now;
                }
        } while (now < end);
        first = received(b) - first;
        __atomic_store_n(&b->stop, true, __ATOMIC_RELEASE);
        if (!b->o.single)
                pthread_join(thread, NULL);
        return (double) first / ((double) (now - began) / 1000);
}

/* ---- the machine -------------------------------------------------------------------------------
 */

static int in_port_vlan(struct bench *b, struct pfdrv *pfdrv, uint32_t vf)
{
        const struct vf_attrs attrs = {
                .present = BIT(VF_ATTR_VLAN) | BIT(VF_ATTR_QOS) | BIT(VF_ATTR_VLAN_PROTO),
                .vlan = 100,
        };

        return b->o.vlan ? pfdrv_set_vf(pfdrv, vf, VF_SETTING_VLAN, &attrs, 0) : 0;
}

static void ring_of(struct bench *b, struct vfdrv *d, bool transmit, struct ring *ret)
{
        struct vfdrv_raw raw = vfdrv_raw(d, 0);
        uint64_t iova = transmit ? raw.tx_buffers : raw.rx_buffers;

        *ret = (struct ring){
                .desc = transmit ? (uint8_t *) raw.tx : (uint8_t *) raw.rx,
                .buffers = memory_at(b->memory, raw.physical) + (iova - raw.iova),
                .iova = iova,
                .stride = transmit ? raw.tx_stride : raw.rx_stride,
                .size = transmit ? raw.tx_size : raw.rx_size,
                .pool = vfdrv_pool(d),
        };
}

static int open_pair(struct bench *b, struct pair *p, uint32_t vf)
{
        const struct vfdrv_config from = {.tx_ring = b->o.ring, .rx_ring = 8, .posted = true};
        const struct vfdrv_config to = {.rx_ring = b->o.ring, .tx_ring = 8, .posted = true};
        uint64_t dst, src;
        int r;

        r = vfdrv_open(b->nic, pool_of_vf(vf), &from, 0, &p->from, NULL, 0);
        if (r == 0)
                r = vfdrv_open(b->nic, pool_of_vf(vf + 1), &to, 0, &p->to, NULL, 0);
        if (r < 0)
                return r;
        ring_of(b, p->from, true, &p->tx);
        ring_of(b, p->to, false, &p->rx);
        dst = vfdrv_mac(p->to);
        src = vfdrv_mac(p->from);
        for (uint32_t i = 0; i < p->tx.size; i++) {
                uint8_t *frame = p->tx.buffers + (size_t) i * p->tx.stride;

                memset(frame, 0xa5, b->length);
                memcpy(frame, &dst, 6);
                memcpy(frame + 6, &src, 6);
                frame[12] = 0x88;
                frame[13] = 0xb5; /* for experiments (IEEE 802) */
        }
        return 0;
}

static int open_card(struct bench *b, struct pfdrv **ret)
{
        const struct sim_profile *profile = sim_profile_find("ice");
        const struct mac mac = {{0x02, 0, 0, 0, 0, 1}};
        const struct nic_config config = {
                .memory = b->memory,
                .iommu = b->iommu,
                .irq = b->irq,
                .pf_rid = 0x100,
                .vf_offset = profile->offset,
                .vf_stride = profile->stride,
                .max_vfs = b->o.vfs,
                .queues = 1,
                .pf_vectors = 2,
                .vf_vectors = 2,
                .cut_through = b->o.cut_through,
        };
        int r;

        r = nic_new(&config, &b->nic);
        if (r == 0)
                r = pfdrv_new(b->nic, profile, &mac, ret);
        if (r < 0)
                return r;
        nic_set_link(b->nic, true);
        pfdrv_set_link(*ret, true);
        r = pfdrv_set_numvfs(*ret, b->o.vfs, 0);
        for (uint32_t i = 0; i < b->o.vfs && r >= 0; i++)
                r = in_port_vlan(b, *ret, i);
        return r;
}

static int open_bench(struct bench *b, struct pfdrv **ret)
{
        uint64_t per_vf = ((uint64_t) b->o.ring * 2560 + 8 * PAGE_SIZE_2M) & -PAGE_SIZE_2M;
        int r;

        b->length = b->o.size - 4;
        b->n_pairs = b->o.vfs / 2;
        b->pairs = aligned_alloc(64, b->n_pairs * sizeof(*b->pairs));
        b->staging = aligned_alloc(64, BURST * CELL);
        if (!b->pairs || !b->staging)
                return -ENOMEM;
        memset(b->pairs, 0, b->n_pairs * sizeof(*b->pairs));
        r = memory_new(b->o.vfs * per_vf + 64 * PAGE_SIZE_2M, &b->memory);
        if (r == 0)
                r = iommu_new(b->memory, true, &b->iommu);
        if (r == 0)
                r = irq_new(b->iommu, true, &b->irq);
        if (r == 0)
                r = open_card(b, ret);
        for (uint32_t i = 0; i < b->n_pairs && r >= 0; i++)
                r = open_pair(b, &b->pairs[i], 2 * i);
        return r;
}

static void close_bench(struct bench *b, struct pfdrv *pfdrv)
{
        for (uint32_t i = 0; b->pairs && i < b->n_pairs; i++) {
                if (b->pairs[i].from)
                        vfdrv_close(b->pairs[i].from);
                if (b->pairs[i].to)
                        vfdrv_close(b->pairs[i].to);
        }
        if (pfdrv)
                pfdrv_free(pfdrv);
        if (b->nic)
                nic_free(b->nic);
        irq_free(b->irq);
        iommu_free(b->iommu);
        memory_free(b->memory);
        free(b->pairs);
        free(b->staging);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

static int measure(struct bench *b, struct bench_result *ret)
{
        double mpps[SAMPLES_MAX], bound[SAMPLES_MAX];
        uint32_t n = b->o.samples;
        char why[256];

        pin(0);
        for (uint32_t i = 0; i < n; i++) {
                bound[i] = sample(b, true);
                mpps[i] = sample(b, false);
        }
        if (!nic_conserved(b->nic, why, sizeof(why)))
                return -EIO;
        qsort(mpps, n, sizeof(*mpps), compare);
        qsort(bound, n, sizeof(*bound), compare);
        *ret = (struct bench_result){
                .mpps = mpps[n / 2],
                .min_mpps = mpps[0],
                .max_mpps = mpps[n - 1],
                .bound_mpps = bound[n / 2],
                .gbps = mpps[n / 2] * b->o.size * 8 / 1000,
        };
        return 0;
}

int bench_run(const struct bench_case *c, struct bench_result *ret)
{
        struct bench b = {.o = *c};
        struct pfdrv *pfdrv = NULL;
        int r;

        if (c->size < 64 || c->size > 1518 || c->vfs < 2 || c->vfs > BENCH_VFS_MAX || c->vfs % 2 ||
                c->samples < 1 || c->samples > SAMPLES_MAX || c->ring < 2 * BURST)
                return -EINVAL;
        r = open_bench(&b, &pfdrv);
        if (r >= 0)
                r = measure(&b, ret);
        close_bench(&b, pfdrv);
        return r;
}
