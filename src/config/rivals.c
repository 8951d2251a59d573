/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other managers of VFs: the list, and what its readers need. Loop thread. */
#include <ctype.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "config/rivals_private.h"

#define RIVAL_FILE_MAX (256u * 1024u)
#define RIVALS_MAX     1000u

/* ---- the list -------------------------------------------------------------------------------- */

void rivals_done(struct rivals *rivals)
{
        for (size_t i = 0; i < rivals->n; i++)
                free(rivals->list[i].path);
        free(rivals->list);
        *rivals = (struct rivals){0};
}

void rival_describe(const struct rival *rival, char *buf, size_t size)
{
        char path[512];

        escape_text(path, sizeof(path), rival->path);
        switch (rival->kind) {
        case RIVAL_MANAGES:
                snprintf(buf, size, "%s: %s: %s", rival->pf, rival->manager, path);
                break;
        case RIVAL_UNREADABLE:
                snprintf(buf, size, "%s: %s can not be read", rival->manager, path);
                break;
        case RIVAL_UNCLEAR:
                snprintf(buf, size, "%s: %s does not say of which PF", rival->manager, path);
                break;
        }
}

int search_add(struct search *s, enum rival_kind kind, const struct pf_facts *pf,
        const char *manager, const char *path)
{
        struct rivals *found = s->found;
        struct rival new = {.kind = kind};
        int r;

        if (pf) {
                new.id = pf->id;
                snprintf(new.pf, sizeof(new.pf), "%s",
                        pf->n_netdevs > 0 ? pf->netdevs[0] : dev_id_address(&pf->id));
        }
        snprintf(new.manager, sizeof(new.manager), "%s", manager);
        for (size_t i = 0; i < found->n; i++)
                if (streq(found->list[i].path + 1, path) &&
                        streq(found->list[i].manager, manager) &&
                        dev_id_equal(&found->list[i].id, &new.id))
                        return 0;
        if (found->n >= RIVALS_MAX) /* what there is says enough */
                return 0;
        r = array_grow(&found->list, &found->capacity, found->n, sizeof(*found->list));
        if (r < 0)
                return r;
        new.path = join_path("", path);
        if (!new.path)
                return -ENOMEM;
        found->list[found->n++] = new;
        return 0;
}

int search_add_fitting(struct search *s, pf_fn fits, const void *userdata, bool unclear,
        const char *manager, const char *path)
{
        bool any = false;
        int r = 0;

        for (size_t i = 0; i < s->n_pfs && r == 0; i++)
                if (fits(s->pfs[i], userdata)) {
                        any = true;
                        r = search_add(s, RIVAL_MANAGES, s->pfs[i], manager, path);
                }
        if (r == 0 && !any && unclear)
                r = search_add(s, RIVAL_UNCLEAR, NULL, manager, path);
        return r;
}

/* ---- files ----------------------------------------------------------------------------------- */

char *join_path(const char *dir, const char *name)
{
        char *path;

        return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static bool ends_with(const char *s, const char *suffix)
{
        size_t n = strlen(s), k = strlen(suffix);

        return n > k && streq(s + n - k, suffix);
}

int search_names(struct search *s, const char *manager, const char *dir, const char *suffix,
        struct names *ret)
{
        struct dirent **list;
        size_t kept = 0;
        int n;

        *ret = (struct names){0};
        n = scandirat(s->root_fd, dir, &list, NULL, compare_names);
        if (n < 0) {
                if (errno == ENOMEM)
                        return -ENOMEM;
                return errno == ENOENT || errno == ENOTDIR
                               ? 0
                               : search_add(s, RIVAL_UNREADABLE, NULL, manager, dir);
        }
        for (int i = 0; i < n; i++)
                if (list[i]->d_name[0] != '.' && ends_with(list[i]->d_name, suffix))
                        list[kept++] = list[i];
                else
                        free(list[i]);
        *ret = (struct names){list, kept};
        return 0;
}

void names_done(struct names *names)
{
        for (size_t i = 0; i < names->n; i++)
                free(names->list[i]);
        free(names->list);
        *names = (struct names){0};
}

int search_read(struct search *s, const char *manager, const char *path, char **ret)
{
        struct stat st;
        int r = 0;

        *ret = NULL;
        if (fstatat(s->root_fd, path, &st, 0) < 0)
                r = -errno;
        else if (S_ISREG(st.st_mode)) /* /dev/null masks, and nobody waits for a FIFO */
                r = read_file_at(s->root_fd, path, RIVAL_FILE_MAX, ret, NULL);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0 && r != -ENOMEM)
                return search_add(s, RIVAL_UNREADABLE, NULL, manager, path);
        return r;
}

