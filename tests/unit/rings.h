/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's side of a function without a driver: memory of its own behind the IOMMU, one pair of
 * rings, registers. What tests and the bench drive the NIC with. One thread per guest; the NIC held
 * to begin and end.
 */
#pragma once

#include "sim/nic/nic.h"
#include "sim/nic/registers.h"

#include <assert.h>

#define RINGS_IOVA UINT64_C(0x100000000)
#define IVAR_VALID 0x80u

struct rings_config {
        uint32_t rx_size, tx_size;         /* descriptors; 0: 64 */
        uint32_t rx_buffer;                /* bytes; 0: 2048 */
        uint32_t rx_distance, tx_distance; /* from one buffer to the next; 0: 2048 */
        uint32_t queue;
        bool scattered; /* 4 KiB pages whose physical addresses are apart and out of order */
        bool drop;      /* SRRCTL.DROP */
        bool interrupts;
};

struct rings {
        struct nic *nic;
        struct memory *memory;
        struct rings_config c;
        uint32_t pool;
        uint16_t rid;
        struct iommu_domain *domain;
        uint64_t size, *pages;                             /* physical, of each 4 KiB */
        uint64_t rx_ring, tx_ring, rx_buffers, tx_buffers; /* from the beginning of its memory */
        uint32_t rx_next, rx_tail; /* to look at; given to the NIC up to here */
        uint32_t tx_next;          /* to write */
        struct irq_target *target;
        uint32_t irte;
};

static inline uint64_t rings_iova(uint64_t at)
{
        return RINGS_IOVA + at;
}

/* The host's pointer to a place in the guest's memory: good up to the end of its 4 KiB page. */
static inline uint8_t *rings_at(const struct rings *g, uint64_t at)
{
        return memory_at(g->memory, g->pages[at / PAGE_SIZE_4K] + at % PAGE_SIZE_4K);
}

static inline void rings_write(const struct rings *g, uint64_t at, const void *from, size_t n)
{
        const uint8_t *p = from;

        for (size_t k; n > 0; at += k, p += k, n -= k) {
                k = PAGE_SIZE_4K - at % PAGE_SIZE_4K;
                k = k < n ? k : n;
                memcpy(rings_at(g, at), p, k);
        }
}

static inline void rings_read(const struct rings *g, uint64_t at, void *to, size_t n)
{
        uint8_t *p = to;

        for (size_t k; n > 0; at += k, p += k, n -= k) {
                k = PAGE_SIZE_4K - at % PAGE_SIZE_4K;
                k = k < n ? k : n;
                memcpy(p, rings_at(g, at), k);
        }
}

static inline struct tx_desc *rings_tx(const struct rings *g, uint32_t i)
{
        return (struct tx_desc *) (void *) rings_at(g, g->tx_ring + (uint64_t) i * DESC_SIZE);
}

static inline struct rx_desc *rings_rx(const struct rings *g, uint32_t i)
{
        return (struct rx_desc *) (void *) rings_at(g, g->rx_ring + (uint64_t) i * DESC_SIZE);
}

static inline uint64_t rings_rx_buffer(const struct rings *g, uint32_t i)
{
        return g->rx_buffers + (uint64_t) i * g->c.rx_distance;
}

static inline uint64_t rings_tx_buffer(const struct rings *g, uint32_t i)
{
        return g->tx_buffers + (uint64_t) i * g->c.tx_distance;
}

static inline void rings_register(struct rings *g, uint32_t offset, uint32_t value)
{
        nic_write(g->nic, g->pool, 0, offset, value, 0);
}

static inline void rings_setup_ring(struct rings *g, uint32_t base, uint64_t at, uint32_t size)
{
        rings_register(g, base + REG_RING_LOW, (uint32_t) rings_iova(at));
        rings_register(g, base + REG_RING_HIGH, (uint32_t) (rings_iova(at) >> 32));
        rings_register(g, base + REG_RING_BYTES, size * DESC_SIZE);
}

