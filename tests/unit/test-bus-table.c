/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is offered on the bus: no method without a policy, paths strictly both ways, and messages
 * that are no requests. */
#include <sys/socket.h>

#include "daemon/bus_internal.h"
#include "unit.h"

static int nothing(struct bus *bus, sd_bus_message *m, struct fault *f)
{
        (void) bus;
        (void) m;
        (void) f;
        return 0;
}

static int handler(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void) m;
        (void) userdata;
        (void) error;
        return 0;
}

static int decode_nothing(sd_bus_message *m, struct request *r, struct fault *f)
{
        (void) m;
        (void) r;
        (void) f;
        return 0;
}

static int judge(struct bus *bus, sd_bus_message *m, struct judgement *ret, struct fault *f)
{
        ret->risk = RISK_CONFIGURE;
        return nothing(bus, m, f);
}

static int act(struct bus *bus, sd_bus_message *m, uint32_t uid, struct fault *f)
{
        (void) uid;
        return nothing(bus, m, f);
}

static void refused(struct bus_method row, const char *why)
{
        const struct bus_interface interface = {
                .name = "org.sriovd1.Test", .prefix = "/", .methods = &row, .n_methods = 1};
        struct fault f = FAULT_NULL;
        sd_bus_vtable *v = NULL;

        row.member = "Row";
        row.in = row.out = row.names = "";
        assert_int_equal(bus_table_build(&interface, handler, &v, &f), -EINVAL);
        assert_null(v);
        assert_non_null(strstr(f.text, "org.sriovd1.Test.Row"));
        assert_non_null(strstr(f.text, why));
}

static void test_row_without_policy(void **state)
{
        (void) state;
        refused((struct bus_method){.call = nothing}, "who may call it");
        refused((struct bus_method){.decode = decode_nothing}, "who may call it");
        refused((struct bus_method){.policy = AUTHZ_POLICY_MAX, .call = nothing}, "who may call");
        /* A change that would not go through the dispatcher's checks. */
        refused((struct bus_method){.policy = AUTHZ_BY_REQUEST, .call = nothing}, "decoded");
        refused((struct bus_method){.policy = AUTHZ_FREE, .decode = decode_nothing}, "decoded");
        refused((struct bus_method){.policy = AUTHZ_FREE}, "decoded");
        refused((struct bus_method){.policy = AUTHZ_CONFIGURE_UNLESS_OWN, .call = nothing},
                "whose it is");
        refused((struct bus_method){.policy = AUTHZ_BY_JUDGE, .act = act}, "judged by nobody");
        refused((struct bus_method){.policy = AUTHZ_BY_JUDGE, .judge = judge}, "judged by nobody");
        refused(
                (struct bus_method){
                        .policy = AUTHZ_BY_JUDGE, .judge = judge, .act = act, .call = nothing},
                "decoded");
        refused((struct bus_method){.policy = AUTHZ_FREE, .call = nothing, .act = act},
                "judged by nobody");
}

static void test_every_row(void **state)
{
        /* What everybody may call; all else asks. */
        static const char *const reading[] = {"Find", "GetHolders",
                "GetHolders" /* of a VF, of a PF */, "GetStatistics", "Plan", "PredictVfs", "Save"};
        size_t free_rows = 0;

        (void) state;
        for (unsigned i = 0; i < BUS_KIND_MAX; i++) {
                const struct bus_interface *interface = bus_interfaces[i];
                struct fault f = FAULT_NULL;
                sd_bus_vtable *v = NULL;

                assert_int_equal(bus_table_build(interface, handler, &v, &f), 0);
                free(v);
                assert_true(interface->n_properties < 64); /* bus.c's PROPERTIES_MAX */
                for (size_t k = 0; k < interface->n_methods; k++) {
                        const struct bus_method *row = &interface->methods[k];
                        bool reads = false;

                        for (size_t j = 0; j < ELEMENTSOF(reading); j++)
                                reads |= streq(row->member, reading[j]);
                        assert_int_equal(reads, row->policy == AUTHZ_FREE);
                        free_rows += reads;
                        assert_ptr_equal(bus_table_method(interface, row->member), row);
                }
                assert_null(bus_table_method(interface, "NoSuch"));
        }
        assert_int_equal(free_rows, ELEMENTSOF(reading));
}

static bool names_are(const struct bus_interface *interface, uint32_t fields, const char *expected)
{
        char *names[64], text[512] = "";

        bus_table_changed(interface, fields, names);
        for (char **n = names; *n; n++) {
                strcat(text, *n);
                strcat(text, " ");
        }
        return streq(text, expected);
}

