/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drawing a plan and a result: a PF is a row of a table, its steps, what they hurt and what can not
 * be done are lines below it; like steps of neighbouring VFs share a line. Loop thread.
 */
#include <stdio.h>

#include "base/parse.h"
#include "ctl/planview.h"
#include "ctl/table.h"

#define LINE_SIZE 1024
#define WHO_SIZE  32
#define WHO_WIDTH 2 /* of "PF" */

static enum style class_style(const char *disruption)
{
        if (streq(disruption, "vf-recreate") || streq(disruption, "pf-down"))
                return STYLE_BAD;
        return streq(disruption, "vf-flap") ? STYLE_WARN : STYLE_GOOD;
}

/* Of the classes there are, "" without any. */
static const char *worst_class(const struct planview *v)
{
        static const char *const order[] = {"pf-down", "vf-recreate", "vf-flap", "none"};
        size_t worst = ELEMENTSOF(order);

        for (size_t i = 0; i < v->n_pfs; i++)
                for (size_t k = 0; k < worst; k++)
                        if (v->pfs[i].n_steps > 0 && streq(order[k], v->pfs[i].disruption))
                                worst = k;
        return worst < ELEMENTSOF(order) ? order[worst] : "";
}

/* The step without "VF 3: ", which stands before it anyhow. */
static const char *bare_text(const struct planview_step *s)
{
        char prefix[WHO_SIZE];

        snprintf(prefix, sizeof(prefix), "VF %u: ", s->vf);
        return s->vf != NO_VF && startswith(s->text, prefix) ? s->text + strlen(prefix) : s->text;
}

/* How many steps from here are of the same VF (or of the PF). */
static size_t block_size(const struct planview_pf *pf, size_t first)
{
        size_t n = 1;

        while (first + n < pf->n_steps && pf->steps[first + n].vf == pf->steps[first].vf)
                n++;
        return n;
}

/* Every VF has a MAC of its own, so they may differ; as in the status tree. */
static bool like_text(const struct planview_step *a, const struct planview_step *b)
{
        const char *x = bare_text(a), *y = bare_text(b);

        return streq(x, y) || (startswith(x, "mac ") && startswith(y, "mac "));
}

static bool like_block(const struct planview_pf *pf, size_t a, size_t b, size_t n)
{
        if (b >= pf->n_steps || block_size(pf, b) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!like_text(&pf->steps[a + i], &pf->steps[b + i]) ||
                        !streq(pf->steps[a + i].disruption, pf->steps[b + i].disruption))
                        return false;
        return true;
}

/* How many VFs from here, each the one after the other, have the same n steps. */
static size_t like_vfs(const struct planview_pf *pf, size_t first, size_t n)
{
        size_t vfs = 1;

        while (pf->steps[first].vf != NO_VF && like_block(pf, first, first + vfs * n, n) &&
                pf->steps[first + vfs * n].vf == pf->steps[first].vf + vfs)
                vfs++;
        return vfs;
}

static void who_text(uint32_t vf, size_t vfs, char buf[static WHO_SIZE])
{
        if (vf == NO_VF)
                snprintf(buf, WHO_SIZE, "PF");
        else if (vfs > 1)
                snprintf(buf, WHO_SIZE, "VF %u-%zu", vf, vf + vfs - 1);
        else
                snprintf(buf, WHO_SIZE, "VF %u", vf);
}

struct drawing {
        struct table *table;
        const struct term *term;
        const struct planview_pf *pf;
        int who_width, text_width; /* of this PF's steps */
        size_t left;               /* lines until the last of this PF */
};

/* One line below a PF; head, middle and tail are escaped here, tail in its style. */
static void add_line(
        struct drawing *d, const char *head, const char *middle, const char *tail, enum style style)
{
        bool utf8 = d->term->utf8, last = --d->left == 0;
        const char *branch = utf8 ? (last ? "└─ " : "├─ ") : (last ? "`- " : "|- ");
        char line[LINE_SIZE * 3 + 64], clean_head[WHO_SIZE], clean[LINE_SIZE],
                clean_tail[LINE_SIZE];
        int width;

