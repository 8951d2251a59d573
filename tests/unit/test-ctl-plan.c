/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's plan as sriovctl reads it, draws it and writes it again. */
#include "ctl/applied.h"
#include "unit.h"

static const struct term plain = {0};
static const struct term colored = {.tty = true, .color = true, .utf8 = true};

#define HASH "0123456789abcdef"

/* A PF with all there is, one with nothing to do, one where nothing can be done, one without
 * netdev. */
static const char whole[] =
        "{\"hash\": \"" HASH "\", \"changes\": true, \"pfs\": ["
        "{\"pf\": \"0000:3b:00.0\", \"netdev\": \"enp59s0f0\", \"source\": \"10-nics.json:4:5\","
        " \"disruption\": \"vf-recreate\", \"steps\": ["
        "{\"text\": \"set_numvfs 0\", \"disruption\": \"vf-recreate\"},"
        "{\"text\": \"set_numvfs 8\", \"disruption\": \"none\"},"
        "{\"text\": \"VF 0: vlan 5 qos 0\", \"vf\": 0, \"disruption\": \"none\"},"
        "{\"text\": \"VF 0: bind vfio-pci\", \"vf\": 0, \"disruption\": \"vf-flap\"},"
        "{\"text\": \"VF 1: vlan 5 qos 0\", \"vf\": 1, \"disruption\": \"none\"},"
        "{\"text\": \"VF 1: bind vfio-pci\", \"vf\": 1, \"disruption\": \"vf-flap\"},"
        "{\"text\": \"VF 2: vlan 6 qos 0\", \"vf\": 2, \"disruption\": \"none\"},"
        "{\"text\": \"VF 4: vlan 6 qos 0\", \"vf\": 4, \"disruption\": \"none\"},"
        "{\"text\": \"VF 5: vlan 6 qos 0\", \"vf\": 5, \"disruption\": \"none\"},"
        "{\"text\": \"VF 6: vlan 6 qos 0\", \"vf\": 6, \"disruption\": \"vf-flap\"}],"
        " \"hurts\": [\"VF 3 held by qemu (pid 4242) through /dev/vfio/12\"],"
        " \"problems\": [{\"vf\": 7, \"error\": \"NotSupported\", \"text\": \"no trust\"}]},"
        "{\"pf\": \"0000:3b:00.1\", \"netdev\": \"enp59s0f1\", \"source\": \"10-nics.json:5:5\","
        " \"disruption\": \"none\", \"steps\": [], \"hurts\": [], \"problems\": []},"
        "{\"pf\": \"0000:04:00.0\", \"source\": \"20.json:1:2\", \"disruption\": \"none\","
        " \"steps\": [], \"error\": \"VfsExist\", \"text\": \"4 VFs\", \"future\": [1, true]},"
        "{\"pf\": \"0000:05:00.0\", \"disruption\": \"none\","
        " \"steps\": [{\"text\": \"set_autoprobe 0\", \"disruption\": \"none\"}]}],"
        " \"absent\": [\"10-nics.json:9:5\"], \"warnings\": [\"enp1s0: NetworkManager\\u001b\"]}";

static void parse(const char *text, struct planview *v)
{
        struct fault f = FAULT_NULL;

        assert_int_equal(planview_parse(text, v, &f), 0);
}

static void test_parse(void **state)
{
        _cleanup_(planview_done) struct planview v = {0};

        (void) state;
        parse(whole, &v);
        assert_string_equal(v.hash, HASH);
        assert_true(v.changes);
        assert_int_equal(v.n_pfs, 4);
        assert_int_equal(v.pfs[0].n_steps, 10);
        assert_int_equal(v.pfs[0].steps[1].vf, NO_VF);
        assert_int_equal(v.pfs[0].steps[9].vf, 6);
        assert_int_equal(v.pfs[0].problems[0].vf, 7);
        assert_string_equal(v.pfs[2].netdev, "");
        assert_string_equal(v.pfs[2].error, "VfsExist");
        assert_string_equal(planview_pf_name(&v.pfs[2]), "0000:04:00.0");
        assert_int_equal(v.n_absent, 1);
        assert_true(planview_has_errors(&v));
        assert_true(planview_touches_pf(&v.pfs[0]));
        assert_false(planview_touches_pf(&v.pfs[1]));
        assert_false(planview_touches_pf(&v.pfs[3])); /* set_autoprobe alone */
}

static void test_bad(void **state)
{
        static const char *const bad[] = {
                "",
                "[]",
                "{\"hash\": 5}",
                "{\"changes\": \"yes\"}",
                "{\"pfs\": {}}",
                "{\"pfs\": [{\"netdev\": \"eth0\"}]}",
                "{\"pfs\": [{\"pf\": \"x\", \"steps\": [\"text\"]}]}",
                "{\"pfs\": [{\"pf\": \"x\", \"steps\": [{\"vf\": -1}]}]}",
                "{\"pfs\": [{\"pf\": \"x\", \"problems\": [{\"error\": []}]}]}",
                "{\"pfs\": [{\"pf\": \"x\", \"hurts\": [5]}]}",
                "{\"absent\": [[]]}",
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                struct planview v = {0};
                struct fault f = FAULT_NULL;

                assert_int_equal(planview_parse(bad[i], &v, &f), -EINVAL);
                assert_int_equal(f.code, FAULT_INVALID_ARGS);
                assert_null(v.doc);
        }
}

