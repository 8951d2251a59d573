/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration as a value: who wins, what a failure leaves, and when two wishes are one. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "daemon/conf.h"
#include "randomwish.h"
#include "readwishes.h"
#include "unit.h"

#define ETH0 "pci/0000:3b:00.0"
#define ETH1 "pci/0000:3b:00.1"
#define ETH2 "pci/0000:3b:00.2"

#define ENTRY(pf, num) "{\"match\": {\"ifname\": \"" pf "\"}, \"num_vfs\": " num "}"
#define ONE_VF                                                                                     \
        "{\"match\": {\"ifname\": \"eth%d\"}, \"num_vfs\": 1, \"vfs\": [{\"index\": 0, \"%s\": "   \
        "\"%s\"}]}"

static void add_pf(struct state *state, unsigned n)
{
        struct changes changes = {0};
        struct pf_facts facts;
        struct dev_id id;

        snprintf(id.str, sizeof(id.str), "pci/0000:3b:00.%u", n & 7);
        pf_facts_init(&facts, &id);
        snprintf(facts.driver, DRIVER_MAX, "i40e");
        snprintf(facts.netdevs[0], NETDEV_MAX, "eth%u", n & 7);
        facts.n_netdevs = 1;
        facts.total_vfs = 64;
        snprintf(facts.slot, WORD_MAX, "%u", 3 + n);
        assert_int_equal(state_apply(state, &facts, &changes), 0);
        changes_done(&changes);
}

static void machine(struct state *state, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                add_pf(state, i);
}

static void add_file(
        struct config_files *files, const char *name, const char *path, const char *entries)
{
        char text[2048];

        snprintf(text, sizeof(text), "{\"version\": 1, \"pfs\": [\n%s]}", entries);
        assert_int_equal(config_files_add(files, name, path, text, strlen(text)), 0);
}

/* Either may be NULL: no file. */
static void conf_of(const char *dirs, const char *given, struct conf *ret)
{
        struct config_files d = {0}, g = {0};
        struct fault f = FAULT_NULL;

        if (dirs)
                add_file(&d, "10.json", "/etc/sriovd/10.json", dirs);
        if (given)
                add_file(&g, "10.json", "", given);
        if (conf_of_files(&d, &g, ret, &f) < 0)
                fail_msg("%s", f.text);
        assert_int_equal(d.n + g.n, 0); /* moved */
}

static void resolve(struct conf *conf, const struct state *state)
{
        struct fault f = FAULT_NULL;

        if (conf_resolve(conf, state, &f) < 0)
                fail_msg("%s", f.text);
}

static const struct desired *wish_of(const struct conf *conf, const char *pf)
{
        struct dev_id id;

        assert_int_equal(str_copy(id.str, sizeof(id.str), pf), 0);
        return conf_wish(conf, &id);
}

static void wants(const struct conf *conf, const char *pf, int num_vfs)
{
        const struct desired *d = wish_of(conf, pf);

        if (num_vfs < 0) {
                assert_null(d);
                return;
        }
        assert_non_null(d);
        assert_string_equal(d->pf.str, pf);
        assert_int_equal(d->num_vfs, num_vfs);
}

/* ---- dirs and given -------------------------------------------------------------------------- */

static void given_wins_pf_by_pf(void **state)
{
        _cleanup_(conf_done) struct conf conf = {0};
        _cleanup_(state_done) struct state s = {0};

        (void) state;
        machine(&s, 4);
        conf_of(ENTRY("eth0", "1") ",\n" ENTRY("eth2", "2"),
                ENTRY("eth1", "5") ",\n" ENTRY("eth2", "6"), &conf);
        assert_null(wish_of(&conf, ETH0)); /* nobody has looked yet */
        resolve(&conf, &s);
        wants(&conf, ETH0, 1);
        wants(&conf, ETH1, 5);
        wants(&conf, ETH2, 6);
        wants(&conf, "pci/0000:3b:00.3", -1);
        assert_int_equal(conf.resolved.n, 3);
        assert_int_equal(conf.n_given_pfs, 2);
        assert_string_equal(conf.given_pfs[0].str, ETH1);
        assert_string_equal(conf.given_pfs[1].str, ETH2);
        assert_string_equal(wish_of(&conf, ETH2)->where, "10.json:3:1");
        assert_int_equal(conf.n_absent, 0);
}

