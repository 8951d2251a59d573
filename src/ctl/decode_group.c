/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of values that only IOMMU groups have: the way to the members, reserved regions. Loop
 * thread. */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/decode.h"
#include "ctl/fields.h"
#include "model/group.h"

/* at is the member `hops` of a view_group; its neighbour counts them. */
static struct view_group *group_with_hops(const void *at)
{
        return (void *) ((char *) (uintptr_t) at - offsetof(struct view_group, hops));
}

static int decode_hops(sd_bus_message *m, void *at, size_t size)
{
        struct view_group *g = group_with_hops(at);
        const char *address, *parent, *kind;
        struct view_hop hop = {.acs = -1};
        size_t capacity = 0;
        int r;

        (void) size;
        free(g->hops);
        g->hops = NULL;
        g->n_hops = 0;
        r = sd_bus_message_enter_container(m, 'a', "(sssii)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(
                        m, "(sssii)", &address, &parent, &kind, &hop.acs, &hop.isolates)) > 0) {
                r = str_copy(hop.address, sizeof(hop.address), address);
                if (r == 0)
                        r = str_copy(hop.parent, sizeof(hop.parent), parent);
                if (r == 0)
                        r = str_copy(hop.kind, sizeof(hop.kind), kind);
                if (r == 0)
                        r = array_grow(&g->hops, &capacity, g->n_hops, sizeof(hop));
                if (r < 0)
                        return r;
                g->hops[g->n_hops++] = hop;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static void json_acs(struct json_writer *w, int32_t acs)
{
        static const struct {
                int32_t bit;
                const char *name;
        } bits[] = {
                {ACS_SOURCE_VALIDATION, "SV"},
                {ACS_REQUEST_REDIRECT, "RR"},
                {ACS_COMPLETION_REDIRECT, "CR"},
                {ACS_UPSTREAM_FORWARDING, "UF"},
        };

        if (acs == ACS_UNKNOWN)
                return;
        json_open_array(w, "acs");
        for (size_t i = 0; i < ELEMENTSOF(bits); i++)
                if (acs >= 0 && (acs & bits[i].bit))
                        json_put_string(w, NULL, bits[i].name);
        json_close(w);
}

static void json_hops(struct json_writer *w, const char *key, const void *at)
{
        const struct view_group *g = group_with_hops(at);

        json_open_array(w, key);
        for (size_t i = 0; i < g->n_hops; i++) {
                const struct view_hop *hop = &g->hops[i];

                json_open_object(w, NULL);
                json_put_string(w, "address", hop->address);
                if (hop->parent[0])
                        json_put_string(w, "above", hop->parent);
                json_put_string(w, "kind", hop->kind);
                json_acs(w, hop->acs);
                if (hop->isolates >= 0)
                        json_put_bool(w, "isolates", hop->isolates);
                json_close(w);
        }
        json_close(w);
}

static void text_hops(const void *at, char *buf, size_t size)
{
        const struct view_group *g = group_with_hops(at);
        size_t n = 0;

        for (size_t i = 0; i < g->n_hops && n < size; i++)
                n += (size_t) snprintf(buf + n, size - n, "%s%s (%s%s)", i > 0 ? " " : "",
                        g->hops[i].address, g->hops[i].kind,
                        g->hops[i].isolates == 0 ? ", does not isolate" : "");
}

/* at is the member `reserved` of a view_group; its neighbour counts them. */
static struct view_group *group_with_reserved(const void *at)
{
        return (void *) ((char *) (uintptr_t) at - offsetof(struct view_group, reserved));
}

static int decode_reserved(sd_bus_message *m, void *at, size_t size)
{
        struct view_group *g = group_with_reserved(at);
        const char *type;
        uint64_t start, end;
        int r;

        (void) size;
        g->n_reserved = 0;
        r = sd_bus_message_enter_container(m, 'a', "(tts)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "(tts)", &start, &end, &type)) > 0) {
                struct reserved_region *region = &g->reserved[g->n_reserved];

                if (g->n_reserved == RESERVED_MAX)
                        continue; /* of a daemon that tells more */
                *region = (struct reserved_region){.start = start, .end = end};
                r = str_copy(region->type, sizeof(region->type), type);
                if (r < 0)
                        return r;
                g->n_reserved++;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static void json_reserved(struct json_writer *w, const char *key, const void *at)
{
        const struct view_group *g = group_with_reserved(at);
        char text[24];

        json_open_array(w, key);
        for (size_t i = 0; i < g->n_reserved; i++) {
                json_open_object(w, NULL);
                snprintf(text, sizeof(text), "0x%" PRIx64, g->reserved[i].start);
                json_put_string(w, "start", text);
                snprintf(text, sizeof(text), "0x%" PRIx64, g->reserved[i].end);
                json_put_string(w, "end", text);
                json_put_string(w, "type", g->reserved[i].type);
                json_close(w);
        }
        json_close(w);
}

static void text_reserved(const void *at, char *buf, size_t size)
{
        const struct view_group *g = group_with_reserved(at);
        size_t n = 0;

        for (size_t i = 0; i < g->n_reserved && n < size; i++)
                n += (size_t) snprintf(buf + n, size - n, "%s0x%" PRIx64 "-0x%" PRIx64 " %s",
                        i > 0 ? ", " : "", g->reserved[i].start, g->reserved[i].end,
                        g->reserved[i].type);
}

const struct value_kind value_hops = {"a(sssii)", decode_hops, NULL, json_hops, text_hops, false};
const struct value_kind value_reserved = {
        "a(tts)", decode_reserved, NULL, json_reserved, text_reserved, false};
