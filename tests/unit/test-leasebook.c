/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The book of leases on disk: random ones there and back, every bit flipped, every truncation, and
 * every key wrong behind good CRCs. */
#include <inttypes.h>

#include "config/leasebook.h"
#include "config/record.h"
#include "randomwish.h"
#include "testdisk.h"
#include "unit.h"

#define LEASES 6

static void random_attrs(uint64_t *seed, struct vf_attrs *ret)
{
        struct desired wish;

        do {
                random_wish(seed, &wish);
                if (wish.n_vfs > 0)
                        *ret = wish.vfs[0].attrs;
                desired_done(&wish);
        } while (ret->present == 0);
}

static struct lease random_lease(uint64_t *seed, uint32_t vf)
{
        static const char *const texts[] = {"", "vm-web", "\xc3\xa4 \"%s\" \\ {x}"};
        struct lease l = {
                .state = 1 + pick(seed, LEASE_STATE_MAX - 1),
                .pf = {RANDOM_WISH_PF},
                .vf = vf,
                .vendor_id = (uint16_t) pick(seed, 65536),
                .device_id = (uint16_t) pick(seed, 65536),
                .owner = pick(seed, LEASE_OWNER_MAX),
                .uid = pick(seed, UINT32_MAX),
                .boot_id = "6b0e6d2c-0b5e-4f2e-9a55-000000000001",
                .since_usec = (uint64_t) pick(seed, UINT32_MAX) << 20 | 1,
                .given = pick(seed, 2),
                .attempts = pick(seed, UINT32_MAX),
        };

        if (l.owner == LEASE_OWNER_BUS)
                snprintf(l.bus_name, sizeof(l.bus_name), ":1.%u", pick(seed, 100000));
        if (l.owner == LEASE_OWNER_PID)
                l.pid = 1 + (int32_t) pick(seed, INT32_MAX);
        snprintf(l.label, sizeof(l.label), "%s", texts[pick(seed, 3)]);
        snprintf(l.why, sizeof(l.why), "%s", texts[pick(seed, 3)]);
        snprintf(l.driver, sizeof(l.driver), "%s", pick(seed, 2) ? "vfio-pci" : "");
        snprintf(l.baseline_driver, DRIVER_MAX, "%s", pick(seed, 2) ? "igbvf" : "none");
        snprintf(l.baseline_override, DRIVER_MAX, "%s", texts[pick(seed, 3)]);
        if (pick(seed, 2))
                random_attrs(seed, &l.attrs);
        random_attrs(seed, &l.baseline);
        l.baseline.reset = 0;
        l.baseline.mac.b[0] |= (uint8_t) pick(seed, 2); /* a reading: also what no wish may be */
        return l;
}

static void random_book(uint64_t *seed, uint32_t n, struct lease_book *ret)
{
        struct lease_book book = {.last_id = pick(seed, 2) ? pick(seed, 100) : UINT64_MAX - 400};

        for (uint32_t vf = 0; vf < n; vf++) {
                const struct lease l = random_lease(seed, vf);

                assert_int_equal(lease_book_add(&book, &l, NULL), 0);
                lease_book_skip_ids(&book, book.last_id + pick(seed, 3));
        }
        for (size_t i = book.n; i-- > 0;)
                if (pick(seed, 4) == 0)
                        lease_book_remove(&book, book.list[i].id);
        *ret = book;
}

static void same_lease(const struct lease *a, const struct lease *b)
{
        assert_true(a->id == b->id && a->state == b->state && a->vf == b->vf);
        assert_true(dev_id_equal(&a->pf, &b->pf));
        assert_true(a->vendor_id == b->vendor_id && a->device_id == b->device_id);
        assert_true(a->owner == b->owner && a->pid == b->pid && a->uid == b->uid);
        assert_string_equal(a->bus_name, b->bus_name);
        assert_string_equal(a->label, b->label);
        assert_string_equal(a->driver, b->driver);
        assert_true(vf_attrs_equal(&a->attrs, &b->attrs));
        assert_true(vf_attrs_equal(&a->baseline, &b->baseline));
        assert_string_equal(a->baseline_driver, b->baseline_driver);
        assert_string_equal(a->baseline_override, b->baseline_override);
        assert_string_equal(a->boot_id, b->boot_id);
        assert_true(a->since_usec == b->since_usec && a->attempts == b->attempts);
        assert_int_equal(a->given, b->given);
        assert_string_equal(a->why, b->why);
}

