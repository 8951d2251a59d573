/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Crash places, CRC32C, the disk that forgets, and the store on it: what is there after a crash at
 * every place, power loss behind it, and a failure of every call.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/crc32c.h"
#include "base/store.h"
#include "testdisk.h"
#include "unit.h"

/* RFC 3720, B.4. */
static void crc_vectors(void **state)
{
        static const uint8_t read_pdu[48] = {0x01,
                0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02};
        uint8_t buf[32];

        (void) state;
        memset(buf, 0, sizeof(buf));
        assert_int_equal(crc32c(0, buf, 32), 0x8a9136aa);
        memset(buf, 0xff, sizeof(buf));
        assert_int_equal(crc32c(0, buf, 32), 0x62a8ab43);
        for (unsigned i = 0; i < 32; i++)
                buf[i] = (uint8_t) i;
        assert_int_equal(crc32c(0, buf, 32), 0x46dd794e);
        for (unsigned i = 0; i < 32; i++)
                buf[i] = (uint8_t) (31 - i);
        assert_int_equal(crc32c(0, buf, 32), 0x113fdb5c);
        assert_int_equal(crc32c(0, read_pdu, 48), 0xd9963a56);
        assert_int_equal(crc32c(crc32c(0, read_pdu, 13), read_pdu + 13, 35), 0xd9963a56);
        assert_int_equal(crc32c(0, NULL, 0), 0);
}

static void count_call(void *userdata)
{
        ++*(unsigned *) userdata;
}

static void crash_places(void **state)
{
        struct crash crash;
        unsigned called = 0;

        (void) state;
        for (enum crash_place p = 0; p < CRASH_PLACE_MAX; p++) {
                assert_string_not_equal(crash_place_name(p), "");
                assert_int_equal(crash_place_from_name(crash_place_name(p)), p);
        }
        assert_string_equal(crash_place_name(CRASH_INTENT_DURABLE), "intent-durable");
        assert_int_equal(crash_place_from_name("no-such"), CRASH_PLACE_MAX);

        assert_int_equal(crash_parse("run-sent:2", &crash), 0);
        assert_int_equal(crash.place, CRASH_RUN_SENT);
        assert_int_equal(crash.after, 2);
        assert_non_null(crash.fn);
        crash.fn = count_call;
        crash.userdata = &called;
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(called, 0);
                crash_at(&crash, CRASH_RUN_SENT);
                crash_at(&crash, CRASH_RUN_ENDED);
                crash_at(NULL, CRASH_RUN_SENT);
        }
        assert_int_equal(called, 1);

        assert_int_equal(crash_parse("verified", &crash), 0);
        assert_int_equal(crash.after, 0);
        for (const char *const *bad = (const char *const[]){"", ":1", "no-such",
                     "run-sent:", "run-sent:x", "run-sent:-1", "run-sent:1:2", "run-sent ",
                     "a-name-that-is-longer-than-any-place-has", NULL};
                *bad; bad++)
                assert_true(crash_parse(*bad, &crash) < 0);
}

/* ---- what a store does, as cases ------------------------------------------------------------- */

#define NAME "a.jrnl"
#define OLD  "the old contents;"
#define NEW  "and what is new, which is longer"

enum deed { REPLACE, APPEND, REMOVE };

struct case_ {
        const char *what;
        bool exists, settled; /* the file; written by this very store before */
        enum deed deed;
};

static const struct case_ cases[] = {
        {"replace nothing", false, false, REPLACE},
        {"replace a file", true, false, REPLACE},
        {"replace a file of ours", true, true, REPLACE},
        {"append to nothing", false, false, APPEND},
        {"append to a file of another life", true, false, APPEND},
        {"append to a file of ours", true, true, APPEND},
        {"remove a file", true, false, REMOVE},
        {"remove nothing", false, false, REMOVE},
};

/* A disk on which the case can begin; store: the one that does the deed. */
static void set_up(
        const struct case_ *c, struct testdisk *disk, struct crash *crash, struct store **ret)
{
        _cleanup_(store_freep) struct store *other = NULL;

        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &other), 0);
        assert_int_equal(store_new(&testdisk_ops, disk, crash, ret), 0);
        if (!c->exists)
                return;
        assert_int_equal(
                store_replace(other, NAME, c->settled ? "x" : OLD, c->settled ? 1 : strlen(OLD)),
                0);
        if (c->settled)
                assert_int_equal(store_replace(*ret, NAME, OLD, strlen(OLD)), 0);
}

