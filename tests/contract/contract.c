/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every backend must do, seen through the seam: the same cases run against sriov-sim always
 * and against sriovd-host in the guest with real igb hardware. Where the two differ the simulation
 * is wrong.
 *
 *   CONTRACT_BACKEND   unix:PATH of the backend
 *   CONTRACT_PF        PCI address of an 82576-like PF: driver igb, 7 VFs, well isolated, nobody
 * else uses it CONTRACT_OTHER_PF  another one CONTRACT_HOLD      shell command that opens the vfio
 * device of VF $VF (address $ADDRESS) until CONTRACT_RELEASE
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <systemd/sd-event.h>

#include "backend/client.h"
#include "model/group.h"

#define PATIENCE_USEC                                                                              \
        60000000ull /* far more than anything here takes: a machine may be slow, a test may not    \
                       flake */

/* One connection, and the latest answer to each kind of question. */
struct seat {
        sd_event *event;
        struct backend_client *client;
        bool connected, answered;
        unsigned touched, steps_done;
        struct dev_id pf, other;
        struct fault fault;
        uint32_t done;
        struct pf_facts facts;
        struct dev_id ids[64];
        size_t n_ids;
        struct holder holders[8];
        size_t n_holders;
        struct groups groups;
};

static void on_connected(void *userdata, const char *name, const char *version)
{
        struct seat *s = userdata;

        assert_true(name[0] && version[0]);
        s->connected = true;
}

static void on_lost(void *userdata)
{
        struct seat *s = userdata;

        s->connected = false;
}

static void on_touched(void *userdata, const struct dev_id *pf)
{
        struct seat *s = userdata;

        s->touched += !pf->str[0] || dev_id_equal(pf, &s->pf);
}

static void on_step_done(void *userdata, const struct dev_id *pf, uint32_t done, uint32_t total)
{
        struct seat *s = userdata;

        assert_true(done <= total);
        s->steps_done += dev_id_equal(pf, &s->pf);
}

static void take(struct seat *s, struct pf_facts *facts)
{
        pf_facts_done(&s->facts);
        if (!facts)
                return;
        s->facts = *facts;
        facts->vfs = NULL;
        facts->n_vfs = 0;
}

static void on_list(void *userdata, const struct dev_id *ids, size_t n, const struct fault *f)
{
        struct seat *s = userdata;

        s->fault = *f;
        s->n_ids = n < ELEMENTSOF(s->ids) ? n : ELEMENTSOF(s->ids);
        if (s->n_ids > 0)
                memcpy(s->ids, ids, s->n_ids * sizeof(*ids));
        s->answered = true;
}

static void on_observe(
        void *userdata, const struct dev_id *pf, struct pf_facts *facts, const struct fault *f)
{
        struct seat *s = userdata;

        (void) pf;
        s->fault = *f;
        take(s, facts);
        s->answered = true;
}

static void on_groups(void *userdata, struct groups *groups, const struct fault *f)
{
        struct seat *s = userdata;

        s->fault = *f;
        groups_done(&s->groups);
        s->groups = *groups;
        *groups = (struct groups){0};
        s->answered = true;
}

static void on_holders(
        void *userdata, const struct holder *holders, size_t n, const struct fault *f)
{
        struct seat *s = userdata;

        s->fault = *f;
        s->n_holders = n < ELEMENTSOF(s->holders) ? n : ELEMENTSOF(s->holders);
        if (s->n_holders > 0)
                memcpy(s->holders, holders, s->n_holders * sizeof(*holders));
        s->answered = true;
}

static void on_run(void *userdata, const struct dev_id *pf, uint32_t done, struct pf_facts *facts,
        const struct fault *f)
{
        struct seat *s = userdata;

        (void) pf;
        s->fault = *f;
        s->done = done;
        take(s, facts);
        s->answered = true;
}

static void turn_until(struct seat *s, const bool *what)
{
        uint64_t end = now_usec() + PATIENCE_USEC;

        while (!*what) {
                assert_true(now_usec() < end);
                assert_true(sd_event_run(s->event, 100000) >= 0);
        }
}