/* As a whole: what a given entry does not say is not taken from the one it stands for. */
static void given_is_the_whole_wish(void **state)
{
        _cleanup_(conf_done) struct conf conf = {0};
        _cleanup_(state_done) struct state s = {0};

        (void) state;
        machine(&s, 1);
        conf_of("{\"match\": {\"ifname\": \"eth0\"}, \"num_vfs\": 3, \"mtu\": 9000}",
                "{\"match\": {\"ifname\": \"eth0\"}, \"autoprobe\": false}", &conf);
        resolve(&conf, &s);
        assert_int_equal(wish_of(&conf, ETH0)->wants, BIT(WISH_AUTOPROBE));
}

static void with_given(void **state)
{
        _cleanup_(conf_done) struct conf first = {0}, second = {0}, third = {0};
        _cleanup_(config_files_done) struct config_files files = {0}, none = {0};
        _cleanup_(state_done) struct state s = {0};
        struct fault f = FAULT_NULL;

        (void) state;
        machine(&s, 3);
        conf_of(ENTRY("eth0", "1"), ENTRY("eth1", "5"), &first);
        add_file(&files, "10.json", "", ENTRY("eth2", "7"));
        assert_int_equal(conf_with_given(&first, &files, &second, &f), 0);
        assert_int_equal(files.n, 1); /* the caller's still */
        resolve(&first, &s);
        resolve(&second, &s);
        wants(&first, ETH1, 5);
        wants(&second, ETH0, 1);
        wants(&second, ETH1, -1); /* other given files, not more of them */
        wants(&second, ETH2, 7);
        assert_string_equal(second.dirs.list[0].path, "/etc/sriovd/10.json");
        assert_string_equal(second.dirs.list[0].text, first.dirs.list[0].text);
        assert_string_equal(second.given.list[0].path, "");
        assert_true(config_hash(&first.dirs) == config_hash(&second.dirs));
        assert_int_equal(conf_with_given(&second, &none, &third, &f), 0);
        resolve(&third, &s);
        assert_int_equal(third.resolved.n, 1);
        assert_int_equal(third.n_given_pfs, 0);
        assert_non_null(third.given_pfs); /* none, which is not "all" */
}

static void bad_text(void **state)
{
        _cleanup_(conf_done) struct conf conf = {0};
        _cleanup_(state_done) struct state s = {0};
        struct config_files files = {0}, none = {0};
        struct fault f = FAULT_NULL;

        (void) state;
        machine(&s, 1);
        conf_of(ENTRY("eth0", "1"), NULL, &conf);
        add_file(&files, "x.json", "", "{\"match\": {\"ifname\": \"eth0\"}, \"num_vf\": 1}");
        assert_int_equal(conf_with_given(&conf, &files, &conf, &f), -EINVAL);
        assert_int_equal(f.code, FAULT_INVALID_ARGS);
        assert_non_null(strstr(f.text, "x.json:2:"));
        resolve(&conf, &s);
        wants(&conf, ETH0, 1);
        assert_int_equal(conf_of_files(&files, &none, &conf, &f), -EINVAL);
        assert_int_equal(files.n, 0);
        wants(&conf, ETH0, 1);
}

/* ---- which PFs there are --------------------------------------------------------------------- */

static void absent(void **state)
{
        _cleanup_(conf_done) struct conf conf = {0};
        _cleanup_(state_done) struct state s = {0};

        (void) state;
        machine(&s, 1);
        conf_of(ENTRY("eth0", "1") ",\n" ENTRY("eth1", "2") ",\n" ENTRY("gone0", "3"),
                ENTRY("gone1", "4") ",\n" ENTRY("eth2", "5"), &conf);
        resolve(&conf, &s);
        assert_int_equal(conf.resolved.n, 1);
        assert_int_equal(conf.n_absent, 4);
        assert_string_equal(conf.absent[0], "10.json:2:1");
        assert_string_equal(conf.absent[1], "10.json:3:1");
        assert_string_equal(conf.absent[3], "10.json:4:1");
        assert_int_equal(conf.n_given_pfs, 0);

        add_pf(&s, 1);
        add_pf(&s, 2);
        resolve(&conf, &s); /* they have appeared */
        wants(&conf, ETH1, 2);
        wants(&conf, ETH2, 5);
        assert_int_equal(conf.n_absent, 2);
        assert_string_equal(conf.absent[0], "10.json:2:1");
        assert_string_equal(conf.absent[1], "10.json:4:1");
        assert_int_equal(conf.n_given_pfs, 1);
}

