/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function's driver: how it begins and ends. With the NIC held.
 *
 * The guest's memory is one range: first the rings, then the buffers. Buffers are not a power of
 * two apart, and guests do not begin at like offsets: else all rings and all buffers of all guests
 * would want the same few cache sets.
 */
#include <stdarg.h>
#include <stdio.h>

#include "sim/guest/vfdrv_private.h"
#include "sim/nic/msix.h"
#include "sim/nic/registers.h"

#define RING_DEFAULT   256u
#define BUFFER_DEFAULT 2048u
#define STRIDE_MORE    192u /* 2048 and this is an odd number of cache lines */
#define COLOURS        61u
#define COLOUR_STEP    (9u * RING_ALIGN)
#define PLACES         4096u /* to look for a free range of a shared domain */
#define IVAR_VALID     0x80u
#define MODERATION_MAX 1022u /* us: 9 bits of 2 us */

static _printf_(3, 4) void say_why(char *why, size_t size, const char *fmt, ...)
{
        va_list ap;

        if (!why)
                return;
        va_start(ap, fmt);
        vsnprintf(why, size, fmt, ap);
        va_end(ap);
}

static void write_register(struct vfdrv *d, uint32_t offset, uint32_t value)
{
        nic_write(d->nic, d->pool, 0, offset, value, d->now);
}

/* ---- configuration -----------------------------------------------------------------------------
 */

static void fill_defaults(struct vfdrv_config *c, uint32_t pool)
{
        c->rx_ring = c->rx_ring ? c->rx_ring : RING_DEFAULT;
        c->tx_ring = c->tx_ring ? c->tx_ring : RING_DEFAULT;
        c->queues = c->queues ? c->queues : 1;
        c->buffer = c->buffer ? c->buffer : BUFFER_DEFAULT;
        c->largest_page = c->largest_page ? c->largest_page : PAGE_SIZE_2M;
        c->raw = c->raw || pool == POOL_PF;
}

static bool ring_valid(uint32_t n)
{
        return n >= RING_MIN && n <= RING_MAX && n % RING_MIN == 0;
}

static int check(const struct vfdrv_config *c, uint32_t queues, char *why, size_t size)
{
        const struct {
                bool good;
                const char *what;
        } checks[] = {
                {ring_valid(c->rx_ring) && ring_valid(c->tx_ring),
                        "rings have 8 to 4096 descriptors, a multiple of 8"},
                {c->queues <= queues, "the function has not so many queues"},
                {c->buffer >= RX_BUFFER_MIN && c->buffer <= RX_BUFFER_MAX &&
                                c->buffer % RX_BUFFER_MIN == 0,
                        "buffers have 1024 to 16384 bytes, a multiple of 1024"},
                {c->largest_page == PAGE_SIZE_4K || c->largest_page == PAGE_SIZE_2M,
                        "pages are of 4 KiB or 2 MiB"},
                {c->moderation <= MODERATION_MAX, "there are at most 1022 us between interrupts"},
        };

        for (size_t i = 0; i < ELEMENTSOF(checks); i++)
                if (!checks[i].good) {
                        say_why(why, size, "%s", checks[i].what);
                        return -EINVAL;
                }
        return 0;
}

/* ---- memory ------------------------------------------------------------------------------------
 */

/* Hands out the range piece by piece; counts only while there is no memory yet. */
struct layout {
        struct vfdrv *d;
        uint64_t at;
};

static uint8_t *next_part(struct layout *l, uint64_t bytes, uint64_t *ret_iova)
{
        uint64_t at = l->at;

        l->at += (bytes + RING_ALIGN - 1) / RING_ALIGN * RING_ALIGN;
        *ret_iova = l->d->iova + at;
        return l->d->address ? memory_at(l->d->memory, l->d->address + at) : NULL;
}

