/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host/ over a sysfs tree of our own: what is read, what is refused, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>

#include "host/driver.h"
#include "host/holders.h"
#include "host/host.h"
#include "host/numvfs.h"
#include "host/place.h"
#include "host/sysfs.h"
#include "host/uevent.h"
#include "faketree.h"

#define PF   "0000:3b:00.0" /* igb, three VFs */
#define BARE "0000:3c:00.0" /* no driver, no VFs, every file garbage or missing */
#define NVME "10000:01:00.0"

static void put_dir(const char *path)
{
        char full[512];

        path_of(full, sizeof(full), path);
        strcat(full, "/");
        make_parents(full);
}

static void check_file(const char *path, const char *want)
{
        char full[512], buf[64] = "";
        FILE *file;

        path_of(full, sizeof(full), path);
        file = fopen(full, "re");
        assert_non_null(file);
        buf[fread(buf, 1, sizeof(buf) - 1, file)] = '\0';
        fclose(file);
        assert_string_equal(buf, want);
}

static void device(const char *address, const char *vendor, const char *id, const char *class)
{
        char path[128], target[128];

        snprintf(path, sizeof(path), "devices/pci/%s/vendor", address);
        put(path, vendor);
        snprintf(path, sizeof(path), "devices/pci/%s/device", address);
        put(path, id);
        snprintf(path, sizeof(path), "devices/pci/%s/class", address);
        put(path, class);
        snprintf(path, sizeof(path), "bus/pci/devices/%s", address);
        snprintf(target, sizeof(target), "../../../devices/pci/%s", address);
        put_link(path, target);
}

/* VF index of PF, on driver or on none (NULL). */
static void vf(uint32_t index, const char *address, const char *driver, const char *enable)
{
        char path[128], target[128];

        device(address, "0x8086\n", "0x10ca\n", "0x020000\n");
        snprintf(path, sizeof(path), "devices/pci/" PF "/virtfn%u", index);
        snprintf(target, sizeof(target), "../%s", address);
        put_link(path, target);
        snprintf(path, sizeof(path), "devices/pci/%s/physfn", address);
        put_link(path, "../" PF);
        snprintf(path, sizeof(path), "devices/pci/%s/enable", address);
        put(path, enable);
        snprintf(path, sizeof(path), "devices/pci/%s/driver_override", address);
        put(path, "(null)\n");
        snprintf(path, sizeof(path), "devices/pci/%s/reset_method", address);
        put(path, "flr bus\n");
        snprintf(path, sizeof(path), "devices/pci/%s/iommu_group", address);
        snprintf(target, sizeof(target), "../../../kernel/iommu_groups/%u", 20 + index);
        put_link(path, target);
        snprintf(path, sizeof(path), "kernel/iommu_groups/%u/devices/%s", 20 + index, address);
        snprintf(target, sizeof(target), "../../../../devices/pci/%s", address);
        put_link(path, target);
        snprintf(path, sizeof(path), "kernel/iommu_groups/%u/type", 20 + index);
        put(path, "DMA-FQ\n");
        if (!driver)
                return;
        snprintf(path, sizeof(path), "devices/pci/%s/driver", address);
        snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver);
        put_link(path, target);
}

