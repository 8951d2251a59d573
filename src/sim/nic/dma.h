/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA as a function of the NIC does it: every access carries the function's requester ID and goes
 * through the IOMMU. A queue remembers its last pages, which hold as long as the IOMMU's generation
 * is the one at the beginning of the pass (nic_private.h): an unmap waits for the pass to end.
 *
 * All of a transfer is translated before its first byte moves. Datapath thread.
 */
#pragma once

#include "sim/host/iommu.h"

#define DMA_PAGES 4u

struct nic;

/* One page of a queue's, where the host has it. */
struct dma_page {
        uint64_t iova, size; /* size 0: none */
        uint8_t *host;
};

/* The last pages that one queue used for one purpose: all with the same access. */
struct dma_cache {
        struct dma_page page[DMA_PAGES]; /* last used first */
        uint64_t generation;
        uint32_t access;
};

/* A piece of a transfer that is contiguous in the host's memory. */
struct dma_piece {
        uint8_t *host;
        uint32_t n;
};

/* Before a burst: forgets what an invalidation made void. */
static inline void dma_refresh(struct dma_cache *c, uint64_t generation)
{
        if (__builtin_expect(c->generation == generation, 1))
                return;
        memset(c->page, 0, sizeof(c->page));
        c->generation = generation;
}

/* n bytes in one remembered page; NULL: ask dma_map(). The page of the last time comes first. */
uint8_t *dma_find_other(struct dma_cache *c, uint64_t iova, uint32_t n);
static inline uint8_t *dma_find(struct dma_cache *c, uint64_t iova, uint32_t n)
{
        uint64_t at = iova - c->page[0].iova;

        if (__builtin_expect(at < c->page[0].size && n <= c->page[0].size - at, 1))
                return c->page[0].host + at;
        return dma_find_other(c, iova, n);
}

/*
 * n > 0 bytes at iova as pieces, of which there is room for `room`: how many. 0: the IOMMU blocked
 * a part, and recorded it; or they are more than that.
 */
uint32_t dma_map(struct nic *nic, struct dma_cache *c, uint16_t rid, uint64_t iova, uint32_t n,
        struct dma_piece *pieces, uint32_t room);

/* Only what is contiguous from iova on, up to piece->n bytes. False: blocked. */
bool dma_map_first(
        struct nic *nic, struct dma_cache *c, uint16_t rid, uint64_t iova, struct dma_piece *piece);

/* Small frames are most frames: a few moves of fixed size, which overlap, instead of a call. */
static inline void dma_copy(uint8_t *to, const uint8_t *from, uint32_t n)
{
        if (n > 128) {
                size_t any = n;

                /* gcc would know that it is neither small nor large, and use `rep movs`. */
                __asm__("" : "+r"(any));
                memcpy(to, from, any);
        } else if (n > 64) {
                memcpy(to, from, 64);
                memcpy(to + n - 64, from + n - 64, 64);
        } else if (n >= 32) {
                memcpy(to, from, 32);
                memcpy(to + n - 32, from + n - 32, 32);
        } else if (n >= 16) {
                memcpy(to, from, 16);
                memcpy(to + n - 16, from + n - 16, 16);
        } else {
                memcpy(to, from, n);
        }
}
