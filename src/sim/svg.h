/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a drawing is made of, as SVG with its own colours for light and dark pages: what a class
 * looks like is in svg.c. Any thread. */
#pragma once

#include <stdio.h>

#include "base/util.h"

void svg_begin(FILE *f, int width, int height, const char *title);
/* -EIO: the file did not take all of it. */
int svg_end(FILE *f);

/* x, y: of the beginning of the baseline, or its middle with the classes tiny and number. */
void svg_text(FILE *f, int x, int y, const char *class, const char *fmt, ...) _printf_(5, 6);
void svg_box(FILE *f, int x, int y, int w, int h, const char *class);
/* class: flow or lost. */
void svg_arrow(FILE *f, int x1, int y1, int x2, int y2, const char *class);
