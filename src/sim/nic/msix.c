/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSI-X: the table as drivers write it, and messages that have to wait. With the NIC held, or its
 * thread. */
#include "sim/nic/msix.h"

/* Interrupt messages are writes to FEEx xxxx; in remappable format with this bit (VT-d 5.1.2.2). */
#define MESSAGE_BASE       UINT64_C(0xfee)
#define MESSAGE_REMAPPABLE 0x10u
#define MESSAGE_SUBHANDLE  0x08u /* the data is added to the index */
#define ENTRY_SIZE         16u
#define ENTRY_MASKED       1u

uint64_t msix_message(uint32_t index)
{
        return MESSAGE_BASE << 20 | (index & 0x7fff) << 5 | MESSAGE_REMAPPABLE |
               (index >> 15 & 1) << 2;
}

/* What a message names. Beyond the table, for the platform to refuse, if it is not remappable. */
static uint32_t index_of(const struct msix_vector *v)
{
        uint32_t low = (uint32_t) v->address;

        if (v->address >> 20 != MESSAGE_BASE || !(low & MESSAGE_REMAPPABLE))
                return UINT32_MAX;
        return (low >> 5 & 0x7fff) + ((low >> 2 & 1) << 15) +
               (low & MESSAGE_SUBHANDLE ? v->data & 0xffff : 0);
}

void msix_init(struct msix *m, struct irq *irq, uint16_t rid, uint32_t n)
{
        *m = (struct msix){.irq = irq, .rid = rid, .n = n};
        for (uint32_t i = 0; i < n; i++)
                m->v[i].masked = true;
}

const char *msix_result_text(enum msix_result r)
{
        static const char *const texts[] = {
                [MSIX_SENT] = "sent",
                [MSIX_PENDING] = "masked, now pending",
                [MSIX_OWED] = "moderated, sent later",
                [MSIX_BLOCKED] = "blocked by interrupt remapping",
                [MSIX_OFF] = "MSI-X is off",
        };

        return texts[r];
}

/* ---- sending -----------------------------------------------------------------------------------
 */

enum msix_result msix_send(struct msix *m, struct msix_vector *v, uint64_t now)
{
        m->owed &= ~(UINT64_C(1) << (v - m->v));
        v->last = now;
        v->sent++;
        return irq_raise(m->irq, m->rid, index_of(v)) ? MSIX_SENT : MSIX_BLOCKED;
}

enum msix_result msix_defer(struct msix *m, uint32_t vector)
{
        if (vector >= m->n || !m->enabled)
                return MSIX_OFF;
        if (m->masked || m->v[vector].masked) {
                m->v[vector].pending = true;
                return MSIX_PENDING;
        }
        m->owed |= UINT64_C(1) << vector;
        return MSIX_OWED;
}

/* Perhaps nothing masks it any more; if something does it is pending again. */
static void unmasked(struct msix *m, uint32_t vector, uint64_t now)
{
        if (!m->v[vector].pending)
                return;
        m->v[vector].pending = false;
        msix_raise(m, vector, now);
}

uint64_t msix_tick(struct msix *m, uint64_t now)
{
        uint64_t next = UINT64_MAX;

        for (uint64_t bits = m->owed; bits; bits &= bits - 1) {
                uint32_t vector = (uint32_t) __builtin_ctzll(bits);
                uint64_t due = m->v[vector].last + m->v[vector].interval;

                m->owed &= ~(UINT64_C(1) << vector);
                if (msix_raise(m, vector, now) == MSIX_OWED && due < next)
                        next = due;
        }
        return next;
}

/* ---- what drivers write ------------------------------------------------------------------------
 */

void msix_control(struct msix *m, bool enabled, bool masked, uint64_t now)
{
        m->enabled = enabled;
        m->masked = masked;
        if (!enabled)
                m->owed = 0;
        for (uint32_t i = 0; i < m->n; i++) {
                m->v[i].pending &= enabled;
                unmasked(m, i, now);
        }
}

void msix_moderate(struct msix *m, uint32_t vector, uint64_t interval)
{
        m->v[vector].interval = interval;
}

static uint32_t pending_bits(const struct msix *m, uint32_t first)
{
        uint32_t bits = 0;

        for (uint32_t i = 0; i < 32 && first + i < m->n; i++)
                bits |= (uint32_t) m->v[first + i].pending << i;
        return bits;
}

uint32_t msix_read(const struct msix *m, uint32_t offset)
{
        uint32_t entry = (offset - MSIX_TABLE_AT) / ENTRY_SIZE;
        const struct msix_vector *v = &m->v[entry % MSIX_VECTORS_MAX];

        if (offset >= MSIX_PBA_AT && offset < MSIX_PBA_AT + MSIX_VECTORS_MAX / 8)
                return pending_bits(m, (offset - MSIX_PBA_AT) * 8);
        if (entry >= m->n)
                return 0;
        switch (offset % ENTRY_SIZE) {
        case 0:
                return (uint32_t) v->address;
        case 4:
                return (uint32_t) (v->address >> 32);
        case 8:
                return v->data;
        default:
                return v->masked ? ENTRY_MASKED : 0;
        }
}

void msix_write(struct msix *m, uint32_t offset, uint32_t value, uint64_t now)
{
        uint32_t entry = (offset - MSIX_TABLE_AT) / ENTRY_SIZE;
        struct msix_vector *v = &m->v[entry % MSIX_VECTORS_MAX];

        if (entry >= m->n)
                return;
        switch (offset % ENTRY_SIZE) {
        case 0:
                v->address = (v->address & ~(uint64_t) UINT32_MAX) | (value & ~3u);
                return;
        case 4:
                v->address = (v->address & UINT32_MAX) | (uint64_t) value << 32;
                return;
        case 8:
                v->data = value;
                return;
        default:
                v->masked = value & ENTRY_MASKED;
                unmasked(m, entry, now);
        }
}
