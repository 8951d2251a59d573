/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who uses a VF or PF of the simulated machine. Any thread, machine locked. */
#include <stdio.h>

#include "sim/uses.h"

enum needs { NEEDS_NETDEV, NEEDS_RDMA, NEEDS_BLOCK };

static const struct {
        const char *kind;
        enum needs needs;
        const char *name; /* when none is given */
} kinds[] = {
        {"netns", NEEDS_NETDEV, ""},
        {"master", NEEDS_NETDEV, "br0"},
        {"upper", NEEDS_NETDEV, "macvtap0"},
        {"address", NEEDS_NETDEV, "192.0.2.1/24"},
        {"route", NEEDS_NETDEV, ""},
        {"rdma", NEEDS_RDMA, "ib_write_bw"},
        {"mount", NEEDS_BLOCK, "/srv"},
};

/* A storage card's VF gets its driver when the host brings its controller online (nvme virt-mgmt),
 * so it is free to be used as long as it has none. */
static bool on_host_driver(const struct sim_pf *pf, const struct sim_vf *vf)
{
        if (!pf->profile->netdev)
                return vf->driver[0] == '\0' || streq(vf->driver, pf->profile->driver);
        return vf->driver[0] != '\0' && streq(vf->driver, pf->profile->vf_driver);
}

static bool can_be_used(const struct sim_pf *pf, uint32_t vf, enum needs needs)
{
        if (vf == NO_VF)
                return needs == NEEDS_NETDEV && pf->driver[0] != '\0' && pf->netdev[0] != '\0';
        if (vf >= pf->hw_total_vfs || !pf->vfs[vf].exists || pf->vfs[vf].dying ||
                !on_host_driver(pf, &pf->vfs[vf]))
                return false;
        return (needs == NEEDS_BLOCK) == !pf->profile->netdev;
}

static struct sim_uses *uses_of(struct sim_pf *pf, uint32_t vf)
{
        return vf == NO_VF ? &pf->uses : &pf->vfs[vf].uses;
}

static size_t find(const struct sim_uses *uses, const char *kind)
{
        size_t i = 0;

        while (i < uses->n && !streq(uses->list[i].kind, kind))
                i++;
        return i;
}

int machine_use(
        struct machine *m, struct sim_pf *pf, uint32_t vf, const char *kind, const char *name)
{
        struct sim_uses *uses;
        struct sim_use *use;
        size_t k = 0;

        while (k < ELEMENTSOF(kinds) && !streq(kinds[k].kind, kind))
                k++;
        if (k == ELEMENTSOF(kinds) || (vf == NO_VF && !streq(kind, "route")))
                return -EINVAL;
        if (!can_be_used(pf, vf, kinds[k].needs))
                return -ENODEV;
        uses = uses_of(pf, vf);
        if (find(uses, kind) < uses->n)
                return -EEXIST;
        if (uses->n == SIM_USES_MAX)
                return -ENOSPC;
        if (strlen(name) >= sizeof(use->name))
                return -E2BIG;
        if (vf != NO_VF && kinds[k].needs == NEEDS_BLOCK)
                memcpy(pf->vfs[vf].driver, pf->profile->driver, strlen(pf->profile->driver) + 1);
        use = &uses->list[uses->n++];
        snprintf(use->kind, sizeof(use->kind), "%s", kind);
        snprintf(use->name, sizeof(use->name), "%s", name[0] ? name : kinds[k].name);
        machine_touch(m, pf);
        return 0;
}

int machine_unuse(struct machine *m, struct sim_pf *pf, uint32_t vf, const char *kind)
{
        struct sim_uses *uses;
        size_t at;

        if (vf != NO_VF && vf >= pf->hw_total_vfs)
                return -ENOENT;
        uses = uses_of(pf, vf);
        at = find(uses, kind);
        if (streq(kind, "all") && uses->n > 0)
                uses->n = 0;
        else if (at < uses->n)
                uses->list[at] = uses->list[--uses->n];
        else
                return -ENOENT;
        machine_touch(m, pf);
        return 0;
}

bool sim_vf_used(const struct sim_vf *vf)
{
        return vf->guest[0] != '\0' || vf->uses.n > 0;
}

bool sim_vf_netdev_away(const struct sim_vf *vf)
{
        return find(&vf->uses, "netns") < vf->uses.n;
}

/* What of the function is used, as the host would call it. */
static void name_part(
        const struct sim_pf *pf, uint32_t vf, const char *kind, char *buf, size_t size)
{
        if (streq(kind, "rdma"))
                snprintf(buf, size, "rocep%us%uv%u", pf->address.bus, pf->address.devfn >> 3, vf);
        else if (streq(kind, "mount"))
                snprintf(buf, size, "nvme%un1", vf + 1);
        else if (vf == NO_VF)
                snprintf(buf, size, "%s", pf->netdev);
        else if (!streq(kind, "netns"))
                snprintf(buf, size, "%s", pf->vfs[vf].netdev);
}

static void add_uses(const struct sim_pf *pf, uint32_t vf, const struct sim_uses *uses,
        struct holder *list, size_t *n)
{
        for (size_t i = 0; i < uses->n; i++) {
                struct holder *h = &list[(*n)++];

                *h = (struct holder){.vf = vf, .pid = -1};
                snprintf(h->kind, sizeof(h->kind), "%s", uses->list[i].kind);
                snprintf(h->name, sizeof(h->name), "%s", uses->list[i].name);
                name_part(pf, vf, h->kind, h->path, sizeof(h->path));
        }
}

int machine_holders(
        struct machine *m, struct sim_pf *pf, uint32_t vf, struct holder **ret, size_t *ret_n)
{
        struct holder *list;
        size_t n = 0;

        list = calloc(((size_t) pf->hw_total_vfs + 1) * (SIM_USES_MAX + 1), sizeof(*list));
        if (!list)
                return -ENOMEM;
        for (uint32_t i = 0; i < pf->hw_total_vfs; i++) {
                const struct sim_vf *v = &pf->vfs[i];

                if (vf != NO_VF && vf != i)
                        continue;
                if (v->guest[0] != '\0') {
                        list[n] = (struct holder){.vf = i, .kind = "guest", .pid = -1};
                        snprintf(list[n].name, sizeof(list[n].name), "guest %s", v->guest);
                        snprintf(list[n].path, sizeof(list[n].path), "/dev/vfio/%d",
                                machine_group_of(m, pf, i));
                        n++;
                }
                add_uses(pf, i, &v->uses, list, &n);
        }
        if (vf == NO_VF)
                add_uses(pf, NO_VF, &pf->uses, list, &n);
        *ret = list;
        *ret_n = n;
        return 0;
}
