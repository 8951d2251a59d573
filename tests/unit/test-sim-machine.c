/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The simulated machine through the seam: what Linux refuses it refuses, what waits there waits
 * here, and faults strike. Each case has a machine of its own, the test guest's hardware.
 */
#include <poll.h>
#include <pthread.h>

#include "sim/kernel.h"
#include "sim/simops.h"
#include "sim/uses.h"
#include "unit.h"

#define GOOD1 "pci/0000:01:00.0"
#define GOOD2 "pci/0000:02:00.0"
#define BAD   "pci/0000:05:00.0"
#define NVME  "pci/0000:06:00.0"
#define EMPTY "pci/0000:07:00.0"

static const struct backend_ops *const ops = &sim_backend_ops;

static int setup(void **state)
{
        const char *top = getenv("TOP_SRCDIR") ?: ".";
        _cleanup_(topology_freep) struct topology *t = NULL;
        struct machine *m = NULL;
        struct fault f = FAULT_NULL;
        char path[512];

        snprintf(path, sizeof(path), "%s/data/examples/topology-guest.json", top);
        if (topology_read(path, &t, &f) < 0 || machine_new(t, &m, &f) < 0)
                fail_msg("%s", f.text);
        *state = m;
        return 0;
}

static int teardown(void **state)
{
        machine_free(*state);
        return 0;
}

static struct pf_ref ref_of(const char *pf)
{
        struct pf_ref ref = {.vendor_id = 0x8086, .device_id = 0x10c9};

        if (streq(pf, NVME))
                ref = (struct pf_ref){.vendor_id = 0x1b36, .device_id = 0x0010};
        snprintf(ref.id.str, sizeof(ref.id.str), "%s", pf);
        return ref;
}

/* Runs a step; its fault. */
static struct fault ran(void *m, const char *pf, struct step step)
{
        struct fault f = FAULT_NULL;
        struct pf_ref ref = ref_of(pf);
        int r = ops->step(m, &ref, &step, &f);

        assert_int_equal(r, -f.error);
        assert_int_equal(r == 0, f.code == FAULT_NONE);
        return f;
}

static void works(void *m, const char *pf, struct step step)
{
        struct fault f = ran(m, pf, step);

        if (f.code != FAULT_NONE)
                fail_msg("%s", f.text);
}

static void refused(void *m, const char *pf, struct step step, enum fault_code code, int error)
{
        struct fault f = ran(m, pf, step);

        if (f.code != code || f.error != error)
                fail_msg("got %s errno %d: %s", fault_code_name(f.code), f.error, f.text);
        assert_int_not_equal(f.text[0], '\0');
}

static struct step on_pf(enum step_kind kind, uint32_t value)
{
        return (struct step){.kind = kind, .vf = NO_VF, .value = value};
}

static struct step on_vf(enum step_kind kind, uint32_t vf, const char *name)
{
        struct step step = {.kind = kind, .vf = vf};

        snprintf(step.name, sizeof(step.name), "%s", name);
        return step;
}

/* Attributes as "key=value" words; the others of the setting at their baseline. */
static struct step set(uint32_t vf, enum vf_setting setting, const char *key, const char *value)
{
        struct step step = {.kind = STEP_SET_VF, .vf = vf, .setting = setting};
        struct vf_attrs one = {0};
        struct fault f = FAULT_NULL;

        vf_attrs_copy(&step.attrs, &vf_attrs_baseline, vf_setting_attrs(setting));
        if (vf_attrs_set_text(&one, vf_attr_from_name(key), value, &f) < 0)
                fail_msg("%s", f.text);
        vf_attrs_copy(&step.attrs, &one, one.present);
        return step;
}

static struct pf_facts facts_of(void *m, const char *pf)
{
        struct pf_ref ref = ref_of(pf);
        struct fault f = FAULT_NULL;
        struct pf_facts facts;

        if (ops->observe(m, &ref.id, &facts, &f) < 0)
                fail_msg("%s", f.text);
        assert_int_equal(facts.n_vfs, facts.num_vfs);
        return facts;
}

static uint32_t count(void *m, const char *pf)
{
        struct pf_facts facts = facts_of(m, pf);
        uint32_t n = facts.n_vfs;

        pf_facts_done(&facts);
        return n;
}

static struct vf_facts vf_of(void *m, const char *pf, uint32_t i)
{
        struct pf_facts facts = facts_of(m, pf);
        struct vf_facts vf = {0};

        assert_non_null(pf_facts_vf(&facts, i));
        vf = *pf_facts_vf(&facts, i);
        pf_facts_done(&facts);
        return vf;
}

static struct sim_pf *slot(struct machine *m, const char *pf)
{
        struct sim_pf *found = machine_slot(m, pf);

        assert_non_null(found);
        return found;
}

