/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From events to a scene. Pure, any thread. */
#include "sim/picture_scene.h"

static struct picture_end *end_of(struct picture_scene *s, uint32_t pool)
{
        for (uint32_t i = 0; i < s->n_ends; i++)
                if (s->ends[i].pool == pool)
                        return &s->ends[i];
        if (s->n_ends == PICTURE_ENDS_MAX)
                return NULL;
        s->ends[s->n_ends] = (struct picture_end){.pool = pool};
        return &s->ends[s->n_ends++];
}

static void first(const struct trace_event **to, const struct trace_event *e)
{
        if (!*to)
                *to = e;
}

/* What a translation is for: rings are read and written, buffers one of both. */
static void add_page(struct picture_scene *s, const struct trace_event *e)
{
        bool ring = e->access == (IOMMU_READ | IOMMU_WRITE);
        struct picture_end *end;

        if (!s->verdict && e->from != FROM_WIRE) {
                first(ring ? &s->ring_page : &s->packet_page, e);
                return;
        }
        end = end_of(s, e->pool);
        if (end)
                first(ring ? &end->ring_page : &end->buffer_page, e);
}

/* A receiver beyond those drawn is counted when it has its frame, or does not get it. */
static void add_to_end(struct picture_scene *s, const struct trace_event *e)
{
        struct picture_end *end = end_of(s, e->pool);

        if (!end) {
                s->more += e->step == TRACE_RX_DESCRIPTORS || e->step == TRACE_DROP;
                return;
        }
        switch ((int) e->step) {
        case TRACE_RX_DESCRIPTORS:
                first(&end->ring, e);
                break;
        case TRACE_DMA:
                first(&end->buffer, e);
                break;
        case TRACE_WRITE_BACK:
                end->written = e; /* the last of several buffers says most */
                break;
        case TRACE_INTERRUPT:
                first(&end->interrupt, e);
                break;
        case TRACE_PORT_OUT:
                first(&end->out, e);
                break;
        case TRACE_HELD:
                first(&end->held, e);
                break;
        case TRACE_DROP:
                first(&end->drop, e);
                break;
        }
}

void picture_scene_add(struct picture_scene *s, const struct trace_event *e)
{
        const struct trace_event **const once[TRACE_STEP_MAX] = {
                [TRACE_PORT_IN] = &s->in,
                [TRACE_GUEST_MEMORY] = &s->memory,
                [TRACE_TX_DESCRIPTORS] = &s->ring,
                [TRACE_STORE] = &s->store,
                [TRACE_SENDER] = &s->sender,
                [TRACE_SHAPER] = &s->shaper,
                [TRACE_VERDICT] = &s->verdict,
        };

        s->pieces += e->step == TRACE_GUEST_MEMORY;
        if (once[e->step]) {
                first(once[e->step], e);
        } else if (e->step == TRACE_RULE) {
                if (s->n_rules < RULE_MAX)
                        s->rules[s->n_rules++] = e;
        } else if (e->step == TRACE_TRANSLATE) {
                add_page(s, e);
        } else if (e->step == TRACE_DRIVER) {
                return; /* the ring shows it */
        } else if (e->step != TRACE_INTERRUPT || e->pool != e->from) {
                add_to_end(s, e); /* but not that the sender is told of its descriptors */
        }
}
