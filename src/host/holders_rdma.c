/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RDMA devices that a process has open, by the kernel's resource tracking. Worker threads. */
#include <linux/netlink.h>
#include <rdma/rdma_netlink.h>

#include "host/holders_private.h"
#include "host/rtnl.h"

#define NLDEV(command) ((uint16_t) RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, (command)))
#define PIDS_MAX       64

struct query {
        const char *name;
        bool found;
        uint32_t index;
        int32_t pids[PIDS_MAX];
        size_t n;
};

static int on_device(const void *payload, size_t n, void *userdata)
{
        struct query *q = userdata;

        if (netuse_rdma_device(payload, n, q->name, &q->index) == 1)
                q->found = true;
        return 0;
}

static int on_contexts(const void *payload, size_t n, void *userdata)
{
        struct query *q = userdata;

        q->n += (size_t) netuse_rdma_contexts(payload, n, q->pids + q->n, PIDS_MAX - q->n);
        return 0;
}

/* Kernels without the query (before 5.15), or without RDMA by netlink, can not say. */
static bool cannot_say(int r)
{
        return r == -EINVAL || r == -EOPNOTSUPP || r == -EPROTONOSUPPORT || r == -ENODEV;
}

static int ask(struct census *c, uint32_t vf, const char *name)
{
        struct query q = {.name = name};
        struct {
                struct nlattr header;
                uint32_t index;
        } device = {{.nla_len = sizeof(device), .nla_type = RDMA_NLDEV_ATTR_DEV_INDEX}, 0};
        int r;

        r = rtnl_dump(NETLINK_RDMA, NLDEV(RDMA_NLDEV_CMD_GET), NULL, 0, on_device, &q);
        if (r == 0 && q.found) {
                device.index = q.index;
                r = rtnl_dump(NETLINK_RDMA, NLDEV(RDMA_NLDEV_CMD_RES_CTX_GET), &device,
                        sizeof(device), on_contexts, &q);
        }
        if (cannot_say(r))
                return 0;
        for (size_t i = 0; r == 0 && i < q.n; i++) {
                bool seen = false;

                for (size_t k = 0; k < i; k++)
                        seen |= q.pids[k] == q.pids[i];
                if (!seen)
                        r = census_add(c, vf, "rdma", q.pids[i], NULL, name);
        }
        return r;
}

int census_rdma(struct census *c, uint32_t vf, int dev_fd)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r = 0;

        if (sysfs_open_dir(dev_fd, "infiniband", &dir) < 0)
                return 0;
        while (r == 0 && (entry = readdir(dir)))
                if (entry->d_name[0] != '.' && utf8_valid(entry->d_name))
                        r = ask(c, vf, entry->d_name);
        return r;
}