/* A VF on vfio-pci that a guest has open. */
static void hold(struct machine *m, const char *pf, uint32_t vf)
{
        works(m, pf, on_vf(STEP_UNBIND, vf, ""));
        works(m, pf, on_vf(STEP_SET_OVERRIDE, vf, "vfio-pci"));
        works(m, pf, on_vf(STEP_BIND, vf, "vfio-pci"));
        _cleanup_(machine_unlockp) struct machine *locked = machine_lock(m);
        assert_int_equal(kernel_guest_opens(locked, slot(m, pf), vf, "web1"), 0);
}

static void let_go(struct machine *m, const char *pf, uint32_t vf)
{
        _cleanup_(machine_unlockp) struct machine *locked = machine_lock(m);

        assert_int_equal(kernel_guest_closes(locked, slot(m, pf), vf), 0);
}

static uint32_t inject(struct machine *m, const char *pf, const char *line)
{
        _cleanup_(machine_unlockp) struct machine *locked = machine_lock(m);
        struct sim_fault fault;
        uint32_t id;

        assert_int_equal(sim_fault_parse(line, &fault, NULL), 0);
        assert_int_equal(machine_inject(locked, slot(m, pf), &fault, &id), 0);
        return id;
}

/* ---- readings ----------------------------------------------------------------------------------
 */

static void list(void **state)
{
        static const char *const wanted[] = {GOOD1, GOOD2, BAD, NVME};
        struct fault f = FAULT_NULL;
        struct dev_id *ids;
        size_t n;

        assert_int_equal(ops->list(*state, &ids, &n, &f), 0);
        assert_int_equal(n, ELEMENTSOF(wanted));
        for (size_t i = 0; i < n; i++)
                assert_string_equal(ids[i].str, wanted[i]);
        free(ids);
}

/* As the guest's kernel shows a new VF of igb. */
static void new_vf(void **state)
{
        struct vf_facts vf;
        struct pf_facts pf;

        works(*state, GOOD1, on_pf(STEP_SET_NUMVFS, 7));
        pf = facts_of(*state, GOOD1);
        assert_int_equal(pf.total_vfs, 7);
        assert_int_equal(pf.n_vfs, 7);
        assert_string_equal(pf.reset_methods, "flr pm bus");
        assert_string_equal(pf.link_state, "up");
        assert_string_equal(pf.path, "0000:00:01.0/00.0");
        assert_string_equal(pf.slot, "");
        pf_facts_done(&pf);
        vf = vf_of(*state, GOOD1, 6);
        assert_string_equal(vf.address, "0000:01:11.4");
        assert_string_equal(vf.driver, "igbvf");
        assert_string_equal(vf.netdev, "enp1s0v6");
        assert_string_equal(vf.reset_methods, "flr");
        assert_int_equal(vf.enable, 1);
        assert_true(vf.attrs_known);
        assert_true(mac_is_zero(&vf.attrs.mac));
        assert_true(vf.attrs.spoofchk);
        assert_false(vf.attrs.trust);
        assert_int_equal(vf.attrs.link_state, VF_LINK_AUTO);
        assert_true(vf_attrs_has(&vf.attrs, VF_ATTR_LINK_STATE));
        assert_false(vf_attrs_has(&vf.attrs, VF_ATTR_QUERY_RSS));
        works(*state, NVME, on_pf(STEP_SET_NUMVFS, 4));
        vf = vf_of(*state, NVME, 3);
        assert_string_equal(vf.address, "0000:06:00.4");
        assert_string_equal(vf.driver, "");
        assert_false(vf.attrs_known);
        assert_int_equal(vf.enable, 0);
}

static void place(void **state)
{
        static const char root_bus[] = "{\"version\": 1, \"pfs\": [{\"profile\": \"igb\", "
                                       "\"address\": \"0000:00:03.0\", \"slot\": \"3-1\"}]}";
        _cleanup_(topology_freep) struct topology *t = NULL;
        _cleanup_(machine_freep) struct machine *other = NULL;
        struct pf_facts pf = facts_of(*state, BAD);
        struct fault f = FAULT_NULL;

        assert_string_equal(pf.path, "0000:00:03.0/00.0/00.0/00.0");
        pf_facts_done(&pf);
        assert_int_equal(topology_parse("t", root_bus, strlen(root_bus), &t, &f), 0);
        assert_int_equal(machine_new(t, &other, &f), 0);
        pf = facts_of(other, "pci/0000:00:03.0");
        assert_string_equal(pf.path, "0000:00:03.0");
        assert_string_equal(pf.slot, "3-1");
        pf_facts_done(&pf);
}

