/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A wish as a member of an object in a journal or checkpoint. Not a configuration's text: a wish
 * that was made of readings says what the hardware is, and that may be what no configuration may
 * ask for (two VFs with one MAC, a minimum rate above the maximum). Nothing is judged here, and
 * everything comes back. Loop thread.
 */
#pragma once

#include "config/json.h"
#include "model/desired.h"

/* Nothing is put for a wish that wants nothing. */
void wish_put(struct json_writer *w, const char *key, const struct desired *wish);

/* 1 and *ret set when there, 0 and *ret untouched when absent; negative when not understood. */
int wish_get(const struct json_value *object, const char *key, struct desired *ret);

/* Attributes as config_put_attrs() puts them into an object, unjudged; -EINVAL. */
int wish_get_attrs(const struct json_value *object, struct vf_attrs *ret);
