/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VF attributes and steps as values: every attribute printed and read back, every bound on both
 * sides. */
#include "model/step.h"
#include "unit.h"

static void round_trip(void **state)
{
        static const char *const values[VF_ATTR_MAX] = {
                [VF_ATTR_MAC] = "02:00:00:00:00:07",
                [VF_ATTR_VLAN] = "4094",
                [VF_ATTR_QOS] = "7",
                [VF_ATTR_VLAN_PROTO] = "802.1ad",
                [VF_ATTR_MIN_TX_RATE] = "10",
                [VF_ATTR_MAX_TX_RATE] = "4294967295",
                [VF_ATTR_SPOOFCHK] = "off",
                [VF_ATTR_TRUST] = "on",
                [VF_ATTR_LINK_STATE] = "disable",
                [VF_ATTR_QUERY_RSS] = "on",
                [VF_ATTR_NODE_GUID] = "00:11:22:33:44:55:66:77",
                [VF_ATTR_PORT_GUID] = "77:66:55:44:33:22:11:00",
        };
        struct vf_attrs a = {0}, b = {0};
        char text[VF_ATTR_STR_MAX];

        (void) state;
        for (unsigned i = 0; i < VF_ATTR_MAX; i++) {
                struct fault f = FAULT_NULL;

                assert_int_equal(vf_attrs_set_text(&a, i, values[i], &f), 0);
                vf_attrs_format(&a, i, text);
                assert_string_equal(text, values[i]);
                assert_int_equal(vf_attr_from_name(vf_attr_table[i].name), i);
                assert_int_equal(vf_attrs_set_text(&a, i, values[i], &f), -EINVAL); /* twice */
                assert_int_equal(f.code, FAULT_INVALID_ARGS);
        }
        assert_int_equal(a.present, BIT(VF_ATTR_MAX) - 1);
        vf_attrs_copy(&b, &a, a.present);
        assert_true(vf_attrs_equal(&a, &b));
        b.qos = 3;
        assert_int_equal(vf_attrs_differ(&a, &b), BIT(VF_ATTR_QOS));
        b.present &=
                ~BIT(VF_ATTR_QOS); /* what one does not carry does not differ, and is not equal */
        assert_int_equal(vf_attrs_differ(&a, &b), 0);
        assert_false(vf_attrs_equal(&a, &b));
        assert_int_equal(vf_attr_from_name("vlan "), VF_ATTR_MAX);
}

static void bad_values(void **state)
{
        static const struct {
                enum vf_attr attr;
                const char *text;
        } bad[] = {
                {VF_ATTR_MAC, "01:00:5e:00:00:01"},
                {VF_ATTR_MAC, "02:00"},
                {VF_ATTR_VLAN, "4095"},
                {VF_ATTR_VLAN, "-1"},
                {VF_ATTR_QOS, "8"},
                {VF_ATTR_VLAN_PROTO, "802.1x"},
                {VF_ATTR_MAX_TX_RATE, "4294967296"},
                {VF_ATTR_SPOOFCHK, "maybe"},
                {VF_ATTR_TRUST, ""},
                {VF_ATTR_LINK_STATE, "up"},
                {VF_ATTR_NODE_GUID, "1"},
                {VF_ATTR_MAC, "\x1b[2J"},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                struct vf_attrs a = {0};
                struct fault f = FAULT_NULL;

                assert_int_equal(vf_attrs_set_text(&a, bad[i].attr, bad[i].text, &f), -EINVAL);
                assert_int_equal(f.code, FAULT_INVALID_ARGS);
                assert_int_equal(a.present | a.reset, 0);
                /* the text names the attribute and the range */
                assert_non_null(strstr(f.text, vf_attr_table[bad[i].attr].name));
                assert_non_null(strstr(f.text, vf_attr_table[bad[i].attr].range));
                assert_null(strchr(f.text, '\x1b'));
        }
}

