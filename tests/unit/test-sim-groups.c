/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOMMU groups by the kernel's rule. The first machine is the test guest's (tests/vm/run), with the
 * groups that Linux 6.1 made there.
 */
#include "sim/host/groups.h"
#include "unit.h"

#define AT(b, d, f)                                                                                \
        {                                                                                          \
                .bus = (b), .devfn = (d) << 3 | (f)                                                \
        }

struct placed {
        struct pci_node node;
        size_t group; /* the node that begins it */
        bool vfs_alone;
};

static void expect(const struct placed *machine, size_t n)
{
        struct pci_node nodes[16];

        assert_true(n <= ELEMENTSOF(nodes));
        for (size_t i = 0; i < n; i++)
                nodes[i] = machine[i].node;
        for (size_t i = 0; i < n; i++) {
                if (!nodes[i].present)
                        continue;
                assert_int_equal(pci_group_of(nodes, n, i), machine[i].group);
                if (nodes[i].type == PCI_ENDPOINT)
                        assert_int_equal(pci_vf_isolated(nodes, i), machine[i].vfs_alone);
        }
}

/* 00:01.0 to 00:04.0: root ports with ACS; behind the third a switch without. */
static void guest(void **state)
{
        static const struct placed machine[] = {
                {{AT(0, 1, 0), PCI_ROOT_PORT, -1, true, true}, 0, false},
                {{AT(0, 2, 0), PCI_ROOT_PORT, -1, true, true}, 1, false},
                {{AT(0, 3, 0), PCI_ROOT_PORT, -1, true, true}, 2, false},
                {{AT(3, 0, 0), PCI_SWITCH_UPSTREAM, 2, false, true}, 3, false},
                {{AT(4, 0, 0), PCI_SWITCH_DOWNSTREAM, 3, false, true}, 4, false},
                {{AT(0, 4, 0), PCI_ROOT_PORT, -1, true, true}, 5, false},
                {{AT(1, 0, 0), PCI_ENDPOINT, 0, false, true}, 6, true},
                {{AT(2, 0, 0), PCI_ENDPOINT, 1, false, true}, 7, true},
                /* with the downstream port, not with the upstream one: group 14 there */
                {{AT(5, 0, 0), PCI_ENDPOINT, 4, false, true}, 4, false},
                {{AT(6, 0, 0), PCI_ENDPOINT, 5, false, true}, 9, true},
        };

        (void) state;
        expect(machine, ELEMENTSOF(machine));
}

/* A root port without ACS: everything below is with it, and the ports of a slot are together. */
static void no_acs_at_the_root(void **state)
{
        static const struct placed machine[] = {
                {{AT(0, 1, 0), PCI_ROOT_PORT, -1, false, true}, 0, false},
                {{AT(0, 1, 1), PCI_ROOT_PORT, -1, false, true}, 0, false},
                {{AT(0, 1, 2), PCI_ROOT_PORT, -1, true, true}, 2, false},
                {{AT(0, 2, 0), PCI_ROOT_PORT, -1, false, true}, 3, false},
                {{AT(1, 0, 0), PCI_SWITCH_UPSTREAM, 3, false, true}, 3, false},
                {{AT(2, 0, 0), PCI_SWITCH_DOWNSTREAM, 4, true, true}, 3, false},
                {{AT(3, 0, 0), PCI_ENDPOINT, 5, false, true}, 3, false},
                {{AT(4, 0, 0), PCI_ENDPOINT, 0, false, true}, 0, false},
                {{AT(5, 0, 0), PCI_ENDPOINT, 1, false, true}, 0, false},
                {{AT(6, 0, 0), PCI_ENDPOINT, 2, false, true}, 9, true},
        };

        (void) state;
        expect(machine, ELEMENTSOF(machine));
}

/* Functions of one card behind a good port: together unless they redirect; VFs are alone always. */
static void functions_of_a_card(void **state)
{
        struct placed machine[] = {
                {{AT(0, 1, 0), PCI_ROOT_PORT, -1, true, true}, 0, false},
                {{AT(1, 0, 0), PCI_ENDPOINT, 0, false, true}, 1, true},
                {{AT(1, 0, 1), PCI_ENDPOINT, 0, false, true}, 1, true},
                {{AT(1, 0, 2), PCI_ENDPOINT, 0, true, true}, 3, true},
                {{AT(1, 1, 0), PCI_ENDPOINT, 0, false, true}, 4, true},
        };

        (void) state;
        expect(machine, ELEMENTSOF(machine));
        machine[1].node.present = false; /* the first one gone, the next begins the group */
        machine[2].group = 2;
        expect(machine, ELEMENTSOF(machine));
}

/* Switch ports with ACS: each below them alone; one without spoils only what is below it. */
static void good_switch(void **state)
{
        static const struct placed machine[] = {
                {{AT(0, 1, 0), PCI_ROOT_PORT, -1, true, true}, 0, false},
                {{AT(1, 0, 0), PCI_SWITCH_UPSTREAM, 0, false, true}, 1, false},
                {{AT(2, 0, 0), PCI_SWITCH_DOWNSTREAM, 1, true, true}, 2, false},
                {{AT(2, 1, 0), PCI_SWITCH_DOWNSTREAM, 1, false, true}, 3, false},
                {{AT(3, 0, 0), PCI_ENDPOINT, 2, false, true}, 4, true},
                {{AT(4, 0, 0), PCI_ENDPOINT, 3, false, true}, 3, false},
        };

        (void) state;
        expect(machine, ELEMENTSOF(machine));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(guest),
                cmocka_unit_test(no_acs_at_the_root),
                cmocka_unit_test(functions_of_a_card),
                cmocka_unit_test(good_switch),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
