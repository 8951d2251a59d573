/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VF attributes to and from netlink bytes. Pure, any thread. */
#include <arpa/inet.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>

#include "host/vfmsg.h"

/* Any of the fixed payloads inside IFLA_VF_INFO; all begin with the VF's index. */
union vf_payload {
        uint32_t vf;
        struct ifla_vf_mac mac;
        struct ifla_vf_vlan vlan;
        struct ifla_vf_vlan_info vlan_info;
        struct ifla_vf_tx_rate tx_rate;
        struct ifla_vf_rate rate;
        struct ifla_vf_spoofchk spoofchk;
        struct ifla_vf_link_state link_state;
        struct ifla_vf_rss_query_en query_rss;
        struct ifla_vf_trust trust;
        struct ifla_vf_guid guid;
};

static const uint8_t payload_size[IFLA_VF_MAX + 1] = {
        [IFLA_VF_MAC] = sizeof(struct ifla_vf_mac),
        [IFLA_VF_VLAN] = sizeof(struct ifla_vf_vlan),
        [IFLA_VF_TX_RATE] = sizeof(struct ifla_vf_tx_rate),
        [IFLA_VF_RATE] = sizeof(struct ifla_vf_rate),
        [IFLA_VF_SPOOFCHK] = sizeof(struct ifla_vf_spoofchk),
        [IFLA_VF_LINK_STATE] = sizeof(struct ifla_vf_link_state),
        [IFLA_VF_RSS_QUERY_EN] = sizeof(struct ifla_vf_rss_query_en),
        [IFLA_VF_TRUST] = sizeof(struct ifla_vf_trust),
        [IFLA_VF_IB_NODE_GUID] = sizeof(struct ifla_vf_guid),
        [IFLA_VF_IB_PORT_GUID] = sizeof(struct ifla_vf_guid),
};

/* ---- encoding -------------------------------------------------------------------------------- */

/* The setting's payload; its attribute type. */
static uint16_t fill_payload(
        union vf_payload *p, enum vf_setting setting, const struct vf_attrs *attrs)
{
        switch (setting) {
        case VF_SETTING_MAC:
                memcpy(p->mac.mac, attrs->mac.b, sizeof(attrs->mac.b));
                return IFLA_VF_MAC;
        case VF_SETTING_VLAN:
                p->vlan.vlan = attrs->vlan;
                p->vlan.qos = attrs->qos;
                if (attrs->vlan_proto == VLAN_PROTO_8021Q)
                        return IFLA_VF_VLAN;
                p->vlan_info.vlan_proto = htons(ETH_P_8021AD);
                return IFLA_VF_VLAN_LIST;
        case VF_SETTING_RATE:
                p->rate.min_tx_rate = attrs->min_tx_rate;
                p->rate.max_tx_rate = attrs->max_tx_rate;
                return IFLA_VF_RATE;
        case VF_SETTING_SPOOFCHK:
                p->spoofchk.setting = attrs->spoofchk;
                return IFLA_VF_SPOOFCHK;
        case VF_SETTING_TRUST:
                p->trust.setting = attrs->trust;
                return IFLA_VF_TRUST;
        case VF_SETTING_LINK_STATE:
                p->link_state.link_state = attrs->link_state;
                return IFLA_VF_LINK_STATE;
        case VF_SETTING_QUERY_RSS:
                p->query_rss.setting = attrs->query_rss;
                return IFLA_VF_RSS_QUERY_EN;
        case VF_SETTING_NODE_GUID:
                p->guid.guid = attrs->node_guid;
                return IFLA_VF_IB_NODE_GUID;
        case VF_SETTING_PORT_GUID:
                p->guid.guid = attrs->port_guid;
                return IFLA_VF_IB_PORT_GUID;
        case VF_SETTING_MAX:
                break;
        }
        return IFLA_VF_UNSPEC;
}

