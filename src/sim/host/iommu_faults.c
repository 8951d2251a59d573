/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fault log (VT-d specification 7.2). Writers: the datapath; readers: any thread. Its mutex is
 * taken only when something was blocked.
 */
#include "sim/host/iommu_private.h"

const char *iommu_reason_text(enum iommu_reason reason)
{
        static const char *const texts[] = {
                [IOMMU_OK] = "allowed",
                [IOMMU_NO_CONTEXT] = "the requester has no domain",
                [IOMMU_BAD_ADDRESS] = "the address is beyond what the IOMMU translates",
                [IOMMU_NO_WRITE] = "not mapped for writing",
                [IOMMU_NO_READ] = "not mapped for reading",
                [IOMMU_BAD_ENTRY] = "a reserved bit is set in a page table entry",
                [IOMMU_BAD_IRTE_INDEX] = "the index is beyond the interrupt remapping table",
                [IOMMU_NO_IRTE] = "the interrupt remapping entry is not present",
                [IOMMU_BAD_SOURCE] = "the interrupt remapping entry is another requester's",
        };

        return texts[reason];
}

static struct iommu_fault *fault_at(struct iommu *iommu, uint32_t i)
{
        return &iommu->faults[(iommu->first_fault + i) % IOMMU_FAULTS_MAX];
}

static struct iommu_fault *last_of(struct iommu *iommu, uint16_t rid)
{
        for (uint32_t i = iommu->n_faults; i-- > 0;)
                if (fault_at(iommu, i)->rid == rid)
                        return fault_at(iommu, i);
        return NULL;
}

void iommu_record(struct iommu *iommu, const struct iommu_fault *fault)
{
        struct iommu_fault *last;

        pthread_mutex_lock(&iommu->fault_lock);
        iommu->recorded++;
        last = last_of(iommu, fault->rid);
        if (last && last->reason == fault->reason) {
                last->count++;
        } else if (iommu->n_faults == IOMMU_FAULTS_MAX) {
                iommu->overflow = true;
        } else {
                *fault_at(iommu, iommu->n_faults) = *fault;
                fault_at(iommu, iommu->n_faults)->count = 0;
                iommu->n_faults++;
        }
        pthread_mutex_unlock(&iommu->fault_lock);
}

bool iommu_next_fault(struct iommu *iommu, struct iommu_fault *ret)
{
        bool any;

        pthread_mutex_lock(&iommu->fault_lock);
        any = iommu->n_faults > 0;
        if (any) {
                *ret = *fault_at(iommu, 0);
                iommu->first_fault = (iommu->first_fault + 1) % IOMMU_FAULTS_MAX;
                iommu->n_faults--;
        }
        pthread_mutex_unlock(&iommu->fault_lock);
        return any;
}

bool iommu_overflow(struct iommu *iommu)
{
        bool lost;

        pthread_mutex_lock(&iommu->fault_lock);
        lost = iommu->overflow;
        iommu->overflow = false;
        pthread_mutex_unlock(&iommu->fault_lock);
        return lost;
}
