/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration as a value. Loop thread. */
#include "base/hash.h"
#include "daemon/conf.h"

static void forget_resolved(struct conf *conf)
{
        resolved_done(&conf->resolved);
        free(conf->given_pfs);
        free(conf->absent);
        conf->resolved = (struct resolved){0};
        conf->given_pfs = NULL;
        conf->absent = NULL;
        conf->n_given_pfs = conf->n_absent = 0;
}

void conf_done(struct conf *conf)
{
        forget_resolved(conf);
        declared_done(&conf->of_dirs);
        declared_done(&conf->of_given);
        config_files_done(&conf->dirs);
        config_files_done(&conf->given);
        *conf = (struct conf){0};
}

int conf_of_files(
        struct config_files *dirs, struct config_files *given, struct conf *ret, struct fault *f)
{
        struct conf conf = {.dirs = *dirs, .given = *given};
        int r;

        *dirs = *given = (struct config_files){0};
        r = config_load(&conf.dirs, &conf.of_dirs, f);
        if (r == 0)
                r = config_load(&conf.given, &conf.of_given, f);
        if (r < 0) {
                conf_done(&conf);
                return r;
        }
        *ret = conf;
        return 0;
}

int conf_read(const char *const *dirs, struct conf *ret, struct fault *f)
{
        struct config_files files = {0}, none = {0};
        int r;

        r = config_read(dirs, &files, f);
        return r < 0 ? r : conf_of_files(&files, &none, ret, f);
}

int conf_with_given(
        const struct conf *now, const struct config_files *given, struct conf *ret, struct fault *f)
{
        struct config_files dirs = {0}, copy = {0};
        int r;

        r = config_files_copy(&now->dirs, &dirs);
        if (r == 0)
                r = config_files_copy(given, &copy);
        if (r < 0) {
                config_files_done(&dirs);
                return fault_set(f, FAULT_INTERNAL, -r, "out of memory");
        }
        return conf_of_files(&dirs, &copy, ret, f);
}

/* Moves the wishes of `from` whose PFs are not in `to` yet. */
static int add_missing(struct resolved *to, struct resolved *from)
{
        for (size_t i = 0; i < from->n; i++) {
                size_t at = 0;

                if (resolved_for(to, &from->list[i].pf))
                        continue;
                if (array_grow(&to->list, &to->capacity, to->n, sizeof(*to->list)) < 0)
                        return -ENOMEM;
                while (at < to->n && strcmp(to->list[at].pf.str, from->list[i].pf.str) < 0)
                        at++;
                memmove(to->list + at + 1, to->list + at, (to->n - at) * sizeof(*to->list));
                to->list[at] = from->list[i];
                from->list[i] = (struct desired){0};
                to->n++;
        }
        return 0;
}

static int note_given(const struct resolved *given, struct dev_id **ret, size_t *ret_n)
{
        struct dev_id *list = calloc(given->n + 1, sizeof(*list));

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < given->n; i++)
                list[i] = given->list[i].pf;
        *ret = list;
        *ret_n = given->n;
        return 0;
}

static int note_absent(const struct conf *conf, const struct resolved *given,
        const struct resolved *dirs, char (**ret)[WHERE_MAX], size_t *ret_n)
{
        char(*list)[WHERE_MAX] = calloc(given->n_absent + dirs->n_absent + 1, sizeof(*list));
        size_t n = 0;

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < given->n_absent; i++)
                memcpy(list[n++], conf->of_given.pfs[given->absent[i]].where, sizeof(*list));
        for (size_t i = 0; i < dirs->n_absent; i++)
                memcpy(list[n++], conf->of_dirs.pfs[dirs->absent[i]].where, sizeof(*list));
        *ret = list;
        *ret_n = n;
        return 0;
}

int conf_resolve(struct conf *conf, const struct state *state, struct fault *f)
{
        struct resolved given = {0}, dirs = {0};
        struct conf new = {0};
        int r;

        r = declared_resolve(&conf->of_given, state, &given, f);
        if (r == 0)
                r = declared_resolve(&conf->of_dirs, state, &dirs, f);
        if (r < 0)
                goto out;
        r = note_given(&given, &new.given_pfs, &new.n_given_pfs);
        if (r == 0)
                r = note_absent(conf, &given, &dirs, &new.absent, &new.n_absent);
        if (r == 0)
                r = add_missing(&given, &dirs);
        if (r == 0)
                r = resolved_check(&given, f);
        if (r < 0) {
                forget_resolved(&new);
                goto out;
        }
        forget_resolved(conf);
        conf->resolved = given;
        given = (struct resolved){0};
        conf->given_pfs = new.given_pfs;
        conf->n_given_pfs = new.n_given_pfs;
        conf->absent = new.absent;
        conf->n_absent = new.n_absent;
out:
        if (r == -ENOMEM)
                fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        resolved_done(&given);
        resolved_done(&dirs);
        return r;
}

uint64_t conf_hash_wish(const struct desired *wish)
{
        _cleanup_(freep) char *text = NULL;

        if (config_write(&wish, 1, NULL, &text) < 0)
                return 0;
        return hash_text(HASH_INIT, text);
}
