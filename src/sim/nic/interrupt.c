/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts of functions: from a queue or the mailbox to a vector to MSI-X. Datapath thread, or
 * whoever holds the NIC. */
#include "sim/nic/nic_private.h"

/* The entry that a message's address names (VT-d 5.1.2.2): handle 14:0 in bits 19:5, 15 in bit 2.
 */
static uint32_t irte_of(uint64_t address)
{
        return (uint32_t) ((address >> 5 & 0x7fff) | (address >> 2 & 1) << 15);
}

static void tell(struct nic *nic, const struct nic_pool *p, uint32_t vector, const char *note)
{
        const struct trace_event e = {
                .step = TRACE_INTERRUPT,
                .pool = p->number,
                .from = nic->tracing_from,
                .rid = p->rid,
                .vector = vector,
                .irte = irte_of(p->msix.v[vector].address),
                .note = note,
        };

        nic_tell(nic, &e);
}

void raise_interrupt(struct nic *nic, struct nic_pool *p, uint32_t vector)
{
        enum msix_result r;

        if (vector >= p->msix.n)
                return;
        if (unlikely(!(p->interrupts_enabled >> vector & 1) || !p->bus_master)) {
                p->causes |= UINT64_C(1) << vector;
                if (nic->tracer)
                        tell(nic, p, vector, "masked");
                return;
        }
        r = msix_raise(&p->msix, vector, nic->now);
        if (r == MSIX_SENT) {
                stat_add(&p->stats.interrupts, 1);
        } else if (r == MSIX_OWED) {
                bit_set(nic->owed, p->number);
                nic->any_owed = true;
                nic->owed_due = 0;
        }
        if (unlikely(nic->tracer))
                tell(nic, p, vector, msix_result_text(r));
}

void interrupts_due(struct nic *nic)
{
        uint64_t due = UINT64_MAX;

        if (likely(!nic->any_owed) || nic->now < nic->owed_due)
                return;
        for (uint32_t w = 0; w < nic->pool_words; w++)
                for (uint64_t bits = nic->owed[w]; bits; bits &= bits - 1) {
                        struct nic_pool *p = nic->pools[w * 64 + (uint32_t) __builtin_ctzll(bits)];
                        uint64_t before = p->msix.owed, next;

                        next = p->bus_master ? msix_tick(&p->msix, nic->now) : UINT64_MAX;
                        stat_add(&p->stats.interrupts,
                                (uint64_t) __builtin_popcountll(before & ~p->msix.owed));
                        if (next == UINT64_MAX)
                                bit_clear(nic->owed, p->number);
                        else if (next < due)
                                due = next;
                }
        nic->owed_due = due;
        nic->any_owed = due != UINT64_MAX;
}
