/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of a function: BAR 0 as the 82599's virtual function has it (datasheet 9.3), BAR 3
 * is MSI-X. Whoever holds the NIC; the tails also have doorbells (nic.c).
 */
#include "sim/nic/nic_private.h"

#define ALL_ONES    UINT32_MAX
#define IVAR_VALID  0x80u
#define IVAR_VECTOR 0x7fu
#define EITR_UNIT   2000u /* ns */
#define EITR_SHIFT  3
#define EITR_MASK   0x1ffu
#define SRRCTL_KIB  0x1fu
#define QUEUE_BYTES 0x40u
#define RX_BASE     0x1000u
#define TX_BASE     0x2000u
#define RSS_ON      1u
#define HEAD_WB_ON  1u

/* ---- queues ---- */

static uint32_t low(uint64_t v)
{
        return (uint32_t) v;
}

static uint32_t high(uint64_t v)
{
        return (uint32_t) (v >> 32);
}

static void set_low(uint64_t *v, uint32_t value)
{
        *v = (*v & ~(uint64_t) UINT32_MAX) | value;
}

static void set_high(uint64_t *v, uint32_t value)
{
        *v = (*v & UINT32_MAX) | (uint64_t) value << 32;
}

static uint32_t read_queue(const struct nic_queue *q, uint32_t reg)
{
        switch (reg) {
        case REG_RING_LOW:
                return low(q->ring);
        case REG_RING_HIGH:
                return high(q->ring);
        case REG_RING_BYTES:
                return q->bytes;
        case REG_RING_HEAD:
                return q->head;
        case REG_SRRCTL:
                return q->transmit ? 0 : q->buffer / 1024 | (q->drop ? REG_SRRCTL_DROP : 0);
        case REG_RING_TAIL:
                return __atomic_load_n(&q->tail, __ATOMIC_SEQ_CST);
        case REG_RING_CTRL:
                return q->enabled ? REG_RING_ENABLE : 0;
        case REG_HEAD_WB_LOW:
                return q->transmit ? low(q->head_write_back) : 0;
        case REG_HEAD_WB_HIGH:
                return q->transmit ? high(q->head_write_back) : 0;
        }
        return 0;
}

static void write_tail(struct nic *nic, struct nic_queue *q, uint32_t value)
{
        if (q->transmit)
                nic_tx_doorbell(nic, q->pool->number, q->number, value);
        else
                nic_rx_doorbell(nic, q->pool->number, q->number, value);
        if (q->enabled && value >= q->size)
                queue_stop(nic, q, MDD_TAIL);
}

/* What must not change under a queue that runs. */
static void write_setup(struct nic *nic, struct nic_queue *q, uint32_t reg, uint32_t value)
{
        if (q->enabled) {
                queue_stop(nic, q, MDD_CHANGED_ENABLED);
                return;
        }
        switch (reg) {
        case REG_RING_LOW:
                set_low(&q->ring, value);
                break;
        case REG_RING_HIGH:
                set_high(&q->ring, value);
                break;
        case REG_RING_BYTES:
                q->bytes = value;
                q->size = value / DESC_SIZE;
                break;
        case REG_SRRCTL:
                q->buffer = (value & SRRCTL_KIB) * 1024;
                q->drop = value & REG_SRRCTL_DROP;
                break;
        case REG_HEAD_WB_LOW:
                set_low(&q->head_write_back, value);
                break;
        case REG_HEAD_WB_HIGH:
                set_high(&q->head_write_back, value);
                break;
        }
}

static void write_queue(struct nic *nic, struct nic_queue *q, uint32_t reg, uint32_t value)
{
        switch (reg) {
        case REG_RING_HEAD:
                return;
        case REG_RING_TAIL:
                write_tail(nic, q, value);
                return;
        case REG_RING_CTRL:
                if (value & REG_RING_ENABLE)
                        queue_enable(nic, q);
                else
                        queue_disable(nic, q);
                return;
        case REG_SRRCTL:
                if (!q->transmit)
                        write_setup(nic, q, reg, value);
                return;
        case REG_HEAD_WB_LOW:
        case REG_HEAD_WB_HIGH:
                if (q->transmit)
                        write_setup(nic, q, reg, value);
                return;
        }
        write_setup(nic, q, reg, value);
}

