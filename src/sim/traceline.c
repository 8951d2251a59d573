/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One frame's way, collected. Traffic held. */
#include <stdio.h>

#include "sim/picture.h"
#include "sim/traceline.h"

#define EVENTS_MAX 65536u

/* Events point into the datapath's own variables: all of it is copied. Pointers are set when the
 * arrays grow no more. */
static void collect(void *lines, const struct trace_event *e)
{
        struct trace_lines *l = lines;

        if (l->failed || l->n == EVENTS_MAX)
                return;
        if (array_grow(&l->events, &l->capacity, l->n, sizeof(*l->events)) < 0 ||
                array_grow(&l->sets, &l->sets_capacity, l->n, sizeof(*l->sets)) < 0 ||
                array_grow(&l->verdicts, &l->verdicts_capacity, l->n, sizeof(*l->verdicts)) < 0) {
                l->failed = true;
                return;
        }
        l->events[l->n] = *e;
        if (e->set)
                memcpy(&l->sets[l->n], e->set, (l->n_pools + 63) / 64 * sizeof(uint64_t));
        if (e->verdict)
                l->verdicts[l->n] = *e->verdict;
        l->n++;
}

static void point(struct trace_lines *l)
{
        for (size_t i = 0; i < l->n; i++) {
                struct trace_event *e = &l->events[i];

                e->set = e->set ? &l->sets[i] : NULL;
                e->verdict = e->verdict ? &l->verdicts[i] : NULL;
                e->bytes = e->bytes ? l->head : NULL;
        }
}

/*
 * In the order of the walk: the NIC tells of the packet in the guest's memory when it has read the
 * descriptor. What the driver did before is known by what the NIC found.
 */
static int order(struct trace_lines *l)
{
        const size_t none = SIZE_MAX;
        struct trace_event memory, driver;
        size_t at = none, ring = none;

        for (size_t i = l->n; i-- > 0;) {
                at = l->events[i].step == TRACE_GUEST_MEMORY ? i : at;
                ring = l->events[i].step == TRACE_TX_DESCRIPTORS ? i : ring;
        }
        if (at == none || ring == none)
                return 0;
        if (array_grow(&l->events, &l->capacity, l->n, sizeof(*l->events)) < 0)
                return -ENOMEM;
        memory = l->events[at];
        driver = l->events[ring];
        driver.step = TRACE_DRIVER;
        memmove(&l->events[at], &l->events[at + 1], (l->n - at - 1) * sizeof(*l->events));
        memmove(&l->events[2], &l->events[0], (l->n - 1) * sizeof(*l->events));
        l->events[0] = memory;
        l->events[1] = driver;
        l->n++;
        return 0;
}

int trace_lines_of(struct traffic_nic *n, uint32_t where, const uint8_t *bytes, uint32_t length,
        struct trace_lines *ret)
{
        const struct nic_tracer tracer = {collect, ret};
        int r;

        ret->n_pools = nic_n_pools(traffic_nic(n));
        memcpy(ret->head, bytes, length < FRAME_HEADER ? length : FRAME_HEADER);
        r = traffic_trace(n, where, bytes, length, &tracer);
        point(ret);
        if (r < 0)
                return r;
        return ret->failed ? -ENOMEM : order(ret);
}

void trace_lines_done(struct trace_lines *l)
{
        free(l->events);
        free(l->sets);
        free(l->verdicts);
        *l = (struct trace_lines){0};
}

int trace_lines_text(const struct trace_lines *l, char **ret)
{
        _cleanup_(freep) char *text = NULL;
        char line[1024];
        size_t size;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return -errno;
        for (size_t i = 0; i < l->n; i++) {
                trace_describe(&l->events[i], l->n_pools, line, sizeof(line));
                fprintf(file, "%s\n", line);
        }
        if (fclose(file) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

int trace_lines_svg(const struct trace_lines *l, char **ret)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);
        int r;

        if (!file)
                return -errno;
        r = picture_write(file, l->events, l->n, l->n_pools);
        if (fclose(file) != 0 || r < 0)
                return r < 0 ? r : -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}