/* Registers of both rings, and enables them: also after a reset. */
static inline void rings_enable(struct rings *g)
{
        uint32_t rx = REG_RX(g->c.queue), tx = REG_TX(g->c.queue);

        nic_set_bus_master(g->nic, g->pool, true);
        rings_setup_ring(g, rx, g->rx_ring, g->c.rx_size);
        rings_register(
                g, rx + REG_SRRCTL, g->c.rx_buffer / 1024 | (g->c.drop ? REG_SRRCTL_DROP : 0));
        rings_register(g, rx + REG_RING_CTRL, REG_RING_ENABLE);
        rings_setup_ring(g, tx, g->tx_ring, g->c.tx_size);
        rings_register(g, tx + REG_RING_CTRL, REG_RING_ENABLE);
        g->rx_next = g->rx_tail = g->tx_next = 0;
}

/* Vector 0 for what comes, 1 for what went. */
static inline void rings_interrupts(struct rings *g, struct irq *irq)
{
        uint64_t address;
        int r;

        r = irq_target_new(true, false, &g->target);
        assert(r == 0);
        r = irq_allocate(irq, g->rid, g->target, 33, &g->irte);
        assert(r == 0);
        address = 0xfee00000u | 1u << 4 | 1u << 3 | (uint64_t) (g->irte & 0x7fff) << 5 |
                  (g->irte >> 15) << 2;
        for (uint32_t v = 0; v < 2; v++) {
                nic_write(g->nic, g->pool, 3, 16 * v, (uint32_t) address, 0);
                nic_write(g->nic, g->pool, 3, 16 * v + 12, 0, 0);
        }
        nic_set_msix(g->nic, g->pool, true, 0);
        rings_register(g, REG_IVAR(g->c.queue / 2),
                (IVAR_VALID | (IVAR_VALID | 1) << 8) << 16 * (g->c.queue % 2));
        rings_register(g, REG_EIMS, 3);
}

static inline void rings_map(struct rings *g, struct iommu *iommu)
{
        uint64_t n = g->size / PAGE_SIZE_4K, base = 0;
        int r;

        g->pages = calloc(n, sizeof(*g->pages));
        assert(g->pages);
        r = iommu_domain_new(iommu, &g->domain);
        assert(r == 0);
        if (!g->c.scattered) {
                r = memory_take(g->memory, g->size, PAGE_SIZE_2M, &base);
                assert(r == 0);
                r = iommu_map(g->domain, RINGS_IOVA, base, g->size, IOMMU_READ | IOMMU_WRITE, 0);
                assert(r == 0);
        }
        for (uint64_t i = 0; i < n; i++) {
                uint64_t page = g->c.scattered ? n - 1 - i : i;

                g->pages[page] = base + i * PAGE_SIZE_4K;
                if (!g->c.scattered)
                        continue;
                r = memory_take(g->memory, PAGE_SIZE_4K, PAGE_SIZE_4K, &g->pages[page]);
                assert(r == 0);
                r = iommu_map(g->domain, rings_iova(page * PAGE_SIZE_4K), g->pages[page],
                        PAGE_SIZE_4K, IOMMU_READ | IOMMU_WRITE, 0);
                assert(r == 0);
        }
        r = iommu_attach(iommu, g->rid, g->domain);
        assert(r == 0);
}

static inline void rings_open(
        struct rings *g, struct nic *nic, uint32_t pool, const struct rings_config *config)
{
        const struct nic_config *nc = nic_config(nic);
        uint64_t end;

