/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan for several PFs as the JSON that org.sriovd1.Manager's Plan and Apply give to people and
 * programs; data/org.sriovd1.xml describes it. Loop thread.
 */
#pragma once

#include "config/json.h"
#include "model/plan_desired.h"

/* Seconds that an Apply may wait for its confirmation. */
#define CONFIRM_MIN 10u
#define CONFIRM_MAX 86400u

/* One PF. */
struct planned {
        struct desired wish;
        char netdev[NETDEV_MAX];
        struct plan plan;
        struct problems problems;
        struct fault fault; /* why nothing can be done to it; FAULT_NONE */
        char **hurts;       /* NULL-terminated; who or what the steps disturb */
        bool ended;         /* it was applied */
        struct fault result;
};

struct report {
        struct planned *list; /* in order of the PFs */
        size_t n;
        char **absent, **warnings; /* NULL-terminated, or NULL */
};

void report_done(struct report *report);

/* Appends a copy to a NULL-terminated list; -ENOMEM. */
int texts_add(char ***texts, const char *text);
void texts_free(char **texts);

/* Of all steps and refusals: the same hash, the same plan. */
uint64_t report_hash(const struct report *report);

/* Its form for people: 16 lower-case hex digits. -EINVAL. */
#define REPORT_HASH_SIZE 17
void report_hash_format(uint64_t hash, char buf[static REPORT_HASH_SIZE]);
int report_hash_parse(const char *text, uint64_t *ret);

/* Is there a step in it. */
bool report_changes(const struct report *report);

/* The caller frees *ret. */
int report_write(const struct report *report, char **ret);
