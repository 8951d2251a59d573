/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the codec share; nobody else includes it. Loop thread. */
#pragma once

#include <systemd/sd-bus.h>

#include "model/step.h"

/* A char array in a structure; the order in a table is the order on the wire. */
struct text_field {
        size_t offset, size;
};

#define TEXT_FIELD(type, member)                                                                   \
        {                                                                                          \
                offsetof(type, member), sizeof(((type *) NULL)->member)                            \
        }

/* The kernel and processes may name things in any bytes; a bus string is UTF-8. size: of the array
 * that text is in, so that the escaped one fits the reader's as well. */
int put_text(sd_bus_message *m, const char *text, size_t size);
int put_texts(sd_bus_message *m, const void *base, const struct text_field *fields, size_t n);

/* -EBADMSG when it does not fit. */
int get_text(sd_bus_message *m, char *to, size_t size);
int get_texts(sd_bus_message *m, void *base, const struct text_field *fields, size_t n);

/*
 * Reads an array of structures into an owned array of elements. get reads one, with the structure
 * already entered. limit: -EBADMSG beyond. On failure *ret and *ret_n hold what was read so far,
 * for the caller to free.
 */
int get_array(sd_bus_message *m, const char *members, size_t limit, size_t size,
        int (*get)(sd_bus_message *m, void *element), void *ret, size_t *ret_n);

int codec_put_attrs(sd_bus_message *m, const struct vf_attrs *attrs);
int codec_get_attrs(sd_bus_message *m, struct vf_attrs *ret);
