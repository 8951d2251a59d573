/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the configuration reader. Loop thread. */
#pragma once

#include "config/config.h"

/* An element of "vfs"; num_vfs: as the PF says, or UINT32_MAX. -EINVAL with a fault. */
int config_parse_vfs(
        const struct json_value *v, uint32_t num_vfs, struct declared_vfs *ret, struct fault *f);

/* One of the words; *ret is its index. `what` says the words. */
int config_parse_word(const struct json_value *v, const char *key, const char *const *words,
        unsigned n, unsigned *ret, struct fault *f);

/* "nm_managed": -1 when it is not there. */
int config_parse_nm_managed(const struct json_value *v, int *ret, struct fault *f);

/* What resets an attribute. */
#define CONFIG_RESET "baseline"

/* The keys of what is wanted, and nothing for what is not; by the names of configuration files. */
void config_put_attrs(struct json_writer *w, const struct vf_attrs *a);
void config_put_vf_keys(struct json_writer *w, const struct desired_vf *vf);
void config_put_pf_keys(struct json_writer *w, const struct desired *d);
void config_put_optional(struct json_writer *w, const struct desired *d); /* an array, if empty */

/* The path of a PF as "match" takes it, in the form of pf_facts. -EINVAL. */
int config_parse_path(const char *text, char ret[static PCI_PATH_MAX]);
