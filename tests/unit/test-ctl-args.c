/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sriovctl's command line: suggestions, options, commands, local checks, failures. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "ctl/ctl.h"
#include "base/suggest.h"

static void test_distance(void **state)
{
        char longer[100];

        (void) state;
        assert_int_equal(edit_distance("", ""), 0);
        assert_int_equal(edit_distance("", "abc"), 3);
        assert_int_equal(edit_distance("vlan", "vlan"), 0);
        assert_int_equal(edit_distance("vlna", "vlan"), 1);
        assert_int_equal(edit_distance("vla", "vlan"), 1);
        assert_int_equal(edit_distance("kitten", "sitting"), 3);
        memset(longer, 'a', sizeof(longer) - 1);
        longer[sizeof(longer) - 1] = '\0';
        assert_int_equal(edit_distance(longer, "a"), UINT_MAX);
}

static void test_suggest(void **state)
{
        static const char *const words[] = {"status", "list", "show", "set", "reset", NULL};

        (void) state;
        assert_string_equal(suggest("statsu", words), "status");
        assert_string_equal(suggest("lsit", words), "list");
        assert_string_equal(suggest("rest", words), "reset");
        assert_null(suggest("frobnicate", words));
        assert_null(suggest("", words));
}

#define MAX_WORDS 40

/* Parses a command line given as words apart by blanks. */
static int parse(const char *line, struct args *a, struct fault *f)
{
        static char copy[1024];
        char *argv[MAX_WORDS] = {(char *) "sriovctl"}, *rest = copy, *word;
        int argc = 1;

        assert_int_equal(str_copy(copy, sizeof(copy), line), 0);
        while ((word = strsep(&rest, " ")))
                if (*word) {
                        assert_true(argc < MAX_WORDS);
                        argv[argc++] = word;
                }
        return args_parse(argc, argv, a, f);
}

static void test_args(void **state)
{
        struct fault f;
        struct args a;

        (void) state;
        assert_int_equal(parse("create --json eth0 --driver vfio-pci 4 --replace", &a, &f), 0);
        assert_int_equal(a.n_words, 3);
        assert_string_equal(a.words[2], "4");
        assert_true(args_has(&a, OPTION_JSON) && args_has(&a, OPTION_REPLACE));
        assert_false(args_has(&a, OPTION_FORCE));
        assert_string_equal(a.value[OPTION_DRIVER], "vfio-pci");
        assert_int_equal(parse("-Hroot@box --bus=unix:path=/x=y list -- --json", &a, &f), 0);
        assert_string_equal(a.value[OPTION_HOST], "root@box");
        assert_string_equal(a.value[OPTION_BUS], "unix:path=/x=y");
        assert_string_equal(a.words[1], "--json");
        assert_int_equal(parse("", &a, &f), 0);
        assert_int_equal(a.n_words, 0);
}

static void test_bad_args(void **state)
{
        static const char *const cases[][2] = {
                {"--jsno list", "unknown option '--jsno': did you mean --json?"},
                {"--zzzzzzzzz=1", "unknown option '--zzzzzzzzz'; sriovctl --help lists them"},
                {"-x", "unknown option '-x'"},
                {"--bus", "--bus needs a value"},
                {"--bus=", "--bus needs a value"},
                {"--force=yes", "--force takes no value"},
                {"-H a -H b", "--host is given twice"},
                {"list \xff", "'\\xff' refused: it is not UTF-8 text"},
                {"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 "
                 "30 31 32 33",
                        "too many words"},
        };
        struct fault f;
        struct args a;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(parse(cases[i][0], &a, &f), -EINVAL);
                assert_true(startswith(f.text, cases[i][1]));
        }
        assert_int_equal(parse("--nonsense --json", &a, &f), -EINVAL);
        assert_true(args_has(&a, OPTION_JSON));
}

