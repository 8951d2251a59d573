/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leases: every rule of their states, what a lease may be, the book, and who may get which VF. */
#include "model/lease.h"
#include "unit.h"

/* ---- states ------------------------------------------------------------------------------------
 */

/*
 * All that changes something or is known to change nothing; what is not here makes no sense. "*":
 * from every state to free. "p" at the end: of a persistent lease alone, "n": of no such.
 */
static const char *const rules[] = {
        "free acquire preparing",
        "free restart free",
        "preparing prepared leased",
        "preparing not-prepared dirty",
        "preparing release dirty",
        "preparing restart preparing p",
        "preparing restart dirty n",
        "preparing reboot preparing p",
        "leased release dirty",
        "leased restart leased",
        "leased reboot preparing p",
        "dirty scrub scrubbing",
        "dirty restart dirty",
        "scrubbing scrubbed free",
        "scrubbing scrub-later dirty",
        "scrubbing scrub-failed quarantined",
        "scrubbing restart dirty",
        "quarantined forgive dirty",
        "quarantined restart quarantined",
        "* vf-gone free",
        "* reboot free",
};

/* By the first rule that is about it; NULL: none. */
static const char *rule_for(const char *from, const char *event, bool persistent, char to[32])
{
        for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
                char a[32], b[32], whose = ' ';

                assert_true(sscanf(rules[i], "%31s %31s %31s %c", a, b, to, &whose) >= 3);
                if ((streq(a, from) || streq(a, "*")) && streq(b, event) &&
                        (whose == ' ' || (whose == 'p') == persistent))
                        return to;
        }
        return NULL;
}

static void every_triple(void **state)
{
        unsigned moves = 0;

        (void) state;
        for (unsigned from = 0; from < LEASE_STATE_MAX; from++)
                for (unsigned event = 0; event < LEASE_EVENT_MAX; event++)
                        for (unsigned persistent = 0; persistent < 2; persistent++) {
                                enum lease_state to = LEASE_STATE_MAX;
                                char text[32];
                                const char *wanted = rule_for(lease_state_name(from),
                                        lease_event_name(event), persistent, text);
                                int r = lease_step(from, event, persistent, &to);

                                assert_int_equal(r, wanted ? 0 : -EINVAL);
                                assert_string_equal(lease_state_name(to), wanted ? wanted : "?");
                                moves += wanted != NULL;
                        }
        assert_int_equal(moves, 56);
}

static void out_of_range(void **state)
{
        enum lease_state to = LEASE_QUARANTINED;

        (void) state;
        assert_int_equal(lease_step(LEASE_STATE_MAX, LEASE_RESTART, false, &to), -EINVAL);
        assert_int_equal(lease_step((enum lease_state) - 1, LEASE_RESTART, false, &to), -EINVAL);
        assert_int_equal(lease_step(LEASE_FREE, LEASE_EVENT_MAX, false, &to), -EINVAL);
        assert_int_equal(lease_step(LEASE_FREE, (enum lease_event) - 1, false, &to), -EINVAL);
        assert_int_equal(to, LEASE_QUARANTINED);
}

static void names(void **state)
{
        (void) state;
        for (unsigned i = 0; i < LEASE_STATE_MAX; i++)
                assert_int_equal(lease_state_from_name(lease_state_name(i)), i);
        for (unsigned i = 0; i < LEASE_OWNER_MAX; i++)
                assert_int_equal(lease_owner_from_name(lease_owner_name(i)), i);
        assert_int_equal(lease_state_from_name("?"), LEASE_STATE_MAX);
        assert_int_equal(lease_state_from_name(""), LEASE_STATE_MAX);
        assert_int_equal(lease_owner_from_name("Bus"), LEASE_OWNER_MAX);
        assert_string_equal(lease_state_name(LEASE_STATE_MAX), "?");
        assert_string_equal(lease_event_name(LEASE_EVENT_MAX), "?");
        assert_string_equal(lease_owner_name(LEASE_OWNER_MAX), "?");
}

