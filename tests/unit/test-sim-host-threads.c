/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory, IOMMU and interrupts with a device that works in a thread of its own while others map,
 * unmap, detach and release: for ThreadSanitizer, and for what must hold without a lock.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <ucontext.h>

#include "sim/host/irq.h"
#include "unit.h"

#define K4 PAGE_SIZE_4K
#define M2 PAGE_SIZE_2M
#define RW (IOMMU_READ | IOMMU_WRITE)

static uint64_t rnd(uint64_t *seed, uint64_t n)
{
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (*seed >> 33) % n;
}

/* ---- a device ----------------------------------------------------------------------------------
 */

struct device {
        pthread_t thread;
        void (*pass)(struct device *d);
        bool stop;       /* atomic */
        uint64_t passes; /* atomic */
        struct memory *memory;
        struct iommu *iommu;
        struct irq *irq;
        struct iommu_page page[4];
        uint64_t seed, good, blocked, bad;
};

static void *work(void *userdata)
{
        struct device *d = userdata;

        while (!__atomic_load_n(&d->stop, __ATOMIC_ACQUIRE)) {
                d->pass(d);
                __atomic_fetch_add(&d->passes, 1, __ATOMIC_SEQ_CST);
        }
        return NULL;
}

static void device_start(struct device *d)
{
        assert_int_equal(pthread_create(&d->thread, NULL, work, d), 0);
}

static void device_stop(struct device *d)
{
        __atomic_store_n(&d->stop, true, __ATOMIC_RELEASE);
        pthread_join(d->thread, NULL);
        assert_int_equal(d->bad, 0);
}

/* The pass that runs now has ended, and so has the one that may have begun meanwhile. */
static void wait_for_device(void *userdata)
{
        struct device *d = userdata;
        uint64_t until = __atomic_fetch_add(&d->passes, 0, __ATOMIC_SEQ_CST) + 2;

        while (__atomic_load_n(&d->passes, __ATOMIC_SEQ_CST) < until)
                sched_yield();
}

static void device_new(struct device *d, void (*pass)(struct device *d))
{
        d->pass = pass;
        d->seed = 11;
        assert_int_equal(memory_new(4 * M2, &d->memory), 0);
        assert_int_equal(iommu_new(d->memory, true, &d->iommu), 0);
        assert_int_equal(irq_new(d->iommu, true, &d->irq), 0);
        iommu_on_invalidate(d->iommu, wait_for_device, d);
}

static void device_done(struct device *d)
{
        irq_free(d->irq);
        iommu_free(d->iommu);
        memory_free(d->memory);
}

/* ---- translations ------------------------------------------------------------------------------
 */

/* Requester r sees in its slot s a page whose first byte says so. */
enum { KEPT, DETACHED, REPLACED, REQUESTERS };
#define SLOTS 16u

static uint64_t iova_of(unsigned slot)
{
        static const uint64_t at[4] = {0, 512 * PAGE_SIZE_1G, 3 * M2, 7 * PAGE_SIZE_1G};

        return at[slot % 4] + slot / 4 * K4;
}

static uint8_t stamp(unsigned rid, unsigned slot)
{
        return (uint8_t) (1 + rid * SLOTS + slot);
}

/* Translates and writes; remembers a page per requester, as a queue does. */
static void use_pages(struct device *d)
{
        const uint64_t generation = iommu_generation(d->iommu);

        for (unsigned i = 0; i < 32; i++) {
                unsigned rid = rnd(&d->seed, REQUESTERS), slot = rnd(&d->seed, SLOTS);
                uint64_t iova = iova_of(slot);
                struct iommu_page *p = &d->page[rid];
                enum iommu_reason reason = IOMMU_OK;

                if (p->generation != generation || iova - p->iova >= p->size)
                        reason = iommu_translate(d->iommu, (uint16_t) rid, iova, RW, p);
                if (reason == IOMMU_OK) {
                        uint8_t *bytes = memory_at(d->memory, p->address + (iova - p->iova));

                        d->bad += bytes[0] != stamp(rid, slot);
                        bytes[1 + rnd(&d->seed, K4 - 1)]++;
                        d->good++;
                        continue;
                }
                d->blocked++;
                d->bad += reason != IOMMU_NO_WRITE && (reason != IOMMU_NO_CONTEXT || rid == KEPT);
        }
}