/* ---- text ------------------------------------------------------------------------------------ */

static char *trim(char *s)
{
        char *end = s + strlen(s);

        while (end > s && isspace((unsigned char) end[-1]))
                *--end = '\0';
        while (isspace((unsigned char) *s))
                s++;
        return s;
}

char *next_line(char **rest, bool continued)
{
        while (*rest) {
                char *line = *rest, *newline;

                do {
                        newline = strchr(*rest, '\n');
                        *rest = newline ? newline + 1 : NULL;
                        if (!newline || !continued || newline == line || newline[-1] != '\\')
                                break;
                        newline[-1] = newline[0] = ' ';
                } while (true);
                if (newline)
                        *newline = '\0';
                line = trim(line);
                if (*line && *line != '#' && *line != ';')
                        return line;
        }
        return NULL;
}

bool split_setting(char *line, char **ret_key, char **ret_value)
{
        char *equal = strchr(line, '=');

        if (!equal)
                return false;
        *equal = '\0';
        *ret_key = trim(line);
        *ret_value = trim(equal + 1);
        return **ret_key != '\0';
}

static bool of_word(char c)
{
        return isalnum((unsigned char) c) || c == '_' || c == '-';
}

bool has_word(const char *text, const char *word)
{
        size_t n = strlen(word);

        for (const char *at = text; n > 0 && (at = strstr(at, word)); at++)
                if ((at == text || !of_word(at[-1])) && !of_word(at[n]))
                        return true;
        return false;
}

/* ---- PFs ------------------------------------------------------------------------------------- */

bool pf_has_name(const struct pf_facts *pf, const char *pattern)
{
        for (uint32_t i = 0; i < pf->n_netdevs; i++)
                if (fnmatch(pattern, pf->netdevs[i], 0) == 0)
                        return true;
        return false;
}

bool pf_has_mac(const struct pf_facts *pf, const char *text)
{
        struct mac mac, permanent;
        char colons[MAC_STR_MAX];

        if (str_copy(colons, sizeof(colons), text) < 0)
                return false;
        for (char *c = colons; (c = strchr(c, '-'));)
                *c = ':';
        if (parse_mac(colons, &mac) < 0)
                return false;
        return (pf->has_mac && memcmp(&mac, &pf->mac, sizeof(mac)) == 0) ||
               (parse_mac(pf->permanent_mac, &permanent) == 0 &&
                       memcmp(&mac, &permanent, sizeof(mac)) == 0);
}

bool pf_in_text(const struct pf_facts *pf, const char *text)
{
        if (has_word(text, dev_id_address(&pf->id)))
                return true;
        for (uint32_t i = 0; i < pf->n_netdevs; i++)
                if (has_word(text, pf->netdevs[i]))
                        return true;
        return false;
}

/* ---- all of them ----------------------------------------------------------------------------- */

int rivals_find(int root_fd, const struct pf_facts *const *pfs, size_t n_pfs, struct rivals *ret)
{
        static int (*const readers[])(struct search *) = {
                rivals_networkmanager, rivals_networkd, rivals_netplan, rivals_scripts};
        _cleanup_(rivals_done) struct rivals found = {0};
        struct search s = {root_fd, pfs, n_pfs, &found};
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(readers) && r == 0; i++)
                r = readers[i](&s);
        if (r < 0)
                return r;
        *ret = found;
        found = (struct rivals){0};
        return 0;
}
