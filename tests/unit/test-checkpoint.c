/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checkpoint: random ones there and back, every bit flipped, every truncation. */
#include "config/journal.h"
#include "randomwish.h"
#include "testdisk.h"
#include "unit.h"

static void random_files(uint64_t *seed, struct config_files *ret)
{
        char name[32], text[64];

        for (unsigned i = 0, n = pick(seed, 4); i < n; i++) {
                size_t size = pick(seed, 60);

                for (size_t k = 0; k < size; k++)
                        text[k] = (char) pick(seed, 256); /* any bytes, NUL too */
                snprintf(name, sizeof(name), "%u0-nics.json", i + 1);
                assert_int_equal(
                        config_files_add(ret, name, pick(seed, 2) ? "/etc/sriovd" : "", text, size),
                        0);
        }
}

static void random_checkpoint(uint64_t *seed, struct checkpoint *ret)
{
        struct checkpoint c = {
                .pending = pick(seed, 2), .boot_id = "6b0e6d2c-0b5e-4f2e-9a55-000000000001"};

        c.running = pick(seed, 2);
        c.back = pick(seed, 2);
        c.deadline_usec = (uint64_t) pick(seed, 1u << 31) << 33 | 1;
        c.refused_hash = pick(seed, 2) ? UINT64_MAX - pick(seed, 100) : 0;
        c.n_old = pick(seed, 4);
        c.old = calloc(c.n_old + 1, sizeof(*c.old));
        for (size_t i = 0; i < c.n_old; i++)
                random_wish(seed, &c.old[i]);
        random_files(seed, &c.before);
        random_files(seed, &c.inforce);
        *ret = c;
}

static void same_files(const struct config_files *a, const struct config_files *b)
{
        assert_int_equal(a->n, b->n);
        for (size_t i = 0; i < a->n; i++) {
                assert_string_equal(a->list[i].name, b->list[i].name);
                assert_string_equal(a->list[i].path, b->list[i].path);
                assert_int_equal(a->list[i].n, b->list[i].n);
                assert_memory_equal(a->list[i].text, b->list[i].text, a->list[i].n);
        }
}

static void same_checkpoint(const struct checkpoint *a, const struct checkpoint *b)
{
        assert_string_equal(a->boot_id, b->boot_id);
        assert_int_equal(a->pending, b->pending);
        assert_int_equal(a->running, b->running);
        assert_int_equal(a->back, b->back);
        assert_true(a->deadline_usec == b->deadline_usec);
        assert_true(a->refused_hash == b->refused_hash);
        assert_int_equal(a->n_old, b->n_old);
        for (size_t i = 0; i < a->n_old; i++)
                same_wish(&a->old[i], &b->old[i]);
        same_files(&a->before, &b->before);
        same_files(&a->inforce, &b->inforce);
}

static void round_trip(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(store_freep) struct store *store = NULL;
        struct checkpoint back;
        uint64_t seed = 5;

        (void) state;
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        assert_int_equal(checkpoint_read(store, &back), -ENOENT);
        for (unsigned i = 0; i < 500; i++) {
                _cleanup_(checkpoint_done) struct checkpoint c;

                random_checkpoint(&seed, &c);
                assert_int_equal(checkpoint_write(store, &c), 0);
                testdisk_power_loss(disk, i);
                assert_int_equal(checkpoint_read(store, &back), 0);
                same_checkpoint(&c, &back);
                checkpoint_done(&back);
        }
        assert_int_equal(testdisk_calls(disk, DISK_RENAME), 500); /* nothing was set aside */
}

/* All of it or none: a prefix of whole records is not a checkpoint either. */
static void damage(void **state)
{
        _cleanup_(checkpoint_done) struct checkpoint c = {0};
        _cleanup_(freep) char *bytes = NULL;
        struct checkpoint back;
        uint64_t seed = 8;
        size_t n;

        (void) state;
        while (c.n_old != 1 || c.old[0].n_vfs > 2 || c.before.n == 0 || c.inforce.n == 0) {
                checkpoint_done(&c);
                random_checkpoint(&seed, &c);
        }
        assert_int_equal(checkpoint_encode(&c, &bytes, &n), 0);
        assert_int_equal(checkpoint_decode(bytes, n, &back), 0);
        same_checkpoint(&c, &back);
        checkpoint_done(&back);
        for (size_t cut = 0; cut < n; cut++) {
                char *copy = malloc(cut ? cut : 1);

                memcpy(copy, bytes, cut);
                assert_int_equal(checkpoint_decode(copy, cut, &back), -EBADMSG);
                free(copy);
        }
        for (size_t bit = 0; bit < n * 8; bit++) {
                bytes[bit / 8] ^= (char) (1 << bit % 8);
                assert_int_equal(checkpoint_decode(bytes, n, &back), -EBADMSG);
                bytes[bit / 8] ^= (char) (1 << bit % 8);
        }
        bytes = realloc(bytes, n + 1);
        bytes[n] = '\0';
        assert_int_equal(checkpoint_decode(bytes, n + 1, &back), -EBADMSG);
}

static void set_aside(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(checkpoint_done) struct checkpoint c = {0};
        _cleanup_(freep) char *bad = NULL;
        struct checkpoint back;
        uint64_t seed = 8;
        size_t n;

        (void) state;
        random_checkpoint(&seed, &c);
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        assert_int_equal(store_replace(store, CHECKPOINT_NAME, "{ }", 3), 0);
        assert_int_equal(checkpoint_read(store, &back), -EBADMSG);
        assert_int_equal(checkpoint_write(store, &c), 0);
        assert_int_equal(store_read(store, CHECKPOINT_NAME ".bad", 100, &bad, &n), 0);
        assert_string_equal(bad, "{ }");
        assert_int_equal(checkpoint_read(store, &back), 0);
        same_checkpoint(&c, &back);
        checkpoint_done(&back);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(damage),
                cmocka_unit_test(set_aside),
        };

        return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