/* Takes a page, or unmaps one: then it belongs to us alone, at once. */
static void change_slot(struct device *d, struct iommu_domain *domain, unsigned rid, unsigned slot,
        uint64_t *address)
{
        if (!*address) {
                assert_int_equal(memory_take(d->memory, K4, K4, address), 0);
                *memory_at(d->memory, *address) = stamp(rid, slot);
                assert_int_equal(iommu_map(domain, iova_of(slot), *address, K4, RW, 0), 0);
                return;
        }
        assert_int_equal(iommu_unmap(domain, iova_of(slot), K4), 0);
        assert_int_equal(*memory_at(d->memory, *address), stamp(rid, slot));
        memset(memory_at(d->memory, *address), 0xff, K4); /* as a table: all bits reserved */
        memory_give(d->memory, *address, K4);
        *address = 0;
}

/* What anybody may ask at any time. */
static void *look(void *userdata)
{
        struct device *d = userdata;
        struct iommu_fault fault;
        struct iommu_page page;
        uint64_t seed = 5, bad = 0;

        while (!__atomic_load_n(&d->stop, __ATOMIC_ACQUIRE)) {
                unsigned rid = rnd(&seed, REQUESTERS);
                enum iommu_reason reason =
                        iommu_look(d->iommu, (uint16_t) rid, iova_of(rnd(&seed, SLOTS)), RW, &page);

                bad += reason != IOMMU_OK && reason != IOMMU_NO_WRITE && reason != IOMMU_NO_CONTEXT;
                while (iommu_next_fault(d->iommu, &fault))
                        bad += fault.rid >= REQUESTERS;
                bad += iommu_overflow(d->iommu) && iommu_counts(d->iommu).faults < IOMMU_FAULTS_MAX;
                sched_yield();
        }
        return (void *) (uintptr_t) bad;
}

static void pages_come_and_go(void **state)
{
        struct device d = {0};
        struct iommu_domain *domain[REQUESTERS];
        uint64_t pages[REQUESTERS][SLOTS] = {0}, seed = 1;
        pthread_t looker;
        void *bad;

        (void) state;
        device_new(&d, use_pages);
        for (unsigned rid = 0; rid < REQUESTERS; rid++) {
                assert_int_equal(iommu_domain_new(d.iommu, &domain[rid]), 0);
                assert_int_equal(iommu_attach(d.iommu, (uint16_t) rid, domain[rid]), 0);
        }
        device_start(&d);
        assert_int_equal(pthread_create(&looker, NULL, look, &d), 0);
        for (unsigned i = 0; i < 10000; i++) {
                unsigned rid = rnd(&seed, REQUESTERS), slot = rnd(&seed, SLOTS);

                change_slot(&d, domain[rid], rid, slot, &pages[rid][slot]);
                if (i % 16 == 0)
                        iommu_attach(d.iommu, DETACHED, i % 32 ? NULL : domain[DETACHED]);
                if (i % 64 != 0)
                        continue;
                iommu_domain_free(domain[REPLACED]);
                for (slot = 0; slot < SLOTS; slot++) {
                        if (pages[REPLACED][slot])
                                memory_give(d.memory, pages[REPLACED][slot], K4);
                        pages[REPLACED][slot] = 0;
                }
                assert_int_equal(iommu_domain_new(d.iommu, &domain[REPLACED]), 0);
                assert_int_equal(iommu_attach(d.iommu, REPLACED, domain[REPLACED]), 0);
        }
        iommu_on_invalidate(d.iommu, NULL, NULL);
        device_stop(&d);
        pthread_join(looker, &bad);
        assert_null(bad);
        assert_true(d.good > 1000 && d.blocked > 1000);
        assert_int_equal(iommu_counts(d.iommu).faults, d.blocked);
        for (unsigned rid = 0; rid < REQUESTERS; rid++)
                iommu_domain_free(domain[rid]);
        device_done(&d);
}

#define ONE_RID  0x100
#define ONE_IOVA (PAGE_SIZE_1G + K4)

/* One access; a page that is mapped says 1. */
static void use_one(struct device *d)
{
        const uint64_t generation = iommu_generation(d->iommu);
        struct iommu_page *p = &d->page[0];

        if (p->generation != generation &&
                iommu_translate(d->iommu, ONE_RID, ONE_IOVA, RW, p) != IOMMU_OK) {
                d->blocked++;
                return;
        }
        d->bad += *memory_at(d->memory, p->address) != 1;
        d->good++;
}

