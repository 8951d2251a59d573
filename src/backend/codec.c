/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values to and from bus messages: attributes and facts. The rest is in codec_misc.c. Loop thread.
 */
#include "backend/codec.h"
#include "backend/codec_text.h"

#define MAC_LIMIT (UINT64_C(1) << 48)
#define ATTRS_ALL (BIT(VF_ATTR_MAX) - 1)

static const struct text_field pf_texts[] = {
        TEXT_FIELD(struct pf_facts, id.str),
        TEXT_FIELD(struct pf_facts, driver),
        TEXT_FIELD(struct pf_facts, driver_override),
        TEXT_FIELD(struct pf_facts, vendor),
        TEXT_FIELD(struct pf_facts, device),
        TEXT_FIELD(struct pf_facts, link_state),
        TEXT_FIELD(struct pf_facts, permanent_mac),
        TEXT_FIELD(struct pf_facts, path),
        TEXT_FIELD(struct pf_facts, slot),
        TEXT_FIELD(struct pf_facts, reset_methods),
        TEXT_FIELD(struct pf_facts, eswitch_mode),
        TEXT_FIELD(struct pf_facts, serial),
        TEXT_FIELD(struct pf_facts, busy_step),
};

static const struct text_field vf_texts[] = {
        TEXT_FIELD(struct vf_facts, address),
        TEXT_FIELD(struct vf_facts, driver),
        TEXT_FIELD(struct vf_facts, driver_override),
        TEXT_FIELD(struct vf_facts, netdev),
        TEXT_FIELD(struct vf_facts, reset_methods),
};

/* The numbers of a PF for which -1 means unknown. */
static const struct {
        size_t offset;
        int32_t max;
} pf_numbers[] = {
        {offsetof(struct pf_facts, offset), UINT16_MAX},
        {offsetof(struct pf_facts, stride), UINT16_MAX},
        {offsetof(struct pf_facts, autoprobe), 1},
        {offsetof(struct pf_facts, vf_total_msix), INT32_MAX},
        {offsetof(struct pf_facts, numa_node), INT32_MAX},
        {offsetof(struct pf_facts, iommu_group), INT32_MAX},
        {offsetof(struct pf_facts, mtu), INT32_MAX},
};

static uint64_t mac_number(const struct mac *mac)
{
        uint64_t v = 0;

        for (size_t i = 0; i < sizeof(mac->b); i++)
                v = v << 8 | mac->b[i];
        return v;
}

static struct mac mac_of_number(uint64_t v)
{
        struct mac mac;

        for (size_t i = sizeof(mac.b); i-- > 0; v >>= 8)
                mac.b[i] = v & 0xff;
        return mac;
}

/* Values without a present bit do not travel: they have no meaning. */
int codec_put_attrs(sd_bus_message *m, const struct vf_attrs *attrs)
{
        struct vf_attrs a = {.reset = attrs->reset & ATTRS_ALL};

        vf_attrs_copy(&a, attrs, ATTRS_ALL);
        return sd_bus_message_append(m, SIG_ATTRS, a.present, a.reset, mac_number(&a.mac), a.vlan,
                a.qos, (uint32_t) a.vlan_proto, a.min_tx_rate, a.max_tx_rate,
                (uint32_t) a.link_state, a.spoofchk, a.trust, a.query_rss, a.node_guid,
                a.port_guid);
}

