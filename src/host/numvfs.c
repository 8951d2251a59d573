/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing sriov_numvfs. Worker threads. */
#include <stdio.h>

#include "host/errtext.h"
#include "host/numvfs.h"

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
        struct advice_case c;
        uint32_t total = VFS_MAX, after;
        char text[16];
        int r;

        c = errtext_of_pf(STEP_SET_NUMVFS, pf_fd);
        c.value = count;
        sysfs_read_u32(pf_fd, "sriov_totalvfs", &total);
        if (count > total)
                return errtext_fault(f, &c, ERANGE,
                        "%u VFs on %s, where its driver allows 0 to %u,", count, name, total);
        r = count_links(pf_fd, name, &c.num_vfs, f);
        if (r < 0 || c.num_vfs == count)
                return r;
        if (c.num_vfs > 0 && count > 0)
                return errtext_fault(
                        f, &c, EBUSY, "%u VFs on %s, which has %u,", count, name, c.num_vfs);
        snprintf(text, sizeof(text), "%u", count);
        r = sysfs_write(pf_fd, "sriov_numvfs", text);
        if (r < 0)
                return errtext_fault(f, &c, -r, "%u VFs on %s", count, name);
        r = count_links(pf_fd, name, &after, f);
        if (r < 0 || after == count)
                return r;
        if (count == 0)
                return fault_set(f, FAULT_NOT_APPLIED, 0,
                        "0 VFs on %s: the kernel took it, and %u are there still or again", name,
                        after);
        return errtext_fault(
                f, &c, ADVICE_SHORT, "asked %s for %u VFs and %u came", name, count, after);
}
