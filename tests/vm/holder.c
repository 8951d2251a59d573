/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds a VF as a virtual machine does: opens its vfio group, gives it an IOMMU container, opens
 * the device and keeps it open until killed. Usage: holder GROUP BDF. Prints "held" when it holds.
 * Linked statically for the test guest. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int fail(const char *what)
{
        printf("%s: %s\n", what, strerror(errno));
        return 1;
}

int main(int argc, char **argv)
{
        struct vfio_group_status status = {.argsz = sizeof status};
        char path[64];
        int container, group;

        if (argc != 3)
                return 2;
        snprintf(path, sizeof path, "/dev/vfio/%s", argv[1]);
        container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
        if (container < 0)
                return fail("/dev/vfio/vfio");
        group = open(path, O_RDWR | O_CLOEXEC);
        if (group < 0)
                return fail(path);
        if (ioctl(group, VFIO_GROUP_GET_STATUS, &status) < 0)
                return fail("VFIO_GROUP_GET_STATUS");
        if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE)) {
                puts("not viable");
                return 1;
        }
        if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) < 0)
                return fail("VFIO_GROUP_SET_CONTAINER");
        if (ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) < 0)
                return fail("VFIO_SET_IOMMU");
        if (ioctl(group, VFIO_GROUP_GET_DEVICE_FD, argv[2]) < 0)
                return fail("VFIO_GROUP_GET_DEVICE_FD");
        puts("held");
        fflush(stdout);
        for (;;)
                pause();
}
