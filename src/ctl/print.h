/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON of what the view holds, and the two ways to tell of a failure. Loop thread. */
#pragma once

#include "ctl/ctl.h"
#include "ctl/view.h"

/* The finished document goes to standard output; one_line: as monitor prints it. */
int print_json(struct json_writer *w, bool one_line, struct failure *f);

/* Members of the open JSON object. */
void pf_json(struct json_writer *w, const struct view_pf *pf);
void vf_json(struct json_writer *w, const struct view_vf *vf);
void holders_json(struct json_writer *w, const struct holder *holders, size_t n);

/* Green, yellow or red for the state of a lease. */
enum style lease_style(const char *state);

/* Green, yellow or red for a PF's ConfigState. */
enum style config_style(const char *state);

/*
 * How to say until when, of a ConfirmDeadline: " within 12 s"; "" when it is of another machine,
 * whose clock nobody knows here.
 */
#define MOMENT_SIZE 48
void moment_text(uint64_t deadline, bool remote, char buf[static MOMENT_SIZE]);

/* To standard error as text, or with --json to standard output as an object. */
void print_failure(const struct ctl *ctl);

/* "qemu-system-x86 (pid 4242)": one holder, not escaped. */
void holder_text(const struct holder *h, char *buf, size_t size);

/* Does the PF have a netdev, so that what is known of its link means anything. */
static inline bool pf_has_netdev(const struct view_pf *pf)
{
        return pf->netdevs[0] != '\0';
}
