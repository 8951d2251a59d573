/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The eswitch mode of a PF by devlink (generic netlink). Worker threads. address: the PF's PCI
 * address.
 */
#pragma once

#include "model/advice.h"

/* "legacy" or "switchdev"; "" where the kernel or the driver has no such thing. */
void devlink_get_eswitch(const char *address, char mode[static WORD_MAX]);

/* Sets it and reads it back. c: whose refusal it would be. */
int devlink_set_eswitch(
        const struct advice_case *c, const char *address, const char *mode, struct fault *f);