static int make_tree(_unused_ void **state)
{
        begin_tree();
        put("bus/pci/drivers/igb/bind", "");
        put("bus/pci/drivers/igb/unbind", "");
        put("bus/pci/drivers/vfio-pci/bind", "");
        put("bus/pci/drivers/vfio-pci/unbind", "");
        put("bus/pci/drivers_probe", "");
        put("bus/pci/slots/3/address", "0000:3c:00\n");
        put("bus/pci/slots/7-1/address", "0000:3b:00\n");
        put("bus/pci/slots/a-name-of-24-bytes-xxxxxx/address", "0000:3b:00\n");
        put("bus/pci/slots/8/address", "0000:3b:00\n");
        put("bus/pci/slots/9/address", "0000:3b\n");

        device(PF, "0x8086\n", "0x10c9\n", "0x020000\n");
        put("devices/pci/" PF "/sriov_totalvfs", "7\n");
        put("devices/pci/" PF "/sriov_numvfs", "");
        put("devices/pci/" PF "/sriov_offset", "128\n");
        put("devices/pci/" PF "/sriov_stride", "2\n");
        put("devices/pci/" PF "/sriov_vf_device", "10ca\n");
        put("devices/pci/" PF "/sriov_drivers_autoprobe", "1\n");
        put("devices/pci/" PF "/sriov_vf_total_msix", "0\n");
        put("devices/pci/" PF "/numa_node", "-1\n");
        put("devices/pci/" PF "/net/nosuch0/ifindex", "2147480001\n");
        put_link("devices/pci/" PF "/driver", "../../../bus/pci/drivers/igb");
        vf(2, "0000:3b:10.4", "vfio-pci", "1\n");
        vf(0, "0000:3b:10.0", "vfio-pci", "0\n");
        vf(1, "0000:3b:10.2", NULL, "0\n");
        put_link("devices/pci/" PF "/virtfnx", "../0000:3b:10.0");
        put_link("devices/pci/" PF "/virtfn01", "../0000:3b:10.0");
        put_link("devices/pci/" PF "/virtfn9", "../garbage");

        device(BARE, "0x15b3\n", "0x1017\n", "nonsense");
        put("devices/pci/" BARE "/sriov_totalvfs", "-4\n");
        put("devices/pci/" BARE "/sriov_numvfs", "");
        put("devices/pci/" BARE "/sriov_offset", "");
        put("devices/pci/" BARE "/sriov_stride", "99999999999999999999\n");
        put("devices/pci/" BARE "/sriov_vf_device", "123456\n");
        put("devices/pci/" BARE "/sriov_drivers_autoprobe", "7\n");
        put_bytes("devices/pci/" BARE "/numa_node", "1\0002\n", 4);
        put_bytes("devices/pci/" BARE "/reset_method", "fl\xff\xfer\n", 6);
        put_link("devices/pci/" BARE "/driver", "../../../bus/pci/drivers/\xc3\x28");
        put_link("devices/pci/" BARE "/iommu_group", "../nine");
        put("devices/pci/" BARE "/net", "not a directory");

        device(NVME, "0x144d\n", "0xa824\n", "0x010802\n");
        put("devices/pci/" NVME "/sriov_totalvfs", "32\n");

        device("0000:00:1f.0", "0x8086\n", "0x7a04\n", "0x060100\n"); /* no SR-IOV */
        put_link("kernel/iommu_groups/3/devices/0000:00:1f.0",
                "../../../../devices/pci/0000:00:1f.0");
        put_dir("kernel/iommu_groups/bogus/devices");
        return 0;
}

static struct host_backend *open_host(void)
{
        struct host_backend *host;

        assert_int_equal(host_backend_new(root, &host), 0);
        return host;
}

static int open_device(const char *address)
{
        int root_fd, fd = -1;

        assert_int_equal(sysfs_open_root(root, &root_fd), 0);
        assert_int_equal(sysfs_open_device(root_fd, address, &fd), 0);
        close(root_fd);
        return fd;
}

/* ---- readings -------------------------------------------------------------------------------- */

static void test_list(_unused_ void **state)
{
        _cleanup_(host_backend_freep) struct host_backend *host = open_host();
        _cleanup_(freep) struct dev_id *ids = NULL;
        size_t n;

        assert_int_equal(host_backend_ops.list(host, &ids, &n, NULL), 0);
        assert_int_equal(n, 3);
        assert_string_equal(ids[0].str, "pci/" PF);
        assert_string_equal(ids[1].str, "pci/" BARE);
        assert_string_equal(ids[2].str, "pci/" NVME);
}

