/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sriovd-host reads of IOMMU groups, the bridges above them and the IOMMU, from a tree that
 * looks like /sys. */
#include <fcntl.h>
#include <stdio.h>

#include "host/acs.h"
#include "host/iommu.h"
#include "faketree.h"

#define RP1  "devices/pci0000:00/0000:00:01.0"
#define RP3  "devices/pci0000:00/0000:00:03.0"
#define UP   RP3 "/0000:03:00.0"
#define DOWN UP "/0000:04:00.0"

/* A function at this place, in this group; class as sysfs shows it. */
static void device(const char *where, const char *class, unsigned group)
{
        const char *address = strrchr(where, '/') + 1;
        char path[512], target[512];

        snprintf(path, sizeof(path), "%s/vendor", where);
        put(path, "0x8086\n");
        snprintf(path, sizeof(path), "%s/class", where);
        put(path, class);
        snprintf(path, sizeof(path), "bus/pci/devices/%s", address);
        snprintf(target, sizeof(target), "../../../%s", where);
        put_link(path, target);
        snprintf(path, sizeof(path), "kernel/iommu_groups/%u/type", group);
        put(path, "DMA-FQ\n");
        snprintf(path, sizeof(path), "kernel/iommu_groups/%u/devices/%s", group, address);
        snprintf(target, sizeof(target), "../../../../%s", where);
        put_link(path, target);
        snprintf(path, sizeof(path), "%s/iommu_group", where);
        snprintf(target, sizeof(target), "/x/kernel/iommu_groups/%u", group);
        put_link(path, target);
}

static void express(const char *where)
{
        char path[512];

        snprintf(path, sizeof(path), "%s/max_link_speed", where);
        put(path, "8.0 GT/s PCIe\n");
}

static void driver(const char *where, const char *name)
{
        char path[512], target[64];

        snprintf(path, sizeof(path), "%s/driver", where);
        snprintf(target, sizeof(target), "/x/bus/pci/drivers/%s", name);
        put_link(path, target);
}

/* Behind a root port of its own a PF and a VF; another behind a switch, with a VF. */
static int make_tree(_unused_ void **state)
{
        begin_tree();
        device(RP1, "0x060400\n", 1);
        device(RP1 "/0000:01:00.0", "0x020000\n", 5);
        put(RP1 "/0000:01:00.0/sriov_totalvfs", "7\n");
        put(RP1 "/0000:01:00.0/sriov_numvfs", "1\n");
        driver(RP1 "/0000:01:00.0", "igb");
        device(RP1 "/0000:01:10.0", "0x020000\n", 20);
        put_link(RP1 "/0000:01:10.0/physfn", "../0000:01:00.0");
        driver(RP1 "/0000:01:10.0", "vfio-pci");
        device(RP3, "0x060400\n", 3);
        device(UP, "0x060400\n", 4);
        device(DOWN, "0x060400\n", 14);
        driver(DOWN, "pcieport");
        device(DOWN "/0000:05:00.0", "0x020000\n", 14);
        put(DOWN "/0000:05:00.0/sriov_totalvfs", "7\n");
        put(DOWN "/0000:05:00.0/sriov_numvfs", "1\n");
        device(DOWN "/0000:05:10.0", "0x020000\n", 14);
        put_link(DOWN "/0000:05:10.0/physfn", "../0000:05:00.0");
        express(RP1);
        express(RP3);
        express(UP);
        express(DOWN);
        put("kernel/iommu_groups/14/reserved_regions",
                "0x00000000000e8000 0x00000000000e8fff direct\n"
                "0x00000000fee00000 0x00000000feefffff msi\n");
        /* Of no interest: nothing here is a PF or VF. */
        device("devices/pci0000:00/0000:00:09.0", "0x060400\n", 9);
        device("devices/pci0000:00/0000:00:09.0/0000:09:00.0", "0x010802\n", 30);
        return 0;
}

static void read_tree(struct groups *ret)
{
        int fd = -1;

        assert_int_equal(sysfs_open_root(root, &fd), 0);
        assert_int_equal(iommu_groups(fd, ret), 0);
        close(fd);
}

/* ---- groups and bridges ------------------------------------------------------------------------
 */