static void groups(void **state)
{
        const struct group_facts *g;
        struct groups all = {0};
        struct fault f = FAULT_NULL;
        int32_t first;

        works(*state, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        works(*state, BAD, on_pf(STEP_SET_NUMVFS, 7));
        first = vf_of(*state, GOOD1, 0).iommu_group;
        assert_int_equal(vf_of(*state, GOOD1, 1).iommu_group, first + 1);
        assert_int_equal(ops->groups(*state, &all, &f), 0);
        /* the cards and their ports each for themselves (ports are of no interest), 2 VFs, bad one
         */
        assert_int_equal(all.n, 6);
        g = groups_find(&all, first);
        assert_non_null(g);
        assert_int_equal(g->n_devices, 1);
        assert_string_equal(g->devices[0].address, "0000:01:10.0");
        g = groups_find(&all, vf_of(*state, BAD, 3).iommu_group);
        assert_non_null(g);
        assert_int_equal(g->n_devices, 9);
        assert_string_equal(g->devices[0].address, "0000:04:00.0");
        assert_string_equal(g->devices[0].driver, "pcieport");
        assert_string_equal(g->devices[1].address, "0000:05:00.0");
        groups_done(&all);
        works(*state, GOOD1, on_pf(STEP_SET_NUMVFS, 0));
        works(*state, GOOD2, on_pf(STEP_SET_NUMVFS, 1));
        works(*state, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        assert_int_equal(vf_of(*state, GOOD1, 0).iommu_group, first); /* stable in a run */
}

static void events(void **state)
{
        struct pollfd fd = {.fd = ops->event_fd(*state), .events = POLLIN};
        struct dev_id id;

        assert_int_equal(poll(&fd, 1, 0), 0);
        assert_int_equal(ops->next_event(*state, &id), 0);
        works(*state, GOOD2, on_pf(STEP_SET_NUMVFS, 2));
        works(*state, NVME, on_pf(STEP_SET_AUTOPROBE, 0));
        assert_int_equal(poll(&fd, 1, 0), 1);
        assert_int_equal(ops->next_event(*state, &id), 1);
        assert_string_equal(id.str, GOOD2);
        assert_int_equal(ops->next_event(*state, &id), 1);
        assert_string_equal(id.str, NVME);
        assert_int_equal(ops->next_event(*state, &id), 0);
        assert_int_equal(poll(&fd, 1, 0), 0);
}

/* ---- refusals ----------------------------------------------------------------------------------
 */

static void numvfs(void **state)
{
        struct machine *m = *state;
        uint32_t sriov = CFG_SRIOV + SRIOV_NUM_VF;

        refused(m, GOOD1, on_pf(STEP_SET_NUMVFS, 8), FAULT_INVALID_ARGS, ERANGE);
        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        assert_int_equal(cfgspace_read(&slot(m, GOOD1)->cfg, sriov, 2), 2);
        refused(m, GOOD1, on_pf(STEP_SET_NUMVFS, 3), FAULT_VFS_EXIST, EBUSY);
        refused(m, GOOD1, on_pf(STEP_SET_NUMVFS, 1), FAULT_VFS_EXIST, EBUSY);
        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        assert_int_equal(count(m, GOOD1), 2);
        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 0));
        assert_int_equal(count(m, GOOD1), 0);
        assert_int_equal(cfgspace_read(&slot(m, GOOD1)->cfg, sriov, 2), 0);
        kernel_detach_pf(m, slot(m, GOOD1));
        refused(m, GOOD1, on_pf(STEP_SET_NUMVFS, 8), FAULT_NO_DRIVER, ENOENT); /* 8: hardware's */
        refused(m, GOOD1, on_pf(STEP_SET_NUMVFS, 9), FAULT_INVALID_ARGS, ERANGE);
        refused(m, EMPTY, on_pf(STEP_SET_NUMVFS, 1), FAULT_GONE, ENODEV);
}

static void another_card(void **state)
{
        struct fault f = FAULT_NULL;
        struct pf_ref ref = ref_of(GOOD1);
        struct step step = on_pf(STEP_SET_NUMVFS, 1);

        ref.device_id = 0x1592;
        assert_int_equal(ops->step(*state, &ref, &step, &f), -ENODEV);
        assert_int_equal(f.code, FAULT_GONE);
        assert_int_equal(count(*state, GOOD1), 0);
}

