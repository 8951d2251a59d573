/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The census of who uses a PF's VFs. Worker threads. */
#include <fcntl.h>
#include <stdio.h>

#include "host/holders.h"
#include "host/holders_private.h"

int census_add(struct census *c, uint32_t vf, const char *kind, int32_t pid, const char *name,
        const char *path)
{
        struct holder h = {.vf = vf, .pid = pid};
        char comm[NAME_MAX_TEXT];
        int r;

        snprintf(h.kind, sizeof(h.kind), "%s", kind);
        snprintf(h.name, sizeof(h.name), "%s", name ?: "");
        snprintf(h.path, sizeof(h.path), "%s", path ?: "");
        if (!name && pid >= 0) {
                snprintf(comm, sizeof(comm), "%s/%d/comm", c->proc, pid);
                sysfs_read_text(AT_FDCWD, comm, h.name, sizeof(h.name));
        }
        r = array_grow(&c->list, &c->capacity, c->n, sizeof(*c->list));
        if (r == 0)
                c->list[c->n++] = h;
        return r;
}

static int census_vf(struct census *c, uint32_t vf, int fd)
{
        int r;

        r = census_vfio(c, vf, fd);
        if (r == 0)
                r = census_net(c, vf, fd);
        if (r == 0)
                r = census_rdma(c, vf, fd);
        return r < 0 ? r : census_block(c, vf, fd);
}

int holders_find(
        int root_fd, int pf_fd, const char *proc, uint32_t vf, struct holder **ret, size_t *ret_n)
{
        _cleanup_(freep) struct vf_link *links = NULL;
        struct census c = {.root_fd = root_fd, .proc = proc};
        size_t n;
        int r;

        r = sysfs_vf_links(pf_fd, &links, &n);
        for (size_t i = 0; r == 0 && i < n; i++) {
                _cleanup_(closep) int fd = -1;

                if ((vf == NO_VF || links[i].index == vf) &&
                        sysfs_open_vf(pf_fd, links[i].index, &fd) == 0)
                        r = census_vf(&c, links[i].index, fd);
        }
        if (r == 0 && vf == NO_VF)
                r = census_pf(&c, pf_fd);
        openers_free(c.openers);
        net_uses_free(c.net);
        mounts_free(c.mounts);
        if (r < 0) {
                free(c.list);
                return r;
        }
        *ret = c.list;
        *ret_n = c.n;
        return 0;
}

int holders_open(int pf_fd, uint32_t vf, uint32_t *ret_vf)
{
        _cleanup_(freep) struct vf_link *links = NULL;
        size_t n;
        int r;

        r = sysfs_vf_links(pf_fd, &links, &n);
        for (size_t i = 0; r == 0 && i < n; i++) {
                _cleanup_(closep) int fd = -1;

                if ((vf != NO_VF && links[i].index != vf) ||
                        sysfs_open_vf(pf_fd, links[i].index, &fd) < 0 || !vfio_is_open(fd))
                        continue;
                *ret_vf = links[i].index;
                return 1;
        }
        return r;
}
