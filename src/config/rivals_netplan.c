/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netplan: "virtual-function-count:" of an entry below "ethernets:", and "link:", by which an entry
 * for a VF names its PF. The YAML is not parsed: lines in block style, their indentation and their
 * keys are all that is looked at; a file with these words anywhere else is unclear. Loop thread.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>

#include "config/rivals_private.h"

#define MANAGER "netplan"
#define DEPTH   5 /* network: ethernets: ID: match: driver: */

/* An entry below ethernets. The same ID may be in several files. */
struct entry {
        char *id, *path;
        char *name, *mac, *driver; /* of its "match:"; NULL not said */
        char *set_name;
        char *link; /* the PF of which it is a VF */
        bool counts;
};

struct entries {
        struct entry *list;
        size_t n, capacity;
};

static void entries_done(struct entries *entries)
{
        for (size_t i = 0; i < entries->n; i++) {
                struct entry *e = &entries->list[i];

                free(e->id);
                free(e->path);
                free(e->name);
                free(e->mac);
                free(e->driver);
                free(e->set_name);
                free(e->link);
        }
        free(entries->list);
        *entries = (struct entries){0};
}

/* Where a line is: the keys above it and how far they are indented. */
struct place {
        struct {
                int indent;
                const char *key;
        } above[DEPTH];
        int depth;
};

static char *unquote(char *s)
{
        size_t n = strlen(s);

        if (n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0]) {
                s[n - 1] = '\0';
                return s + 1;
        }
        return s;
}

/* "key: value  # comment" in place; the indent, -1 when it is no such line. */
static int split_line(char *line, char **ret_key, char **ret_value)
{
        char *comment = line, *end, *colon;
        int indent = (int) strspn(line, " ");

        while ((comment = strchr(comment, '#')) && comment > line &&
                !isspace((unsigned char) comment[-1]))
                comment++;
        if (comment)
                *comment = '\0';
        end = line + strlen(line);
        while (end > line + indent && isspace((unsigned char) end[-1]))
                *--end = '\0';
        line += indent;
        /* the first colon that ends a key: "a:b:" is one key */
        for (colon = strchr(line, ':'); colon && colon[1] && colon[1] != ' ' && colon[1] != '\t';)
                colon = strchr(colon + 1, ':');
        if (!colon || *line == '-' || *line == '{' || colon == line)
                return -1;
        *colon = '\0';
        *ret_key = unquote(line);
        *ret_value = unquote(colon + 1 + strspn(colon + 1, " \t"));
        return indent;
}

static bool is_at(const struct place *p, int depth, const char *key)
{
        return p->depth > depth && streq(p->above[depth].key, key);
}

static int set(char **field, const char *value)
{
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(*field);
        *field = copy;
        return 0;
}

/* A line whose place is known. */
static int take_line(
        struct entries *entries, const struct place *p, const char *path, const char *value)
{
        const char *key = p->above[p->depth - 1].key;
        struct entry *e;
        int r;

        if (!is_at(p, 0, "network") || !is_at(p, 1, "ethernets") || p->depth < 3)
                return 0;
        if (p->depth == 3) {
                r = array_grow(
                        &entries->list, &entries->capacity, entries->n, sizeof(*entries->list));
                if (r < 0)
                        return r;
                e = &entries->list[entries->n++];
                *e = (struct entry){.id = strdup(key), .path = strdup(path)};
                return e->id && e->path ? 0 : -ENOMEM;
        }
        e = &entries->list[entries->n - 1];
        if (p->depth == 4 && streq(key, "virtual-function-count"))
                e->counts = true;
        else if (p->depth == 4 && streq(key, "link"))
                return set(&e->link, value);
        else if (p->depth == 4 && streq(key, "set-name"))
                return set(&e->set_name, value);
        else if (p->depth == 5 && is_at(p, 3, "match") && streq(key, "name"))
                return set(&e->name, value);
        else if (p->depth == 5 && is_at(p, 3, "match") && streq(key, "macaddress"))
                return set(&e->mac, value);
        else if (p->depth == 5 && is_at(p, 3, "match") && streq(key, "driver"))
                return set(&e->driver, value);
        return 0;
}