static void turn_for(struct seat *s, uint64_t usec)
{
        uint64_t end = now_usec() + usec;

        while (now_usec() < end)
                assert_true(sd_event_run(s->event, 20000) >= 0);
}

static void ask(struct seat *s, int r)
{
        assert_true(r >= 0);
        s->answered = false;
        turn_until(s, &s->answered);
}

static void observe(struct seat *s)
{
        ask(s, backend_client_observe(s->client, &s->pf, on_observe, s));
        assert_int_equal(s->fault.code, FAULT_NONE);
}

static struct pf_ref ref_of(const struct dev_id *pf)
{
        return (struct pf_ref){.id = *pf, .vendor_id = 0x8086, .device_id = 0x10c9};
}

static void run_on(struct seat *s, const struct dev_id *pf, const struct step *steps, size_t n)
{
        const struct pf_ref ref = ref_of(pf);

        ask(s, backend_client_run(s->client, &ref, steps, n, PATIENCE_USEC, on_run, s));
}

static void run(struct seat *s, const struct step *steps, size_t n)
{
        run_on(s, &s->pf, steps, n);
}

static void run_ok(struct seat *s, struct step step)
{
        run(s, &step, 1);
        if (s->fault.code != FAULT_NONE)
                print_error("%s: %s\n", step_kind_name(step.kind), s->fault.text);
        assert_int_equal(s->fault.code, FAULT_NONE);
        assert_int_equal(s->done, 1);
}

static void run_refused(struct seat *s, struct step step, enum fault_code code)
{
        run(s, &step, 1);
        if (s->fault.code != code)
                print_error("%s: %s, wanted %s\n", fault_code_name(s->fault.code), s->fault.text,
                        fault_code_name(code));
        assert_int_equal(s->fault.code, code);
        assert_int_equal(s->fault.step, 0);
        assert_int_equal(s->done, 0);
        assert_true(s->fault.text[0]);
}

static struct step numvfs(uint32_t n)
{
        return (struct step){.kind = STEP_SET_NUMVFS, .vf = NO_VF, .value = n};
}

static struct step attr(uint32_t vf, enum vf_attr what, const char *value)
{
        struct step step = {.kind = STEP_SET_VF, .vf = vf, .setting = vf_attr_table[what].setting};

        assert_int_equal(vf_attrs_set_text(&step.attrs, what, value, NULL), 0);
        for (unsigned i = 0; i < VF_ATTR_MAX; i++) /* what goes with it in the same message */
                if (vf_attr_table[i].setting == step.setting && i != what)
                        vf_attrs_copy(&step.attrs, &vf_attrs_baseline, BIT(i));
        return step;
}

static struct step on_vf(enum step_kind kind, uint32_t vf, const char *name)
{
        struct step step = {.kind = kind, .vf = vf};

        assert_int_equal(str_copy(step.name, sizeof(step.name), name), 0);
        return step;
}

static int connect_seat(void **state)
{
        static const struct backend_client_events events = {
                on_connected, on_lost, on_touched, on_step_done};
        struct seat *s = calloc(1, sizeof(*s));
        const char *pf = getenv("CONTRACT_PF"), *other = getenv("CONTRACT_OTHER_PF");
        const char *backend = getenv("CONTRACT_BACKEND");

        if (!s || !pf || !other || !backend || dev_id_from_address(pf, &s->pf) < 0 ||
                dev_id_from_address(other, &s->other) < 0) {
                print_error("CONTRACT_BACKEND, CONTRACT_PF and CONTRACT_OTHER_PF must be set\n");
                return -1;
        }
        if (sd_event_new(&s->event) < 0 ||
                backend_client_new(s->event, backend, &events, s, &s->client) < 0)
                return -1;
        turn_until(s, &s->connected);
        *state = s;
        return 0;
}

static int disconnect_seat(void **state)
{
        struct seat *s = *state;

        backend_client_free(s->client);
        sd_event_unref(s->event);
        pf_facts_done(&s->facts);
        groups_done(&s->groups);
        free(s);
        return 0;
}