        escape_text(clean_head, sizeof(clean_head), head);
        escape_text(clean, sizeof(clean), middle);
        escape_text(clean_tail, sizeof(clean_tail), tail);
        /* Bytes that are no columns of their own. */
        width = *clean_tail && *clean ? d->text_width + (int) (strlen(clean) - text_width(clean))
                                      : 0;
        snprintf(line, sizeof(line), "%s%-*s  %-*s%s%s%s%s", branch, d->who_width, clean_head,
                width, clean, *clean_tail && *clean ? "  " : "", style_begin(d->term, style),
                clean_tail, style_end(d->term, style));
        table_line(d->table, line);
}

/* Each distinct line of steps: fn draws or measures it. disruption: of all in it. */
typedef void (*line_fn)(
        struct drawing *d, const char *who, const char *text, const char *disruption);

/* "mac 02:00:00:00:00:00 ... 02:00:00:00:00:07": of the first and the last VF of a line. */
static void line_text(const struct planview_step *first, const struct planview_step *last,
        char buf[static LINE_SIZE])
{
        const char *a = bare_text(first), *b = bare_text(last);

        if (streq(a, b))
                snprintf(buf, LINE_SIZE, "%s", a);
        else
                snprintf(buf, LINE_SIZE, "%s ... %s", a, b + strlen("mac "));
}

static void each_line(struct drawing *d, line_fn fn)
{
        const struct planview_pf *pf = d->pf;
        char who[WHO_SIZE], text[LINE_SIZE];
        size_t n, vfs;

        for (size_t i = 0; i < pf->n_steps; i += n * vfs) {
                n = block_size(pf, i);
                vfs = like_vfs(pf, i, n);
                who_text(pf->steps[i].vf, vfs, who);
                for (size_t k = 0; k < n; k++) {
                        line_text(&pf->steps[i + k], &pf->steps[i + k + n * (vfs - 1)], text);
                        fn(d, who, text, pf->steps[i + k].disruption);
                }
        }
}

static void measure_step(
        struct drawing *d, const char *who, const char *text, const char *disruption)
{
        int width = (int) text_width(text);

        (void) disruption;

        if (d->who_width < (int) strlen(who))
                d->who_width = (int) strlen(who);
        if (d->text_width < width && width < LINE_SIZE)
                d->text_width = width;
        d->left++;
}

static void draw_step(struct drawing *d, const char *who, const char *text, const char *disruption)
{
        add_line(d, who, text, disruption, class_style(disruption));
}

/* Errors and problems, which a plan and a result have alike. */
static void draw_problems(struct drawing *d)
{
        char who[WHO_SIZE], text[LINE_SIZE];

        for (size_t i = 0; i < d->pf->n_problems; i++) {
                const struct planview_problem *p = &d->pf->problems[i];

                who_text(p->vf, 1, who);
                snprintf(text, sizeof(text), "%s: %s", *p->error ? p->error : "Internal", p->text);
                add_line(d, who, "", text, STYLE_BAD);
        }
}

static void measure_problems(struct drawing *d)
{
        char who[WHO_SIZE];

        for (size_t i = 0; i < d->pf->n_problems; i++) {
                who_text(d->pf->problems[i].vf, 1, who);
                if (d->who_width < (int) strlen(who))
                        d->who_width = (int) strlen(who);
        }
        d->left += d->pf->n_problems;
}

static void add_pf(struct drawing *d, const char *word, enum style style)
{
        const struct planview_pf *pf = d->pf;

        table_cell(d->table, STYLE_BOLD, "%s", planview_pf_name(pf));
        table_cell(d->table, STYLE_PLAIN, "%s", *pf->netdev ? pf->pf : "");
        table_cell(d->table, STYLE_DIM, "%s", pf->source);
        table_cell(d->table, style, "%s", word);
}

