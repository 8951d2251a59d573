/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of VF attributes and what can be done with any of them. Pure, any thread. */
#include <stdio.h>

#include "model/attrs.h"

static const char *const vlan_proto_words[] = {"802.1Q", "802.1ad"};
static const char *const link_state_words[] = {"auto", "enable", "disable"};

#define AT(member) offsetof(struct vf_attrs, member)

const struct vf_attr_info vf_attr_table[VF_ATTR_MAX] = {
        [VF_ATTR_MAC] = {"mac", ATTR_MAC_ADDRESS, 0, NULL, AT(mac), VF_SETTING_MAC,
                "a unicast MAC address such as 02:00:00:00:00:01, or all zero for none"},
        [VF_ATTR_VLAN] = {"vlan", ATTR_NUMBER, VLAN_ID_MAX, NULL, AT(vlan), VF_SETTING_VLAN,
                "0 (none) to 4094"},
        [VF_ATTR_QOS] = {"qos", ATTR_NUMBER, VLAN_QOS_MAX, NULL, AT(qos), VF_SETTING_VLAN,
                "0 to 7"},
        [VF_ATTR_VLAN_PROTO] = {"vlan_proto", ATTR_WORD, VLAN_PROTO_MAX, vlan_proto_words,
                AT(vlan_proto), VF_SETTING_VLAN, "802.1Q or 802.1ad"},
        [VF_ATTR_MIN_TX_RATE] = {"min_tx_rate", ATTR_NUMBER, UINT32_MAX, NULL, AT(min_tx_rate),
                VF_SETTING_RATE, "0 (none) to 4294967295 Mbit/s"},
        [VF_ATTR_MAX_TX_RATE] = {"max_tx_rate", ATTR_NUMBER, UINT32_MAX, NULL, AT(max_tx_rate),
                VF_SETTING_RATE, "0 (unlimited) to 4294967295 Mbit/s"},
        [VF_ATTR_SPOOFCHK] = {"spoofchk", ATTR_SWITCH, 1, NULL, AT(spoofchk), VF_SETTING_SPOOFCHK,
                "on or off"},
        [VF_ATTR_TRUST] = {"trust", ATTR_SWITCH, 1, NULL, AT(trust), VF_SETTING_TRUST, "on or off"},
        [VF_ATTR_LINK_STATE] = {"link_state", ATTR_WORD, VF_LINK_MAX, link_state_words,
                AT(link_state), VF_SETTING_LINK_STATE, "auto, enable or disable"},
        [VF_ATTR_QUERY_RSS] = {"query_rss", ATTR_SWITCH, 1, NULL, AT(query_rss),
                VF_SETTING_QUERY_RSS, "on or off"},
        [VF_ATTR_NODE_GUID] = {"node_guid", ATTR_GUID, 0, NULL, AT(node_guid), VF_SETTING_NODE_GUID,
                "eight bytes such as 00:11:22:33:44:55:66:77"},
        [VF_ATTR_PORT_GUID] = {"port_guid", ATTR_GUID, 0, NULL, AT(port_guid), VF_SETTING_PORT_GUID,
                "eight bytes such as 00:11:22:33:44:55:66:77"},
};

const struct vf_attrs vf_attrs_baseline = {
        .present = BIT(VF_ATTR_MAX) - 1,
        .spoofchk = true,
};

enum vf_attr vf_attr_from_name(const char *name)
{
        for (unsigned i = 0; i < VF_ATTR_MAX; i++)
                if (streq(vf_attr_table[i].name, name))
                        return i;
        return VF_ATTR_MAX;
}

const char *vf_setting_name(enum vf_setting setting)
{
        static const char *const names[VF_SETTING_MAX] = {
                [VF_SETTING_MAC] = "mac",
                [VF_SETTING_VLAN] = "vlan",
                [VF_SETTING_RATE] = "rate",
                [VF_SETTING_SPOOFCHK] = "spoofchk",
                [VF_SETTING_TRUST] = "trust",
                [VF_SETTING_LINK_STATE] = "link_state",
                [VF_SETTING_QUERY_RSS] = "query_rss",
                [VF_SETTING_NODE_GUID] = "node_guid",
                [VF_SETTING_PORT_GUID] = "port_guid",
        };

        return (unsigned) setting < VF_SETTING_MAX ? names[setting] : "?";
}