/* The queue whose registers those are; NULL: none. */
static struct nic_queue *queue_at(struct nic *nic, struct nic_pool *p, uint32_t offset)
{
        bool transmit = offset >= TX_BASE;
        uint32_t i = (offset - (transmit ? TX_BASE : RX_BASE)) / QUEUE_BYTES;

        if (offset < RX_BASE || i >= nic->config.queues)
                return NULL;
        return transmit ? &p->tx[i] : &p->rx[i];
}

/* ---- interrupts ---- */

static uint32_t vector_of(uint32_t entry)
{
        return entry & IVAR_VALID ? entry & IVAR_VECTOR : VECTOR_NONE;
}

static void write_ivar(struct nic *nic, struct nic_pool *p, uint32_t i, uint32_t value)
{
        p->ivar[i] = value;
        for (uint32_t k = 0; k < 2 && 2 * i + k < nic->config.queues; k++) {
                p->rx[2 * i + k].vector = vector_of(value >> 16 * k & 0xff);
                p->tx[2 * i + k].vector = vector_of(value >> (16 * k + 8) & 0xff);
        }
}

static void write_eitr(struct nic_pool *p, uint32_t vector, uint32_t value)
{
        if (vector >= p->msix.n)
                return;
        p->eitr[vector] = value & EITR_MASK << EITR_SHIFT;
        msix_moderate(&p->msix, vector, (uint64_t) (value >> EITR_SHIFT & EITR_MASK) * EITR_UNIT);
}

static void raise_all(struct nic *nic, struct nic_pool *p, uint64_t vectors)
{
        for (; vectors; vectors &= vectors - 1)
                raise_interrupt(nic, p, (uint32_t) __builtin_ctzll(vectors));
}

/* Causes that came while they were masked are raised when they are no more. */
static void write_eims(struct nic *nic, struct nic_pool *p, uint32_t value)
{
        uint64_t waiting = p->causes & value;

        p->interrupts_enabled |= value;
        p->causes &= ~waiting;
        raise_all(nic, p, waiting);
}

static uint32_t read_eicr(struct nic_pool *p)
{
        uint32_t causes = (uint32_t) p->causes;

        p->causes = 0;
        return causes;
}

/* ---- the rest ---- */

static uint32_t read_links(const struct nic *nic, const struct nic_pool *p)
{
        uint32_t speed = nic->config.speed, code = 3;
        bool up = p->link && (p->number != POOL_PF || (nic->link && nic->port));

        if (speed && speed < 10000)
                code = speed < 1000 ? 1 : 2;
        return up ? REG_LINKS_UP | code << 28 : 0;
}

static void write_rss(struct nic *nic, struct nic_pool *p, uint32_t offset, uint32_t value)
{
        struct rss_config rss = p->rss;
        uint32_t at;

        if (offset < REG_RSS_TABLE(0)) {
                at = offset - REG_RSS_KEY(0);
                if (at >= RSS_KEY_BYTES)
                        return;
                value = htole32(value);
                memcpy(rss.key + at, &value, sizeof(value));
        } else if (offset < REG_RSS_CTRL) {
                at = offset - REG_RSS_TABLE(0);
                if (at >= RSS_ENTRIES)
                        return;
                for (uint32_t i = 0; i < 4; i++)
                        rss.queues[at + i] =
                                (uint8_t) ((value >> 8 * i & 0xff) % nic->config.queues);
        } else {
                rss.types = value & RSS_ON ? RSS_DEFAULT_TYPES : 0;
        }
        nic_set_rss(nic, p->number, &rss);
}

static uint32_t read_rss(const struct nic_pool *p, uint32_t offset)
{
        uint32_t at, value = 0;

        if (offset < REG_RSS_TABLE(0)) {
                at = offset - REG_RSS_KEY(0);
                if (at < RSS_KEY_BYTES)
                        memcpy(&value, p->rss.key + at, sizeof(value));
        } else if (offset < REG_RSS_CTRL) {
                at = offset - REG_RSS_TABLE(0);
                if (at < RSS_ENTRIES)
                        memcpy(&value, p->rss.queues + at, sizeof(value));
        } else {
                return p->rss.types ? RSS_ON : 0;
        }
        return le32toh(value);
}