static void attributes(void **state)
{
        const struct {
                struct step step;
                int error; /* 0: works */
        } cases[] = {
                {set(0, VF_SETTING_MAC, "mac", "02:00:00:00:00:11"), 0},
                {set(0, VF_SETTING_VLAN, "vlan", "4094"), 0},
                {set(0, VF_SETTING_VLAN, "vlan_proto", "802.1ad"), EPROTONOSUPPORT},
                {set(0, VF_SETTING_SPOOFCHK, "spoofchk", "off"), 0},
                {set(0, VF_SETTING_TRUST, "trust", "on"), 0},
                {set(0, VF_SETTING_LINK_STATE, "link_state", "enable"), EOPNOTSUPP},
                {set(0, VF_SETTING_QUERY_RSS, "query_rss", "on"), EOPNOTSUPP},
                {set(0, VF_SETTING_NODE_GUID, "node_guid", "00:11:22:33:44:55:66:77"), EOPNOTSUPP},
                {set(0, VF_SETTING_RATE, "max_tx_rate", "1000"), 0},
                {set(0, VF_SETTING_RATE, "max_tx_rate", "1001"), EINVAL},
                {set(0, VF_SETTING_RATE, "min_tx_rate", "10"), EINVAL},
        };
        struct machine *m = *state;
        struct vf_attrs raw = {.present = vf_setting_attrs(VF_SETTING_VLAN), .vlan = 4095};

        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (cases[i].error)
                        refused(m, GOOD1, cases[i].step,
                                cases[i].error == EINVAL ? FAULT_INVALID_ARGS : FAULT_NOT_SUPPORTED,
                                cases[i].error);
                else
                        works(m, GOOD1, cases[i].step);
        assert_int_equal(vf_of(m, GOOD1, 0).attrs.vlan, 4094);
        assert_int_equal(vf_of(m, GOOD1, 0).attrs.max_tx_rate, 1000);
        assert_int_equal(vf_of(m, GOOD1, 1).attrs.vlan, 0);
        /* the netlink behind the seam, with what step_check() would not let through */
        assert_int_equal(kernel_set_vf(m, slot(m, GOOD1), 0, VF_SETTING_VLAN, &raw), -EINVAL);
        raw.vlan = 1;
        raw.qos = 8;
        assert_int_equal(kernel_set_vf(m, slot(m, GOOD1), 0, VF_SETTING_VLAN, &raw), -EINVAL);
        raw.qos = 7;
        assert_int_equal(kernel_set_vf(m, slot(m, GOOD1), 2, VF_SETTING_VLAN, &raw), -EINVAL);
        assert_int_equal(kernel_set_vf(m, slot(m, GOOD1), 1, VF_SETTING_VLAN, &raw), 0);
        raw.mac = (struct mac){{1, 0, 0, 0, 0, 1}};
        assert_int_equal(kernel_set_vf(m, slot(m, GOOD1), 0, VF_SETTING_MAC, &raw), -EINVAL);
        slot(m, GOOD1)->link = false;
        refused(m, GOOD1, set(0, VF_SETTING_RATE, "max_tx_rate", "100"), FAULT_INVALID_ARGS,
                EINVAL);
        works(m, GOOD1, set(0, VF_SETTING_RATE, "max_tx_rate", "0"));
        works(m, NVME, on_pf(STEP_SET_NUMVFS, 1));
        refused(m, NVME, set(0, VF_SETTING_TRUST, "trust", "on"), FAULT_NOT_SUPPORTED, EOPNOTSUPP);
        refused(m, GOOD1, set(2, VF_SETTING_TRUST, "trust", "on"), FAULT_NOT_FOUND, ENOENT);
}

static void drivers(void **state)
{
        struct machine *m = *state;

        works(m, GOOD1, on_pf(STEP_SET_AUTOPROBE, 0));
        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        assert_string_equal(vf_of(m, GOOD1, 0).driver, "");
        refused(m, GOOD1, on_vf(STEP_BIND, 0, "igbvf"), FAULT_NOT_SUPPORTED, ENODEV);
        refused(m, GOOD1, on_vf(STEP_BIND, 0, "vfio-pci"), FAULT_NOT_SUPPORTED, ENODEV);
        refused(m, GOOD1, on_vf(STEP_BIND, 0, "nosuch"), FAULT_NOT_SUPPORTED, ENOENT);
        works(m, GOOD1, on_vf(STEP_SET_OVERRIDE, 0, "vfio-pci"));
        refused(m, GOOD1, on_vf(STEP_BIND, 0, "igbvf"), FAULT_NOT_SUPPORTED, ENODEV);
        works(m, GOOD1, on_vf(STEP_BIND, 0, "vfio-pci"));
        works(m, GOOD1, on_vf(STEP_BIND, 0, "vfio-pci"));
        refused(m, GOOD1, on_vf(STEP_BIND, 0, "igbvf"), FAULT_BUSY, EBUSY);
        assert_int_equal(vf_of(m, GOOD1, 0).enable, 0);
        works(m, GOOD1, on_vf(STEP_UNBIND, 0, ""));
        works(m, GOOD1, on_vf(STEP_UNBIND, 0, ""));
        works(m, GOOD1, on_vf(STEP_CLEAR_OVERRIDE, 0, ""));
        works(m, GOOD1, on_pf(STEP_SET_AUTOPROBE, 1));
        works(m, GOOD1, on_vf(STEP_BIND, 0, "igbvf"));
        assert_string_equal(vf_of(m, GOOD1, 0).netdev, "enp1s0v0");
        works(m, GOOD1, on_vf(STEP_SET_OVERRIDE, 1, "iavf")); /* taken, and then its probe fails */
        refused(m, GOOD1, on_vf(STEP_BIND, 1, "iavf"), FAULT_NOT_SUPPORTED, ENODEV);
        refused(m, GOOD1, (struct step){.kind = STEP_SET_MSIX, .vf = 1, .value = 4},
                FAULT_NOT_SUPPORTED, EOPNOTSUPP);
        works(m, GOOD1, on_vf(STEP_RESET, 1, ""));
        refused(m, GOOD1, (struct step){.kind = STEP_SET_ESWITCH, .vf = NO_VF, .name = "switchdev"},
                FAULT_NOT_SUPPORTED, EOPNOTSUPP);
        works(m, GOOD1, on_pf(STEP_SET_MTU, 9000));
        refused(m, GOOD1, on_pf(STEP_SET_MTU, 9711), FAULT_INVALID_ARGS, EINVAL);
}