/* What was resolved stays, to the last word. */
static void failure_keeps_what_was(void **state)
{
        /* two entries claim eth1 when it comes, by different matches */
        static const char twice[] =
                ENTRY("eth1", "2") ",\n{\"match\": {\"slot\": \"4\"}, \"num_vfs\": 4}";

        (void) state;
        for (unsigned given = 0; given < 2; given++) {
                _cleanup_(conf_done) struct conf conf = {0};
                _cleanup_(state_done) struct state s = {0};
                struct fault f = FAULT_NULL;
                const struct desired *before;

                machine(&s, 1);
                conf_of(given ? ENTRY("eth0", "1") : twice, given ? twice : ENTRY("eth0", "1"),
                        &conf);
                resolve(&conf, &s);
                before = conf.resolved.list;
                assert_int_equal(conf.n_absent, 2);
                add_pf(&s, 1);
                assert_int_equal(conf_resolve(&conf, &s, &f), -EINVAL);
                assert_int_equal(f.code, FAULT_INVALID_ARGS);
                assert_non_null(strstr(f.text, "10.json:3:1"));
                assert_ptr_equal(conf.resolved.list, before);
                wants(&conf, ETH0, 1);
                wants(&conf, ETH1, -1);
                assert_int_equal(conf.n_absent, 2);
                assert_int_equal(conf.n_given_pfs, given ? 0 : 1);
        }
}

/* A MAC or a name, in a file of the directories and in a given one: refused as in one file. */
static void given_twice(void **state)
{
        static const char *const keys[] = {"mac", "name"}, *const values[] = {
                                                                   "02:00:00:00:00:01", "web0"};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                _cleanup_(conf_done) struct conf clash = {0}, covered = {0};
                _cleanup_(state_done) struct state s = {0};
                struct fault f = FAULT_NULL;
                char one[160], other[160];

                machine(&s, 2);
                snprintf(one, sizeof(one), ONE_VF, 0, keys[i], values[i]);
                snprintf(other, sizeof(other), ONE_VF, 1, keys[i], values[i]);
                conf_of(one, one, &covered);
                resolve(&covered, &s);
                assert_int_equal(covered.resolved.n, 1);
                conf_of(one, other, &clash);
                assert_int_equal(conf_resolve(&clash, &s, &f), -EINVAL);
                assert_int_equal(f.code, FAULT_INVALID_ARGS);
                assert_non_null(strstr(f.text, values[i]));
                assert_non_null(strstr(f.text, "0000:3b:00.0"));
                assert_non_null(strstr(f.text, "0000:3b:00.1"));
                assert_non_null(strstr(f.text, "10.json:2:1"));
        }
}

static void from_directories(void **state)
{
        char top[] = "/tmp/test-conf-XXXXXX", one[64], two[64], command[64];
        const char *const dirs[] = {one, two, "/tmp/not/there", NULL};
        static const char text[] = "{\"version\": 1, \"pfs\": [" ENTRY("eth0", "3") "]}";
        _cleanup_(conf_done) struct conf conf = {0}, nothing = {0};
        _cleanup_(state_done) struct state s = {0};
        struct fault f = FAULT_NULL;
        int fd;

        (void) state;
        machine(&s, 1);
        assert_non_null(mkdtemp(top));
        snprintf(one, sizeof(one), "%s/one", top);
        snprintf(two, sizeof(two), "%s/two", top);
        assert_int_equal(mkdir(one, 0700) + mkdir(two, 0700), 0);
        assert_int_equal(conf_read(dirs, &nothing, &f), 0);
        resolve(&nothing, &s);
        assert_int_equal(nothing.resolved.n, 0);
        fd = open(two, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(write_file_atomic_at(fd, "10.json", text, strlen(text), 0600), 0);
        close(fd);
        assert_int_equal(conf_read(dirs, &conf, &f), 0);
        resolve(&conf, &s);
        wants(&conf, ETH0, 3);
        assert_int_equal(conf.given.n, 0);
        snprintf(command, sizeof(command), "rm -r %s", top);
        assert_int_equal(system(command), 0);
}

/* ---- the hash of a wish ---------------------------------------------------------------------- */

static uint64_t hash_of(const char *name, const char *entries)
{
        _cleanup_(conf_done) struct conf conf = {0};
        _cleanup_(state_done) struct state s = {0};
        struct config_files dirs = {0}, none = {0};
        struct fault f = FAULT_NULL;
        uint64_t hash;

        machine(&s, 3);
        add_file(&dirs, name, name, entries);
        if (conf_of_files(&dirs, &none, &conf, &f) < 0)
                fail_msg("%s", f.text);
        resolve(&conf, &s);
        hash = conf_hash_wish(wish_of(&conf, ETH0));
        assert_true(hash != 0);
        return hash;
}

/* The place, the order of keys, how indices are grouped, by what the PF is found: all the same. */
static void same_wish_same_hash(void **state)
{
        static const char *const texts[] = {
                "{\"match\": {\"ifname\": \"eth0\"}, \"num_vfs\": 4, \"drift\": \"enforce\", "
                "\"vfs\": [{\"index\": \"0-1\", \"vlan\": 7, \"trust\": true}]}",
                "{\"vfs\": [{\"trust\": true, \"index\": \"0-1\", \"vlan\": 7}], \"num_vfs\": 4, "
                "\"drift\": \"enforce\", \"match\": {\"ifname\": \"eth0\"}}",
                ENTRY("eth1",
                        "2") ",\n  {\"match\": {\"address\": \"0000:3b:00.0\"}, \"num_vfs\": "
                             "4, \"drift\": {\"default\": \"enforce\"}, \"vfs\": [{\"index\": "
                             "1, \"vlan\": 7}, {\"index\": 0, \"vlan\": 7}, {\"index\": "
                             "\"0-1\", \"trust\": true}]}",
        };
        uint64_t first = hash_of("10.json", texts[0]);

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                assert_true(hash_of("10.json", texts[i]) == first);
                assert_true(hash_of("another.json", texts[i]) == first);
        }
}