static char *drawn(const char *text, const struct term *term, bool result)
{
        _cleanup_(planview_done) struct planview v = {0};
        char *out = NULL;
        size_t n;
        FILE *file = open_memstream(&out, &n);

        assert_non_null(file);
        parse(text, &v);
        assert_int_equal(result ? planview_print_result(&v, false, file, term)
                                : planview_print(&v, file, term),
                0);
        fclose(file);
        return out;
}

static void test_draw(void **state)
{
        _cleanup_(freep) char *text = drawn(whole, &plain, false);

        (void) state;
        assert_string_equal(text,
                "enp59s0f0     0000:3b:00.0  10-nics.json:4:5  vf-recreate\n"
                "|- PF      set_numvfs 0   vf-recreate\n"
                "|- PF      set_numvfs 8   none\n"
                "|- VF 0-1  vlan 5 qos 0   none\n"
                "|- VF 0-1  bind vfio-pci  vf-flap\n"
                "|- VF 2    vlan 6 qos 0   none\n"
                "|- VF 4-5  vlan 6 qos 0   none\n"
                "|- VF 6    vlan 6 qos 0   vf-flap\n"
                "|-         hurts VF 3 held by qemu (pid 4242) through /dev/vfio/12\n"
                "`- VF 7    NotSupported: no trust\n"
                "0000:04:00.0                20.json:1:2\n"
                "`- PF  VfsExist: 4 VFs\n"
                "0000:05:00.0                                  none\n"
                "`- PF  set_autoprobe 0  none\n"
                "warning: enp1s0: NetworkManager\\x1b\n"
                "not there, applied when it appears: 10-nics.json:9:5\n"
                "11 steps on 2 PFs, worst: vf-recreate; plan " HASH "\n");
}

static void test_colors(void **state)
{
        _cleanup_(freep) char *text = drawn(whole, &colored, false);

        (void) state;
        assert_non_null(strstr(text, "\033[1menp59s0f0\033[0m"));
        assert_non_null(strstr(text, "├─ PF      set_numvfs 0   \033[1;31mvf-recreate\033[0m\n"));
        assert_non_null(strstr(text, "├─ VF 0-1  bind vfio-pci  \033[33mvf-flap\033[0m\n"));
        assert_non_null(strstr(text, "├─ VF 2    vlan 6 qos 0   \033[32mnone\033[0m\n"));
        assert_non_null(strstr(text, "└─ VF 7    \033[1;31mNotSupported: no trust\033[0m\n"));
}

static void test_nothing(void **state)
{
        static const char *const cases[][2] = {
                {"{\"hash\": \"" HASH
                 "\", \"changes\": false, \"pfs\": [{\"pf\": \"0000:03:00.0\"}]}",
                        "Nothing to change; plan " HASH "\n"},
                {"{\"hash\": \"" HASH
                 "\", \"changes\": false, \"pfs\": [{\"pf\": \"0000:03:00.0\", "
                 "\"problems\": [{\"vf\": 1, \"error\": \"InUse\", \"text\": \"qemu\\n\"}]}]}",
                        "0000:03:00.0\n"
                        "`- VF 1  InUse: qemu\\x0a\n"
                        "No step leads to what the files say; plan " HASH "\n"},
                {"{}", "Nothing to change; plan \n"},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *text = drawn(cases[i][0], &plain, false);

                assert_string_equal(text, cases[i][1]);
        }
}

/* A class or an attribute that this version does not know is shown, and worst is not guessed. */
static void test_newer(void **state)
{
        _cleanup_(freep) char *text =
                drawn("{\"hash\": \"\", \"changes\": true, \"pfs\": [{\"pf\": \"0000:03:00.0\","
                      " \"disruption\": \"meltdown\", \"steps\": [{\"text\": \"VF 1: é x\","
                      " \"vf\": 1, \"disruption\": \"meltdown\"}, {\"text\": \"bare\", \"vf\": 2,"
                      " \"disruption\": \"none\"}]}]}",
                        &plain, false);

        (void) state;
        assert_string_equal(text, "0000:03:00.0  meltdown\n"
                                  "|- VF 1  é x   meltdown\n"
                                  "`- VF 2  bare  none\n"
                                  "2 steps on 1 PF, worst: unknown; plan \n");
}

