/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd's .link files (udev applies them) and .network files (systemd-networkd) with settings of
 * VFs: systemd.link(5), systemd.network(5). Of the files of a kind the first that fits a PF is the
 * one that counts for it. Loop thread.
 */
#include <fnmatch.h>
#include <stdio.h>

#include "config/rivals_private.h"

static const char *const dirs[] = {"etc/systemd/network", "run/systemd/network",
        "usr/local/lib/systemd/network", "usr/lib/systemd/network"};

/* A file or a drop-in. */
struct piece {
        char *path, *text;
};

struct unit {
        char *name;
        struct piece *pieces;
        size_t n, capacity;
};

struct units {
        const char *manager;
        struct unit *list; /* in byte order of their names */
        size_t n, capacity;
};

static void units_done(struct units *units)
{
        for (size_t i = 0; i < units->n; i++) {
                for (size_t k = 0; k < units->list[i].n; k++) {
                        free(units->list[i].pieces[k].path);
                        free(units->list[i].pieces[k].text);
                }
                free(units->list[i].pieces);
                free(units->list[i].name);
        }
        free(units->list);
        *units = (struct units){0};
}

/* ---- reading --------------------------------------------------------------------------------- */

static int add_piece(struct search *s, const struct units *units, struct unit *unit,
        const char *dir, const char *name)
{
        _cleanup_(freep) char *path = join_path(dir, name), *text = NULL;
        int r;

        if (!path)
                return -ENOMEM;
        r = search_read(s, units->manager, path, &text);
        if (r == 0)
                r = array_grow(&unit->pieces, &unit->capacity, unit->n, sizeof(*unit->pieces));
        if (r < 0 || !text)
                return r;
        unit->pieces[unit->n++] = (struct piece){TAKE_PTR(path), TAKE_PTR(text)};
        return 0;
}

static int add_drop_ins(struct search *s, const struct units *units, struct unit *unit)
{
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(dirs) && r == 0; i++) {
                _cleanup_(names_done) struct names names = {0};
                _cleanup_(freep) char *dir = NULL;

                if (asprintf(&dir, "%s/%s.d", dirs[i], unit->name) < 0)
                        return -ENOMEM;
                r = search_names(s, units->manager, dir, ".conf", &names);
                for (size_t k = 0; k < names.n && r == 0; k++)
                        r = add_piece(s, units, unit, dir, names.list[k]->d_name);
        }
        return r;
}

/* A name that is known already was in a directory that comes first. */
static int add_unit(struct search *s, struct units *units, const char *dir, const char *name)
{
        struct unit *unit;
        int r;

        for (size_t i = 0; i < units->n; i++)
                if (streq(units->list[i].name, name))
                        return 0;
        r = array_grow(&units->list, &units->capacity, units->n, sizeof(*units->list));
        if (r < 0)
                return r;
        unit = &units->list[units->n];
        *unit = (struct unit){.name = strdup(name)};
        if (!unit->name)
                return -ENOMEM;
        units->n++;
        r = add_piece(s, units, unit, dir, name);
        return r == 0 && unit->n > 0 ? add_drop_ins(s, units, unit) : r;
}

static int compare_units(const void *a, const void *b)
{
        return strcmp(((const struct unit *) a)->name, ((const struct unit *) b)->name);
}

static int read_units(struct search *s, const char *suffix, struct units *units)
{
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(dirs) && r == 0; i++) {
                _cleanup_(names_done) struct names names = {0};

                r = search_names(s, units->manager, dirs[i], suffix, &names);
                for (size_t k = 0; k < names.n && r == 0; k++)
                        r = add_unit(s, units, dirs[i], names.list[k]->d_name);
        }
        if (units->n > 1)
                qsort(units->list, units->n, sizeof(*units->list), compare_units);
        return r;
}

/* ---- judging --------------------------------------------------------------------------------- */

enum { MATCH_NAME, MATCH_MAC, MATCH_PERMANENT_MAC, MATCH_PATH, MATCH_DRIVER, MATCH_MAX };

static const struct {
        const char *key;
        int what;
} match_keys[] = {{"Name", MATCH_NAME}, {"OriginalName", MATCH_NAME}, {"MACAddress", MATCH_MAC},
        {"PermanentMACAddress", MATCH_PERMANENT_MAC}, {"Path", MATCH_PATH},
        {"Driver", MATCH_DRIVER}};