static void same_book(const struct lease_book *a, const struct lease_book *b)
{
        assert_int_equal(a->n, b->n);
        assert_true(a->last_id == b->last_id);
        for (size_t i = 0; i < a->n; i++)
                same_lease(&a->list[i], &b->list[i]);
}

static void round_trip(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(store_freep) struct store *store = NULL;
        struct lease_book back;
        uint64_t seed = 5;

        (void) state;
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        assert_int_equal(leasebook_read(store, &back), -ENOENT);
        for (unsigned i = 0; i < 500; i++) {
                _cleanup_(lease_book_done) struct lease_book book;

                random_book(&seed, pick(&seed, LEASES), &book);
                assert_int_equal(leasebook_write(store, &book), 0);
                testdisk_power_loss(disk, i);
                assert_int_equal(leasebook_read(store, &back), 0);
                same_book(&book, &back);
                lease_book_done(&back);
        }
}

static void refused(const void *bytes, size_t n)
{
        struct lease_book back = {.last_id = 77};

        assert_int_equal(leasebook_decode(bytes, n, &back), -EBADMSG);
        assert_true(back.last_id == 77 && !back.list);
}

/* All of it or none: a prefix of whole records is no book either. */
static void damage(void **state)
{
        _cleanup_(lease_book_done) struct lease_book book = {0};
        _cleanup_(freep) char *bytes = NULL;
        uint64_t seed = 8;
        size_t n;

        (void) state;
        while (book.n != 2) {
                lease_book_done(&book);
                random_book(&seed, 3, &book);
        }
        assert_int_equal(leasebook_encode(&book, &bytes, &n), 0);
        for (size_t cut = 0; cut < n; cut++) {
                char *copy = malloc(cut ? cut : 1);

                memcpy(copy, bytes, cut);
                refused(copy, cut);
                free(copy);
        }
        for (size_t bit = 0; bit < n * 8; bit++) {
                bytes[bit / 8] ^= (char) (1 << bit % 8);
                refused(bytes, n);
                bytes[bit / 8] ^= (char) (1 << bit % 8);
        }
        bytes = realloc(bytes, n + 1);
        bytes[n] = '\0';
        refused(bytes, n + 1);
}

/* ---- good CRCs around bad contents -------------------------------------------------------------
 */

#define HEAD  LEASEBOOK_RECORDS
#define LEASE (LEASEBOOK_RECORDS + 1)

static void put(struct records *to, unsigned type, uint64_t sequence, const char *text)
{
        const struct record r = {
                .type = type, .sequence = sequence, .data = text, .n = strlen(text)};

        assert_int_equal(records_add(to, &r), 0);
}

/* A text in which the first FROM is TO; it has to be there. */
static char *with(const char *text, const char *from, const char *to)
{
        const char *at = strstr(text, from);
        char *out;

        if (!at)
                fail_msg("%s is not in %s", from, text);
        assert_true(asprintf(&out, "%.*s%s%s", (int) (at - text), text, to, at + strlen(from)) > 0);
        return out;
}

static const char good_head[] = "{\"last_id\":\"9\",\"leases\":\"1\"}";
static const char good_lease[] =
        "{\"id\":\"9\",\"state\":\"leased\",\"pf\":\"pci/"
        "0000:3b:00.0\",\"vf\":3,\"vendor_id\":32902,"
        "\"device_id\":4297,\"owner\":\"pid\",\"bus_name\":\"\",\"pid\":4242,\"uid\":107,"
        "\"label\":\"web\",\"driver\":\"vfio-pci\",\"attrs\":{\"vlan\":7,\"trust\":\"baseline\"},"
        "\"baseline\":{\"mac\":\"00:00:00:00:00:00\",\"spoofchk\":true},\"baseline_driver\":"
        "\"igbvf\","
        "\"baseline_override\":\"\",\"boot_id\":\"6b0e\",\"since_usec\":\"1\",\"given\":true,"
        "\"attempts\":0,"
        "\"why\":\"\"}";

static int decode(const char *head, const char *lease, struct lease_book *ret)
{
        _cleanup_(records_done) struct records records = {0};

        put(&records, HEAD, 1, head);
        put(&records, LEASE, 2, lease);
        return leasebook_decode(records.bytes, records.n, ret);
}

static const char *const bad_heads[][2] = {
        {"\"9\"", "9"},
        {"\"9\"", "\"8\""},
        {"\"9\"", "\"-1\""},
        {"\"9\"", "\"09\""},
        {"\"1\"", "\"0\""},
        {"\"1\"", "\"2\""},
        {"\"1\"", "\"18446744073709551616\""},
        {"\"last_id\"", "\"first_id\""},
        {"{", "{\"more\":1,"},
        {"}", ""},
        {"}", "}}"},
        {"{\"last_id\":\"9\",", "{"},
};

