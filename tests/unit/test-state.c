/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one writer: what it says has changed is what has changed, and names find what they name. */
#include "model/state.h"
#include "unit.h"

static struct changes apply(struct state *s, struct pf_facts facts)
{
        struct changes c = {0};

        assert_int_equal(state_apply(s, &facts, &c), 0);
        return c;
}

static void comes_changes_goes(void **state)
{
        struct state s = {0};
        struct changes c;
        struct pf_facts pf;

        (void) state;
        c = apply(&s, igb_facts(2));
        assert_int_equal(c.n, 3);
        assert_int_equal(c.list[0].kind, CHANGE_PF_ADDED);
        assert_int_equal(c.list[2].kind, CHANGE_VF_ADDED);
        changes_done(&c);

        c = apply(&s, igb_facts(2)); /* the same again: silence */
        assert_int_equal(c.n, 0);
        changes_done(&c);

        pf = igb_facts(2);
        pf.mtu = 9000;
        pf.vfs[1].attrs.vlan = 5;
        snprintf(pf.vfs[1].netdev, NETDEV_MAX, "renamed");
        c = apply(&s, pf);
        assert_int_equal(c.n, 2);
        assert_int_equal(c.list[0].kind, CHANGE_VF);
        assert_int_equal(c.list[0].vf, 1);
        assert_int_equal(c.list[0].fields, BIT(VF_ATTR_VLAN) | BIT(VF_FIELD_NETDEV));
        assert_int_equal(c.list[1].fields, BIT(PF_FIELD_MTU));
        changes_done(&c);

        pf = igb_facts(3); /* an attribute that is no longer reported is a change too */
        pf.mtu = 9000;
        pf.vfs[0].attrs.present &= ~BIT(VF_ATTR_TRUST);
        snprintf(pf.vfs[1].netdev, NETDEV_MAX, "renamed");
        pf.vfs[1].attrs.vlan = 5;
        c = apply(&s, pf);
        assert_int_equal(c.n, 3);
        assert_int_equal(c.list[0].fields, BIT(VF_ATTR_TRUST));
        assert_int_equal(c.list[1].kind, CHANGE_VF_ADDED);
        /* ... and what a driver leaves out, it does not have */
        assert_int_equal(c.list[2].fields, BIT(PF_FIELD_NUM_VFS) | BIT(PF_FIELD_CAPABILITIES));
        changes_done(&c);

        c = (struct changes){0};
        assert_int_equal(state_remove(&s, &s.pfs[0]->facts.id, &c), 0);
        assert_int_equal(c.n, 4);
        assert_int_equal(c.list[0].kind, CHANGE_VF_REMOVED);
        assert_int_equal(c.list[3].kind, CHANGE_PF_REMOVED);
        changes_done(&c);
        state_done(&s);
}

static void new_driver_new_capabilities(void **state)
{
        struct state s = {0};
        struct changes c = {0};
        struct pf_facts pf = igb_facts(0);
        const struct dev_id id = pf.id;

        (void) state;
        changes_done(&c);
        c = apply(&s, pf);
        changes_done(&c);
        assert_int_equal(state_learn(&s, &id, VF_SETTING_LINK_STATE, FAULT_NOT_SUPPORTED, &c), 0);
        assert_int_equal(c.n, 1);
        assert_int_equal(c.list[0].fields, BIT(PF_FIELD_CAPABILITIES));
        assert_int_equal(state_learn(&s, &id, VF_SETTING_LINK_STATE, FAULT_NOT_SUPPORTED, &c), 0);
        assert_int_equal(c.n, 1);
        changes_done(&c);
        pf = igb_facts(0);
        snprintf(pf.driver, sizeof(pf.driver), "vfio-pci");
        c = apply(&s, pf);
        assert_int_equal(c.list[0].fields, BIT(PF_FIELD_CAPABILITIES) | BIT(PF_FIELD_DRIVER));
        assert_int_equal(state_pf(&s, &id)->caps.of[VF_SETTING_LINK_STATE], CAP_UNKNOWN);
        changes_done(&c);
        assert_int_equal(state_set_activity(&s, &id, PF_STUCK, &c), 0);
        assert_int_equal(state_set_activity(&s, &id, PF_STUCK, &c), 0);
        assert_int_equal(c.n, 1);
        changes_done(&c);
        state_done(&s);
}