static void test_commands(void **state)
{
        static const char *const bad[][2] = {
                {"sttaus", "unknown command 'sttaus': did you mean status?"},
                {"destroy", "too few words for destroy: usage: sriovctl destroy PF [--force]"},
                {"status now", "too many words for status: usage: sriovctl status"},
                {"set eth0/1", "too few words for set"},
                {"list --force", "--force is not for list"},
                {"bind eth0/1 vfio-pci --replace", "--replace is not for bind"},
                {"list --bus=x -Hy", "--bus and --host exclude each other"},
                {"plan --yes", "--yes is not for plan"},
                {"reload x.json", "too many words for reload: usage: sriovctl reload"},
                {"apply --timeout=5", "--timeout is not for apply"},
                {"confrim", "unknown command 'confrim': did you mean confirm?"},
        };
        const struct command *c;
        struct fault f;
        struct args a;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(parse(bad[i][0], &a, &f), 0);
                assert_int_equal(command_find(&a, &c, &f), -EINVAL);
                assert_true(startswith(f.text, bad[i][1]));
        }
        assert_int_equal(parse("--json", &a, &f), 0);
        assert_int_equal(command_find(&a, &c, &f), 0);
        assert_string_equal(c->name, "status");
}

/* The words of one command through its own check. */
static int check(const char *line, struct ctl *ctl)
{
        const struct command *c;
        struct fault f;

        *ctl = (struct ctl){0};
        assert_int_equal(parse(line, &ctl->args, &f), 0);
        assert_int_equal(command_find(&ctl->args, &c, &f), 0);
        assert_non_null(c->check);
        return c->check(ctl);
}

static void test_checks(void **state)
{
        static const char *const good[] = {"list", "list vf", "create eth0 4", "create eth0 65535",
                "set eth0/1 mac=02:00:00:00:00:01 vlan=4094 qos=7 trust=on link_state=auto",
                "set eth0/1 vlan=baseline min_tx_rate=5 max_tx_rate=0", "bind eth0/1 vfio-pci",
                "autoprobe eth0 off", "help", "help set", "apply",
                "apply a.json - --confirm=10 --plan=0123456789abcdef -y", "apply --confirm=86400",
                "wait", "wait eth0 eth1 --timeout=0", "wait --timeout=86400"};
        static const char *const bad[][2] = {
                {"list vfs", "list 'vfs': expected pf, vf or group"},
                {"create eth0 four", "four VFs refused: expected a number"},
                {"create eth0 65536", "65536 VFs refused"},
                {"create eth0 +4", "+4 VFs refused"},
                {"create eth0 0", "0 VFs refused: to remove all VFs use: destroy eth0"},
                {"create eth0 4 --driver=../evil", "driver '../evil' refused"},
                {"set eth0/1 vlna=5", "unknown key 'vlna': did you mean vlan?"},
                {"set eth0/1 vlan", "'vlan' refused: expected KEY=VALUE"},
                {"set eth0/1 =5", "'=5' refused: expected KEY=VALUE"},
                {"set eth0/1 vlan=4095", "vlan=4095 refused: expected 0 (none) to 4094"},
                {"set eth0/1 qos=8", "qos=8 refused: expected 0 to 7"},
                {"set eth0/1 mac=01:00:5e:00:00:01", "mac=01:00:5e:00:00:01 refused"},
                {"set eth0/1 mac=02:00:00", "mac=02:00:00 refused"},
                {"set eth0/1 vlan=1 vlan=2", "vlan is given twice"},
                {"set eth0/1 min_tx_rate=9 max_tx_rate=5", "min_tx_rate=9 refused"},
                {"bind eth0/1 ../../evil", "driver '../../evil' refused"},
                {"autoprobe eth0 maybe", "autoprobe maybe refused: expected on or off"},
                {"help stauts", "unknown command 'stauts': did you mean status?"},
                {"apply --confirm=9", "--confirm=9 refused: expected seconds, 10 to 86400"},
                {"apply --confirm=86401", "--confirm=86401 refused"},
                {"apply --confirm=1m", "--confirm=1m refused"},
                {"apply --plan=0123456789ABCDEF",
                        "--plan=0123456789ABCDEF refused: expected the 16"},
                {"apply --plan=0123456789abcde", "--plan=0123456789abcde refused"},
                {"wait --timeout=-1", "--timeout=-1 refused: expected seconds, 0 to 86400"},
                {"wait --timeout=86401", "--timeout=86401 refused"},
        };
        struct ctl ctl;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_int_equal(check(good[i], &ctl), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_true(check(bad[i][0], &ctl) < 0);
                assert_int_equal(ctl.failure.status, EXIT_ERROR);
                assert_string_equal(ctl.failure.name, "InvalidArgs");
                assert_true(startswith(ctl.failure.text, bad[i][1]));
        }
}