static int do_deed(const struct case_ *c, struct store *store)
{
        switch (c->deed) {
        case REPLACE:
                return store_replace(store, NAME, NEW, strlen(NEW));
        case APPEND:
                return store_append(store, NAME, NEW, strlen(NEW));
        case REMOVE:
        default:
                return store_remove(store, NAME);
        }
}

/* What a new life reads; "" and *ret_there false without a file. */
static void read_disk(struct testdisk *disk, char *buf, size_t size, bool *ret_there)
{
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t n = 0;
        int r;

        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        r = store_read(store, NAME, size - 1, &text, &n);
        assert_true(r == 0 || r == -ENOENT);
        *ret_there = r == 0;
        snprintf(buf, size, "%s", text ? text : "");
        assert_int_equal(strlen(buf), n);
}

enum outcome { IS_NEW = 1, IS_OLD = 2, IS_BETWEEN = 4 };

static unsigned outcome(const struct case_ *c, struct testdisk *disk)
{
        char buf[256], wanted[256];
        unsigned is = 0;
        bool there;

        read_disk(disk, buf, sizeof(buf), &there);
        snprintf(wanted, sizeof(wanted), "%s%s", c->deed == APPEND && c->exists ? OLD : "",
                c->deed == REMOVE ? "" : NEW);
        if (there == (c->deed != REMOVE) && streq(buf, wanted))
                is |= IS_NEW;
        if (there == c->exists && streq(buf, c->exists ? OLD : ""))
                is |= IS_OLD;
        if (is)
                return is;
        if (c->deed == APPEND && there && startswith(wanted, buf) &&
                strlen(buf) >= (c->exists ? strlen(OLD) : 0))
                return IS_BETWEEN;
        fail_msg("%s: a new life reads %s\"%s\"", c->what, there ? "" : "nothing ", buf);
        return 0;
}

/* Whatever was left, the next life works, and what it is told to be on the disk is. */
static void life_goes_on(struct testdisk *disk, uint64_t seed)
{
        _cleanup_(store_freep) struct store *store = NULL;
        char before[256], after[300], wanted[300];
        bool there;

        testdisk_heal(disk);
        read_disk(disk, before, sizeof(before), &there);
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        assert_int_equal(store_append(store, NAME, "+1", 2), 0);
        assert_int_equal(store_append(store, NAME, "+2", 2), 0);
        testdisk_power_loss(disk, seed);
        read_disk(disk, after, sizeof(after), &there);
        snprintf(wanted, sizeof(wanted), "%s+1+2", before);
        assert_string_equal(after, wanted);
}

#define SEEDS 40u

/* What the disk may hold after power loss: with many seeds, which must say all of `wanted`. */
static void after_power_loss(
        const struct case_ *c, const struct testdisk *disk, unsigned allowed, unsigned *seen)
{
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
                _cleanup_(testdisk_freep) struct testdisk *copy = testdisk_clone(disk);
                unsigned is;

                testdisk_power_loss(copy, seed);
                is = outcome(c, copy);
                if (!(is & allowed))
                        fail_msg("%s: %u after power loss with seed %u, allowed are %u", c->what,
                                is, (unsigned) seed, allowed);
                *seen |= is;
                life_goes_on(copy, seed + 1000);
        }
}

/* ---- crashes --------------------------------------------------------------------------------- */

struct snapshots {
        struct testdisk *disk;
        struct testdisk *copies[CRASH_PLACE_MAX];
};

struct snapshot_at {
        struct snapshots *all;
        enum crash_place place;
};

static void take_snapshot(void *userdata)
{
        struct snapshot_at *at = userdata;

        if (!at->all->copies[at->place])
                at->all->copies[at->place] = testdisk_clone(at->all->disk);
}

static unsigned allowed_at(enum crash_place place)
{
        switch (place) {
        case CRASH_STORE_SYNCED:
        case CRASH_STORE_REPLACED:
                return IS_NEW;
        case CRASH_STORE_WRITTEN:
                return IS_OLD | IS_BETWEEN | IS_NEW;
        case CRASH_STORE_RENAMED:
                return IS_OLD | IS_NEW;
        default:
                return IS_OLD;
        }
}