int codec_get_attrs(sd_bus_message *m, struct vf_attrs *ret)
{
        uint32_t proto = 0, link = 0;
        int spoofchk = 0, trust = 0, rss = 0, r;
        struct vf_attrs a = {0};
        uint64_t mac = 0;

        r = sd_bus_message_read(m, SIG_ATTRS, &a.present, &a.reset, &mac, &a.vlan, &a.qos, &proto,
                &a.min_tx_rate, &a.max_tx_rate, &link, &spoofchk, &trust, &rss, &a.node_guid,
                &a.port_guid);
        if (r < 0)
                return r;
        if (r == 0 || ((a.present | a.reset) & ~ATTRS_ALL) || (a.present & a.reset) ||
                mac >= MAC_LIMIT || a.vlan > VLAN_ID_MAX || a.qos > VLAN_QOS_MAX ||
                proto >= VLAN_PROTO_MAX || link >= VF_LINK_MAX)
                return -EBADMSG;
        a.mac = mac_of_number(mac);
        a.vlan_proto = proto;
        a.link_state = link;
        a.spoofchk = spoofchk;
        a.trust = trust;
        a.query_rss = rss;
        *ret = a;
        return 0;
}

static int put_vf(sd_bus_message *m, const struct vf_facts *vf)
{
        int r;

        r = sd_bus_message_open_container(m, 'r', "usssssiixb" SIG_ATTRS "at");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 'u', &vf->index);
        if (r < 0)
                return r;
        r = put_texts(m, vf, vf_texts, ELEMENTSOF(vf_texts));
        if (r < 0)
                return r;
        r = sd_bus_message_append(
                m, "iixb", vf->iommu_group, vf->enable, vf->access_uid, vf->attrs_known);
        if (r < 0)
                return r;
        r = codec_put_attrs(m, &vf->attrs);
        if (r < 0)
                return r;
        r = sd_bus_message_append_array(m, 't', vf->stats, vf->stats_known ? sizeof(vf->stats) : 0);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

static int get_vf(sd_bus_message *m, struct vf_facts *ret)
{
        struct vf_facts vf = {0};
        const void *stats = NULL;
        size_t size = 0;
        int known = 0, r;

        r = sd_bus_message_read(m, "u", &vf.index);
        if (r < 0)
                return r;
        r = get_texts(m, &vf, vf_texts, ELEMENTSOF(vf_texts));
        if (r < 0)
                return r;
        r = sd_bus_message_read(m, "iixb", &vf.iommu_group, &vf.enable, &vf.access_uid, &known);
        if (r < 0)
                return r;
        r = codec_get_attrs(m, &vf.attrs);
        if (r < 0)
                return r;
        r = sd_bus_message_read_array(m, 't', &stats, &size);
        if (r < 0)
                return r;
        if (vf.index >= VFS_MAX || vf.iommu_group < -1 || vf.enable < -1 || vf.access_uid < -1 ||
                vf.access_uid >= ACCESS_NOBODY || (size != 0 && size != sizeof(vf.stats)))
                return -EBADMSG;
        vf.attrs_known = known;
        vf.stats_known = size != 0;
        if (vf.stats_known)
                memcpy(vf.stats, stats, size);
        *ret = vf;
        return 0;
}

static int put_netdevs(sd_bus_message *m, const struct pf_facts *facts)
{
        int r;

        if (facts->n_netdevs > PF_NETDEVS_MAX)
                return -EINVAL;
        r = sd_bus_message_open_container(m, 'a', "s");
        for (uint32_t i = 0; r >= 0 && i < facts->n_netdevs; i++)
                r = put_text(m, facts->netdevs[i], NETDEV_MAX);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int get_netdevs(sd_bus_message *m, struct pf_facts *facts)
{
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "s");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read_basic(m, 's', &name)) > 0) {
                if (facts->n_netdevs == PF_NETDEVS_MAX || !ifname_valid(name) ||
                        str_copy(facts->netdevs[facts->n_netdevs], NETDEV_MAX, name) < 0)
                        return -EBADMSG;
                facts->n_netdevs++;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int put_numbers(sd_bus_message *m, const struct pf_facts *facts)
{
        int r;

        r = sd_bus_message_append(m, "uqqquu", facts->pci_class, facts->vendor_id, facts->device_id,
                facts->vf_device_id, facts->total_vfs, facts->num_vfs);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(pf_numbers); i++)
                r = sd_bus_message_append_basic(
                        m, 'i', (const char *) facts + pf_numbers[i].offset);
        return r < 0 ? r
                     : sd_bus_message_append(m, "bbtt", facts->admin_up, facts->has_mac,
                               facts->has_mac ? mac_number(&facts->mac) : 0, facts->busy_usec);
}

