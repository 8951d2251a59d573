/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the IOMMU (and irq.c) share: its state, and entries of the page tables. */
#pragma once

#include <endian.h>
#include <pthread.h>

#include "sim/host/iommu.h"

#define CACHE_LINE 64

/* ---- the second-level tables (VT-d specification 9.8) ------------------------------------------
 */

#define LEVELS 4u /* 4 the root, 1 the one whose leaves are 4 KiB */

#define PTE_ACCESS   UINT64_C(3) /* read and write, as enum iommu_access; none: not present */
#define PTE_LARGE    (UINT64_C(1) << 7)
#define PTE_ADDRESS  UINT64_C(0x000ffffffffff000)
#define PTE_RESERVED (UINT64_C(1) << 11 | UINT64_C(1) << 62) /* no snoop control, no device TLB */

/* What one entry of a table covers: log2, and bytes. */
static inline unsigned level_shift(unsigned level)
{
        return 12 + 9 * (level - 1);
}

static inline uint64_t level_size(unsigned level)
{
        return UINT64_C(1) << level_shift(level);
}

static inline uint64_t *pte_at(
        const struct memory *m, uint64_t table, unsigned level, uint64_t iova)
{
        uint64_t *entries = (uint64_t *) (void *) memory_at(m, table);

        return &entries[iova >> level_shift(level) & 511];
}

static inline uint64_t pte_read(const uint64_t *entry)
{
        return le64toh(__atomic_load_n(entry, __ATOMIC_ACQUIRE));
}

static inline void pte_write(uint64_t *entry, uint64_t value)
{
        __atomic_store_n(entry, htole64(value), __ATOMIC_RELEASE);
}

static inline bool pte_is_leaf(uint64_t value, unsigned level)
{
        return level == 1 || (level < LEVELS && (value & PTE_LARGE) != 0);
}

/* ---- the IOTLB ---------------------------------------------------------------------------------
 */

#define TLB_SETS 1024u
#define TLB_WAYS 2u

struct tlb_entry {
        uint64_t generation; /* of the domain when the tables were read; 0: empty */
        uint64_t key;        /* IOVA of the page, and log2 of its size */
        uint64_t leaf;       /* physical address of the page, and access */
};

struct tlb_set {
        _Alignas(CACHE_LINE) struct tlb_entry way[TLB_WAYS]; /* newest first */
};

/* ---- state -------------------------------------------------------------------------------------
 */

struct iommu_domain {
        struct iommu *iommu;
        uint64_t root;
        /*
         * Drawn from the IOMMU's at each invalidation, so no two domains ever have the same: it
         * is what the IOTLB's entries are tagged with. Atomic.
         */
        uint64_t generation;
        uint64_t sizes; /* of leaves that were ever mapped: what to look for; atomic */
        uint32_t set;   /* where in the IOTLB its IOVA 0 is */
};

struct iommu {
        /* What a translation reads. */
        struct memory *memory;
        bool enabled;
        uint64_t generation;           /* atomic */
        struct iommu_domain **context; /* by requester ID; atomic */
        struct tlb_set *tlb;           /* the datapath thread's */

        /* The datapath thread's, read by others: atomic. */
        _Alignas(CACHE_LINE) uint64_t hits;
        uint64_t misses;

        /* Of who changes contexts, domains and tables, and of iommu_look(). */
        _Alignas(CACHE_LINE) pthread_mutex_t lock;
        uint64_t invalidations;
        void (*wait)(void *userdata);
        void *userdata;

        /* The fault log: a ring, the oldest first. */
        pthread_mutex_t fault_lock;
        struct iommu_fault faults[IOMMU_FAULTS_MAX];
        uint32_t first_fault, n_faults;
        bool overflow;
        uint64_t recorded; /* also those that were lost */
};

/* Until no device uses what it looked up before. Not with a lock held. */
void iommu_wait(struct iommu *iommu);
