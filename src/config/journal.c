/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transactions to records and back, and the file of one PF. Loop thread. */
#include <stdio.h>

#include "base/parse.h"
#include "config/journal.h"
#include "config/wishjson.h"

#define JOURNAL_MAX (64u * 1024u)

void txn_done(struct txn *txn)
{
        desired_done(&txn->old);
        desired_done(&txn->wish);
        *txn = (struct txn){0};
}

void journal_state_done(struct journal_state *s)
{
        txn_done(&s->intent);
        *s = (struct journal_state){0};
}

void journal_name(const struct dev_id *pf, char *buf, size_t size)
{
        snprintf(buf, size, "%s.jrnl", pf->str);
        for (char *p = buf; p < buf + strlen(pf->str) && *p; p++)
                if (*p == '/' || *p == ':' || *p == '.')
                        *p = '_';
}

/* ---- payloads -------------------------------------------------------------------------------- */

static void put_intent(struct json_writer *w, const struct txn *txn)
{
        json_put_string(w, "kind", txn->kind);
        json_put_bool(w, "forward", txn->forward);
        json_put_bool(w, "creates", txn->creates);
        json_put_u64_text(w, "applied", txn->applied);
        wish_put(w, "old", &txn->old);
        wish_put(w, "wish", &txn->wish);
}

/* For people, and it may have been cut within a character. */
static void put_text(struct json_writer *w, const char *text)
{
        char escaped[FAULT_TEXT_MAX];

        escape_text(escaped, sizeof(escaped), text);
        json_put_string(w, "text", utf8_valid(text) ? text : escaped);
}

static int payload(const struct txn *txn, char **ret)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();

        if (!w)
                return -ENOMEM;
        json_open_object(w, NULL);
        switch (txn->type) {
        case TXN_INTENT:
                put_intent(w, txn);
                break;
        case TXN_COMMIT:
                json_put_u64_text(w, "applied", txn->applied);
                break;
        case TXN_ABORT:
                put_text(w, txn->text);
                break;
        case TXN_TYPE_MAX:
                return -EINVAL;
        }
        json_close(w);
        return json_writer_line(w, ret);
}

int journal_encode(const struct txn *txn, char **ret, size_t *ret_n)
{
        struct record record = {.type = txn->type, .sequence = txn->sequence};
        _cleanup_(freep) char *text = NULL;
        struct records records = {0};
        int r;

        if (txn->sequence == 0 || !utf8_valid(txn->kind))
                return -EINVAL;
        r = payload(txn, &text);
        if (r < 0)
                return r;
        memcpy(record.boot_id, txn->boot_id, sizeof(record.boot_id));
        record.data = text;
        record.n = strlen(text);
        r = records_add(&records, &record);
        if (r < 0)
                return r;
        *ret = records.bytes;
        *ret_n = records.n;
        return 0;
}

static int get_intent(const struct json_value *o, struct txn *txn)
{
        static const char *const keys[] = {
                "kind", "forward", "creates", "applied", "old", "wish", NULL};
        const char *kind;
        int r;

        r = json_check_keys(o, keys, NULL);
        if (r == 0)
                r = json_need_string(o, "kind", &kind, NULL);
        if (r == 0)
                r = str_copy(txn->kind, sizeof(txn->kind), kind);
        if (r == 0)
                r = json_need_bool(o, "forward", &txn->forward, NULL);
        if (r == 0)
                r = json_need_bool(o, "creates", &txn->creates, NULL);
        if (r == 0)
                r = json_need_u64_text(o, "applied", &txn->applied, NULL);
        if (r == 0)
                r = wish_get(o, "old", &txn->old);
        if (r >= 0)
                r = wish_get(o, "wish", &txn->wish);
        return r < 0 ? r : 0;
}

static int get_abort(const struct json_value *o, struct txn *txn)
{
        const char *text;
        int r;

        r = json_check_keys(o, (const char *const[]){"text", NULL}, NULL);
        if (r == 0)
                r = json_need_string(o, "text", &text, NULL);
        return r < 0 ? r : str_copy(txn->text, sizeof(txn->text), text);
}

static int get_commit(const struct json_value *o, struct txn *txn)
{
        int r = json_check_keys(o, (const char *const[]){"applied", NULL}, NULL);

        return r < 0 ? r : json_need_u64_text(o, "applied", &txn->applied, NULL);
}

/* -ENOMEM, or something else when it is not understood. */
static int txn_of_record(const struct record *record, struct txn *ret)
{
        static int (*const getters[TXN_TYPE_MAX])(const struct json_value *, struct txn *) = {
                [TXN_INTENT] = get_intent,
                [TXN_COMMIT] = get_commit,
                [TXN_ABORT] = get_abort,
        };
        _cleanup_(json_freep) struct json *json = NULL;
        struct txn txn = {.type = record->type, .sequence = record->sequence};
        int r;

        memcpy(txn.boot_id, record->boot_id, sizeof(txn.boot_id));
        r = json_parse("journal", record->data, record->n, JSON_LARGE, &json, NULL);
        if (r < 0)
                return r;
        r = getters[txn.type](json_root(json), &txn);
        if (r < 0)
                txn_done(&txn);
        else
                *ret = txn;
        return r;
}

/* ---- a journal ------------------------------------------------------------------------------- */