static void plan_pf(struct drawing *d)
{
        const struct planview_pf *pf = d->pf;
        char text[LINE_SIZE];

        add_pf(d, pf->n_steps > 0 ? pf->disruption : "", class_style(pf->disruption));
        each_line(d, measure_step);
        measure_problems(d);
        d->left += pf->n_hurts + (*pf->error != '\0');
        each_line(d, draw_step);
        for (size_t i = 0; i < pf->n_hurts; i++) {
                snprintf(text, sizeof(text), "hurts %s", pf->hurts[i]);
                add_line(d, "", "", text, STYLE_BAD);
        }
        draw_problems(d);
        if (*pf->error) {
                snprintf(text, sizeof(text), "%s: %s", pf->error, pf->text);
                add_line(d, "PF", "", text, STYLE_BAD);
        }
}

static void result_pf(struct drawing *d)
{
        const struct planview_pf *pf = d->pf;
        bool failed = planview_pf_failed(pf), why = !streq(pf->result, "done") && *pf->text;
        char text[LINE_SIZE];

        add_pf(d, *pf->result ? pf->result : "failed", failed ? STYLE_BAD : STYLE_GOOD);
        measure_problems(d);
        d->left += why;
        draw_problems(d);
        if (why) {
                snprintf(text, sizeof(text), "%s%s%s", pf->error, *pf->error ? ": " : "", pf->text);
                add_line(d, "PF", "", text, STYLE_BAD);
        }
}

static int draw(const struct planview *v, FILE *out, const struct term *term,
        void (*pf)(struct drawing *d), bool all)
{
        static const char *const columns[] = {"name", "?address", "?source", "?word", NULL};
        _cleanup_(table_freep) struct table *t = table_new(columns, false);

        if (!t)
                return -ENOMEM;
        for (size_t i = 0; i < v->n_pfs; i++) {
                struct drawing d = {
                        .table = t, .term = term, .pf = &v->pfs[i], .who_width = WHO_WIDTH};

                if (all || d.pf->n_steps > 0 || d.pf->n_problems > 0 || *d.pf->error)
                        pf(&d);
        }
        return table_print(t, out, term);
}

static void print_list(FILE *out, const struct term *term, enum style style, const char *what,
        const char *const *list, size_t n)
{
        char clean[LINE_SIZE];

        for (size_t i = 0; i < n; i++) {
                escape_text(clean, sizeof(clean), list[i]);
                fprintf(out, "%s%s%s: %s\n", style_begin(term, style), what, style_end(term, style),
                        clean);
        }
}

static void print_sum(const struct planview *v, FILE *out, const struct term *term)
{
        const char *worst = worst_class(v);
        size_t steps = 0, pfs = 0;
        char hash[LINE_SIZE];

        for (size_t i = 0; i < v->n_pfs; i++) {
                steps += v->pfs[i].n_steps;
                pfs += v->pfs[i].n_steps > 0;
        }
        escape_text(hash, sizeof(hash), v->hash);
        if (steps > 0)
                fprintf(out, "%zu %s on %zu %s, worst: %s%s%s; plan %s\n", steps,
                        steps == 1 ? "step" : "steps", pfs, pfs == 1 ? "PF" : "PFs",
                        style_begin(term, class_style(worst)), *worst ? worst : "unknown",
                        style_end(term, class_style(worst)), hash);
        else if (planview_has_errors(v))
                fprintf(out, "No step leads to what the files say; plan %s\n", hash);
        else
                fprintf(out, "Nothing to change; plan %s\n", hash);
}

static void print_notes(const struct planview *v, FILE *out, const struct term *term)
{
        print_list(out, term, STYLE_WARN, "warning", v->warnings, v->n_warnings);
        print_list(
                out, term, STYLE_DIM, "not there, applied when it appears", v->absent, v->n_absent);
}

int planview_print(const struct planview *v, FILE *out, const struct term *term)
{
        int r;

        r = draw(v, out, term, plan_pf, false);
        if (r < 0)
                return r;
        print_notes(v, out, term);
        print_sum(v, out, term);
        return 0;
}

int planview_print_result(const struct planview *v, bool notes, FILE *out, const struct term *term)
{
        int r;

        r = draw(v, out, term, result_pf, true);
        if (r == 0 && notes)
                print_notes(v, out, term);
        return r;
}
