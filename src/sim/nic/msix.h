/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSI-X of one function: its table and pending bits as they are in BAR 3 (PCI 3.0 6.8.2), and
 * moderation: at most one message per interval and vector (EITR). Settings: whoever holds the NIC;
 * msix_raise: datapath thread.
 */
#pragma once

#include "sim/host/irq.h"

#define MSIX_VECTORS_MAX 64u
#define MSIX_TABLE_AT    0x0000u /* in BAR 3: 16 bytes each: address low, high, data, control */
#define MSIX_PBA_AT      0x2000u

struct msix_vector {
        uint64_t address; /* remappable format (VT-d 5.1.2.2): msix_message() */
        uint32_t data;
        bool masked, pending;
        uint64_t interval; /* ns; 0: no moderation */
        uint64_t last;     /* ns of the last message */
        uint64_t sent;     /* messages, also those that were blocked */
};

struct msix {
        struct irq *irq;
        uint16_t rid;
        bool enabled, masked; /* message control in config space */
        uint32_t n;
        struct msix_vector v[MSIX_VECTORS_MAX];
        uint64_t owed; /* a bit per vector that was raised while its interval ran */
};

/* The address that names entry `index` of the interrupt remapping table. */
uint64_t msix_message(uint32_t index);

/* As after a reset: off, and all vectors masked. n <= MSIX_VECTORS_MAX. */
void msix_init(struct msix *m, struct irq *irq, uint16_t rid, uint32_t n);

/* BAR 3; 4 bytes, aligned. Unmasking a pending vector sends it, or it is owed from now on. */
uint32_t msix_read(const struct msix *m, uint32_t offset);
void msix_write(struct msix *m, uint32_t offset, uint32_t value, uint64_t now);
/* What waits while it is turned off is forgotten. */
void msix_control(struct msix *m, bool enabled, bool masked, uint64_t now);

/* ns between messages of this vector, from the last one on; 0: no moderation. */
void msix_moderate(struct msix *m, uint32_t vector, uint64_t interval);

enum msix_result {
        MSIX_SENT,
        MSIX_PENDING, /* masked: sent when it is unmasked */
        MSIX_OWED,    /* moderated: sent by msix_tick() */
        MSIX_BLOCKED, /* sent, but the platform did not take it */
        MSIX_OFF,     /* MSI-X is not enabled, or has no such vector */
};
const char *msix_result_text(enum msix_result r);

/* What msix_raise() leaves to others. */
enum msix_result msix_send(struct msix *m, struct msix_vector *v, uint64_t now);
enum msix_result msix_defer(struct msix *m, uint32_t vector);

static inline enum msix_result msix_raise(struct msix *m, uint32_t vector, uint64_t now)
{
        struct msix_vector *v = &m->v[vector % MSIX_VECTORS_MAX];

        if (__builtin_expect(vector < m->n && m->enabled && !m->masked && !v->masked &&
                                     (v->sent == 0 || now >= v->last + v->interval),
                    1))
                return msix_send(m, v, now);
        return msix_defer(m, vector);
}

/* Sends what is owed and due. When something stays owed: when, else UINT64_MAX. */
uint64_t msix_tick(struct msix *m, uint64_t now);
