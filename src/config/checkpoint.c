/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checkpoint's file: records that are good together or not at all. Loop thread. */
#include <stdio.h>

#include "base/parse.h"
#include "config/journal.h"
#include "config/wishjson.h"

/* Not those of a journal: one is never taken for the other. */
enum checkpoint_record {
        CHECKPOINT_HEAD = CHECKPOINT_RECORDS, /* JSON */
        CHECKPOINT_WISH,                      /* JSON: a wish; none when it wants nothing */
        CHECKPOINT_BEFORE,                    /* a file: name, NUL, path, NUL, text */
        CHECKPOINT_INFORCE,                   /* the same */
};

void checkpoint_done(struct checkpoint *c)
{
        for (size_t i = 0; i < c->n_old; i++)
                desired_done(&c->old[i]);
        free(c->old);
        config_files_done(&c->before);
        config_files_done(&c->inforce);
        *c = (struct checkpoint){0};
}

/* ---- writing --------------------------------------------------------------------------------- */

struct encoding {
        struct records records;
        struct record record; /* boot id, and the sequence so far */
};

static int add(struct encoding *e, enum checkpoint_record type, const char *data, size_t n)
{
        e->record.type = type;
        e->record.sequence++;
        e->record.data = data;
        e->record.n = n;
        return records_add(&e->records, &e->record);
}

static int add_head(struct encoding *e, const struct checkpoint *c)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();
        _cleanup_(freep) char *text = NULL;
        int r;

        if (!w)
                return -ENOMEM;
        json_open_object(w, NULL);
        json_put_bool(w, "pending", c->pending);
        json_put_bool(w, "running", c->running);
        json_put_bool(w, "back", c->back);
        json_put_u64_text(w, "deadline_usec", c->deadline_usec);
        json_put_u64_text(w, "refused_hash", c->refused_hash);
        json_put_u64_text(w, "wishes", c->n_old);
        json_put_u64_text(w, "before", c->before.n);
        json_put_u64_text(w, "inforce", c->inforce.n);
        json_close(w);
        r = json_writer_line(w, &text);
        return r < 0 ? r : add(e, CHECKPOINT_HEAD, text, strlen(text));
}

static int add_wish(struct encoding *e, const struct desired *wish)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();
        _cleanup_(freep) char *text = NULL;
        int r;

        if (!w)
                return -ENOMEM;
        json_open_object(w, NULL);
        wish_put(w, "wish", wish);
        json_close(w);
        r = json_writer_line(w, &text);
        return r < 0 ? r : add(e, CHECKPOINT_WISH, text, strlen(text));
}

static int add_file(struct encoding *e, enum checkpoint_record type, const struct config_file *file)
{
        size_t name = strlen(file->name) + 1, path = strlen(file->path) + 1;
        _cleanup_(freep) char *data = malloc(name + path + file->n);

        if (!data)
                return -ENOMEM;
        memcpy(data, file->name, name);
        memcpy(data + name, file->path, path);
        if (file->n > 0)
                memcpy(data + name + path, file->text, file->n);
        return add(e, type, data, name + path + file->n);
}

