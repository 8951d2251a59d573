/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The NIC's packet memory: where a frame waits between the DMA that brought it and the DMA or the
 * wire that takes it. Finite: when it is full the wire's frames are dropped and senders wait.
 *
 * It is made of cells; a long frame has several, linked. The distance of two cells is no power of
 * two, so that they do not fall on the same cache sets. Datapath thread.
 */
#pragma once

#include "sim/nic/frame.h"

#define CELL_STRIDE      2240u /* 35 cache lines */
#define CELL_BYTES       2176u
#define CELL_TAG         4u /* room that a frame gets for a tag more */
#define CELL_NONE        UINT32_MAX
#define PKTMEM_DEFAULT   (512u * 1024) /* bytes, as an X550 has for receiving */
#define PKTMEM_CELLS_MIN 16u

struct pktmem {
        uint8_t *bytes;
        uint32_t n, n_free; /* cells */
        uint32_t *free;     /* a stack */
        uint32_t *next;     /* of a cell: the one that goes on; CELL_NONE, also while it is free */
};

/* size: bytes. -EINVAL: less than PKTMEM_CELLS_MIN cells, or more than can be numbered; -ENOMEM. */
int pktmem_new(uint64_t size, struct pktmem *ret);
void pktmem_done(struct pktmem *m);

static inline uint8_t *pktmem_at(const struct pktmem *m, uint32_t cell)
{
        return m->bytes + (size_t) cell * CELL_STRIDE;
}

/* What pktmem_take() and pktmem_give() leave to others: a frame of several cells. */
uint32_t pktmem_take_chain(struct pktmem *m, uint32_t n);
void pktmem_give_chain(struct pktmem *m, uint32_t first);

/* Cells for a frame of n bytes, with room for a tag more: the first of them;
 * CELL_NONE: full, and nothing taken. */
static inline uint32_t pktmem_take(struct pktmem *m, uint32_t n)
{
        if (__builtin_expect(n > CELL_BYTES - CELL_TAG, 0))
                return pktmem_take_chain(m, n);
        return __builtin_expect(m->n_free > 0, 1) ? m->free[--m->n_free] : CELL_NONE;
}

/* Gives back all cells of a frame. */
static inline void pktmem_give(struct pktmem *m, uint32_t first)
{
        if (__builtin_expect(m->next[first] != CELL_NONE, 0))
                pktmem_give_chain(m, first);
        else
                m->free[m->n_free++] = first;
}

/* Copies into or out of a frame: at + n is within its cells. */
void pktmem_write(struct pktmem *m, uint32_t first, uint32_t at, const void *from, uint32_t n);
void pktmem_read(const struct pktmem *m, uint32_t first, uint32_t at, void *to, uint32_t n);