static void test_observe(_unused_ void **state)
{
        _cleanup_(host_backend_freep) struct host_backend *host = open_host();
        struct pf_facts pf;

        assert_int_equal(host_backend_ops.observe(host, &(struct dev_id){"pci/" PF}, &pf, NULL), 0);
        assert_string_equal(pf.driver, "igb");
        assert_int_equal(pf.pci_class, 0x020000);
        assert_int_equal(pf.vendor_id, 0x8086);
        assert_int_equal(pf.device_id, 0x10c9);
        assert_int_equal(pf.vf_device_id, 0x10ca);
        assert_int_equal(pf.total_vfs, 7);
        assert_int_equal(pf.num_vfs, 3);
        assert_int_equal(pf.offset, 128);
        assert_int_equal(pf.stride, 2);
        assert_int_equal(pf.autoprobe, 1);
        assert_int_equal(pf.numa_node, -1);
        assert_int_equal(pf.iommu_group, -1);
        assert_int_equal(pf.n_netdevs, 1);
        assert_string_equal(pf.netdevs[0], "nosuch0");
        assert_string_equal(pf.path, PF);
        assert_string_equal(pf.slot, "7-1");
        assert_int_equal(pf.mtu, -1);
        assert_false(pf.has_mac);
        assert_int_equal(pf.n_vfs, 3);
        for (uint32_t i = 0; i < 3; i++) {
                assert_int_equal(pf.vfs[i].index, i);
                assert_int_equal(pf.vfs[i].iommu_group, 20 + i);
                assert_string_equal(pf.vfs[i].driver_override, "");
                assert_string_equal(pf.vfs[i].reset_methods, "flr bus");
                assert_false(pf.vfs[i].attrs_known);
                assert_false(pf.vfs[i].stats_known);
        }
        assert_string_equal(pf.vfs[1].address, "0000:3b:10.2");
        assert_string_equal(pf.vfs[1].driver, "");
        assert_string_equal(pf.vfs[2].driver, "vfio-pci");
        assert_int_equal(pf.vfs[2].enable, 1);
        assert_true(vf_facts_held(&pf.vfs[2]));
        assert_false(vf_facts_held(&pf.vfs[0]));
        pf_facts_done(&pf);
}

static void test_place(_unused_ void **state)
{
        static const struct {
                const char *target, *path;
        } cases[] = {
                {"../../../devices/pci0000:00/0000:00:03.0", "0000:00:03.0"},
                {"../../../devices/pci0000:00/0000:00:1c.0/0000:05:00.1", "0000:00:1c.0/00.1"},
                {"../../../devices/pci0000:80/0000:80:01.0/0000:81:00.0/0000:82:1f.7/0000:83:00.0",
                        "0000:80:01.0/00.0/1f.7/00.0"},
                /* VMD: a domain of its own behind a function */
                {"../../../devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0",
                        "0000:00:0e.0/06.0/00.0"},
                {"../../../devices/platform/soc/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0",
                        "0000:00:00.0/00.0"},
                {"../../../devices/elsewhere", ""},
        };
        char path[PCI_PATH_MAX], slot[WORD_MAX];
        int fd;

        assert_int_equal(sysfs_open_root(root, &fd), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                put_link("bus/pci/devices/0000:05:00.1", cases[i].target);
                place_path(fd, "0000:05:00.1", path);
                assert_string_equal(path, cases[i].path);
                remove_path("bus/pci/devices/0000:05:00.1");
        }
        place_path(fd, "0000:05:00.1", path);
        assert_string_equal(path, "");
        place_slot(fd, PF, slot);
        assert_string_equal(slot, "7-1"); /* of two names always the same */
        place_slot(fd, BARE, slot);
        assert_string_equal(slot, "3");
        place_slot(fd, NVME, slot);
        assert_string_equal(slot, "");
        close(fd);
}

/*
 * While somebody holds the device lock the kernel lets a reader of driver_override wait, as a FIFO
 * without a writer does: the PF is read all the same, with what was last seen.
 */
static void test_observe_behind_a_device_lock(_unused_ void **state)
{
        static const char path[] = "devices/pci/0000:3b:10.0/driver_override";
        _cleanup_(host_backend_freep) struct host_backend *host = open_host();
        const struct dev_id id = {"pci/" PF};
        char full[512];
        struct pf_facts pf;
        uint64_t began;
        int fd;

        put(path, "vfio-pci\n");
        assert_int_equal(host_backend_ops.observe(host, &id, &pf, NULL), 0);
        assert_string_equal(pf.vfs[0].driver_override, "vfio-pci");
        pf_facts_done(&pf);
        remove_path(path);
        path_of(full, sizeof(full), path);
        assert_int_equal(mkfifo(full, 0600), 0);
        for (unsigned i = 0; i < 3; i++) {
                began = now_usec();
                assert_int_equal(host_backend_ops.observe(host, &id, &pf, NULL), 0);
                assert_true(now_usec() - began < 5000000);
                assert_int_equal(pf.n_vfs, 3);
                assert_string_equal(pf.vfs[0].driver_override, "vfio-pci");
                pf_facts_done(&pf);
        }
        fd = open(full, O_WRONLY | O_CLOEXEC); /* the lock is let go: the reader gets its answer */
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "igbvf\n", 6), 6);
        remove_path(path);
        put(path, "igbvf\n");
        close(fd);
        for (unsigned i = 0; i < 50; i++) {
                assert_int_equal(host_backend_ops.observe(host, &id, &pf, NULL), 0);
                fd = streq(pf.vfs[0].driver_override, "igbvf");
                pf_facts_done(&pf);
                if (fd)
                        return;
        }
        fail_msg("the override that could be read again was not");
}

