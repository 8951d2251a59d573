/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owners of vfio device nodes. Worker threads: changes one at a time. */
#include <pthread.h>
#include <stdio.h>

#include "host/access.h"
#include "host/errtext.h"
#include "host/iommu.h"
#include "model/step.h"

#define NOBODY  "root"
#define NO_VFS  "none"
#define KEY_LEN 12 /* a VF's address in the words: domain, bus, devfn in hexadecimal */

struct access {
        pthread_mutex_t lock; /* from reading a node's words to their change: groups can be shared
                                 by VFs of several PFs, and each of those has its own thread */
        const struct devnode_ops *ops;
        void *userdata;
};

int access_new(const struct devnode_ops *ops, void *userdata, struct access **ret)
{
        struct access *access = calloc(1, sizeof(*access));

        if (!access)
                return -ENOMEM;
        if (pthread_mutex_init(&access->lock, NULL) != 0) {
                free(access);
                return -ENOMEM;
        }
        access->ops = ops;
        access->userdata = userdata;
        *ret = access;
        return 0;
}

void access_free(struct access *access)
{
        pthread_mutex_destroy(&access->lock);
        free(access);
}

/* ---- the words --------------------------------------------------------------------------------
 */

static int make_key(const char *address, char key[static KEY_LEN + 1])
{
        struct bdf bdf;

        if (parse_bdf(address, &bdf) < 0)
                return -EINVAL;
        snprintf(key, KEY_LEN + 1, "%08x%02x%02x", bdf.domain, bdf.bus, bdf.devfn);
        return 0;
}

/* The next VF in the words: moves on, false at their end or where they are not ours. */
static bool next_vf(const char **words, char address[static BDF_STR_MAX])
{
        char domain[9] = "", rest[5] = "";
        uint32_t d, bus_devfn;
        struct bdf bdf;

        if (strnlen(*words, KEY_LEN) < KEY_LEN)
                return false;
        memcpy(domain, *words, 8);
        memcpy(rest, *words + 8, 4);
        if (parse_hex32(domain, &d) < 0 || parse_hex32(rest, &bus_devfn) < 0)
                return false;
        bdf = (struct bdf){.domain = d,
                .bus = (uint8_t) (bus_devfn >> 8),
                .devfn = (uint8_t) (bus_devfn & 0xff)};
        format_bdf(address, &bdf);
        *words += KEY_LEN;
        return true;
}

/* -1: root's alone. */
static int64_t owner_of(const struct devnode_words *words)
{
        uint32_t uid;

        return parse_u32(words->owner, 0, ACCESS_NOBODY - 1, &uid) == 0 ? (int64_t) uid : -1;
}

static bool has_vf(const struct devnode_words *words, const char *address)
{
        const char *at = words->vfs;
        char vf[BDF_STR_MAX];

        while (next_vf(&at, vf))
                if (streq(vf, address))
                        return true;
        return false;
}

/* Is that member of the VF's group still on vfio? */
static bool is_on_vfio(int vf_fd, const char *address)
{
        char path[sizeof("iommu_group/devices//driver") + BDF_STR_MAX], driver[DRIVER_MAX];

        snprintf(path, sizeof(path), "iommu_group/devices/%s/driver", address);
        sysfs_read_link(vf_fd, path, driver, sizeof(driver));
        return driver_is_vfio(driver);
}

/*
 * The words after this VF was given to uid, or taken from whoever had it. -EBUSY: the node is
 * another's, for another VF; -E2BIG.
 */
static int next_words(const struct devnode_words *now, int vf_fd, const char *address, uint32_t uid,
        struct devnode_words *ret)
{
        int64_t owner = owner_of(now);
        const char *at = now->vfs;
        char vf[BDF_STR_MAX];
        size_t n = 0;

        *ret = (struct devnode_words){0};
        while (owner >= 0 && next_vf(&at, vf)) {
                if (streq(vf, address) || !is_on_vfio(vf_fd, vf))
                        continue;
                if (uid != ACCESS_NOBODY && owner != (int64_t) uid)
                        return -EBUSY;
                memcpy(ret->vfs + n, at - KEY_LEN, KEY_LEN);
                n += KEY_LEN;
        }
        if (uid != ACCESS_NOBODY) {
                if (n + KEY_LEN >= sizeof(ret->vfs))
                        return -E2BIG;
                if (make_key(address, ret->vfs + n) < 0)
                        return -EINVAL;
                snprintf(ret->owner, sizeof(ret->owner), "%u", uid);
        } else if (n > 0)
                memcpy(ret->owner, now->owner, sizeof(ret->owner));
        else {
                strcpy(ret->owner, NOBODY);
                strcpy(ret->vfs, NO_VFS);
        }
        return 0;
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

static void group_node(int32_t group, struct devnode *ret)
{
        *ret = (struct devnode){.subsystem = "vfio"};
        snprintf(ret->name, sizeof(ret->name), "%d", group);
}

/* Since Linux 6.6 a VF can have a node of its own beside the group's. */
static bool own_node(int vf_fd, struct devnode *ret)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        char path[64];
        struct dirent *entry;

