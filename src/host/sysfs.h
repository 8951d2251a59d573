/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI devices in sysfs, through a file descriptor of the device's own directory: what was checked
 * and what is written are the same device, even when another one takes its address meanwhile.
 * Worker threads; nothing here waits for a device lock but sysfs_write().
 *
 * The root is configurable so that tests can use a tree of their own.
 */
#pragma once

#include <dirent.h>

#include "base/fileio.h"
#include "backend/backend.h"

#define SYSFS_DEVICES "bus/pci/devices"

DEFINE_CLEANUP(DIR *, closedir)

/* root: "/sys". The descriptor is only good for *at() calls. */
int sysfs_open_root(const char *root, int *ret_fd);

/* A PCI function's directory. -ENODEV when there is none, -EINVAL when address is not one. */
int sysfs_open_device(int root_fd, const char *address, int *ret_fd);

/* VF index of a PF, through its virtfnN link. -ENOENT when there is no such link. */
int sysfs_open_vf(int pf_fd, uint32_t index, int *ret_fd);

/* A directory stream below dir_fd. */
int sysfs_open_dir(int dir_fd, const char *path, DIR **ret);

/* Can VFs grow from it? (The file hides on everything else: drivers/pci/iov.c.) */
bool sysfs_is_pf(int dev_fd);

/*
 * Readings that may be missing or garbage: 0 and *ret set, or a negative errno and *ret untouched.
 * u32 is decimal (what the kernel prints below zero means unknown: -ERANGE), hex has 0x or not.
 */
int sysfs_read_u32(int dev_fd, const char *name, uint32_t *ret);
int sysfs_read_i32(int dev_fd, const char *name, int32_t *ret);
int sysfs_read_hex(int dev_fd, const char *name, uint32_t *ret);

/* Text into a fixed array, "" when there is none or it is not printable UTF-8 of that length. */
void sysfs_read_text(int dev_fd, const char *name, char *buf, size_t size);
void sysfs_read_link(int dev_fd, const char *name, char *buf, size_t size);

/* The driver_override, "" when none is set. -ENOENT where the kernel has no such file. */
int sysfs_read_override(int dev_fd, char buf[static DRIVER_MAX]);

/* Writes an attribute; -ENODEV when the device is gone, -ENOENT only when the file never was. */
int sysfs_write(int dev_fd, const char *name, const char *text);

struct vf_link {
        uint32_t index;
        char address[BDF_STR_MAX];
};

/* The PF's VFs by their virtfnN links, sorted by index; the caller frees the array. */
int sysfs_vf_links(int pf_fd, struct vf_link **ret, size_t *ret_n);

/* The PCI address of a VF's PF. -ENOENT when it is not a VF. */
int sysfs_physfn(int dev_fd, char buf[static BDF_STR_MAX]);

/* Opens the PF and refuses another device than the plan was made for (FAULT_GONE). */
int sysfs_open_pf(int root_fd, const struct pf_ref *ref, int *ret_fd, struct fault *f);

/* Every PF, sorted; the caller frees the array. */
int sysfs_list_pfs(int root_fd, struct dev_id **ret, size_t *ret_n);
