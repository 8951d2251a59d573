/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From sysfs, rtnetlink, devlink and pci.ids to facts. Worker threads. */
#include <linux/if_arp.h>
#include <stdio.h>

#include "host/devlink.h"
#include "host/errtext.h"
#include "host/iommu.h"
#include "host/netdev.h"
#include "host/observe.h"
#include "host/place.h"

/* Before Linux 5.15 there is only a `reset` file, which uses whatever works. */
static void read_resets(int dev_fd, char resets[static RESETS_MAX])
{
        sysfs_read_text(dev_fd, "reset_method", resets, RESETS_MAX);
        if (resets[0] == '\0' && faccessat(dev_fd, "reset_method", F_OK, 0) < 0 &&
                faccessat(dev_fd, "reset", F_OK, 0) == 0)
                snprintf(resets, RESETS_MAX, "default");
}

static uint16_t read_id(int dev_fd, const char *name)
{
        uint32_t v = 0;

        return sysfs_read_hex(dev_fd, name, &v) == 0 && v <= UINT16_MAX ? (uint16_t) v : 0;
}

static void read_pf_sysfs(int fd, struct pf_facts *pf)
{
        uint32_t v;

        sysfs_read_link(fd, "driver", pf->driver, sizeof(pf->driver));
        sysfs_read_hex(fd, "class", &pf->pci_class);
        pf->vendor_id = read_id(fd, "vendor");
        pf->device_id = read_id(fd, "device");
        pf->vf_device_id = read_id(fd, "sriov_vf_device");
        if (sysfs_read_u32(fd, "sriov_totalvfs", &v) == 0 && v <= VFS_MAX)
                pf->total_vfs = v;
        sysfs_read_i32(fd, "sriov_offset", &pf->offset);
        sysfs_read_i32(fd, "sriov_stride", &pf->stride);
        if (sysfs_read_u32(fd, "sriov_drivers_autoprobe", &v) == 0 && v <= 1)
                pf->autoprobe = (int32_t) v;
        sysfs_read_i32(fd, "numa_node", &pf->numa_node);
        pf->iommu_group = iommu_group_of(fd);
        read_resets(fd, pf->reset_methods);
}

static void take_uplink(const struct link_reading *link, struct pf_facts *pf)
{
        struct mac mac;

        pf->mtu = link->mtu;
        pf->admin_up = link->admin_up;
        memcpy(pf->link_state, link->operstate, sizeof(pf->link_state));
        if (link->type != ARPHRD_ETHER)
                return;
        if (link->address_len == sizeof(mac.b)) {
                memcpy(pf->mac.b, link->address, sizeof(mac.b));
                pf->has_mac = true;
        }
        if (link->permanent_len == sizeof(mac.b)) {
                memcpy(mac.b, link->permanent, sizeof(mac.b));
                format_mac(pf->permanent_mac, &mac);
        }
}

/* The index of the uplink, 0 when there is none. */
static int read_netdevs(int fd, struct rtnl *rtnl, struct pf_facts *pf)
{
        _cleanup_(freep) struct link_reading *links = NULL;
        size_t n;

        if (netdev_list(fd, rtnl, &links, &n) < 0 || n == 0)
                return 0;
        for (size_t i = 0; i < n && i < PF_NETDEVS_MAX; i++) {
                memcpy(pf->netdevs[i], links[i].name, sizeof(pf->netdevs[i]));
                pf->n_netdevs++;
        }
        take_uplink(&links[0], pf);
        return links[0].ifindex;
}

static void read_vf_sysfs(int pf_fd, const struct vf_link *link, struct vf_facts *vf)
{
        _cleanup_(closep) int fd = -1;

        vf_facts_init(vf, link->index);
        memcpy(vf->address, link->address, sizeof(vf->address));
        if (sysfs_open_vf(pf_fd, link->index, &fd) < 0)
                return; /* going away: the event for that is on its way */
        sysfs_read_link(fd, "driver", vf->driver, sizeof(vf->driver));
        netdev_name(fd, vf->netdev);
        vf->iommu_group = iommu_group_of(fd);
        sysfs_read_i32(fd, "enable", &vf->enable);
        read_resets(fd, vf->reset_methods);
}

/*
 * The VFs' configuration. A VF that resets is left out of the answer: asked for once more, for that
 * is mostly over in a moment.
 */
static int get_config(struct rtnl *rtnl, int ifindex, struct vf_readings *ret)
{
        int r;

        r = rtnl_get_vfs(rtnl, ifindex, false, ret);
        if (r == 0 && ret->trusted && ret->n > 0 && ret->n < ret->num_vfs) {
                vf_readings_done(ret);
                retry_sleep(1);
                r = rtnl_get_vfs(rtnl, ifindex, false, ret);
        }
        return r;
}

