/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The simulated physical memory: one anonymous mapping, and a bit per page that says who is taken.
 * First fit, so that single pages (tables) fill the holes that aligned takes leave. Any thread.
 */
#include <assert.h>
#include <pthread.h>
#include <sys/mman.h>

#include "sim/host/memory.h"

struct memory_pages {
        pthread_mutex_t lock;
        uint64_t n, taken;
        uint64_t lowest; /* below it no page is free */
        uint64_t bits[]; /* 1: taken; n is a multiple of 64 */
};

static uint64_t round_up(uint64_t n, uint64_t align)
{
        return (n + align - 1) & -align;
}

/* ---- pages -------------------------------------------------------------------------------------
 */

/* Marks n pages; returns how many were not so before. */
static uint64_t mark(struct memory_pages *p, uint64_t from, uint64_t n, bool taken)
{
        uint64_t changed = 0;

        while (n > 0) {
                uint64_t bit = from % 64, k = n < 64 - bit ? n : 64 - bit;
                uint64_t mask = UINT64_MAX >> (64 - k) << bit, *word = &p->bits[from / 64];
                uint64_t now = taken ? *word | mask : *word & ~mask;

                changed += (uint64_t) __builtin_popcountll(*word ^ now);
                *word = now;
                from += k;
                n -= k;
        }
        return changed;
}

static uint64_t next_free(const struct memory_pages *p, uint64_t from)
{
        while (from < p->n) {
                uint64_t word = ~p->bits[from / 64] >> from % 64;

                if (word)
                        return from + (uint64_t) __builtin_ctzll(word);
                from = from / 64 * 64 + 64;
        }
        return p->n;
}

/* The page after the last taken one of [from, to); from when all are free. */
static uint64_t after_taken(const struct memory_pages *p, uint64_t from, uint64_t to)
{
        while (to > from) {
                uint64_t start = (to - 1) / 64 * 64;
                uint64_t word = p->bits[start / 64] & UINT64_MAX >> (63 - (to - 1) % 64);

                if (start < from)
                        word &= UINT64_MAX << from % 64;
                if (word)
                        return start + 64 - (uint64_t) __builtin_clzll(word);
                to = start;
        }
        return from;
}

/* n free pages in a row; 0, which is never free: there are none. */
static uint64_t find(const struct memory_pages *p, uint64_t n, uint64_t align)
{
        uint64_t at = round_up(p->lowest, align);

        while (at + n <= p->n) {
                uint64_t end = after_taken(p, at, at + n);

                if (end == at)
                        return at;
                at = round_up(next_free(p, end), align);
        }
        return 0;
}

/* ---- bytes -------------------------------------------------------------------------------------
 */

/*
 * Zeroes pages, whoever had them before and whatever strangers wrote since. Many of them by giving
 * them back to Linux: they are resident when they are touched, not now.
 */
static void wipe(const struct memory *m, uint64_t address, uint64_t size)
{
        uint8_t *p = memory_at(m, address);

        if (size < PAGE_SIZE_2M || madvise(p, size, MADV_DONTNEED) < 0)
                memset(p, 0, size);
}

/* 2 MiB aligned, so that Linux can use large pages. */
static uint8_t *map_aligned(uint64_t size)
{
        uint8_t *p = mmap(NULL, size + PAGE_SIZE_2M, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        size_t before;

        if (p == MAP_FAILED)
                return NULL;
        before = -(uintptr_t) p & (PAGE_SIZE_2M - 1);
        if (before > 0)
                munmap(p, before);
        munmap(p + before + size, PAGE_SIZE_2M - before);
        madvise(p + before, size, MADV_HUGEPAGE);
        return p + before;
}

/* ---- the interface -----------------------------------------------------------------------------
 */

int memory_new(uint64_t size, struct memory **ret)
{
        _cleanup_(memory_freep) struct memory *m = NULL;
        uint64_t n = size / PAGE_SIZE_4K;

        if (size == 0 || size % PAGE_SIZE_2M != 0)
                return -EINVAL;
        if (size > UINT64_C(1) << 47) /* more than a process can have */
                return -ENOMEM;
        m = calloc(1, sizeof(*m));
        if (!m)
                return -ENOMEM;
        m->pages = calloc(1, sizeof(*m->pages) + n / 8);
        if (!m->pages)
                return -ENOMEM;
        pthread_mutex_init(&m->pages->lock, NULL);
        m->pages->n = n;
        mark(m->pages, 0, 1, true);
        m->bytes = map_aligned(size);
        if (!m->bytes)
                return -ENOMEM;
        m->size = size;
        *ret = TAKE_PTR(m);
        return 0;
}

void memory_free(struct memory *m)
{
        if (!m)
                return;
        if (m->bytes)
                munmap(m->bytes, m->size);
        if (m->pages)
                pthread_mutex_destroy(&m->pages->lock);
        free(m->pages);
        free(m);
}

int memory_take(struct memory *m, uint64_t size, uint64_t align, uint64_t *ret_address)
{
        struct memory_pages *p = m->pages;
        uint64_t at, n = size / PAGE_SIZE_4K;

        if (size == 0 || size % PAGE_SIZE_4K != 0 || align < PAGE_SIZE_4K ||
                (align & (align - 1)) != 0)
                return -EINVAL;
        pthread_mutex_lock(&p->lock);
        p->lowest = next_free(p, p->lowest);
        at = n < p->n ? find(p, n, align / PAGE_SIZE_4K) : 0;
        if (at > 0)
                p->taken += mark(p, at, n, true);
        pthread_mutex_unlock(&p->lock);
        if (at == 0)
                return -ENOMEM;
        wipe(m, at * PAGE_SIZE_4K, size);
        *ret_address = at * PAGE_SIZE_4K;
        return 0;
}

void memory_give(struct memory *m, uint64_t address, uint64_t size)
{
        struct memory_pages *p = m->pages;
        uint64_t at = address / PAGE_SIZE_4K, n = size / PAGE_SIZE_4K, changed;

        /* Pages given twice would be somebody else's by now: better no machine than that one. */
        assert(address % PAGE_SIZE_4K == 0 && size % PAGE_SIZE_4K == 0);
        assert(at > 0 && at < p->n && n <= p->n - at);
        pthread_mutex_lock(&p->lock);
        changed = mark(p, at, n, false);
        assert(changed == n);
        p->taken -= changed;
        if (at < p->lowest)
                p->lowest = at;
        pthread_mutex_unlock(&p->lock);
}

uint64_t memory_taken(struct memory *m)
{
        uint64_t n;

        pthread_mutex_lock(&m->pages->lock);
        n = m->pages->taken;
        pthread_mutex_unlock(&m->pages->lock);
        return n * PAGE_SIZE_4K;
}