/* What a unit says, for one PF. */
struct verdict {
        const struct pf_facts *pf;
        struct {
                bool given, negated, hit;
        } keys[MATCH_MAX];
        bool others;       /* [Match] has keys that are not judged here */
        const char *sriov; /* path of the piece that sets something of VFs */
};

static bool word_fits(const struct pf_facts *pf, int what, const char *word)
{
        char path[BDF_STR_MAX + sizeof("pci-")];

        switch (what) {
        case MATCH_NAME:
                return pf_has_name(pf, word);
        case MATCH_MAC:
        case MATCH_PERMANENT_MAC:
                return pf_has_mac(pf, word);
        case MATCH_PATH: /* ID_PATH of udev's path_id */
                snprintf(path, sizeof(path), "pci-%s", dev_id_address(&pf->id));
                return fnmatch(word, path, 0) == 0;
        default:
                return fnmatch(word, pf->driver, 0) == 0;
        }
}

static void take_match(struct verdict *v, const char *key, char *value)
{
        int what = -1;
        char *word;

        for (size_t i = 0; i < ELEMENTSOF(match_keys); i++)
                if (streq(match_keys[i].key, key))
                        what = match_keys[i].what;
        if (what < 0) {
                v->others = true;
                return;
        }
        v->keys[what].given = *value != '\0'; /* an empty one takes back what was there */
        if (*value == '\0')
                v->keys[what].hit = v->keys[what].negated = false;
        if (*value == '!') {
                v->keys[what].negated = true;
                value++;
        }
        while ((word = strsep(&value, " \t")))
                if (*word)
                        v->keys[what].hit = v->keys[what].hit || word_fits(v->pf, what, word);
}

static int judge_piece(struct verdict *v, const struct piece *piece)
{
        _cleanup_(freep) char *text = strdup(piece->text);
        const char *section = "";
        char *rest = text, *line, *key, *value;

        if (!text)
                return -ENOMEM;
        while ((line = next_line(&rest, true))) {
                size_t n = strlen(line);

                if (line[0] == '[' && line[n - 1] == ']') {
                        line[n - 1] = '\0';
                        section = line + 1;
                        continue;
                }
                if (!split_setting(line, &key, &value))
                        continue;
                if (streq(section, "Match"))
                        take_match(v, key, value);
                else if ((streq(section, "SR-IOV") && streq(key, "VirtualFunction")) ||
                         (streq(section, "Link") && streq(key, "SR-IOVVirtualFunctions") && *value))
                        v->sriov = v->sriov ?: piece->path;
        }
        return 0;
}

static bool fits(const struct verdict *v)
{
        bool any = v->others;

        for (unsigned i = 0; i < MATCH_MAX; i++) {
                any = any || v->keys[i].given;
                if (v->keys[i].given && v->keys[i].hit == v->keys[i].negated)
                        return false;
        }
        return any;
}

static int judge(struct search *s, const struct units *units, const struct pf_facts *pf)
{
        int r = 0;

        for (size_t i = 0; i < units->n; i++) {
                const struct unit *unit = &units->list[i];
                struct verdict v = {.pf = pf};

                for (size_t k = 0; k < unit->n && r == 0; k++)
                        r = judge_piece(&v, &unit->pieces[k]);
                if (r == 0 && fits(&v) && v.sriov)
                        r = search_add(s, RIVAL_MANAGES, pf, units->manager, v.sriov);
                if (r < 0 || (fits(&v) && !v.others))
                        return r;
        }
        return 0;
}

int rivals_networkd(struct search *s)
{
        static const struct {
                const char *manager, *suffix;
        } kinds[] = {{"systemd-udevd", ".link"}, {"systemd-networkd", ".network"}};
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(kinds) && r == 0; i++) {
                _cleanup_(units_done) struct units units = {.manager = kinds[i].manager};

                r = read_units(s, kinds[i].suffix, &units);
                for (size_t k = 0; k < s->n_pfs && r == 0; k++)
                        if (s->pfs[k]->n_netdevs > 0)
                                r = judge(s, &units, s->pfs[k]);
        }
        return r;
}