int vfmsg_encode(uint32_t vf, enum vf_setting setting, const struct vf_attrs *attrs,
        uint8_t buf[static VFMSG_ENCODED_MAX], size_t *ret_n)
{
        uint16_t nest[] = {IFLA_VFINFO_LIST, IFLA_VF_INFO, IFLA_VF_UNSPEC, IFLA_VF_VLAN_INFO};
        size_t depth = ELEMENTSOF(nest) - 1, size, n;
        uint32_t want = vf_setting_attrs(setting);
        union vf_payload payload;

        if (vf >= INT_MAX || want == 0 || (attrs->present & want) != want)
                return -EINVAL;
        memset(&payload, 0, sizeof(payload)); /* padding too: it goes to the kernel */
        payload.vf = vf;
        nest[2] = fill_payload(&payload, setting, attrs);
        size = payload_size[nest[2]];
        if (nest[2] == IFLA_VF_VLAN_LIST) {
                size = sizeof(payload.vlan_info);
                depth++;
        }
        /* Each holds nothing but the next, and all sizes are multiples of 4: they end together. */
        n = depth * NLA_HDRLEN + size;
        for (size_t i = 0; i < depth; i++) {
                struct nlattr header = {
                        .nla_len = (uint16_t) (n - i * NLA_HDRLEN), .nla_type = nest[i]};

                memcpy(buf + i * NLA_HDRLEN, &header, sizeof(header));
        }
        memcpy(buf + depth * NLA_HDRLEN, &payload, size);
        *ret_n = n;
        return 0;
}

/* ---- decoding -------------------------------------------------------------------------------- */

struct span {
        const uint8_t *p;
        size_t n;
};

struct attr {
        uint16_t type;
        uint32_t size; /* with its header and padding */
        struct span data;
};

/* Takes the next attribute off the span: 1, 0 at the end, -EBADMSG when it does not fit. */
static int next_attr(struct span *s, struct attr *ret)
{
        struct nlattr header;
        size_t size;

        if (s->n == 0)
                return 0;
        if (s->n < NLA_HDRLEN)
                return -EBADMSG;
        memcpy(&header, s->p, sizeof(header));
        if (header.nla_len < NLA_HDRLEN || header.nla_len > s->n)
                return -EBADMSG;
        size = NLA_ALIGN((size_t) header.nla_len);
        if (size > s->n)
                size = s->n; /* the last one may lack its padding */
        *ret = (struct attr){
                .type = header.nla_type & NLA_TYPE_MASK,
                .size = (uint32_t) size,
                .data = {s->p + NLA_HDRLEN, header.nla_len - (size_t) NLA_HDRLEN},
        };
        s->p += size;
        s->n -= size;
        return 1;
}

/* A later attribute may say more than an earlier one; a value out of range is no reading. */
static void set_number(struct vf_attrs *attrs, enum vf_attr attr, uint32_t value)
{
        attrs->present &= ~BIT(attr);
        vf_attrs_set_number(attrs, attr, value, NULL);
}

static void set_switch(struct vf_attrs *attrs, enum vf_attr attr, uint32_t value)
{
        if (value != UINT32_MAX) /* what the kernel presets: the driver did not report it */
                set_number(attrs, attr, value != 0);
}

static void set_guid(struct vf_attrs *attrs, enum vf_attr attr, uint64_t *member, uint64_t guid)
{
        *member = guid;
        attrs->present |= BIT(attr);
}

static void set_vlan(struct vf_attrs *attrs, const struct ifla_vf_vlan_info *info)
{
        uint16_t proto = ntohs(info->vlan_proto);

        set_number(attrs, VF_ATTR_VLAN, info->vlan);
        set_number(attrs, VF_ATTR_QOS, info->qos);
        set_number(attrs, VF_ATTR_VLAN_PROTO,
                proto == ETH_P_8021Q    ? VLAN_PROTO_8021Q
                : proto == ETH_P_8021AD ? VLAN_PROTO_8021AD
                                        : VLAN_PROTO_MAX);
}

