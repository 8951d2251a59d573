/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger over a disk in memory: what the next life reads, and what a failing disk forbids. */
#include <sys/stat.h>

#include "daemon/ledger.h"
#include "randomwish.h"
#include "testdisk.h"
#include "unit.h"

#define BOOT  "6b0e6d2c-0b5e-4f2e-9a55-000000000001"
#define OTHER "6b0e6d2c-0b5e-4f2e-9a55-000000000002"

static const struct dev_id PF = {RANDOM_WISH_PF};
static const struct dev_id SECOND = {"pci/0000:3b:00.1"};

static struct ledger *life(struct testdisk *disk, const char *boot_id, struct crash *crash)
{
        struct store *store;
        struct ledger *l;

        assert_int_equal(store_new(&testdisk_ops, disk, crash, &store), 0);
        assert_int_equal(ledger_new_with(store, boot_id, crash, &l), 0);
        return l;
}

/* The process was killed, and the power cut too; then the next. */
static struct ledger *next_life(struct ledger *last, struct testdisk *disk, const char *boot_id)
{
        ledger_free(last);
        testdisk_power_loss(disk, 3);
        return life(disk, boot_id, NULL);
}

static int intend(struct ledger *l, const struct dev_id *pf, uint32_t vfs, struct fault *f)
{
        struct txn txn = {.type = TXN_ABORT, .kind = "apply", .forward = true, .creates = true};
        struct pf_facts facts = igb_facts(vfs);
        int r;

        txn.applied = 7;
        assert_int_equal(desired_of_facts(&facts, &txn.old), 0);
        assert_int_equal(desired_of_facts(&facts, &txn.wish), 0);
        txn.wish.num_vfs = 5;
        *f = FAULT_NULL;
        r = ledger_intent(l, pf, &txn, f);
        txn_done(&txn);
        pf_facts_done(&facts);
        return r;
}

static void begin(struct ledger *l, const struct dev_id *pf)
{
        struct fault f;

        assert_int_equal(intend(l, pf, 3, &f), 0);
}

static void refuses(struct ledger *l, int error)
{
        struct fault f;

        assert_int_equal(intend(l, &PF, 3, &f), -error);
        assert_int_equal(f.code, FAULT_NOT_DURABLE);
        assert_int_equal(f.error, error);
        assert_non_null(strstr(f.text, strerror(error)));
        assert_non_null(strstr(f.text, "0000:3b:00.0"));
}

static void is(struct ledger *l, const struct dev_id *pf, bool open, uint64_t applied)
{
        const struct journal_state *s = ledger_of(l, pf);

        assert_non_null(s);
        assert_int_equal(s->open, open);
        assert_true(s->applied == applied);
}

/* ---- intents --------------------------------------------------------------------------------- */

/* It is on the disk when the call returns: the power may go at once. */
static void intent_is_durable(void **state)
{
        (void) state;
        for (uint64_t seed = 0; seed < 40; seed++) {
                _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
                _cleanup_(ledger_freep) struct ledger *l = life(disk, BOOT, NULL);
                const struct journal_state *s;

                is(l, &PF, false, 0);
                begin(l, &PF);
                is(l, &PF, true, 0);
                ledger_free(l);
                testdisk_power_loss(disk, seed);
                l = life(disk, BOOT, NULL);
                s = ledger_of(l, &PF);
                assert_true(s->open);
                assert_false(s->damaged);
                assert_string_equal(s->intent.boot_id, BOOT);
                assert_string_equal(s->intent.kind, "apply");
                assert_true(s->intent.forward && s->intent.creates && s->intent.applied == 7);
                assert_int_equal(s->intent.old.num_vfs, 3);
                assert_int_equal(s->intent.old.n_vfs, 3);
                assert_int_equal(s->intent.wish.num_vfs, 5);
        }
}

static void count_place(void *userdata)
{
        unsigned *n = userdata;

        (*n)++;
}

/* The places where a power cut is tried are behind what they are named after. */
static void crash_places(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(ledger_freep) struct ledger *l = NULL;
        unsigned n = 0;
        struct crash crash = {.place = CRASH_INTENT_DURABLE, .fn = count_place, .userdata = &n};
        struct fault f;

        (void) state;
        l = life(disk, BOOT, &crash);
        assert_ptr_equal(ledger_crash(l), &crash);
        testdisk_fail(disk, DISK_WRITE, 1, ENOSPC, DISK_ALWAYS);
        assert_int_equal(intend(l, &PF, 3, &f), -ENOSPC);
        assert_int_equal(n, 0);
        testdisk_heal(disk);
        begin(l, &PF);
        assert_int_equal(n, 1);
        crash.place = CRASH_COMMITTED;
        ledger_commit(l, &PF, 42);
        assert_int_equal(n, 2);
}