/* The PF's own driver spoils the group for a guest. */
static void not_viable(void **state)
{
        struct machine *m = *state;

        works(m, BAD, on_pf(STEP_SET_AUTOPROBE, 0));
        works(m, BAD, on_pf(STEP_SET_NUMVFS, 2));
        works(m, BAD, on_vf(STEP_SET_OVERRIDE, 0, "vfio-pci"));
        works(m, BAD, on_vf(STEP_BIND, 0, "vfio-pci"));
        assert_int_equal(kernel_guest_opens(m, slot(m, BAD), 0, "web1"), -EPERM);
        assert_int_equal(kernel_guest_opens(m, slot(m, BAD), 1, "web1"), -ENODEV);
        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 1));
        hold(m, GOOD1, 0);
        assert_int_equal(kernel_guest_opens(m, slot(m, GOOD1), 0, "web2"), -EBUSY);
}

static void holders(void **state)
{
        struct machine *m = *state;
        struct pf_ref ref = ref_of(GOOD1);
        struct fault f = FAULT_NULL;
        struct holder *h;
        size_t n;

        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 3));
        hold(m, GOOD1, 2);
        assert_true(vf_of(m, GOOD1, 2).enable > 0);
        assert_int_equal(ops->holders(m, &ref.id, NO_VF, &h, &n, &f), 0);
        assert_int_equal(n, 1);
        assert_int_equal(h[0].vf, 2);
        assert_string_equal(h[0].kind, "guest");
        assert_string_equal(h[0].name, "guest web1");
        assert_int_equal(h[0].pid, -1);
        free(h);
        assert_int_equal(ops->holders(m, &ref.id, 1, &h, &n, &f), 0);
        assert_int_equal(n, 0);
        free(h);
        let_go(m, GOOD1, 2);
        assert_int_equal(vf_of(m, GOOD1, 2).enable, 0);
}

/* drivers_probe: the kernel's choice, where it has one and is allowed to make it. */
static void probing(void **state)
{
        struct machine *m = *state;

        works(m, GOOD1, on_pf(STEP_SET_AUTOPROBE, 0));
        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        refused(m, GOOD1, on_vf(STEP_PROBE, 0, ""), FAULT_NOT_SUPPORTED, ENODEV);
        works(m, GOOD1, on_pf(STEP_SET_AUTOPROBE, 1));
        works(m, GOOD1, on_vf(STEP_PROBE, 0, ""));
        assert_string_equal(vf_of(m, GOOD1, 0).driver, "igbvf");
        assert_string_equal(vf_of(m, GOOD1, 0).netdev, "enp1s0v0");
        works(m, GOOD1, on_vf(STEP_PROBE, 0, ""));
        assert_string_equal(vf_of(m, GOOD1, 1).driver, "");
        works(m, GOOD1, on_pf(STEP_SET_AUTOPROBE, 0)); /* an override is tried all the same */
        works(m, GOOD1, on_vf(STEP_SET_OVERRIDE, 1, "vfio-pci"));
        works(m, GOOD1, on_vf(STEP_PROBE, 1, ""));
        assert_string_equal(vf_of(m, GOOD1, 1).driver, "vfio-pci");
        refused(m, GOOD1, on_vf(STEP_PROBE, 2, ""), FAULT_NOT_FOUND, ENOENT);

        works(m, NVME, on_pf(STEP_SET_NUMVFS, 1)); /* its driver does not take VFs */
        works(m, NVME, on_vf(STEP_PROBE, 0, ""));
        assert_string_equal(vf_of(m, NVME, 0).driver, "");
}

/* A host driver does not come into a group that a guest has: really_probe(), pci_dma_configure().
 */