/* Where its records lead; no payload is looked at. */
struct walk {
        uint64_t sequence;
        struct record commit, intent; /* the last ones; data NULL: none, or not open */
        enum record_found end;
};

static void walk(const void *data, size_t n, struct walk *ret)
{
        struct record record;
        size_t at = 0;

        *ret = (struct walk){0};
        while ((ret->end = record_read(data, n, &at, &record)) == RECORD_GOOD) {
                if (record.type >= TXN_TYPE_MAX || record.sequence <= ret->sequence) {
                        ret->end = RECORD_BAD;
                        return;
                }
                ret->sequence = record.sequence;
                ret->intent = (struct record){0};
                if (record.type == TXN_INTENT)
                        ret->intent = record;
                else if (record.type == TXN_COMMIT)
                        ret->commit = record;
        }
}

/* Reads what still matters. What is not understood is forgotten, and the end is bad. */
static int understand(struct walk *w, struct txn *ret_commit, struct txn *ret_intent)
{
        int r;

        if (w->commit.data) {
                r = txn_of_record(&w->commit, ret_commit);
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        w->commit = (struct record){0};
                        w->end = RECORD_BAD;
                }
        }
        if (w->intent.data) {
                r = txn_of_record(&w->intent, ret_intent);
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        w->intent = (struct record){0};
                        w->end = RECORD_BAD;
                }
        }
        return 0;
}

static int read_journal(const void *data, size_t n, struct walk *ret, struct txn *ret_commit,
        struct txn *ret_intent)
{
        walk(data, n, ret);
        return understand(ret, ret_commit, ret_intent);
}

int journal_decode(const void *data, size_t n, const char *boot_id, struct journal_state *ret)
{
        struct txn commit = {}, intent = {0};
        struct walk w;
        int r;

        r = read_journal(data, n, &w, &commit, &intent);
        if (r < 0)
                return r;
        *ret = (struct journal_state){
                .sequence = w.sequence,
                .open = w.intent.data != NULL,
                .intent = intent,
                .applied = w.commit.data && streq(commit.boot_id, boot_id) ? commit.applied : 0,
                .damaged = w.end != RECORD_END,
        };
        return 0;
}

/* No file: no bytes. */
static int read_file(struct store *store, const char *name, char **ret, size_t *ret_n)
{
        int r = store_read(store, name, RECORD_FILE_MAX, ret, ret_n);

        if (r != -ENOENT)
                return r;
        *ret_n = 0;
        return 0;
}

int journal_read(struct store *store, const struct dev_id *pf, const char *boot_id,
        struct journal_state *ret)
{
        _cleanup_(freep) char *bytes = NULL;
        char name[DEV_ID_MAX + 8];
        size_t n;
        int r;

        journal_name(pf, name, sizeof(name));
        r = read_file(store, name, &bytes, &n);
        return r < 0 ? r : journal_decode(bytes, n, boot_id, ret);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* An intent that nobody can read is none. */
static int encode_readable(const struct txn *txn, char **ret, size_t *ret_n)
{
        _cleanup_(freep) char *bytes = NULL;
        struct txn back = {0};
        struct record record;
        size_t n, at = 0;
        int r;

        r = journal_encode(txn, &bytes, &n);
        if (r < 0)
                return r;
        if (record_read(bytes, n, &at, &record) != RECORD_GOOD)
                return -EINVAL;
        r = txn_of_record(&record, &back);
        txn_done(&back);
        if (r < 0)
                return r == -ENOMEM ? r : -EINVAL;
        *ret = TAKE_PTR(bytes);
        *ret_n = n;
        return 0;
}

/* The new record makes an open intent history, and a commit the commit before. */
static int rewrite(struct store *store, const char *name, const struct walk *w,
        const struct txn *txn, const char *record, size_t n)
{
        _cleanup_(freep) char *both = NULL;
        struct records records = {0};
        int r;

        if (!w->commit.data || txn->type == TXN_COMMIT)
                return store_replace(store, name, record, n);
        r = records_add(&records, &w->commit);
        if (r < 0)
                return r;
        both = realloc(records.bytes, records.n + n);
        if (!both) {
                records_done(&records);
                return -ENOMEM;
        }
        memcpy(both + records.n, record, n);
        return store_replace(store, name, both, records.n + n);
}

int journal_write(struct store *store, const struct dev_id *pf, const struct txn *txn)
{
        _cleanup_(freep) char *bytes = NULL, *record = NULL;
        struct txn commit = {}, intent = {0};
        char name[DEV_ID_MAX + 8];
        size_t n, n_record;
        struct walk w;
        int r;

        if (store_broken(store) < 0)
                return -EROFS;
        journal_name(pf, name, sizeof(name));
        r = encode_readable(txn, &record, &n_record);
        if (r < 0)
                return r;
        r = read_file(store, name, &bytes, &n);
        if (r < 0)
                return r;
        r = read_journal(bytes, n, &w, &commit, &intent);
        txn_done(&intent);
        if (r < 0)
                return r;
        if (txn->sequence <= w.sequence)
                return -EINVAL;
        if (w.end == RECORD_BAD) {
                r = records_set_aside(store, name, bytes, n);
                if (r < 0)
                        return r;
        }
        if (w.end != RECORD_END || n + n_record > JOURNAL_MAX)
                return rewrite(store, name, &w, txn, record, n_record);
        return store_append(store, name, record, n_record);
}