/* ---- what a lease may be -----------------------------------------------------------------------
 */

static struct lease a_lease(uint32_t vf)
{
        return (struct lease){
                .state = LEASE_PREPARING,
                .pf = {"pci/0000:01:00.0"},
                .vf = vf,
                .owner = LEASE_OWNER_BUS,
                .bus_name = ":1.42",
                .uid = 64055,
                .label = "vm-web",
                .baseline = vf_attrs_baseline,
                .baseline_driver = "igbvf",
                .boot_id = "6b0e6d2c-0b5e-4f2e-9a55-000000000001",
        };
}

static void owners(void **state)
{
        struct lease lease = a_lease(0);
        char text[LEASE_OWNER_TEXT_MAX];

        (void) state;
        lease_describe_owner(&lease, text, sizeof(text));
        assert_string_equal(text, "bus :1.42");
        lease.owner = LEASE_OWNER_PID;
        lease.pid = 4242;
        lease_describe_owner(&lease, text, sizeof(text));
        assert_string_equal(text, "pid 4242");
        lease.owner = LEASE_OWNER_PERSISTENT;
        lease_describe_owner(&lease, text, sizeof(text));
        assert_string_equal(text, "persistent");
}

static void labels_and_pools(void **state)
{
        static const char *const good[] = {"", "a", "vm web \xc3\xa4 %s", "\xf0\x9f\x90\xa7",
                "sixty-three-bytes-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
        static const char *const bad[] = {"a\n", "\t", "\x7f", "\x1b[0m", "\xc2\x85", "\xff",
                "\xed\xa0\x80", "\xc3", "a\x01",
                "sixty-four-bytes-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                "sixty-three-and-half-a-character-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xc3\xa4"};
        static const char *const pools[] = {
                "", "a b", "a/b", "\xc3\xa4", "a\n", "thirty-two-letters-xxxxxxxxxxxxx"};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(lease_label_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(lease_label_valid(bad[i]));
        assert_int_equal(strlen(good[4]), LEASE_LABEL_MAX - 1);
        assert_int_equal(strlen(bad[9]), LEASE_LABEL_MAX);
        for (size_t i = 0; i < ELEMENTSOF(pools); i++)
                assert_false(lease_pool_valid(pools[i]));
        assert_true(lease_pool_valid("7") && lease_pool_valid("Web_a.1-2"));
        assert_true(lease_pool_valid("thirty-one-letters-xxxxxxxxxxxx"));
}

static void refuse(const struct lease *lease)
{
        assert_int_equal(lease_check(lease), -EINVAL);
}

#define BAD(member, value)                                                                         \
        do {                                                                                       \
                struct lease bad_ = a_lease(0);                                                    \
                                                                                                   \
                bad_.member = (value);                                                             \
                refuse(&bad_);                                                                     \
        } while (0)

#define BAD_TEXT(member, text)                                                                     \
        do {                                                                                       \
                struct lease bad_ = a_lease(0);                                                    \
                                                                                                   \
                snprintf(bad_.member, sizeof(bad_.member), "%s", text);                            \
                refuse(&bad_);                                                                     \
        } while (0)

static void checked(void **state)
{
        struct lease lease = a_lease(VFS_MAX - 1);

        (void) state;
        assert_int_equal(lease_check(&lease), 0);
        lease.owner = LEASE_OWNER_PID;
        refuse(&lease); /* no pid, and a bus name */
        lease.pid = 1;
        refuse(&lease);
        lease.bus_name[0] = '\0';
        assert_int_equal(lease_check(&lease), 0);
        lease.owner = LEASE_OWNER_PERSISTENT;
        refuse(&lease);
        lease.pid = 0;
        assert_int_equal(lease_check(&lease), 0);
        BAD(state, LEASE_FREE);
        BAD(state, LEASE_STATE_MAX);
        BAD(state, (enum lease_state) - 1);
        BAD(owner, LEASE_OWNER_MAX);
        BAD(owner, (enum lease_owner) - 1);
        BAD(vf, VFS_MAX);
        BAD(pid, 7);
        BAD(pid, -1);
        BAD(uid, UINT32_MAX);
        BAD(attrs.reset, BIT(VF_ATTR_MAX));
        BAD(baseline.present, BIT(VF_ATTR_MAX));
        BAD(baseline.reset, BIT(VF_ATTR_VLAN));
        BAD_TEXT(pf.str, "pci/0000:01:00");
        BAD_TEXT(pf.str, "");
        BAD_TEXT(bus_name, "");
        BAD_TEXT(bus_name, ":");
        BAD_TEXT(bus_name, "org.example");
        BAD_TEXT(bus_name, ":1.4 2");
        BAD_TEXT(label, "a\nb");
        BAD_TEXT(driver, "../x");
        BAD_TEXT(baseline_driver, "");
        BAD_TEXT(baseline_override, "\xff");
        BAD_TEXT(boot_id, "");
        BAD_TEXT(boot_id, "a b");
        lease = a_lease(0);
        lease.attrs.present = lease.attrs.reset = BIT(VF_ATTR_VLAN);
        refuse(&lease);
        lease = a_lease(0);
        lease.attrs =
                (struct vf_attrs){.present = BIT(VF_ATTR_MIN_TX_RATE) | BIT(VF_ATTR_MAX_TX_RATE),
                        .min_tx_rate = 2,
                        .max_tx_rate = 1};
        refuse(&lease);
        lease.baseline = lease.attrs; /* a reading may be what no wish may be */
        lease.attrs = (struct vf_attrs){0};
        assert_int_equal(lease_check(&lease), 0);
}

/* ---- the book ----------------------------------------------------------------------------------
 */

#define MANY 300

/* Beside it a plain list of what must be there. */
static void book_and_list(void **state)
{
        _cleanup_(lease_book_done) struct lease_book book = {0};
        uint64_t of_vf[MANY] = {0}, next = 1, seed = 3;

        (void) state;
        for (unsigned i = 0; i < 20000; i++) {
                uint32_t vf = (uint32_t) (seed >> 33) % MANY;
                struct lease lease = a_lease(vf), *is = NULL;
                size_t n = 0;

                if (seed & BIT(20)) {
                        assert_int_equal(
                                lease_book_add(&book, &lease, &is), of_vf[vf] ? -EEXIST : 0);
                        if (is) {
                                assert_true(is->id == next && is->vf == vf);
                                of_vf[vf] = next++;
                        }
                } else {
                        lease_book_remove(&book, of_vf[vf]); /* also of 0: nothing */
                        assert_null(lease_book_find(&book, of_vf[vf]));
                        of_vf[vf] = 0;
                }
                for (unsigned k = 0; k < MANY; k++)
                        n += of_vf[k] != 0;
                assert_int_equal(book.n, n);
                assert_true(book.last_id == next - 1);
                is = lease_book_of_vf(&book, &lease.pf, vf);
                assert_true((is ? is->id : 0) == of_vf[vf]);
                assert_ptr_equal(is, of_vf[vf] ? lease_book_find(&book, of_vf[vf]) : NULL);
        }
        for (size_t i = 1; i < book.n; i++)
                assert_true(book.list[i - 1].id < book.list[i].id);
}

static void book_refuses(void **state)
{
        _cleanup_(lease_book_done) struct lease_book book = {0}, copy = {0};
        struct lease lease = a_lease(0), *is;

        (void) state;
        assert_int_equal(lease_book_add(&book, &lease, NULL), 0);
        lease.pf = (struct dev_id){"pci/0000:02:00.0"};
        assert_int_equal(lease_book_add(&book, &lease, &is), 0); /* another PF's VF 0 */
        assert_true(is->id == 2);
        lease.uid = UINT32_MAX;
        lease.vf = 1;
        assert_int_equal(lease_book_add(&book, &lease, NULL), -EINVAL);
        assert_true(book.n == 2 && book.last_id == 2);
        assert_int_equal(lease_book_copy(&book, &copy), 0);
        lease_book_remove(&book, 1);
        assert_true(copy.n == 2 && lease_book_find(&copy, 1) && copy.last_id == 2);
        lease_book_skip_ids(&book, 1);
        assert_true(book.last_id == 2);
        lease_book_skip_ids(&book, 1795285504000000);
        assert_int_equal(lease_book_add(&book, &(struct lease){0}, NULL), -EINVAL);
        lease = a_lease(5);
        assert_int_equal(lease_book_add(&book, &lease, &is), 0);
        assert_true(is->id == 1795285504000001);
        lease_book_skip_ids(&book, UINT64_MAX);
        lease = a_lease(6);
        assert_int_equal(lease_book_add(&book, &lease, &is), -EOVERFLOW);
}

/* ---- who may get which VF ----------------------------------------------------------------------
 */

struct asked {
        struct lease_book book;
        struct lease_selector selector;
        struct pf_facts pf;
        const char *pool;
};

static void asked_done(struct asked *a)
{
        lease_book_done(&a->book);
        pf_facts_done(&a->pf);
}

static struct asked ask(void)
{
        struct asked a = {.selector.numa_node = -1, .pf = igb_facts(2), .pool = "web"};

        a.pf.numa_node = 1;
        return a;
}

/* code NONE: it may be taken. */
static void answer(const struct asked *a, enum fault_code code, const char *text)
{
        struct fault f = FAULT_NULL;
        int r = lease_may_take(&a->book, &a->selector, &a->pf, &a->pf.vfs[1], a->pool, &f);

        assert_int_equal(f.code, code);
        assert_int_equal(r < 0, code != FAULT_NONE);
        if (!strstr(f.text, text))
                fail_msg("\"%s\" is not in: %s", text, f.text);
}

static void matching(void **state)
{
        _cleanup_(asked_done) struct asked a = ask();

        (void) state;
        answer(&a, FAULT_NONE, "");
        snprintf(a.selector.driver, DRIVER_MAX, "igbvf");
        snprintf(a.selector.pool, LEASE_POOL_MAX, "web");
        a.selector.numa_node = 1;
        answer(&a, FAULT_NONE, "");
        snprintf(a.selector.driver, DRIVER_MAX, "vfio-pci");
        answer(&a, FAULT_NOT_FOUND,
                "VF 1 (0000:01:10.2) is on driver igbvf and vfio-pci was asked");
        snprintf(a.selector.driver, DRIVER_MAX, "none");
        answer(&a, FAULT_NOT_FOUND, "is on driver igbvf and none was asked for");
        a.pf.vfs[1].driver[0] = '\0';
        answer(&a, FAULT_NONE, "");
        a.selector.numa_node = 0;
        answer(&a, FAULT_NOT_FOUND, "NUMA node 1 (-1: unknown) and 0 was asked for");
        a.pf.numa_node = -1;
        answer(&a, FAULT_NOT_FOUND, "NUMA node -1");
        a.selector.numa_node = -1;
        answer(&a, FAULT_NONE, "");
        a.pool = "db";
        answer(&a, FAULT_NOT_FOUND, "is in pool db and pool web was asked for");
        a.pool = "";
        answer(&a, FAULT_NOT_FOUND, "is in no pool and pool web was asked for");
}

static void matching_attributes(void **state)
{
        _cleanup_(asked_done) struct asked a = ask();
        struct vf_attrs *wish = &a.selector.attrs;

        (void) state;
        assert_int_equal(vf_attrs_set_text(wish, VF_ATTR_VLAN, "7", NULL), 0);
        answer(&a, FAULT_NOT_FOUND, "has vlan=0 and 7 was asked for");
        a.pf.vfs[1].attrs.vlan = 7;
        answer(&a, FAULT_NONE, "");
        wish->reset = BIT(VF_ATTR_TRUST);
        answer(&a, FAULT_NONE, "");
        a.pf.vfs[1].attrs.trust = true;
        answer(&a, FAULT_NOT_FOUND, "has trust=on and off was asked for");
        a.pf.vfs[1].attrs.present &= ~BIT(VF_ATTR_TRUST); /* not reported */
        answer(&a, FAULT_NONE, "");
}

static void not_free(void **state)
{
        _cleanup_(asked_done) struct asked a = ask();
        struct lease lease = a_lease(1), *is;

        (void) state;
        assert_int_equal(lease_book_add(&a.book, &(struct lease){0}, NULL), -EINVAL);
        lease.vf = 0;
        assert_int_equal(lease_book_add(&a.book, &lease, NULL), 0);
        answer(&a, FAULT_NONE, ""); /* that is the other VF */
        lease.vf = 1;
        assert_int_equal(lease_book_add(&a.book, &lease, &is), 0);
        answer(&a, FAULT_IN_USE, "is leased to bus :1.42 for vm-web (lease 2)");
        is->state = LEASE_LEASED;
        is->label[0] = '\0';
        answer(&a, FAULT_IN_USE, "is leased to bus :1.42 (lease 2)");
        is->state = LEASE_DIRTY;
        snprintf(is->why, sizeof(is->why), "somebody has it open");
        answer(&a, FAULT_BUSY, "(lease 2) and is not clean yet: somebody has it open; try again");
        is->state = LEASE_SCRUBBING;
        is->why[0] = '\0';
        answer(&a, FAULT_BUSY, "(lease 2) and is not clean yet; try again");
        is->state = LEASE_QUARANTINED;
        snprintf(is->why, sizeof(is->why), "no reset method");
        answer(&a, FAULT_IN_USE,
                "in quarantine since lease 2 could not be cleaned up: no reset method; have");
        snprintf(a.selector.driver, DRIVER_MAX, "vfio-pci");
        answer(&a, FAULT_NOT_FOUND, "driver"); /* a VF nobody meant is not in the way */
        a.selector.driver[0] = '\0';
        lease_book_remove(&a.book, 2);
        answer(&a, FAULT_NONE, "");
}

static void not_to_be_given(void **state)
{
        _cleanup_(asked_done) struct asked a = ask();
        struct vf_facts *vf = &a.pf.vfs[1];

        (void) state;
        snprintf(vf->driver, DRIVER_MAX, "vfio-pci");
        answer(&a, FAULT_IN_USE, "has its vfio-pci device open");
        vf->enable = 0;
        answer(&a, FAULT_NONE, "");
        vf->access_uid = 107;
        answer(&a, FAULT_IN_USE, "group 101 that it is in may be opened by uid 107");
        vf->access_uid = 0;
        answer(&a, FAULT_IN_USE, "uid 0");
        vf->access_uid = -1;
        vf->attrs_known = false;
        answer(&a, FAULT_IO, "could not be read");
        a.pf.n_netdevs = 0; /* a PF that has no attributes: a GPU */
        answer(&a, FAULT_NONE, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_triple),
                cmocka_unit_test(out_of_range),
                cmocka_unit_test(names),
                cmocka_unit_test(owners),
                cmocka_unit_test(labels_and_pools),
                cmocka_unit_test(checked),
                cmocka_unit_test(book_and_list),
                cmocka_unit_test(book_refuses),
                cmocka_unit_test(matching),
                cmocka_unit_test(matching_attributes),
                cmocka_unit_test(not_free),
                cmocka_unit_test(not_to_be_given),
        };

        return cmocka_run_group_tests_name("lease", tests, NULL, NULL);
}
