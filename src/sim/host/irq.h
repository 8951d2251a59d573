/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts as the platform handles them: an MSI-X message names an entry of the interrupt
 * remapping table, the entry is checked against the requester that sent it (VT-d specification
 * 5.1), and says whose it is: a virtual machine's, into whose posted-interrupt descriptor it goes
 * without the hypervisor, or the host's, which handles it itself (a container's VF, or the PF).
 *
 * irq_raise: datapath thread, no lock. The rest: any thread.
 */
#pragma once

#include "sim/host/iommu.h"

#define IRQ_ENTRIES 65536u
#define IRQ_VECTORS 256u

/* Who waits for interrupts: a VM's posted-interrupt descriptor, or a handler of the host. */
struct irq_target {
        uint64_t pending[IRQ_VECTORS / 64]; /* PIR: a bit per vector, atomic */
        bool outstanding;                   /* ON: notified, and not looked at since; atomic */
        bool suppress;                      /* SN: post, but do not notify; atomic */
        bool posted;                        /* of a VM; else handled by the host */
        int event_fd;                       /* the notification; -1: whoever polls */
        uint64_t count;                     /* interrupts that reached it, atomic */
        uint64_t notified;                  /* notifications: fewer, as ON collapses them */
        uint64_t host_handled;              /* ran through the host first */
};

/* with_fd: with an event_fd to wait on. -errno. */
int irq_target_new(bool posted, bool with_fd, struct irq_target **ret);
void irq_target_free(struct irq_target *t);
DEFINE_CLEANUP(struct irq_target *, irq_target_free)

/* The guest looks: the vectors that are pending, which are so no more. Returns whether any was.
 * Whoever waits with event_fd reads that first, itself. */
bool irq_take(struct irq_target *t, uint64_t ret[static IRQ_VECTORS / 64]);

struct irq;
/* remapping false: a platform without: messages reach whoever they name, unchecked (this is what
 * allow_unsafe_interrupts is about). */
int irq_new(struct iommu *iommu, bool remapping, struct irq **ret);
void irq_free(struct irq *irq);
DEFINE_CLEANUP(struct irq *, irq_free)

/* A free entry for this requester, going to the target's vector. -ENOSPC. */
int irq_allocate(struct irq *irq, uint16_t rid, struct irq_target *target, uint8_t vector,
        uint32_t *ret_index);
/* After the return no device reaches the target by it (waits as an unmap does). */
void irq_release(struct irq *irq, uint32_t index);

/* A message: false and a fault record when it is blocked; without remapping nothing records that it
 * names nobody. */
bool irq_raise(struct irq *irq, uint16_t rid, uint32_t index);