/* Copies a payload that names its VF; all in one entry must name the same. */
static int take_payload(
        struct vf_reading *r, const struct span *data, size_t size, union vf_payload *ret)
{
        if (data->n < size)
                return -EBADMSG;
        memset(ret, 0, sizeof(*ret));
        memcpy(ret, data->p, size);
        if (r->vf != NO_VF && r->vf != ret->vf)
                return -EBADMSG;
        r->vf = ret->vf;
        return 0;
}

static int decode_vlan_list(struct span list, struct vf_reading *r)
{
        union vf_payload p;
        struct attr a;
        int got;

        got = next_attr(&list, &a);
        if (got <= 0)
                return got;
        if (a.type != IFLA_VF_VLAN_INFO)
                return 0;
        /* Kernels before 6.9 took and gave 14 bytes as well as 16: what counts ends there. */
        got = take_payload(
                r, &a.data, offsetof(struct ifla_vf_vlan_info, vlan_proto) + sizeof(__be16), &p);
        if (got == 0)
                set_vlan(&r->attrs, &p.vlan_info);
        return got;
}

static int decode_stats(struct span nest, struct vf_reading *r)
{
        static const uint8_t stat_of[IFLA_VF_STATS_MAX + 1] = {
                [IFLA_VF_STATS_RX_PACKETS] = VF_STAT_RX_PACKETS,
                [IFLA_VF_STATS_TX_PACKETS] = VF_STAT_TX_PACKETS,
                [IFLA_VF_STATS_RX_BYTES] = VF_STAT_RX_BYTES,
                [IFLA_VF_STATS_TX_BYTES] = VF_STAT_TX_BYTES,
                [IFLA_VF_STATS_BROADCAST] = VF_STAT_BROADCAST,
                [IFLA_VF_STATS_MULTICAST] = VF_STAT_MULTICAST,
                [IFLA_VF_STATS_PAD] = VF_STAT_MAX,
                [IFLA_VF_STATS_RX_DROPPED] = VF_STAT_RX_DROPPED,
                [IFLA_VF_STATS_TX_DROPPED] = VF_STAT_TX_DROPPED,
        };
        struct attr a;
        int got;

        while ((got = next_attr(&nest, &a)) > 0) {
                if (a.type >= ELEMENTSOF(stat_of) || stat_of[a.type] == VF_STAT_MAX)
                        continue;
                if (a.data.n < sizeof(uint64_t))
                        return -EBADMSG;
                memcpy(&r->stats[stat_of[a.type]], a.data.p, sizeof(uint64_t));
                r->stats_known = true;
        }
        return got;
}

static void apply_payload(
        struct vf_reading *r, uint16_t type, const union vf_payload *p, uint16_t link_type)
{
        struct vf_attrs *attrs = &r->attrs;

        switch (type) {
        case IFLA_VF_MAC:
                if (link_type != ARPHRD_ETHER) /* InfiniBand: 20 bytes, told by the GUIDs */
                        return;
                memcpy(attrs->mac.b, p->mac.mac, sizeof(attrs->mac.b));
                attrs->present |= BIT(VF_ATTR_MAC);
                return;
        case IFLA_VF_VLAN:
                set_vlan(attrs, &(struct ifla_vf_vlan_info){.vlan = p->vlan.vlan,
                                        .qos = p->vlan.qos,
                                        .vlan_proto = htons(ETH_P_8021Q)});
                return;
        case IFLA_VF_TX_RATE:
                if (!vf_attrs_has(attrs, VF_ATTR_MAX_TX_RATE))
                        set_number(attrs, VF_ATTR_MAX_TX_RATE, p->tx_rate.rate);
                return;
        case IFLA_VF_RATE:
                set_number(attrs, VF_ATTR_MIN_TX_RATE, p->rate.min_tx_rate);
                set_number(attrs, VF_ATTR_MAX_TX_RATE, p->rate.max_tx_rate);
                return;
        case IFLA_VF_SPOOFCHK:
                set_switch(attrs, VF_ATTR_SPOOFCHK, p->spoofchk.setting);
                return;
        case IFLA_VF_TRUST:
                set_switch(attrs, VF_ATTR_TRUST, p->trust.setting);
                return;
        case IFLA_VF_RSS_QUERY_EN:
                set_switch(attrs, VF_ATTR_QUERY_RSS, p->query_rss.setting);
                return;
        case IFLA_VF_LINK_STATE:
                set_number(attrs, VF_ATTR_LINK_STATE, p->link_state.link_state);
                return;
        case IFLA_VF_IB_NODE_GUID:
                set_guid(attrs, VF_ATTR_NODE_GUID, &attrs->node_guid, p->guid.guid);
                return;
        case IFLA_VF_IB_PORT_GUID:
                set_guid(attrs, VF_ATTR_PORT_GUID, &attrs->port_guid, p->guid.guid);
                return;
        }
}

