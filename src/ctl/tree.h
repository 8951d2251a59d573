/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status tree: PFs, below each its VFs in ranges of like ones, and what is going on. Loop
 * thread. */
#pragma once

#include "ctl/view.h"
#include "ctl/term.h"

/* -ENOMEM. */
int tree_print(const struct view *view, FILE *out, const struct term *term);

/*
 * What is worth telling of a VF besides its address: driver, who holds it, attributes that are not
 * at the baseline; not the MAC address, in which all VFs differ. Not escaped.
 */
void tree_summary(const struct view_pf *pf, const struct view_vf *vf, char *buf, size_t size);