static void test_changed_properties(void **state)
{
        (void) state;
        assert_true(names_are(&bus_pf, 0, ""));
        assert_true(names_are(&bus_pf, BIT(PF_FIELD_LINK_STATE), "LinkState AdminUp "));
        assert_true(names_are(&bus_vf, BIT(VF_ATTR_VLAN) | BIT(VF_ATTR_QOS), "Attributes "));
        assert_true(names_are(
                &bus_vf, BIT(VF_FIELD_ENABLE) | BIT(VF_FIELD_DRIVER), "Driver Enable InUse "));
        assert_true(names_are(&bus_group, BIT(0),
                "Type Verdict Reason Advice Devices Above InTheWay BreaksAt Path Reserved "));
        /* Every field that can change has a property that says so. */
        for (unsigned i = 0; i < PF_FIELD_MAX; i++)
                assert_false(names_are(&bus_pf, BIT(i), ""));
        for (unsigned i = 0; i < VF_FIELD_MAX; i++)
                assert_false(names_are(&bus_vf, BIT(i), ""));
}

static void test_paths(void **state)
{
        static const char *const wrong[] = {
                "/org/sriovd1/pf",
                "/org/sriovd1/pf/",
                "/org/sriovd1/pfx/pci_0000_3b_00_0",
                "/org/sriovd1/pf/pci_0000_3b_00",
                "/org/sriovd1/pf/pci_0000_3b_00_0_0",
                "/org/sriovd1/pf/pci_0000_3b_00_8",
                "/org/sriovd1/pf/pci_0000_3B_00_0",
                "/org/sriovd1/pf/pci_000_3b_00_0",
                "/org/sriovd1/pf/pci_0000_3b_20_0",
                "/org/sriovd1/pf/pci_00000_3b_00_0",
                "/org/sriovd1/pf/pci/0000_3b_00_0",
                "/org/sriovd1/pf/usb_0000_3b_00_0",
                "/org/sriovd1/pf/_0000_3b_00_0",
                "/org/sriovd1/pf/pci_0000_3b_00_0/",
                "/org/sriovd1/pf/pci_0000_3b_00_0/vf",
                "/org/sriovd1/pf/pci_0000_3b_00_0/vf/",
                "/org/sriovd1/pf/pci_0000_3b_00_0/vf/03",
                "/org/sriovd1/pf/pci_0000_3b_00_0/vf/+3",
                "/org/sriovd1/pf/pci_0000_3b_00_0/vf/65536",
                "/org/sriovd1/pf/pci_0000_3b_00_0/vf/3/x",
                "/org/sriovd1/pf/pci_0000_3b_00_0/3",
                "/org/sriovd1/pf/pci_0000_3b_00_0_2e_2e_2f",
                "/org/sriovd1/pf/0000_3b_00_0",
                "/org/sriovd1/pf/pci_0000_3b_00_00000000000000000000000000000000000000000",
                "/",
        };
        static const char *const ids[] = {
                "pci/0000:3b:00.0", "pci/10000:01:1f.7", "pci/ffff:ff:00.1"};
        char path[BUS_PATH_MAX];
        struct dev_id id;
        uint32_t vf, n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_int_equal(bus_path_to_device(wrong[i], &id, &vf), -EINVAL);
        for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                for (uint32_t want = 0; want <= VFS_MAX + 1; want += 5461) {
                        struct dev_id from;

                        assert_int_equal(str_copy(from.str, sizeof(from.str), ids[i]), 0);
                        want = want > VFS_MAX ? NO_VF : want;
                        bus_path_of_device(path, &from, want);
                        assert_true(sd_bus_object_path_is_valid(path));
                        assert_int_equal(bus_path_to_device(path, &id, &vf), 0);
                        assert_string_equal(id.str, ids[i]);
                        assert_int_equal(vf, want);
                        if (want == NO_VF)
                                break;
                }
        assert_int_equal(bus_path_to_number("/org/sriovd1/job/7", BUS_JOB, &n), 0);
        assert_int_equal(n, 7);
        assert_int_equal(bus_path_to_number("/org/sriovd1/job/07", BUS_JOB, &n), -EINVAL);
        assert_int_equal(bus_path_to_number("/org/sriovd1/job", BUS_JOB, &n), -EINVAL);
        assert_int_equal(bus_path_to_number("/org/sriovd1/jobs/7", BUS_JOB, &n), -EINVAL);
        assert_int_equal(bus_path_to_number("/org/sriovd1/group/7", BUS_JOB, &n), -EINVAL);
        assert_int_equal(bus_path_to_number("/org/sriovd1/job/4294967296", BUS_JOB, &n), -EINVAL);
}