/* One IFLA_VF_INFO. */
static int decode_entry(struct span entry, uint16_t link_type, struct vf_reading *ret)
{
        struct vf_reading r = {.vf = NO_VF};
        union vf_payload p;
        struct attr a;
        int got, err = 0;

        while ((got = next_attr(&entry, &a)) > 0) {
                if (a.type == IFLA_VF_VLAN_LIST) {
                        err = decode_vlan_list(a.data, &r);
                } else if (a.type == IFLA_VF_STATS) {
                        err = decode_stats(a.data, &r);
                } else if (a.type <= IFLA_VF_MAX && payload_size[a.type] > 0) {
                        err = take_payload(&r, &a.data, payload_size[a.type], &p);
                        if (err == 0)
                                apply_payload(&r, a.type, &p, link_type);
                }
                if (err < 0)
                        return err;
        }
        if (got < 0 || r.vf == NO_VF)
                return -EBADMSG;
        *ret = r;
        return 0;
}

static int compare_readings(const void *a, const void *b)
{
        uint32_t x = ((const struct vf_reading *) a)->vf, y = ((const struct vf_reading *) b)->vf;

        return (x > y) - (x < y);
}

bool vfmsg_fits(uint32_t num_vfs, uint32_t entry_size, uint32_t extra)
{
        return (uint64_t) num_vfs * ((uint64_t) entry_size + extra) <= VFMSG_NEST_MAX;
}

/* The whole list, or -EBADMSG when it can not be believed. */
static int decode_list(struct span list, uint16_t link_type, struct vf_readings *readings)
{
        size_t capacity = 0;
        struct attr a;
        int got, r;

        while ((got = next_attr(&list, &a)) > 0) {
                if (a.type != IFLA_VF_INFO || readings->n >= readings->num_vfs)
                        return -EBADMSG;
                r = array_grow(&readings->list, &capacity, readings->n, sizeof(*readings->list));
                if (r < 0)
                        return r;
                r = decode_entry(a.data, link_type, &readings->list[readings->n]);
                if (r < 0)
                        return r;
                if (readings->list[readings->n].vf >= readings->num_vfs)
                        return -EBADMSG;
                readings->n++;
                if (a.size > readings->entry_size)
                        readings->entry_size = a.size;
        }
        if (got < 0 || !vfmsg_fits(readings->num_vfs, readings->entry_size, 0))
                return -EBADMSG;
        if (readings->n > 1)
                qsort(readings->list, readings->n, sizeof(*readings->list), compare_readings);
        for (size_t i = 1; i < readings->n; i++)
                if (readings->list[i - 1].vf == readings->list[i].vf)
                        return -EBADMSG;
        return 0;
}

void vf_readings_done(struct vf_readings *readings)
{
        free(readings->list);
        *readings = (struct vf_readings){0};
}

const struct vf_reading *vf_readings_find(const struct vf_readings *readings, uint32_t vf)
{
        struct vf_reading key = {.vf = vf};

        if (readings->n == 0)
                return NULL;
        return bsearch(
                &key, readings->list, readings->n, sizeof(*readings->list), compare_readings);
}

