/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI devices in sysfs through directory descriptors. Worker threads. */
#include <fcntl.h>
#include <stdio.h>

#include "host/sysfs.h"

int sysfs_open_root(const char *root, int *ret_fd)
{
        int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

static int open_dir_fd(int dir_fd, const char *path, int *ret_fd)
{
        int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

int sysfs_open_device(int root_fd, const char *address, int *ret_fd)
{
        char path[sizeof(SYSFS_DEVICES) + BDF_STR_MAX];
        struct dev_id id;
        int r;

        r = dev_id_from_address(address, &id);
        if (r < 0)
                return r;
        snprintf(path, sizeof(path), SYSFS_DEVICES "/%s", dev_id_address(&id));
        r = open_dir_fd(root_fd, path, ret_fd);
        return r == -ENOENT ? -ENODEV : r;
}

int sysfs_open_vf(int pf_fd, uint32_t index, int *ret_fd)
{
        char name[32];

        snprintf(name, sizeof(name), "virtfn%u", index);
        return open_dir_fd(pf_fd, name, ret_fd);
}

int sysfs_open_dir(int dir_fd, const char *path, DIR **ret)
{
        _cleanup_(closep) int fd = -1;
        DIR *dir;
        int r;

        r = open_dir_fd(dir_fd, path, &fd);
        if (r < 0)
                return r;
        dir = fdopendir(fd);
        if (!dir)
                return -errno;
        TAKE_FD(fd);
        *ret = dir;
        return 0;
}

bool sysfs_is_pf(int dev_fd)
{
        return faccessat(dev_fd, "sriov_totalvfs", F_OK, 0) == 0;
}

int sysfs_read_u32(int dev_fd, const char *name, uint32_t *ret)
{
        char text[32];
        int r;

        r = read_line_at(dev_fd, name, text, sizeof(text));
        if (r < 0)
                return r;
        return parse_u32(text, 0, UINT32_MAX, ret);
}

int sysfs_read_i32(int dev_fd, const char *name, int32_t *ret)
{
        uint32_t v;
        int r;

        r = sysfs_read_u32(dev_fd, name, &v);
        if (r < 0)
                return r;
        if (v > INT32_MAX)
                return -ERANGE;
        *ret = (int32_t) v;
        return 0;
}

int sysfs_read_hex(int dev_fd, const char *name, uint32_t *ret)
{
        char text[32];
        int r;

        r = read_line_at(dev_fd, name, text, sizeof(text));
        if (r < 0)
                return r;
        return parse_hex32(text, ret);
}

/* Names go to the bus, which takes nothing but UTF-8. */
static bool printable(const char *s)
{
        for (; *s; s++)
                if ((unsigned char) *s < ' ' || *s == 0x7f)
                        return false;
        return true;
}

void sysfs_read_text(int dev_fd, const char *name, char *buf, size_t size)
{
        if (read_line_at(dev_fd, name, buf, size) < 0 || !utf8_valid(buf) || !printable(buf))
                buf[0] = '\0';
}

void sysfs_read_link(int dev_fd, const char *name, char *buf, size_t size)
{
        if (readlink_name_at(dev_fd, name, buf, size) < 0 || !utf8_valid(buf) || !printable(buf))
                buf[0] = '\0';
}

int sysfs_read_override(int dev_fd, char buf[static DRIVER_MAX])
{
        char text[DRIVER_MAX];
        int r;

        r = read_line_at(dev_fd, "driver_override", text, sizeof(text));
        if (r < 0)
                return r;
        if (streq(text, "(null)") || !driver_name_valid(text))
                text[0] = '\0';
        memcpy(buf, text, sizeof(text));
        return 0;
}

int sysfs_write(int dev_fd, const char *name, const char *text)
{
        int r = write_attr_at(dev_fd, name, text);

        /* In the directory of a removed device nothing can be found any more. */
        if (r == -ENOENT && faccessat(dev_fd, "vendor", F_OK, 0) < 0)
                return -ENODEV;
        return r;
}

static int compare_links(const void *a, const void *b)
{
        uint32_t x = ((const struct vf_link *) a)->index, y = ((const struct vf_link *) b)->index;

        return (x > y) - (x < y);
}

/* "virtfn12" with a target that ends in an address. */
static bool read_vf_link(int pf_fd, const char *name, struct vf_link *ret)
{
        struct dev_id id;
        char target[BDF_STR_MAX];

        if (!startswith(name, "virtfn") ||
                parse_u32(name + strlen("virtfn"), 0, VFS_MAX - 1, &ret->index) < 0 ||
                readlink_name_at(pf_fd, name, target, sizeof(target)) < 0 ||
                dev_id_from_address(target, &id) < 0)
                return false;
        return str_copy(ret->address, sizeof(ret->address), dev_id_address(&id)) == 0;
}

int sysfs_vf_links(int pf_fd, struct vf_link **ret, size_t *ret_n)
{
        _cleanup_(freep) struct vf_link *links = NULL;
        _cleanup_(closedirp) DIR *dir = NULL;
        size_t n = 0, capacity = 0;
        struct dirent *entry;
        int r;

        r = sysfs_open_dir(pf_fd, ".", &dir);
        if (r < 0)
                return r;
        while ((entry = readdir(dir))) {
                r = array_grow(&links, &capacity, n, sizeof(*links));
                if (r < 0)
                        return r;
                if (read_vf_link(pf_fd, entry->d_name, &links[n]))
                        n++;
        }
        if (n > 1)
                qsort(links, n, sizeof(*links), compare_links);
        *ret = TAKE_PTR(links);
        *ret_n = n;
        return 0;
}

int sysfs_physfn(int dev_fd, char buf[static BDF_STR_MAX])
{
        char target[BDF_STR_MAX];
        struct dev_id id;
        int r;

        r = readlink_name_at(dev_fd, "physfn", target, sizeof(target));
        if (r == 0)
                r = dev_id_from_address(target, &id);
        if (r < 0)
                return r;
        return str_copy(buf, BDF_STR_MAX, dev_id_address(&id));
}

int sysfs_open_pf(int root_fd, const struct pf_ref *ref, int *ret_fd, struct fault *f)
{
        _cleanup_(closep) int fd = -1;
        uint32_t vendor, device;
        int r;

        if (!dev_id_valid(&ref->id))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "'%s' is not a device: expected pci/DDDD:BB:DD.F", ref->id.str);
        r = sysfs_open_device(root_fd, dev_id_address(&ref->id), &fd);
        if (r < 0)
                return fault_set(f, FAULT_GONE, -r, "PF %s is not there: it was removed",
                        dev_id_address(&ref->id));
        if (sysfs_read_hex(fd, "vendor", &vendor) < 0 || sysfs_read_hex(fd, "device", &device) < 0)
                return fault_set(f, FAULT_GONE, 0, "PF %s vanished while it was looked at",
                        dev_id_address(&ref->id));
        if (vendor != ref->vendor_id || device != ref->device_id)
                return fault_set(f, FAULT_GONE, 0,
                        "another device (%04x:%04x) is at %s now, the plan was made for %04x:%04x: "
                        "look again",
                        vendor, device, dev_id_address(&ref->id), ref->vendor_id, ref->device_id);
        if (!sysfs_is_pf(fd))
                return fault_set(f, FAULT_NOT_SUPPORTED, 0, "%s has no SR-IOV capability",
                        dev_id_address(&ref->id));
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int compare_ids(const void *a, const void *b)
{
        return strcmp(((const struct dev_id *) a)->str, ((const struct dev_id *) b)->str);
}

int sysfs_list_pfs(int root_fd, struct dev_id **ret, size_t *ret_n)
{
        _cleanup_(freep) struct dev_id *ids = NULL;
        _cleanup_(closedirp) DIR *dir = NULL;
        size_t n = 0, capacity = 0;
        struct dirent *entry;
        char path[BDF_STR_MAX + sizeof("/sriov_totalvfs")];
        int r;

        r = sysfs_open_dir(root_fd, SYSFS_DEVICES, &dir);
        if (r < 0)
                return r;
        while ((entry = readdir(dir))) {
                r = array_grow(&ids, &capacity, n, sizeof(*ids));
                if (r < 0)
                        return r;
                if (dev_id_from_address(entry->d_name, &ids[n]) < 0)
                        continue;
                snprintf(path, sizeof(path), "%s/sriov_totalvfs", dev_id_address(&ids[n]));
                if (faccessat(dirfd(dir), path, F_OK, 0) == 0)
                        n++;
        }
        if (n > 1)
                qsort(ids, n, sizeof(*ids), compare_ids);
        *ret = TAKE_PTR(ids);
        *ret_n = n;
        return 0;
}
