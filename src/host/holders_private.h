/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the census share. Worker threads. */
#pragma once

#include "host/netuse.h"
#include "host/sysfs.h"

/* One census. What is read only when it is needed is read once. */
struct census {
        int root_fd;
        const char *proc;
        struct holder *list;
        size_t n, capacity;
        struct openers *openers; /* holders_vfio.c */
        struct net_uses *net;    /* holders_net.c */
        struct mounts *mounts;   /* holders_block.c */
};

/* Notes one; name and path may be NULL. With a pid and no name, the process's own. */
int census_add(struct census *c, uint32_t vf, const char *kind, int32_t pid, const char *name,
        const char *path);

/* Each adds what it sees of the function behind dev_fd. */
int census_vfio(struct census *c, uint32_t vf, int dev_fd);
int census_net(struct census *c, uint32_t vf, int dev_fd);
int census_rdma(struct census *c, uint32_t vf, int dev_fd);
int census_block(struct census *c, uint32_t vf, int dev_fd);

/* The default route through the PF's own netdevs, or what they are part of. */
int census_pf(struct census *c, int pf_fd);

void openers_free(struct openers *openers);
void net_uses_free(struct net_uses *net);
void mounts_free(struct mounts *mounts);

/* On a vfio driver, and open. */
bool vfio_is_open(int dev_fd);