static void crash_in(const struct case_ *c, unsigned *ret_places, unsigned *seen)
{
        for (enum crash_place place = CRASH_STORE_WRITTEN; place <= CRASH_STORE_REPLACED; place++) {
                _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
                _cleanup_(store_freep) struct store *store = NULL;
                struct snapshots all = {.disk = disk};
                struct snapshot_at at = {.all = &all, .place = place};
                struct crash crash = {.place = CRASH_PLACE_MAX};
                unsigned none = 0;

                set_up(c, disk, &crash, &store);
                crash = (struct crash){.place = place, .fn = take_snapshot, .userdata = &at};
                assert_int_equal(do_deed(c, store), 0);
                after_power_loss(c, disk, IS_NEW, &none);
                if (!all.copies[place])
                        continue;
                *ret_places |= BIT(place);
                testdisk_killed(all.copies[place]);
                assert_true(outcome(c, all.copies[place]) & allowed_at(place));
                after_power_loss(c, all.copies[place], allowed_at(place), seen);
                testdisk_free(all.copies[place]);
        }
}

static void crashes(void **state)
{
        unsigned places = 0, appended = 0;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                unsigned seen = 0;

                crash_in(&cases[i], &places, &seen);
                if (cases[i].deed == APPEND && cases[i].settled)
                        appended = seen;
                else if (cases[i].deed != REMOVE)
                        assert_int_equal(seen, IS_OLD | IS_NEW);
        }
        assert_int_equal(places, BIT(CRASH_STORE_REPLACED + 1) - 1);
        assert_int_equal(appended, IS_OLD | IS_BETWEEN | IS_NEW);
}

/* The real end of a process, by name as the daemon is told. */
static void kills(void **state)
{
        (void) state;
        for (enum crash_place place = CRASH_STORE_WRITTEN; place <= CRASH_STORE_REPLACED; place++) {
                _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
                const struct case_ *c = &cases[place <= CRASH_STORE_SYNCED ? 5 : 2];
                unsigned seen = 0;
                int status;
                pid_t pid;

                pid = fork();
                if (pid == 0) {
                        struct store *store;
                        struct crash crash = {.place = CRASH_PLACE_MAX};

                        set_up(c, disk, &crash, &store);
                        if (crash_parse(crash_place_name(place), &crash) == 0)
                                do_deed(c, store);
                        _exit(1);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
                testdisk_killed(disk);
                assert_true(outcome(c, disk) & allowed_at(place));
                after_power_loss(c, disk, allowed_at(place), &seen);
        }
}

/* ---- failures -------------------------------------------------------------------------------- */

static void fail_once(const struct case_ *c, enum testdisk_call call, uint32_t nth, int error,
        uint32_t times, unsigned *seen)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(freep) char *text = NULL;
        unsigned allowed = IS_OLD | IS_NEW | IS_BETWEEN;
        size_t n;
        int r;

        set_up(c, disk, NULL, &store);
        testdisk_fail(disk, call, nth, error, times);
        r = do_deed(c, store);
        testdisk_heal(disk);
        assert_true(r == 0 || r == -error || (error == DISK_SHORT && r == -EIO));
        if (r == 0)
                allowed = IS_NEW;
        else if (store_broken(store) == 0)
                allowed = IS_OLD;
        assert_true(outcome(c, disk) & allowed);
        *seen |= r == 0 ? BIT(0) : store_broken(store) < 0 ? BIT(1) : BIT(2);

        /* A sync that failed is the end of writing, and only that, or a write not taken back. */
        assert_true((store_broken(store) < 0) == (r < 0 && call == DISK_SYNC));
        if (store_broken(store) < 0) {
                assert_int_equal(store_broken(store), -error);
                assert_int_equal(store_append(store, "b", "x", 1), -EROFS);
                assert_int_equal(store_replace(store, "b", "x", 1), -EROFS);
                assert_int_equal(store_remove(store, NAME), -EROFS);
                r = store_read(store, NAME, 1000, &text, &n);
                assert_true(r == 0 || r == -ENOENT);
        } else if (r < 0) {
                assert_int_equal(do_deed(c, store), 0);
                allowed = IS_NEW;
        }
        after_power_loss(c, disk, allowed, &(unsigned){0});
        testdisk_killed(disk);
        life_goes_on(disk, nth);
}

