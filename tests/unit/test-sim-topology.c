/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The topology file: what it means, and where it is refused. */
#include "sim/address.h"
#include "unit.h"

#define BRIDGE                "{\"name\": \"rp\", \"type\": \"root-port\"}"
#define FILE_OF(bridges, pfs) "{\"version\": 1,\n \"bridges\": [" bridges "],\n \"pfs\": [" pfs "]}"

static struct topology *example(const char *name)
{
        const char *top = getenv("TOP_SRCDIR") ?: ".";
        struct topology *t = NULL;
        struct fault f = FAULT_NULL;
        char path[512];

        snprintf(path, sizeof(path), "%s/data/examples/%s", top, name);
        if (topology_read(path, &t, &f) < 0)
                fail_msg("%s", f.text);
        return t;
}

static void assert_address(const struct bdf *bdf, const char *wanted)
{
        char text[BDF_STR_MAX];

        format_bdf(text, bdf);
        assert_string_equal(text, wanted);
}

/* What Linux shows in the test guest with this hardware. */
static void guest_addresses(void **state)
{
        static const char *const bridges[] = {"0000:00:01.0", "0000:00:02.0", "0000:00:03.0",
                "0000:03:00.0", "0000:04:00.0", "0000:00:04.0", "0000:00:05.0"};
        static const char *const pfs[] = {
                "0000:01:00.0", "0000:02:00.0", "0000:05:00.0", "0000:06:00.0", "0000:07:00.0"};
        static const char *const vfs[] = {"0000:01:10.0", "0000:01:10.2", "0000:01:10.4",
                "0000:01:10.6", "0000:01:11.0", "0000:01:11.2", "0000:01:11.4"};
        _cleanup_(topology_freep) struct topology *t = example("topology-guest.json");
        struct bdf vf;

        (void) state;
        assert_int_equal(t->n_bridges, ELEMENTSOF(bridges));
        for (size_t i = 0; i < ELEMENTSOF(bridges); i++)
                assert_address(&t->bridges[i].address, bridges[i]);
        assert_int_equal(t->bridges[2].secondary, 3);
        assert_int_equal(t->bridges[2].subordinate, 5);
        assert_int_equal(t->n_pfs, ELEMENTSOF(pfs));
        for (size_t i = 0; i < ELEMENTSOF(pfs); i++)
                assert_address(&t->pfs[i].address, pfs[i]);
        for (uint32_t i = 0; i < ELEMENTSOF(vfs); i++) {
                assert_true(sim_vf_address(&t->pfs[0].address, t->pfs[0].profile, i, &vf));
                assert_address(&vf, vfs[i]);
        }
        assert_int_equal(t->pfs[0].total_vfs, 7);
        assert_int_equal(t->pfs[0].hw_total_vfs, 8);
        assert_int_equal(t->pfs[3].total_vfs, 4);
        assert_false(t->pfs[4].present);
}

static void other_examples(void **state)
{
        _cleanup_(topology_freep) struct topology *laptop = example("topology-laptop.json");
        _cleanup_(topology_freep) struct topology *scale = example("topology-scale.json");
        struct bdf vf;

        (void) state;
        assert_int_equal(laptop->n_pfs, 3);
        assert_string_equal(laptop->pfs[2].netdev, "enp59s0f0");
        assert_address(&laptop->pfs[2].address, "0000:3b:00.0");
        assert_int_equal(scale->n_pfs, 65);
        for (size_t i = 0; i < 64; i++)
                assert_int_equal(scale->pfs[i].total_vfs, 64);
        assert_int_equal(scale->pfs[64].total_vfs, 4096);
        assert_address(&scale->pfs[64].address, "0000:41:00.0");
        assert_true(sim_vf_address(&scale->pfs[64].address, scale->pfs[64].profile, 4095, &vf));
        assert_address(&vf, "0000:51:00.0");
        assert_int_equal(scale->bridges[64].subordinate, 0x51);
}

/* Two cards below bridges without addresses: the second one's bus is behind the first one's VFs. */
static void buses_for_vfs(void **state)
{
        static const char text[] = FILE_OF(
                "{\"name\": \"a\", \"type\": \"root-port\"}, {\"name\": \"b\", \"type\": "
                "\"root-port\"}",
                "{\"profile\": \"scale\", \"below\": \"a\", \"total_vfs\": 600}, {\"profile\": "
                "\"igb\", \"below\": \"b\"}, {\"profile\": \"ice\", \"address\": "
                "\"10000:80:00.0\"}");
        _cleanup_(topology_freep) struct topology *t = NULL;
        struct fault f = FAULT_NULL;

        (void) state;
        assert_int_equal(topology_parse("t", text, strlen(text), &t, &f), 0);
        assert_address(&t->pfs[0].address, "0000:01:00.0");
        assert_address(&t->pfs[1].address, "0000:04:00.0");
        assert_string_equal(t->pfs[1].netdev, "enp4s0f0");
        assert_address(&t->pfs[2].address, "10000:80:00.0");
}

struct refusal {
        const char *text, *wanted; /* how the fault's text begins */
};