/* Every case begins with no VFs and autoprobe on. */
static int clean(void **state)
{
        struct seat *s = *state;

        run_ok(s, numvfs(0));
        run_ok(s, (struct step){.kind = STEP_SET_AUTOPROBE, .vf = NO_VF, .value = 1});
        run_ok(s, (struct step){.kind = STEP_LINK_UP, .vf = NO_VF});
        return 0;
}

static void the_pf_is_what_it_is(void **state)
{
        struct seat *s = *state;
        bool found = false;

        ask(s, backend_client_list(s->client, on_list, s));
        assert_int_equal(s->fault.code, FAULT_NONE);
        for (size_t i = 0; i < s->n_ids; i++) {
                assert_true(dev_id_valid(&s->ids[i]));
                assert_true(i == 0 || strcmp(s->ids[i - 1].str, s->ids[i].str) < 0);
                found = found || dev_id_equal(&s->ids[i], &s->pf);
        }
        assert_true(found);
        observe(s);
        assert_string_equal(s->facts.driver, "igb");
        assert_int_equal(s->facts.vendor_id, 0x8086);
        assert_int_equal(s->facts.device_id, 0x10c9);
        assert_int_equal(s->facts.vf_device_id, 0x10ca);
        assert_int_equal(s->facts.pci_class, 0x020000);
        assert_int_equal(s->facts.total_vfs, 7);
        assert_int_equal(s->facts.num_vfs, 0);
        assert_int_equal(s->facts.offset, 128);
        assert_int_equal(s->facts.stride, 2);
        assert_int_equal(s->facts.autoprobe, 1);
        assert_int_equal(s->facts.n_netdevs, 1);
        assert_int_equal(s->facts.mtu, 1500);
        assert_true(s->facts.has_mac && s->facts.admin_up && s->facts.iommu_group >= 0);
        assert_string_equal(s->facts.busy_step, "");
        /* behind a root port of its own, on the card's only bus */
        assert_true(startswith(s->facts.path, "0000:00:"));
        assert_string_equal(s->facts.path + strlen("0000:00:01.0"), "/00.0");
}

static void an_unknown_pf_is_gone(void **state)
{
        const struct dev_id nobody = {"pci/0000:fe:1f.7"};
        struct seat *s = *state;
        const struct step step = numvfs(1);

        ask(s, backend_client_observe(s->client, &nobody, on_observe, s));
        assert_int_equal(s->fault.code, FAULT_GONE);
        run_on(s, &nobody, &step, 1);
        assert_int_equal(s->fault.code, FAULT_GONE);
}

static void another_card_in_the_slot_is_refused(void **state)
{
        struct seat *s = *state;
        struct pf_ref ref = ref_of(&s->pf);
        const struct step step = numvfs(2);

        ref.device_id = 0x1521;
        ask(s, backend_client_run(s->client, &ref, &step, 1, PATIENCE_USEC, on_run, s));
        assert_int_equal(s->fault.code, FAULT_GONE);
        observe(s);
        assert_int_equal(s->facts.num_vfs, 0);
}

static void counts(void **state)
{
        struct seat *s = *state;
        unsigned touched = s->touched, steps = s->steps_done;

        run_refused(s, numvfs(8), FAULT_INVALID_ARGS);
        assert_int_equal(s->fault.error, ERANGE);
        run_ok(s, numvfs(7));
        assert_int_equal(s->facts.num_vfs, 7);
        assert_int_equal(s->facts.n_vfs, 7);
        assert_int_equal(s->steps_done, steps + 1);
        run_ok(s, numvfs(7)); /* so already */
        run_refused(s, numvfs(3), FAULT_VFS_EXIST);
        assert_int_equal(s->fault.error, EBUSY);
        assert_int_equal(s->facts.num_vfs, 7);
        run_ok(s, numvfs(0));
        assert_int_equal(s->facts.n_vfs, 0);
        turn_for(s, 500000);
        assert_true(s->touched > touched);
}