/* Nothing is done but to map and unmap one IOVA, so that lookups often come between. */
static void back_and_forth(void **state)
{
        struct device d = {0};
        struct iommu_domain *domain;
        uint64_t pages;

        (void) state;
        device_new(&d, use_one);
        assert_int_equal(iommu_domain_new(d.iommu, &domain), 0);
        assert_int_equal(iommu_attach(d.iommu, ONE_RID, domain), 0);
        assert_int_equal(memory_take(d.memory, 2 * K4, K4, &pages), 0);
        /* a neighbour, so that no table comes and goes and it is as quick as it can be */
        assert_int_equal(iommu_map(domain, ONE_IOVA - K4, pages, K4, RW, 0), 0);
        device_start(&d);
        for (unsigned i = 0; i < 5000; i++) {
                uint64_t address = pages + i % 2 * K4;

                *memory_at(d.memory, address) = 1;
                assert_int_equal(iommu_map(domain, ONE_IOVA, address, K4, RW, 0), 0);
                assert_int_equal(iommu_unmap(domain, ONE_IOVA, K4), 0);
                *memory_at(d.memory, address) = 0;
        }
        iommu_on_invalidate(d.iommu, NULL, NULL);
        device_stop(&d);
        assert_true(d.good > 100 && d.blocked > 100);
        iommu_domain_free(domain);
        device_done(&d);
}

/* ---- interrupts --------------------------------------------------------------------------------
 */

#define GUEST_RID 1

/* Raises whatever it finds, its own or not. */
static void raise_any(struct device *d)
{
        for (unsigned i = 0; i < 8; i++) {
                bool good = irq_raise(d->irq, GUEST_RID, (uint32_t) rnd(&d->seed, 8));

                d->good += good;
                d->blocked += !good;
        }
}

/* Targets are freed as soon as their entries are released. */
static void targets_come_and_go(void **state)
{
        struct device d = {0};
        struct irq_target *targets[8] = {NULL};
        uint64_t taken[IRQ_VECTORS / 64], seed = 2, seen = 0;

        (void) state;
        device_new(&d, raise_any);
        device_start(&d);
        for (unsigned i = 0; i < 5000; i++) {
                uint32_t index = (uint32_t) rnd(&seed, ELEMENTSOF(targets)), got;

                if (targets[index]) {
                        irq_release(d.irq, index);
                        seen += irq_take(targets[index], taken);
                        assert_false(irq_take(targets[index], taken)); /* nothing comes any more */
                        irq_target_free(TAKE_PTR(targets[index]));
                        continue;
                }
                for (index = 0; targets[index]; index++)
                        continue;
                assert_int_equal(irq_target_new(true, i % 4 == 0, &targets[index]), 0);
                assert_int_equal(irq_allocate(d.irq, i % 8 ? GUEST_RID : 2, targets[index],
                                         (uint8_t) i, &got),
                        0);
                assert_int_equal(got, index);
        }
        iommu_on_invalidate(d.iommu, NULL, NULL);
        device_stop(&d);
        assert_true(seen > 100 && d.good > 1000 && d.blocked > 1000);
        for (size_t i = 0; i < ELEMENTSOF(targets); i++)
                irq_target_free(targets[i]);
        device_done(&d);
}

struct guest {
        struct device device;
        struct irq_target *target;
        uint64_t asked; /* atomic: messages it may send */
        uint64_t sent;
};

static void raise_as_asked(struct device *d)
{
        struct guest *g = (struct guest *) d; /* its first member */

        if (g->sent < __atomic_load_n(&g->asked, __ATOMIC_ACQUIRE)) {
                d->bad += !irq_raise(d->irq, GUEST_RID, (uint32_t) (g->sent % IRQ_VECTORS));
                g->sent++;
        }
}

/* A guest that sleeps until it is notified misses nothing. */
static void no_notification_is_lost(void **state)
{
        struct guest g = {0};
        struct pollfd fd = {.events = POLLIN};
        uint64_t seed = 9, total = 0, wakes = 0;
        uint32_t index;

        (void) state;
        device_new(&g.device, raise_as_asked);
        assert_int_equal(irq_target_new(true, true, &g.target), 0);
        fd.fd = g.target->event_fd;
        for (unsigned v = 0; v < IRQ_VECTORS; v++)
                assert_int_equal(
                        irq_allocate(g.device.irq, GUEST_RID, g.target, (uint8_t) v, &index), 0);
        device_start(&g.device);
        for (unsigned round = 0; round < 3000; round++) {
                uint64_t n = 1 + rnd(&seed, 20), got = 0, vectors[IRQ_VECTORS / 64];
                eventfd_t ignored;

                total += n;
                __atomic_store_n(&g.asked, total, __ATOMIC_RELEASE);
                while (got < n) { /* fewer than there are vectors: each is seen once */
                        assert_int_equal(poll(&fd, 1, 20000), 1);
                        assert_int_equal(eventfd_read(fd.fd, &ignored), 0);
                        wakes++;
                        irq_take(g.target, vectors);
                        for (size_t i = 0; i < ELEMENTSOF(vectors); i++)
                                got += (uint64_t) __builtin_popcountll(vectors[i]);
                }
                assert_int_equal(got, n);
        }
        device_stop(&g.device);
        assert_int_equal(g.target->count, total);
        assert_true(g.target->notified >= wakes && g.target->notified <= total);
        irq_target_free(g.target);
        device_done(&g.device);
}

