/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes behind a device lock. Worker threads, and one reader thread per PF. */
#include <pthread.h>
#include <signal.h>

#include "host/locked.h"
#include "host/sysfs.h"

struct record {
        struct record *next;
        struct locked *locked;
        char pf[DEV_ID_MAX];
        struct locked_item *items; /* what was last seen */
        size_t n;
        bool reading; /* the reader thread is at it, maybe stuck */
};

struct locked {
        pthread_mutex_t lock; /* guards the records; never held while reading */
        pthread_cond_t over;  /* some record's reading came to its end */
        int root_fd;
        struct record *records;
};

/* Reader thread. */
static bool read_one(int root_fd, const struct locked_item *item, char value[static DRIVER_MAX])
{
        _cleanup_(closep) int fd = -1;

        return sysfs_open_device(root_fd, item->address, &fd) == 0 &&
               read_line_at(fd, item->attr, value, DRIVER_MAX) == 0;
}

/* Reader thread. The items do not change while it reads: only their values do, and only here. */
static void *reader(void *userdata)
{
        struct record *record = userdata;
        struct locked *locked = record->locked;

        for (size_t i = 0; i < record->n; i++) {
                char value[DRIVER_MAX] = "";
                bool known = read_one(locked->root_fd, &record->items[i], value);

                pthread_mutex_lock(&locked->lock);
                record->items[i].known = known;
                memcpy(record->items[i].value, value, sizeof(value));
                pthread_mutex_unlock(&locked->lock);
        }
        pthread_mutex_lock(&locked->lock);
        record->reading = false;
        pthread_cond_broadcast(&locked->over);
        pthread_mutex_unlock(&locked->lock);
        return NULL;
}

/* Locked. */
static struct record *find_or_add(struct locked *locked, const char *pf)
{
        struct record *record;

        for (record = locked->records; record; record = record->next)
                if (streq(record->pf, pf))
                        return record;
        record = calloc(1, sizeof(*record));
        if (!record)
                return NULL;
        if (str_copy(record->pf, sizeof(record->pf), pf) < 0) {
                free(record);
                return NULL;
        }
        record->locked = locked;
        record->next = locked->records;
        locked->records = record;
        return record;
}

/* Locked. */
static void copy_known(const struct record *record, struct locked_item *items, size_t n)
{
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < record->n; k++) {
                        /* mostly the same list in the same order */
                        const struct locked_item *seen = &record->items[(i + k) % record->n];

                        if (streq(seen->attr, items[i].attr) &&
                                streq(seen->address, items[i].address)) {
                                items[i].known = seen->known;
                                memcpy(items[i].value, seen->value, sizeof(items[i].value));
                                break;
                        }
                }
}

/* Locked. Nothing is read by itself: a thread does it, with all signals left to the loop thread. */
static int start(struct record *record, const struct locked_item *items, size_t n)
{
        struct locked_item *copy = reallocarray(NULL, n, sizeof(*copy));
        sigset_t all, before;
        pthread_attr_t attr;
        pthread_t thread;
        int r;

        if (!copy)
                return -ENOMEM;
        memcpy(copy, items, n * sizeof(*copy));
        free(record->items);
        record->items = copy;
        record->n = n;
        sigfillset(&all);
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&thread, &attr, reader, record);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attr);
        record->reading = r == 0;
        return -r;
}

/* Locked. Waits until nobody reads this record or the time is over. */
static void wait_over(
        struct locked *locked, const struct record *record, const struct timespec *until)
{
        while (record->reading && pthread_cond_timedwait(&locked->over, &locked->lock, until) == 0)
                ;
}

void locked_read(struct locked *locked, const char *pf, struct locked_item *items, size_t n)
{
        struct timespec until;
        struct record *record;

        for (size_t i = 0; i < n; i++) {
                items[i].known = false;
                items[i].value[0] = '\0';
        }
        if (n == 0)
                return;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOCKED_PATIENCE_USEC * 1000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&locked->lock);
        record = find_or_add(locked, pf);
        if (record) {
                wait_over(locked, record,
                        &until); /* somebody else's reading may be older than what we ask about */
                copy_known(record, items, n);
                if (!record->reading && start(record, items, n) == 0)
                        wait_over(locked, record, &until);
                copy_known(record, items, n);
        }
        pthread_mutex_unlock(&locked->lock);
}

int locked_new(int root_fd, struct locked **ret)
{
        struct locked *locked = calloc(1, sizeof(*locked));
        pthread_condattr_t attr;

        if (!locked)
                return -ENOMEM;
        locked->root_fd = root_fd;
        pthread_mutex_init(&locked->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&locked->over, &attr);
        pthread_condattr_destroy(&attr);
        *ret = locked;
        return 0;
}

void locked_free(struct locked *locked)
{
        struct record *record;
        bool stuck = false;

        pthread_mutex_lock(&locked->lock);
        while ((record = locked->records)) {
                locked->records = record->next;
                stuck = stuck || record->reading;
                if (record->reading)
                        continue;
                free(record->items);
                free(record);
        }
        pthread_mutex_unlock(&locked->lock);
        if (stuck)
                return;
        pthread_cond_destroy(&locked->over);
        pthread_mutex_destroy(&locked->lock);
        free(locked);
}