static void members(_unused_ void **state)
{
        _cleanup_(groups_done) struct groups g = {0};
        const struct group_facts *shared;

        read_tree(&g);
        assert_int_equal(g.n, 3);
        assert_int_equal(g.list[0].id, 5);
        assert_string_equal(g.list[0].devices[0].parent, "0000:00:01.0");
        assert_string_equal(g.list[0].devices[0].physfn, "");
        assert_int_equal(g.list[0].n_reserved, 0);
        assert_string_equal(g.list[2].devices[0].physfn, "0000:01:00.0");
        assert_string_equal(g.list[2].devices[0].parent, "0000:00:01.0");
        assert_string_equal(g.list[2].devices[0].driver, "vfio-pci");
        shared = groups_find(&g, 14);
        assert_non_null(shared);
        assert_int_equal(shared->n_devices, 3);
        assert_string_equal(shared->devices[0].address, "0000:04:00.0");
        assert_string_equal(shared->devices[0].driver, "pcieport");
        assert_string_equal(shared->devices[0].parent, "0000:03:00.0");
        assert_string_equal(shared->devices[1].parent, "0000:04:00.0");
        assert_string_equal(shared->devices[2].physfn, "0000:05:00.0");
        assert_int_equal(shared->n_reserved, 2);
        assert_int_equal(shared->reserved[0].start, 0xe8000);
        assert_int_equal(shared->reserved[0].end, 0xe8fff);
        assert_string_equal(shared->reserved[0].type, "direct");
        assert_string_equal(shared->reserved[1].type, "msi");
}

static void check_bridge(const struct groups *g, const char *address, const char *parent,
        const char *kind, int32_t group)
{
        const struct bridge_facts *b = groups_bridge(g, address);

        assert_non_null(b);
        assert_string_equal(b->parent, parent);
        assert_string_equal(b->kind, kind);
        assert_int_equal(b->group, group);
}

static void bridges(_unused_ void **state)
{
        _cleanup_(groups_done) struct groups g = {0};

        read_tree(&g);
        assert_int_equal(g.n_bridges, 4); /* not that of 0000:09:00.0 */
        for (uint32_t i = 1; i < g.n_bridges; i++)
                assert_true(strcmp(g.bridges[i - 1].address, g.bridges[i].address) < 0);
        check_bridge(&g, "0000:00:01.0", "", "root-port", 1);
        check_bridge(&g, "0000:00:03.0", "", "root-port", 3);
        check_bridge(&g, "0000:03:00.0", "0000:00:03.0", "upstream", 4);
        check_bridge(&g, "0000:04:00.0", "0000:03:00.0", "downstream", 14);
        for (uint32_t i = 0; i < g.n_bridges; i++)
                assert_int_equal(g.bridges[i].acs, ACS_UNKNOWN); /* no config that may be read */
}

/* Conventional PCI below: no link, or a bridge that a device hangs on directly. */
static void bridges_to_pci(_unused_ void **state)
{
        _cleanup_(groups_done) struct groups g = {0};
        struct groups again;

        remove_path(UP "/max_link_speed");
        remove_path(DOWN "/max_link_speed");
        device(RP3 "/0000:03:08.0", "0x060400\n", 7);
        express(RP3 "/0000:03:08.0");
        device(RP3 "/0000:03:08.0/0000:08:00.0", "0x020000\n", 7);
        put(RP3 "/0000:03:08.0/0000:08:00.0/sriov_totalvfs", "7\n");
        put(RP3 "/0000:03:08.0/0000:08:00.0/sriov_numvfs", "0\n");
        read_tree(&g);
        check_bridge(&g, "0000:03:00.0", "0000:00:03.0", "bridge", 4);
        check_bridge(&g, "0000:04:00.0", "0000:03:00.0", "bridge", 14);
        check_bridge(&g, "0000:03:08.0", "0000:00:03.0", "bridge", 7);
        remove_path("kernel/iommu_groups/7/devices/0000:08:00.0");
        remove_path("kernel/iommu_groups/7/devices/0000:03:08.0");
        express(UP);
        express(DOWN);
        read_tree(&again);
        assert_int_equal(again.n_bridges, 4);
        groups_done(&again);
}

/* A root bus behind a device (VMD): what is above it is no bridge. */
static void root_bus_behind_a_device(_unused_ void **state)
{
        _cleanup_(groups_done) struct groups g = {0};
        const struct group_facts *group;

        device("devices/pci0000:00/0000:00:0e.0/pci00e0:00/00e0:00:02.0/00e0:01:00.0", "0x010802\n",
                40);
        put("devices/pci0000:00/0000:00:0e.0/pci00e0:00/00e0:00:02.0/00e0:01:00.0/sriov_totalvfs",
                "4\n");
        put("devices/pci0000:00/0000:00:0e.0/pci00e0:00/00e0:00:02.0/00e0:01:00.0/sriov_numvfs",
                "0\n");
        read_tree(&g);
        remove_path("kernel/iommu_groups/40/devices/00e0:01:00.0");
        group = groups_find(&g, 40);
        assert_non_null(group);
        assert_string_equal(group->devices[0].parent, "00e0:00:02.0");
        assert_non_null(groups_bridge(&g, "00e0:00:02.0"));
        assert_string_equal(groups_bridge(&g, "00e0:00:02.0")->parent, "");
        assert_int_equal(groups_bridge(&g, "00e0:00:02.0")->group, -1); /* gone: not readable */
        assert_string_equal(groups_bridge(&g, "00e0:00:02.0")->kind, "bridge");
}

