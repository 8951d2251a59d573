/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All the daemon shows, at one moment: a snapshot by GetManagedObjects. Loop thread. */
#pragma once

#include "ctl/client.h"

struct view {
        struct view_pf *pfs;       /* by address */
        struct view_vf *vfs;       /* by PF, then index */
        struct view_group *groups; /* by number */
        struct view_job *jobs;     /* by number */
        struct view_lease *leases; /* by number */
        size_t n_pfs, n_vfs, n_groups, n_jobs, n_leases;
};

/* Also asks who holds each VF that is in use. */
int view_load(sd_bus *bus, struct view *ret, struct failure *f);
void view_done(struct view *v);

/* Sorts, and gives each PF its VFs; for views that were made otherwise. */
void view_arrange(struct view *v);

/* "enp59s0f0", or the PCI address where there is no netdev. */
const char *view_pf_name(const struct view_pf *pf, char buf[static NETDEV_MAX]);