/* --- messages -----------------------------------------------------------------------------------
 */

static int open_bus(void **state)
{
        static sd_bus *bus;
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 || sd_bus_new(&bus) < 0 ||
                sd_bus_set_fd(bus, fds[0], fds[0]) < 0 || sd_bus_start(bus) < 0)
                return -1;
        close(fds[1]);
        *state = bus;
        return 0;
}

static int close_bus(void **state)
{
        sd_bus_close_unref(*state);
        return 0;
}

#define MESSAGE(bus, ...)                                                                          \
        ({                                                                                         \
                sd_bus_message *_m;                                                                \
                assert_true(                                                                       \
                        sd_bus_message_new_method_call(bus, &_m, "a.b", "/", "a.b", "C") >= 0);    \
                assert_true(sd_bus_message_append(_m, __VA_ARGS__) >= 0);                          \
                assert_true(sd_bus_message_seal(_m, 1, 0) >= 0);                                   \
                _m;                                                                                \
        })

static int decode(const struct bus_interface *interface, const char *member, sd_bus_message *m,
        struct request *r, struct fault *f)
{
        int rc;

        *r = (struct request){.vf = NO_VF};
        *f = FAULT_NULL;
        rc = bus_table_method(interface, member)->decode(m, r, f);
        sd_bus_message_unref(m);
        return rc;
}

#define GOOD(interface, member, ...)                                                               \
        assert_int_equal(decode(interface, member, MESSAGE(bus, __VA_ARGS__), &r, &f), 0)
#define BAD(why, interface, member, ...)                                                           \
        do {                                                                                       \
                assert_int_equal(                                                                  \
                        decode(interface, member, MESSAGE(bus, __VA_ARGS__), &r, &f), -EINVAL);    \
                assert_int_equal(f.code, FAULT_INVALID_ARGS);                                      \
                assert_non_null(strstr(f.text, why));                                              \
        } while (0)

static void test_options(void **state)
{
        char name[DRIVER_MAX + 1];
        sd_bus *bus = *state;
        struct request r;
        struct fault f;

        GOOD(&bus_pf, "SetNumVfs", "ua{sv}", 8u, 0);
        assert_int_equal(r.kind, REQUEST_SET_NUMVFS);
        assert_int_equal(r.count, 8);
        assert_false(r.force || r.replace);
        GOOD(&bus_pf, "SetNumVfs", "ua{sv}", 8u, 3, "replace", "b", 1, "force", "b", 1, "driver",
                "s", "vfio-pci");
        assert_true(r.force && r.replace && !r.shared);
        GOOD(&bus_pf, "SetNumVfs", "ua{sv}", 8u, 2, "driver", "s", "vfio-pci", "shared", "b", 1);
        assert_true(r.shared && !r.force);
        assert_string_equal(r.driver, "vfio-pci");
        GOOD(&bus_pf, "SetAutoprobe", "ba{sv}", 1, 1, "force", "b", 0);
        assert_int_equal(r.count, 1);
        assert_false(r.force);
        GOOD(&bus_vf, "Bind", "sa{sv}", "igbvf", 0);
        assert_string_equal(r.driver, "igbvf");
        GOOD(&bus_vf, "Unbind", "a{sv}", 1, "force", "b", 1);
        assert_true(r.kind == REQUEST_UNBIND && r.force);
        GOOD(&bus_vf, "Reset", "a{sv}", 0);
        assert_int_equal(r.kind, REQUEST_RESET);

        BAD("'Force'", &bus_pf, "SetNumVfs", "ua{sv}", 8u, 1, "Force", "b", 1);
        BAD("''", &bus_pf, "SetNumVfs", "ua{sv}", 8u, 1, "", "b", 1);
        BAD("\\x1b[2J", &bus_pf, "SetNumVfs", "ua{sv}", 8u, 1, "\033[2J", "b", 1);
        BAD("twice", &bus_pf, "SetNumVfs", "ua{sv}", 8u, 2, "force", "b", 1, "force", "b", 0);
        BAD("type b, not u", &bus_pf, "SetNumVfs", "ua{sv}", 8u, 1, "force", "u", 1u);
        BAD("type b, not ai", &bus_pf, "SetNumVfs", "ua{sv}", 8u, 1, "replace", "ai", 1, 1);
        BAD("type s, not o", &bus_pf, "SetNumVfs", "ua{sv}", 8u, 1, "driver", "o", "/x");
        BAD("driver ''", &bus_pf, "SetNumVfs", "ua{sv}", 8u, 1, "driver", "s", "");
        BAD("'replace'", &bus_vf, "Unbind", "a{sv}", 1, "replace", "b", 1);
        BAD("'shared'", &bus_vf, "Unbind", "a{sv}", 1, "shared", "b", 1);
        BAD("type b, not s", &bus_vf, "Bind", "sa{sv}", "vfio-pci", 1, "shared", "s", "yes");
        BAD("'driver'", &bus_pf, "SetAutoprobe", "ba{sv}", 1, 1, "driver", "s", "igbvf");
        memset(name, 'x', sizeof(name));
        name[DRIVER_MAX] = '\0';
        BAD("xxx", &bus_vf, "Bind", "sa{sv}", name, 0);
        BAD("driver ''", &bus_vf, "Bind", "sa{sv}", "", 0);
}