static void read_vf_attrs(struct rtnl *rtnl, int ifindex, struct pf_facts *pf)
{
        struct vf_readings config = {0}, stats = {0};

        if (get_config(rtnl, ifindex, &config) < 0)
                return;
        if (config.n > 0 && vfmsg_fits(config.num_vfs, config.entry_size, VFMSG_STATS_SIZE) &&
                rtnl_get_vfs(rtnl, ifindex, true, &stats) < 0)
                stats = (struct vf_readings){0};
        for (uint32_t i = 0; i < pf->n_vfs; i++) {
                struct vf_facts *vf = &pf->vfs[i];
                const struct vf_reading *c = vf_readings_find(&config, vf->index);
                const struct vf_reading *s = vf_readings_find(&stats, vf->index);

                if (c) {
                        vf->attrs_known = true;
                        vf->attrs = c->attrs;
                }
                if (s && s->stats_known) {
                        vf->stats_known = true;
                        memcpy(vf->stats, s->stats, sizeof(vf->stats));
                }
        }
        vf_readings_done(&config);
        vf_readings_done(&stats);
}

static int read_vfs(int fd, struct pf_facts *pf)
{
        _cleanup_(freep) struct vf_link *links = NULL;
        size_t n;
        int r;

        r = sysfs_vf_links(fd, &links, &n);
        if (r < 0)
                return r;
        if (n > VFS_MAX)
                return -EFBIG;
        pf->vfs = n > 0 ? calloc(n, sizeof(*pf->vfs)) : NULL;
        if (n > 0 && !pf->vfs)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                read_vf_sysfs(fd, &links[i], &pf->vfs[i]);
        pf->n_vfs = pf->num_vfs = (uint32_t) n;
        return 0;
}

static void take_override(const struct locked_item *item, char to[static DRIVER_MAX])
{
        if (item->known && driver_name_valid(item->value)) /* "(null)" is none */
                memcpy(to, item->value, DRIVER_MAX);
}

/* What can not be read while somebody holds the device lock: as last seen, then. */
static int read_locked(struct locked *locked, struct pf_facts *pf)
{
        _cleanup_(freep) struct locked_item *items = calloc(pf->n_vfs + 2u, sizeof(*items));
        uint32_t v;

        if (!items)
                return -ENOMEM;
        items[0].attr = "sriov_vf_total_msix";
        items[1].attr = "driver_override";
        memcpy(items[0].address, dev_id_address(&pf->id), strlen(dev_id_address(&pf->id)) + 1);
        memcpy(items[1].address, items[0].address, sizeof(items[1].address));
        for (uint32_t i = 0; i < pf->n_vfs; i++) {
                items[i + 2].attr = "driver_override";
                memcpy(items[i + 2].address, pf->vfs[i].address, sizeof(items[i + 2].address));
        }
        locked_read(locked, pf->id.str, items, pf->n_vfs + 2u);
        if (items[0].known && parse_u32(items[0].value, 0, INT32_MAX, &v) == 0)
                pf->vf_total_msix = (int32_t) v;
        take_override(&items[1], pf->driver_override);
        for (uint32_t i = 0; i < pf->n_vfs; i++)
                take_override(&items[i + 2], pf->vfs[i].driver_override);
        return 0;
}

int observe_pf(int root_fd, struct pci_names *names, struct locked *locked, struct access *access,
        const struct dev_id *id, struct pf_facts *ret, struct fault *f)
{
        _cleanup_(pf_facts_freep) struct pf_facts *pf = NULL;
        _cleanup_(rtnl_closep) struct rtnl *rtnl = NULL;
        _cleanup_(closep) int fd = -1;
        int r, ifindex;

        if (!dev_id_valid(id))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "'%s' is not a device: expected pci/DDDD:BB:DD.F", id->str);
        r = sysfs_open_device(root_fd, dev_id_address(id), &fd);
        if (r < 0 || !sysfs_is_pf(fd))
                return fault_set(f, FAULT_GONE, ENODEV, "no PF at %s", dev_id_address(id));
        pf = calloc(1, sizeof(*pf));
        if (!pf)
                return fault_set(f, FAULT_NO_RESOURCES, ENOMEM, "out of memory");
        pf_facts_init(pf, id);
        read_pf_sysfs(fd, pf);
        place_path(root_fd, dev_id_address(id), pf->path);
        place_slot(root_fd, dev_id_address(id), pf->slot);
        pci_names_lookup(names, pf->vendor_id, pf->device_id, pf->vendor, pf->device);
        if (rtnl_open(&rtnl) < 0)
                rtnl = NULL; /* then what rtnetlink knows is unknown */
        ifindex = read_netdevs(fd, rtnl, pf);
        devlink_get_eswitch(dev_id_address(id), pf->eswitch_mode);
        r = read_vfs(fd, pf);
        if (r == 0)
                r = read_locked(locked, pf);
        if (r == 0 && !sysfs_is_pf(fd))
                r = -ENODEV;
        if (r < 0)
                return errtext_fault(f, NULL, -r, "PF %s could not be read", dev_id_address(id));
        for (uint32_t i = 0; i < pf->n_vfs; i++)
                pf->vfs[i].access_uid = access_uid_of(access, &pf->vfs[i]);
        if (rtnl && ifindex > 0 && pf->n_vfs > 0)
                read_vf_attrs(rtnl, ifindex, pf);
        *ret = *pf;
        free(TAKE_PTR(pf)); /* its arrays went to *ret */
        return 0;
}
