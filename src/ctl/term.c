/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Colours, bars and widths. Loop thread. */
#include <langinfo.h>
#include <stdio.h>

#include "ctl/term.h"

static const char *const sequences[STYLE_MAX] = {
        [STYLE_PLAIN] = "",
        [STYLE_BOLD] = "\033[1m",
        [STYLE_DIM] = "\033[2m",
        [STYLE_GOOD] = "\033[32m",
        [STYLE_WARN] = "\033[33m",
        [STYLE_BAD] = "\033[1;31m",
};

void term_init(struct term *t, FILE *out, bool no_color)
{
        const char *variable = getenv("NO_COLOR"), *kind = getenv("TERM");

        t->tty = isatty(fileno(out));
        t->color = t->tty && !no_color && !(variable && *variable) && kind && !streq(kind, "dumb");
        t->utf8 = streq(nl_langinfo(CODESET), "UTF-8");
}

const char *style_begin(const struct term *t, enum style style)
{
        return t->color && (unsigned) style < STYLE_MAX ? sequences[style] : "";
}

const char *style_end(const struct term *t, enum style style)
{
        return t->color && style != STYLE_PLAIN ? "\033[0m" : "";
}

void bar_format(char buf[static BAR_SIZE], uint32_t done, uint32_t total, unsigned cells, bool utf8)
{
        const char *full = utf8 ? "█" : "#", *empty = utf8 ? "░" : ".";
        unsigned filled = 0;
        size_t at = 0;

        if (cells > BAR_CELLS_MAX)
                cells = BAR_CELLS_MAX;
        if (done >= total && total > 0)
                filled = cells;
        else if (done > 0) {
                /* Something is not nothing, and not yet all is not all. */
                filled = (unsigned) ((uint64_t) done * cells / total);
                filled = filled == 0 ? 1 : filled;
        }
        for (unsigned i = 0; i < cells; i++) {
                const char *c = i < filled ? full : empty;

                memcpy(buf + at, c, strlen(c));
                at += strlen(c);
        }
        buf[at] = '\0';
}

size_t text_width(const char *s)
{
        size_t n = 0;

        for (; *s; s++)
                n += ((unsigned char) *s & 0xc0) != 0x80;
        return n;
}
