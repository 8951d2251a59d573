/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading PFs again when something happened to them. Loop thread. */
#include "daemon/look.h"

#define GATHER_USEC 100000ull
#define RETRY_USEC  1000000ull
#define SLACK_USEC  1000ull /* sd-event's own is 250 ms, which would count in every start */

struct item {
        struct dev_id pf;
        bool dirty;   /* something happened since it was last read */
        bool reading; /* the backend is reading it */
        bool known;   /* listed: one more reading is worth it */
        bool failed;  /* reading it failed, and no event says when it will not */
};

struct look {
        sd_event *event;
        struct backend_client *backend;
        const struct look_events *events;
        void *userdata;
        sd_event_source *timer, *retry;
        bool armed;
        struct item *items;
        size_t n, capacity;
        bool list_dirty, listing;
        bool groups_dirty, groups_reading;
        bool list_failed, groups_failed;
};

static struct item *find(struct look *look, const struct dev_id *pf)
{
        for (size_t i = 0; i < look->n; i++)
                if (dev_id_equal(&look->items[i].pf, pf))
                        return &look->items[i];
        return NULL;
}

static struct item *find_or_add(struct look *look, const struct dev_id *pf)
{
        struct item *item = find(look, pf);

        if (item)
                return item;
        if (array_grow(&look->items, &look->capacity, look->n, sizeof(*look->items)) < 0)
                return NULL;
        item = &look->items[look->n++];
        *item = (struct item){.pf = *pf};
        return item;
}

static void drop(struct look *look, const struct dev_id *pf)
{
        struct item *item = find(look, pf);

        if (item)
                *item = look->items[--look->n];
}

static void check_settled(struct look *look)
{
        if (look->armed || look->listing || look->list_dirty || look->groups_reading ||
                look->groups_dirty)
                return;
        for (size_t i = 0; i < look->n; i++)
                if (look->items[i].dirty || look->items[i].reading)
                        return;
        look->events->settled(look->userdata);
}

static void arm_in(struct look *look, uint64_t usec)
{
        look->armed = true;
        sd_event_source_set_time_relative(look->timer, usec);
        sd_event_source_set_enabled(look->timer, SD_EVENT_ONESHOT);
}

/* The first event starts the clock, later ones do not move it: a storm is looked at ten times a
 * second. */
static void arm(struct look *look)
{
        if (!look->armed)
                arm_in(look, GATHER_USEC);
}

/* What failed is read again by the clock: nobody says when it would go well. */
static void try_later(struct look *look, bool *failed)
{
        *failed = true;
        sd_event_source_set_time_relative(look->retry, RETRY_USEC);
        sd_event_source_set_enabled(look->retry, SD_EVENT_ONESHOT);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct look *look = userdata;

        (void) source;
        (void) usec;
        look->list_dirty |= look->list_failed;
        look->groups_dirty |= look->groups_failed;
        look->list_failed = look->groups_failed = false;
        for (size_t i = 0; i < look->n; i++) {
                look->items[i].dirty |= look->items[i].failed;
                look->items[i].failed = false;
        }
        arm_in(look, 0);
        return 0;
}

static void on_observed(
        void *userdata, const struct dev_id *pf, struct pf_facts *facts, const struct fault *f)
{
        struct look *look = userdata;
        struct item *item = find(look, pf);

        if (item)
                item->reading = false;
        if (f->code == FAULT_NONE)
                look->events->facts(look->userdata, facts);
        else if (f->code == FAULT_GONE || f->code == FAULT_NOT_FOUND) {
                drop(look, pf);
                look->events->gone(look->userdata, pf);
        } else if (item)
                try_later(look, &item->failed);
        item = find(look, pf); /* the callbacks may have moved it */
        if (item && item->dirty)
                arm(look);
        check_settled(look);
}

static void on_listed(void *userdata, const struct dev_id *ids, size_t n, const struct fault *f)
{
        struct look *look = userdata;

        look->listing = false;
        if (f->code != FAULT_NONE) {
                try_later(look, &look->list_failed);
                check_settled(look);
                return;
        }
        look->events->listed(look->userdata, ids, n);
        for (size_t i = 0; i < look->n; i++)
                look->items[i].known = false;
        for (size_t i = 0; i < n; i++) {
                struct item *item = find_or_add(look, &ids[i]);

                if (item)
                        item->known = item->dirty = true;
        }
        for (size_t i = look->n; i-- > 0;)
                if (!look->items[i].known) {
                        const struct dev_id pf = look->items[i].pf;

                        look->items[i] = look->items[--look->n];
                        look->events->gone(look->userdata, &pf);
                }
        arm_in(look, 0);
}

static void on_groups(void *userdata, struct groups *groups, const struct fault *f)
{
        struct look *look = userdata;

        look->groups_reading = false;
        if (f->code == FAULT_NONE)
                look->events->groups(look->userdata, groups);
        else
                try_later(look, &look->groups_failed);
        if (look->groups_dirty)
                arm(look);
        check_settled(look);
}

/* Starts every reading that is due and not under way. What can not be started is tried at the next
 * event. */
static void go(struct look *look)
{
        if (!backend_client_is_connected(look->backend))
                return;
        if (look->list_dirty && !look->listing) {
                look->list_dirty = false;
                look->listing = backend_client_list(look->backend, on_listed, look) >= 0;
        }
        for (size_t i = 0; i < look->n; i++) {
                struct item *item = &look->items[i];

                if (!item->dirty || item->reading)
                        continue;
                item->dirty = false;
                item->reading =
                        backend_client_observe(look->backend, &item->pf, on_observed, look) >= 0;
                look->groups_dirty = true;
        }
        if (look->groups_dirty && !look->groups_reading) {
                look->groups_dirty = false;
                look->groups_reading = backend_client_groups(look->backend, on_groups, look) >= 0;
        }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct look *look = userdata;

        (void) source;
        (void) usec;
        look->armed = false;
        go(look);
        return 0;
}

static void mark(struct look *look, const struct dev_id *pf)
{
        struct item *item;

        if (!pf->str[0]) {
                look->list_dirty = true;
                return;
        }
        item = find_or_add(look, pf);
        if (item)
                item->dirty = true;
}

void look_at(struct look *look, const struct dev_id *pf)
{
        mark(look, pf);
        arm(look);
}

void look_now(struct look *look, const struct dev_id *pf)
{
        mark(look, pf);
        arm_in(look, 0);
}

void look_reset(struct look *look)
{
        look->n = 0;
        look->list_dirty = look->listing = look->groups_dirty = look->groups_reading = false;
        look->list_failed = look->groups_failed = false;
}

int look_new(sd_event *event, struct backend_client *backend, const struct look_events *events,
        void *userdata, struct look **ret)
{
        _cleanup_(look_freep) struct look *look = calloc(1, sizeof(*look));
        int r;

        if (!look)
                return -ENOMEM;
        *look = (struct look){.event = sd_event_ref(event),
                .backend = backend,
                .events = events,
                .userdata = userdata};
        r = sd_event_add_time_relative(
                event, &look->timer, CLOCK_MONOTONIC, GATHER_USEC, SLACK_USEC, on_timer, look);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(look->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(
                event, &look->retry, CLOCK_MONOTONIC, RETRY_USEC, SLACK_USEC, on_retry, look);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(look->retry, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(look);
        return 0;
}

void look_free(struct look *look)
{
        sd_event_source_unref(look->timer);
        sd_event_source_unref(look->retry);
        sd_event_unref(look->event);
        free(look->items);
        free(look);
}