int checkpoint_encode(const struct checkpoint *c, char **ret, size_t *ret_n)
{
        struct encoding e = {0};
        int r;

        memcpy(e.record.boot_id, c->boot_id, sizeof(e.record.boot_id));
        r = add_head(&e, c);
        for (size_t i = 0; r == 0 && i < c->n_old; i++)
                r = add_wish(&e, &c->old[i]);
        for (size_t i = 0; r == 0 && i < c->before.n; i++)
                r = add_file(&e, CHECKPOINT_BEFORE, &c->before.list[i]);
        for (size_t i = 0; r == 0 && i < c->inforce.n; i++)
                r = add_file(&e, CHECKPOINT_INFORCE, &c->inforce.list[i]);
        if (r == 0 && e.records.n > RECORD_FILE_MAX)
                r = -EFBIG;
        if (r < 0) {
                records_done(&e.records);
                return r;
        }
        *ret = e.records.bytes;
        *ret_n = e.records.n;
        return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct decoding {
        const void *data;
        size_t n, at;
        struct record record; /* the one that was read last */
        struct checkpoint c;
        uint64_t wishes, before, inforce; /* as many it says */
};

/* The next record, which must be of that type and continue the one before. */
static int next(struct decoding *d, enum checkpoint_record type)
{
        const struct record before = d->record;

        if (record_read(d->data, d->n, &d->at, &d->record) != RECORD_GOOD ||
                d->record.type != type || d->record.sequence != before.sequence + 1)
                return -EBADMSG;
        if (type != CHECKPOINT_HEAD && !streq(d->record.boot_id, before.boot_id))
                return -EBADMSG;
        return 0;
}

static int get_head(struct decoding *d, const struct json_value *o)
{
        static const char *const keys[] = {"pending", "running", "back", "deadline_usec",
                "refused_hash", "wishes", "before", "inforce", NULL};
        int r;

        r = json_check_keys(o, keys, NULL);
        if (r == 0)
                r = json_need_bool(o, "pending", &d->c.pending, NULL);
        if (r == 0)
                r = json_need_bool(o, "running", &d->c.running, NULL);
        if (r == 0)
                r = json_need_bool(o, "back", &d->c.back, NULL);
        if (r == 0)
                r = json_need_u64_text(o, "deadline_usec", &d->c.deadline_usec, NULL);
        if (r == 0)
                r = json_need_u64_text(o, "refused_hash", &d->c.refused_hash, NULL);
        if (r == 0)
                r = json_need_u64_text(o, "wishes", &d->wishes, NULL);
        if (r == 0)
                r = json_need_u64_text(o, "before", &d->before, NULL);
        return r < 0 ? r : json_need_u64_text(o, "inforce", &d->inforce, NULL);
}

static int read_head(struct decoding *d)
{
        _cleanup_(json_freep) struct json *json = NULL;
        int r;

        r = next(d, CHECKPOINT_HEAD);
        if (r < 0)
                return r;
        memcpy(d->c.boot_id, d->record.boot_id, sizeof(d->c.boot_id));
        r = json_parse(CHECKPOINT_NAME, d->record.data, d->record.n, JSON_LARGE, &json, NULL);
        return r < 0 ? r : get_head(d, json_root(json));
}

static int read_wish(struct decoding *d, size_t *capacity)
{
        _cleanup_(json_freep) struct json *json = NULL;
        struct desired wish = {0};
        int r;

        r = next(d, CHECKPOINT_WISH);
        if (r == 0)
                r = json_parse(
                        CHECKPOINT_NAME, d->record.data, d->record.n, JSON_LARGE, &json, NULL);
        if (r == 0)
                r = json_check_keys(json_root(json), (const char *const[]){"wish", NULL}, NULL);
        if (r == 0)
                r = wish_get(json_root(json), "wish", &wish);
        if (r >= 0)
                r = array_grow(&d->c.old, capacity, d->c.n_old, sizeof(*d->c.old));
        if (r < 0)
                desired_done(&wish);
        else
                d->c.old[d->c.n_old++] = wish;
        return r;
}

static int read_file(struct decoding *d, enum checkpoint_record type, struct config_files *files)
{
        const char *name, *path, *text, *end;
        int r;

        r = next(d, type);
        if (r < 0)
                return r;
        name = d->record.data;
        end = name + d->record.n;
        path = memchr(name, '\0', d->record.n);
        text = path ? memchr(path + 1, '\0', (size_t) (end - path - 1)) : NULL;
        if (!text)
                return -EBADMSG;
        path++;
        text++;
        return config_files_add(files, name, path, text, (size_t) (end - text));
}

static int read_all(struct decoding *d)
{
        size_t capacity = 0;
        int r;

        r = read_head(d);
        for (uint64_t i = 0; r == 0 && i < d->wishes; i++)
                r = read_wish(d, &capacity);
        for (uint64_t i = 0; r == 0 && i < d->before; i++)
                r = read_file(d, CHECKPOINT_BEFORE, &d->c.before);
        for (uint64_t i = 0; r == 0 && i < d->inforce; i++)
                r = read_file(d, CHECKPOINT_INFORCE, &d->c.inforce);
        if (r == 0 && d->at != d->n)
                r = -EBADMSG;
        return r;
}

int checkpoint_decode(const void *data, size_t n, struct checkpoint *ret)
{
        struct decoding d = {.data = data, .n = n};
        int r = read_all(&d);

        if (r < 0) {
                checkpoint_done(&d.c);
                return r == -ENOMEM ? r : -EBADMSG;
        }
        *ret = d.c;
        return 0;
}

int checkpoint_read(struct store *store, struct checkpoint *ret)
{
        _cleanup_(freep) char *bytes = NULL;
        size_t n;
        int r;

        r = store_read(store, CHECKPOINT_NAME, RECORD_FILE_MAX, &bytes, &n);
        return r < 0 ? r : checkpoint_decode(bytes, n, ret);
}

/* What is there and can not be read is kept. */
static int set_aside_damaged(struct store *store)
{
        _cleanup_(freep) char *bytes = NULL;
        struct checkpoint c = {0};
        size_t n;
        int r;

        r = store_read(store, CHECKPOINT_NAME, RECORD_FILE_MAX, &bytes, &n);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = checkpoint_decode(bytes, n, &c);
        checkpoint_done(&c);
        return r == -EBADMSG ? records_set_aside(store, CHECKPOINT_NAME, bytes, n) : r;
}

int checkpoint_write(struct store *store, const struct checkpoint *c)
{
        _cleanup_(freep) char *bytes = NULL;
        size_t n;
        int r;

        r = checkpoint_encode(c, &bytes, &n);
        if (r == 0)
                r = set_aside_damaged(store);
        return r < 0 ? r : store_replace(store, CHECKPOINT_NAME, bytes, n);
}

static int copy_old(const struct desired *from, size_t n, struct checkpoint *to)
{
        int r = 0;

        to->old = calloc(n + 1, sizeof(*to->old));
        if (!to->old)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < n; i++) {
                r = desired_copy(&from[i], &to->old[i]);
                if (r == 0)
                        to->n_old++;
        }
        return r;
}

int checkpoint_copy(const struct checkpoint *from, struct checkpoint *ret)
{
        struct checkpoint c = {
                .pending = from->pending,
                .running = from->running,
                .back = from->back,
                .deadline_usec = from->deadline_usec,
                .refused_hash = from->refused_hash,
        };
        int r;

        r = copy_old(from->old, from->n_old, &c);
        if (r == 0)
                r = config_files_copy(&from->before, &c.before);
        if (r == 0)
                r = config_files_copy(&from->inforce, &c.inforce);
        if (r < 0) {
                checkpoint_done(&c);
                return r;
        }
        *ret = c;
        return 0;
}
