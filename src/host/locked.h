/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few sysfs attributes whose *reading* takes the device lock (driver_override:
 * drivers/pci/pci-sysfs.c; sriov_vf_total_msix: drivers/pci/iov.c). While a write of sriov_numvfs
 * or an unbind waits for somebody who has a VF open, that lock is held, and a reader would wait as
 * long. So a thread of its own reads them, and whoever wants to know waits LOCKED_PATIENCE_USEC for
 * it, then takes what was last seen.
 *
 * Worker threads call; each PF has at most one reader thread.
 */
#pragma once

#include "base/util.h"
#include "model/facts.h"

#define LOCKED_PATIENCE_USEC 200000

struct locked;

int locked_new(int root_fd, struct locked **ret);

/* A reader that is stuck keeps what it needs; the process should end now. */
void locked_free(struct locked *locked);
DEFINE_CLEANUP(struct locked *, locked_free)

struct locked_item {
        char address[BDF_STR_MAX]; /* of the PF or one of its VFs */
        const char *attr;          /* a literal */
        bool known;                /* result */
        char value[DRIVER_MAX];    /* result: the line; "" while not known */
};

/* Fills in every item, fresh or as last seen. pf: the lane, any string that names the PF. */
void locked_read(struct locked *locked, const char *pf, struct locked_item *items, size_t n);
