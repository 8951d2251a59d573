/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Worker threads, by lanes. worker() and what it calls run on worker threads, the rest on the loop
 * thread; everything shared is under one mutex, which nobody holds while work runs.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "backend/lane.h"

/* A Run is a chain of works, a step each: its thread waits this long for the next. */
#define LINGER_USEC UINT64_C(200000)

struct queue {
        struct lane_work *head, *tail;
};

/* Exists while it has work: queued (then it is in its pool's ready list), or running. */
struct lane {
        struct dev_id pf;
        struct queue queue;
        bool running;
        struct lane *next_ready;
        struct lane *prev, *next; /* of the pool's */
};

struct pool {
        struct lanes *owner;
        struct lane *lanes;
        struct lane *ready, *last_ready; /* lanes with work and no thread on it */
        unsigned n_ready, n_idle, n_threads, limit;
        pthread_cond_t wake;
};

struct lanes {
        pthread_mutex_t lock;
        struct pool pools[LANE_KIND_MAX];
        struct queue finished;
        unsigned refs; /* the loop's and one per thread */
        bool dead;     /* the loop's is gone */
        int fd;        /* readable: finished is not empty */
        sd_event_source *source;
};

static void queue_push(struct queue *q, struct lane_work *work)
{
        work->next = NULL;
        if (q->tail)
                q->tail->next = work;
        else
                q->head = work;
        q->tail = work;
}

static struct lane_work *queue_pop(struct queue *q)
{
        struct lane_work *work = q->head;

        if (!work)
                return NULL;
        q->head = work->next;
        if (!q->head)
                q->tail = NULL;
        return work;
}

static void ready_push(struct pool *pool, struct lane *lane)
{
        lane->next_ready = NULL;
        if (pool->last_ready)
                pool->last_ready->next_ready = lane;
        else
                pool->ready = lane;
        pool->last_ready = lane;
        pool->n_ready++;
}

static struct lane *ready_pop(struct pool *pool)
{
        struct lane *lane = pool->ready;

        if (!lane)
                return NULL;
        pool->ready = lane->next_ready;
        if (!pool->ready)
                pool->last_ready = NULL;
        pool->n_ready--;
        return lane;
}

static void lane_unlink(struct pool *pool, struct lane *lane)
{
        if (lane->prev)
                lane->prev->next = lane->next;
        else
                pool->lanes = lane->next;
        if (lane->next)
                lane->next->prev = lane->prev;
        free(lane);
}

/* Drops one reference; called with the lock held, releases it. */
static void unref_unlock(struct lanes *lanes)
{
        bool last = --lanes->refs == 0;

        pthread_mutex_unlock(&lanes->lock);
        if (!last)
                return;
        for (unsigned k = 0; k < LANE_KIND_MAX; k++)
                pthread_cond_destroy(&lanes->pools[k].wake);
        pthread_mutex_destroy(&lanes->lock);
        closep(&lanes->fd);
        free(lanes);
}

/* Waits for a lane with work. NULL: long enough. */
static struct lane *next_lane(struct pool *pool)
{
        struct lanes *lanes = pool->owner;
        uint64_t until = now_usec() + LINGER_USEC;
        struct timespec ts = {(time_t) (until / 1000000), (long) (until % 1000000) * 1000};
        int r = 0;

        while (!lanes->dead && !pool->ready && r == 0) {
                pool->n_idle++;
                r = pthread_cond_timedwait(&pool->wake, &lanes->lock, &ts);
                pool->n_idle--;
        }
        return lanes->dead ? NULL : ready_pop(pool);
}

static void *worker(void *arg)
{
        struct pool *pool = arg;
        struct lanes *lanes = pool->owner;
        struct lane *lane;

        pthread_mutex_lock(&lanes->lock);
        while ((lane = next_lane(pool))) {
                struct lane_work *work = queue_pop(&lane->queue);

                lane->running = true;
                pthread_mutex_unlock(&lanes->lock);
                work->run(work);
                pthread_mutex_lock(&lanes->lock);
                lane->running = false;
                if (lanes->dead) {
                        work->drop(work);
                } else {
                        queue_push(&lanes->finished, work);
                        eventfd_write(lanes->fd, 1);
                }
                if (lane->queue.head)
                        ready_push(pool, lane);
                else
                        lane_unlink(pool, lane);
        }
        pool->n_threads--;
        unref_unlock(lanes);
        return NULL;
}

static int on_finished(sd_event_source *source _unused_, int fd, uint32_t revents _unused_, void *p)
{
        struct lanes *lanes = p;
        struct lane_work *work;
        struct queue all;
        eventfd_t n;

        eventfd_read(fd, &n);
        pthread_mutex_lock(&lanes->lock);
        all = lanes->finished;
        lanes->finished = (struct queue){0};
        pthread_mutex_unlock(&lanes->lock);
        while ((work = queue_pop(&all)))
                work->done(work);
        return 0;
}