/* ---- step by step ------------------------------------------------------------------------------
 */

/* Not through the code that sanitizers add; other machines have other flags. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define STEPS 1
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#undef STEPS
#endif
#endif

#ifdef STEPS
/* What threads meet once in a million times, each time: something comes after instruction n. */
static struct {
        unsigned left;
        void (*intruder)(void *userdata);
        void *userdata;
} steps; /* the signal handler's */

static void on_step(int signal, siginfo_t *info, void *context)
{
        ucontext_t *c = context;

        (void) signal;
        (void) info;
        if (--steps.left > 0)
                return;
        steps.intruder(steps.userdata);
        c->uc_mcontext.gregs[REG_EFL] &= ~256; /* the rest at full speed */
}

/* The processor's trap flag: a SIGTRAP after each instruction. */
static inline __attribute__((always_inline)) void step_on(void)
{
        __asm__ volatile("subq $128, %%rsp; pushfq; orq $256, (%%rsp); popfq; addq $128, %%rsp" ::
                                 : "memory", "cc");
}

static inline __attribute__((always_inline)) void step_off(void)
{
        __asm__ volatile("subq $128, %%rsp; pushfq; andq $-257, (%%rsp); popfq; addq $128, %%rsp" ::
                                 : "memory", "cc");
}

/* Runs victim with intruder after its nth instruction. False: it has fewer. */
static bool interrupted(
        unsigned n, void (*victim)(void *), void (*intruder)(void *), void *userdata)
{
        const struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
        struct sigaction before;

        steps.left = n;
        steps.intruder = intruder;
        steps.userdata = userdata;
        sigaction(SIGTRAP, &action, &before);
        step_on();
        victim(userdata);
        step_off();
        sigaction(SIGTRAP, &before, NULL);
        return steps.left == 0;
}

struct stepped {
        struct device d;
        struct iommu_domain *domain;
        uint64_t pages;
        enum iommu_reason reason;
        struct irq_target *target;
        uint64_t taken[IRQ_VECTORS / 64];
};

static void translate_one(void *userdata)
{
        struct stepped *s = userdata;

        s->reason = iommu_translate(s->d.iommu, ONE_RID, ONE_IOVA, RW, &s->d.page[0]);
}

static void unmap_one(void *userdata)
{
        struct stepped *s = userdata;

        iommu_unmap(s->domain, ONE_IOVA, K4);
}

static void replace_one(void *userdata)
{
        struct stepped *s = userdata;

        iommu_unmap(s->domain, ONE_IOVA, K4);
        iommu_map(s->domain, ONE_IOVA, s->pages + K4, K4, RW, 0);
}

static void detach_one(void *userdata)
{
        struct stepped *s = userdata;

        iommu_attach(s->d.iommu, ONE_RID, NULL);
}

/* Whenever an unmap comes: no old translation can be used after it, from wherever. */
static void unmap_at_any_step(void **state)
{
        static const struct {
                void (*intruder)(void *);
                bool cached; /* the old one is in the IOTLB */
                enum iommu_reason then;
        } cases[] = {
                {replace_one, false, IOMMU_OK},
                {unmap_one, true, IOMMU_NO_WRITE},
                {detach_one, true, IOMMU_NO_CONTEXT},
        };
        struct stepped s = {0};
        const struct iommu_page *p = &s.d.page[0];

        (void) state;
        device_new(&s.d, use_one);
        iommu_on_invalidate(s.d.iommu, NULL, NULL); /* the device is this thread */
        assert_int_equal(iommu_domain_new(s.d.iommu, &s.domain), 0);
        assert_int_equal(memory_take(s.d.memory, 2 * K4, K4, &s.pages), 0);
        /* so that no table goes while it is read */
        assert_int_equal(iommu_map(s.domain, ONE_IOVA - K4, s.pages, K4, RW, 0), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                unsigned n = 0;

                for (;;) {
                        assert_int_equal(iommu_attach(s.d.iommu, ONE_RID, s.domain), 0);
                        iommu_unmap(s.domain, ONE_IOVA, K4);
                        assert_int_equal(iommu_map(s.domain, ONE_IOVA, s.pages, K4, RW, 0), 0);
                        if (cases[i].cached)
                                translate_one(&s);
                        s.d.page[0] = (struct iommu_page){0};
                        if (!interrupted(++n, translate_one, cases[i].intruder, &s))
                                break; /* n is beyond the end */
                        /* what was remembered is the new page, or is void */
                        assert_true(p->address == s.pages + K4 ||
                                    p->generation != iommu_generation(s.d.iommu));
                        translate_one(&s);
                        assert_int_equal(s.reason, cases[i].then);
                        if (s.reason == IOMMU_OK)
                                assert_int_equal(p->address, s.pages + K4);
                }
                assert_true(n > 20);
        }
        iommu_domain_free(s.domain);
        device_done(&s.d);
}

