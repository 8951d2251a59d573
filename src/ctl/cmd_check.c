/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `check`: the verdicts on IOMMU groups, or the way to the devices of one, drawn. Loop thread. */
#include <stdio.h>

#include "base/parse.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "model/group.h"

#define LINE_SIZE    512
#define PREFIX_SIZE  128
#define MEMBERS_MAX  16 /* drawn below one bridge; a group may have thousands */
#define NAMES_IN_ROW 3

/* A verdict in words, as the daemon gives it. */
struct words {
        char verdict[WORD_MAX], reason[FAULT_TEXT_MAX], advice[FAULT_TEXT_MAX];
};

/* What one `check` is about. */
struct checked {
        enum object_kind kind;     /* of what was asked for */
        char address[BDF_STR_MAX]; /* of the VF or PF; "" for a group */
        bool has_group;
        struct view_group group;
        struct words words;  /* of the group, or of what has none */
        struct words future; /* of a PF: of VFs to come */
};

static void checked_done(struct checked *c)
{
        object_done(OBJECT_GROUP, &c->group);
}

static int no_memory(struct ctl *ctl)
{
        return failure_of_errno(&ctl->failure, -ENOMEM, "print");
}

static enum style verdict_style(const char *verdict)
{
        if (streq(verdict, "isolated"))
                return STYLE_GOOD;
        return streq(verdict, "shared") || streq(verdict, "unsafe") ? STYLE_WARN : STYLE_BAD;
}

static int verdict_status(const char *verdict)
{
        if (streq(verdict, "isolated"))
                return EXIT_DONE;
        return streq(verdict, "shared") || streq(verdict, "unsafe") ? EXIT_SHARED : EXIT_REFUSED;
}

/* ---- all groups --------------------------------------------------------------------------------
 */

/* What people call a device: "eth0", "eth0/3", or its address. */
static void device_name(const struct view *v, const char *address, char *buf, size_t size)
{
        char name[NETDEV_MAX];

        for (size_t p = 0; p < v->n_pfs; p++) {
                const struct view_pf *pf = &v->pfs[p];

                if (streq(pf->address, address)) {
                        snprintf(buf, size, "%s", view_pf_name(pf, name));
                        return;
                }
                for (size_t i = 0; i < pf->n_vfs; i++)
                        if (streq(pf->vfs[i].address, address)) {
                                snprintf(buf, size, "%s/%u", view_pf_name(pf, name),
                                        pf->vfs[i].index);
                                return;
                        }
        }
        snprintf(buf, size, "%s", address);
}

static void name_members(const struct view *v, const struct view_group *g, char *buf, size_t size)
{
        size_t n = 0, named = 0, more = 0;
        char name[NETDEV_MAX + 16];

        buf[0] = '\0';
        for (size_t i = 0; i < g->n_devices; i++) {
                if (group_is_bridge(&g->devices[i]))
                        continue;
                if (named == NAMES_IN_ROW) {
                        more++;
                        continue;
                }
                device_name(v, g->devices[i].address, name, sizeof(name));
                n += (size_t) snprintf(buf + n, size - n, "%s%s", named++ ? " " : "", name);
                if (n >= size)
                        return;
        }
        if (more > 0)
                snprintf(buf + n, size - n, " +%zu", more);
}

static int check_all(struct ctl *ctl)
{
        static const char *const columns[] = {
                ">GROUP", "VERDICT", "DEVICES", "?BREAKS AT", "REASON", NULL};
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();
        _cleanup_(table_freep) struct table *t = table_new(columns, true);
        _cleanup_(view_done) struct view view = {0};
        char names[NAME_MAX_TEXT];
        int r;

        if (!w || !t)
                return no_memory(ctl);
        r = view_load(ctl->bus, &view, &ctl->failure);
        if (r < 0)
                return r;
        json_open_array(w, NULL);
        for (size_t i = 0; i < view.n_groups; i++) {
                const struct view_group *g = &view.groups[i];

                json_open_object(w, NULL);
                object_json(w, OBJECT_GROUP, g, ALL_FIELDS);
                json_close(w);
                name_members(&view, g, names, sizeof(names));
                table_cell(t, STYLE_BOLD, "%u", g->id);
                table_cell(t, verdict_style(g->verdict), "%s", g->verdict);
                table_cell(t, STYLE_PLAIN, "%s", names);
                table_cell(t, STYLE_BAD, "%s", g->breaks_at);
                table_cell(t, STYLE_PLAIN, "%s", g->reason);
        }
        json_close(w);
        if (ctl_json(ctl))
                return print_json(w, false, &ctl->failure);
        if (view.n_groups == 0) {
                printf("There is no IOMMU group with a PF or VF here: nothing can be given to a "
                       "guest.\n");
                return EXIT_DONE;
        }
        r = table_print(t, stdout, &ctl->out);
        return r < 0 ? failure_of_errno(&ctl->failure, r, "print") : EXIT_DONE;
}

