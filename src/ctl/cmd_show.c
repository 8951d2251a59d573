/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that look: status, list, show. Loop thread. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/parse.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/tree.h"

static int no_memory(struct ctl *ctl)
{
        return failure_of_errno(&ctl->failure, -ENOMEM, "print");
}

static int status_json(struct ctl *ctl, const struct view_manager *m, const struct view *v)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();

        if (!w)
                return no_memory(ctl);
        json_open_object(w, NULL);
        json_open_object(w, "daemon");
        object_json(w, OBJECT_MANAGER, m, ALL_FIELDS);
        json_close(w);
        json_open_array(w, "pfs");
        for (size_t i = 0; i < v->n_pfs; i++) {
                json_open_object(w, NULL);
                pf_json(w, &v->pfs[i]);
                json_open_array(w, "vfs");
                for (size_t j = 0; j < v->pfs[i].n_vfs; j++) {
                        json_open_object(w, NULL);
                        vf_json(w, &v->pfs[i].vfs[j]);
                        json_close(w);
                }
                json_close(w);
                json_close(w);
        }
        json_close(w);
        json_open_array(w, "jobs");
        for (size_t i = 0; i < v->n_jobs; i++) {
                char pf[BDF_STR_MAX];

                path_address(v->jobs[i].pf, pf);
                json_open_object(w, NULL);
                json_put_string(w, "pf", pf);
                object_json(w, OBJECT_JOB, &v->jobs[i], ALL_FIELDS);
                json_close(w);
        }
        json_close(w);
        json_close(w);
        return print_json(w, false, &ctl->failure);
}

_printf_(3, 4) static void notice(const struct ctl *ctl, enum style style, const char *fmt, ...)
{
        char text[FAULT_TEXT_MAX * 2], clean[FAULT_TEXT_MAX * 2];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        escape_text(clean, sizeof(clean), text);
        printf("%s%s%s\n", style_begin(&ctl->out, style), clean, style_end(&ctl->out, style));
}

/* What concerns the whole machine: lines above the tree. */
static void status_notices(const struct ctl *ctl, const struct view_manager *m)
{
        char when[MOMENT_SIZE];

        if (!m->backend_connected)
                notice(ctl, STYLE_BAD,
                        "sriovd has no connection to its backend: nothing can be changed, and "
                        "what is shown may be old");
        if (m->confirm_deadline > 0) {
                moment_text(m->confirm_deadline, args_has(&ctl->args, OPTION_HOST), when);
                notice(ctl, STYLE_WARN, "an apply waits: sriovctl confirm%s, or it is taken back",
                        when);
        }
        if (streq(m->config_state, "refused"))
                notice(ctl, STYLE_BAD, "the configuration is refused, what was in force stays: %s",
                        m->config_text);
        for (size_t i = 0; i < m->rivals.n; i++)
                notice(ctl, STYLE_WARN, "another manager: %s", m->rivals.list[i]);
        for (size_t i = 0; i < m->absent.n; i++)
                notice(ctl, STYLE_DIM, "not there yet: %s", m->absent.list[i]);
}

int cmd_status(struct ctl *ctl)
{
        _cleanup_(view_done) struct view view = {0};
        _cleanup_(manager_done) struct view_manager manager = {0};
        int r;

        r = client_read(ctl->bus, OBJECT_MANAGER, BUS_ROOT, &manager, &ctl->failure);
        if (r >= 0)
                r = view_load(ctl->bus, &view, &ctl->failure);
        if (r < 0)
                return r;
        if (ctl_json(ctl))
                return status_json(ctl, &manager, &view);
        status_notices(ctl, &manager);
        if (view.n_pfs == 0)
                printf("There is no device with SR-IOV here.\n");
        r = tree_print(&view, stdout, &ctl->out);
        return r < 0 ? failure_of_errno(&ctl->failure, r, "print") : EXIT_DONE;
}

static int number(struct table *t, int32_t n)
{
        if (n >= 0)
                table_cell(t, STYLE_PLAIN, "%" PRIi32, n);
        else
                table_cell(t, STYLE_PLAIN, "%s", "");
        return 0;
}

static void list_pfs(struct table *t, const struct view *v)
{
        for (size_t i = 0; i < v->n_pfs; i++) {
                const struct view_pf *pf = &v->pfs[i];

                table_cell(t, STYLE_BOLD, "%s", pf->address);
                table_cell(t, STYLE_PLAIN, "%s", pf->netdevs);
                table_cell(t, STYLE_PLAIN, "%s", pf->driver);
                table_cell(t, STYLE_PLAIN, "%s", pf->class);
                table_cell(t, STYLE_PLAIN, "%s", pf->link_state);
                table_cell(t, STYLE_PLAIN, "%u", pf->num_vfs);
                table_cell(t, STYLE_PLAIN, "%u", pf->total_vfs);
                number(t, pf->numa_node);
                number(t, pf->iommu_group);
                table_cell(t, STYLE_PLAIN, "%s", pf->state);
                table_cell(t, config_style(pf->config_state), "%s",
                        streq(pf->config_state, "unmanaged") ? "" : pf->config_state);
                table_cell(
                        t, STYLE_PLAIN, "%s%s%s", pf->vendor, pf->vendor[0] ? " " : "", pf->device);
        }
}