static void test_observe_garbage(_unused_ void **state)
{
        _cleanup_(host_backend_freep) struct host_backend *host = open_host();
        struct fault f = FAULT_NULL;
        struct pf_facts pf;

        assert_int_equal(
                host_backend_ops.observe(host, &(struct dev_id){"pci/" BARE}, &pf, NULL), 0);
        assert_string_equal(pf.driver, "");
        assert_string_equal(pf.reset_methods, "");
        assert_int_equal(pf.pci_class, 0);
        assert_int_equal(pf.vf_device_id, 0);
        assert_int_equal(pf.total_vfs, 0);
        assert_int_equal(pf.offset, -1);
        assert_int_equal(pf.stride, -1);
        assert_int_equal(pf.autoprobe, -1);
        assert_int_equal(pf.vf_total_msix, -1);
        assert_int_equal(pf.numa_node, -1);
        assert_int_equal(pf.iommu_group, -1);
        assert_int_equal(pf.n_netdevs, 0);
        assert_int_equal(pf.n_vfs, 0);
        pf_facts_done(&pf);

        assert_int_equal(
                host_backend_ops.observe(host, &(struct dev_id){"pci/0000:00:1f.0"}, &pf, &f),
                -ENODEV);
        assert_int_equal(f.code, FAULT_GONE);
        assert_int_equal(
                host_backend_ops.observe(host, &(struct dev_id){"pci/0000:99:00.0"}, &pf, &f),
                -ENODEV);
        assert_int_equal(host_backend_ops.observe(host, &(struct dev_id){"pci/../../etc"}, &pf, &f),
                -EINVAL);
}

static void test_groups(_unused_ void **state)
{
        _cleanup_(host_backend_freep) struct host_backend *host = open_host();
        struct groups groups;

        /* The PF joins a VF's group, as behind a switch without ACS. */
        put_link("kernel/iommu_groups/21/devices/" PF, "../../../../devices/pci/" PF);
        assert_int_equal(host_backend_ops.groups(host, &groups, NULL), 0);
        remove_path("kernel/iommu_groups/21/devices/" PF);
        assert_int_equal(groups.n, 3);
        assert_int_equal(groups.list[0].id, 20);
        assert_string_equal(groups.list[0].type, "DMA-FQ");
        assert_int_equal(groups.list[1].n_devices, 2);
        assert_string_equal(groups.list[1].devices[0].address, PF);
        assert_string_equal(groups.list[1].devices[0].driver, "igb");
        assert_int_equal(groups.list[1].devices[0].pci_class, 0x020000);
        groups_done(&groups);
}