static void probing_in_a_group_in_use(void **state)
{
        struct machine *m = *state;

        works(m, BAD, on_pf(STEP_SET_AUTOPROBE, 0));
        works(m, BAD, on_pf(STEP_SET_NUMVFS, 2));
        works(m, BAD, on_vf(STEP_SET_OVERRIDE, 0, "vfio-pci"));
        works(m, BAD, on_vf(STEP_PROBE, 0, ""));
        snprintf(slot(m, BAD)->vfs[0].guest, GUEST_NAME_MAX, "web1");
        works(m, BAD, on_pf(STEP_SET_AUTOPROBE, 1));
        refused(m, BAD, on_vf(STEP_PROBE, 1, ""), FAULT_BUSY, EBUSY);
        assert_string_equal(vf_of(m, BAD, 1).driver, "");
        slot(m, BAD)->vfs[0].guest[0] = '\0';
}

static void plugging(void **state)
{
        struct machine *m = *state;
        struct dev_id id;

        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        while (ops->next_event(m, &id) == 1) {
        }
        machine_unplug(m, slot(m, GOOD1));
        assert_int_equal(ops->next_event(m, &id), 1);
        assert_string_equal(id.str, "");
        refused(m, GOOD1, on_pf(STEP_SET_NUMVFS, 0), FAULT_GONE, ENODEV);
        assert_int_equal(machine_plug(m, slot(m, GOOD1), sim_profile_find("mlx5")), 0);
        assert_int_equal(machine_plug(m, slot(m, GOOD1), NULL), -EEXIST);
        refused(m, GOOD1, on_pf(STEP_SET_NUMVFS, 1), FAULT_GONE, ENODEV); /* 15b3:101d now */
        assert_int_equal(facts_of(m, GOOD1).total_vfs, 128);
        assert_int_equal(machine_plug(m, slot(m, EMPTY), NULL), 0);
        works(m, EMPTY, on_pf(STEP_SET_NUMVFS, 3));
        assert_string_equal(vf_of(m, EMPTY, 2).address, "0000:07:10.4");
        /* 4096 VFs reach over the buses of others */
        machine_unplug(m, slot(m, GOOD1));
        assert_int_equal(machine_plug(m, slot(m, GOOD1), sim_profile_find("scale")), -EINVAL);
}

/* ---- faults ------------------------------------------------------------------------------------
 */

static void faults(void **state)
{
        struct machine *m = *state;
        uint32_t id;

        inject(m, GOOD1, "partial count=3");
        refused(m, GOOD1, on_pf(STEP_SET_NUMVFS, 5), FAULT_PARTIAL_COUNT, EIO);
        assert_int_equal(count(m, GOOD1), 3);
        inject(m, GOOD1, "errno step=set_vf vf=1 nth=2 error=EAGAIN");
        works(m, GOOD1, set(1, VF_SETTING_VLAN, "vlan", "5"));
        refused(m, GOOD1, set(1, VF_SETTING_VLAN, "vlan", "6"), FAULT_BUSY, EAGAIN);
        works(m, GOOD1, set(1, VF_SETTING_VLAN, "vlan", "7"));
        inject(m, GOOD1, "ignore attr=trust");
        refused(m, GOOD1, set(0, VF_SETTING_TRUST, "trust", "on"), FAULT_NOT_APPLIED, EIO);
        assert_false(vf_of(m, GOOD1, 0).attrs.trust);
        id = inject(m, GOOD1, "omit vf=2");
        assert_false(vf_of(m, GOOD1, 2).attrs_known);
        assert_true(vf_of(m, GOOD1, 1).attrs_known);
        assert_int_equal(machine_release(m, id), 0);
        assert_int_equal(machine_release(m, id), -ENOENT);
        assert_true(vf_of(m, GOOD1, 2).attrs_known);
        inject(m, GOOD1, "vanish step=reset");
        refused(m, GOOD1, on_vf(STEP_RESET, 0, ""), FAULT_GONE, ENODEV);
        works(m, GOOD2, on_pf(STEP_SET_NUMVFS, 1)); /* the others are as before */
}

/* ---- waiting -----------------------------------------------------------------------------------
 */

struct task {
        pthread_t thread;
        void *m;
        const char *pf;
        struct step step;
        struct fault f;
        bool done;
        pthread_mutex_t lock;
        pthread_cond_t changed;
};

static void *work(void *arg)
{
        struct task *t = arg;
        struct pf_ref ref = ref_of(t->pf);

        ops->step(t->m, &ref, &t->step, &t->f);
        pthread_mutex_lock(&t->lock);
        t->done = true;
        pthread_cond_signal(&t->changed);
        pthread_mutex_unlock(&t->lock);
        return NULL;
}

static void start(struct task *t, void *m, const char *pf, struct step step)
{
        *t = (struct task){.m = m, .pf = pf, .step = step, .f = FAULT_NULL};
        pthread_mutex_init(&t->lock, NULL);
        pthread_cond_init(&t->changed, NULL);
        assert_int_equal(pthread_create(&t->thread, NULL, work, t), 0);
}

