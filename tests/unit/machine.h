/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backend for test-backend.c: three PFs whose steps and readings the test can hold still. Called
 * on the server's worker threads; everything is under its lock.
 */
#pragma once

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "backend/backend.h"
#include "unit.h"

static const struct dev_id ids[] = {
        {"pci/0000:01:00.0"}, {"pci/0000:02:00.0"}, {"pci/0000:03:00.0"}};

struct machine {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool hold_steps;    /* steps of ids[0] wait */
        bool hold_observes; /* observes wait */
        unsigned inside;    /* calls that wait */
        unsigned n_steps;
        bool signals_open; /* a worker could have been interrupted */
        int fail_at;       /* vf whose set_vf fails; -1 none */
        bool gone;
        size_t n_holders;
        int fd; /* eventfd: a touched event per count */
        struct dev_id touched;
};

static void wait_while(struct machine *m, const bool *hold)
{
        m->inside++;
        pthread_cond_broadcast(&m->changed);
        while (*hold)
                pthread_cond_wait(&m->changed, &m->lock);
        m->inside--;
        pthread_cond_broadcast(&m->changed);
}

static int m_list(void *p _unused_, struct dev_id **ret, size_t *ret_n, struct fault *f _unused_)
{
        struct dev_id *list = calloc(ELEMENTSOF(ids), sizeof(*list));

        if (!list)
                return -ENOMEM;
        memcpy(list, ids, sizeof(ids));
        *ret = list;
        *ret_n = ELEMENTSOF(ids);
        return 0;
}

static int m_observe(void *p, const struct dev_id *pf, struct pf_facts *ret, struct fault *f)
{
        struct machine *m = p;
        bool gone;

        pthread_mutex_lock(&m->lock);
        wait_while(m, &m->hold_observes);
        gone = m->gone;
        pthread_mutex_unlock(&m->lock);
        if (gone)
                return fault_set(f, FAULT_GONE, 0, "%s is not there", pf->str);
        *ret = igb_facts(4);
        ret->id = *pf;
        return 0;
}

static int m_groups(void *p _unused_, struct groups *ret, struct fault *f _unused_)
{
        ret->list = calloc(1, sizeof(*ret->list));
        ret->list[0].id = 7;
        ret->list[0].devices = calloc(1, sizeof(struct group_device));
        ret->list[0].n_devices = 1;
        ret->n = 1;
        return 0;
}

static int m_holders(void *p, const struct dev_id *pf _unused_, uint32_t vf, struct holder **ret,
        size_t *ret_n, struct fault *f)
{
        struct machine *m = p;
        size_t n;

        pthread_mutex_lock(&m->lock);
        n = m->n_holders;
        pthread_mutex_unlock(&m->lock);
        if (n == SIZE_MAX)
                return fault_set(f, FAULT_IO, 0, "can not see who holds it");
        *ret = n ? calloc(n, sizeof(**ret)) : NULL;
        for (size_t i = 0; i < n; i++)
                (*ret)[i] = (struct holder){.vf = vf == NO_VF ? (uint32_t) i : vf,
                        .kind = "vfio",
                        .pid = 4242,
                        .name = "qemu",
                        .path = "/dev/vfio/12"};
        *ret_n = n;
        return 0;
}

static int m_step(void *p, const struct pf_ref *ref, const struct step *step, struct fault *f)
{
        struct machine *m = p;
        sigset_t mask;
        int r = 0;

        pthread_sigmask(SIG_SETMASK, NULL, &mask);
        pthread_mutex_lock(&m->lock);
        m->n_steps++;
        m->signals_open = m->signals_open || !sigismember(&mask, SIGTERM);
        if (dev_id_equal(&ref->id, &ids[0]))
                wait_while(m, &m->hold_steps);
        if (step->kind == STEP_SET_VF && (int) step->vf == m->fail_at)
                r = m->n_holders == 1 ? -EIO : fault_set(f, FAULT_NO_RESOURCES, 0, "no more");
        pthread_mutex_unlock(&m->lock);
        return r;
}

static int m_event_fd(void *p)
{
        return ((struct machine *) p)->fd;
}

static int m_next_event(void *p, struct dev_id *ret)
{
        struct machine *m = p;
        eventfd_t n;

        if (eventfd_read(m->fd, &n) < 0)
                return errno == EAGAIN ? 0 : -errno;
        *ret = m->touched;
        return 1;
}

static const struct backend_ops machine_ops = {
        "fake", m_list, m_observe, m_groups, m_step, m_holders, m_event_fd, m_next_event};

static void set_hold(struct machine *m, bool *what, bool value)
{
        pthread_mutex_lock(&m->lock);
        *what = value;
        pthread_cond_broadcast(&m->changed);
        pthread_mutex_unlock(&m->lock);
}

/* Waits on the other threads alone: the loop does not run meanwhile. */
static void wait_inside(struct machine *m, unsigned n)
{
        pthread_mutex_lock(&m->lock);
        while (m->inside != n)
                pthread_cond_wait(&m->changed, &m->lock);
        pthread_mutex_unlock(&m->lock);
}

static unsigned steps_so_far(struct machine *m)
{
        unsigned n;

        pthread_mutex_lock(&m->lock);
        n = m->n_steps;
        pthread_mutex_unlock(&m->lock);
        return n;
}

static unsigned calls_inside(struct machine *m)
{
        unsigned n;

        pthread_mutex_lock(&m->lock);
        n = m->inside;
        pthread_mutex_unlock(&m->lock);
        return n;
}
