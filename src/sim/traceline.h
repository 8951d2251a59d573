/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One frame's way, collected: as lines, as a picture. Traffic held. */
#pragma once

#include "sim/traffic.h"

struct trace_lines {
        struct trace_event *events;
        struct pool_set *sets; /* what events' sets point to, once it is all there */
        struct verdict *verdicts;
        size_t n, capacity, sets_capacity, verdicts_capacity;
        uint32_t n_pools;
        uint8_t head[FRAME_HEADER];
        bool failed; /* out of memory */
};

/* Sends the frame and follows it (traffic_trace). */
int trace_lines_of(struct traffic_nic *n, uint32_t where, const uint8_t *bytes, uint32_t length,
        struct trace_lines *ret);
void trace_lines_done(struct trace_lines *l);

/* The caller frees. */
int trace_lines_text(const struct trace_lines *l, char **ret);
int trace_lines_svg(const struct trace_lines *l, char **ret);
