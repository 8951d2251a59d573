/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device's node, by way of udev: /dev itself is not visible here. A "change" event that carries
 * words is written to the device's uevent file, data/05-sriovd-vfio.rules makes the node so, and
 * udev's database remembers the words while the device lives. Worker threads; devnode_change()
 * blocks.
 */
#pragma once

#include "base/util.h"

struct devnode {
        char subsystem[16]; /* vfio, vfio-dev */
        char name[32];      /* 12, vfio3: of the device in sysfs, and of the node */
};

#define DEVNODE_WORDS_MAX 1024 /* the kernel's buffer for an event is 2048 */

/* Never "" when said. Letters and digits alone (lib/kobject_uevent.c). */
struct devnode_words {
        char owner[16];
        char vfs[DEVNODE_WORDS_MAX];
};

/* The real table below, or a test's. */
struct devnode_ops {
        /* What udev's database says of the node now; all "" when nothing, or when it is not there.
         */
        void (*read)(void *userdata, const struct devnode *node, struct devnode_words *ret);
        /*
         * Says the words, and waits until udev is through with the node: 0 when they are so.
         * -ENOENT: no such device; -EOPNOTSUPP: there is no udev; -ETIMEDOUT: it may come yet;
         * -EPROTO: udev has seen it, and the words are not so: the rule is not there. Without wait
         * 0 means that it was said: udev takes one after the other.
         */
        int (*change)(void *userdata, const struct devnode *node, const struct devnode_words *words,
                bool wait);
};

/* userdata: an int, the root of sysfs: /sys. */
extern const struct devnode_ops devnode_udev_ops;
