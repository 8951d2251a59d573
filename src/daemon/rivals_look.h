/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who else manages the VFs of this host's PFs, said once in the log and kept for the bus. Loop
 * thread. */
#pragma once

#include "model/state.h"

/* Reads some hundred small files below /etc, /run and /usr/lib. A NULL-terminated list, for
 * texts_free(). */
int rivals_look(const char *root, const struct state *state, char ***ret);
