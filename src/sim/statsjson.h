/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counters of a PF's NIC, as JSON and as a table. Any thread, machine locked. */
#pragma once

#include "sim/machine.h"

/*
 * { "pf", "netdev", "time_ns", "link", "wire": { counters, "drops": {} }, "in_flight", "conserved",
 *   "iommu": { "hits", "misses", "faults", "invalidations" },
 *   "dma_faults": [ { "rid", "address", "write", "reason", "count" } ],
 *   "functions": [ { "function": "pf" or "vf", "index", "address", "guest", "mac", counters,
 *                    "drops": {}, "stopped": cause } ] }
 *
 * Drops that are 0 are absent. The caller frees.
 */
int stats_json(struct machine *m, struct sim_pf *pf, char **ret);

/* A line per function, with bars, and why frames were dropped. The caller frees. */
int stats_text(struct machine *m, struct sim_pf *pf, char **ret);
