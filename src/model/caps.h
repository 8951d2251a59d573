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

/*
 * Does a refusal of these attributes say anything of the setting? Not where a VLAN protocol other
 * than 802.1Q is in it: a driver without that one has VLANs all the same.
 */
bool caps_told_by(enum vf_setting setting, const struct vf_attrs *attrs);

/* A driver that came newly is a new driver: forget. */
void caps_forget(struct caps *caps);