static uint64_t lay_out(struct vfdrv *d)
{
        struct layout l = {d, d->pool % COLOURS * COLOUR_STEP};

        for (uint32_t i = 0; i < d->config.queues; i++) {
                struct vf_queue *q = &d->queues[i];

                q->rx.size = d->config.rx_ring;
                q->tx.size = d->config.tx_ring;
                q->rx.buffer = q->tx.buffer = d->config.buffer;
                q->rx.stride = q->tx.stride = d->config.buffer + STRIDE_MORE;
                q->rx.ring = (void *) next_part(&l, q->rx.size * DESC_SIZE, &q->rx.ring_iova);
                q->tx.ring = (void *) next_part(&l, q->tx.size * DESC_SIZE, &q->tx.ring_iova);
        }
        for (uint32_t i = 0; i < d->config.queues; i++) {
                struct vf_queue *q = &d->queues[i];

                q->rx.buffers = next_part(&l, (uint64_t) q->rx.size * q->rx.stride, &q->rx.iova);
                q->tx.buffers = next_part(&l, (uint64_t) q->tx.size * q->tx.stride, &q->tx.iova);
        }
        return l.at;
}

/* Into its domain, or into the first free place of the one it shares with others of its VM. */
static int map(struct vfdrv *d, struct iommu *iommu)
{
        int r;

        d->iova = d->address;
        if (!iommu_enabled(iommu))
                return 0;
        d->domain = d->config.domain;
        if (!d->domain) {
                r = iommu_domain_new(iommu, &d->domain);
                if (r < 0)
                        return r;
                d->own_domain = true;
        }
        r = -EEXIST;
        for (uint32_t i = 0; i < PLACES && r == -EEXIST; i++) {
                d->iova = GUEST_IOVA + i * d->bytes;
                r = iommu_map(d->domain, d->iova, d->address, d->bytes, IOMMU_READ | IOMMU_WRITE,
                        d->config.largest_page);
        }
        if (r < 0)
                return r;
        d->mapped = true;
        return iommu_attach(iommu, d->rid, d->domain);
}

static int take_memory(struct vfdrv *d)
{
        uint64_t page = d->config.largest_page;
        int r;

        d->memory = nic_config(d->nic)->memory;
        d->bytes = (lay_out(d) + page - 1) / page * page;
        r = memory_take(d->memory, d->bytes, page, &d->address);
        if (r < 0)
                return r;
        r = map(d, nic_config(d->nic)->iommu);
        if (r < 0)
                return r;
        lay_out(d);
        for (uint32_t i = 0; i < d->config.queues; i++) {
                struct vf_queue *q = &d->queues[i];

                q->tx.report = calloc(q->tx.size, sizeof(*q->tx.report));
                if (!q->tx.report)
                        return -ENOMEM;
                if (d->config.scatter) {
                        q->rx.joined = malloc(FRAMES_JOINED * FRAME_MAX);
                        if (!q->rx.joined)
                                return -ENOMEM;
                }
                vfdrv_rings_fill(q);
        }
        return 0;
}

static void give_memory(struct vfdrv *d)
{
        if (d->mapped) {
                iommu_attach(nic_config(d->nic)->iommu, d->rid, NULL);
                iommu_unmap(d->domain, d->iova, d->bytes);
        }
        if (d->own_domain)
                iommu_domain_free(d->domain);
        if (d->address)
                memory_give(d->memory, d->address, d->bytes);
        for (uint32_t i = 0; i < NIC_QUEUES_MAX; i++) {
                free(d->queues[i].tx.report);
                free(d->queues[i].rx.joined);
        }
}

/* ---- interrupts --------------------------------------------------------------------------------
 */

static int add_vector(struct vfdrv *d, uint32_t v)
{
        uint32_t at = MSIX_TABLE_AT + 16 * v;
        uint64_t address;
        int r;

        r = irq_allocate(d->remapping, d->rid, d->irq, (uint8_t) v, &d->entries[v]);
        if (r < 0)
                return r;
        d->n_entries++;
        address = msix_message(d->entries[v]);
        nic_write(d->nic, d->pool, 3, at, (uint32_t) address, d->now);
        nic_write(d->nic, d->pool, 3, at + 4, (uint32_t) (address >> 32), d->now);
        nic_write(d->nic, d->pool, 3, at + 8, 0, d->now);
        nic_write(d->nic, d->pool, 3, at + 12, 0, d->now); /* not masked */
        return 0;
}

