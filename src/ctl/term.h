/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an output can show: colours and box drawing. Loop thread. */
#pragma once

#include <stdio.h>

#include "base/util.h"

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_BAD, STYLE_MAX };

struct term {
        bool tty;
        bool color; /* a terminal, and neither --no-color nor NO_COLOR (no-color.org) nor TERM=dumb
                     */
        bool utf8;  /* the locale's charset */
};

/* After setlocale(). */
void term_init(struct term *t, FILE *out, bool no_color);

/* The sequence that begins a style, "" without colour. style_end() ends any. */
const char *style_begin(const struct term *t, enum style style);
const char *style_end(const struct term *t, enum style style);

/* How far something got, as cells blocks wide: "███░░░░", or "###....". buf is terminated. */
#define BAR_CELLS_MAX 20
#define BAR_SIZE      (BAR_CELLS_MAX * 3 + 1)
void bar_format(
        char buf[static BAR_SIZE], uint32_t done, uint32_t total, unsigned cells, bool utf8);

/* Columns that UTF-8 text takes, one for each character. */
size_t text_width(const char *s);
