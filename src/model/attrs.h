/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attributes of a VF: one value type for wish, request and reading. Pure values, any thread.
 *
 * Every attribute is tri-state. In a wish or request: absent (do not touch), a value, or reset to
 * the baseline. In a reading: absent means that the driver did not report it, which is not "off".
 *
 * Source of names and ranges: include/uapi/linux/if_link.h, net/core/rtnetlink.c do_setvfinfo().
 */
#pragma once

#include "base/fault.h"
#include "base/parse.h"

enum vf_attr {
        VF_ATTR_MAC,         /* administrative MAC; all-zero: not set, the driver picks one */
        VF_ATTR_VLAN,        /* 0 (none) to 4094 */
        VF_ATTR_QOS,         /* 802.1p priority of that VLAN, 0 to 7 */
        VF_ATTR_VLAN_PROTO,  /* 802.1Q or 802.1ad */
        VF_ATTR_MIN_TX_RATE, /* Mbit/s, 0: none guaranteed */
        VF_ATTR_MAX_TX_RATE, /* Mbit/s, 0: unlimited */
        VF_ATTR_SPOOFCHK,    /* source MAC and VLAN are checked */
        VF_ATTR_TRUST,       /* VF may go promiscuous and change its MAC */
        VF_ATTR_LINK_STATE,  /* auto, enable, disable */
        VF_ATTR_QUERY_RSS,   /* VF may query RSS configuration */
        VF_ATTR_NODE_GUID,   /* InfiniBand */
        VF_ATTR_PORT_GUID,   /* InfiniBand */
        VF_ATTR_MAX,
};

enum vlan_proto { VLAN_PROTO_8021Q, VLAN_PROTO_8021AD, VLAN_PROTO_MAX };
enum vf_link_state { VF_LINK_AUTO, VF_LINK_ENABLE, VF_LINK_DISABLE, VF_LINK_MAX };

/* What goes to the kernel in one message: some attributes are only settable together. */
enum vf_setting {
        VF_SETTING_MAC,
        VF_SETTING_VLAN, /* vlan, qos, vlan_proto */
        VF_SETTING_RATE, /* min_tx_rate, max_tx_rate */
        VF_SETTING_SPOOFCHK,
        VF_SETTING_TRUST,
        VF_SETTING_LINK_STATE,
        VF_SETTING_QUERY_RSS,
        VF_SETTING_NODE_GUID,
        VF_SETTING_PORT_GUID,
        VF_SETTING_MAX,
};

#define VLAN_ID_MAX  4094u
#define VLAN_QOS_MAX 7u
#define BIT(n)       (1u << (n))

struct vf_attrs {
        uint32_t present; /* BIT(enum vf_attr): carries a value */
        uint32_t reset; /* BIT(enum vf_attr): back to the baseline; wishes only, never with present
                         */
        struct mac mac;
        uint32_t vlan;
        uint32_t qos;
        enum vlan_proto vlan_proto;
        uint32_t min_tx_rate;
        uint32_t max_tx_rate;
        bool spoofchk;
        bool trust;
        bool query_rss;
        enum vf_link_state link_state;
        uint64_t node_guid;
        uint64_t port_guid;
};

#define VF_ATTR_STR_MAX 32

enum vf_attr_type { ATTR_MAC_ADDRESS, ATTR_NUMBER, ATTR_SWITCH, ATTR_WORD, ATTR_GUID };

/* What is known of one attribute: the table that parsers, printers, the bus and the plan all use.
 */
struct vf_attr_info {
        const char *name; /* the key in JSON, in D-Bus dictionaries and on the command line */
        enum vf_attr_type type;
        uint32_t max; /* ATTR_NUMBER: largest value; ATTR_WORD: number of words */
        const char *const *words;
        size_t offset; /* in struct vf_attrs */
        enum vf_setting setting;
        const char *range; /* for error texts: "0 to 4094" */
};

extern const struct vf_attr_info vf_attr_table[VF_ATTR_MAX];

/* VF_ATTR_MAX when there is no such attribute. */
enum vf_attr vf_attr_from_name(const char *name);

/* "vlan"; the same words as the attributes, "rate" and "vlan" for the groups. */
const char *vf_setting_name(enum vf_setting setting);

/* Which attributes one setting carries. */
uint32_t vf_setting_attrs(enum vf_setting setting);

static inline bool vf_attrs_has(const struct vf_attrs *a, enum vf_attr attr)
{
        return a->present & BIT(attr);
}

/*
 * Sets one attribute from text; "baseline" asks for the reset. FAULT_INVALID_ARGS names the
 * attribute, the value and the allowed range. An attribute set twice is refused.
 */
int vf_attrs_set_text(struct vf_attrs *a, enum vf_attr attr, const char *text, struct fault *f);

/* Sets a number, a switch (0 or 1) or a word (its index); range-checked as above. */
int vf_attrs_set_number(struct vf_attrs *a, enum vf_attr attr, uint64_t value, struct fault *f);

/* The value of a number, switch or word attribute. */
uint32_t vf_attrs_number(const struct vf_attrs *a, enum vf_attr attr);

/* Prints one present attribute: "on", "100", "802.1ad", "02:00:00:00:00:01". */
void vf_attrs_format(const struct vf_attrs *a, enum vf_attr attr, char buf[static VF_ATTR_STR_MAX]);

/* Copies the attributes in mask that are present in from; others in to stay. */
void vf_attrs_copy(struct vf_attrs *to, const struct vf_attrs *from, uint32_t mask);

/* Bits of the attributes that both carry and that differ. */
uint32_t vf_attrs_differ(const struct vf_attrs *a, const struct vf_attrs *b);

/* Same attributes present, same values. */
bool vf_attrs_equal(const struct vf_attrs *a, const struct vf_attrs *b);

/* Judges the attributes against each other and policy: multicast MAC, min > max. */
int vf_attrs_check(const struct vf_attrs *a, struct fault *f);

/*
 * The baseline that "reset" means: no administrative MAC, no VLAN, no rates, spoofchk on, trust
 * off, link state auto, no RSS query, no GUIDs. The safe state for a VF that somebody else gets
 * next.
 */
extern const struct vf_attrs vf_attrs_baseline;

/*
 * What one setting shall be: the wish over what is there over the baseline, as the kernel takes its
 * attributes together only. Empty present: the wish says nothing of it.
 */
struct vf_attrs vf_attrs_merge(
        const struct vf_attrs *wish, const struct vf_attrs *now, enum vf_setting setting);
