/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration files <-> values. The format is data/config.schema.json, for people sriovd.conf(5).
 * All-or-nothing: a fault anywhere means that nothing is taken. Loop thread.
 */
#pragma once

#include "config/json.h"
#include "model/declared.h"

#define CONFIG_FILE_MAX  (1024u * 1024u)
#define CONFIG_FILES_MAX 256u
#define CONFIG_TEXT_MAX  (4u * 1024u * 1024u) /* of all files together */
#define CONFIG_NAME_MAX  128u /* bytes of a file's name, so that faults show it whole */

/* One file's text, as a client sends it or as it was read. */
struct config_file {
        char *name; /* base name */
        char *path; /* "" when it did not come from a directory */
        char *text;
        size_t n;
};

struct config_files {
        struct config_file *list; /* in byte order of their names */
        size_t n, capacity;
};

void config_files_done(struct config_files *files);

/*
 * Reads *.json of the directories: a name in an earlier directory masks the same name in later
 * ones (an empty file, or a link to /dev/null, masks too). A directory that is not there is empty.
 * FAULT_IO, FAULT_INVALID_ARGS (too large, too many, not a regular file) name the path.
 */
int config_read(const char *const *dirs, struct config_files *ret, struct fault *f);

/*
 * Adds one in its place; copies. -EEXIST: there is one of this name (a file of a directory and one
 * without path may have the same); -EFBIG, -E2BIG: beyond the limits above; -EINVAL: the name is
 * empty, too long, has a '/' or is not printable UTF-8.
 */
int config_files_add(
        struct config_files *files, const char *name, const char *path, const char *text, size_t n);

/* A deep copy; -ENOMEM. */
int config_files_copy(const struct config_files *from, struct config_files *ret);

/* One file's text to entries. Faults are "NAME:LINE:COLUMN: what, and what was expected". */
int config_parse(
        const char *name, const char *text, size_t n, struct declared *ret, struct fault *f);

/* All files in order, and what holds across them: two entries with the same match. */
int config_load(const struct config_files *files, struct declared *ret, struct fault *f);

/* Of all names and texts (FNV-1a, 64 bits): the same hash, the same configuration. */
uint64_t config_hash(const struct config_files *files);

/*
 * A wish as a configuration that config_parse() reads back to the same, one entry for each. facts
 * of the same PFs (may be NULL) give it a stable match: the permanent MAC where it is the only one
 * with it, else path, else address. The caller frees *ret.
 */
int config_write(const struct desired *const *wishes, size_t n, const struct pf_facts *const *facts,
        char **ret);