static int pool_init(struct lanes *lanes, enum lane_kind kind)
{
        pthread_condattr_t attr;
        int r;

        lanes->pools[kind].owner = lanes;
        lanes->pools[kind].limit = kind == LANE_LOOK ? LANE_LOOK_THREADS : UINT32_MAX;
        r = pthread_condattr_init(&attr);
        if (r != 0)
                return -r;
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        r = pthread_cond_init(&lanes->pools[kind].wake, &attr);
        pthread_condattr_destroy(&attr);
        return -r;
}

int lanes_new(sd_event *event, struct lanes **ret)
{
        _cleanup_(freep) struct lanes *lanes = calloc(1, sizeof(*lanes));
        _cleanup_(closep) int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        int r;

        if (!lanes)
                return -ENOMEM;
        if (fd < 0)
                return -errno;
        for (unsigned k = 0; k < LANE_KIND_MAX; k++) {
                r = pool_init(lanes, k);
                if (r < 0)
                        return r;
        }
        r = pthread_mutex_init(&lanes->lock, NULL);
        if (r != 0)
                return -r;
        r = sd_event_add_io(event, &lanes->source, fd, EPOLLIN, on_finished, lanes);
        if (r < 0)
                return r;
        lanes->refs = 1;
        lanes->fd = TAKE_FD(fd);
        *ret = TAKE_PTR(lanes);
        return 0;
}

static void take_all(struct queue *from, struct queue *to)
{
        struct lane_work *work;

        while ((work = queue_pop(from)))
                queue_push(to, work);
}

void lanes_free(struct lanes *lanes)
{
        struct queue dropped = {0};
        struct lane_work *work;

        sd_event_source_disable_unref(lanes->source);
        pthread_mutex_lock(&lanes->lock);
        lanes->dead = true;
        take_all(&lanes->finished, &dropped);
        for (unsigned k = 0; k < LANE_KIND_MAX; k++) {
                struct pool *pool = &lanes->pools[k];

                while (ready_pop(pool))
                        ;
                for (struct lane *lane = pool->lanes, *next; lane; lane = next) {
                        next = lane->next;
                        take_all(&lane->queue, &dropped);
                        if (!lane->running)
                                lane_unlink(pool, lane);
                }
                pthread_cond_broadcast(&pool->wake);
        }
        unref_unlock(lanes);
        while ((work = queue_pop(&dropped)))
                work->drop(work);
}

/* With the lock held. Detached, so that one which never returns holds up nobody's exit. */
static int start_thread(struct pool *pool)
{
        pthread_attr_t attr;
        sigset_t all, old;
        pthread_t thread;
        int r;

        r = pthread_attr_init(&attr);
        if (r != 0)
                return -r;
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r = pthread_create(&thread, &attr, worker, pool);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        pthread_attr_destroy(&attr);
        if (r != 0)
                return -r;
        pool->n_threads++;
        pool->owner->refs++;
        return 0;
}

static struct lane *lane_get(struct pool *pool, const struct dev_id *pf)
{
        struct lane *lane;

        for (lane = pool->lanes; lane; lane = lane->next)
                if (dev_id_equal(&lane->pf, pf))
                        return lane;
        lane = calloc(1, sizeof(*lane));
        if (!lane)
                return NULL;
        lane->pf = *pf;
        lane->next = pool->lanes;
        if (lane->next)
                lane->next->prev = lane;
        pool->lanes = lane;
        return lane;
}

static int submit_locked(struct pool *pool, const struct dev_id *pf, struct lane_work *work)
{
        struct lane *lane = lane_get(pool, pf);
        int r;

        if (!lane)
                return -ENOMEM;
        if (lane->running || lane->queue.head) {
                queue_push(&lane->queue, work);
                return 0;
        }
        if (pool->n_idle <= pool->n_ready && pool->n_threads < pool->limit) {
                r = start_thread(pool);
                if (r < 0) {
                        lane_unlink(pool, lane);
                        return r;
                }
        }
        queue_push(&lane->queue, work);
        ready_push(pool, lane);
        pthread_cond_signal(&pool->wake);
        return 0;
}

int lanes_submit(
        struct lanes *lanes, const struct dev_id *pf, enum lane_kind kind, struct lane_work *work)
{
        int r;

        pthread_mutex_lock(&lanes->lock);
        r = submit_locked(&lanes->pools[kind], pf, work);
        pthread_mutex_unlock(&lanes->lock);
        return r;
}
