/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The book of leases to bytes and back. Loop thread. */
#include "config/leasebook.h"
#include "config/config_private.h"
#include "config/record.h"
#include "config/wishjson.h"

enum leasebook_record {
        LEASEBOOK_HEAD = LEASEBOOK_RECORDS, /* JSON: last_id, leases */
        LEASEBOOK_LEASE,                    /* JSON */
};

/* ---- writing --------------------------------------------------------------------------------- */

/* The records, and the one that was added last: its sequence. */
struct encoding {
        struct records records;
        uint64_t sequence;
};

static int add(struct encoding *e, enum leasebook_record type, struct json_writer *w)
{
        _cleanup_(freep) char *text = NULL;
        struct record record = {.type = type, .sequence = ++e->sequence};
        int r;

        r = json_writer_line(w, &text);
        if (r < 0)
                return r;
        record.data = text;
        record.n = strlen(text);
        return records_add(&e->records, &record);
}

static int add_head(struct encoding *e, const struct lease_book *book)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();

        if (!w)
                return -ENOMEM;
        json_open_object(w, NULL);
        json_put_u64_text(w, "last_id", book->last_id);
        json_put_u64_text(w, "leases", book->n);
        json_close(w);
        return add(e, LEASEBOOK_HEAD, w);
}

static void put_attrs(struct json_writer *w, const char *key, const struct vf_attrs *attrs)
{
        json_open_object(w, key);
        config_put_attrs(w, attrs);
        json_close(w);
}

static int add_lease(struct encoding *e, const struct lease *lease)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();
        char why[FAULT_TEXT_MAX];

        if (!w)
                return -ENOMEM;
        escape_text(why, sizeof(why), lease->why);
        json_open_object(w, NULL);
        json_put_u64_text(w, "id", lease->id);
        json_put_string(w, "state", lease_state_name(lease->state));
        json_put_string(w, "pf", lease->pf.str);
        json_put_u64(w, "vf", lease->vf);
        json_put_u64(w, "vendor_id", lease->vendor_id);
        json_put_u64(w, "device_id", lease->device_id);
        json_put_string(w, "owner", lease_owner_name(lease->owner));
        json_put_string(w, "bus_name", lease->bus_name);
        json_put_i64(w, "pid", lease->pid);
        json_put_u64(w, "uid", lease->uid);
        json_put_string(w, "label", lease->label);
        json_put_string(w, "driver", lease->driver);
        put_attrs(w, "attrs", &lease->attrs);
        put_attrs(w, "baseline", &lease->baseline);
        json_put_string(w, "baseline_driver", lease->baseline_driver);
        json_put_string(w, "baseline_override", lease->baseline_override);
        json_put_string(w, "boot_id", lease->boot_id);
        json_put_u64_text(w, "since_usec", lease->since_usec);
        json_put_bool(w, "given", lease->given);
        json_put_u64(w, "attempts", lease->attempts);
        json_put_string(w, "why", why);
        json_close(w);
        return add(e, LEASEBOOK_LEASE, w);
}

static int add_all(struct encoding *e, const struct lease_book *book)
{
        uint64_t before = 0;
        int r = add_head(e, book);

        for (size_t i = 0; r == 0 && i < book->n; i++) {
                const struct lease *lease = &book->list[i];

                if (lease_check(lease) < 0 || lease->id <= before || lease->id > book->last_id ||
                        lease_book_of_vf(book, &lease->pf, lease->vf) != lease)
                        return -EINVAL;
                before = lease->id;
                r = add_lease(e, lease);
        }
        return r == 0 && e->records.n > RECORD_FILE_MAX ? -EFBIG : r;
}

int leasebook_encode(const struct lease_book *book, char **ret, size_t *ret_n)
{
        struct encoding e = {0};
        int r = add_all(&e, book);

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
        uint64_t sequence; /* of the record that was read last */
        uint64_t last_id, leases;
        struct lease_book book;
};

/* The next record as JSON, which must be of that type and continue the one before. */
static int next(struct decoding *d, enum leasebook_record type, struct json **ret)
{
        struct record record;

        if (record_read(d->data, d->n, &d->at, &record) != RECORD_GOOD || record.type != type ||
                record.sequence != d->sequence + 1 || record.boot_id[0])
                return -EBADMSG;
        d->sequence = record.sequence;
        return json_parse(LEASEBOOK_NAME, record.data, record.n, 0, ret, NULL);
}

static int read_head(struct decoding *d)
{
        static const char *const keys[] = {"last_id", "leases", NULL};
        _cleanup_(json_freep) struct json *json = NULL;
        int r;

        r = next(d, LEASEBOOK_HEAD, &json);
        if (r == 0)
                r = json_check_keys(json_root(json), keys, NULL);
        if (r == 0)
                r = json_need_u64_text(json_root(json), "last_id", &d->last_id, NULL);
        return r < 0 ? r : json_need_u64_text(json_root(json), "leases", &d->leases, NULL);
}

/* A member that has to be there, and 0 or negative: what is read after a failure is not looked at,
 * so that a lease reads as a list. */
struct members {
        const struct json_value *object;
        int r;
};