/* Is it over within that time? A waiting one is asked for a short time, an ending one for long. */
static bool over(struct task *t, unsigned ms)
{
        struct timespec end;
        bool done;

        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_nsec += (long) (ms % 1000) * 1000000;
        end.tv_sec += ms / 1000 + end.tv_nsec / 1000000000;
        end.tv_nsec %= 1000000000;
        pthread_mutex_lock(&t->lock);
        while (!t->done && pthread_cond_timedwait(&t->changed, &t->lock, &end) == 0) {
        }
        done = t->done;
        pthread_mutex_unlock(&t->lock);
        return done;
}

static struct fault finished(struct task *t)
{
        assert_true(over(t, 60000));
        pthread_join(t->thread, NULL);
        pthread_cond_destroy(&t->changed);
        pthread_mutex_destroy(&t->lock);
        return t->f;
}

/* Waits until a task has got as far as it can: the machine shows it. */
static void until(struct machine *m, bool (*so)(struct machine *))
{
        for (unsigned i = 0; i < 60000; i++) {
                struct timespec pause = {.tv_nsec = 1000000};

                machine_lock(m);
                bool now = so(m);
                machine_unlockp(&m);
                if (now)
                        return;
                nanosleep(&pause, NULL);
        }
        fail_msg("waited a minute");
}

static bool first_dies(struct machine *m)
{
        return machine_find(m, GOOD1)->vfs[0].dying;
}

static bool second_locked(struct machine *m)
{
        return machine_find(m, GOOD2)->locked;
}

static bool first_unbound(struct machine *m)
{
        return machine_find(m, GOOD1)->vfs[0].driver[0] == '\0';
}

static struct step forced(struct step step)
{
        step.force = true;
        return step;
}

/* tests/vm/guest/kernel.py held(): the same on the real kernel. */
static void held(void **state)
{
        struct machine *m = *state;
        struct task destroy, other;

        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        works(m, GOOD2, on_pf(STEP_SET_NUMVFS, 2));
        hold(m, GOOD1, 0);
        start(&destroy, m, GOOD1, forced(on_pf(STEP_SET_NUMVFS, 0)));
        until(m, first_dies);
        start(&other, m, GOOD2, forced(on_pf(STEP_SET_NUMVFS, 0)));
        until(m, second_locked);
        assert_false(over(&destroy, 50));
        assert_false(over(&other, 50));
        assert_int_equal(count(m, GOOD1), 1); /* the held one's link is gone already */
        assert_int_equal(count(m, GOOD2), 2);
        works(m, GOOD1, set(1, VF_SETTING_MAC, "mac", "02:00:00:00:00:21"));
        works(m, GOOD2, set(1, VF_SETTING_MAC, "mac", "02:00:00:00:00:22"));
        let_go(m, GOOD1, 0);
        assert_int_equal(finished(&destroy).code, FAULT_NONE);
        assert_int_equal(finished(&other).code, FAULT_NONE);
        assert_int_equal(count(m, GOOD1) + count(m, GOOD2), 0);
}

static void unbind_of_held(void **state)
{
        struct machine *m = *state;
        struct task unbind;

        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 1));
        hold(m, GOOD1, 0);
        start(&unbind, m, GOOD1, forced(on_vf(STEP_UNBIND, 0, "")));
        until(m, first_unbound);
        assert_false(over(&unbind, 50));
        assert_int_equal(vf_of(m, GOOD1, 0).enable, 1);
        let_go(m, GOOD1, 0);
        assert_int_equal(finished(&unbind).code, FAULT_NONE);
}

/* The card goes while a write waits: it ends, and the others' go on. */
static void unplugged_while_held(void **state)
{
        struct machine *m = *state;
        struct task destroy, other;

        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        hold(m, GOOD1, 0);
        start(&destroy, m, GOOD1, forced(on_pf(STEP_SET_NUMVFS, 0)));
        until(m, first_dies);
        start(&other, m, GOOD2, on_pf(STEP_SET_NUMVFS, 7));
        until(m, second_locked);
        machine_lock(m);
        machine_unplug(m, slot(m, GOOD1));
        assert_int_equal(machine_plug(m, slot(m, GOOD1), NULL), 0); /* and another one comes */
        machine_unlockp(&m);
        assert_int_equal(finished(&destroy).code, FAULT_GONE);
        assert_int_equal(finished(&other).code, FAULT_NONE);
        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 7));
        assert_int_equal(count(m, GOOD1), 7);
}

