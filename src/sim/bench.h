/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast frames go from VF to VF through the whole NIC (IOMMU, MAC and VLAN anti-spoof, VLAN
 * filter, two copies), and next to it the bound: the same two copies and four descriptor transfers
 * in the same memory with no logic. Measured by turns in one run; medians.
 */
#pragma once

#include "base/util.h"

#define BENCH_VFS_MAX 256u

struct bench_case {
        uint32_t size; /* bytes with FCS: 64 to 1518 */
        uint32_t vfs;  /* even; every second one sends, to the next */
        uint32_t ring; /* descriptors: 256 is hot, 4096 is cold */
        bool single;   /* one thread does the guests' drivers as well, and nothing is subtracted */
        bool cut_through;
        bool vlan; /* all in a port VLAN: a tag is inserted and taken off for each frame */
        uint32_t ms, samples; /* of one sample; 1 to 31 of them */
};

struct bench_result {
        double mpps, min_mpps, max_mpps; /* million frames per second that arrived */
        double bound_mpps;
        double gbps; /* of frames with FCS */
};

/* -EINVAL, -ENOMEM; -EIO: frames were lost or counters do not add up. */
int bench_run(const struct bench_case *c, struct bench_result *ret);