static void test_attributes(void **state)
{
        sd_bus *bus = *state;
        struct request r;
        struct fault f;

        GOOD(&bus_vf, "Set", "a{sv}", 6, "mac", "s", "02:00:00:00:00:01", "vlan", "u", 4094u,
                "spoofchk", "b", 0, "link_state", "s", "disable", "qos", "s", "baseline",
                "node_guid", "s", "00:11:22:33:44:55:66:77");
        assert_int_equal(r.kind, REQUEST_SET_ATTRS);
        assert_int_equal(r.attrs.reset, BIT(VF_ATTR_QOS));
        assert_int_equal(r.attrs.present, BIT(VF_ATTR_MAC) | BIT(VF_ATTR_VLAN) |
                                                  BIT(VF_ATTR_SPOOFCHK) | BIT(VF_ATTR_LINK_STATE) |
                                                  BIT(VF_ATTR_NODE_GUID));
        assert_int_equal(r.attrs.vlan, 4094);
        assert_int_equal(r.attrs.mac.b[5], 1);
        assert_false(r.attrs.spoofchk);
        assert_int_equal(r.attrs.link_state, VF_LINK_DISABLE);
        assert_true(r.attrs.node_guid == 0x0011223344556677);
        for (unsigned i = 0; i < VF_ATTR_MAX; i++) {
                GOOD(&bus_vf, "Set", "a{sv}", 1, vf_attr_table[i].name, "s", "baseline");
                assert_int_equal(r.attrs.reset, BIT(i));
                assert_int_equal(r.attrs.present, 0);
        }

        BAD("vlan=4095", &bus_vf, "Set", "a{sv}", 1, "vlan", "u", 4095u);
        BAD("0 (none) to 4094", &bus_vf, "Set", "a{sv}", 1, "vlan", "u", UINT32_MAX);
        BAD("type u, not i", &bus_vf, "Set", "a{sv}", 1, "vlan", "i", 100);
        BAD("type u, not t", &bus_vf, "Set", "a{sv}", 1, "vlan", "t", (uint64_t) 100);
        BAD("vlan='100'", &bus_vf, "Set", "a{sv}", 1, "vlan", "s", "100");
        BAD("qos=8", &bus_vf, "Set", "a{sv}", 1, "qos", "u", 8u);
        BAD("trust='on'", &bus_vf, "Set", "a{sv}", 1, "trust", "s", "on");
        BAD("type b, not u", &bus_vf, "Set", "a{sv}", 1, "trust", "u", 1u);
        BAD("type s, not b", &bus_vf, "Set", "a{sv}", 1, "mac", "b", 1);
        BAD("mac=01:00:5e", &bus_vf, "Set", "a{sv}", 1, "mac", "s", "01:00:5e:00:00:01");
        BAD("mac=02:00\\x0a", &bus_vf, "Set", "a{sv}", 1, "mac", "s", "02:00\n");
        BAD("link_state=up", &bus_vf, "Set", "a{sv}", 1, "link_state", "s", "up");
        BAD("'MAC'", &bus_vf, "Set", "a{sv}", 1, "MAC", "s", "02:00:00:00:00:01");
        BAD("'force'", &bus_vf, "Set", "a{sv}", 1, "force", "b", 1);
        BAD("twice", &bus_vf, "Set", "a{sv}", 2, "vlan", "u", 1u, "vlan", "u", 1u);
        BAD("twice", &bus_vf, "Set", "a{sv}", 2, "vlan", "u", 1u, "vlan", "s", "baseline");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_row_without_policy),
                cmocka_unit_test(test_every_row),
                cmocka_unit_test(test_changed_properties),
                cmocka_unit_test(test_paths),
                cmocka_unit_test_setup_teardown(test_options, open_bus, close_bus),
                cmocka_unit_test_setup_teardown(test_attributes, open_bus, close_bus),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
