/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the readers of rivals*.c share. Loop thread. */
#pragma once

#include <dirent.h>

#include "config/rivals.h"

struct search {
        int root_fd;
        const struct pf_facts *const *pfs;
        size_t n_pfs;
        struct rivals *found;
};

/* All return 0, or -ENOMEM. Paths are relative to the root. */

/* pf: NULL when kind is not RIVAL_MANAGES. */
int search_add(struct search *s, enum rival_kind kind, const struct pf_facts *pf,
        const char *manager, const char *path);

/* RIVAL_MANAGES for every PF that fits; RIVAL_UNCLEAR when none does and unclear says so. */
typedef bool (*pf_fn)(const struct pf_facts *pf, const void *userdata);
int search_add_fitting(struct search *s, pf_fn fits, const void *userdata, bool unclear,
        const char *manager, const char *path);

/* Names in a directory that end in suffix, in byte order; none when it is not there. */
struct names {
        struct dirent **list;
        size_t n;
};

int search_names(struct search *s, const char *manager, const char *dir, const char *suffix,
        struct names *ret);
void names_done(struct names *names);

/* The text of a regular file; *ret NULL when there is none, or it can not be read (then that is
 * reported). The caller frees. */
int search_read(struct search *s, const char *manager, const char *path, char **ret);

/* "DIR/NAME"; the caller frees, NULL: out of memory. */
char *join_path(const char *dir, const char *name);

/*
 * The next line: no blanks around it, no empty line, no comment (# or ; at its beginning). NULL at
 * the end. continued: a backslash at its end joins the next one. Works in the text.
 */
char *next_line(char **rest, bool continued);

/* Splits "key = value" (by =) in place; false when it is not of that form. */
bool split_setting(char *line, char **ret_key, char **ret_value);

/* Is the word in the text, with something else than a letter, digit, dash or underscore around. */
bool has_word(const char *text, const char *word);

/* A name of its interfaces that the pattern fits. */
bool pf_has_name(const struct pf_facts *pf, const char *pattern);
/* By its permanent address, or the one of today. */
bool pf_has_mac(const struct pf_facts *pf, const char *text);
/* Its name or address is in the text. */
bool pf_in_text(const struct pf_facts *pf, const char *text);

/* The readers. */
int rivals_networkmanager(struct search *s);
int rivals_networkd(struct search *s);
int rivals_netplan(struct search *s);
int rivals_scripts(struct search *s); /* udev rules, rc.local, driverctl */
