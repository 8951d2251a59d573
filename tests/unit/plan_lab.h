/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Simulated machines of one PF each for test-plan-property.c: put into a state, looked at, and run
 * plans on as a job does.
 */
#pragma once

#include "plan_cases.h"
#include "sim/kernel.h"
#include "sim/simops.h"

#define LAB_PF "pci/0000:03:00.0"

static const struct lab_machine {
        const char *profile;
        bool iommu, acs;
} lab_machines[] = {
        {"igb", true, true},
        {"ixgbe", true, true},
        {"i40e", true, true},
        {"ice", true, true},
        {"mlx5", true, true},
        {"nvme", true, true},
        {"scale", true, true},
        {"igb", true, false},
        {"nvme", true, false},
        {"ice", false, true},
};

struct lab {
        struct machine *machines[ELEMENTSOF(lab_machines)];
        struct machine *m; /* the one of this case */
        struct sim_pf *pf;
        char why[2048]; /* what is wrong with the case */
};

/* What there is to see before each round. */
struct view {
        struct pf_facts facts;
        struct groups groups;
        struct holder *holders;
        size_t n_holders;
};

static inline struct machine *lab_machine_new(const struct lab_machine *of)
{
        _cleanup_(topology_freep) struct topology *t = NULL;
        struct machine *m = NULL;
        struct fault f = FAULT_NULL;
        char text[1024];
        int n;

        n = snprintf(text, sizeof(text),
                "{ \"version\": 1, \"host\": { \"iommu\": %s, \"latency\": \"none\" },"
                "  \"bridges\": [ { \"name\": \"rp\", \"type\": \"root-port\" },"
                "    { \"name\": \"up\", \"type\": \"switch-upstream\", \"below\": \"rp\" },"
                "    { \"name\": \"down\", \"type\": \"switch-downstream\", \"below\": \"up\","
                "      \"acs\": %s } ],"
                "  \"pfs\": [ { \"profile\": \"%s\", \"below\": \"down\","
                "    \"address\": \"0000:03:00.0\", \"total_vfs\": %u } ] }",
                of->iommu ? "true" : "false", of->acs ? "true" : "false", of->profile, CASE_VFS);
        if (topology_parse("lab", text, (size_t) n, &t, &f) < 0 || machine_new(t, &m, &f) < 0)
                fail_msg("%s", f.text);
        return m;
}

static inline struct lab *lab_new(void)
{
        struct lab *lab = calloc(1, sizeof(*lab));

        assert_non_null(lab);
        for (size_t i = 0; i < ELEMENTSOF(lab_machines); i++)
                lab->machines[i] = lab_machine_new(&lab_machines[i]);
        return lab;
}

static inline void lab_free(struct lab *lab)
{
        for (size_t i = 0; i < ELEMENTSOF(lab_machines); i++)
                machine_free(lab->machines[i]);
        free(lab);
}

/* The PF as after boot. */
static inline void lab_choose(struct lab *lab, unsigned machine)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(lab->machines[machine]);
        struct sim_pf *pf = machine_slot(m, LAB_PF);

        assert_non_null(pf);
        lab->m = m;
        lab->pf = pf;
        lab->why[0] = '\0';
        for (uint32_t i = 0; i < CASE_VFS; i++)
                kernel_guest_closes(m, pf, i);
        if (!pf->driver[0])
                kernel_attach_pf(m, pf);
        assert_int_equal(kernel_set_numvfs(m, pf, 0, -1, 0), 0);
        if (pf->profile->eswitch)
                assert_int_equal(kernel_set_eswitch(m, pf, "legacy"), 0);
        if (pf->profile->netdev)
                assert_int_equal(kernel_set_mtu(m, pf, 1500), 0);
        pf->autoprobe = true;
}

static inline int lab_step(struct lab *lab, const struct step *step, struct fault *f)
{
        const struct pf_ref ref = {
                .id = lab->pf->id,
                .vendor_id = lab->pf->profile->vendor_id,
                .device_id = lab->pf->profile->device_id,
        };

        return sim_backend_ops.step(lab->m, &ref, step, f);
}

static inline uint32_t lab_held(struct lab *lab)
{
        uint32_t held = 0;

        for (unsigned i = 0; i < CASE_VFS; i++)
                if (lab->pf->vfs[i].guest[0])
                        held |= BIT(i);
        return held;
}

static inline void view_done(struct view *v)
{
        pf_facts_done(&v->facts);
        groups_done(&v->groups);
        free(v->holders);
        *v = (struct view){0};
}

static inline void lab_look(struct lab *lab, struct view *ret)
{
        const struct backend_ops *ops = &sim_backend_ops;

        view_done(ret);
        assert_int_equal(ops->observe(lab->m, &lab->pf->id, &ret->facts, NULL), 0);
        assert_int_equal(ops->groups(lab->m, &ret->groups, NULL), 0);
        assert_int_equal(
                ops->holders(lab->m, &lab->pf->id, NO_VF, &ret->holders, &ret->n_holders, NULL), 0);
}

static inline struct plan_world world_of(const struct view *v, const struct caps *caps, bool fresh)
{
        return (struct plan_world){
                .facts = &v->facts,
                .caps = caps,
                .groups = &v->groups,
                .holders = v->holders,
                .n_holders = v->n_holders,
                .fresh = fresh,
        };
}
