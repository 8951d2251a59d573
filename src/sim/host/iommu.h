/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IOMMU: what a device calls an address (IOVA) is looked up for its requester ID, in page
 * tables that are in the simulated memory, in the second-level format of Intel VT-d (specification
 * 9.8: read, write, page size bits, 4 levels, 48 bits; leaves of 4 KiB, 2 MiB and 1 GiB).
 *
 * Three places remember a translation: a queue its last pages (struct iommu_page, checked against
 * one global generation), the IOTLB (tagged with domain and its generation), and the tables. An
 * unmap bumps generations: O(1), nothing is searched.
 *
 * iommu_translate: the datapath thread, no lock. Everything else: any thread, a mutex of its own.
 * Whoever unmaps or detaches gets the promise that after the return no device uses the old
 * translation any more: iommu_on_invalidate() says how the IOMMU waits for devices.
 */
#pragma once

#include "sim/host/memory.h"

#define IOVA_BITS 48u

enum iommu_access { IOMMU_READ = 1, IOMMU_WRITE = 2 };

/* VT-d specification, table "fault reasons"; numbers are those of the record. */
enum iommu_reason {
        IOMMU_OK = 0,
        IOMMU_NO_CONTEXT = 0x02,  /* no domain for this requester: all its DMA is blocked */
        IOMMU_BAD_ADDRESS = 0x04, /* beyond 48 bits, or wraps */
        IOMMU_NO_WRITE = 0x05,    /* page mapped, not for writing; also: no page at all */
        IOMMU_NO_READ = 0x06,
        IOMMU_BAD_ENTRY = 0x0c,      /* reserved bit in a table entry */
        IOMMU_BAD_IRTE_INDEX = 0x21, /* interrupt: index beyond the table */
        IOMMU_NO_IRTE = 0x22,        /* interrupt: entry not present */
        IOMMU_BAD_SOURCE = 0x26,     /* interrupt: requester is not the entry's */
};
const char *iommu_reason_text(enum iommu_reason reason);

#define IOMMU_FAULTS_MAX 64u

struct iommu_fault {
        uint16_t rid;
        bool write, interrupt;
        enum iommu_reason reason;
        uint64_t address; /* page of the IOVA; of an interrupt: its index */
        uint64_t count;   /* like records after it were collapsed into it */
};

/* One translation, for the rest of its page. */
struct iommu_page {
        uint64_t iova;    /* of the page */
        uint64_t size;    /* 4 KiB, 2 MiB or 1 GiB; 0: nothing remembered */
        uint64_t address; /* physical, of the page */
        uint64_t generation;
        uint32_t access; /* enum iommu_access bits */
};

struct iommu;
struct iommu_domain;

/* memory stays the caller's and must outlive it. enabled false: no IOMMU: IOVA = physical address,
 * bounded by the size of the memory. Domains must be gone before it is freed. */
int iommu_new(struct memory *memory, bool enabled, struct iommu **ret);
void iommu_free(struct iommu *iommu);
DEFINE_CLEANUP(struct iommu *, iommu_free)
bool iommu_enabled(const struct iommu *iommu);

/* wait(userdata) returns when every device has finished what it was doing. Set it before there are
 * any. Called with no lock held, in the thread that unmaps, detaches or releases. */
void iommu_on_invalidate(struct iommu *iommu, void (*wait)(void *userdata), void *userdata);

/* -ENODEV: there is no IOMMU (attach too); -ENOMEM. */
int iommu_domain_new(struct iommu *iommu, struct iommu_domain **ret);
/* Detaches its requesters, gives back its tables (not what they point to). */
void iommu_domain_free(struct iommu_domain *domain);

/* From now on the requester's DMA goes through this domain; NULL: it is blocked. */
int iommu_attach(struct iommu *iommu, uint16_t rid, struct iommu_domain *domain);

/* Maps whole pages, with the largest leaves that fit (largest: limit their size, 0: no limit).
 * -EEXIST: something is mapped there already, nothing is changed; -EINVAL: not aligned, size 0,
 * beyond 48 bits, or address beyond the memory; -ENOMEM. */
int iommu_map(struct iommu_domain *domain, uint64_t iova, uint64_t address, uint64_t size,
        uint32_t access, uint64_t largest);

/* Unmaps whole pages. -EINVAL: not aligned, or would cut a larger leaf in two (then nothing is
 * changed); -ENOENT: nothing was there. */
int iommu_unmap(struct iommu_domain *domain, uint64_t iova, uint64_t size);

/*
 * The page behind an IOVA. Not IOMMU_OK: the access is blocked and a fault is recorded, and *ret is
 * untouched. The access may go no further than the end of the page. One thread at a time: the IOTLB
 * is its own.
 */
enum iommu_reason iommu_translate(
        struct iommu *iommu, uint16_t rid, uint64_t iova, uint32_t access, struct iommu_page *ret);

/* The same without recording: for people who want to look (trace). */
enum iommu_reason iommu_look(
        struct iommu *iommu, uint16_t rid, uint64_t iova, uint32_t access, struct iommu_page *ret);

/* What every remembered page is checked against. */
uint64_t iommu_generation(const struct iommu *iommu);

/* IOTLB counters since the start. */
struct iommu_counts {
        uint64_t hits, misses, faults, invalidations;
};
struct iommu_counts iommu_counts(struct iommu *iommu);

/* ---- the fault log -----------------------------------------------------------------------------
 */

/* Also for interrupts that were blocked (irq.h). Like the last record of that requester: counted
 * there; log full: lost, and the overflow bit is set. */
void iommu_record(struct iommu *iommu, const struct iommu_fault *fault);

/* Takes the oldest record. False: none. */
bool iommu_next_fault(struct iommu *iommu, struct iommu_fault *ret);

/* Were records lost; cleared by asking. */
bool iommu_overflow(struct iommu *iommu);