uint32_t vf_setting_attrs(enum vf_setting setting)
{
        uint32_t mask = 0;

        for (unsigned i = 0; i < VF_ATTR_MAX; i++)
                if (vf_attr_table[i].setting == setting)
                        mask |= BIT(i);
        return mask;
}

static void *member(struct vf_attrs *a, enum vf_attr attr)
{
        return (char *) a + vf_attr_table[attr].offset;
}

static const void *const_member(const struct vf_attrs *a, enum vf_attr attr)
{
        return (const char *) a + vf_attr_table[attr].offset;
}

static int refuse(enum vf_attr attr, const char *text, struct fault *f)
{
        return fault_set(f, FAULT_INVALID_ARGS, 0, "%s=%s refused: expected %s",
                vf_attr_table[attr].name, text, vf_attr_table[attr].range);
}

static int claim(struct vf_attrs *a, enum vf_attr attr, struct fault *f)
{
        if ((a->present | a->reset) & BIT(attr))
                return fault_set(f, FAULT_INVALID_ARGS, 0, "%s is given twice: give it once",
                        vf_attr_table[attr].name);
        return 0;
}

int vf_attrs_set_number(struct vf_attrs *a, enum vf_attr attr, uint64_t value, struct fault *f)
{
        const struct vf_attr_info *info = &vf_attr_table[attr];
        uint64_t max = info->type == ATTR_WORD ? info->max - 1 : info->max;
        char text[VF_ATTR_STR_MAX];
        int r;

        if (value > max || info->type == ATTR_MAC_ADDRESS || info->type == ATTR_GUID) {
                snprintf(text, sizeof(text), "%llu", (unsigned long long) value);
                return refuse(attr, text, f);
        }
        r = claim(a, attr, f);
        if (r < 0)
                return r;
        if (info->type == ATTR_SWITCH)
                *(bool *) member(a, attr) = value;
        else
                *(uint32_t *) member(a, attr) = (uint32_t) value;
        a->present |= BIT(attr);
        return 0;
}

/* A word or its index as a number: both are numbers to the table. */
static int number_of_text(enum vf_attr attr, const char *text, uint64_t *ret)
{
        const struct vf_attr_info *info = &vf_attr_table[attr];
        bool on;
        int r;

        if (info->type == ATTR_NUMBER)
                return parse_u64(text, ret);
        if (info->type == ATTR_SWITCH) {
                r = parse_bool(text, &on);
                if (r == 0)
                        *ret = on;
                return r;
        }
        for (uint32_t i = 0; i < info->max; i++)
                if (strcasecmp(info->words[i], text) == 0) {
                        *ret = i;
                        return 0;
                }
        return -EINVAL;
}

int vf_attrs_set_text(struct vf_attrs *a, enum vf_attr attr, const char *text, struct fault *f)
{
        struct mac mac;
        uint64_t v;
        int r;

        if (streq(text, "baseline")) {
                r = claim(a, attr, f);
                if (r == 0)
                        a->reset |= BIT(attr);
                return r;
        }
        switch (vf_attr_table[attr].type) {
        case ATTR_MAC_ADDRESS:
                if (parse_mac(text, &mac) < 0 || mac_is_multicast(&mac))
                        return refuse(attr, text, f);
                r = claim(a, attr, f);
                if (r < 0)
                        return r;
                *(struct mac *) member(a, attr) = mac;
                break;
        case ATTR_GUID:
                if (parse_guid(text, &v) < 0)
                        return refuse(attr, text, f);
                r = claim(a, attr, f);
                if (r < 0)
                        return r;
                *(uint64_t *) member(a, attr) = v;
                break;
        case ATTR_NUMBER:
        case ATTR_SWITCH:
        case ATTR_WORD:
                if (number_of_text(attr, text, &v) < 0)
                        return refuse(attr, text, f);
                return vf_attrs_set_number(a, attr, v, f);
        }
        a->present |= BIT(attr);
        return 0;
}

uint32_t vf_attrs_number(const struct vf_attrs *a, enum vf_attr attr)
{
        if (vf_attr_table[attr].type == ATTR_SWITCH)
                return *(const bool *) const_member(a, attr);
        return *(const uint32_t *) const_member(a, attr);
}

