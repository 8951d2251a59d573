/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains and their page tables. Any thread, under the IOMMU's lock; the datapath reads the tables
 * meanwhile without one, so entries are atomic, and a table that was unlinked is given back only
 * after iommu_wait(). No lock is held there: whoever the devices wait for may want it.
 */
#include "sim/host/iommu_private.h"

/* ---- the IOMMU ---------------------------------------------------------------------------------
 */

int iommu_new(struct memory *memory, bool enabled, struct iommu **ret)
{
        _cleanup_(iommu_freep) struct iommu *iommu = aligned_alloc(CACHE_LINE, sizeof(*iommu));
        const size_t tlb = TLB_SETS * sizeof(*iommu->tlb);

        if (!iommu)
                return -ENOMEM;
        *iommu = (struct iommu){.memory = memory, .enabled = enabled, .generation = 1};
        pthread_mutex_init(&iommu->lock, NULL);
        pthread_mutex_init(&iommu->fault_lock, NULL);
        iommu->context = calloc(UINT16_MAX + 1, sizeof(struct iommu_domain *));
        iommu->tlb = aligned_alloc(CACHE_LINE, tlb);
        if (!iommu->context || !iommu->tlb)
                return -ENOMEM;
        memset(iommu->tlb, 0, tlb);
        *ret = TAKE_PTR(iommu);
        return 0;
}

void iommu_free(struct iommu *iommu)
{
        if (!iommu)
                return;
        pthread_mutex_destroy(&iommu->lock);
        pthread_mutex_destroy(&iommu->fault_lock);
        free(iommu->context);
        free(iommu->tlb);
        free(iommu);
}

bool iommu_enabled(const struct iommu *iommu)
{
        return iommu->enabled;
}

void iommu_on_invalidate(struct iommu *iommu, void (*wait)(void *userdata), void *userdata)
{
        iommu->wait = wait;
        iommu->userdata = userdata;
}

void iommu_wait(struct iommu *iommu)
{
        if (iommu->wait)
                iommu->wait(iommu->userdata);
}

uint64_t iommu_generation(const struct iommu *iommu)
{
        return __atomic_load_n(&iommu->generation, __ATOMIC_ACQUIRE);
}

struct iommu_counts iommu_counts(struct iommu *iommu)
{
        struct iommu_counts c = {
                .hits = __atomic_load_n(&iommu->hits, __ATOMIC_RELAXED),
                .misses = __atomic_load_n(&iommu->misses, __ATOMIC_RELAXED),
        };

        pthread_mutex_lock(&iommu->lock);
        c.invalidations = iommu->invalidations;
        pthread_mutex_unlock(&iommu->lock);
        pthread_mutex_lock(&iommu->fault_lock);
        c.faults = iommu->recorded;
        pthread_mutex_unlock(&iommu->fault_lock);
        return c;
}

/*
 * What was remembered of the domain (NULL: which domain a requester has) is void. The domain's
 * generation first: who sees the IOMMU's new one must not find old IOTLB entries.
 */
static void invalidate(struct iommu *iommu, struct iommu_domain *domain)
{
        uint64_t next = iommu->generation + 1;

        if (domain)
                __atomic_store_n(&domain->generation, next, __ATOMIC_RELEASE);
        __atomic_store_n(&iommu->generation, next, __ATOMIC_RELEASE);
        iommu->invalidations++;
}

/* ---- tables ------------------------------------------------------------------------------------
 */

/*
 * Tables that are no longer linked, each with the next one's address in its first entry: without
 * the access bits that is an entry that is not present for whoever still reads it.
 */
static void discard(const struct memory *m, uint64_t table, uint64_t *gone)
{
        pte_write(pte_at(m, table, 1, 0), *gone);
        *gone = table;
}

static void give_back(struct memory *m, uint64_t gone)
{
        while (gone) {
                uint64_t next = pte_read(pte_at(m, gone, 1, 0));

                memory_give(m, gone, PAGE_SIZE_4K);
                gone = next;
        }
}

static bool is_empty(const struct memory *m, uint64_t table)
{
        for (uint64_t i = 0; i < 512; i++)
                if (pte_read(pte_at(m, table, 1, i * PAGE_SIZE_4K)))
                        return false;
        return true;
}

