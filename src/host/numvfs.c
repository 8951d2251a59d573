/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing sriov_numvfs. Worker threads. */
#include <stdio.h>

#include "host/errtext.h"
#include "host/numvfs.h"

/* Source: drivers/pci/iov.c sriov_numvfs_store(), sriov_enable(); ice_sriov.c, bnxt_sriov.c. */
static const struct errtext numvfs_errors[] = {
        {ENOMEM, FAULT_NO_RESOURCES,
                "no room for the VFs' memory windows or bus numbers: enable SR-IOV (and above-4G "
                "decoding, ARI) in the BIOS, or boot with pci=realloc, or pci=assign-busses"},
        {ENOSPC, FAULT_NO_RESOURCES,
                "the device ran out of MSI-X vectors or queues: ask for fewer VFs, or free "
                "vectors of the PF (fewer queues by ethtool -L, unload its RDMA driver)"},
        {ERANGE, FAULT_INVALID_ARGS,
                "more than sriov_totalvfs: the driver or firmware allows fewer now"},
        {EBUSY, FAULT_BUSY,
                "the driver is not ready, resets, or sees VFs assigned to a guest: see who uses "
                "them, and try again"},
        {EAGAIN, FAULT_BUSY, "the VFs did not start in time: try again"},
        {ENOENT, FAULT_NO_DRIVER,
                "the PF has no driver, or one that can not make VFs: bind the vendor's driver (a "
                "PF on vfio-pci needs its parameter enable_sriov=1)"},
        {EPERM, FAULT_NOT_SUPPORTED,
                "the driver or its mode forbids it: for example safe mode after a failed firmware "
                "load, or a PF that belongs to another owner"},
        {EIO, FAULT_IO,
                "the SR-IOV capability is inconsistent, or the firmware failed: see the kernel's "
                "log; a reset or update of the card's firmware may help"},
        {EOPNOTSUPP, FAULT_NOT_SUPPORTED,
                "the driver does not support it in this mode: see the kernel's log"},
        {EINVAL, FAULT_NOT_SUPPORTED,
                "the driver refused this count in its present mode: see the kernel's log"},
        {0},
};

static int count_links(int pf_fd, const char *name, uint32_t *ret, struct fault *f)
{
        _cleanup_(freep) struct vf_link *links = NULL;
        size_t n;
        int r;

        r = sysfs_vf_links(pf_fd, &links, &n);
        if (r == 0 && !sysfs_is_pf(pf_fd))
                r = -ENODEV;
        if (r < 0)
                return errtext_fault(f, NULL, -r, "VFs of %s could not be counted", name);
        *ret = (uint32_t) n;
        return 0;
}

int numvfs_set(int pf_fd, const char *name, uint32_t count, struct fault *f)
{
        uint32_t total = VFS_MAX, before, after;
        char text[16];
        int r;

        sysfs_read_u32(pf_fd, "sriov_totalvfs", &total);
        if (count > total)
                return fault_set(f, FAULT_INVALID_ARGS, ERANGE,
                        "%u VFs on %s refused: its driver allows 0 to %u", count, name, total);
        r = count_links(pf_fd, name, &before, f);
        if (r < 0 || before == count)
                return r;
        if (before > 0 && count > 0)
                return fault_set(f, FAULT_VFS_EXIST, 0,
                        "%u VFs on %s refused: it has %u, and the kernel changes a count only by "
                        "destroying all of them; set 0 first",
                        count, name, before);
        snprintf(text, sizeof(text), "%u", count);
        r = sysfs_write(pf_fd, "sriov_numvfs", text);
        if (r < 0)
                return errtext_fault(f, numvfs_errors, -r, "%u VFs on %s refused", count, name);
        r = count_links(pf_fd, name, &after, f);
        if (r < 0 || after == count)
                return r;
        if (count == 0)
                return fault_set(f, FAULT_NOT_APPLIED, 0,
                        "0 VFs on %s: the kernel took it, and %u are there still or again", name,
                        after);
        return fault_set(f, FAULT_PARTIAL_COUNT, 0,
                "asked %s for %u VFs and %u came: the kernel reports that as success. The kernel's "
                "log says why; some drivers need the PF's link up first",
                name, count, after);
}
