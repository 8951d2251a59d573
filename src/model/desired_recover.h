/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wishes for special moments: after a crash, and what a wish endangers. Pure, any thread. */
#pragma once

#include "model/desired.h"
#include "model/request.h"

/*
 * What to make of a PF on which a job died half-way. wish: what it was about to be (going forward);
 * NULL: back to `old`, the PF as it was. Going forward, autoprobe and driver overrides that the
 * wish does not name go back to what they were: the dead job has moved them for a moment. Of an
 * override that `old` does not say (a driver that is not on the list) nothing is wanted. The caller
 * frees.
 */
int desired_recover(const struct desired *old, const struct desired *wish, struct desired *ret);

/* Which polkit action a wish needs: the most dangerous thing in it. */
enum risk desired_risk(const struct desired *d);