static void commit_and_abort(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(ledger_freep) struct ledger *l = life(disk, BOOT, NULL);
        uint32_t syncs;

        (void) state;
        begin(l, &PF);
        begin(l, &SECOND);
        ledger_commit(l, &PF, 42);
        is(l, &PF, false, 42);
        is(l, &SECOND, true, 0);
        ledger_abort(l, &SECOND, "the driver said no");
        is(l, &SECOND, false, 0);
        begin(l, &PF);
        is(l, &PF, true, 42);
        ledger_abort(l, &PF, "no");
        is(l, &PF, false, 42); /* what it was brought to before */

        syncs = testdisk_calls(disk, DISK_SYNC);
        ledger_commit(l, &PF, 42); /* no news */
        ledger_abort(l, &PF, "nothing is open");
        ledger_abort(l, &SECOND, "nothing is open");
        assert_int_equal(testdisk_calls(disk, DISK_SYNC), syncs);
        ledger_commit(l, &PF, 43); /* without an intent: nothing had to be written to the PF */
        assert_true(testdisk_calls(disk, DISK_SYNC) > syncs);

        l = next_life(TAKE_PTR(l), disk, BOOT);
        is(l, &PF, false, 43);
        is(l, &SECOND, false, 0);
        assert_null(ledger_of(l, &PF)->intent.old.vfs);
}

/* A second job begins where an earlier life has left one open: the newer intent counts. */
static void over_an_open_intent(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(ledger_freep) struct ledger *l = life(disk, BOOT, NULL);
        struct fault f;

        (void) state;
        begin(l, &PF);
        l = next_life(TAKE_PTR(l), disk, BOOT);
        assert_int_equal(intend(l, &PF, 2, &f), 0);
        l = next_life(TAKE_PTR(l), disk, BOOT);
        is(l, &PF, true, 0);
        assert_int_equal(ledger_of(l, &PF)->intent.old.num_vfs, 2);
        ledger_commit(l, &PF, 9);
        l = next_life(TAKE_PTR(l), disk, BOOT);
        is(l, &PF, false, 9);
}

static void applied_is_of_one_boot(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(ledger_freep) struct ledger *l = life(disk, BOOT, NULL);

        (void) state;
        begin(l, &PF);
        ledger_commit(l, &PF, 42);
        begin(l, &SECOND);
        l = next_life(TAKE_PTR(l), disk, OTHER);
        assert_string_equal(ledger_boot_id(l), OTHER);
        is(l, &PF, false, 0);
        is(l, &SECOND, true, 0);
        assert_string_equal(ledger_of(l, &SECOND)->intent.boot_id, BOOT);
        ledger_abort(l, &SECOND, "the host was booted meanwhile");
        ledger_commit(l, &SECOND, 5);
        l = next_life(TAKE_PTR(l), disk, OTHER);
        is(l, &PF, false, 0);
        is(l, &SECOND, false, 5);
}

/* The backend was lost: as open as after a crash, and the intent can be read again. */
static void left(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(ledger_freep) struct ledger *l = life(disk, BOOT, NULL);

        (void) state;
        ledger_leave(l, &PF);
        is(l, &PF, false, 0);
        begin(l, &PF);
        ledger_commit(l, &PF, 42);
        begin(l, &PF);
        ledger_leave(l, &PF);
        is(l, &PF, true, 42);
        assert_int_equal(ledger_of(l, &PF)->intent.old.n_vfs, 3);
        begin(l, &PF); /* it goes on, and may be lost again */
        ledger_leave(l, &PF);
        is(l, &PF, true, 42);
        ledger_commit(l, &PF, 43);
        l = next_life(TAKE_PTR(l), disk, BOOT);
        is(l, &PF, false, 43);
}

/* ---- a disk that fails ----------------------------------------------------------------------- */

static void disk_full(void **state)
{
        static const enum testdisk_call calls[] = {DISK_OPEN, DISK_WRITE};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
                _cleanup_(ledger_freep) struct ledger *l = life(disk, BOOT, NULL);

                begin(l, &PF);
                ledger_commit(l, &PF, 42);
                testdisk_fail(disk, calls[i], 1, ENOSPC, DISK_ALWAYS);
                refuses(l, ENOSPC);
                is(l, &PF, false, 42);
                testdisk_heal(disk); /* somebody made room */
                begin(l, &PF);
                l = next_life(TAKE_PTR(l), disk, BOOT);
                is(l, &PF, true, 42);
        }
}