static void failures(void **state)
{
        static const int errors[] = {ENOSPC, EIO, EROFS, DISK_SHORT};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                unsigned seen = 0;

                for (enum testdisk_call call = 0; call < DISK_CALL_MAX; call++) {
                        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
                        _cleanup_(store_freep) struct store *store = NULL;
                        uint32_t before, n;

                        set_up(&cases[i], disk, NULL, &store);
                        before = testdisk_calls(disk, call);
                        assert_int_equal(do_deed(&cases[i], store), 0);
                        n = testdisk_calls(disk, call) - before;
                        for (uint32_t k = 0; k < n * ELEMENTSOF(errors) * 2; k++) {
                                int error = errors[k / 2 % ELEMENTSOF(errors)];

                                if (error != DISK_SHORT || call == DISK_WRITE)
                                        fail_once(&cases[i], call,
                                                k / (uint32_t) (2 * ELEMENTSOF(errors)) + 1, error,
                                                k % 2 && error != DISK_SHORT ? DISK_ALWAYS : 1,
                                                &seen);
                        }
                }
                /* both were met: broken and not broken */
                assert_int_equal(seen & (BIT(1) | BIT(2)), BIT(1) | BIT(2));
        }
}

/* A part of a record that can not be taken back: nothing may come behind it. */
static void not_taken_back(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(store_freep) struct store *store = NULL;

        (void) state;
        set_up(&cases[5], disk, NULL, &store);
        testdisk_fail(disk, DISK_WRITE, 1, DISK_SHORT, 1);
        assert_int_equal(do_deed(&cases[5], store), 0); /* the rest with the next call */

        testdisk_fail(disk, DISK_WRITE, 1, ENOSPC, 1);
        testdisk_fail(disk, DISK_TRUNCATE, 1, EIO, 1);
        assert_int_equal(store_append(store, NAME, "x", 1), -ENOSPC);
        assert_int_equal(store_broken(store), -EIO);
        assert_int_equal(store_append(store, NAME, "x", 1), -EROFS);
}

/* Its process is killed before it could notice: the next one must not build on the page cache. */
static void sync_failed_in_another_life(void **state)
{
        (void) state;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
                _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
                struct store *store;

                set_up(&cases[5], disk, NULL, &store);
                testdisk_fail(disk, DISK_SYNC, 1, EIO, 1);
                assert_int_equal(do_deed(&cases[5], store), -EIO);
                store_free(store);
                testdisk_killed(disk);
                life_goes_on(disk, seed);
        }
}

/* ---- the disk of the tests ------------------------------------------------------------------- */

static void write_file(struct testdisk *disk, const char *name, int flags, const char *text)
{
        const struct store_ops *ops = &testdisk_ops;
        int fd = ops->open(disk, name, flags, 0600);

        assert_true(fd >= 0);
        assert_int_equal(ops->write(disk, fd, text, strlen(text)), strlen(text));
        ops->close(disk, fd);
}