static void test_holders(_unused_ void **state)
{
        _cleanup_(freep) struct holder *list = NULL;
        _cleanup_(closep) int fd = open_device(PF), root_fd = -1;
        char proc[128];
        size_t n;

        path_of(proc, sizeof(proc), "proc");
        assert_int_equal(sysfs_open_root(root, &root_fd), 0);
        assert_int_equal(holders_find(root_fd, fd, proc, NO_VF, &list, &n), 0);
        assert_int_equal(n, 1); /* unknown who, but surely held */
        assert_int_equal(list[0].vf, 2);
        assert_int_equal(list[0].pid, -1);
        assert_string_equal(list[0].kind, "vfio");
        assert_string_equal(list[0].path, "/dev/vfio/22");
        freep(&list);

        put("proc/4242/comm", "qemu-system-x86\n");
        put_link("proc/4242/fd/7", "/dev/vfio/22");
        put_link("proc/4242/fd/8", "/dev/vfio/22");
        put_link("proc/4242/fd/9", "/dev/vfio/vfio");
        put_link("proc/17/fd/3", "/dev/vfio/220");
        put("proc/self-made", "");
        assert_int_equal(holders_find(root_fd, fd, proc, 2, &list, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(list[0].pid, 4242);
        assert_string_equal(list[0].name, "qemu-system-x86");
        freep(&list);

        put_dir("devices/pci/0000:3b:10.4/vfio-dev/vfio5");
        put_link("proc/17/fd/4", "/dev/vfio/devices/vfio5");
        assert_int_equal(holders_find(root_fd, fd, proc, 2, &list, &n), 0);
        assert_int_equal(n, 2);
        freep(&list);
        list = NULL;
        assert_int_equal(holders_find(root_fd, fd, proc, 0, &list, &n), 0);
        assert_int_equal(n, 0);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static const struct pf_ref pf_ref = {{"pci/" PF}, 0x8086, 0x10c9};
static const struct pf_ref bare_ref = {{"pci/" BARE}, 0x15b3, 0x1017};

static void check_step(const struct pf_ref *ref, const struct step *step, enum fault_code want)
{
        _cleanup_(host_backend_freep) struct host_backend *host = open_host();
        struct fault f = FAULT_NULL;
        int r;

        r = host_backend_ops.step(host, ref, step, &f);
        if (f.code != want)
                print_message("# %s\n", f.text);
        assert_int_equal(f.code, want);
        assert_int_equal(r < 0, want != FAULT_NONE);
}

static void test_identity(_unused_ void **state)
{
        const struct step off = {.kind = STEP_SET_AUTOPROBE, .vf = NO_VF, .value = 0};
        const struct pf_ref other = {{"pci/" PF}, 0x8086, 0x1521};
        const struct pf_ref gone = {{"pci/0000:99:00.0"}, 0x8086, 0x10c9};
        const struct pf_ref escape = {{"pci/../../.."}, 0x8086, 0x10c9};

        check_step(&other, &off, FAULT_GONE);
        check_step(&gone, &off, FAULT_GONE);
        check_step(&escape, &off, FAULT_INVALID_ARGS);
        check_file("devices/pci/" PF "/sriov_drivers_autoprobe", "1\n");
}

static void test_autoprobe(_unused_ void **state)
{
        put("devices/pci/" PF "/sriov_drivers_autoprobe", "1");
        check_step(&pf_ref, &(struct step){.kind = STEP_SET_AUTOPROBE, .vf = NO_VF, .value = 0},
                FAULT_NONE);
        check_file("devices/pci/" PF "/sriov_drivers_autoprobe", "0");
        check_step(&pf_ref, &(struct step){.kind = STEP_SET_AUTOPROBE, .vf = NO_VF, .value = 2},
                FAULT_INVALID_ARGS);
        put("devices/pci/" PF "/sriov_drivers_autoprobe", "1\n");
}

static void test_numvfs(_unused_ void **state)
{
        struct step step = {.kind = STEP_SET_NUMVFS, .vf = NO_VF, .value = 3, .force = true};
        struct fault f = FAULT_NULL;
        int fd;

        check_step(&pf_ref, &step, FAULT_NONE); /* there already: not written */
        check_file("devices/pci/" PF "/sriov_numvfs", "");
        step.value = 5;
        check_step(&pf_ref, &step, FAULT_VFS_EXIST);
        step.value = 8;
        check_step(&pf_ref, &step, FAULT_INVALID_ARGS);
        check_file("devices/pci/" PF "/sriov_numvfs", "");
        step.value = 0;
        step.force = false;
        check_step(&pf_ref, &step, FAULT_IN_USE); /* VF 2 is open */
        check_file("devices/pci/" PF "/sriov_numvfs", "");
        step.force = true;
        check_step(&pf_ref, &step, FAULT_NOT_APPLIED); /* taken, and the links stay */
        check_file("devices/pci/" PF "/sriov_numvfs", "0");
        put("devices/pci/" PF "/sriov_numvfs", "");

        /* Success without VFs: what bnxt says while its netdev is down. */
        fd = open_device(BARE);
        assert_true(numvfs_set(fd, BARE, 4, &f) < 0);
        close(fd);
        assert_int_equal(f.code, FAULT_PARTIAL_COUNT);
        assert_non_null(strstr(f.text, "for 4 VFs and 0 came"));
        check_file("devices/pci/" BARE "/sriov_numvfs", "4");
}

/* A device that goes while we hold its directory is gone, and not a missing file. */
static void test_removed(_unused_ void **state)
{
        static const char *const files[] = {"vendor", "device", "class", "sriov_totalvfs"};
        struct fault f = FAULT_NULL;
        char path[128];
        int fd = open_device(NVME);

        assert_int_equal(sysfs_write(fd, "sriov_drivers_autoprobe", "0"), -ENOENT);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                snprintf(path, sizeof(path), "devices/pci/" NVME "/%s", files[i]);
                remove_path(path);
        }
        assert_int_equal(sysfs_write(fd, "sriov_drivers_autoprobe", "0"), -ENODEV);
        assert_int_equal(numvfs_set(fd, NVME, 2, &f), -ENODEV);
        assert_int_equal(f.code, FAULT_GONE);
        close(fd);
        remove_path("bus/pci/devices/" NVME);
        device(NVME, "0x144d\n", "0xa824\n", "0x010802\n");
        put("devices/pci/" NVME "/sriov_totalvfs", "32\n");
}

static void test_vf_range(_unused_ void **state)
{
        struct step step = {.kind = STEP_UNBIND, .vf = 3};

        check_step(&pf_ref, &step, FAULT_NOT_FOUND);
        step.vf = 9; /* a link to nowhere is no VF */
        check_step(&pf_ref, &step, FAULT_NOT_FOUND);
        step.vf = NO_VF;
        check_step(&pf_ref, &step, FAULT_INVALID_ARGS);
        check_file("bus/pci/drivers/vfio-pci/unbind", "");
}

/* Writes that change nothing are not success. */
static void test_driver(_unused_ void **state)
{
        struct step step = {.kind = STEP_UNBIND, .vf = 1};

        check_step(&pf_ref, &step, FAULT_NONE); /* on no driver */
        step.vf = 0;
        check_step(&pf_ref, &step, FAULT_NOT_APPLIED);
        check_file("bus/pci/drivers/vfio-pci/unbind", "0000:3b:10.0");

        step = (struct step){.kind = STEP_BIND, .vf = 0, .name = "vfio-pci"};
        check_step(&pf_ref, &step, FAULT_NONE); /* there already */
        strcpy(step.name, "igb");
        check_step(&pf_ref, &step, FAULT_BUSY);
        step.vf = 1;
        strcpy(step.name, "vfio-pci");
        check_step(&pf_ref, &step, FAULT_NOT_APPLIED);
        check_file("bus/pci/drivers/vfio-pci/bind", "0000:3b:10.2");
        strcpy(step.name, "nosuch");
        check_step(&pf_ref, &step, FAULT_NOT_SUPPORTED);
        strcpy(step.name, "../igb");
        check_step(&pf_ref, &step, FAULT_INVALID_ARGS);
        put("bus/pci/drivers/vfio-pci/unbind", "");
        put("bus/pci/drivers/vfio-pci/bind", "");
}

/* The kernel's choice may be none: there is nothing more to see than the driver link. */
static void test_probe(_unused_ void **state)
{
        static const char autoprobe[] = "devices/pci/" PF "/sriov_drivers_autoprobe";
        static const char override[] = "devices/pci/0000:3b:10.2/driver_override";
        const struct step step = {.kind = STEP_PROBE, .vf = 1}, bound = {.kind = STEP_PROBE};

        check_step(&pf_ref, &bound, FAULT_NONE);
        put(autoprobe, "0\n");
        check_step(&pf_ref, &step, FAULT_NOT_SUPPORTED);
        check_file("bus/pci/drivers_probe", "");
        put(override, "vfio-pci\n"); /* which is there and does not take it */
        check_step(&pf_ref, &step, FAULT_NOT_APPLIED);
        check_file("bus/pci/drivers_probe", "0000:3b:10.2");
        put(override, "notloaded\n");
        check_step(&pf_ref, &step, FAULT_NONE);
        put(override, "(null)\n");
        put("bus/pci/drivers_probe", "");
        put(autoprobe, "1\n");
        check_step(&pf_ref, &step, FAULT_NONE);
        check_file("bus/pci/drivers_probe", "0000:3b:10.2");
        put("bus/pci/drivers_probe", "");
}

static void test_override(_unused_ void **state)
{
        struct step step = {.kind = STEP_SET_OVERRIDE, .vf = 1, .name = "vfio-pci"};
        int fd = open_device("0000:3b:10.2");
        char name[DRIVER_MAX];

        put("devices/pci/0000:3b:10.2/driver_override", "");
        check_step(&pf_ref, &step, FAULT_NONE);
        check_file("devices/pci/0000:3b:10.2/driver_override", "vfio-pci\n");
        assert_int_equal(sysfs_read_override(fd, name), 0);
        assert_string_equal(name, "vfio-pci");
        put("devices/pci/0000:3b:10.2/driver_override", "");
        step = (struct step){.kind = STEP_CLEAR_OVERRIDE, .vf = 1};
        check_step(&pf_ref, &step, FAULT_NONE);
        check_file("devices/pci/0000:3b:10.2/driver_override", "\n");
        remove_path("devices/pci/0000:3b:10.2/driver_override");
        check_step(&pf_ref, &step, FAULT_NOT_SUPPORTED);
        put("devices/pci/0000:3b:10.2/driver_override", "(null)\n");
        close(fd);
}

static void test_vf_files(_unused_ void **state)
{
        struct step step = {.kind = STEP_RESET, .vf = 1};

        check_step(&pf_ref, &step, FAULT_NOT_SUPPORTED);
        put("devices/pci/0000:3b:10.2/reset", "");
        check_step(&pf_ref, &step, FAULT_NONE);
        check_file("devices/pci/0000:3b:10.2/reset", "1");
        step = (struct step){.kind = STEP_SET_MSIX, .vf = 1, .value = 12};
        check_step(&pf_ref, &step, FAULT_NOT_SUPPORTED);
        put("devices/pci/0000:3b:10.2/sriov_vf_msix_count", "");
        check_step(&pf_ref, &step, FAULT_NONE);
        check_file("devices/pci/0000:3b:10.2/sriov_vf_msix_count", "12");
}

/* A PF without netdev can not be configured, and says so. */
static void test_no_netdev(_unused_ void **state)
{
        struct step step = {.kind = STEP_LINK_UP, .vf = NO_VF};
        const struct pf_ref nvme = {{"pci/" NVME}, 0x144d, 0xa824};

        check_step(&nvme, &step, FAULT_NO_DRIVER);
        step = (struct step){.kind = STEP_SET_MTU, .vf = NO_VF, .value = 1500};
        check_step(&nvme, &step, FAULT_NO_DRIVER);
        check_step(&pf_ref, &step, FAULT_GONE); /* an ifindex that is not there */
        step = (struct step){.kind = STEP_SET_VF, .vf = 1, .setting = VF_SETTING_TRUST};
        step.attrs.present = BIT(VF_ATTR_TRUST);
        check_step(&pf_ref, &step, FAULT_GONE);
        step.vf = 3;
        check_step(&pf_ref, &step, FAULT_NOT_FOUND); /* before anything is sent */
        step = (struct step){.kind = STEP_SET_ESWITCH, .vf = NO_VF, .name = "switchdev"};
        check_step(&bare_ref, &step, FAULT_NOT_SUPPORTED);
}

static void test_devpath(_unused_ void **state)
{
        char address[BDF_STR_MAX];

        assert_int_equal(
                uevent_pci_of_devpath("/devices/pci0000:00/0000:00:01.0/" PF "/net/eth0", address),
                0);
        assert_string_equal(address, PF);
        assert_true(uevent_pci_of_devpath("/devices/virtual/net/lo", address) < 0);
        assert_true(uevent_pci_of_devpath(
                            "/devices/pci0000:00/0000:00:05.0/virtio3/net/eth0", address) < 0);
        assert_true(uevent_pci_of_devpath("/devices/" PF, address) < 0);
        assert_true(uevent_pci_of_devpath("/net/", address) < 0);
        assert_true(uevent_pci_of_devpath("", address) < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list),
                cmocka_unit_test(test_observe),
                cmocka_unit_test(test_place),
                cmocka_unit_test(test_observe_behind_a_device_lock),
                cmocka_unit_test(test_observe_garbage),
                cmocka_unit_test(test_groups),
                cmocka_unit_test(test_holders),
                cmocka_unit_test(test_identity),
                cmocka_unit_test(test_autoprobe),
                cmocka_unit_test(test_numvfs),
                cmocka_unit_test(test_removed),
                cmocka_unit_test(test_vf_range),
                cmocka_unit_test(test_driver),
                cmocka_unit_test(test_probe),
                cmocka_unit_test(test_override),
                cmocka_unit_test(test_vf_files),
                cmocka_unit_test(test_no_netdev),
                cmocka_unit_test(test_devpath),
        };

        return cmocka_run_group_tests_name("host-sysfs", tests, make_tree, remove_tree);
}
