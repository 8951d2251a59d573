/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translation: IOTLB, then tables.
 *
 * iommu_translate() is for one thread at a time, the datapath's: the IOTLB is its own, and no lock
 * is taken. Every generation is read before what it vouches for, so a result that an unmap overtook
 * carries a generation that is no longer current.
 */
#include "sim/host/iommu_private.h"

/* ---- tables ------------------------------------------------------------------------------------
 */

/* Nothing here was written by a guest, but who changes a byte of it must not get further. */
static bool is_bad(const struct memory *m, uint64_t value, unsigned level)
{
        bool leaf = pte_is_leaf(value, level);
        uint64_t target = value & PTE_ADDRESS, size = leaf ? level_size(level) : PAGE_SIZE_4K;

        return (value & PTE_RESERVED) || (level == LEVELS && (value & PTE_LARGE)) ||
               (target & (size - 1)) != 0 || target + size > m->size;
}

static enum iommu_reason walk(const struct memory *m, uint64_t root, uint64_t iova, uint32_t access,
        struct iommu_page *ret)
{
        uint64_t table = root, allowed = PTE_ACCESS;

        if (iova >> IOVA_BITS != 0)
                return IOMMU_BAD_ADDRESS;
        for (unsigned level = LEVELS;; level--) {
                uint64_t value = pte_read(pte_at(m, table, level, iova));

                allowed &= value;
                if (allowed == 0 || (access & ~allowed) != 0)
                        return access & ~allowed & IOMMU_WRITE ? IOMMU_NO_WRITE : IOMMU_NO_READ;
                if (is_bad(m, value, level))
                        return IOMMU_BAD_ENTRY;
                table = value & PTE_ADDRESS;
                if (pte_is_leaf(value, level)) {
                        ret->size = level_size(level);
                        ret->iova = iova & -ret->size;
                        ret->address = table;
                        ret->access = (uint32_t) allowed;
                        return IOMMU_OK;
                }
        }
}

/* Without the IOTLB. ret: all but the generation, and untouched on errors. */
static enum iommu_reason resolve(const struct iommu *iommu, const struct iommu_domain *domain,
        uint64_t iova, uint32_t access, struct iommu_page *ret)
{
        if (!iommu->enabled) {
                if (iova >= iommu->memory->size)
                        return IOMMU_BAD_ADDRESS;
                ret->size = PAGE_SIZE_2M; /* the memory is made of these */
                ret->iova = ret->address = iova & -PAGE_SIZE_2M;
                ret->access = IOMMU_READ | IOMMU_WRITE;
                return IOMMU_OK;
        }
        return domain ? walk(iommu->memory, domain->root, iova, access, ret) : IOMMU_NO_CONTEXT;
}

enum iommu_reason iommu_look(
        struct iommu *iommu, uint16_t rid, uint64_t iova, uint32_t access, struct iommu_page *ret)
{
        enum iommu_reason reason;

        pthread_mutex_lock(&iommu->lock); /* keeps domain and tables */
        reason = resolve(iommu, iommu->context[rid], iova, access, ret);
        if (reason == IOMMU_OK)
                ret->generation = iommu->generation;
        pthread_mutex_unlock(&iommu->lock);
        return reason;
}

/* ---- the IOTLB ---------------------------------------------------------------------------------
 */

/* One thread writes, others may look. */
static inline void count(uint64_t *counter)
{
        __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

static inline uint64_t key_of(uint64_t iova, uint64_t size)
{
        return (iova & -size) | (uint64_t) __builtin_ctzll(size);
}

static inline struct tlb_set *set_of(
        const struct iommu *iommu, const struct iommu_domain *domain, uint64_t iova, uint64_t size)
{
        return &iommu->tlb[((iova >> __builtin_ctzll(size)) + domain->set) % TLB_SETS];
}

static __attribute__((noinline)) enum iommu_reason translate_slowly(struct iommu *iommu,
        uint16_t rid, uint64_t generation, uint64_t iova, uint32_t access, struct iommu_page *ret)
{
        const struct iommu_domain *domain = __atomic_load_n(&iommu->context[rid], __ATOMIC_ACQUIRE);
        uint64_t tag = domain ? __atomic_load_n(&domain->generation, __ATOMIC_ACQUIRE) : 0;
        enum iommu_reason reason = resolve(iommu, domain, iova, access, ret);

        if (iommu->enabled)
                count(&iommu->misses);
        if (reason != IOMMU_OK) {
                const struct iommu_fault fault = {
                        .rid = rid,
                        .write = (access & IOMMU_WRITE) != 0,
                        .reason = reason,
                        .address = iova & -PAGE_SIZE_4K,
                };

                iommu_record(iommu, &fault);
                return reason;
        }
        ret->generation = generation;
        if (domain) {
                struct tlb_set *set = set_of(iommu, domain, iova, ret->size);

                memmove(&set->way[1], &set->way[0], (TLB_WAYS - 1) * sizeof(set->way[0]));
                set->way[0] = (struct tlb_entry){
                        tag, key_of(iova, ret->size), ret->address | ret->access};
        }
        return IOMMU_OK;
}

enum iommu_reason iommu_translate(
        struct iommu *iommu, uint16_t rid, uint64_t iova, uint32_t access, struct iommu_page *ret)
{
        static const uint64_t sizes[] = {PAGE_SIZE_2M, PAGE_SIZE_4K, PAGE_SIZE_1G};
        const uint64_t generation = __atomic_load_n(&iommu->generation, __ATOMIC_ACQUIRE);
        const struct iommu_domain *domain = __atomic_load_n(&iommu->context[rid], __ATOMIC_ACQUIRE);
        uint64_t used, tag;

        if (!domain)
                return translate_slowly(iommu, rid, generation, iova, access, ret);
        used = __atomic_load_n(&domain->sizes, __ATOMIC_RELAXED);
        tag = __atomic_load_n(&domain->generation, __ATOMIC_ACQUIRE);
#pragma GCC unroll 4
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                const uint64_t size = sizes[i], key = key_of(iova, size);
                const struct tlb_set *set = set_of(iommu, domain, iova, size);

                if (!(used & size))
                        continue;
#pragma GCC unroll 4
                for (size_t w = 0; w < TLB_WAYS; w++) {
                        const struct tlb_entry *e = &set->way[w];

                        if (e->key != key || e->generation != tag || (access & ~e->leaf) != 0)
                                continue;
                        count(&iommu->hits);
                        *ret = (struct iommu_page){
                                .iova = iova & -size,
                                .size = size,
                                .address = e->leaf & PTE_ADDRESS,
                                .generation = generation,
                                .access = (uint32_t) (e->leaf & PTE_ACCESS),
                        };
                        return IOMMU_OK;
                }
        }
        return translate_slowly(iommu, rid, generation, iova, access, ret);
}