        *ret = (struct devnode){.subsystem = "vfio-dev"};
        if (sysfs_open_dir(vf_fd, "vfio-dev", &dir) < 0)
                return false;
        while ((entry = readdir(dir))) {
                if (!startswith(entry->d_name, "vfio") ||
                        str_copy(ret->name, sizeof(ret->name), entry->d_name) < 0)
                        continue;
                snprintf(path, sizeof(path), "%s/dev", ret->name);
                if (faccessat(dirfd(dir), path, F_OK, 0) == 0)
                        return true;
        }
        return false;
}

/* Locked. What was tried and is not sure to have failed is taken back. */
static int change_node(struct access *access, const struct devnode *node, int vf_fd,
        const char *address, uint32_t uid)
{
        struct devnode_words now, next;
        int r;

        access->ops->read(access->userdata, node, &now);
        if (uid == ACCESS_NOBODY && owner_of(&now) < 0)
                return 0;
        r = next_words(&now, vf_fd, address, uid, &next);
        if (r < 0 || (streq(now.owner, next.owner) && streq(now.vfs, next.vfs)))
                return r;
        r = access->ops->change(access->userdata, node, &next, true);
        if ((r == -ETIMEDOUT || r == -EPROTO) && uid != ACCESS_NOBODY) {
                if (owner_of(&now) < 0)
                        now = (struct devnode_words){.owner = NOBODY, .vfs = NO_VFS};
                (void) access->ops->change(access->userdata, node, &now, false);
        }
        return r;
}

static int change_nodes(struct access *access, int vf_fd, const char *address, uint32_t uid)
{
        struct devnode group, own;
        int r, s = 0;

        group_node(iommu_group_of(vf_fd), &group);
        pthread_mutex_lock(&access->lock);
        r = change_node(access, &group, vf_fd, address, uid);
        if ((r == 0 || uid == ACCESS_NOBODY) && own_node(vf_fd, &own))
                s = change_node(access, &own, vf_fd, address, uid);
        if (r == 0 && s < 0 && uid != ACCESS_NOBODY)
                (void) change_node(access, &group, vf_fd, address, ACCESS_NOBODY);
        pthread_mutex_unlock(&access->lock);
        return r < 0 ? r : s;
}

/* ---- the step ---------------------------------------------------------------------------------
 */

static bool is_noiommu(int vf_fd)
{
        char name[NAME_MAX_TEXT];

        sysfs_read_text(vf_fd, "iommu_group/name", name, sizeof(name));
        return streq(name, "vfio-noiommu");
}

static int try_set(struct access *access, int vf_fd, const char *address, uint32_t uid)
{
        char driver[DRIVER_MAX];

        sysfs_read_link(vf_fd, "driver", driver, sizeof(driver));
        if (!driver_is_vfio(driver) || iommu_group_of(vf_fd) < 0)
                return uid == ACCESS_NOBODY ? 0 : -ENOENT; /* no node, or not by way of this VF */
        if (is_noiommu(vf_fd))
                return uid == ACCESS_NOBODY ? 0 : -EPERM;
        if (!access->ops)
                return -EOPNOTSUPP;
        return change_nodes(access, vf_fd, address, uid);
}

int access_set(struct access *access, int vf_fd, const char *address, uint32_t uid, struct fault *f)
{
        struct advice_case c;
        int r;

        r = try_set(access, vf_fd, address, uid);
        if (r == 0)
                return 0;
        c = errtext_of_driver(STEP_SET_ACCESS, "");
        if (uid == ACCESS_NOBODY)
                return errtext_fault(
                        f, &c, -r, "taking back access to the vfio device of VF %s", address);
        return errtext_fault(
                f, &c, -r, "access of uid %u to the vfio device of VF %s", uid, address);
}

int64_t access_uid_of(struct access *access, const struct vf_facts *vf)
{
        struct devnode_words words;
        struct devnode node;

        if (!access->ops || !driver_is_vfio(vf->driver) || vf->iommu_group < 0)
                return -1;
        group_node(vf->iommu_group, &node);
        access->ops->read(access->userdata, &node, &words);
        return has_vf(&words, vf->address) ? owner_of(&words) : -1;
}