/* ---- the IOMMU ---------------------------------------------------------------------------------
 */

static struct iommu_facts iommu_now(void)
{
        _cleanup_(groups_done) struct groups g = {0};

        read_tree(&g);
        return g.iommu;
}

static void the_iommu(_unused_ void **state)
{
        struct iommu_facts iommu = iommu_now();

        assert_int_equal(iommu.present, 1); /* there are groups */
        assert_int_equal(iommu.interrupt_remap, -1);
        assert_int_equal(iommu.unsafe_interrupts, -1);
        assert_int_equal(iommu.noiommu, -1);
        assert_int_equal(iommu.passthrough, 0);
        assert_string_equal(iommu.name, "");

        put("class/iommu/dmar1/x", "");
        put("class/iommu/dmar0/x", "");
        put("module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N\n");
        put("module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
        put("kernel/irq/0/chip_name", "IO-APIC\n");
        put("kernel/irq/24/chip_name", "PCI-MSI\n");
        put("kernel/irq/25/chip_name", "\n");
        iommu = iommu_now();
        assert_string_equal(iommu.name, "dmar0");
        assert_int_equal(iommu.interrupt_remap, 0);
        assert_int_equal(iommu.unsafe_interrupts, 0);
        assert_int_equal(iommu.noiommu, 1);

        put("module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y\n");
        put("kernel/irq/26/chip_name", "IR-PCI-MSIX-0000:01:00.0\n");
        iommu = iommu_now();
        assert_int_equal(iommu.interrupt_remap, 1);
        assert_int_equal(iommu.unsafe_interrupts, 1);
        put("kernel/irq/26/chip_name", "ITS-MSI\n");
        assert_int_equal(iommu_now().interrupt_remap, 1);
        put("kernel/irq/26/chip_name", "XIR-PCI-MSI\n");
        assert_int_equal(iommu_now().interrupt_remap, 0);
        put("module/vfio/parameters/enable_unsafe_noiommu_mode", "maybe\n");
        assert_int_equal(iommu_now().noiommu, -1);
}

static void passthrough(_unused_ void **state)
{
        static const unsigned ids[] = {1, 3, 4, 5, 9, 14, 20, 30};
        char path[128];

        put("kernel/iommu_groups/5/type", "identity\n");
        assert_int_equal(iommu_now().passthrough, 0); /* one of many */
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                snprintf(path, sizeof(path), "kernel/iommu_groups/%u/type", ids[i]);
                put(path, "identity\n");
        }
        put("kernel/iommu_groups/7/type", "");
        put("kernel/iommu_groups/40/type", "");
        assert_int_equal(iommu_now().passthrough, 1);
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                snprintf(path, sizeof(path), "kernel/iommu_groups/%u/type", ids[i]);
                put(path, "DMA-FQ\n");
        }
}

static void garbage_in_regions(_unused_ void **state)
{
        static const struct {
                const char *text;
                uint32_t n;
        } files[] = {
                {"", 0},
                {"\n\n", 0},
                {"0x10 0x20", 0},
                {"0x20 0x10 msi\n", 0},
                {"fee00000 feefffff msi\n", 0},
                {"0xfee00000 0xfeefffff msi\n\nx\n0x1 0x2 direct-relaxable", 2},
                {"0x1 0x2 a\n0x1 0x2 a\n0x1 0x2 a\n0x1 0x2 a\n0x1 0x2 a\n0x1 0x2 a\n0x1 0x2 a\n"
                 "0x1 0x2 a\n0x1 0x2 a\n",
                        RESERVED_MAX},
        };

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_(groups_done) struct groups g = {0};

                put("kernel/iommu_groups/20/reserved_regions", files[i].text);
                read_tree(&g);
                assert_int_equal(groups_find(&g, 20)->n_reserved, files[i].n);
        }
        remove_path("kernel/iommu_groups/20/reserved_regions");
}

static void no_iommu(_unused_ void **state)
{
        char old[512], other[512];
        struct groups g;

        path_of(old, sizeof(old), "kernel/iommu_groups");
        path_of(other, sizeof(other), "kernel/elsewhere");
        assert_int_equal(rename(old, other), 0);
        read_tree(&g);
        assert_int_equal(rename(other, old), 0);
        assert_int_equal(g.n, 0);
        assert_int_equal(g.n_bridges, 0);
        assert_int_equal(g.iommu.present, g.iommu.name[0] != '\0');
        assert_int_equal(g.iommu.passthrough, -1);
        groups_done(&g);
}

