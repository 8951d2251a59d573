/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel as a backend: sysfs and netlink behind the table of backend.h. Threads as backend.h
 * says; the only state that threads share is the table of names, which has its own lock.
 */
#pragma once

#include "backend/backend.h"

struct host_backend;

extern const struct backend_ops host_backend_ops;

/* sysfs_root: NULL for "/sys". Opens the event sources too. */
int host_backend_new(const char *sysfs_root, struct host_backend **ret);

/* Only when no thread is in any of the operations any more. */
void host_backend_free(struct host_backend *host);
DEFINE_CLEANUP(struct host_backend *, host_backend_free)