static void new_vfs_are_at_their_defaults(void **state)
{
        struct seat *s = *state;
        struct bdf pf, vf;

        assert_int_equal(parse_bdf(dev_id_address(&s->pf), &pf), 0);
        for (unsigned round = 0; round < 2; round++) { /* the second time after something was set */
                run_ok(s, numvfs(3));
                for (uint32_t i = 0; i < 3; i++) {
                        const struct vf_facts *v = &s->facts.vfs[i];

                        assert_int_equal(v->index, i);
                        assert_int_equal(parse_bdf(v->address, &vf), 0);
                        assert_int_equal(
                                vf.bus << 8 | vf.devfn, (pf.bus << 8 | pf.devfn) + 128 + 2 * i);
                        assert_true(v->attrs_known);
                        assert_true(
                                vf_attrs_has(&v->attrs, VF_ATTR_MAC) && mac_is_zero(&v->attrs.mac));
                        assert_true(vf_attrs_has(&v->attrs, VF_ATTR_VLAN) && v->attrs.vlan == 0);
                        assert_true(vf_attrs_has(&v->attrs, VF_ATTR_SPOOFCHK) && v->attrs.spoofchk);
                        assert_true(vf_attrs_has(&v->attrs, VF_ATTR_TRUST) && !v->attrs.trust);
                        assert_true(vf_attrs_has(&v->attrs, VF_ATTR_LINK_STATE) &&
                                    v->attrs.link_state == VF_LINK_AUTO);
                        assert_true(v->attrs.min_tx_rate == 0 && v->attrs.max_tx_rate == 0);
                        assert_string_equal(v->driver_override, "");
                        assert_non_null(strstr(v->reset_methods, "flr"));
                        assert_true(v->iommu_group >= 0 && v->iommu_group != s->facts.iommu_group);
                        assert_true(i == 0 || v->iommu_group != v[-1].iommu_group);
                }
                run_ok(s, attr(1, VF_ATTR_MAC, "02:00:00:00:00:11"));
                run_ok(s, attr(1, VF_ATTR_VLAN, "9"));
                run_ok(s, numvfs(0));
        }
}

static void attributes_are_set_and_read_back(void **state)
{
        static const struct {
                enum vf_attr attr;
                const char *value;
        } values[] = {
                {VF_ATTR_MAC, "02:00:00:00:00:12"},
                {VF_ATTR_VLAN, "4094"},
                {VF_ATTR_SPOOFCHK, "off"},
                {VF_ATTR_TRUST, "on"},
                {VF_ATTR_MAX_TX_RATE, "100"},
                {VF_ATTR_MAX_TX_RATE, "0"},
                {VF_ATTR_VLAN, "0"},
                {VF_ATTR_TRUST, "off"},
                {VF_ATTR_SPOOFCHK, "on"},
                {VF_ATTR_MAC, "00:00:00:00:00:00"},
        };
        struct step vlan = attr(1, VF_ATTR_VLAN, "100");
        struct seat *s = *state;
        char text[VF_ATTR_STR_MAX];

        run_ok(s, numvfs(2));
        for (uint64_t end = now_usec() + PATIENCE_USEC; !streq(s->facts.link_state, "up");
                observe(s))
                assert_true(now_usec() < end); /* igb takes a rate only while the link is up */
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                run_ok(s, attr(1, values[i].attr, values[i].value));
                vf_attrs_format(&s->facts.vfs[1].attrs, values[i].attr, text);
                assert_string_equal(text, values[i].value);
        }
        vlan.attrs.qos = 5;
        run_ok(s, vlan);
        assert_int_equal(s->facts.vfs[1].attrs.qos, 5);
        assert_int_equal(s->facts.vfs[0].attrs.vlan, 0); /* nobody else's */
}