static int take_header(const void *msg, size_t n, struct ifinfomsg *ret, struct span *ret_attrs)
{
        if (n < NLMSG_ALIGN(sizeof(*ret)))
                return -EBADMSG;
        memcpy(ret, msg, sizeof(*ret));
        *ret_attrs = (struct span){
                (const uint8_t *) msg + NLMSG_ALIGN(sizeof(*ret)), n - NLMSG_ALIGN(sizeof(*ret))};
        return 0;
}

/* Nothing after the list is looked at: when its length wrapped, that is the inside of a VF. */
int vfmsg_decode_vfs(const void *msg, size_t n, struct vf_readings *ret)
{
        struct vf_readings readings = {.trusted = true};
        bool counted = false;
        struct ifinfomsg header;
        struct span attrs;
        struct attr a;
        int got, r;

        r = take_header(msg, n, &header, &attrs);
        if (r < 0)
                return r;
        while ((got = next_attr(&attrs, &a)) > 0) {
                if (a.type == IFLA_NUM_VF && a.data.n >= sizeof(uint32_t)) {
                        memcpy(&readings.num_vfs, a.data.p, sizeof(uint32_t));
                        counted = true;
                } else if (a.type == IFLA_VFINFO_LIST) {
                        r = counted ? decode_list(a.data, header.ifi_type, &readings) : -EBADMSG;
                        break;
                }
        }
        if (r == -ENOMEM) {
                vf_readings_done(&readings);
                return r;
        }
        if (r < 0 || got < 0) {
                uint32_t num_vfs = readings.num_vfs;

                vf_readings_done(&readings);
                readings.num_vfs = num_vfs;
        }
        *ret = readings;
        return 0;
}

static const char *operstate_word(uint8_t state)
{
        /* RFC 2863, in the words of net/core/net-sysfs.c */
        static const char *const words[] = {
                "unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"};

        return state < ELEMENTSOF(words) ? words[state] : "";
}

static void take_text(char *to, size_t size, const struct span *data)
{
        size_t n = strnlen((const char *) data->p, data->n);

        if (n < size && n < data->n) {
                memcpy(to, data->p, n);
                to[n] = '\0';
        }
}

static void take_address(uint8_t *to, size_t *n, const struct span *data)
{
        if (data->n <= VFMSG_ADDRESS_MAX) {
                memcpy(to, data->p, data->n);
                *n = data->n;
        }
}

int vfmsg_decode_link(const void *msg, size_t n, struct link_reading *ret)
{
        struct link_reading link = {.mtu = -1};
        struct ifinfomsg header;
        struct span attrs;
        struct attr a;
        uint32_t mtu;
        int r;

        r = take_header(msg, n, &header, &attrs);
        if (r < 0)
                return r;
        link.ifindex = header.ifi_index;
        link.type = header.ifi_type;
        link.admin_up = header.ifi_flags & IFF_UP;
        while ((r = next_attr(&attrs, &a)) > 0) {
                if (a.type == IFLA_IFNAME) {
                        take_text(link.name, sizeof(link.name), &a.data);
                } else if (a.type == IFLA_PHYS_PORT_NAME) {
                        take_text(link.port_name, sizeof(link.port_name), &a.data);
                } else if (a.type == IFLA_ADDRESS) {
                        take_address(link.address, &link.address_len, &a.data);
                } else if (a.type == IFLA_PERM_ADDRESS) {
                        take_address(link.permanent, &link.permanent_len, &a.data);
                } else if (a.type == IFLA_OPERSTATE && a.data.n >= 1) {
                        snprintf(link.operstate, sizeof(link.operstate), "%s",
                                operstate_word(*a.data.p));
                } else if (a.type == IFLA_MTU && a.data.n >= sizeof(mtu)) {
                        memcpy(&mtu, a.data.p, sizeof(mtu));
                        if (mtu <= INT32_MAX)
                                link.mtu = (int32_t) mtu;
                }
        }
        if (r < 0)
                return r;
        *ret = link;
        return 0;
}
