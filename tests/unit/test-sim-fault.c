/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The language of faults, and when they strike. */
#include "sim/fault.h"
#include "unit.h"

static struct sim_fault parsed(const char *text)
{
        struct fault f = FAULT_NULL;
        struct sim_fault fault;

        if (sim_fault_parse(text, &fault, &f) < 0)
                fail_msg("%s: %s", text, f.text);
        return fault;
}

static void language(void **state)
{
        struct sim_fault fault;

        (void) state;
        fault = parsed("errno step=set_vf vf=3 attr=vlan error=EOPNOTSUPP nth=2 times=4");
        assert_int_equal(fault.kind, SIM_FAULT_ERRNO);
        assert_int_equal(fault.op, STEP_SET_VF);
        assert_int_equal(fault.vf, 3);
        assert_int_equal(fault.attr, VF_ATTR_VLAN);
        assert_int_equal(fault.error, EOPNOTSUPP);
        assert_int_equal(fault.nth, 2);
        assert_int_equal(fault.times, 4);
        assert_int_equal(parsed("errno error=EIO").error, EIO);
        assert_int_equal(parsed("delay ms=20 step=observe").op, SIM_OP_OBSERVE);
        assert_int_equal(parsed("partial count=3").op, STEP_SET_NUMVFS);
        assert_int_equal(parsed("partial count=3").count, 3);
        assert_int_equal(parsed("omit vf=1").times, 0);
        assert_int_equal(parsed("hang").op, SIM_OP_ANY_STEP);
        assert_int_equal(parsed("vanish").vf, NO_VF);
}

static void refusals(void **state)
{
        static const char *const cases[] = {"", " ", "explode", "errno", "errno error=EWHAT",
                "errno error=5", "delay", "delay ms=-1", "delay ms=3600001", "partial",
                "partial count=65536", "hang step=jump", "hang vf=x", "hang vf", "hang colour=red",
                "hang nth=0", "ignore attr=colour",
                ("hang step=set_numvfs                                                           "
                 "                                                                              "
                 "x")};
        struct sim_fault fault = {.id = 77};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct fault f = FAULT_NULL;

                if (sim_fault_parse(cases[i], &fault, &f) != -EINVAL)
                        fail_msg("'%s' was taken", cases[i]);
                assert_int_equal(f.code, FAULT_INVALID_ARGS);
                assert_non_null(strstr(f.text, "expected"));
                assert_int_equal(fault.id, 77);
        }
}

static void strikes(void **state)
{
        struct sim_fault fault = parsed("errno step=set_vf vf=3 error=EIO nth=2 times=2");
        const struct vf_attrs vlan = {.present = BIT(VF_ATTR_VLAN)};
        const struct vf_attrs mac = {.present = BIT(VF_ATTR_MAC)};
        bool now[6];

        (void) state;
        assert_false(
                sim_fault_strikes(&fault, STEP_SET_VF, 2, &vlan));   /* another VF: not counted */
        assert_false(sim_fault_strikes(&fault, STEP_BIND, 3, NULL)); /* another step */
        for (size_t i = 0; i < ELEMENTSOF(now); i++)
                now[i] = sim_fault_strikes(&fault, STEP_SET_VF, 3, &vlan);
        assert_memory_equal(now, ((bool[]){false, true, true, false, false, false}), sizeof(now));
        fault = parsed("ignore attr=vlan times=0");
        assert_false(sim_fault_strikes(&fault, STEP_SET_VF, 0, &mac));
        assert_false(sim_fault_strikes(&fault, STEP_RESET, 0, NULL));
        for (unsigned i = 0; i < 5; i++)
                assert_true(sim_fault_strikes(&fault, STEP_SET_VF, i, &vlan));
        fault = parsed("hang times=0"); /* any step, but no reading */
        assert_false(sim_fault_strikes(&fault, SIM_OP_OBSERVE, NO_VF, NULL));
        assert_true(sim_fault_strikes(&fault, STEP_LINK_UP, NO_VF, NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(language),
                cmocka_unit_test(refusals),
                cmocka_unit_test(strikes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