/* ---- the drawing -------------------------------------------------------------------------------
 */

struct drawing {
        const struct checked *c;
        const struct term *term;
};

static void print_line(const struct drawing *d, const char *prefix, const char *link,
        enum style style, const char *text)
{
        char clean[LINE_SIZE * 2];

        escape_text(clean, sizeof(clean), text);
        printf("%s%s%s%s%s\n", prefix, link, style_begin(d->term, style), clean,
                style_end(d->term, style));
}

/* To what is below: crossed out where the bridge above does not isolate. */
static const char *link_text(const struct drawing *d, bool last, bool broken)
{
        if (d->term->utf8)
                return broken ? (last ? "└╳ " : "├╳ ") : (last ? "└─ " : "├─ ");
        return broken ? (last ? "`x " : "|x ") : (last ? "`- " : "|- ");
}

static void hop_line(const struct drawing *d, const struct view_hop *hop, char *buf, size_t size)
{
        bool read = hop->acs != ACS_UNKNOWN;
        char acs[ACS_TEXT_MAX];
        const char *what;

        acs_format(hop->acs, acs);
        if (streq(hop->address, d->c->group.breaks_at))
                what = "isolation breaks here";
        else if (hop->isolates == 0)
                what = "does not isolate";
        else
                what = hop->isolates > 0 ? "isolates" : "can not be told";
        snprintf(buf, size, "%s  %s  ACS %s  %s%s", hop->address, hop->kind, acs, what,
                read || hop->isolates < 0 ? "" : " (by who shares groups)");
}

static bool in_the_way(const struct view_group *g, const char *address)
{
        for (size_t i = 0; i < g->in_the_way.n; i++)
                if (streq(g->in_the_way.list[i], address))
                        return true;
        return false;
}

static void draw_member(
        const struct drawing *d, const char *prefix, const char *link, const struct group_device *m)
{
        bool blocks = in_the_way(&d->c->group, m->address);
        bool asked = streq(m->address, d->c->address);
        char text[LINE_SIZE];

        snprintf(text, sizeof(text), "%s  %s  %s%s%s", m->address, pci_class_word(m->pci_class),
                m->driver[0] ? m->driver : "no driver", blocks ? "  in the way" : "",
                asked ? "  (asked for)" : "");
        print_line(d, prefix, link, blocks ? STYLE_BAD : asked ? STYLE_BOLD : STYLE_PLAIN, text);
}

/* The device is right below this bridge ("": a root bus). Bridges are hops, not members. */
static bool is_below(const struct view_group *g, size_t i, const char *bridge)
{
        return !group_is_bridge(&g->devices[i]) && i < g->above.n &&
               streq(g->above.list[i], bridge);
}

static size_t count_below(const struct view_group *g, const char *bridge, size_t after)
{
        size_t n = 0;

        for (size_t i = 0; i < g->n_devices; i++)
                n += is_below(g, i, bridge);
        for (size_t i = after; i < g->n_hops; i++)
                n += streq(g->hops[i].parent, bridge);
        return n;
}

/* Returns how many of `left` things below the bridge were drawn, those left out included. */
static size_t draw_members(
        const struct drawing *d, const char *prefix, const char *bridge, bool broken, size_t left)
{
        const struct view_group *g = &d->c->group;
        size_t n = 0, shown = 0, skipped = 0;
        char text[64];

        for (size_t i = 0; i < g->n_devices; i++)
                n += is_below(g, i, bridge);
        for (size_t i = 0, k = 0; i < g->n_devices; i++) {
                const struct group_device *m = &g->devices[i];
                bool wanted = streq(m->address, d->c->address);

                if (!is_below(g, i, bridge))
                        continue;
                k++;
                if (n > MEMBERS_MAX && !wanted && shown >= MEMBERS_MAX - 1) {
                        skipped++;
                        continue;
                }
                shown++;
                draw_member(
                        d, prefix, link_text(d, k == n && skipped == 0 && left == n, broken), m);
        }
        if (skipped > 0) {
                snprintf(text, sizeof(text), "and %zu more", skipped);
                print_line(d, prefix, link_text(d, left == n, broken), STYLE_DIM, text);
        }
        return n;
}