static void attributes_are_refused(void **state)
{
        struct seat *s = *state;
        struct step ad = attr(0, VF_ATTR_VLAN_PROTO, "802.1ad");

        ad.attrs.vlan = 5;
        run_ok(s, numvfs(2));
        run_refused(s, attr(0, VF_ATTR_LINK_STATE, "disable"), FAULT_NOT_SUPPORTED);
        run_refused(s, attr(0, VF_ATTR_QUERY_RSS, "on"), FAULT_NOT_SUPPORTED);
        run_refused(s, ad, FAULT_NOT_SUPPORTED);
        run_refused(s, attr(0, VF_ATTR_MIN_TX_RATE, "10"), FAULT_INVALID_ARGS);
        run_refused(s, attr(2, VF_ATTR_VLAN, "5"), FAULT_NOT_FOUND);
        run_refused(s, (struct step){.kind = STEP_SET_VF, .vf = 0, .setting = VF_SETTING_VLAN},
                FAULT_INVALID_ARGS);
        observe(s);
        assert_int_equal(s->facts.vfs[0].attrs.vlan, 0);
}

static void a_plan_stops_at_the_first_failure(void **state)
{
        struct seat *s = *state;
        struct step steps[] = {numvfs(2), attr(0, VF_ATTR_VLAN, "7"),
                attr(0, VF_ATTR_LINK_STATE, "disable"), attr(1, VF_ATTR_VLAN, "8")};

        run(s, steps, ELEMENTSOF(steps));
        assert_int_equal(s->fault.code, FAULT_NOT_SUPPORTED);
        assert_int_equal(s->fault.step, 2);
        assert_int_equal(s->done, 2);
        assert_int_equal(s->facts.vfs[0].attrs.vlan, 7);
        assert_int_equal(s->facts.vfs[1].attrs.vlan, 0);
        steps[3].setting = VF_SETTING_MAC; /* nonsense is refused before the first step runs */
        steps[0] = numvfs(0);
        run(s, steps, ELEMENTSOF(steps));
        assert_int_equal(s->fault.code, FAULT_INVALID_ARGS);
        observe(s);
        assert_int_equal(s->facts.num_vfs, 2);
}

static void autoprobe_off_leaves_vfs_alone(void **state)
{
        struct seat *s = *state;

        run_ok(s, (struct step){.kind = STEP_SET_AUTOPROBE, .vf = NO_VF, .value = 0});
        assert_int_equal(s->facts.autoprobe, 0);
        run_ok(s, numvfs(2));
        assert_string_equal(s->facts.vfs[0].driver, "");
        run_refused(s, on_vf(STEP_BIND, 0, "igbvf"), FAULT_NOT_SUPPORTED); /* the kernel's ENODEV */
        assert_string_equal(s->facts.vfs[0].driver, "");
}

static void drivers(void **state)
{
        const struct step to_vfio[] = {on_vf(STEP_SET_OVERRIDE, 0, "vfio-pci"),
                on_vf(STEP_BIND, 0, "vfio-pci"), on_vf(STEP_CLEAR_OVERRIDE, 0, "")};
        struct seat *s = *state;

        run_ok(s, (struct step){.kind = STEP_SET_AUTOPROBE, .vf = NO_VF, .value = 0});
        run_ok(s, numvfs(2));
        run(s, to_vfio, 1);
        assert_string_equal(s->facts.vfs[0].driver_override, "vfio-pci");
        run(s, to_vfio, ELEMENTSOF(to_vfio));
        assert_int_equal(s->fault.code, FAULT_NONE);
        assert_string_equal(s->facts.vfs[0].driver, "vfio-pci");
        assert_string_equal(s->facts.vfs[0].driver_override, "");
        assert_int_equal(s->facts.vfs[0].enable, 0);
        assert_false(vf_facts_held(&s->facts.vfs[0]));
        run_ok(s, on_vf(STEP_RESET, 0, ""));
        run_ok(s, on_vf(STEP_UNBIND, 0, ""));
        assert_string_equal(s->facts.vfs[0].driver, "");
        run_ok(s, (struct step){.kind = STEP_SET_AUTOPROBE, .vf = NO_VF, .value = 1});
        run_ok(s, on_vf(STEP_BIND, 0, "igbvf"));
        assert_string_equal(s->facts.vfs[0].driver, "igbvf");
        run_refused(s, on_vf(STEP_BIND, 1, "no-such-driver"), FAULT_NOT_SUPPORTED);
        assert_string_equal(s->facts.vfs[1].driver, "");
}