static void finds_by_name(void **state)
{
        static const struct {
                const char *name;
                int r;
                uint32_t vf;
        } cases[] = {
                {"enp1s0", 0, NO_VF},
                {"0000:01:00.0", 0, NO_VF},
                {"pci/0000:01:00.0", 0, NO_VF},
                {"enp1s0/2", 0, 2},
                {"pci/0000:01:00.0/0", 0, 0},
                {"0000:01:10.2", 0, 1},
                {"enp1s0v1", 0, 1},
                {"enp1s0/3", -ENOENT, 0},
                {"enp1s0/-1", -ENOENT, 0},
                {"enp1s0/02", -ENOENT, 0},
                {"eth9", -ENOENT, 0},
                {"", -EINVAL, 0},
                {"/", -ENOENT, 0},
                {"../../etc/passwd", -ENOENT, 0},
                {"\xff", -EINVAL, 0},
        };
        struct state s = {0};
        struct changes c = apply(&s, igb_facts(3));

        (void) state;
        changes_done(&c);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const struct pf_entry *pf = NULL;
                struct fault f = FAULT_NULL;
                uint32_t vf = 77;

                assert_int_equal(state_find(&s, cases[i].name, &pf, &vf, &f), cases[i].r);
                assert_int_equal(vf, cases[i].r ? 77 : cases[i].vf);
                if (cases[i].r == 0)
                        assert_non_null(pf);
        }
        state_done(&s);
}

/* One group of two devices; the address, driver and class of the second and the type are given. */
static struct groups pair(
        const char *type, const char *address, const char *driver, uint32_t pci_class)
{
        struct groups g = {.list = calloc(1, sizeof(struct group_facts)), .n = 1};
        struct group_facts *group = g.list;

        group->id = 9;
        snprintf(group->type, sizeof(group->type), "%s", type);
        group->devices = calloc(2, sizeof(struct group_device));
        group->n_devices = 2;
        snprintf(group->devices[0].address, BDF_STR_MAX, "0000:05:00.0");
        snprintf(group->devices[1].address, BDF_STR_MAX, "%s", address);
        snprintf(group->devices[1].driver, DRIVER_MAX, "%s", driver);
        group->devices[1].pci_class = pci_class;
        return g;
}

/* Whatever the bus shows of a group counts: type, addresses, drivers, classes. */
static void group_changes(void **state)
{
        struct groups readings[] = {
                pair("DMA", "0000:05:00.1", "igb", 0x020000),
                pair("DMA-FQ", "0000:05:00.1", "igb", 0x020000),
                pair("DMA-FQ", "0000:05:00.2", "igb", 0x020000),
                pair("DMA-FQ", "0000:05:00.2", "", 0x020000),
                pair("DMA-FQ", "0000:05:00.2", "", 0x060400), /* a bridge is no endpoint */
        };
        struct groups again = pair("DMA-FQ", "0000:05:00.2", "", 0x060400);
        struct state s = {0};
        struct changes c = {0};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(readings); i++) {
                assert_int_equal(state_apply_groups(&s, &readings[i], &c), 0);
                assert_int_equal(c.n, i + 1);
                assert_int_equal(c.list[i].kind, i ? CHANGE_GROUP : CHANGE_GROUP_ADDED);
        }
        assert_int_equal(state_apply_groups(&s, &again, &c), 0);
        assert_int_equal(c.n, ELEMENTSOF(readings)); /* the same again: silence */
        changes_done(&c);
        state_done(&s);
}