/* After a failed sync nobody knows what is on the disk: nothing is begun in this life. */
static void disk_broken(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(ledger_freep) struct ledger *l = life(disk, BOOT, NULL);

        (void) state;
        begin(l, &PF);
        ledger_commit(l, &PF, 42);
        testdisk_fail(disk, DISK_SYNC, 1, EIO, 1);
        refuses(l, EIO);
        is(l, &PF, false, 42);
        testdisk_heal(disk);
        refuses(l, EROFS);
        l = next_life(TAKE_PTR(l), disk, BOOT);
        begin(l, &PF);
        is(l, &PF, true, 42);
}

/* The job has ended, whatever the disk says; the next life looks once more. */
static void commit_that_is_lost(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(ledger_freep) struct ledger *l = life(disk, BOOT, NULL);

        (void) state;
        begin(l, &PF);
        testdisk_fail(disk, DISK_WRITE, 1, ENOSPC, DISK_ALWAYS);
        ledger_commit(l, &PF, 42);
        is(l, &PF, false, 42);
        testdisk_heal(disk);
        begin(l, &PF); /* behind the intent that has no end */
        l = next_life(TAKE_PTR(l), disk, BOOT);
        is(l, &PF, true, 0);
        assert_false(ledger_of(l, &PF)->damaged);
}

static void journal_not_readable(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(ledger_freep) struct ledger *l = life(disk, BOOT, NULL);
        struct fault f;

        (void) state;
        begin(l, &PF);
        l = next_life(TAKE_PTR(l), disk, BOOT);
        testdisk_fail(disk, DISK_READ, 1, EIO, DISK_ALWAYS);
        is(l, &PF, false, 0); /* what is on the hardware counts */
        assert_true(intend(l, &PF, 3, &f) < 0);
        assert_int_equal(f.code, FAULT_NOT_DURABLE);
        is(l, &PF, false, 0);
}

static void no_directory(void **state)
{
        _cleanup_(ledger_freep) struct ledger *l = NULL;
        struct checkpoint c = {.pending = true};
        struct fault f = FAULT_NULL;

        (void) state;
        assert_int_equal(ledger_new("/proc/nothing/here", BOOT, NULL, &l), 0);
        assert_string_equal(ledger_boot_id(l), BOOT);
        is(l, &PF, false, 0);
        refuses(l, ENOENT);
        is(l, &PF, false, 0);
        ledger_commit(l, &PF, 42); /* read as it is: nothing was written to the PF */
        is(l, &PF, false, 42);
        ledger_leave(l, &PF);
        assert_int_equal(ledger_set_checkpoint(l, &c, &f), -ENOENT);
        assert_int_equal(f.code, FAULT_NOT_DURABLE);
        assert_false(ledger_checkpoint(l)->pending);
}

static void real_directory(void **state)
{
        char dir[] = "/tmp/test-ledger-XXXXXX", path[64], command[64];
        _cleanup_(ledger_freep) struct ledger *l = NULL;
        struct stat st;

        (void) state;
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof(path), "%s/state", dir);
        assert_int_equal(ledger_new(path, "", NULL, &l), 0);
        assert_int_equal(strlen(ledger_boot_id(l)), 36); /* the kernel's */
        begin(l, &PF);
        ledger_free(l);
        assert_int_equal(ledger_new(path, "", NULL, &l), 0);
        is(l, &PF, true, 0);
        snprintf(path, sizeof(path), "%s/state/pci_0000_3b_00_0.jrnl", dir);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 077, 0);
        snprintf(command, sizeof(command), "rm -r %s", dir);
        assert_int_equal(system(command), 0);
}

static void boot_id_too_long(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        struct store *store;
        struct ledger *l;

        (void) state;
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        assert_true(ledger_new_with(store, BOOT BOOT BOOT, NULL, &l) < 0);
}

/* ---- the checkpoint -------------------------------------------------------------------------- */

/* In force before: a file of a directory, and one of the same name that came with an Apply. */
static void some_checkpoint(struct checkpoint *ret, uint64_t deadline)
{
        uint64_t seed = deadline;

        *ret = (struct checkpoint){.pending = true, .deadline_usec = deadline};
        ret->old = calloc(1, sizeof(*ret->old));
        random_wish(&seed, ret->old);
        ret->n_old = 1;
        assert_int_equal(
                config_files_add(&ret->before, "10.json", "/etc/sriovd/10.json", "{}", 2), 0);
        assert_int_equal(config_files_add(&ret->before, "10.json", "", "{ }", 3), 0);
        assert_int_equal(config_files_add(&ret->inforce, "10.json", "", "{  }", 4), 0);
}