        *g = (struct rings){.nic = nic,
                .memory = nc->memory,
                .c = *config,
                .pool = pool,
                .rid = nic_rid(nic, pool)};
        g->c.rx_size = g->c.rx_size ?: 64;
        g->c.tx_size = g->c.tx_size ?: 64;
        g->c.rx_buffer = g->c.rx_buffer ?: 2048;
        g->c.rx_distance = g->c.rx_distance ?: 2048;
        g->c.tx_distance = g->c.tx_distance ?: 2048;
        g->tx_ring = (uint64_t) g->c.rx_size * DESC_SIZE;
        g->rx_buffers = g->tx_ring + (uint64_t) g->c.tx_size * DESC_SIZE;
        g->rx_buffers = (g->rx_buffers + 4095) & ~UINT64_C(4095);
        g->tx_buffers = g->rx_buffers + (uint64_t) g->c.rx_size * g->c.rx_distance;
        end = g->tx_buffers + (uint64_t) g->c.tx_size * g->c.tx_distance;
        g->size = g->c.scattered ? (end + PAGE_SIZE_4K - 1) & -PAGE_SIZE_4K
                                 : (end + PAGE_SIZE_2M - 1) & -PAGE_SIZE_2M;
        rings_map(g, nc->iommu);
        rings_enable(g);
        if (config->interrupts)
                rings_interrupts(g, nc->irq);
}

/* Nothing of it may be running. */
static inline void rings_close(struct rings *g)
{
        nic_reset_function(g->nic, g->pool);
        iommu_domain_free(g->domain);
        if (g->target) {
                irq_release(nic_config(g->nic)->irq, g->irte);
                irq_target_free(g->target);
        }
        if (!g->c.scattered)
                memory_give(g->memory, g->pages[0], g->size);
        else
                for (uint64_t i = 0; i < g->size / PAGE_SIZE_4K; i++)
                        memory_give(g->memory, g->pages[i], PAGE_SIZE_4K);
        free(g->pages);
}

/* Gives n receive buffers more, each its own of its place in the ring. */
static inline void rings_give(struct rings *g, uint32_t n)
{
        for (; n > 0; n--) {
                *rings_rx(g, g->rx_tail) =
                        (struct rx_desc){.address = rings_iova(rings_rx_buffer(g, g->rx_tail))};
                g->rx_tail = g->rx_tail + 1 < g->c.rx_size ? g->rx_tail + 1 : 0;
        }
        nic_rx_doorbell(g->nic, g->pool, g->c.queue, g->rx_tail);
}

static inline void rings_put(struct rings *g, const struct tx_desc *d)
{
        *rings_tx(g, g->tx_next) = *d;
        g->tx_next = g->tx_next + 1 < g->c.tx_size ? g->tx_next + 1 : 0;
}

static inline void rings_ring(struct rings *g)
{
        nic_tx_doorbell(g->nic, g->pool, g->c.queue, g->tx_next);
}

static inline struct tx_desc rings_desc(uint64_t iova, uint32_t n)
{
        return (struct tx_desc){
                .address = iova,
                .cmd = TX_DATA | TX_DEXT | TX_EOP | TX_IFCS | TX_RS | n,
                .status = n << TX_PAYLEN_SHIFT,
        };
}

/* One frame in one descriptor; the doorbell is the caller's. */
static inline void rings_send(struct rings *g, const void *frame, uint32_t n)
{
        uint64_t at = rings_tx_buffer(g, g->tx_next);
        const struct tx_desc d = rings_desc(rings_iova(at), n);

        rings_write(g, at, frame, n);
        rings_put(g, &d);
}

static inline bool rings_done(const struct rx_done *d)
{
        return __atomic_load_n(&d->status, __ATOMIC_ACQUIRE) & RX_DD;
}

/* The next frame that came: its length; ret: the last descriptor's. 0: none. Does not give the
 * buffers back. */
static inline uint32_t rings_receive(struct rings *g, uint8_t *to, struct rx_done *ret)
{
        uint32_t n = 0;

        for (;;) {
                struct rx_done *d = (struct rx_done *) (void *) rings_rx(g, g->rx_next);

                if (g->rx_next == g->rx_tail || !rings_done(d))
                        return 0;
                *ret = *d;
                rings_read(g, rings_rx_buffer(g, g->rx_next), to + n, d->length);
                n += d->length;
                g->rx_next = g->rx_next + 1 < g->c.rx_size ? g->rx_next + 1 : 0;
                if (ret->status & RX_EOP)
                        return n;
        }
}