/* What is below hops[at], or below root buses with at == SIZE_MAX. Parents come before children. */
static void draw_below(const struct drawing *d, const char *prefix, size_t at)
{
        const struct view_group *g = &d->c->group;
        bool top = at == SIZE_MAX;
        const char *bridge = top ? "" : g->hops[at].address;
        bool broken = !top && g->hops[at].isolates == 0;
        size_t first = top ? 0 : at + 1, left = count_below(g, bridge, first);
        char deeper[PREFIX_SIZE], text[LINE_SIZE];

        left -= draw_members(d, prefix, bridge, broken, left);
        for (size_t i = first; i < g->n_hops; i++) {
                const struct view_hop *hop = &g->hops[i];
                bool last = left <= 1;

                if (!streq(hop->parent, bridge))
                        continue;
                left--;
                hop_line(d, hop, text, sizeof(text));
                print_line(d, prefix, top ? "" : link_text(d, last, broken),
                        hop->isolates == 0 ? STYLE_BAD : STYLE_PLAIN, text);
                if (strlen(prefix) + 8 >= sizeof(deeper))
                        continue;
                snprintf(deeper, sizeof(deeper), "%s%s", prefix,
                        top             ? ""
                        : last          ? "   "
                        : d->term->utf8 ? "│  "
                                        : "|  ");
                draw_below(d, deeper, i);
        }
}

static void print_words(const struct drawing *d, const char *what, const struct words *w)
{
        char text[FAULT_TEXT_MAX * 2];

        escape_text(text, sizeof(text), w->reason);
        printf("%s: %s%s%s: %s\n", what, style_begin(d->term, verdict_style(w->verdict)),
                w->verdict, style_end(d->term, verdict_style(w->verdict)), text);
}

static void print_advice(const struct words *w)
{
        char text[FAULT_TEXT_MAX * 2];

        if (!w->advice[0])
                return;
        escape_text(text, sizeof(text), w->advice);
        printf("What to do: %s\n", text);
}

static void print_notes(const struct checked *c)
{
        char text[LINE_SIZE];

        for (size_t i = 0; i < c->group.n_reserved; i++) {
                const struct reserved_region *r = &c->group.reserved[i];

                if (streq(r->type, "msi"))
                        continue;
                escape_text(text, sizeof(text), r->type);
                printf("Reserved: 0x%llx-0x%llx (%s): no guest memory can be there\n",
                        (unsigned long long) r->start, (unsigned long long) r->end, text);
        }
        if (streq(c->group.type, "identity"))
                printf("Note: DMA of host drivers is not translated (iommu.passthrough); that of "
                       "what vfio has is\n");
}

static void draw(const struct ctl *ctl, const struct checked *c)
{
        const struct drawing d = {.c = c, .term = &ctl->out};
        char what[64], name[NAME_MAX_TEXT];

        if (c->has_group)
                snprintf(what, sizeof(what), "IOMMU group %u", c->group.id);
        else {
                escape_text(name, sizeof(name), ctl_word(ctl, 0));
                snprintf(what, sizeof(what), "%.60s", name);
        }
        print_words(&d, what, &c->words);
        if (c->has_group) {
                printf("\n");
                draw_below(&d, "", SIZE_MAX);
                printf("\n");
                print_notes(c);
        }
        if (c->future.verdict[0]) {
                print_words(&d, "VFs of it would be", &c->future);
                print_advice(&c->future);
        } else
                print_advice(&c->words);
}

/* ---- one ---------------------------------------------------------------------------------------
 */

static int load_group(struct ctl *ctl, uint32_t id, struct checked *c)
{
        char path[PATH_SIZE];
        int r;

        snprintf(path, sizeof(path), BUS_ROOT "/group/%u", id);
        r = object_init(OBJECT_GROUP, &c->group, path);
        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "read the group");
        r = client_read(ctl->bus, OBJECT_GROUP, path, &c->group, &ctl->failure);
        if (r < 0 && startswith(ctl->failure.name, "Unknown"))
                return failure_of_fault(&ctl->failure,
                        &(struct fault){.code = FAULT_NOT_FOUND,
                                .text = "there is no such IOMMU group: sriovctl check shows those "
                                        "there are"},
                        -ENOENT);
        if (r < 0)
                return r;
        c->has_group = true;
        memcpy(c->words.verdict, c->group.verdict, sizeof(c->words.verdict));
        memcpy(c->words.reason, c->group.reason, sizeof(c->words.reason));
        memcpy(c->words.advice, c->group.advice, sizeof(c->words.advice));
        return 0;
}

