/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bridges above the members of a group, and which of them isolate. Pure, any thread. */
#include <stdio.h>

#include "model/group.h"

#define DEPTH_MAX 32 /* bridges above one another; readings may be garbage and run in circles */

void acs_format(int32_t acs, char buf[static ACS_TEXT_MAX])
{
        static const struct {
                int32_t bit;
                char name[4];
        } bits[] = {
                {ACS_SOURCE_VALIDATION, "SV "},
                {ACS_REQUEST_REDIRECT, "RR "},
                {ACS_COMPLETION_REDIRECT, "CR "},
                {ACS_UPSTREAM_FORWARDING, "UF "},
        };
        size_t n = 0;

        buf[0] = '\0';
        for (size_t i = 0; acs >= 0 && i < ELEMENTSOF(bits); i++)
                if (acs & bits[i].bit)
                        n += (size_t) snprintf(buf + n, ACS_TEXT_MAX - n, "%s", bits[i].name);
        if (n > 0)
                buf[n - 1] = '\0';
        else
                snprintf(buf, ACS_TEXT_MAX, "%s",
                        acs == ACS_UNKNOWN ? "not readable"
                        : acs == ACS_NONE  ? "none"
                                           : "off");
}

static const struct bridge_facts *above(const struct groups *groups, const struct bridge_facts *b)
{
        return groups_bridge(groups, b->parent);
}

const struct bridge_facts *group_breaks(
        const struct groups *groups, int32_t group, const char *parent)
{
        const struct bridge_facts *b = groups_bridge(groups, parent), *top = NULL;

        for (unsigned depth = 0; b && depth < DEPTH_MAX; depth++, b = above(groups, b))
                if (b->group == group)
                        top = b;
        return top;
}

/* ---- does a bridge isolate --------------------------------------------------------------------
 */

/* Another port in its slot: an upstream port that is one of several functions needs ACS as well. */
static bool multifunction(const struct groups *groups, const struct bridge_facts *b)
{
        size_t slot = strcspn(b->address, ".");

        for (uint32_t i = 0; i < groups->n_bridges; i++)
                if (&groups->bridges[i] != b &&
                        strncmp(groups->bridges[i].address, b->address, slot + 1) == 0)
                        return true;
        return false;
}

/* pci_acs_enabled() by what its registers say. */
static int8_t isolates_by_register(const struct groups *groups, const struct bridge_facts *b)
{
        if (streq(b->kind, "bridge"))
                return 0; /* a shared bus: anybody on it hears everybody */
        if (streq(b->kind, "upstream") && !multifunction(groups, b))
                return 1; /* nobody to reach without going up */
        if (b->acs == ACS_UNKNOWN)
                return -1;
        return b->acs >= 0 && (b->acs & ACS_ISOLATES) == ACS_ISOLATES;
}

/*
 * What the kernel's grouping says of the bridge, seen from one below it (a bridge or a member, in
 * group `below`): it counts for more than registers, for the kernel knows quirks.
 */
static struct group_hop judge_hop(
        const struct groups *groups, const struct bridge_facts *b, int32_t below)
{
        const struct bridge_facts *up = above(groups, b);
        struct group_hop hop = {.bridge = b, .isolates = 1, .grouping = true};

        if (b->group < 0 || below < 0 || b->group == below)
                hop = (struct group_hop){.bridge = b, .isolates = isolates_by_register(groups, b)};
        /* Somebody joined it, and it joined nobody: here it is. */
        if (b->group >= 0 && b->group == below && (!up || up->group != b->group))
                hop = (struct group_hop){.bridge = b, .isolates = 0, .grouping = true};
        return hop;
}

/* ---- the path ---------------------------------------------------------------------------------
 */

struct path {
        struct group_hop *list;
        size_t n, capacity;
};

static bool has(const struct path *path, const struct bridge_facts *b)
{
        for (size_t i = 0; i < path->n; i++)
                if (path->list[i].bridge == b)
                        return true;
        return false;
}

/* Bridges from here to the root bus. */
static unsigned depth_of(const struct groups *groups, const struct bridge_facts *b)
{
        unsigned depth = 0;

        while (depth < DEPTH_MAX && (b = above(groups, b)))
                depth++;
        return depth;
}

/* Adds what is above a member, from below; the caller puts it in order. */
static int climb(const struct groups *groups, const char *parent, int32_t below, struct path *path)
{
        const struct bridge_facts *b = groups_bridge(groups, parent);

        for (unsigned depth = 0; b && depth < DEPTH_MAX && !has(path, b); depth++) {
                int r = array_grow(&path->list, &path->capacity, path->n, sizeof(*path->list));

                if (r < 0)
                        return r;
                path->list[path->n++] = judge_hop(groups, b, below);
                below = b->group;
                b = above(groups, b);
        }
        return 0;
}

/* By depth, then by address: few enough for insertion. */
static void put_in_order(const struct groups *groups, struct path *path)
{
        for (size_t i = 1; i < path->n; i++) {
                struct group_hop hop = path->list[i];
                unsigned depth = depth_of(groups, hop.bridge);
                size_t k = i;

                for (; k > 0; k--) {
                        const struct bridge_facts *b = path->list[k - 1].bridge;
                        unsigned other = depth_of(groups, b);

                        if (other < depth ||
                                (other == depth && strcmp(b->address, hop.bridge->address) < 0))
                                break;
                        path->list[k] = path->list[k - 1];
                }
                path->list[k] = hop;
        }
}

int group_path(const struct groups *groups, const struct group_facts *group, struct group_hop **ret,
        size_t *ret_n)
{
        struct path path = {0};

        for (uint32_t i = 0; i < group->n_devices; i++) {
                int r;

                if (group_is_bridge(&group->devices[i]))
                        continue;
                r = climb(groups, group->devices[i].parent, group->id, &path);
                if (r < 0) {
                        free(path.list);
                        return r;
                }
        }
        put_in_order(groups, &path);
        *ret = path.list;
        *ret_n = path.n;
        return 0;
}
