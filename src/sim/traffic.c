/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's memory, its NICs and wires, and the thread that runs them in rounds. */
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "sim/nic/msix.h"
#include "sim/traffic_private.h"

uint64_t traffic_clock(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

/* ---- holding -----------------------------------------------------------------------------------
 */

static void kick(void *traffic)
{
        const struct traffic *t = traffic;

        eventfd_write(t->wake_fd, 1);
}

struct traffic *traffic_hold(struct traffic *t)
{
        __atomic_add_fetch(&t->wanted, 1, __ATOMIC_RELAXED);
        pthread_mutex_lock(&t->lock);
        __atomic_sub_fetch(&t->wanted, 1, __ATOMIC_RELAXED);
        if (t->threaded)
                t->now = traffic_clock();
        return t;
}

void traffic_release(struct traffic *t)
{
        pthread_mutex_unlock(&t->lock);
        kick(t); /* there may be something to do now */
}

/* For the IOMMU: whoever changes its tables holds us, so devices stand still already. */
static void wait_for_devices(void *traffic)
{
        (void) traffic;
}

uint64_t traffic_now(const struct traffic *t)
{
        return t->now;
}

struct iommu *traffic_iommu(struct traffic *t)
{
        return t->iommu;
}

/* ---- the wire ----------------------------------------------------------------------------------
 */

static uint32_t take_injected(struct traffic_nic *n, struct port_frame *frames, uint32_t max)
{
        uint32_t i = 0;

        /* What was given last time has been read by now. */
        while (n->in_use) {
                struct traffic_frame *next = n->in_use->next;

                free(n->in_use);
                n->in_use = next;
        }
        n->in_use = n->injected;
        for (struct traffic_frame *f = n->injected; f && i < max; f = n->injected) {
                frames[i++] = (struct port_frame){f->bytes, f->length};
                n->injected = f->next;
                if (i == max || !f->next)
                        f->next = NULL;
        }
        if (!n->injected)
                n->injected_last = NULL;
        return i;
}

static uint32_t wire_receive(void *nic, struct port_frame *frames, uint32_t max)
{
        struct traffic_nic *n = nic;
        uint32_t got;

        if (n->injected || n->in_use)
                got = take_injected(n, frames, max);
        else
                got = 0;
        if (got == 0 && !n->muted)
                got = port_ops.receive(n->wire, frames, max);
        for (uint32_t i = 0; i < got; i++)
                traffic_captured(n, FROM_WIRE, frames[i].bytes, frames[i].length, false, NULL);
        return got;
}

static uint32_t wire_transmit(void *nic, const struct port_frame *frames, uint32_t count)
{
        struct traffic_nic *n = nic;
        uint32_t taken = port_ops.transmit(n->wire, frames, count);

        for (uint32_t i = 0; i < taken; i++)
                traffic_captured(n, FROM_WIRE, frames[i].bytes, frames[i].length, true, NULL);
        return taken;
}

static const struct port_ops wire_ops = {wire_receive, wire_transmit};

/* ---- NICs --------------------------------------------------------------------------------------
 */

static void free_nic(struct traffic_nic *n)
{
        while (n->n_open > 0)
                traffic_close_guest(n, n->open[0]);
        traffic_forget_captures(n);
        if (n->wire && n->wire_watched)
                traffic_watch(n->traffic, port_fd(n->wire), false);
        if (n->pfdrv) {
                _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(n->nic);

                pfdrv_free(n->pfdrv);
                nic_set_port(held, NULL, NULL);
        }
        nic_free(n->nic);
        if (n->wire)
                port_close(n->wire);
        n->injected_last = NULL;
        for (struct traffic_frame *f; (f = n->injected ?: n->in_use);) {
                *(n->injected ? &n->injected : &n->in_use) = f->next;
                free(f);
        }
        free(n->guests);
        free(n->open);
        free(n);
}

static void free_nicp(struct traffic_nic **n)
{
        if (*n)
                free_nic(*n);
}

/* Of a large table the drivers here use the beginning. */
static uint32_t vectors(uint32_t table)
{
        return table < MSIX_VECTORS_MAX ? table : MSIX_VECTORS_MAX;
}

static int start_nic(struct traffic_nic *n, const struct sim_profile *profile, uint16_t rid,
        uint32_t max_vfs, const struct mac *mac)
{
        const struct traffic_nic_config *c = &n->config;
        const struct nic_config config = {
                .memory = n->traffic->memory,
                .iommu = n->traffic->iommu,
                .irq = n->traffic->irq,
                .pf_rid = rid,
                .vf_offset = profile->offset,
                .vf_stride = profile->stride,
                .max_vfs = max_vfs,
                .queues = c->queues ?: 1,
                .pf_vectors = vectors(profile->pf_msix),
                .vf_vectors = vectors(profile->vf_msix),
                .packet_memory = (uint64_t) c->packet_memory_kib * 1024,
                .speed = c->speed ?: profile->speed,
                .cut_through = c->cut_through,
        };
        int r;

        r = nic_new(&config, &n->nic);
        if (r < 0)
                return r;
        _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(n->nic);

        r = pfdrv_new(held, profile, mac, &n->pfdrv);
        if (r < 0)
                return r;
        pfdrv_set_veb(n->pfdrv, !c->vepa);
        if (c->n_mirrors > 0)
                r = pfdrv_set_mirror(n->pfdrv, c->mirrors, c->n_mirrors);
        if (r < 0)
                return r;
        if (c->storm_interval > 0)
                nic_set_storm(held, c->storm_broadcast, c->storm_multicast, c->storm_interval);
        nic_on_wake(held, kick, n->traffic);
        nic_set_port(held, &wire_ops, n);
        return 0;
}

int traffic_add_nic(struct traffic *t, const struct traffic_nic_config *config,
        const struct sim_profile *profile, uint16_t rid, uint32_t max_vfs, const struct mac *mac,
        struct traffic_nic **ret, struct fault *f)
{
        _cleanup_(free_nicp) struct traffic_nic *n = calloc(1, sizeof(*n));
        struct mac peer;
        int r;

        if (!n)
                return fault_set(f, FAULT_NO_RESOURCES, ENOMEM, "out of memory");
        n->traffic = t;
        n->config = *config;
        n->n_pools = max_vfs + 1;
        n->mac = mac_number(mac->b);
        n->guests = calloc(n->n_pools, sizeof(*n->guests));
        n->open = calloc(n->n_pools, sizeof(*n->open));
        r = n->guests && n->open ? 0 : -ENOMEM;
        if (r == 0)
                r = array_grow(
                        &t->nics, &t->nics_capacity, t->n_nics, sizeof(struct traffic_nic *));
        if (r < 0)
                return fault_set(f, FAULT_NO_RESOURCES, ENOMEM, "out of memory");
        peer = *mac; /* somebody else's, at the other end of the cable */
        peer.b[0] |= 0x02;
        peer.b[3] ^= 0xff;
        r = port_open(&config->wire, &peer, 1500, &n->wire, f);
        if (r < 0)
                return r;
        r = start_nic(n, profile, rid, max_vfs, mac);
        if (r < 0)
                return fault_set(f, FAULT_NO_RESOURCES, -r, "no NIC of profile %s can be made: %s",
                        profile->name, strerror(-r));
        n->wire_watched = port_fd(n->wire) >= 0 && traffic_watch(t, port_fd(n->wire), true) == 0;
        t->nics[t->n_nics++] = n;
        *ret = TAKE_PTR(n);
        return 0;
}

void traffic_remove_nic(struct traffic_nic *n)
{
        struct traffic *t = n->traffic;

        for (size_t i = 0; i < t->n_nics; i++)
                if (t->nics[i] == n) {
                        t->nics[i] = t->nics[--t->n_nics];
                        break;
                }
        free_nic(n);
}

struct nic *traffic_nic(struct traffic_nic *n)
{
        return n->nic;
}

struct pfdrv *traffic_pfdrv(struct traffic_nic *n)
{
        return n->pfdrv;
}

const struct traffic_nic_config *traffic_nic_config(const struct traffic_nic *n)
{
        return &n->config;
}

void traffic_set_link(struct traffic_nic *n, bool up)
{
        _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(n->nic);

        nic_set_link(held, up);
        pfdrv_set_link(n->pfdrv, up);
        for (uint32_t i = 0; i < n->n_open; i++) {
                struct traffic_guest *g = n->guests[n->open[i]];

                if (g->port && g->driver)
                        port_set_link(g->port, vfdrv_link(g->driver));
        }
}

void traffic_wire_stats(const struct traffic_nic *n, struct port_stats *ret)
{
        port_stats(n->wire, ret);
}

/* ---- rounds ------------------------------------------------------------------------------------
 */

static uint32_t nic_round(struct traffic_nic *n, uint64_t now)
{
        uint32_t moved;

        port_set_time(n->wire, now);
        moved = nic_poll(n->nic, now);
        for (uint32_t i = 0; i < n->n_open; i++)
                moved += traffic_guest_round(n->guests[n->open[i]], now);
        return moved;
}

static uint32_t all_nics(struct traffic *t, uint64_t now)
{
        uint32_t moved = 0;

        t->now = now;
        for (size_t i = 0; i < t->n_nics; i++)
                moved += nic_round(t->nics[i], now);
        return moved;
}

uint32_t traffic_round(struct traffic *t, uint64_t now)
{
        return all_nics(t, now);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

uint64_t traffic_next(struct traffic *t, uint64_t now)
{
        uint64_t next = UINT64_MAX;

        for (size_t i = 0; i < t->n_nics; i++) {
                const struct traffic_nic *n = t->nics[i];

                next = earlier(next, nic_next(n->nic, now));
                next = earlier(next, port_next(n->wire, now));
                for (uint32_t k = 0; k < n->n_open; k++)
                        if (n->guests[n->open[k]]->port)
                                next = earlier(next, port_next(n->guests[n->open[k]]->port, now));
        }
        return next;
}

/* ---- the thread --------------------------------------------------------------------------------
 */

int traffic_watch(struct traffic *t, int fd, bool on)
{
        struct epoll_event event = {.events = EPOLLIN};

        if (fd < 0)
                return -EBADF;
        return epoll_ctl(t->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event) < 0 ? -errno
                                                                                          : 0;
}

static void sleep_until(struct traffic *t, uint64_t now, uint64_t next)
{
        struct epoll_event events[8];
        eventfd_t ignored;
        int timeout = -1;

        if (next <= now)
                return;
        if (next != UINT64_MAX) {
                uint64_t ms = (next - now + 999999) / 1000000;

                timeout = ms > 60000 ? 60000 : (int) ms;
        }
        epoll_wait(t->epoll_fd, events, ELEMENTSOF(events), timeout);
        eventfd_read(t->wake_fd, &ignored);
}

static void *run(void *traffic)
{
        struct traffic *t = traffic;

        while (!__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
                uint64_t now, next;
                uint32_t moved;

                while (__atomic_load_n(&t->wanted, __ATOMIC_RELAXED) > 0)
                        sched_yield(); /* a mutex is not fair: let them have it */
                pthread_mutex_lock(&t->lock);
                now = traffic_clock();
                moved = all_nics(t, now);
                next = moved > 0 ? now : traffic_next(t, now);
                pthread_mutex_unlock(&t->lock);
                sleep_until(t, now, next);
        }
        return NULL;
}

int traffic_start(struct traffic *t)
{
        struct timespec wall;
        int r;

        clock_gettime(CLOCK_REALTIME, &wall);
        t->epoch = (uint64_t) wall.tv_sec * 1000000000u + (uint64_t) wall.tv_nsec - traffic_clock();
        r = pthread_create(&t->thread, NULL, run, t);

        t->threaded = r == 0;
        return -r;
}

/* ---- making ------------------------------------------------------------------------------------
 */

int traffic_new(const struct traffic_config *config, struct traffic **ret)
{
        _cleanup_(traffic_freep) struct traffic *t = calloc(1, sizeof(*t));
        uint64_t mib = config->memory_mib ?: TRAFFIC_MEMORY_MIB;
        struct epoll_event event = {.events = EPOLLIN};
        int r;

        if (!t)
                return -ENOMEM;
        pthread_mutex_init(&t->lock, NULL);
        t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (t->epoll_fd < 0 || t->wake_fd < 0 ||
                epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, t->wake_fd, &event) < 0)
                return -errno;
        r = memory_new(mib << 20, &t->memory);
        if (r >= 0)
                r = iommu_new(t->memory, config->iommu, &t->iommu);
        if (r >= 0)
                r = irq_new(t->iommu, config->interrupt_remapping, &t->irq);
        if (r < 0)
                return r;
        iommu_on_invalidate(t->iommu, wait_for_devices, t);
        *ret = TAKE_PTR(t);
        return 0;
}

void traffic_free(struct traffic *t)
{
        if (!t)
                return;
        if (t->threaded) {
                __atomic_store_n(&t->stop, true, __ATOMIC_RELAXED);
                kick(t);
                pthread_join(t->thread, NULL);
        }
        while (t->n_nics > 0)
                traffic_remove_nic(t->nics[0]);
        free(t->nics);
        free(t->captures);
        irq_free(t->irq);
        iommu_free(t->iommu);
        memory_free(t->memory);
        closep(&t->epoll_fd);
        closep(&t->wake_fd);
        pthread_mutex_destroy(&t->lock);
        free(t);
}