/* What the VFs that a PF does not have yet would be. */
static int predict(struct ctl *ctl, const char *pf, struct words *ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *verdict, *reason, *advice;
        int r;

        r = client_call(ctl->bus, pf, object_table[OBJECT_PF].interface, "PredictVfs", &reply,
                &ctl->failure, NULL);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "sss", &verdict, &reason, &advice);
        if (r >= 0)
                r = str_copy(ret->verdict, sizeof(ret->verdict), verdict);
        if (r >= 0)
                r = str_copy(ret->reason, sizeof(ret->reason), reason);
        if (r >= 0)
                r = str_copy(ret->advice, sizeof(ret->advice), advice);
        return r < 0 ? failure_of_errno(&ctl->failure, r, "read the verdict") : 0;
}

static void vf_done(struct view_vf *vf)
{
        object_done(OBJECT_VF, vf);
}

static void pf_done(struct view_pf *pf)
{
        object_done(OBJECT_PF, pf);
}

static int load_vf(struct ctl *ctl, const char *path, struct checked *c)
{
        _cleanup_(vf_done) struct view_vf vf = {0};
        int r;

        r = object_init(OBJECT_VF, &vf, path);
        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "read the VF");
        r = client_read(ctl->bus, OBJECT_VF, path, &vf, &ctl->failure);
        if (r < 0)
                return r;
        memcpy(c->address, vf.address, sizeof(c->address));
        if (vf.iommu_group < 0)
                return predict(ctl, vf.pf, &c->words);
        return load_group(ctl, (uint32_t) vf.iommu_group, c);
}

static int load_pf(struct ctl *ctl, const char *path, struct checked *c)
{
        _cleanup_(pf_done) struct view_pf pf = {0};
        int r;

        r = object_init(OBJECT_PF, &pf, path);
        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "read the PF");
        r = client_read(ctl->bus, OBJECT_PF, path, &pf, &ctl->failure);
        if (r < 0)
                return r;
        memcpy(c->address, pf.address, sizeof(c->address));
        if (pf.iommu_group < 0)
                return predict(ctl, path, &c->words);
        r = load_group(ctl, (uint32_t) pf.iommu_group, c);
        return r < 0 ? r : predict(ctl, path, &c->future);
}

static int load(struct ctl *ctl, const char *name, struct checked *c)
{
        char path[PATH_SIZE];
        uint32_t group;
        int r;

        c->kind = OBJECT_GROUP;
        if (parse_u32(name, 0, INT32_MAX, &group) == 0)
                return load_group(ctl, group, c);
        r = client_find(ctl->bus, name, path, &c->kind, &ctl->failure);
        if (r < 0)
                return r;
        return c->kind == OBJECT_VF ? load_vf(ctl, path, c) : load_pf(ctl, path, c);
}

static void words_json(struct json_writer *w, const struct words *words)
{
        json_put_string(w, "verdict", words->verdict);
        json_put_string(w, "reason", words->reason);
        if (words->advice[0])
                json_put_string(w, "advice", words->advice);
}

static int check_json(struct ctl *ctl, const struct checked *c)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();

        if (!w)
                return no_memory(ctl);
        json_open_object(w, NULL);
        if (c->address[0])
                json_put_string(w, "address", c->address);
        if (c->has_group)
                object_json(w, OBJECT_GROUP, &c->group, ALL_FIELDS);
        else
                words_json(w, &c->words);
        if (c->future.verdict[0]) {
                json_open_object(w, "new_vfs");
                words_json(w, &c->future);
                json_close(w);
        }
        json_close(w);
        return print_json(w, false, &ctl->failure);
}

int cmd_check(struct ctl *ctl)
{
        _cleanup_(checked_done) struct checked c = {0};
        const char *verdict;
        int r;

        if (ctl->args.n_words < 2)
                return check_all(ctl);
        r = load(ctl, ctl_word(ctl, 0), &c);
        if (r < 0)
                return r;
        if (ctl_json(ctl)) {
                r = check_json(ctl, &c);
                if (r != EXIT_DONE)
                        return r;
        } else
                draw(ctl, &c);
        verdict = c.future.verdict[0] ? c.future.verdict : c.words.verdict;
        return verdict_status(verdict);
}