static void the_kernel_chooses_a_driver(void **state)
{
        struct seat *s = *state;

        run_ok(s, (struct step){.kind = STEP_SET_AUTOPROBE, .vf = NO_VF, .value = 0});
        run_ok(s, numvfs(2));
        run_refused(s, on_vf(STEP_PROBE, 0, ""), FAULT_NOT_SUPPORTED);
        assert_string_equal(s->facts.vfs[0].driver, "");
        run_ok(s, (struct step){.kind = STEP_SET_AUTOPROBE, .vf = NO_VF, .value = 1});
        run_ok(s, on_vf(STEP_PROBE, 0, ""));
        assert_string_equal(s->facts.vfs[0].driver, "igbvf");
        assert_string_equal(s->facts.vfs[1].driver, ""); /* nobody else's */
        run_ok(s, on_vf(STEP_PROBE, 0, ""));             /* so already */
        assert_string_equal(s->facts.vfs[0].driver, "igbvf");
        run_ok(s, on_vf(STEP_SET_OVERRIDE, 1, "vfio-pci"));
        run_ok(s, on_vf(STEP_PROBE, 1, ""));
        assert_string_equal(s->facts.vfs[1].driver, "vfio-pci");
        run_refused(s, on_vf(STEP_PROBE, 2, ""), FAULT_NOT_FOUND);
}

static void groups(void **state)
{
        struct seat *s = *state;

        run_ok(s, numvfs(2));
        ask(s, backend_client_groups(s->client, on_groups, s));
        for (uint32_t i = 0; i < 2; i++) {
                const struct group_facts *g = groups_find(&s->groups, s->facts.vfs[i].iommu_group);

                assert_non_null(g);
                assert_int_equal(g->n_devices, 1);
                assert_string_equal(g->devices[0].address, s->facts.vfs[i].address);
        }
        assert_non_null(groups_find(&s->groups, s->facts.iommu_group));
}

/* What was foretold of VFs is so when they are there, and every way to them can be walked. */
static void verdicts_come_true(void **state)
{
        struct seat *s = *state;
        struct group_report foretold, is;

        observe(s);
        ask(s, backend_client_groups(s->client, on_groups, s));
        assert_int_equal(s->groups.iommu.present, 1);
        assert_int_equal(s->groups.iommu.interrupt_remap, 1);
        assert_true(group_predict(&s->groups, &s->facts, &foretold));
        run_ok(s, numvfs(3));
        ask(s, backend_client_groups(s->client, on_groups, s));
        for (uint32_t i = 0; i < 3; i++) {
                const struct vf_facts *vf = &s->facts.vfs[i];
                const struct group_facts *g = groups_find(&s->groups, vf->iommu_group);
                _cleanup_(freep) struct group_hop *hops = NULL;
                const struct bridge_facts *b;
                size_t n = 0;

                assert_non_null(g);
                group_judge(&s->groups, g, vf->address, &is);
                assert_int_equal(is.verdict, foretold.verdict);
                assert_string_equal(g->devices[g->n_devices - 1].physfn, dev_id_address(&s->pf));
                assert_int_equal(group_path(&s->groups, g, &hops, &n), 0);
                assert_true(n > 0);
                b = hops[n - 1].bridge;
                assert_string_equal(g->devices[g->n_devices - 1].parent, b->address);
                for (size_t k = n; k-- > 0; b = groups_bridge(&s->groups, b->parent)) {
                        assert_non_null(b);
                        assert_string_equal(hops[k].bridge->address, b->address);
                        assert_string_equal(b->kind, k == 0       ? "root-port"
                                                     : k % 2 == 1 ? "upstream"
                                                                  : "downstream");
                        assert_int_equal(hops[k].isolates, 1);
                }
                assert_null(b);
        }
}

