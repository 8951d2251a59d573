/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kinds of property values: how each is read from a message, written as JSON and as text. `at`
 * points at the member the table of fields names. Loop thread.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "config/json.h"

struct value_kind {
        const char *signature;
        int (*decode)(sd_bus_message *m, void *at, size_t size);
        bool (*known)(const void *at); /* NULL: always */
        void (*json)(struct json_writer *w, const char *key, const void *at);
        void (*text)(const void *at, char *buf, size_t size);
        bool starts_unknown; /* an int32_t that is -1 until it is read */
};

extern const struct value_kind value_text;         /* char[]: "" unknown */
extern const struct value_kind value_path;         /* char[] */
extern const struct value_kind value_words;        /* char[], joined by blanks; JSON array */
extern const struct value_kind value_bool;         /* bool */
extern const struct value_kind value_u32;          /* uint32_t */
extern const struct value_kind value_u64;          /* uint64_t */
extern const struct value_kind value_uid;          /* int64_t: -1 nobody's */
extern const struct value_kind value_i32;          /* int32_t: -1 unknown */
extern const struct value_kind value_switch;       /* int32_t: 0, 1, -1 unknown; JSON bool */
extern const struct value_kind value_hex16;        /* uint16_t: 0 unknown; JSON "0x8086" */
extern const struct value_kind value_class;        /* uint32_t; JSON "0x020000" */
extern const struct value_kind value_capabilities; /* struct capability[VF_SETTING_MAX] */
extern const struct value_kind value_attrs;        /* struct vf_attrs; JSON: a member for each */
extern const struct value_kind value_devices;      /* devices and n_devices of view_group */
extern const struct value_kind value_hops;         /* hops and n_hops of view_group */
extern const struct value_kind value_reserved;     /* reserved and n_reserved of view_group */
extern const struct value_kind value_texts;        /* struct texts */
extern const struct value_kind value_moment;       /* uint64_t: 0 unknown */

struct texts;
void texts_done(struct texts *t);