/* The verdict on a group depends on more than its members and their drivers. */
static void verdict_changes(void **state)
{
        struct state s = {0};
        struct changes c = {0};
        size_t n = 1;

        (void) state;
        for (unsigned i = 0; i < 13; i++) {
                struct groups g = pair("DMA", "0000:05:00.1", "igb", 0x020000);
                struct groups again;

                g.bridges = calloc(1, sizeof(*g.bridges));
                assert_non_null(g.bridges);
                g.n_bridges = i >= 1;
                snprintf(g.bridges->address, BDF_STR_MAX, "0000:00:0%u.0", i >= 2);
                snprintf(g.bridges->parent, BDF_STR_MAX, "%s", i >= 3 ? "0000:00:01.0" : "");
                snprintf(g.bridges->kind, WORD_MAX, "%s", i >= 4 ? "root-port" : "bridge");
                g.bridges->group = i >= 5;
                g.bridges->acs = i >= 6;
                g.iommu.interrupt_remap = i >= 7;
                g.iommu.unsafe_interrupts = i >= 8;
                g.iommu.noiommu = i >= 9;
                snprintf(g.list->devices[0].parent, BDF_STR_MAX, "%s",
                        i >= 10 ? "0000:00:01.0" : "");
                snprintf(g.list->devices[0].physfn, BDF_STR_MAX, "%s",
                        i >= 11 ? "0000:00:01.0" : "");
                g.list->n_reserved = i >= 12;
                assert_int_equal(groups_copy(&g, &again), 0);
                assert_int_equal(state_apply_groups(&s, &g, &c), 0);
                assert_int_equal(c.n, n);
                assert_int_equal(c.list[i].kind, i ? CHANGE_GROUP : CHANGE_GROUP_ADDED);
                assert_int_equal(state_apply_groups(&s, &again, &c), 0);
                assert_int_equal(c.n, n++); /* the same again: silence */
        }
        changes_done(&c);
        state_done(&s);
}

static void groups_and_order(void **state)
{
        struct state s = {0};
        struct changes c = {0};
        struct groups g = {.list = calloc(2, sizeof(struct group_facts)), .n = 2};

        (void) state;
        g.list[0].id = 3;
        g.list[1].id = 9;
        assert_int_equal(state_apply_groups(&s, &g, &c), 0);
        assert_int_equal(c.n, 2);
        changes_done(&c);
        g = (struct groups){.list = calloc(1, sizeof(struct group_facts)), .n = 1};
        g.list[0].id = 9;
        g.list[0].devices = calloc(1, sizeof(struct group_device));
        g.list[0].n_devices = 1;
        assert_int_equal(state_apply_groups(&s, &g, &c), 0);
        assert_int_equal(c.n, 2);
        assert_int_equal(c.list[0].kind, CHANGE_GROUP_REMOVED);
        assert_int_equal(c.list[1].kind, CHANGE_GROUP);
        assert_non_null(groups_find(&s.groups, 9));
        assert_null(groups_find(&s.groups, 3));
        changes_done(&c);
        for (int i = 9; i >= 0; i--) { /* sorted, whatever the order of arrival */
                struct pf_facts pf;
                struct dev_id id;

                snprintf(id.str, sizeof(id.str), "pci/0000:%02x:00.0", (unsigned) i * 7 % 10);
                pf_facts_init(&pf, &id);
                assert_int_equal(state_apply(&s, &pf, &c), 0);
        }
        for (size_t i = 1; i < s.n_pfs; i++)
                assert_true(strcmp(s.pfs[i - 1]->facts.id.str, s.pfs[i]->facts.id.str) < 0);
        changes_done(&c);
        state_done(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(comes_changes_goes),
                cmocka_unit_test(new_driver_new_capabilities),
                cmocka_unit_test(finds_by_name),
                cmocka_unit_test(group_changes),
                cmocka_unit_test(verdict_changes),
                cmocka_unit_test(groups_and_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