/* MACs differ from VF to VF: that does not make lines of their own. */
static void test_macs(void **state)
{
        _cleanup_(freep) char *text =
                drawn("{\"changes\": true, \"pfs\": [{\"pf\": \"0000:03:00.0\", \"steps\": ["
                      "{\"text\": \"VF 0: mac 02:00:00:00:00:00\", \"vf\": 0},"
                      "{\"text\": \"VF 0: trust on\", \"vf\": 0},"
                      "{\"text\": \"VF 1: mac 02:00:00:00:00:01\", \"vf\": 1},"
                      "{\"text\": \"VF 1: trust on\", \"vf\": 1},"
                      "{\"text\": \"VF 2: mac 02:00:00:00:00:02\", \"vf\": 2},"
                      "{\"text\": \"VF 2: trust off\", \"vf\": 2},"
                      "{\"text\": \"VF 3: vlan 5\", \"vf\": 3}]}]}",
                        &plain, false);

        (void) state;
        assert_string_equal(text, "0000:03:00.0\n"
                                  "|- VF 0-1  mac 02:00:00:00:00:00 ... 02:00:00:00:00:01\n"
                                  "|- VF 0-1  trust on\n"
                                  "|- VF 2    mac 02:00:00:00:00:02\n"
                                  "|- VF 2    trust off\n"
                                  "`- VF 3    vlan 5\n"
                                  "7 steps on 1 PF, worst: unknown; plan \n");
}

#define RESULT(pfs) "{\"hash\": \"" HASH "\", \"changes\": true, \"pfs\": [" pfs "]}"
#define DONE        "{\"pf\": \"0000:03:00.0\", \"netdev\": \"enp3s0\", \"result\": \"done\"}"
#define FAILED(error)                                                                              \
        "{\"pf\": \"0000:04:00.0\", \"result\": \"failed\", \"error\": \"" error "\", "            \
        "\"text\": \"why\"}"
#define PROBLEM                                                                                    \
        "{\"pf\": \"0000:05:00.0\", \"result\": \"done\", \"problems\": "                          \
        "[{\"vf\": 2, \"error\": \"InUse\", \"text\": \"qemu\"}]}"

static void test_result(void **state)
{
        _cleanup_(freep) char *text =
                drawn(RESULT(DONE "," FAILED("Io") "," PROBLEM), &plain, true);

        (void) state;
        assert_string_equal(text, "enp3s0        0000:03:00.0  done\n"
                                  "0000:04:00.0                failed\n"
                                  "`- PF  Io: why\n"
                                  "0000:05:00.0                done\n"
                                  "`- VF 2  InUse: qemu\n");
}

static void test_status(void **state)
{
        static const struct {
                const char *text;
                enum exit_status status;
        } cases[] = {
                {RESULT(""), EXIT_DONE}, {RESULT(DONE), EXIT_DONE},
                {RESULT(DONE "," FAILED("Io")), EXIT_ERROR},
                {RESULT(DONE "," FAILED("InUse")), EXIT_REFUSED},
                {RESULT(FAILED("InUse") "," FAILED("Io")), EXIT_ERROR},
                {RESULT(FAILED("")), EXIT_ERROR}, {RESULT(PROBLEM), EXIT_ERROR},
                {RESULT("{\"pf\": \"0000:03:00.0\"}"), EXIT_ERROR}, /* it does not say done */
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(planview_done) struct planview v = {0};

                parse(cases[i].text, &v);
                assert_int_equal(applied_status(&v), cases[i].status);
        }
}

static void test_copy(void **state)
{
        static const char text[] = "{\"a\":[1,4294967295,true,false,[],{}],\"é\":\"\\u001b\"}\n";
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();
        _cleanup_(json_freep) struct json *doc = NULL;
        _cleanup_(freep) char *again = NULL;
        struct fault f = FAULT_NULL;

        (void) state;
        assert_int_equal(json_parse("x", text, strlen(text), 0, &doc, &f), 0);
        json_copy(w, doc);
        assert_int_equal(json_writer_line(w, &again), 0);
        assert_string_equal(again, text);
}

/* A plan bigger than a configuration file may be. */
static void test_large(void **state)
{
        static const char step[] = "{\"text\":\"VF 1: vlan 5\",\"vf\":1,\"disruption\":\"none\"}";
        size_t n = 40000, at, size = n * sizeof(step) + 100;
        _cleanup_(planview_done) struct planview v = {0};
        _cleanup_(freep) char *text = malloc(size);

        (void) state;
        assert_non_null(text);
        assert_true(n * sizeof(step) > JSON_SIZE_MAX);
        at = (size_t) snprintf(text, size, "{\"pfs\":[{\"pf\":\"x\",\"steps\":[");
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        text[at++] = ',';
                memcpy(text + at, step, sizeof(step) - 1);
                at += sizeof(step) - 1;
        }
        memcpy(text + at, "]}]}", 5);
        parse(text, &v);
        assert_int_equal(v.pfs[0].n_steps, n);
        assert_string_equal(v.pfs[0].steps[n - 1].text, "VF 1: vlan 5");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_draw),
                cmocka_unit_test(test_colors),
                cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_newer),
                cmocka_unit_test(test_macs),
                cmocka_unit_test(test_result),
                cmocka_unit_test(test_status),
                cmocka_unit_test(test_copy),
                cmocka_unit_test(test_large),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