static void test_failures(void **state)
{
        static const struct {
                const char *error;
                enum exit_status status;
                const char *name;
        } cases[] = {
                {"org.sriovd1.Error.InUse", EXIT_REFUSED, "InUse"},
                {"org.sriovd1.Error.VfsExist", EXIT_REFUSED, "VfsExist"},
                {"org.sriovd1.Error.NotAuthorized", EXIT_REFUSED, "NotAuthorized"},
                {"org.sriovd1.Error.AuthRequired", EXIT_REFUSED, "AuthRequired"},
                {"org.sriovd1.Error.NotIsolated", EXIT_REFUSED, "NotIsolated"},
                {"org.sriovd1.Error.PlanChanged", EXIT_REFUSED, "PlanChanged"},
                {"org.sriovd1.Error.InvalidArgs", EXIT_ERROR, "InvalidArgs"},
                {"org.sriovd1.Error.NotDurable", EXIT_ERROR, "NotDurable"},
                {"org.sriovd1.Error.FromTheFuture", EXIT_ERROR, "FromTheFuture"},
                {SD_BUS_ERROR_ACCESS_DENIED, EXIT_REFUSED, "AccessDenied"},
                {SD_BUS_ERROR_UNKNOWN_OBJECT, EXIT_ERROR, "UnknownObject"},
                {SD_BUS_ERROR_SERVICE_UNKNOWN, EXIT_NO_DAEMON, "NoDaemon"},
                {SD_BUS_ERROR_NO_REPLY, EXIT_NO_DAEMON, "NoDaemon"},
                {"org.freedesktop.DBus.Error.Spawn.ExecFailed", EXIT_NO_DAEMON, "NoDaemon"},
        };
        struct failure f;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                sd_bus_error e = SD_BUS_ERROR_MAKE_CONST(cases[i].error, "te\033xt");

                assert_int_equal(failure_of_bus(&f, &e, -EIO), -EIO);
                assert_int_equal(f.status, cases[i].status);
                assert_string_equal(f.name, cases[i].name);
                assert_non_null(strstr(f.text, "te\\x1bxt"));
        }
        assert_int_equal(failure_of_errno(&f, -ECONNRESET, "talk"), -ECONNRESET);
        assert_int_equal(f.status, EXIT_NO_DAEMON);
        assert_int_equal(failure_own(&f, EXIT_REFUSED, "Uplink", -EPERM, "x\a%d", 5), -EPERM);
        assert_int_equal(f.status, EXIT_REFUSED);
        assert_string_equal(f.name, "Uplink");
        assert_string_equal(f.text, "x\\x075");
        assert_int_equal(failure_of_errno(&f, -ENOMEM, "talk"), -ENOMEM);
        assert_int_equal(f.status, EXIT_ERROR);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_distance),
                cmocka_unit_test(test_suggest),
                cmocka_unit_test(test_args),
                cmocka_unit_test(test_bad_args),
                cmocka_unit_test(test_commands),
                cmocka_unit_test(test_checks),
                cmocka_unit_test(test_failures),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