static void hook(const char *variable, const char *address)
{
        const char *command = getenv(variable);

        assert_non_null(command);
        assert_int_equal(setenv("ADDRESS", address, 1) | setenv("VF", "1", 1), 0);
        assert_int_equal(system(command), 0);
}

static void wait_enable(struct seat *s, int32_t enable)
{
        for (uint64_t end = now_usec() + PATIENCE_USEC; s->facts.vfs[1].enable != enable;
                observe(s))
                assert_true(now_usec() < end);
}

static void a_held_vf_is_not_harmed(void **state)
{
        const struct step to_vfio[] = {on_vf(STEP_SET_OVERRIDE, 1, "vfio-pci"),
                on_vf(STEP_BIND, 1, "vfio-pci"), on_vf(STEP_CLEAR_OVERRIDE, 1, "")};
        struct step destroy = numvfs(0), other = numvfs(1);
        struct seat *s = *state;
        const struct pf_ref ref = ref_of(&s->pf);
        char address[BDF_STR_MAX];

        run_ok(s, (struct step){.kind = STEP_SET_AUTOPROBE, .vf = NO_VF, .value = 0});
        run_ok(s, numvfs(2));
        run(s, to_vfio, ELEMENTSOF(to_vfio));
        memcpy(address, s->facts.vfs[1].address, sizeof(address));
        hook("CONTRACT_HOLD", address);
        wait_enable(s, 1);
        assert_true(vf_facts_held(&s->facts.vfs[1]));
        ask(s, backend_client_holders(s->client, &s->pf, NO_VF, on_holders, s));
        assert_int_equal(s->n_holders, 1);
        assert_int_equal(s->holders[0].vf, 1);
        ask(s, backend_client_holders(s->client, &s->pf, 0, on_holders, s));
        assert_int_equal(s->n_holders, 0);
        run_refused(s, destroy, FAULT_IN_USE);
        assert_non_null(strstr(s->fault.text, "/dev/vfio/"));
        run_refused(s, on_vf(STEP_UNBIND, 1, ""), FAULT_IN_USE);
        run_refused(s, on_vf(STEP_RESET, 1, ""), FAULT_IN_USE);
        assert_int_equal(s->facts.num_vfs, 2);

        /* Forced: the kernel waits for the holder, and we wait beside it, not with it. */
        destroy.force = true;
        s->answered = false;
        assert_true(
                backend_client_run(s->client, &ref, &destroy, 1, PATIENCE_USEC, on_run, s) >= 0);
        turn_for(s, 3000000);
        assert_false(s->answered);
        ask(s, backend_client_observe(s->client, &s->pf, on_observe, s));
        assert_string_equal(s->facts.busy_step, "set_numvfs");
        assert_true(s->facts.busy_usec >= 2000000);
        run_on(s, &s->other, &other, 1);
        assert_int_equal(s->fault.code, FAULT_BUSY);
        assert_non_null(strstr(s->fault.text, dev_id_address(&s->pf)));
        run(s, to_vfio, 1);
        assert_int_equal(s->fault.code, FAULT_BUSY);
        s->answered = false;
        hook("CONTRACT_RELEASE", address);
        turn_until(s, &s->answered);
        assert_int_equal(s->fault.code, FAULT_NONE);
        assert_int_equal(s->facts.num_vfs, 0);
        assert_string_equal(s->facts.busy_step, "");
}

/* Opens the node of VF 0's group as uid, where there is one: "" when that went as it must. */
static void check_open(struct seat *s, uint32_t uid, bool allowed)
{
        const char *command = getenv("CONTRACT_OPEN");
        char number[16];

        if (!command) /* sriov-sim has no nodes; the guest's suite sees to it that it is given */
                return;
        snprintf(number, sizeof(number), "%u", uid);
        assert_int_equal(setenv("OPEN_UID", number, 1), 0);
        assert_int_equal(setenv("OPEN_ALLOWED", allowed ? "yes" : "no", 1), 0);
        snprintf(number, sizeof(number), "%d", s->facts.vfs[0].iommu_group);
        assert_int_equal(setenv("OPEN_GROUP", number, 1), 0);
        assert_int_equal(system(command), 0);
}

