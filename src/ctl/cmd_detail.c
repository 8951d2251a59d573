/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `show DEVICE`: all that is known of one PF, VF or IOMMU group. Loop thread. */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/print.h"
#include "ctl/table.h"

/* One object of any kind, and for a VF what only methods tell. */
struct detail {
        enum object_kind kind;
        union {
                struct view_pf pf;
                struct view_vf vf;
                struct view_group group;
        } of;
        struct {
                char name[WORD_MAX];
                uint64_t value;
        } * statistics;
        size_t n_statistics;
};

static void detail_done(struct detail *d)
{
        object_done(d->kind, &d->of);
        free(d->statistics);
}

static int load_statistics(struct ctl *ctl, const char *path, struct detail *d)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        size_t capacity = 0;
        const char *name;
        uint64_t value;
        int r;

        r = client_call(ctl->bus, path, object_table[OBJECT_VF].interface, "GetStatistics", &reply,
                &ctl->failure, NULL);
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(reply, 'a', "{st}");
        while (r >= 0 && (r = sd_bus_message_read(reply, "{st}", &name, &value)) > 0) {
                r = array_grow(&d->statistics, &capacity, d->n_statistics, sizeof(*d->statistics));
                if (r >= 0)
                        r = str_copy(d->statistics[d->n_statistics].name, WORD_MAX, name);
                if (r >= 0)
                        d->statistics[d->n_statistics++].value = value;
        }
        return r < 0 ? failure_of_errno(&ctl->failure, r, "read statistics") : 0;
}

static void show_json(struct json_writer *w, const struct detail *d)
{
        json_open_object(w, NULL);
        if (d->kind == OBJECT_PF)
                pf_json(w, &d->of.pf);
        else if (d->kind == OBJECT_VF) {
                vf_json(w, &d->of.vf);
                json_open_object(w, "statistics");
                for (size_t i = 0; i < d->n_statistics; i++)
                        json_put_u64(w, d->statistics[i].name, d->statistics[i].value);
                json_close(w);
        } else
                object_json(w, d->kind, &d->of, ALL_FIELDS);
        json_close(w);
}

static void row(struct table *t, const char *key, const char *value)
{
        table_cell(t, STYLE_DIM, "%s", key);
        table_cell(t, STYLE_PLAIN, "%s", value);
}

static void show_attrs(struct table *t, const struct view_vf *vf)
{
        char text[VF_ATTR_STR_MAX];

        for (unsigned i = 0; i < VF_ATTR_MAX; i++)
                if (vf_attrs_has(&vf->attrs, i)) {
                        vf_attrs_format(&vf->attrs, i, text);
                        row(t, vf_attr_table[i].name, text);
                }
}

static void show_vf_extras(struct table *t, const struct detail *d)
{
        char text[NAME_MAX_TEXT * 4], name[NAME_MAX_TEXT * 2];

        for (size_t i = 0; i < d->of.vf.n_holders; i++) {
                struct holder h = d->of.vf.holders[i];

                h.vf = d->of.vf.index;
                holder_text(&h, name, sizeof(name));
                if (holder_waited_for(&h))
                        snprintf(text, sizeof(text), "%s%s%s", name, h.path[0] ? " through " : "",
                                h.path);
                else
                        holder_describe(&h, text, sizeof(text));
                row(t, "holder", text);
        }
        for (size_t i = 0; i < d->n_statistics; i++) {
                snprintf(text, sizeof(text), "%" PRIu64, d->statistics[i].value);
                row(t, d->statistics[i].name, text);
        }
}

static void show_texts(struct table *t, const char *key, const struct texts *texts)
{
        for (size_t i = 0; i < texts->n; i++)
                row(t, key, texts->list[i]);
}

static void show_devices(struct table *t, const struct view_group *g)
{
        char text[NAME_MAX_TEXT];

        for (size_t i = 0; i < g->n_devices; i++) {
                const struct group_device *d = &g->devices[i];

                snprintf(text, sizeof(text), "%s  %s  %s", d->address, pci_class_word(d->pci_class),
                        d->driver[0] ? d->driver : "no driver");
                row(t, "device", text);
        }
}

static void show_text(struct table *t, const struct detail *d)
{
        char text[FAULT_TEXT_MAX];

        if (d->kind == OBJECT_VF) {
                path_address(d->of.vf.pf, text);
                row(t, "pf", text);
        }
        for (size_t i = 0; i < object_table[d->kind].n_fields; i++) {
                const char *key = field_key(d->kind, i);

                if (!key)
                        continue;
                if (streq(key, "attributes"))
                        show_attrs(t, &d->of.vf);
                else if (streq(key, "devices"))
                        show_devices(t, &d->of.group);
                else if (field_texts(d->kind, &d->of, i))
                        show_texts(t, key, field_texts(d->kind, &d->of, i));
                else {
                        field_text(d->kind, &d->of, i, text, sizeof(text));
                        if (text[0])
                                row(t, key, text);
                }
        }
        if (d->kind == OBJECT_VF)
                show_vf_extras(t, d);
}

static int load(struct ctl *ctl, const char *name, struct detail *d)
{
        char path[PATH_SIZE];
        uint32_t group;
        int r;

        if (parse_u32(name, 0, UINT32_MAX, &group) == 0) {
                d->kind = OBJECT_GROUP;
                snprintf(path, sizeof(path), BUS_ROOT "/group/%u", group);
        } else {
                enum object_kind kind;

                r = client_find(ctl->bus, name, path, &kind, &ctl->failure);
                if (r < 0)
                        return r;
                d->kind = kind;
        }
        r = object_init(d->kind, &d->of, path);
        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "read the device");
        r = client_read(ctl->bus, d->kind, path, &d->of, &ctl->failure);
        if (r < 0 && d->kind == OBJECT_GROUP && startswith(ctl->failure.name, "Unknown"))
                return failure_of_fault(&ctl->failure,
                        &(struct fault){.code = FAULT_NOT_FOUND,
                                .text = "there is no such IOMMU group: sriovctl list group shows "
                                        "those there are"},
                        -ENOENT);
        if (r < 0 || d->kind != OBJECT_VF)
                return r;
        r = client_holders(ctl->bus, path, &d->of.vf.holders, &d->of.vf.n_holders, &ctl->failure);
        return r < 0 ? r : load_statistics(ctl, path, d);
}

int cmd_show(struct ctl *ctl)
{
        static const char *const columns[] = {"key", "value", NULL};
        _cleanup_(detail_done) struct detail d = {.kind = OBJECT_MAX};
        _cleanup_(json_writer_freep) struct json_writer *w = NULL;
        _cleanup_(table_freep) struct table *t = NULL;
        int r;

        r = load(ctl, ctl_word(ctl, 0), &d);
        if (r < 0)
                return r;
        w = json_writer_new();
        t = table_new(columns, false);
        if (!w || !t)
                return failure_of_errno(&ctl->failure, -ENOMEM, "print");
        if (ctl_json(ctl)) {
                show_json(w, &d);
                return print_json(w, false, &ctl->failure);
        }
        show_text(t, &d);
        r = table_print(t, stdout, &ctl->out);
        return r < 0 ? failure_of_errno(&ctl->failure, r, "print") : EXIT_DONE;
}
