/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a picture of a traced frame shows: its events, each in its place. Pure, any thread. */
#pragma once

#include "sim/nic/trace.h"

#define PICTURE_ENDS_MAX 6u /* receivers that are drawn; of others it is said how many */

/* Where the frame, or one replica, ended. NULL: that did not happen. */
struct picture_end {
        uint32_t pool;
        const struct trace_event *ring, *ring_page, *buffer, *buffer_page, *written, *interrupt;
        const struct trace_event *out, *held, *drop;
};

struct picture_scene {
        uint32_t n_pools;
        const struct trace_event *in; /* from the port; else a guest sent it: */
        const struct trace_event *memory, *ring, *ring_page, *packet_page, *store;
        const struct trace_event *sender; /* what anti-spoof and port VLAN said */
        const struct trace_event *shaper, *verdict;
        const struct trace_event *rules[RULE_MAX];
        uint32_t n_rules;
        uint32_t pieces; /* descriptors' worth of guest memory */
        struct picture_end ends[PICTURE_ENDS_MAX];
        uint32_t n_ends, more;
};

/* The next event; it has to stay where it is. */
void picture_scene_add(struct picture_scene *s, const struct trace_event *e);