static void other_wish_other_hash(void **state)
{
        static const char *const keys[] = {
                "\"num_vfs\": 4",
                "\"num_vfs\": 3",
                "\"num_vfs\": 4, \"replace\": true",
                "\"num_vfs\": 4, \"clear_mac\": true",
                "\"num_vfs\": 4, \"autoprobe\": true",
                "\"num_vfs\": 4, \"autoprobe\": false",
                "\"num_vfs\": 4, \"mtu\": 9000",
                "\"num_vfs\": 4, \"eswitch_mode\": \"legacy\"",
                "\"num_vfs\": 4, \"drift\": \"enforce\"",
                "\"num_vfs\": 4, \"drift\": {\"vlan\": \"enforce\"}",
                "\"num_vfs\": 4, \"optional\": [\"trust\"]",
                "\"num_vfs\": 4, \"nm_managed\": false",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"vlan\": 0}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"vlan\": \"baseline\"}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"vlan\": 7}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 1, \"vlan\": 7}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": \"0-1\", \"vlan\": 7}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": \"0,2\", \"vlan\": 7}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"vlan\": 7, \"qos\": 1}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"mac\": \"02:00:00:00:00:01\"}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"driver\": \"none\"}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"driver\": \"vfio-pci\"}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"driver_override\": \"vfio-pci\"}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"driver_override\": \"\"}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"name\": \"web0\"}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"nm_managed\": false}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"pool\": \"a\"}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 0, \"pool\": \"b\"}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": 1, \"pool\": \"a\"}]",
                "\"num_vfs\": 4, \"vfs\": [{\"index\": \"0-1\", \"pool\": \"a\"}]",
        };
        uint64_t hashes[ELEMENTSOF(keys)];
        char text[512];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                snprintf(text, sizeof(text), "{\"match\": {\"ifname\": \"eth0\"}, %s}", keys[i]);
                hashes[i] = hash_of("10.json", text);
                for (size_t k = 0; k < i; k++)
                        if (hashes[i] == hashes[k])
                                fail_msg("%s is as %s", keys[i], keys[k]);
        }
}

/* Written down and read back, as the journal does: the same wish. */
static void random_hashes(void **state)
{
        uint64_t seed = 9;

        (void) state;
        for (unsigned i = 0; i < 500; i++) {
                struct desired wish = {0}, *list = NULL;
                const struct desired *one = &wish;
                _cleanup_(freep) char *text = NULL;
                struct fault f = FAULT_NULL;
                uint64_t hash;
                size_t n;

                random_wish(&seed, &wish);
                hash = conf_hash_wish(&wish);
                assert_int_equal(config_write(&one, 1, NULL, &text), 0);
                if (read_wishes("t", text, strlen(text), &list, &n, &f) < 0)
                        fail_msg("%s\n%s", f.text, text);
                assert_int_equal(n, 1);
                assert_true(conf_hash_wish(&list[0]) == hash);
                snprintf(wish.where, WHERE_MAX, "elsewhere:1:1");
                assert_true(conf_hash_wish(&wish) == hash);
                wish.num_vfs++;
                assert_true(conf_hash_wish(&wish) != hash);
                desired_done(&wish);
                desired_done(&list[0]);
                free(list);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(given_wins_pf_by_pf),
                cmocka_unit_test(given_is_the_whole_wish),
                cmocka_unit_test(with_given),
                cmocka_unit_test(bad_text),
                cmocka_unit_test(absent),
                cmocka_unit_test(failure_keeps_what_was),
                cmocka_unit_test(given_twice),
                cmocka_unit_test(from_directories),
                cmocka_unit_test(same_wish_same_hash),
                cmocka_unit_test(other_wish_other_hash),
                cmocka_unit_test(random_hashes),
        };

        return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
