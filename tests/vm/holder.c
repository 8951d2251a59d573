/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds a VF as a virtual machine does: opens its vfio group, gives it an IOMMU container, opens
 * the device and keeps it open until killed. Usage: holder GROUP BDF. Prints "held" when it holds,
 * and for each line that it is given what the device's configuration space says: "8086:10ca".
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

static void tell_id(int device)
{
        struct vfio_region_info region = {
                .argsz = sizeof region, .index = VFIO_PCI_CONFIG_REGION_INDEX};
        unsigned short id[2];

        if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region) < 0 ||
                pread(device, id, sizeof id, (off_t) region.offset) != sizeof id)
                fail("configuration space");
        else
                printf("%04x:%04x\n", id[0], id[1]);
        fflush(stdout);
}

int main(int argc, char **argv)
{
        struct vfio_group_status status = {.argsz = sizeof status};
        char path[64], line[16];
        int container, group, device;

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
        device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, argv[2]);
        if (device < 0)
                return fail("VFIO_GROUP_GET_DEVICE_FD");
        puts("held");
        fflush(stdout);
        while (fgets(line, sizeof line, stdin))
                tell_id(device);
        for (;;)
                pause();
}