void vf_attrs_format(const struct vf_attrs *a, enum vf_attr attr, char buf[static VF_ATTR_STR_MAX])
{
        const struct vf_attr_info *info = &vf_attr_table[attr];

        switch (info->type) {
        case ATTR_MAC_ADDRESS:
                format_mac(buf, const_member(a, attr));
                break;
        case ATTR_GUID:
                format_guid(buf, *(const uint64_t *) const_member(a, attr));
                break;
        case ATTR_NUMBER:
                snprintf(buf, VF_ATTR_STR_MAX, "%u", vf_attrs_number(a, attr));
                break;
        case ATTR_SWITCH:
                snprintf(buf, VF_ATTR_STR_MAX, "%s", vf_attrs_number(a, attr) ? "on" : "off");
                break;
        case ATTR_WORD:
                snprintf(buf, VF_ATTR_STR_MAX, "%s", info->words[vf_attrs_number(a, attr)]);
                break;
        }
}

static size_t member_size(enum vf_attr attr)
{
        switch (vf_attr_table[attr].type) {
        case ATTR_MAC_ADDRESS:
                return sizeof(struct mac);
        case ATTR_GUID:
                return sizeof(uint64_t);
        case ATTR_SWITCH:
                return sizeof(bool);
        case ATTR_NUMBER:
        case ATTR_WORD:
                break;
        }
        return sizeof(uint32_t);
}

void vf_attrs_copy(struct vf_attrs *to, const struct vf_attrs *from, uint32_t mask)
{
        for (unsigned i = 0; i < VF_ATTR_MAX; i++)
                if (mask & from->present & BIT(i)) {
                        memcpy(member(to, i), const_member(from, i), member_size(i));
                        to->present |= BIT(i);
                        to->reset &= ~BIT(i);
                }
}

uint32_t vf_attrs_differ(const struct vf_attrs *a, const struct vf_attrs *b)
{
        uint32_t mask = 0;

        for (unsigned i = 0; i < VF_ATTR_MAX; i++)
                if ((a->present & b->present & BIT(i)) &&
                        memcmp(const_member(a, i), const_member(b, i), member_size(i)) != 0)
                        mask |= BIT(i);
        return mask;
}

bool vf_attrs_equal(const struct vf_attrs *a, const struct vf_attrs *b)
{
        return a->present == b->present && a->reset == b->reset && vf_attrs_differ(a, b) == 0;
}

int vf_attrs_check(const struct vf_attrs *a, struct fault *f)
{
        if (vf_attrs_has(a, VF_ATTR_MAC) && mac_is_multicast(&a->mac)) {
                char text[MAC_STR_MAX];

                format_mac(text, &a->mac);
                return refuse(VF_ATTR_MAC, text, f);
        }
        if (vf_attrs_has(a, VF_ATTR_MIN_TX_RATE) && vf_attrs_has(a, VF_ATTR_MAX_TX_RATE) &&
                a->max_tx_rate != 0 && a->min_tx_rate > a->max_tx_rate)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "min_tx_rate=%u refused: it is above max_tx_rate=%u Mbit/s; expected at "
                        "most "
                        "max_tx_rate, or max_tx_rate=0 for unlimited",
                        a->min_tx_rate, a->max_tx_rate);
        return 0;
}

struct vf_attrs vf_attrs_merge(
        const struct vf_attrs *wish, const struct vf_attrs *now, enum vf_setting setting)
{
        uint32_t mask = vf_setting_attrs(setting);
        struct vf_attrs out = {0};

        if (((wish->present | wish->reset) & mask) == 0)
                return out;
        vf_attrs_copy(&out, &vf_attrs_baseline, mask);
        vf_attrs_copy(&out, now, mask & ~wish->reset);
        /* Taking the VLAN away takes its priority and protocol with it. */
        if (setting == VF_SETTING_VLAN &&
                ((wish->reset & BIT(VF_ATTR_VLAN)) ||
                        (vf_attrs_has(wish, VF_ATTR_VLAN) && wish->vlan == 0)))
                vf_attrs_copy(&out, &vf_attrs_baseline, mask);
        vf_attrs_copy(&out, wish, mask);
        return out;
}