static void raise_one(void *userdata)
{
        struct stepped *s = userdata;

        irq_raise(s->d.irq, GUEST_RID, 0);
}

static void take_all(void *userdata)
{
        struct stepped *s = userdata;

        irq_take(s->target, s->taken);
}

/* Whenever the guest looks: it sees the vector, or is notified again. */
static void take_at_any_step(void **state)
{
        struct stepped s = {0};
        uint32_t index;

        (void) state;
        device_new(&s.d, use_one);
        iommu_on_invalidate(s.d.iommu, NULL, NULL);
        assert_int_equal(irq_target_new(true, false, &s.target), 0);
        assert_int_equal(irq_allocate(s.d.irq, GUEST_RID, s.target, 77, &index), 0);
        for (unsigned i = 0; i < 4; i++) {
                unsigned n = 0;
                bool came;

                do {
                        take_all(&s);
                        if (i % 2) /* notified before */
                                raise_one(&s);
                        came = i / 2 ? interrupted(++n, take_all, raise_one, &s)
                                     : interrupted(++n, raise_one, take_all, &s);
                        if (s.target->pending[77 / 64])
                                assert_true(s.target->outstanding);
                        else if (came)
                                assert_int_equal(s.taken[77 / 64], UINT64_C(1) << 77 % 64);
                } while (came);
                assert_true(n > 20);
        }
        irq_target_free(s.target);
        device_done(&s.d);
}
#endif

/* ---- memory ------------------------------------------------------------------------------------
 */

struct tenant {
        pthread_t thread;
        struct memory *memory;
        uint64_t seed, bad;
};

static void *move_in_and_out(void *userdata)
{
        struct tenant *t = userdata;

        for (unsigned i = 0; i < 2000; i++) {
                uint64_t n = (1 + rnd(&t->seed, i % 100 ? 8 : 600)) * K4, address = 0;
                const uint8_t *p;

                if (memory_take(t->memory, n, K4 << rnd(&t->seed, 3), &address) < 0)
                        continue;
                p = memory_at(t->memory, address);
                t->bad += p[0] != 0 || memcmp(p, p + 1, n - 1) != 0;
                memset(memory_at(t->memory, address), (int) t->seed | 1, n);
                sched_yield();
                t->bad += p[0] == 0 || memcmp(p, p + 1, n - 1) != 0;
                memory_give(t->memory, address + n / 2 / K4 * K4, n - n / 2 / K4 * K4);
                if (n / 2 / K4 > 0)
                        memory_give(t->memory, address, n / 2 / K4 * K4);
        }
        return NULL;
}

static void tenants(void **state)
{
        _cleanup_(memory_freep) struct memory *memory = NULL;
        struct tenant t[3] = {0};

        (void) state;
        assert_int_equal(memory_new(2 * M2, &memory), 0);
        for (unsigned i = 0; i < ELEMENTSOF(t); i++) {
                t[i].memory = memory;
                t[i].seed = i;
                assert_int_equal(pthread_create(&t[i].thread, NULL, move_in_and_out, &t[i]), 0);
        }
        for (unsigned i = 0; i < ELEMENTSOF(t); i++) {
                pthread_join(t[i].thread, NULL);
                assert_int_equal(t[i].bad, 0);
        }
        assert_int_equal(memory_taken(memory), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pages_come_and_go),
                cmocka_unit_test(back_and_forth),
                cmocka_unit_test(targets_come_and_go),
                cmocka_unit_test(no_notification_is_lost),
#ifdef STEPS
                cmocka_unit_test(unmap_at_any_step),
                cmocka_unit_test(take_at_any_step),
#endif
                cmocka_unit_test(tenants),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