/* The last vector is the mailbox's, the others are receive queues'; too few are shared. Sending
 * needs none: what was sent is looked at when room is wanted. */
static int set_up_interrupts(struct vfdrv *d)
{
        const struct nic_config *c = nic_config(d->nic);
        uint32_t have = d->pool == POOL_PF ? c->pf_vectors : c->vf_vectors;
        uint32_t n = have < d->config.queues + 1 ? have : d->config.queues + 1;
        uint32_t for_queues = n > 1 ? n - 1 : 1, ivar[NIC_QUEUES_MAX / 2] = {0};
        int r;

        if (n == 0)
                return 0;
        d->remapping = c->irq;
        r = irq_target_new(d->config.posted, d->config.with_fd, &d->irq);
        for (uint32_t v = 0; v < n && r == 0; v++)
                r = add_vector(d, v);
        if (r < 0)
                return r;
        for (uint32_t v = 0; v < for_queues; v++)
                write_register(d, REG_EITR(v), d->config.moderation / 2 << 3);
        for (uint32_t q = 0; q < d->config.queues; q++)
                ivar[q / 2] |= (IVAR_VALID | q % for_queues) << (q % 2 * 16);
        for (uint32_t i = 0; i < ELEMENTSOF(ivar); i++)
                write_register(d, REG_IVAR(i), ivar[i]);
        write_register(d, REG_IVAR_MISC, IVAR_VALID | (n - 1));
        nic_set_msix(d->nic, d->pool, true, d->now);
        write_register(d, REG_EIMS, (1u << n) - 1);
        return 0;
}

static void drop_interrupts(struct vfdrv *d)
{
        for (uint32_t v = 0; v < d->n_entries; v++)
                irq_release(d->remapping, d->entries[v]);
        if (d->irq)
                irq_target_free(d->irq);
}

/* ---- queues ------------------------------------------------------------------------------------
 */

static bool enable_ring(struct vfdrv *d, uint32_t base, uint64_t iova, uint32_t size)
{
        write_register(d, base + REG_RING_LOW, (uint32_t) iova);
        write_register(d, base + REG_RING_HIGH, (uint32_t) (iova >> 32));
        write_register(d, base + REG_RING_BYTES, size * DESC_SIZE);
        write_register(d, base + REG_RING_CTRL, REG_RING_ENABLE);
        return nic_read(d->nic, d->pool, 0, base + REG_RING_CTRL) & REG_RING_ENABLE;
}

static int enable_queue(struct vfdrv *d, uint32_t i)
{
        struct vf_queue *q = &d->queues[i];
        uint32_t srrctl = d->config.buffer / 1024 | (d->config.drop ? REG_SRRCTL_DROP : 0);

        write_register(d, REG_RX(i) + REG_SRRCTL, srrctl);
        if (!enable_ring(d, REG_RX(i), q->rx.ring_iova, q->rx.size) ||
                !enable_ring(d, REG_TX(i), q->tx.ring_iova, q->tx.size))
                return -EIO;
        nic_rx_doorbell(d->nic, d->pool, i, q->rx.size - 1);
        return 0;
}

/* Flows over as many queues as it uses. */
static void set_up_rss(struct vfdrv *d)
{
        struct rss_config rss;
        uint32_t word;

        if (d->config.queues == 1) {
                write_register(d, REG_RSS_CTRL, 0);
                return;
        }
        rss_default(&rss, d->config.queues);
        for (uint32_t i = 0; i < RSS_KEY_BYTES / 4; i++) {
                memcpy(&word, &rss.key[4 * i], 4);
                write_register(d, REG_RSS_KEY(i), word);
        }
        for (uint32_t i = 0; i < RSS_ENTRIES / 4; i++) {
                memcpy(&word, &rss.queues[4 * i], 4);
                write_register(d, REG_RSS_TABLE(i), word);
        }
        write_register(d, REG_RSS_CTRL, 1);
}

/* ---- its life ----------------------------------------------------------------------------------
 */

