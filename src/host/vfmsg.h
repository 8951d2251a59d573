/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VF part of RTM_SETLINK and RTM_NEWLINK messages, as bytes. Pure, any thread.
 *
 * Source of layouts and of what wraps: net/core/rtnetlink.c rtnl_fill_vf(), rtnl_fill_vfinfo(),
 * do_setvfinfo(); structs in include/uapi/linux/if_link.h.
 *
 * A decoder takes what follows the nlmsghdr (struct ifinfomsg and attributes) and trusts no length
 * in it. Returns 0, -ENOMEM or -EBADMSG.
 */
#pragma once

#include "model/facts.h"

/* The largest list attribute that one setting of one VF encodes to (MAC: 4 + 4 + 40). */
#define VFMSG_ENCODED_MAX 64

/* The longest payload of a nest: its length with the header is 16 bit wide. */
#define VFMSG_NEST_MAX (65535u - 4u)

/* What statistics add to one VF's entry (a nest of eight 64-bit attributes). */
#define VFMSG_STATS_SIZE 100u

#define VFMSG_ADDRESS_MAX 32 /* MAX_ADDR_LEN */

/*
 * One setting of one VF as a whole IFLA_VFINFO_LIST attribute. attrs must carry every attribute of
 * the setting; -EINVAL when not, or when vf is one the kernel can not take.
 */
int vfmsg_encode(uint32_t vf, enum vf_setting setting, const struct vf_attrs *attrs,
        uint8_t buf[static VFMSG_ENCODED_MAX], size_t *ret_n);

/* One VF as the PF's driver reports it. */
struct vf_reading {
        uint32_t vf;
        struct vf_attrs attrs; /* absent: not reported, or outside the attribute's range */
        bool stats_known;
        uint64_t stats[VF_STAT_MAX];
};

struct vf_readings {
        uint32_t num_vfs; /* IFLA_NUM_VF */

        /*
         * False: the list is malformed, ambiguous, or too long for its own 16-bit length (the
         * kernel does not say so: it writes the length modulo 65536). Nothing in it can be told
         * from garbage then, and list is empty.
         */
        bool trusted;

        struct vf_reading *list; /* sorted by vf; a VF whose driver did not answer is left out */
        size_t n;
        uint32_t entry_size; /* bytes of the longest entry seen */
};

int vfmsg_decode_vfs(const void *msg, size_t n, struct vf_readings *ret);
void vf_readings_done(struct vf_readings *readings);

/* NULL when the driver did not answer for it. */
const struct vf_reading *vf_readings_find(const struct vf_readings *readings, uint32_t vf);

/* Would the list still fit its length with extra bytes more per VF? */
bool vfmsg_fits(uint32_t num_vfs, uint32_t entry_size, uint32_t extra);

/* A netdev, from a reply to a request without RTEXT_FILTER_VF (with it, this may be garbage). */
struct link_reading {
        int ifindex;
        uint16_t type; /* ARPHRD_ETHER, ARPHRD_INFINIBAND... */
        bool admin_up;
        int32_t mtu;              /* -1 unknown */
        char name[NETDEV_MAX];    /* "" unknown */
        char operstate[WORD_MAX]; /* "up", "down", "dormant"... */
        char port_name[WORD_MAX]; /* phys_port_name: "p0", "pf0vf3"; "" when there is none */
        uint8_t address[VFMSG_ADDRESS_MAX];
        size_t address_len;
        uint8_t permanent[VFMSG_ADDRESS_MAX];
        size_t permanent_len;
};

int vfmsg_decode_link(const void *msg, size_t n, struct link_reading *ret);