static void together(void **state)
{
        struct vf_attrs a = {.present = BIT(VF_ATTR_MIN_TX_RATE) | BIT(VF_ATTR_MAX_TX_RATE),
                .min_tx_rate = 11,
                .max_tx_rate = 10};
        struct fault f = FAULT_NULL;

        (void) state;
        assert_int_equal(vf_attrs_check(&a, &f), -EINVAL);
        assert_non_null(strstr(f.text, "11"));
        a.max_tx_rate = 0; /* unlimited */
        assert_int_equal(vf_attrs_check(&a, &f), 0);
        a = (struct vf_attrs){0};
        assert_int_equal(vf_attrs_set_text(&a, VF_ATTR_TRUST, "baseline", &f), 0);
        assert_int_equal(a.reset, BIT(VF_ATTR_TRUST));
        assert_int_equal(vf_attrs_set_text(&a, VF_ATTR_TRUST, "on", &f), -EINVAL);
        assert_int_equal(vf_attrs_set_number(&a, VF_ATTR_LINK_STATE, 3, &f), -EINVAL);
        assert_int_equal(vf_attrs_set_number(&a, VF_ATTR_MAC, 3, &f), -EINVAL);
        assert_int_equal(vf_setting_attrs(VF_SETTING_VLAN),
                BIT(VF_ATTR_VLAN) | BIT(VF_ATTR_QOS) | BIT(VF_ATTR_VLAN_PROTO));
}

static void steps(void **state)
{
        const struct step good[] = {
                {.kind = STEP_SET_NUMVFS, .vf = NO_VF, .value = 65535},
                {.kind = STEP_SET_VF,
                        .vf = 3,
                        .setting = VF_SETTING_TRUST,
                        .attrs = {.present = BIT(VF_ATTR_TRUST)}},
                {.kind = STEP_BIND, .vf = 0, .name = "vfio-pci"},
                {.kind = STEP_SET_ESWITCH, .vf = NO_VF, .name = "switchdev"},
                {.kind = STEP_SET_MTU, .vf = NO_VF, .value = 9000},
        };
        struct step bad[] = {
                {.kind = STEP_MAX, .vf = 0},
                {.kind = STEP_SET_NUMVFS, .vf = 0, .value = 1},
                {.kind = STEP_SET_NUMVFS, .vf = NO_VF, .value = 65536},
                {.kind = STEP_UNBIND, .vf = NO_VF},
                {.kind = STEP_BIND, .vf = 1, .name = "../../x"},
                {.kind = STEP_BIND, .vf = 1},
                {.kind = STEP_SET_ESWITCH, .vf = NO_VF, .name = "other"},
                {.kind = STEP_SET_VF,
                        .vf = 1,
                        .setting = VF_SETTING_VLAN,
                        .attrs = {.present = BIT(VF_ATTR_VLAN)}},
                {.kind = STEP_SET_VF, .vf = 1, .setting = VF_SETTING_MAX},
                {.kind = STEP_SET_VF,
                        .vf = 1,
                        .setting = VF_SETTING_LINK_STATE,
                        .attrs = {.present = BIT(VF_ATTR_LINK_STATE), .link_state = VF_LINK_MAX}},
                {.kind = STEP_SET_VF,
                        .vf = 1,
                        .setting = VF_SETTING_MAC,
                        .attrs = {.present = BIT(VF_ATTR_MAC), .mac = {{1}}}},
                {.kind = STEP_SET_MTU, .vf = NO_VF, .value = 67},
        };
        char text[128];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_int_equal(step_check(&good[i], NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                struct fault f = FAULT_NULL;

                assert_true(step_check(&bad[i], &f) < 0);
                assert_int_equal(f.code, FAULT_INVALID_ARGS);
        }
        for (unsigned i = 0; i < STEP_MAX; i++)
                assert_int_equal(step_kind_from_name(step_kind_name(i)), i);
        step_describe(&good[1], text, sizeof(text));
        assert_string_equal(text, "VF 3: trust off");
        step_describe(&good[2], text, sizeof(text));
        assert_string_equal(text, "VF 0: bind vfio-pci");
        assert_true(step_destructive(&good[0]));
        assert_false(step_destructive(&good[2]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(bad_values),
                cmocka_unit_test(together),
                cmocka_unit_test(steps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