static const char *const bad_leases[][2] = {
        {"{\"id\"", "{\"more\":1,\"id\""},
        {"{\"id\":\"9\",", "{"},
        {"\"id\":\"9\"", "\"id\":9"},
        {"\"id\":\"9\"", "\"id\":\"0\""},
        {"\"id\":\"9\"", "\"id\":\"10\""},
        {"\"leased\"", "\"free\""},
        {"\"leased\"", "\"Leased\""},
        {"\"leased\"", "\"?\""},
        {"\"leased\"", "2"},
        {"pci/0000:3b:00.0", "pci/0000:3b:00.8"},
        {"pci/0000", "0000"},
        {"\"vf\":3", "\"vf\":65535"},
        {"\"vf\":3", "\"vf\":-1"},
        {"\"vf\":3", "\"vf\":\"3\""},
        {"32902", "65536"},
        {"4297", "65536"},
        {"\"pid\",", "\"nobody\","},
        {"\"pid\",", "\"bus\","},
        {"\"pid\",", "\"persistent\","},
        {"\"bus_name\":\"\"", "\"bus_name\":\":1.4\""},
        {"4242", "0"},
        {"4242", "-1"},
        {"4242", "2147483648"},
        {"107", "4294967295"},
        {"107", "4294967296"},
        {"\"web\"", "\"w\\u0000b\""},
        {"\"web\"", "\"w\\u001bb\""},
        {"\"web\"", "null"},
        {"\"vfio-pci\"", "\"../x\""},
        {"\"vlan\":7", "\"vlan\":4095"},
        {"\"vlan\":7", "\"vlna\":7"},
        {"\"vlan\":7", "\"vlan\":true"},
        {"\"vlan\":7", "\"vlan\":7,\"vlan\":7"},
        {"\"vlan\":7", "\"min_tx_rate\":2,\"max_tx_rate\":1"},
        {"{\"vlan\":7,", "[{\"vlan\":7,"},
        {"\"spoofchk\":true", "\"spoofchk\":\"baseline\""},
        {"\"spoofchk\":true", "\"spoofchk\":1"},
        {"\"igbvf\"", "\"\""},
        {"\"baseline_driver\":\"igbvf\",", ""},
        {"6b0e", ""},
        {"6b0e", "6/0e"},
        {"6b0e", "0123456789012345678901234567890123456789"},
        {"\"1\"", "1"},
        {"\"1\"", "\"\""},
        {"\"attempts\":0", "\"attempts\":4294967296"},
        {"\"given\":true,", ""},
        {"\"given\":true", "\"given\":1"},
        {",\"why\":\"\"", ""},
};

static void bad_contents(void **state)
{
        struct lease_book back = {0};

        (void) state;
        assert_int_equal(decode(good_head, good_lease, &back), 0);
        assert_true(back.n == 1 && back.last_id == 9 && back.list[0].id == 9);
        assert_true(back.list[0].attrs.vlan == 7 && back.list[0].attrs.reset == BIT(VF_ATTR_TRUST));
        lease_book_done(&back);
        for (size_t i = 0; i < ELEMENTSOF(bad_heads); i++) {
                _cleanup_(freep) char *head = with(good_head, bad_heads[i][0], bad_heads[i][1]);

                if (decode(head, good_lease, &back) != -EBADMSG)
                        fail_msg("taken: %s", head);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad_leases); i++) {
                _cleanup_(freep) char *lease = with(good_lease, bad_leases[i][0], bad_leases[i][1]);

                if (decode(good_head, lease, &back) != -EBADMSG)
                        fail_msg("taken: %s", lease);
        }
}

/* Two leases with the first one's id and VF, and the second one's. */
static int decode_two(const char *id, const char *vf, const char *id2, const char *vf2)
{
        _cleanup_(records_done) struct records records = {0};
        _cleanup_(freep) char *a = with(good_lease, "\"id\":\"9\"", id);
        _cleanup_(freep) char *b = with(good_lease, "\"id\":\"9\"", id2);
        _cleanup_(freep) char *first = with(a, "\"vf\":3", vf), *second = with(b, "\"vf\":3", vf2);
        _cleanup_(lease_book_done) struct lease_book back = {0};

        put(&records, HEAD, 1, "{\"last_id\":\"9\",\"leases\":\"2\"}");
        put(&records, LEASE, 2, first);
        put(&records, LEASE, 3, second);
        return leasebook_decode(records.bytes, records.n, &back);
}