static struct step access_of(uint32_t vf, uint32_t uid)
{
        return (struct step){.kind = STEP_SET_ACCESS, .vf = vf, .value = uid};
}

static void to_vfio(struct seat *s, uint32_t vf)
{
        run_ok(s, on_vf(STEP_SET_OVERRIDE, vf, "vfio-pci"));
        run_ok(s, on_vf(STEP_BIND, vf, "vfio-pci"));
        run_ok(s, on_vf(STEP_CLEAR_OVERRIDE, vf, ""));
}

static void access_to_the_vfio_group(void **state)
{
        struct seat *s = *state;

        run_ok(s, (struct step){.kind = STEP_SET_AUTOPROBE, .vf = NO_VF, .value = 0});
        run_ok(s, numvfs(2));
        run_refused(s, access_of(0, 12345), FAULT_NO_DRIVER);
        assert_int_equal(s->facts.vfs[0].access_uid, -1);
        run_ok(s, access_of(0, ACCESS_NOBODY)); /* so already */
        to_vfio(s, 0);
        assert_int_equal(s->facts.vfs[0].access_uid, -1);
        check_open(s, 12345, false);
        run_ok(s, access_of(0, 12345));
        assert_int_equal(s->facts.vfs[0].access_uid, 12345);
        assert_int_equal(s->facts.vfs[1].access_uid, -1);
        check_open(s, 12345, true);
        check_open(s, 12346, false);
        run_ok(s, access_of(0, 12345)); /* so already */
        run_ok(s, access_of(0, 12346));
        assert_int_equal(s->facts.vfs[0].access_uid, 12346);
        check_open(s, 12345, false);
        check_open(s, 12346, true);
        run_ok(s, access_of(0, ACCESS_NOBODY));
        assert_int_equal(s->facts.vfs[0].access_uid, -1);
        check_open(s, 12346, false);

        /* It ends with the node: whoever is bound next begins anew. */
        run_ok(s, access_of(0, 12345));
        run_ok(s, on_vf(STEP_UNBIND, 0, ""));
        assert_int_equal(s->facts.vfs[0].access_uid, -1);
        run_refused(s, access_of(0, 12345), FAULT_NO_DRIVER);
        to_vfio(s, 0);
        assert_int_equal(s->facts.vfs[0].access_uid, -1);
        check_open(s, 12345, false);
        run_refused(s, access_of(2, 12345), FAULT_NOT_FOUND);
        run_refused(s, access_of(0, 65535), FAULT_INVALID_ARGS);
}

int main(int argc, char *argv[])
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(the_pf_is_what_it_is, clean),
                cmocka_unit_test_setup(an_unknown_pf_is_gone, clean),
                cmocka_unit_test_setup(another_card_in_the_slot_is_refused, clean),
                cmocka_unit_test_setup(counts, clean),
                cmocka_unit_test_setup(new_vfs_are_at_their_defaults, clean),
                cmocka_unit_test_setup(attributes_are_set_and_read_back, clean),
                cmocka_unit_test_setup(attributes_are_refused, clean),
                cmocka_unit_test_setup(a_plan_stops_at_the_first_failure, clean),
                cmocka_unit_test_setup(autoprobe_off_leaves_vfs_alone, clean),
                cmocka_unit_test_setup(drivers, clean),
                cmocka_unit_test_setup(the_kernel_chooses_a_driver, clean),
                cmocka_unit_test_setup(groups, clean),
                cmocka_unit_test_setup(verdicts_come_true, clean),
                cmocka_unit_test_setup_teardown(access_to_the_vfio_group, clean, clean),
                cmocka_unit_test_setup_teardown(a_held_vf_is_not_harmed, clean, clean),
        };

        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        return cmocka_run_group_tests(tests, connect_seat, disconnect_seat);
}