static void refusals(void **state)
{
        static const struct refusal cases[] = {
                {"", "t:1:1: the text ends here"},
                {"{\"version\": 2, \"pfs\": []}", "t:1:13: version: number out of range"},
                {"{\"pfs\": []}", "t:1:1: key \"version\" is missing"},
                {"{\"version\": 1}", "t:1:1: key \"pfs\" is missing"},
                {"{\"version\": 1, \"pfs\": [],\n \"hots\": {}}",
                        "t:2:10: unknown key \"hots\"; did you mean \"host\"? expected one of: "
                        "version, host, bridges, pfs"},
                {"{\"version\": 1, \"host\": {\"latency\": \"fast\"}, \"pfs\": []}",
                        "t:1:36: latency \"fast\"; expected \"kernel\" or \"none\""},
                {FILE_OF("", "{\"profile\": \"igbx\"}"), "t:3:22: unknown profile \"igbx\""},
                {FILE_OF("", "{}"), "t:3:10: key \"profile\" is missing"},
                {FILE_OF("", "{\"profile\": \"igb\"}"), "t:3:10: a PF on a root bus"},
                {FILE_OF("", "{\"profile\": \"igb\", \"below\": \"rp\"}"),
                        "t:3:38: no bridge \"rp\""},
                {FILE_OF(BRIDGE, "{\"profile\": \"igb\", \"below\": \"rp\", \"total_vfs\": 8}"),
                        "t:3:57: total_vfs: number out of range; expected a whole number 1 to 7"},
                {FILE_OF(BRIDGE, "{\"profile\": \"igb\", \"below\": \"rp\", \"num_vfs\": 8}"),
                        "t:3:55: num_vfs: number out of range; expected a whole number 0 to 7"},
                {FILE_OF(BRIDGE,
                         "{\"profile\": \"igb\", \"below\": \"rp\", \"num_vfs\": 1, \"driver\": "
                         "false}"),
                        "t:3:55: VFs of a PF that is absent"},
                {FILE_OF(BRIDGE, "{\"profile\": \"nvme\", \"below\": \"rp\", \"netdev\": \"x\"}"),
                        "t:3:10: profile nvme has no network interface"},
                {FILE_OF(BRIDGE, "{\"profile\": \"igb\", \"below\": \"rp\", \"netdev\": \"a b\"}"),
                        "t:3:54: \"a b\" is not an interface's name"},
                {FILE_OF(BRIDGE, "{\"profile\": \"igb\", \"below\": \"rp\", \"mac\": "
                                 "\"01:00:00:00:00:00\"}"),
                        "t:3:51: \"01:00:00:00:00:00\" is not a unicast MAC"},
                {FILE_OF(BRIDGE, "{\"profile\": \"igb\", \"below\": \"rp\", \"slot\": \"3/1\"}"),
                        "t:3:52: \"3/1\" is not a slot's name; expected 1 to 23 of A-Z"},
                {FILE_OF(BRIDGE, "{\"profile\": \"igb\", \"below\": \"rp\", \"slot\": "
                                 "\"123456789012345678901234\"}"),
                        "t:3:52: \"123456789012345678901234\" is not a slot's name"},
                {FILE_OF(BRIDGE, "{\"profile\": \"igb\", \"below\": \"rp\", \"address\": \"1.0\"}"),
                        "t:3:55: \"1.0\" is not a PCI address"},
                {FILE_OF(BRIDGE "," BRIDGE, ""), "t:2:59: two bridges \"rp\""},
                {FILE_OF("{\"name\": \"d\", \"type\": \"switch-downstream\"}", ""),
                        "t:2:14: a downstream port is below an upstream port"},
                {FILE_OF("{\"name\": \"d\", \"type\": \"hub\"}", ""), "t:2:36: type \"hub\""},
                {FILE_OF(BRIDGE,
                         "{\"profile\": \"igb\", \"below\": \"rp\", \"guests\": [{\"vf\": 0, "
                         "\"name\": \"a\"}]}"),
                        "t:3:55: a guest with a VF of a PF without VFs"},
                {FILE_OF(BRIDGE,
                         "{\"profile\": \"igb\", \"below\": \"rp\", \"faults\": [\"errno\"]}"),
                        "t:3:55: fault 'errno' without error="},
                {FILE_OF(BRIDGE,
                         "{\"profile\": \"igb\", \"below\": \"rp\", \"address\": \"0000:02:00.0\"},"
                         "{\"profile\": \"igb\", \"below\": \"rp\", \"address\": "
                         "\"0000:01:00.0\"}"),
                        "t:3:116: bridge \"rp\" leads to bus 0000:02"},
                {FILE_OF(BRIDGE, "{\"profile\": \"scale\", \"below\": \"rp\"},\n"
                                 " {\"profile\": \"igb\", \"below\": \"rp\"}"),
                        "t:4:2: two functions (VFs count too) at 0000:01:00.1"},
                {FILE_OF("", "{\"profile\": \"scale\", \"address\": \"0000:f1:00.0\"}"),
                        "t:3:10: VF 4095 would be beyond bus ff"},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(topology_freep) struct topology *t = NULL;
                struct fault f = FAULT_NULL;

                if (topology_parse("t", cases[i].text, strlen(cases[i].text), &t, &f) != -EINVAL)
                        fail_msg("case %zu was taken: %s", i, cases[i].text);
                if (!startswith(f.text, cases[i].wanted))
                        fail_msg("case %zu: %s\n%s", i, cases[i].text, f.text);
                assert_null(t);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(guest_addresses),
                cmocka_unit_test(other_examples),
                cmocka_unit_test(buses_for_vfs),
                cmocka_unit_test(refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