static int get_numbers(sd_bus_message *m, struct pf_facts *facts)
{
        int admin_up = 0, has_mac = 0, r;
        uint64_t mac = 0;

        r = sd_bus_message_read(m, "uqqquu", &facts->pci_class, &facts->vendor_id,
                &facts->device_id, &facts->vf_device_id, &facts->total_vfs, &facts->num_vfs);
        if (r < 0)
                return r;
        if (facts->pci_class > 0xffffff || facts->total_vfs > VFS_MAX || facts->num_vfs > VFS_MAX)
                return -EBADMSG;
        for (size_t i = 0; i < ELEMENTSOF(pf_numbers); i++) {
                int32_t v;

                r = sd_bus_message_read_basic(m, 'i', &v);
                if (r < 0)
                        return r;
                if (v < -1 || v > pf_numbers[i].max)
                        return -EBADMSG;
                memcpy((char *) facts + pf_numbers[i].offset, &v, sizeof(v));
        }
        r = sd_bus_message_read(m, "bbtt", &admin_up, &has_mac, &mac, &facts->busy_usec);
        if (r < 0)
                return r;
        if (mac >= MAC_LIMIT || (!has_mac && mac != 0))
                return -EBADMSG;
        facts->admin_up = admin_up;
        facts->has_mac = has_mac;
        facts->mac = mac_of_number(mac);
        return 0;
}

int codec_put_pf(sd_bus_message *m, const struct pf_facts *facts)
{
        int r;

        r = sd_bus_message_open_container(m, 'r', "sssssssssssssasuqqquuiiiiiiibbtta" SIG_VF);
        if (r < 0)
                return r;
        r = put_texts(m, facts, pf_texts, ELEMENTSOF(pf_texts));
        if (r < 0)
                return r;
        r = put_netdevs(m, facts);
        if (r < 0)
                return r;
        r = put_numbers(m, facts);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'a', SIG_VF);
        for (uint32_t i = 0; r >= 0 && i < facts->n_vfs; i++)
                r = put_vf(m, &facts->vfs[i]);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Ascending indexes below VFS_MAX: so there are at most VFS_MAX, and searching works. */
static int get_vfs(sd_bus_message *m, struct vf_facts **ret, uint32_t *ret_n)
{
        _cleanup_(freep) struct vf_facts *vfs = NULL;
        size_t n = 0, capacity = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', SIG_VF);
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'r', "usssssiixb" SIG_ATTRS "at")) > 0) {
                r = array_grow(&vfs, &capacity, n, sizeof(*vfs));
                if (r < 0)
                        return r;
                r = get_vf(m, &vfs[n]);
                if (r < 0)
                        return r;
                if (n > 0 && vfs[n].index <= vfs[n - 1].index)
                        return -EBADMSG;
                n++;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(vfs);
        *ret_n = (uint32_t) n;
        return 0;
}

int codec_get_pf(sd_bus_message *m, struct pf_facts *ret)
{
        _cleanup_(pf_facts_done) struct pf_facts facts = {0};
        int r;

        r = sd_bus_message_enter_container(m, 'r', "sssssssssssssasuqqquuiiiiiiibbtta" SIG_VF);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        r = get_texts(m, &facts, pf_texts, ELEMENTSOF(pf_texts));
        if (r < 0)
                return r;
        if (!dev_id_valid(&facts.id))
                return -EBADMSG;
        r = get_netdevs(m, &facts);
        if (r < 0)
                return r;
        r = get_numbers(m, &facts);
        if (r < 0)
                return r;
        r = get_vfs(m, &facts.vfs, &facts.n_vfs);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = facts;
        facts.vfs = NULL;
        return 0;
}