static void get_text(struct members *m, const char *key, char *buf, size_t size)
{
        const char *text;

        if (m->r == 0)
                m->r = json_need_string(m->object, key, &text, NULL);
        if (m->r == 0)
                m->r = str_copy(buf, size, text);
}

static uint32_t get_u32(struct members *m, const char *key, uint32_t max)
{
        uint32_t value = 0;

        if (m->r == 0 && json_opt_u32(m->object, key, 0, max, &value, NULL) != 1)
                m->r = -EINVAL;
        return value;
}

static uint64_t get_u64(struct members *m, const char *key)
{
        uint64_t value = 0;

        if (m->r == 0)
                m->r = json_need_u64_text(m->object, key, &value, NULL);
        return value;
}

static void get_attrs(struct members *m, const char *key, struct vf_attrs *attrs)
{
        const struct json_value *v;

        if (m->r == 0)
                m->r = json_require(m->object, key, &v, NULL);
        if (m->r == 0)
                m->r = wish_get_attrs(v, attrs);
}

static int get_lease(const struct json_value *o, struct lease *ret)
{
        static const char *const keys[] = {"id", "state", "pf", "vf", "vendor_id", "device_id",
                "owner", "bus_name", "pid", "uid", "label", "driver", "attrs", "baseline",
                "baseline_driver", "baseline_override", "boot_id", "since_usec", "given",
                "attempts", "why", NULL};
        struct members m = {.object = o, .r = json_check_keys(o, keys, NULL)};
        struct lease lease = {.id = get_u64(&m, "id")};
        char state[WORD_MAX] = "", owner[WORD_MAX] = "";

        get_text(&m, "state", state, sizeof(state));
        get_text(&m, "pf", lease.pf.str, sizeof(lease.pf.str));
        lease.vf = get_u32(&m, "vf", UINT32_MAX);
        lease.vendor_id = (uint16_t) get_u32(&m, "vendor_id", UINT16_MAX);
        lease.device_id = (uint16_t) get_u32(&m, "device_id", UINT16_MAX);
        get_text(&m, "owner", owner, sizeof(owner));
        get_text(&m, "bus_name", lease.bus_name, sizeof(lease.bus_name));
        lease.pid = (int32_t) get_u32(&m, "pid", INT32_MAX);
        lease.uid = get_u32(&m, "uid", UINT32_MAX);
        get_text(&m, "label", lease.label, sizeof(lease.label));
        get_text(&m, "driver", lease.driver, sizeof(lease.driver));
        get_attrs(&m, "attrs", &lease.attrs);
        get_attrs(&m, "baseline", &lease.baseline);
        get_text(&m, "baseline_driver", lease.baseline_driver, sizeof(lease.baseline_driver));
        get_text(&m, "baseline_override", lease.baseline_override, sizeof(lease.baseline_override));
        get_text(&m, "boot_id", lease.boot_id, sizeof(lease.boot_id));
        lease.since_usec = get_u64(&m, "since_usec");
        if (m.r == 0)
                m.r = json_need_bool(o, "given", &lease.given, NULL);
        lease.attempts = get_u32(&m, "attempts", UINT32_MAX);
        get_text(&m, "why", lease.why, sizeof(lease.why));
        if (m.r < 0)
                return m.r;
        lease.state = lease_state_from_name(state);
        lease.owner = lease_owner_from_name(owner);
        *ret = lease;
        return 0;
}

static int read_lease(struct decoding *d)
{
        _cleanup_(json_freep) struct json *json = NULL;
        struct lease lease;
        int r;

        r = next(d, LEASEBOOK_LEASE, &json);
        if (r == 0)
                r = get_lease(json_root(json), &lease);
        if (r < 0)
                return r;
        if (lease.id <= d->book.last_id || lease.id > d->last_id)
                return -EBADMSG;
        d->book.last_id = lease.id - 1; /* so that it gets its own id again */
        return lease_book_add(&d->book, &lease, NULL);
}

int leasebook_decode(const void *data, size_t n, struct lease_book *ret)
{
        struct decoding d = {.data = data, .n = n};
        int r = read_head(&d);

        for (uint64_t i = 0; r == 0 && i < d.leases; i++)
                r = read_lease(&d);
        if (r == 0 && d.at != n)
                r = -EBADMSG;
        if (r < 0) {
                lease_book_done(&d.book);
                return r == -ENOMEM ? r : -EBADMSG;
        }
        d.book.last_id = d.last_id;
        *ret = d.book;
        return 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

int leasebook_read(struct store *store, struct lease_book *ret)
{
        _cleanup_(freep) char *bytes = NULL;
        size_t n;
        int r, kept;

        r = store_read(store, LEASEBOOK_NAME, RECORD_FILE_MAX, &bytes, &n);
        if (r == 0)
                r = leasebook_decode(bytes, n, ret);
        if (r != -EBADMSG)
                return r;
        kept = records_set_aside(store, LEASEBOOK_NAME, bytes, n);
        return kept < 0 ? kept : r;
}

int leasebook_write(struct store *store, const struct lease_book *book)
{
        _cleanup_(freep) char *bytes = NULL;
        size_t n;
        int r;

        r = leasebook_encode(book, &bytes, &n);
        return r < 0 ? r : store_replace(store, LEASEBOOK_NAME, bytes, n);
}
