/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a survey to findings: what is well, what is not, by what evidence, and what to do. Pure, any
 * thread.
 *
 * A finding's id is a stable word that programs may match on (man/sriovctl.1 lists them). The level
 * PROBLEM means: something that SR-IOV is for can not be done here. WARNING: it can, and something
 * is in the way, unsafe or less than it could be. NOTE: good to know.
 */
#pragma once

#include "doctor/survey.h"

enum finding_level { FINDING_OK, FINDING_NOTE, FINDING_WARNING, FINDING_PROBLEM, FINDING_LEVELS };

enum finding_group {
        GROUP_FIRMWARE,
        GROUP_CPU,
        GROUP_IOMMU,
        GROUP_KERNEL,
        GROUP_DEVICES,
        GROUP_OTHERS,
        FINDING_GROUPS,
};

#define WHAT_MAX     320
#define EVIDENCE_MAX 400
#define REMEDY_MAX   768

struct finding {
        const char *id;
        enum finding_level level;
        enum finding_group group;
        char device[BDF_STR_MAX];    /* "": the host */
        char what[WHAT_MAX];         /* one sentence */
        char evidence[EVIDENCE_MAX]; /* file and value */
        char remedy[REMEDY_MAX];     /* "" when nothing is to be done */
};

struct findings {
        struct finding *list;
        size_t n, capacity;
        struct finding spare; /* what is written to when there is no memory */
        int error;
};

/* By group, and within it as the checks come. -ENOMEM. */
int doctor_judge(const struct survey *s, struct findings *ret);
void findings_done(struct findings *f);

enum finding_level findings_worst(const struct findings *f);

/* "problem", "firmware". */
const char *finding_level_name(enum finding_level level);
const char *finding_group_name(enum finding_group group);