/* The word that matters, at a place where we do not know what it means. */
static bool strange(const struct place *p, const char *line, const char *value)
{
        static const char word[] = "virtual-function-count";

        if (!p) /* no "key: value" */
                return has_word(line, word);
        return has_word(value, word) || (streq(p->above[p->depth - 1].key, word) &&
                                                (p->depth != 4 || !is_at(p, 1, "ethernets")));
}

static int scan(struct search *s, struct entries *entries, const char *path)
{
        _cleanup_(freep) char *text = NULL;
        struct place p = {0};
        bool unclear = false;
        char *rest, *line, *key, *value;
        int indent, r;

        r = search_read(s, MANAGER, path, &text);
        if (r < 0 || !text)
                return r;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                indent = split_line(line, &key, &value);
                if (indent < 0) {
                        unclear = unclear || strange(NULL, line, NULL);
                        continue;
                }
                while (p.depth > 0 && p.above[p.depth - 1].indent >= indent)
                        p.depth--;
                if (p.depth == DEPTH)
                        continue; /* deeper than anything of ours */
                p.above[p.depth].indent = indent;
                p.above[p.depth].key = key;
                p.depth++;
                unclear = unclear || strange(&p, line, value);
                r = take_line(entries, &p, path, value);
                if (r < 0)
                        return r;
        }
        return unclear ? search_add(s, RIVAL_UNCLEAR, NULL, MANAGER, path) : 0;
}

/* Without "match:" the ID is the interface's name. With "set-name:" it has that one by now. */
static bool fits(const struct pf_facts *pf, const void *userdata)
{
        const struct entry *e = userdata;

        if (!e->name && !e->mac && !e->driver)
                return pf_has_name(pf, e->id);
        if (e->set_name && pf_has_name(pf, e->set_name))
                return true;
        return (!e->name || pf_has_name(pf, e->name)) && (!e->mac || pf_has_mac(pf, e->mac)) &&
               (!e->driver || fnmatch(e->driver, pf->driver, 0) == 0);
}

/* The PF that an entry's "link:" names: an entry's ID, which may say more in another file. */
static int add_linked(struct search *s, const struct entries *entries, const struct entry *vf)
{
        const struct entry plain = {.id = vf->link};
        const struct entry *pf = &plain;

        for (size_t i = 0; i < entries->n; i++) {
                const struct entry *e = &entries->list[i];

                if (streq(e->id, vf->link) && (e->name || e->mac || e->driver))
                        pf = e;
        }
        return search_add_fitting(s, fits, pf, false, MANAGER, vf->path);
}

static bool in_text(const struct pf_facts *pf, const void *text)
{
        return pf_in_text(pf, text);
}

/* Units that netplan's generator makes when there is something of SR-IOV in its files. */
static int read_units(struct search *s)
{
        static const char dir[] = "run/systemd/system";
        _cleanup_(names_done) struct names names = {0};
        int r;

        r = search_names(s, MANAGER, dir, ".service", &names);
        for (size_t i = 0; i < names.n && r == 0; i++) {
                _cleanup_(freep) char *path = NULL, *text = NULL;

                if (!startswith(names.list[i]->d_name, "netplan-sriov"))
                        continue;
                path = join_path(dir, names.list[i]->d_name);
                if (!path)
                        return -ENOMEM;
                r = search_read(s, MANAGER, path, &text);
                if (r == 0 && text)
                        r = search_add_fitting(s, in_text, text, true, MANAGER, path);
        }
        return r;
}

int rivals_netplan(struct search *s)
{
        static const char *const dirs[] = {
                "etc/netplan", "run/netplan", "usr/lib/netplan", "lib/netplan"};
        _cleanup_(entries_done) struct entries entries = {0};
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(dirs) && r == 0; i++) {
                _cleanup_(names_done) struct names names = {0};

                r = search_names(s, MANAGER, dirs[i], ".yaml", &names);
                for (size_t k = 0; k < names.n && r == 0; k++) {
                        _cleanup_(freep) char *path = join_path(dirs[i], names.list[k]->d_name);

                        r = path ? scan(s, &entries, path) : -ENOMEM;
                }
        }
        for (size_t i = 0; i < entries.n && r == 0; i++) {
                const struct entry *e = &entries.list[i];

                if (e->counts)
                        r = search_add_fitting(s, fits, e, false, MANAGER, e->path);
                if (r == 0 && e->link)
                        r = add_linked(s, &entries, e);
        }
        return r < 0 ? r : read_units(s);
}