static void list_vfs(struct table *t, const struct view *v)
{
        for (size_t p = 0; p < v->n_pfs; p++)
                for (size_t i = 0; i < v->pfs[p].n_vfs; i++) {
                        const struct view_vf *vf = &v->pfs[p].vfs[i];
                        char name[NETDEV_MAX], text[VF_ATTR_STR_MAX];

                        table_cell(
                                t, STYLE_BOLD, "%s/%u", view_pf_name(&v->pfs[p], name), vf->index);
                        table_cell(t, STYLE_PLAIN, "%s", vf->address);
                        table_cell(t, STYLE_PLAIN, "%s", vf->driver);
                        table_cell(t, STYLE_PLAIN, "%s", vf->netdev);
                        number(t, vf->iommu_group);
                        table_cell(t, STYLE_GOOD, "%s", vf->in_use ? "yes" : "");
                        table_cell(t, lease_style(vf->lease_state), "%s",
                                streq(vf->lease_state, "free") ? "" : vf->lease_state);
                        for (unsigned a = 0; a < VF_ATTR_MAX; a++) {
                                text[0] = '\0';
                                if (vf_attrs_has(&vf->attrs, a))
                                        vf_attrs_format(&vf->attrs, a, text);
                                table_cell(t, STYLE_PLAIN, "%s", text);
                        }
                }
}

static void list_groups(struct table *t, const struct view *v)
{
        for (size_t i = 0; i < v->n_groups; i++) {
                const struct view_group *g = &v->groups[i];
                bool good = streq(g->verdict, "isolated");

                table_cell(t, STYLE_BOLD, "%u", g->id);
                table_cell(t, good ? STYLE_GOOD : STYLE_WARN, "%s", g->verdict);
                table_cell(t, STYLE_PLAIN, "%s", g->type);
                table_cell(t, STYLE_PLAIN, "%zu", g->n_devices);
                table_cell(t, STYLE_PLAIN, "%s", g->reason);
        }
}

static void pfs_json(struct json_writer *w, const struct view *v)
{
        for (size_t i = 0; i < v->n_pfs; i++) {
                json_open_object(w, NULL);
                pf_json(w, &v->pfs[i]);
                json_close(w);
        }
}

static void vfs_json(struct json_writer *w, const struct view *v)
{
        for (size_t p = 0; p < v->n_pfs; p++)
                for (size_t i = 0; i < v->pfs[p].n_vfs; i++) {
                        json_open_object(w, NULL);
                        vf_json(w, &v->pfs[p].vfs[i]);
                        json_close(w);
                }
}

static void groups_json(struct json_writer *w, const struct view *v)
{
        for (size_t i = 0; i < v->n_groups; i++) {
                json_open_object(w, NULL);
                object_json(w, OBJECT_GROUP, &v->groups[i], ALL_FIELDS);
                json_close(w);
        }
}

static const struct list_kind {
        const char *word;
        const char *headers[TABLE_COLUMNS_MAX + 1];
        void (*rows)(struct table *t, const struct view *v);
        void (*json)(struct json_writer *w, const struct view *v);
} list_kinds[] = {
        {"pf",
                {"PF", "?NETDEV", "?DRIVER", "CLASS", "?LINK", ">VFS", ">MAX", ">?NUMA", ">?GROUP",
                        "STATE", "?CONFIG", "?MODEL", NULL},
                list_pfs, pfs_json},
        {"vf",
                {"VF", "ADDRESS", "?DRIVER", "?NETDEV", ">?GROUP", "?IN USE", "?LEASE", "?MAC",
                        ">?VLAN", ">?QOS", "?PROTO", ">?MIN", ">?MAX", "?SPOOFCHK", "?TRUST",
                        "?LINK", "?RSS", "?NODE GUID", "?PORT GUID", NULL},
                list_vfs, vfs_json},
        {"group", {">GROUP", "VERDICT", "?TYPE", ">DEVICES", "?REASON", NULL}, list_groups,
                groups_json},
};

static const struct list_kind *list_kind(const struct ctl *ctl)
{
        const char *word = ctl->args.n_words > 1 ? ctl_word(ctl, 0) : "pf";

        for (size_t i = 0; i < ELEMENTSOF(list_kinds); i++)
                if (streq(list_kinds[i].word, word))
                        return &list_kinds[i];
        return NULL;
}

int check_list(struct ctl *ctl)
{
        if (list_kind(ctl))
                return 0;
        return ctl_refuse(ctl, "list '%s': expected pf, vf or group", ctl_word(ctl, 0));
}

int cmd_list(struct ctl *ctl)
{
        const struct list_kind *kind = list_kind(ctl);
        _cleanup_(json_writer_freep) struct json_writer *w = NULL;
        _cleanup_(view_done) struct view view = {0};
        _cleanup_(table_freep) struct table *t = NULL;
        int r;

        r = view_load(ctl->bus, &view, &ctl->failure);
        if (r < 0)
                return r;
        if (ctl_json(ctl)) {
                w = json_writer_new();
                if (!w)
                        return no_memory(ctl);
                json_open_array(w, NULL);
                kind->json(w, &view);
                json_close(w);
                return print_json(w, false, &ctl->failure);
        }
        t = table_new(kind->headers, true);
        if (!t)
                return no_memory(ctl);
        kind->rows(t, &view);
        r = table_print(t, stdout, &ctl->out);
        return r < 0 ? failure_of_errno(&ctl->failure, r, "print") : EXIT_DONE;
}
