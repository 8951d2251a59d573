/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device nodes by synthetic uevents. Worker threads: each call has a libudev context of its own. */
#include <fcntl.h>
#include <inttypes.h>
#include <libudev.h>
#include <poll.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/parse.h"
#include "host/devnode.h"

#define WAIT_USEC                                                                                  \
        10000000u /* udev has a queue: on a host that boots or makes many VFs it is long */

#define OWNER_PROPERTY "SRIOVD_OWNER"
#define VFS_PROPERTY   "SRIOVD_VFS"
#define LIFE_PROPERTY  "SRIOVD_LIFE"

DEFINE_CLEANUP(struct udev *, udev_unref)
DEFINE_CLEANUP(struct udev_device *, udev_device_unref)
DEFINE_CLEANUP(struct udev_monitor *, udev_monitor_unref)

/*
 * The device's directory in sysfs, and its inode number, which no later device of the same name
 * has (fs/kernfs/dir.c counts them up): udev's database lags behind, and may still tell of the one
 * before.
 */
static int open_device(int root_fd, const struct devnode *node, uint64_t *ret_life, int *ret_fd)
{
        char path[sizeof("class//") + sizeof(*node)];
        _cleanup_(closep) int fd = -1;
        struct stat st;

        snprintf(path, sizeof(path), "class/%s/%s", node->subsystem, node->name);
        fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        *ret_life = st.st_ino;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static const char *property(struct udev_device *device, const char *name)
{
        return udev_device_get_property_value(device, name) ?: "";
}

/* Of another life, or too long to be ours: none. */
static void take_words(struct udev_device *device, uint64_t life, struct devnode_words *ret)
{
        uint64_t said;

        *ret = (struct devnode_words){0};
        if (parse_u64(property(device, LIFE_PROPERTY), &said) < 0 || said != life)
                return;
        if (str_copy(ret->owner, sizeof(ret->owner), property(device, OWNER_PROPERTY)) < 0 ||
                str_copy(ret->vfs, sizeof(ret->vfs), property(device, VFS_PROPERTY)) < 0)
                *ret = (struct devnode_words){0};
}

static void read_words(void *userdata, const struct devnode *node, struct devnode_words *ret)
{
        _cleanup_(udev_device_unrefp) struct udev_device *device = NULL;
        _cleanup_(udev_unrefp) struct udev *udev = NULL;
        _cleanup_(closep) int fd = -1;
        const int *root_fd = userdata;
        uint64_t life;

        *ret = (struct devnode_words){0};
        if (open_device(*root_fd, node, &life, &fd) < 0)
                return;
        udev = udev_new();
        if (udev)
                device = udev_device_new_from_subsystem_sysname(udev, node->subsystem, node->name);
        if (device)
                take_words(device, life, ret);
}

/* Hears what udev is through with, of this subsystem. */
static int listen_to_udev(const char *subsystem, struct udev *udev, struct udev_monitor **ret)
{
        _cleanup_(udev_monitor_unrefp) struct udev_monitor *monitor = NULL;
        int r;

        monitor = udev_monitor_new_from_netlink(udev, "udev");
        if (!monitor)
                return -ENOMEM;
        r = udev_monitor_filter_add_match_subsystem_devtype(monitor, subsystem, NULL);
        if (r >= 0)
                r = udev_monitor_enable_receiving(monitor);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(monitor);
        return 0;
}

#define UUID_MAX 37

static int make_uuid(char ret[static UUID_MAX])
{
        uint8_t b[16];

        if (getrandom(b, sizeof(b), 0) != (ssize_t) sizeof(b))
                return -EIO;
        snprintf(ret, UUID_MAX,
                "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
                b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
                b[15]);
        return 0;
}

static int trigger(
        int device_fd, uint64_t life, const char *uuid, const struct devnode_words *words)
{
        char text[sizeof("change  SRIOVDOWNER= SRIOVDVFS= SRIOVDLIFE=") + UUID_MAX + 20 +
                  sizeof(*words)];

        snprintf(text, sizeof(text), "change %s SRIOVDOWNER=%s SRIOVDVFS=%s SRIOVDLIFE=%" PRIu64,
                uuid, words->owner, words->vfs, life);
        return write_attr_at(device_fd, "uevent", text);
}

static bool is_event(struct udev_device *device, const char *uuid)
{
        return device && streq(property(device, "SYNTH_UUID"), uuid);
}

/* What udev says of the node when it is through with that event. */
static int wait_for_udev(
        struct udev_monitor *monitor, const char *uuid, uint64_t life, struct devnode_words *ret)
{
        struct pollfd p = {.fd = udev_monitor_get_fd(monitor), .events = POLLIN};
        uint64_t now, end = now_usec() + WAIT_USEC;

        while ((now = now_usec()) < end) {
                _cleanup_(udev_device_unrefp) struct udev_device *device = NULL;

                if (poll(&p, 1, (int) ((end - now) / 1000) + 1) < 0 && errno != EINTR)
                        return -errno;
                device = udev_monitor_receive_device(monitor);
                if (!is_event(device, uuid))
                        continue;
                take_words(device, life, ret);
                return 0;
        }
        return -ETIMEDOUT;
}

static int change(
        void *userdata, const struct devnode *node, const struct devnode_words *words, bool wait)
{
        _cleanup_(udev_monitor_unrefp) struct udev_monitor *monitor = NULL;
        _cleanup_(udev_unrefp) struct udev *udev = NULL;
        _cleanup_(closep) int fd = -1;
        const int *root_fd = userdata;
        struct devnode_words now;
        char uuid[UUID_MAX];
        uint64_t life;
        int r;

        if (access("/run/udev/control", F_OK) < 0)
                return -EOPNOTSUPP;
        r = open_device(*root_fd, node, &life, &fd);
        if (r < 0)
                return r;
        udev = udev_new();
        if (!udev)
                return -ENOMEM;
        r = make_uuid(uuid);
        if (r == 0 && wait)
                r = listen_to_udev(node->subsystem, udev, &monitor);
        if (r == 0)
                r = trigger(fd, life, uuid, words);
        if (r < 0 || !wait)
                return r;
        r = wait_for_udev(monitor, uuid, life, &now);
        if (r < 0)
                return r;
        return streq(now.owner, words->owner) && streq(now.vfs, words->vfs) ? 0 : -EPROTO;
}

const struct devnode_ops devnode_udev_ops = {.read = read_words, .change = change};