static void has_checkpoint(const struct ledger *l, uint64_t deadline)
{
        const struct checkpoint *c = ledger_checkpoint(l);

        assert_true(c->deadline_usec == deadline);
        assert_true(c->pending == (deadline != 0));
        assert_int_equal(c->n_old, deadline ? 1 : 0);
        assert_int_equal(c->before.n, deadline ? 2 : 0);
        assert_int_equal(c->inforce.n, deadline ? 1 : 0);
        if (deadline == 0)
                return;
        assert_string_equal(c->boot_id, BOOT);
        assert_string_equal(c->before.list[0].path, "/etc/sriovd/10.json");
        assert_string_equal(c->before.list[0].text, "{}");
        assert_string_equal(c->before.list[1].path, "");
        assert_string_equal(c->before.list[1].text, "{ }");
        assert_string_equal(c->inforce.list[0].text, "{  }");
}

static void checkpoint_is_kept(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(ledger_freep) struct ledger *l = life(disk, BOOT, NULL);
        struct fault f = FAULT_NULL;
        struct checkpoint c;

        (void) state;
        has_checkpoint(l, 0);
        for (uint64_t deadline = 100; deadline < 103; deadline++) {
                some_checkpoint(&c, deadline);
                assert_int_equal(ledger_set_checkpoint(l, &c, &f), 0);
                assert_null(c.old); /* moved */
                has_checkpoint(l, deadline);
                l = next_life(TAKE_PTR(l), disk, BOOT);
                has_checkpoint(l, deadline);
        }
        l = next_life(TAKE_PTR(l), disk, OTHER);
        has_checkpoint(l, 102); /* its boot id tells */
}

static void checkpoint_that_fails(void **state)
{
        static const struct {
                enum testdisk_call call;
                int error;
        } cases[] = {
                {DISK_WRITE, ENOSPC}, {DISK_OPEN, EMFILE}, {DISK_SYNC, EIO}, {DISK_RENAME, EIO}};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
                _cleanup_(ledger_freep) struct ledger *l = life(disk, BOOT, NULL);
                struct fault f = FAULT_NULL;
                struct checkpoint c;

                some_checkpoint(&c, 100);
                assert_int_equal(ledger_set_checkpoint(l, &c, &f), 0);
                some_checkpoint(&c, 200);
                testdisk_fail(disk, cases[i].call, 1, cases[i].error, DISK_ALWAYS);
                assert_int_equal(ledger_set_checkpoint(l, &c, &f), -cases[i].error);
                assert_int_equal(f.code, FAULT_NOT_DURABLE);
                assert_non_null(strstr(f.text, strerror(cases[i].error)));
                assert_null(c.old); /* moved all the same */
                has_checkpoint(l, 100);
                testdisk_heal(disk);
                l = next_life(TAKE_PTR(l), disk, BOOT);
                has_checkpoint(l, 100);
        }
}

static void checkpoint_not_readable(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(ledger_freep) struct ledger *l = NULL;
        _cleanup_(store_freep) struct store *store = NULL;
        struct fault f = FAULT_NULL;
        struct checkpoint c;

        (void) state;
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        assert_int_equal(store_replace(store, CHECKPOINT_NAME, "rubbish", 7), 0);
        l = life(disk, BOOT, NULL);
        has_checkpoint(l, 0);
        some_checkpoint(&c, 100);
        assert_int_equal(ledger_set_checkpoint(l, &c, &f), 0);
        l = next_life(TAKE_PTR(l), disk, BOOT);
        has_checkpoint(l, 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(intent_is_durable),
                cmocka_unit_test(crash_places),
                cmocka_unit_test(commit_and_abort),
                cmocka_unit_test(over_an_open_intent),
                cmocka_unit_test(applied_is_of_one_boot),
                cmocka_unit_test(left),
                cmocka_unit_test(disk_full),
                cmocka_unit_test(disk_broken),
                cmocka_unit_test(commit_that_is_lost),
                cmocka_unit_test(journal_not_readable),
                cmocka_unit_test(no_directory),
                cmocka_unit_test(real_directory),
                cmocka_unit_test(boot_id_too_long),
                cmocka_unit_test(checkpoint_is_kept),
                cmocka_unit_test(checkpoint_that_fails),
                cmocka_unit_test(checkpoint_not_readable),
        };

        return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