/* Where the entry of this level that covers the IOVA ends, or the range before it. */
static uint64_t entry_end(uint64_t iova, unsigned level, uint64_t end)
{
        uint64_t next = (iova | (level_size(level) - 1)) + 1;

        return next < end ? next : end;
}

/* Is anything mapped in [iova, end)? */
static bool any_mapped(
        const struct memory *m, uint64_t table, unsigned level, uint64_t iova, uint64_t end)
{
        for (uint64_t next; iova < end; iova = next) {
                uint64_t value = pte_read(pte_at(m, table, level, iova));

                next = entry_end(iova, level, end);
                if (!value)
                        continue;
                if (pte_is_leaf(value, level) ||
                        any_mapped(m, value & PTE_ADDRESS, level - 1, iova, next))
                        return true;
        }
        return false;
}

struct mapping {
        struct memory *memory;
        uint64_t access, largest;
        uint64_t sizes; /* of the leaves made */
};

/* Nothing is mapped in [iova, end) yet. -ENOMEM: partly done. */
static int map_range(struct mapping *map, uint64_t table, unsigned level, uint64_t iova,
        uint64_t end, uint64_t address)
{
        const uint64_t size = level_size(level);

        for (uint64_t next; iova < end; address += next - iova, iova = next) {
                uint64_t *entry = pte_at(map->memory, table, level, iova);
                uint64_t below = pte_read(entry) & PTE_ADDRESS;
                int r;

                next = entry_end(iova, level, end);
                if (next - iova == size && (address & (size - 1)) == 0 && size <= map->largest) {
                        pte_write(entry, address | map->access | (level > 1 ? PTE_LARGE : 0));
                        map->sizes |= size;
                        continue;
                }
                if (!below) {
                        r = memory_take(map->memory, PAGE_SIZE_4K, PAGE_SIZE_4K, &below);
                        if (r < 0)
                                return r;
                        pte_write(entry, below | PTE_ACCESS);
                }
                r = map_range(map, below, level - 1, iova, next, address);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Clears [iova, end), which cuts no leaf, and discards tables without entries. */
static bool unmap_range(const struct memory *m, uint64_t table, unsigned level, uint64_t iova,
        uint64_t end, uint64_t *gone)
{
        bool found = false;

        for (uint64_t next; iova < end; iova = next) {
                uint64_t *entry = pte_at(m, table, level, iova);
                uint64_t value = pte_read(entry), below = value & PTE_ADDRESS;

                next = entry_end(iova, level, end);
                if (!value)
                        continue;
                if (pte_is_leaf(value, level)) {
                        pte_write(entry, 0);
                        found = true;
                        continue;
                }
                found |= unmap_range(m, below, level - 1, iova, next, gone);
                if (is_empty(m, below)) {
                        pte_write(entry, 0);
                        discard(m, below, gone);
                }
        }
        return found;
}

/* Is the IOVA inside a leaf: not where one begins, and not where nothing is? */
static bool inside_leaf(const struct iommu_domain *domain, uint64_t iova)
{
        uint64_t table = domain->root;

        for (unsigned level = LEVELS; iova >> IOVA_BITS == 0; level--) {
                uint64_t value = pte_read(pte_at(domain->iommu->memory, table, level, iova));

                if (!value)
                        return false;
                if (pte_is_leaf(value, level))
                        return (iova & (level_size(level) - 1)) != 0;
                table = value & PTE_ADDRESS;
        }
        return false;
}

/* ---- domains -----------------------------------------------------------------------------------
 */

int iommu_domain_new(struct iommu *iommu, struct iommu_domain **ret)
{
        _cleanup_(freep) struct iommu_domain *domain = calloc(1, sizeof(*domain));
        int r;

        if (!iommu->enabled)
                return -ENODEV;
        if (!domain)
                return -ENOMEM;
        domain->iommu = iommu;
        r = memory_take(iommu->memory, PAGE_SIZE_4K, PAGE_SIZE_4K, &domain->root);
        if (r < 0)
                return r;
        pthread_mutex_lock(&iommu->lock);
        domain->generation = iommu->generation + 1;
        __atomic_store_n(&iommu->generation, domain->generation, __ATOMIC_RELEASE);
        pthread_mutex_unlock(&iommu->lock);
        /* By the golden ratio: guests all have the same IOVAs, and should not share sets. */
        domain->set = (uint32_t) (domain->generation * UINT64_C(0x9e3779b97f4a7c15) /
                                  (UINT64_MAX / TLB_SETS + 1));
        *ret = TAKE_PTR(domain);
        return 0;
}

void iommu_domain_free(struct iommu_domain *domain)
{
        struct iommu *iommu;
        uint64_t gone = 0;

        if (!domain)
                return;
        iommu = domain->iommu;
        pthread_mutex_lock(&iommu->lock);
        for (uint32_t rid = 0; rid <= UINT16_MAX; rid++)
                if (iommu->context[rid] == domain)
                        __atomic_store_n(&iommu->context[rid], NULL, __ATOMIC_RELEASE);
        unmap_range(iommu->memory, domain->root, LEVELS, 0, UINT64_C(1) << IOVA_BITS, &gone);
        discard(iommu->memory, domain->root, &gone);
        invalidate(iommu, domain);
        pthread_mutex_unlock(&iommu->lock);
        iommu_wait(iommu);
        give_back(iommu->memory, gone);
        free(domain);
}

int iommu_attach(struct iommu *iommu, uint16_t rid, struct iommu_domain *domain)
{
        const struct iommu_domain *old;

        if (!iommu->enabled)
                return -ENODEV;
        if (domain && domain->iommu != iommu)
                return -EINVAL;
        pthread_mutex_lock(&iommu->lock);
        old = iommu->context[rid];
        if (old != domain) {
                __atomic_store_n(&iommu->context[rid], domain, __ATOMIC_RELEASE);
                invalidate(iommu, NULL);
        }
        pthread_mutex_unlock(&iommu->lock);
        if (old && old != domain)
                iommu_wait(iommu);
        return 0;
}

/* Whole pages of at most 48 bits. */
static bool good_range(uint64_t iova, uint64_t size)
{
        const uint64_t end = UINT64_C(1) << IOVA_BITS;

        return size > 0 && (iova | size) % PAGE_SIZE_4K == 0 && size <= end && iova <= end - size;
}

static bool good_limit(uint64_t largest)
{
        return largest == 0 || largest == PAGE_SIZE_4K || largest == PAGE_SIZE_2M ||
               largest == PAGE_SIZE_1G;
}

int iommu_map(struct iommu_domain *domain, uint64_t iova, uint64_t address, uint64_t size,
        uint32_t access, uint64_t largest)
{
        struct iommu *iommu = domain->iommu;
        struct memory *m = iommu->memory;
        struct mapping map = {.memory = m, .access = access, .largest = largest ?: PAGE_SIZE_1G};
        uint64_t gone = 0;
        int r;

        if (!good_range(iova, size) || address % PAGE_SIZE_4K != 0 || !good_limit(largest))
                return -EINVAL;
        if (size > m->size || address > m->size - size)
                return -EINVAL;
        if (access == 0 || (access & ~PTE_ACCESS) != 0)
                return -EINVAL;
        pthread_mutex_lock(&iommu->lock);
        if (any_mapped(m, domain->root, LEVELS, iova, iova + size)) {
                pthread_mutex_unlock(&iommu->lock);
                return -EEXIST;
        }
        r = map_range(&map, domain->root, LEVELS, iova, iova + size, address);
        __atomic_store_n(&domain->sizes, domain->sizes | map.sizes, __ATOMIC_RELAXED);
        if (r < 0) {
                unmap_range(m, domain->root, LEVELS, iova, iova + size, &gone);
                invalidate(iommu, domain);
        }
        pthread_mutex_unlock(&iommu->lock);
        if (r < 0)
                iommu_wait(iommu);
        give_back(m, gone);
        return r;
}

int iommu_unmap(struct iommu_domain *domain, uint64_t iova, uint64_t size)
{
        struct iommu *iommu = domain->iommu;
        uint64_t gone = 0;
        int r = 0;

        if (!good_range(iova, size))
                return -EINVAL;
        pthread_mutex_lock(&iommu->lock);
        if (inside_leaf(domain, iova) || inside_leaf(domain, iova + size))
                r = -EINVAL;
        else if (!unmap_range(iommu->memory, domain->root, LEVELS, iova, iova + size, &gone))
                r = -ENOENT;
        else
                invalidate(iommu, domain);
        pthread_mutex_unlock(&iommu->lock);
        if (r < 0)
                return r;
        iommu_wait(iommu);
        give_back(iommu->memory, gone);
        return 0;
}
