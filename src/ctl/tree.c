/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drawing the status tree. A PF is a row of a table, what is below it are lines. Loop thread. */
#include <stdarg.h>
#include <stdio.h>

#include "base/parse.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/tree.h"

#define BAR_CELLS    7
#define SUMMARY_SIZE 1024

/* Appends; what does not fit is left out, for people. */
_printf_(3, 4) static void append(char *buf, size_t size, const char *fmt, ...)
{
        size_t n = strlen(buf);
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(buf + n, size - n, fmt, ap);
        va_end(ap);
}

void tree_summary(const struct view_pf *pf, const struct view_vf *vf, char *buf, size_t size)
{
        uint32_t told = vf_attrs_differ(&vf->attrs, &vf_attrs_baseline) & ~BIT(VF_ATTR_MAC);
        char text[VF_ATTR_STR_MAX], holder[NAME_MAX_TEXT * 2];

        buf[0] = '\0';
        append(buf, size, "%s", vf->driver[0] ? vf->driver : "no driver");
        if (vf->in_use)
                append(buf, size, "  in use");
        if (vf->lease_state[0] && !streq(vf->lease_state, "free"))
                append(buf, size, "  %s", vf->lease_state);
        for (size_t i = 0; i < vf->n_holders; i++) {
                holder_text(&vf->holders[i], holder, sizeof(holder));
                append(buf, size, "%s %s", i == 0 ? " by" : ",", holder);
        }
        for (unsigned i = 0; i < VF_ATTR_MAX; i++)
                if (told & BIT(i)) {
                        vf_attrs_format(&vf->attrs, i, text);
                        append(buf, size, "  %s=%s", vf_attr_table[i].name, text);
                }
        if (!vf->attributes_known && pf->netdevs[0]) /* without one nobody could know them */
                append(buf, size, "  attributes unknown");
}

/* One line below a PF, escaped; head and rest in plain text. */
static void add_line(struct table *t, const struct term *term, bool last, enum style style,
        const char *head, int width, const char *rest)
{
        const char *branch = term->utf8 ? (last ? "└─ " : "├─ ") : (last ? "`- " : "|- ");
        char line[SUMMARY_SIZE * 2], clean_head[64], clean[SUMMARY_SIZE];

        escape_text(clean_head, sizeof(clean_head), head);
        escape_text(clean, sizeof(clean), rest);
        snprintf(line, sizeof(line), "%s%-*s  %s%s%s", branch, width, clean_head,
                style_begin(term, style), clean, style_end(term, style));
        table_line(t, line);
}

/* How many VFs from here on have the same summary and indices without a hole. */
static size_t alike(const struct view_pf *pf, size_t first)
{
        char a[SUMMARY_SIZE], b[SUMMARY_SIZE];
        size_t n = 1;

        tree_summary(pf, &pf->vfs[first], a, sizeof(a));
        for (; first + n < pf->n_vfs; n++) {
                if (pf->vfs[first + n].index != pf->vfs[first].index + n)
                        break;
                tree_summary(pf, &pf->vfs[first + n], b, sizeof(b));
                if (!streq(a, b))
                        break;
        }
        return n;
}

static void range_text(const struct view_pf *pf, size_t first, size_t n, char *buf, size_t size)
{
        if (n == 1)
                snprintf(buf, size, "%u", pf->vfs[first].index);
        else
                snprintf(buf, size, "%u-%u", pf->vfs[first].index, pf->vfs[first + n - 1].index);
}

static enum style vf_style(const struct view_vf *vf)
{
        if (vf->in_use)
                return STYLE_GOOD;
        return vf->driver[0] ? STYLE_PLAIN : STYLE_DIM;
}

static void add_vfs(struct table *t, const struct term *term, const struct view_pf *pf, bool more)
{
        char range[32], summary[SUMMARY_SIZE];
        size_t n;
        int width = 0;

        for (size_t i = 0; i < pf->n_vfs; i += n) {
                n = alike(pf, i);
                range_text(pf, i, n, range, sizeof(range));
                if (width < (int) strlen(range))
                        width = (int) strlen(range);
        }
        for (size_t i = 0; i < pf->n_vfs; i += n) {
                n = alike(pf, i);
                range_text(pf, i, n, range, sizeof(range));
                tree_summary(pf, &pf->vfs[i], summary, sizeof(summary));
                add_line(t, term, i + n == pf->n_vfs && !more, vf_style(&pf->vfs[i]), range, width,
                        summary);
        }
}