/* ---- configuration space -----------------------------------------------------------------------
 */

static void set16(uint8_t *config, size_t at, uint32_t value)
{
        config[at] = (uint8_t) value;
        config[at + 1] = (uint8_t) (value >> 8);
}

static int32_t acs_of(const void *config, size_t n, char kind[static WORD_MAX])
{
        char full[512];
        int32_t acs;
        int fd;

        put_bytes(RP1 "/config", config, n);
        path_of(full, sizeof(full), RP1);
        fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        snprintf(kind, WORD_MAX, "as it was");
        acs = acs_read(fd, kind);
        close(fd);
        remove_path(RP1 "/config");
        return acs;
}

static void registers(_unused_ void **state)
{
        static const struct {
                unsigned type;
                const char *word;
        } types[] = {
                {4, "root-port"}, {5, "upstream"}, {6, "downstream"}, {7, "bridge"}, {8, "bridge"}};
        uint8_t config[4096] = {0};
        char kind[WORD_MAX];

        assert_int_equal(acs_of(config, 256, kind), ACS_NONE); /* there is no more of it */
        assert_string_equal(kind, "as it was");
        assert_int_equal(acs_of(config, 4096, kind), ACS_NONE);
        /* A power management capability, then PCI Express. */
        set16(config, 0x06, 0x10);
        config[0x34] = 0x50;
        set16(config, 0x50, 0x6001);
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                set16(config, 0x60, 0x10);
                set16(config, 0x62, types[i].type << 4 | 2);
                assert_int_equal(acs_of(config, 4096, kind), ACS_NONE);
                assert_string_equal(kind, types[i].word);
        }
        /* AER, then ACS. */
        set16(config, 0x100, 0x0001);
        set16(config, 0x102, 0x1481);
        set16(config, 0x148, 0x000d);
        set16(config, 0x14a, 0x0001);
        set16(config, 0x14c, 0x001f);
        set16(config, 0x14e, 0x001d);
        assert_int_equal(acs_of(config, 4096, kind), 0x1d);
        assert_int_equal(acs_of(config, 4096, kind) & ACS_ISOLATES, ACS_ISOLATES);
        set16(config, 0x14e, 0x0000);
        assert_int_equal(acs_of(config, 4096, kind), 0);
        set16(config, 0x14c, 0x000d); /* no upstream forwarding to switch: it is hard-wired */
        set16(config, 0x14e, 0x000d);
        assert_int_equal(acs_of(config, 4096, kind), ACS_ISOLATES);
}

/* Chains that bite their tails, lead outside, or are nothing but ones. */
static void garbage_in_registers(_unused_ void **state)
{
        uint8_t config[4096];
        char kind[WORD_MAX];
        uint64_t seed = 5;

        memset(config, 0xff, sizeof(config));
        assert_int_equal(acs_of(config, sizeof(config), kind), ACS_NONE);
        memset(config, 0, sizeof(config));
        set16(config, 0x06, 0x10);
        config[0x34] = 0x40;
        set16(config, 0x40, 0x4001);
        set16(config, 0x100, 0x0001);
        set16(config, 0x102, 0x1001);
        assert_int_equal(acs_of(config, sizeof(config), kind), ACS_NONE);
        assert_string_equal(kind, "as it was");
        set16(config, 0x102, 0xffc1);
        set16(config, 0xffc, 0x000d);
        set16(config, 0xffe, 0x0001);
        assert_int_equal(acs_of(config, sizeof(config), kind), ACS_NONE); /* cut off */
        assert_int_equal(acs_of(config, 0x104, kind), ACS_NONE);
        for (unsigned i = 0; i < 300; i++) {
                for (size_t k = 0; k < sizeof(config); k++) {
                        seed = seed * 6364136223846793005u + 1442695040888963407u;
                        config[k] = (uint8_t) (seed >> 56);
                }
                set16(config, 0x06, 0x10);
                assert_true(acs_of(config, sizeof(config) - i, kind) >= ACS_NONE);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(members),
                cmocka_unit_test(bridges),
                cmocka_unit_test(bridges_to_pci),
                cmocka_unit_test(root_bus_behind_a_device),
                cmocka_unit_test(the_iommu),
                cmocka_unit_test(passthrough),
                cmocka_unit_test(garbage_in_regions),
                cmocka_unit_test(no_iommu),
                cmocka_unit_test(registers),
                cmocka_unit_test(garbage_in_registers),
        };

        return cmocka_run_group_tests_name("host-iommu", tests, make_tree, remove_tree);
}
