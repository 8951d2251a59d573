/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one PF's driver can set on a VF, learned and never assumed: from readings where the driver
 * leaves an attribute out, and from what it refused or took. Pure, any thread.
 */
#pragma once

#include "model/facts.h"

enum cap { CAP_UNKNOWN, CAP_YES, CAP_NO };

struct caps {
        uint8_t of[VF_SETTING_MAX]; /* enum cap */
};

/* "unknown", "yes", "no". */
const char *cap_name(enum cap cap);

/*
 * A VF whose attributes are known and that lacks one which the kernel leaves to the driver
 * (spoofchk, trust, query_rss) tells that the driver has none. Never overrules what a set has
 * shown.
 */
void caps_learn_facts(struct caps *caps, const struct pf_facts *facts);

/* A set that went through, or that was refused with NotSupported. Other failures teach nothing. */
void caps_learn_set(struct caps *caps, enum vf_setting setting, enum fault_code code);

/* A driver that came newly is a new driver: forget. */
void caps_forget(struct caps *caps);
