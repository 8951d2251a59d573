/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan, or the result of an apply, as the daemon says it (data/org.sriovd1.xml has the format),
 * and how people see it. Loop thread.
 */
#pragma once

#include "config/json.h"
#include "ctl/term.h"
#include "model/facts.h"

/* Strings live in the document; "" where there was none. */
struct planview_step {
        const char *text, *disruption;
        uint32_t vf; /* NO_VF: the PF itself */
};

struct planview_problem {
        const char *error, *text;
        uint32_t vf;
};

struct planview_pf {
        const char *pf, *netdev, *source, *disruption;
        const char *error, *text; /* why nothing can be done; of a result why it failed */
        const char *result;       /* "done", "failed"; "" in a plan */
        struct planview_step *steps;
        struct planview_problem *problems;
        const char **hurts;
        size_t n_steps, n_problems, n_hurts;
};

struct planview {
        struct json *doc;
        const char *hash;
        bool changes;
        struct planview_pf *pfs;
        const char **absent, **warnings;
        size_t n_pfs, n_absent, n_warnings;
};

/* -EINVAL with a fault: it is not what this version understands. Unknown keys are skipped. */
int planview_parse(const char *text, struct planview *ret, struct fault *f);
void planview_done(struct planview *v);

/* Writes a whole document again, also what this version does not know. Numbers are those of a
 * plan or a configuration: whole, 0 to 4294967295. */
void json_copy(struct json_writer *w, const struct json *doc);

/* The tree of steps and the line that sums up. -ENOMEM. */
int planview_print(const struct planview *v, FILE *out, const struct term *term);

/* A line for each PF of a result, with its problems below; notes: also warnings and what is absent.
 * -ENOMEM. */
int planview_print_result(const struct planview *v, bool notes, FILE *out, const struct term *term);

/* Something is not as it shall be and no step leads there. */
bool planview_has_errors(const struct planview *v);

/* Of what failed in a result: not done, or a problem with a VF. */
bool planview_pf_failed(const struct planview_pf *pf);

/* Does the plan touch the PF itself: its VFs' number, its MTU, its eswitch? */
bool planview_touches_pf(const struct planview_pf *pf);

/* "enp59s0f0", or the address where there is no netdev. */
const char *planview_pf_name(const struct planview_pf *pf);
