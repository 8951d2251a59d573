/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packet memory: long frames, and how it comes and goes. Datapath thread. */
#include "sim/nic/pktmem.h"

#define CACHE_LINE 64u

int pktmem_new(uint64_t size, struct pktmem *ret)
{
        const uint64_t n = size / CELL_STRIDE;
        struct pktmem m = {};

        if (n < PKTMEM_CELLS_MIN || n >= CELL_NONE)
                return -EINVAL;
        m.n = m.n_free = (uint32_t) n;
        m.bytes = aligned_alloc(CACHE_LINE, n * CELL_STRIDE);
        m.free = malloc(n * sizeof(*m.free));
        m.next = malloc(n * sizeof(*m.next));
        if (!m.bytes || !m.free || !m.next) {
                pktmem_done(&m);
                return -ENOMEM;
        }
        memset(m.bytes, 0, n * CELL_STRIDE);
        for (uint32_t i = 0; i < m.n; i++) {
                m.free[i] = m.n - 1 - i; /* number 0 on top */
                m.next[i] = CELL_NONE;
        }
        *ret = m;
        return 0;
}

void pktmem_done(struct pktmem *m)
{
        free(m->bytes);
        free(m->free);
        free(m->next);
        *m = (struct pktmem){};
}

uint32_t pktmem_take_chain(struct pktmem *m, uint32_t n)
{
        const uint64_t cells = ((uint64_t) n + CELL_TAG + CELL_BYTES - 1) / CELL_BYTES;
        uint32_t first = CELL_NONE;

        if (cells > m->n_free)
                return CELL_NONE;
        for (uint64_t i = 0; i < cells; i++) {
                uint32_t cell = m->free[--m->n_free];

                m->next[cell] = first;
                first = cell;
        }
        return first;
}

void pktmem_give_chain(struct pktmem *m, uint32_t first)
{
        for (uint32_t cell = first, next; cell != CELL_NONE; cell = next) {
                next = m->next[cell];
                m->next[cell] = CELL_NONE;
                m->free[m->n_free++] = cell;
        }
}

/* Where byte `at` of a frame is, and how many of n follow it in the same cell. */
static uint8_t *span_at(
        const struct pktmem *m, uint32_t first, uint32_t at, uint32_t n, uint32_t *ret)
{
        uint32_t cell = first;

        for (; at >= CELL_BYTES; at -= CELL_BYTES)
                cell = m->next[cell];
        *ret = n < CELL_BYTES - at ? n : CELL_BYTES - at;
        return pktmem_at(m, cell) + at;
}

void pktmem_write(struct pktmem *m, uint32_t first, uint32_t at, const void *from, uint32_t n)
{
        const uint8_t *p = from;

        for (uint32_t piece; n > 0; p += piece, at += piece, n -= piece) {
                uint8_t *span = span_at(m, first, at, n, &piece);

                memcpy(span, p, piece);
        }
}

void pktmem_read(const struct pktmem *m, uint32_t first, uint32_t at, void *to, uint32_t n)
{
        uint8_t *p = to;

        for (uint32_t piece; n > 0; p += piece, at += piece, n -= piece) {
                const uint8_t *span = span_at(m, first, at, n, &piece);

                memcpy(p, span, piece);
        }
}
