/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store's system calls on a real directory; disk is a pointer to its fd. For store.c. */
#pragma once

#include "base/store.h"

extern const struct store_ops store_dir_ops;

/* The directory's fd; it is made (0700) when it is not there, durably. */
int store_dir_open(const char *path);
