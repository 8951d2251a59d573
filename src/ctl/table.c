/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aligned columns, with lines between them. Loop thread. */
#include <stdarg.h>
#include <stdio.h>

#include "base/parse.h"
#include "ctl/table.h"

#define CELL_SIZE 1024

struct cell {
        char *text;
        enum style style;
        bool is_line; /* a whole line instead */
};

struct table {
        const char *const *headers;
        size_t n_columns;
        bool title;
        struct cell *cells;
        size_t n, capacity;
        size_t column; /* of the next cell */
        int error;
};

struct table *table_new(const char *const *headers, bool title)
{
        struct table *t = calloc(1, sizeof(*t));

        if (!t)
                return NULL;
        t->headers = headers;
        t->title = title;
        while (headers[t->n_columns])
                t->n_columns++;
        if (t->n_columns > TABLE_COLUMNS_MAX)
                t->error = -EINVAL;
        return t;
}

void table_free(struct table *t)
{
        if (!t)
                return;
        for (size_t i = 0; i < t->n; i++)
                free(t->cells[i].text);
        free(t->cells);
        free(t);
}

static void add(struct table *t, enum style style, const char *text, bool is_line)
{
        char *copy = strdup(text);

        if (t->error == 0 &&
                (!copy || array_grow(&t->cells, &t->capacity, t->n, sizeof(*t->cells)) < 0))
                t->error = -ENOMEM;
        if (t->error < 0)
                free(copy);
        else
                t->cells[t->n++] = (struct cell){copy, style, is_line};
}

void table_cell(struct table *t, enum style style, const char *fmt, ...)
{
        char text[CELL_SIZE], escaped[CELL_SIZE];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        escape_text(escaped, sizeof(escaped), text);
        add(t, style, escaped, false);
        t->column = (t->column + 1) % t->n_columns;
}

void table_line(struct table *t, const char *text)
{
        if (t->column != 0)
                t->error = -EINVAL;
        add(t, STYLE_PLAIN, text, true);
}

static const char *header(const struct table *t, size_t column)
{
        const char *s = t->headers[column];

        return s + strspn(s, ">?");
}

static bool has_mark(const struct table *t, size_t column, char mark)
{
        const char *s = t->headers[column];

        return memchr(s, mark, strspn(s, ">?")) != NULL;
}

/* Width per column; 0 leaves it out. */
static void measure(const struct table *t, size_t widths[static TABLE_COLUMNS_MAX])
{
        size_t column = 0;

        memset(widths, 0, sizeof(size_t) * TABLE_COLUMNS_MAX);
        for (size_t i = 0; i < t->n; i++) {
                size_t w = text_width(t->cells[i].text);

                if (t->cells[i].is_line)
                        continue;
                if (w > widths[column])
                        widths[column] = w;
                column = (column + 1) % t->n_columns;
        }
        for (size_t c = 0; c < t->n_columns; c++) {
                size_t w = t->title ? text_width(header(t, c)) : 0;

                if (widths[c] < w && (widths[c] > 0 || !has_mark(t, c, '?')))
                        widths[c] = w;
        }
}

static void pad(FILE *out, size_t n)
{
        fprintf(out, "%*s", (int) n, "");
}

/* owed: blanks before this cell, which nobody prints at the end of a line. */
static void print_cell(const struct table *t, FILE *out, const struct term *term, size_t column,
        size_t width, const char *text, enum style style, size_t *owed)
{
        size_t gap = width - text_width(text);

        if (width == 0)
                return;
        if (has_mark(t, column, '>')) {
                *owed += gap;
                gap = 0;
        }
        if (*text) {
                pad(out, *owed);
                *owed = 0;
                fprintf(out, "%s%s%s", style_begin(term, style), text, style_end(term, style));
        }
        *owed += gap + 2;
}

int table_print(const struct table *t, FILE *out, const struct term *term)
{
        size_t widths[TABLE_COLUMNS_MAX], column = 0, owed = 0;

        if (t->error < 0 || t->column != 0)
                return t->error < 0 ? t->error : -EINVAL;
        measure(t, widths);
        for (size_t c = 0; t->title && c < t->n_columns; c++)
                print_cell(t, out, term, c, widths[c], header(t, c), STYLE_BOLD, &owed);
        if (t->title)
                fputc('\n', out);
        for (size_t i = 0; i < t->n; i++) {
                const struct cell *c = &t->cells[i];

                if (c->is_line) {
                        fprintf(out, "%s\n", c->text);
                        continue;
                }
                if (column == 0)
                        owed = 0;
                print_cell(t, out, term, column, widths[column], c->text, c->style, &owed);
                column = (column + 1) % t->n_columns;
                if (column == 0)
                        fputc('\n', out);
        }
        return 0;
}
