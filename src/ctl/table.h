/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aligned columns. Texts are escaped, so names can not play with a terminal. Loop thread. */
#pragma once

#include "ctl/term.h"

#define TABLE_COLUMNS_MAX 24

struct table;

/*
 * headers ends with NULL. A first character says more: '>' aligns to the right, '?' leaves the
 * column out when no row has anything in it. title: print the headers. NULL without memory.
 */
struct table *table_new(const char *const *headers, bool title);
void table_free(struct table *t);
DEFINE_CLEANUP(struct table *, table_free)

/* The next cell; a row is full after as many as there are headers. Failures are remembered. */
void table_cell(struct table *t, enum style style, const char *fmt, ...) _printf_(3, 4);

/* A line between rows that no column is aligned with; printed as it is: the caller has escaped. */
void table_line(struct table *t, const char *text);

/* -ENOMEM when a call before failed, -EINVAL when a row is not full. */
int table_print(const struct table *t, FILE *out, const struct term *term);