static void order(void **state)
{
        _cleanup_(records_done) struct records records = {0};

        (void) state;
        assert_int_equal(decode_two("\"id\":\"8\"", "\"vf\":3", "\"id\":\"9\"", "\"vf\":4"), 0);
        assert_int_equal(decode_two("\"id\":\"1\"", "\"vf\":9", "\"id\":\"9\"", "\"vf\":4"), 0);
        assert_int_equal(
                decode_two("\"id\":\"8\"", "\"vf\":3", "\"id\":\"9\"", "\"vf\":3"), -EBADMSG);
        assert_int_equal(
                decode_two("\"id\":\"8\"", "\"vf\":3", "\"id\":\"8\"", "\"vf\":4"), -EBADMSG);
        assert_int_equal(
                decode_two("\"id\":\"9\"", "\"vf\":3", "\"id\":\"8\"", "\"vf\":4"), -EBADMSG);
        put(&records, HEAD, 2, good_head);
        put(&records, LEASE, 3, good_lease);
        refused(records.bytes, records.n);
        records_done(&records);
        put(&records, HEAD, 1, good_head);
        put(&records, LEASE, 3, good_lease);
        refused(records.bytes, records.n);
        records_done(&records);
        put(&records, HEAD, 1, good_head);
        put(&records, HEAD, 2, good_lease);
        refused(records.bytes, records.n);
        records_done(&records);
        put(&records, HEAD, 1, good_head);
        put(&records, LEASE, 2, good_lease);
        put(&records, LEASE, 3, good_lease);
        refused(records.bytes, records.n);
}

/* ---- what can not be written, and what can not be read -----------------------------------------
 */

static void not_written(void **state)
{
        _cleanup_(lease_book_done) struct lease_book book = {0};
        uint64_t seed = 1;
        struct lease l = random_lease(&seed, 0), *is;
        char *bytes;
        size_t n;

        (void) state;
        assert_int_equal(lease_book_add(&book, &l, NULL), 0);
        l.vf = 1;
        assert_int_equal(lease_book_add(&book, &l, &is), 0);
        is->state = LEASE_FREE;
        assert_int_equal(leasebook_encode(&book, &bytes, &n), -EINVAL);
        is->state = LEASE_DIRTY;
        is->vf = 0;
        assert_int_equal(leasebook_encode(&book, &bytes, &n), -EINVAL);
        is->vf = 1;
        is->id = 1;
        assert_int_equal(leasebook_encode(&book, &bytes, &n), -EINVAL);
        is->id = 3;
        assert_int_equal(leasebook_encode(&book, &bytes, &n), -EINVAL);
        is->id = 2;
        assert_int_equal(leasebook_encode(&book, &bytes, &n), 0);
        free(bytes);
}

/* A text for people does not stand in the way. */
static void any_why(void **state)
{
        _cleanup_(lease_book_done) struct lease_book book = {0}, back = {0};
        _cleanup_(freep) char *bytes = NULL;
        uint64_t seed = 1;
        struct lease l = random_lease(&seed, 0);
        size_t n;

        (void) state;
        memset(l.why, '\xff', sizeof(l.why) - 1);
        assert_int_equal(lease_book_add(&book, &l, NULL), 0);
        assert_int_equal(leasebook_encode(&book, &bytes, &n), 0);
        assert_int_equal(leasebook_decode(bytes, n, &back), 0);
        assert_true(startswith(back.list[0].why, "\\xff\\xff"));
}

static void set_aside(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(lease_book_done) struct lease_book book = {0}, back = {0};
        _cleanup_(freep) char *bad = NULL;
        uint64_t seed = 8;
        size_t n;

        (void) state;
        random_book(&seed, 3, &book);
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        assert_int_equal(store_replace(store, LEASEBOOK_NAME, "{ }", 3), 0);
        assert_int_equal(leasebook_read(store, &back), -EBADMSG);
        assert_int_equal(leasebook_read(store, &back), -EBADMSG); /* until it is written over */
        assert_int_equal(store_read(store, LEASEBOOK_NAME ".bad", 100, &bad, &n), 0);
        assert_string_equal(bad, "{ }");
        assert_int_equal(leasebook_write(store, &book), 0);
        assert_int_equal(leasebook_read(store, &back), 0);
        same_book(&book, &back);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(damage),
                cmocka_unit_test(bad_contents),
                cmocka_unit_test(order),
                cmocka_unit_test(not_written),
                cmocka_unit_test(any_why),
                cmocka_unit_test(set_aside),
        };

        return cmocka_run_group_tests_name("leasebook", tests, NULL, NULL);
}