/* Without this the tests above would prove nothing: it must forget, and in every way. */
static void disk_forgets(void **state)
{
        const struct store_ops *ops = &testdisk_ops;
        unsigned absent = 0, empty = 0, part = 0, whole = 0, renamed = 0, truncated = 0;

        (void) state;
        for (uint64_t seed = 0; seed < 200; seed++) {
                _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
                char buf[256];
                bool there;
                int fd, dir;

                write_file(disk, "old", O_WRONLY | O_CREAT, "12345");
                fd = ops->open(disk, "old", O_WRONLY, 0);
                dir = ops->open_dir(disk);
                assert_int_equal(ops->sync(disk, fd), 0);
                assert_int_equal(ops->sync(disk, dir), 0);
                write_file(disk, NAME, O_WRONLY | O_CREAT, "0123456789");
                assert_int_equal(ops->rename(disk, "old", "new"), 0);
                assert_int_equal(ops->truncate(disk, fd, 2), 0);
                testdisk_power_loss(disk, seed);

                read_disk(disk, buf, sizeof(buf), &there);
                absent += !there;
                empty += there && buf[0] == '\0';
                part += strlen(buf) > 0 && strlen(buf) < 10;
                whole += strlen(buf) == 10;
                assert_true(startswith("0123456789", buf));
                fd = ops->open(disk, "new", O_RDONLY, 0);
                renamed += fd >= 0;
                if (fd < 0)
                        fd = ops->open(disk, "old", O_RDONLY, 0);
                assert_true(ops->size(disk, fd) == 2 || ops->size(disk, fd) == 5);
                truncated += ops->size(disk, fd) == 2;
        }
        assert_in_range(absent, 20, 180);
        assert_in_range(empty, 5, 180);
        assert_in_range(part, 5, 180);
        assert_in_range(whole, 5, 180);
        assert_in_range(renamed, 20, 180);
        assert_in_range(truncated, 20, 180);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void names(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(store_freep) struct store *store = NULL;
        char longest[102];

        (void) state;
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        memset(longest, 'a', 101);
        longest[101] = '\0';
        for (const char *const *bad = (const char *const[]){"", ".", "..", ".a", "a/b", "/a",
                     "../a", longest, NULL};
                *bad; bad++) {
                char *text;
                size_t n;

                assert_int_equal(store_read(store, *bad, 10, &text, &n), -EINVAL);
                assert_int_equal(store_append(store, *bad, "x", 1), -EINVAL);
                assert_int_equal(store_replace(store, *bad, "x", 1), -EINVAL);
                assert_int_equal(store_remove(store, *bad), -EINVAL);
        }
        longest[100] = '\0';
        assert_int_equal(store_append(store, longest, "x", 1), 0);
        assert_int_equal(testdisk_calls(disk, DISK_RENAME), 1);
}

/* The real file system, in a directory that is not there yet. */
static void real_directory(void **state)
{
        char top[] = "/tmp/test-store.XXXXXX", path[64], temporary[128], command[128];
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(freep) char *text = NULL;
        char **list, *ignored;
        struct stat st;
        size_t n;

        (void) state;
        assert_non_null(mkdtemp(top));
        snprintf(path, sizeof(path), "%s/state", top);
        assert_int_equal(store_open(path, NULL, &store), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);

        assert_int_equal(store_read(store, "a", 100, &ignored, &n), -ENOENT);
        assert_int_equal(store_append(store, "b", "one", 3), 0);
        assert_int_equal(store_append(store, "b", "two\0x", 5), 0);
        assert_int_equal(store_read(store, "b", 8, &text, &n), 0);
        assert_int_equal(n, 8);
        assert_memory_equal(text, "onetwo\0x", 9);
        assert_int_equal(store_read(store, "b", 7, &ignored, &n), -EFBIG);

        /* what a crash left: not listed, and not in the way */
        snprintf(temporary, sizeof(temporary), "%s/.a.new", path);
        assert_int_equal(symlink("/nowhere/at/all", temporary), 0);
        assert_int_equal(store_replace(store, "a", "", 0), 0);
        assert_int_equal(symlink("/nowhere/at/all", temporary), 0);
        assert_int_equal(store_list(store, &list, &n), 0);
        assert_int_equal(n, 2);
        assert_string_equal(list[0], "a");
        assert_string_equal(list[1], "b");
        free(list[0]);
        free(list[1]);
        free(list);

        assert_int_equal(store_remove(store, "b"), 0);
        assert_int_equal(store_remove(store, "b"), 0);
        assert_int_equal(store_append(store, "b", "new", 3), 0);
        freep(&text);
        assert_int_equal(store_read(store, "b", 100, &text, &n), 0);
        assert_string_equal(text, "new");
        assert_int_equal(store_broken(store), 0);
        snprintf(command, sizeof(command), "rm -r %s", top);
        assert_int_equal(system(command), 0);
        assert_int_equal(store_append(store, "b", "x", 1), -ENOENT);
        assert_int_equal(store_open("/nowhere/at/all", NULL, &(struct store *){NULL}), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(crc_vectors),
                cmocka_unit_test(crash_places),
                cmocka_unit_test(disk_forgets),
                cmocka_unit_test(crashes),
                cmocka_unit_test(kills),
                cmocka_unit_test(failures),
                cmocka_unit_test(not_taken_back),
                cmocka_unit_test(sync_failed_in_another_life),
                cmocka_unit_test(names),
                cmocka_unit_test(real_directory),
        };

        return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
