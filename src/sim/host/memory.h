/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The simulated host's physical memory: one range of addresses, handed out in pages to guests, to
 * the host's own drivers and to the IOMMU for its page tables. Whatever is not taken belongs to
 * nobody, and nothing may ever write there: tests keep canaries in it.
 *
 * memory_take and memory_give: any thread. The bytes: whoever took them, and devices by DMA.
 */
#pragma once

#include "base/util.h"

#define PAGE_SIZE_4K (UINT64_C(1) << 12)
#define PAGE_SIZE_2M (UINT64_C(1) << 21)
#define PAGE_SIZE_1G (UINT64_C(1) << 30)

struct memory {
        uint8_t *bytes; /* at physical address 0 */
        uint64_t size;
        struct memory_pages *pages; /* who has what; memory.c */
};

/* size: a multiple of 2 MiB. Nothing is resident until it is touched. */
int memory_new(uint64_t size, struct memory **ret);
void memory_free(struct memory *m);
DEFINE_CLEANUP(struct memory *, memory_free)

/* Takes contiguous, zeroed pages. size: a multiple of 4 KiB; align: a power of two, at least 4 KiB.
 * -ENOMEM, -EINVAL. Page 0 is never handed out. */
int memory_take(struct memory *m, uint64_t size, uint64_t align, uint64_t *ret_address);

/* Gives them back, all or a part that is whole pages. */
void memory_give(struct memory *m, uint64_t address, uint64_t size);

/* Bytes that are taken now. */
uint64_t memory_taken(struct memory *m);

/* The caller knows that the address is inside. */
static inline uint8_t *memory_at(const struct memory *m, uint64_t address)
{
        return m->bytes + address;
}
