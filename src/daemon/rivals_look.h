/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who else manages the VFs of this host's PFs: looked for once, and said in the log. Loop thread.
 */
#pragma once

#include "config/rivals.h"
#include "model/state.h"

/* Reads some hundred small files below root/etc, /run and /usr/lib. */
int rivals_look(const char *root, const struct state *state, struct rivals *ret);