void vfdrv_close(struct vfdrv *d)
{
        if (d->pool < nic_n_pools(d->nic)) { /* the VFs may have gone already */
                write_register(d, REG_CTRL, REG_CTRL_RST);
                nic_set_msix(d->nic, d->pool, false, d->now);
                nic_set_bus_master(d->nic, d->pool, false);
        }
        drop_interrupts(d);
        give_memory(d);
        free(d);
}

static int begin(struct vfdrv *d, char *why, size_t size)
{
        char name[24] = "the PF";
        int r;

        if (d->pool != POOL_PF)
                snprintf(name, sizeof(name), "VF %u", d->pool - 1);
        write_register(d, REG_CTRL, REG_CTRL_RST);
        nic_set_bus_master(d->nic, d->pool, true);
        r = take_memory(d);
        if (r < 0) {
                say_why(why, size, "no memory for %s: %s", name, strerror(-r));
                return r;
        }
        r = set_up_interrupts(d);
        if (r < 0) {
                say_why(why, size, "no interrupts for %s: %s", name, strerror(-r));
                return r;
        }
        if (d->config.raw)
                d->mac = d->config.mac;
        r = d->config.raw ? 0 : vfdrv_handshake(d);
        if (r < 0) {
                say_why(why, size,
                        r == -EPERM ? "the PF driver refuses the MAC of %s"
                                    : "the PF driver does not answer the mailbox of %s",
                        name);
                return r;
        }
        set_up_rss(d);
        for (uint32_t i = 0; i < d->config.queues && r == 0; i++)
                r = enable_queue(d, i);
        if (r < 0)
                say_why(why, size, "a queue of %s does not start: %s", name,
                        mdd_cause_text(nic_mdd(d->nic, d->pool).cause));
        return r;
}

int vfdrv_open(struct nic *nic, uint32_t pool, const struct vfdrv_config *config, uint64_t now,
        struct vfdrv **ret, char *why, size_t size)
{
        struct vfdrv_config filled = *config;
        struct vfdrv *d;
        int r;

        if (pool >= nic_n_pools(nic)) {
                say_why(why, size, "there is no such function");
                return -ENODEV;
        }
        fill_defaults(&filled, pool);
        r = check(&filled, nic_config(nic)->queues, why, size);
        if (r < 0)
                return r;
        d = aligned_alloc(CACHE_LINE, sizeof(*d));
        if (!d) {
                say_why(why, size, "no memory for its driver");
                return -ENOMEM;
        }
        *d = (struct vfdrv){
                .nic = nic,
                .pool = pool,
                .rid = nic_rid(nic, pool),
                .config = filled,
                .now = now,
                .xcast = XCAST_MULTI,
                .mtu = MTU_STANDARD,
        };
        r = begin(d, why, size);
        if (r < 0) {
                vfdrv_close(d);
                return r;
        }
        *ret = d;
        return 0;
}

/* ---- looking -----------------------------------------------------------------------------------
 */

uint64_t vfdrv_mac(const struct vfdrv *d)
{
        return d->mac;
}

uint32_t vfdrv_pool(const struct vfdrv *d)
{
        return d->pool;
}

struct irq_target *vfdrv_irq(struct vfdrv *d)
{
        return d->irq;
}

uint32_t vfdrv_api(const struct vfdrv *d)
{
        return d->api;
}

struct vfdrv_raw vfdrv_raw(struct vfdrv *d, uint32_t queue)
{
        const struct vf_queue *q = &d->queues[queue];

        return (struct vfdrv_raw){
                .tx = q->tx.ring,
                .rx = &q->rx.ring->given,
                .tx_size = q->tx.size,
                .rx_size = q->rx.size,
                .tx_tail = (q->tx.tail + 1) % q->tx.size,
                .iova = d->iova,
                .physical = d->address,
                .bytes = d->bytes,
                .tx_iova = q->tx.ring_iova,
                .rx_iova = q->rx.ring_iova,
                .tx_buffers = q->tx.iova,
                .rx_buffers = q->rx.iova,
                .tx_stride = q->tx.stride,
                .rx_stride = q->rx.stride,
                .domain = d->domain,
        };
}
