/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A traced frame's way through the machine as an SVG, for light and dark pages. Any thread. */
#pragma once

#include <stdio.h>

#include "sim/nic/trace.h"

/* events: of one frame, in order; n_pools: of its NIC. -EIO: the file did not take it. */
int picture_write(FILE *file, const struct trace_event *events, size_t n, uint32_t n_pools);