static void write_ctrl(struct nic *nic, struct nic_pool *p, uint32_t value)
{
        if (!(value & REG_CTRL_RST))
                return;
        pool_reset(nic, p);
        mailbox_vf_was_reset(&p->mailbox);
        if (p->number != POOL_PF && nic->notify)
                nic->notify(nic->notify_userdata, p->number);
}

static void write_mailbox(struct nic *nic, struct nic_pool *p, uint32_t value)
{
        if (mailbox_vf_write(&p->mailbox, value) && p->number != POOL_PF && nic->notify)
                nic->notify(nic->notify_userdata, p->number);
}

static bool within(uint32_t offset, uint32_t first, uint32_t n)
{
        return offset >= first && offset < first + 4 * n;
}

static uint32_t read_bar0(struct nic *nic, struct nic_pool *p, uint32_t offset)
{
        struct nic_queue *q = queue_at(nic, p, offset);

        if (within(offset, REG_IVAR(0), NIC_QUEUES_MAX / 2))
                return p->ivar[(offset - REG_IVAR(0)) / 4];
        if (within(offset, REG_MBMEM, MAILBOX_WORDS))
                return mailbox_vf_word(&p->mailbox, (offset - REG_MBMEM) / 4);
        if (within(offset, REG_EITR(0), MSIX_VECTORS_MAX))
                return p->eitr[(offset - REG_EITR(0)) / 4];
        if (offset >= REG_RSS_KEY(0) && offset <= REG_RSS_CTRL)
                return read_rss(p, offset);
        if (q)
                return read_queue(q, offset % QUEUE_BYTES);
        switch (offset) {
        case REG_LINKS:
                return read_links(nic, p);
        case REG_EICR:
                return read_eicr(p);
        case REG_EIMS:
        case REG_EIMC:
                return (uint32_t) p->interrupts_enabled;
        case REG_IVAR_MISC:
                return p->ivar_misc;
        case REG_MAILBOX:
                return mailbox_vf_read(&p->mailbox);
        }
        return 0;
}

static void write_bar0(struct nic *nic, struct nic_pool *p, uint32_t offset, uint32_t value)
{
        struct nic_queue *q = queue_at(nic, p, offset);

        if (within(offset, REG_IVAR(0), NIC_QUEUES_MAX / 2))
                write_ivar(nic, p, (offset - REG_IVAR(0)) / 4, value);
        else if (within(offset, REG_MBMEM, MAILBOX_WORDS))
                mailbox_vf_set_word(&p->mailbox, (offset - REG_MBMEM) / 4, value);
        else if (within(offset, REG_EITR(0), MSIX_VECTORS_MAX))
                write_eitr(p, (offset - REG_EITR(0)) / 4, value);
        else if (offset >= REG_RSS_KEY(0) && offset <= REG_RSS_CTRL)
                write_rss(nic, p, offset, value);
        else if (q)
                write_queue(nic, q, offset % QUEUE_BYTES, value);
        switch (offset) {
        case REG_CTRL:
                write_ctrl(nic, p, value);
                break;
        case REG_EICR:
                p->causes &= ~(uint64_t) value;
                break;
        case REG_EICS:
                raise_all(nic, p, value);
                break;
        case REG_EIMS:
                write_eims(nic, p, value);
                break;
        case REG_EIMC:
                p->interrupts_enabled &= ~(uint64_t) value;
                break;
        case REG_IVAR_MISC:
                p->ivar_misc = value;
                p->misc_vector = vector_of(value & 0xff);
                break;
        case REG_MAILBOX:
                write_mailbox(nic, p, value);
                break;
        }
}

uint32_t nic_read(struct nic *nic, uint32_t pool, unsigned bar, uint32_t offset)
{
        struct nic_pool *p = nic_pool_at(nic, pool);

        if (!p || offset % 4)
                return ALL_ONES;
        switch (bar) {
        case 0:
                return read_bar0(nic, p, offset);
        case 3:
                return msix_read(&p->msix, offset);
        }
        return ALL_ONES;
}

void nic_write(
        struct nic *nic, uint32_t pool, unsigned bar, uint32_t offset, uint32_t value, uint64_t now)
{
        struct nic_pool *p = nic_pool_at(nic, pool);

        if (!p || offset % 4)
                return;
        if (now > nic->now)
                nic->now = now;
        if (bar == 0)
                write_bar0(nic, p, offset, value);
        else if (bar == 3)
                msix_write(&p->msix, offset, value, now);
}