static void add_job(struct table *t, const struct term *term, const struct view_job *job, bool last)
{
        char head[32], text[SUMMARY_SIZE] = "";
        bool stuck = streq(job->state, "stuck");

        snprintf(head, sizeof(head), "job %u", job->id);
        append(text, sizeof(text), "%s: %s", job->description, job->state);
        if (job->step[0])
                append(text, sizeof(text), ": %s", job->step);
        if (job->total > 0)
                append(text, sizeof(text), " %u/%u", job->done, job->total);
        add_line(t, term, last, stuck ? STYLE_BAD : STYLE_WARN, head, 0, text);
}

static void add_jobs(struct table *t, const struct term *term, const struct view *v, const char *pf)
{
        size_t left = 0;

        for (size_t i = 0; i < v->n_jobs; i++)
                left += streq(v->jobs[i].pf, pf);
        for (size_t i = 0; i < v->n_jobs; i++)
                if (streq(v->jobs[i].pf, pf))
                        add_job(t, term, &v->jobs[i], --left == 0);
}

static bool has_job(const struct view *v, const char *pf)
{
        for (size_t i = 0; i < v->n_jobs; i++)
                if (streq(v->jobs[i].pf, pf))
                        return true;
        return false;
}

static enum style state_style(const char *state)
{
        if (streq(state, "stuck"))
                return STYLE_BAD;
        return streq(state, "busy") ? STYLE_WARN : STYLE_DIM;
}

static void add_pf(struct table *t, const struct term *term, const struct view_pf *pf)
{
        char name[NETDEV_MAX], bar[BAR_SIZE];
        bool up = streq(pf->link_state, "up"), quiet;

        bar_format(bar, pf->num_vfs, pf->total_vfs, BAR_CELLS, term->utf8);
        table_cell(t, STYLE_BOLD, "%s", view_pf_name(pf, name));
        table_cell(t, STYLE_PLAIN, "%s", pf_has_netdev(pf) ? pf->address : pf->class);
        if (pf->device[0])
                table_cell(t, STYLE_PLAIN, "%s", pf->device);
        else
                table_cell(t, STYLE_PLAIN, "%04x:%04x", pf->vendor_id, pf->device_id);
        table_cell(t, pf->driver[0] ? STYLE_PLAIN : STYLE_DIM, "%s",
                pf->driver[0] ? pf->driver : "no driver");
        table_cell(t, up ? STYLE_GOOD : STYLE_DIM, "%s", pf->link_state);
        table_cell(t, STYLE_PLAIN, "%s", bar);
        table_cell(t, STYLE_PLAIN, "%u/%u", pf->num_vfs, pf->total_vfs);
        if (pf->iommu_group >= 0)
                table_cell(t, STYLE_DIM, "group %d", pf->iommu_group);
        else
                table_cell(t, STYLE_DIM, "no IOMMU");
        table_cell(t, state_style(pf->state), "%s", pf->state);
        quiet = streq(pf->config_state, "unmanaged") || streq(pf->config_state, "applied");
        table_cell(t, config_style(pf->config_state), "%s", quiet ? "" : pf->config_state);
}

int tree_print(const struct view *view, FILE *out, const struct term *term)
{
        static const char *const columns[] = {"name", "address", "model", "driver", "?link", "bar",
                ">count", "group", "state", "?config", NULL};
        _cleanup_(table_freep) struct table *t = table_new(columns, false);

        if (!t)
                return -ENOMEM;
        for (size_t i = 0; i < view->n_pfs; i++) {
                const struct view_pf *pf = &view->pfs[i];

                add_pf(t, term, pf);
                add_vfs(t, term, pf, has_job(view, pf->path));
                add_jobs(t, term, view, pf->path);
        }
        return table_print(t, out, term);
}