/* Used in any way, it is not taken away; what is taken by force is used no more. */
static void used(void **state)
{
        static const char *const kinds[] = {"netns", "master", "upper", "address", "route", "rdma"};
        struct machine *m = *state;
        struct sim_pf *pf = slot(m, GOOD1);
        struct dev_id id = {GOOD1};
        struct holder *list;
        struct fault f;
        size_t n;

        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                assert_int_equal(machine_use(m, pf, 1, kinds[i], ""), 0);
                assert_int_equal(machine_use(m, pf, 1, kinds[i], ""), -EEXIST);
                assert_int_equal(ops->holders(m, &id, 1, &list, &n, &f), 0);
                assert_int_equal(n, 1);
                assert_int_equal(list[0].vf, 1);
                assert_string_equal(list[0].kind, kinds[i]);
                free(list);
                assert_int_equal(vf_of(m, GOOD1, 1).netdev[0] == '\0', i == 0);
                refused(m, GOOD1, on_pf(STEP_SET_NUMVFS, 0), FAULT_IN_USE, EBUSY);
                refused(m, GOOD1, on_vf(STEP_UNBIND, 1, ""), FAULT_IN_USE, EBUSY);
                refused(m, GOOD1, on_vf(STEP_RESET, 1, ""), FAULT_IN_USE, EBUSY);
                works(m, GOOD1, on_vf(STEP_RESET, 0, ""));
                assert_int_equal(machine_unuse(m, pf, 1, kinds[i]), 0);
                assert_int_equal(machine_unuse(m, pf, 1, kinds[i]), -ENOENT);
        }
        assert_int_equal(machine_use(m, pf, 1, "mount", ""), -ENODEV);
        assert_int_equal(machine_use(m, pf, 1, "nosuch", ""), -EINVAL);
        assert_int_equal(machine_use(m, pf, 2, "master", ""), -ENODEV);
        assert_int_equal(machine_use(m, pf, NO_VF, "master", ""), -EINVAL);
        assert_int_equal(machine_use(m, pf, NO_VF, "route", ""), 0);
        assert_int_equal(ops->holders(m, &id, NO_VF, &list, &n, &f), 0);
        assert_int_equal(n, 1);
        assert_int_equal(list[0].vf, NO_VF);
        free(list);
        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 0)); /* the PF's route is for the plan to judge */
        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        assert_int_equal(machine_use(m, pf, 0, "master", ""), 0);
        assert_int_equal(m->harmed, 0);
        works(m, GOOD1, forced(on_vf(STEP_UNBIND, 0, "")));
        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 0));
        assert_int_equal(m->harmed, 0); /* that was allowed */
        works(m, NVME, on_pf(STEP_SET_NUMVFS, 1));
        assert_int_equal(machine_use(m, slot(m, NVME), 0, "address", ""), -ENODEV);
        assert_int_equal(machine_use(m, slot(m, NVME), 0, "mount", "/data"), 0);
        assert_string_equal(vf_of(m, NVME, 0).driver, "nvme");
        refused(m, NVME, on_vf(STEP_UNBIND, 0, ""), FAULT_IN_USE, EBUSY);
        assert_int_equal(kernel_unbind(m, slot(m, NVME), 0, 0), 0); /* past all looks: counted */
        assert_int_equal(m->harmed, 1);
}

static void hang(void **state)
{
        struct machine *m = *state;
        struct task t;
        uint32_t id = inject(m, GOOD1, "hang step=set_autoprobe");

        start(&t, m, GOOD1, on_pf(STEP_SET_AUTOPROBE, 0));
        assert_false(over(&t, 50));
        assert_int_equal(facts_of(m, GOOD1).autoprobe, 1);
        works(m, GOOD1, on_pf(STEP_SET_MTU, 1400));
        machine_lock(m);
        assert_int_equal(machine_release(m, id), 0);
        machine_unlockp(&m);
        assert_int_equal(finished(&t).code, FAULT_NONE);
        assert_int_equal(facts_of(m, GOOD1).autoprobe, 0);
}

/* On the loop thread nothing may wait. */
static void nowait(void **state)
{
        struct machine *m = *state;

        works(m, GOOD1, on_pf(STEP_SET_NUMVFS, 2));
        hold(m, GOOD1, 1);
        assert_int_equal(kernel_set_numvfs(m, slot(m, GOOD1), 0, -1, KERNEL_NOWAIT), -EWOULDBLOCK);
        assert_int_equal(kernel_unbind(m, slot(m, GOOD1), 1, KERNEL_NOWAIT), -EWOULDBLOCK);
        assert_int_equal(count(m, GOOD1), 2);
        assert_string_equal(vf_of(m, GOOD1, 1).driver, "vfio-pci");
        let_go(m, GOOD1, 1);
        assert_int_equal(kernel_set_numvfs(m, slot(m, GOOD1), 0, -1, KERNEL_NOWAIT), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(list),
                CASE(new_vf),
                CASE(place),
                CASE(groups),
                CASE(events),
                CASE(numvfs),
                CASE(another_card),
                CASE(attributes),
                CASE(drivers),
                CASE(not_viable),
                CASE(holders),
                CASE(probing),
                CASE(probing_in_a_group_in_use),
                CASE(plugging),
                CASE(faults),
                CASE(used),
                CASE(held),
                CASE(unbind_of_held),
                CASE(unplugged_while_held),
                CASE(hang),
                CASE(nowait),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
