/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration: what is in force, and what might come in its place. One is a value made of the
 * files of the directories and of those that came with an Apply; the latter win, PF by PF. Loop
 * thread.
 */
#pragma once

#include "config/config.h"

struct conf {
        struct config_files dirs;  /* from the directories */
        struct config_files given; /* with an Apply: until the next boot */
        struct declared of_dirs, of_given;

        /* As it falls onto the PFs there are; see conf_resolve(). */
        struct resolved resolved;
        struct dev_id *given_pfs; /* those that `given` claims */
        size_t n_given_pfs;
        char (*absent)[WHERE_MAX]; /* entries whose PF is not there */
        size_t n_absent;
};

void conf_done(struct conf *conf);

/* Reads the directories; nothing given. */
int conf_read(const char *const *dirs, struct conf *ret, struct fault *f);

/* From texts alone: both lists are moved, also on failure. */
int conf_of_files(
        struct config_files *dirs, struct config_files *given, struct conf *ret, struct fault *f);

/* The same directories, other given files: what an Apply with files makes of the present one. */
int conf_with_given(const struct conf *now, const struct config_files *given, struct conf *ret,
        struct fault *f);

/* Looks which PFs are there. On failure what was resolved before stays. */
int conf_resolve(struct conf *conf, const struct state *state, struct fault *f);

static inline const struct desired *conf_wish(const struct conf *conf, const struct dev_id *pf)
{
        return resolved_for(&conf->resolved, pf);
}

/* Of a wish, over the text of config_write(): the same hash, the same wish. 0: no memory. */
uint64_t conf_hash_wish(const struct desired *wish);
