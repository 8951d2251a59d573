/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the NIC reads in the beginning of an Ethernet frame, once: everything after this decides by
 * these values and never looks at guest memory again. Pure values, any thread.
 *
 * A MAC address is a number here: its first octet in the lowest bits, as a little-endian load of
 * the wire gives it. So the multicast bit is bit 0. Lengths are without FCS: 60 is a "64 byte"
 * frame.
 */
#pragma once

#include "base/parse.h"

#include <endian.h>

#define FRAME_MIN     14u   /* header alone; less is no frame */
#define FRAME_MAX     9728u /* what packet memory and receivers take, tags included */
#define FRAME_PADDED  60u   /* what leaves by the wire is at least this long */
#define FRAME_HEADER  64u   /* so much is looked at */
#define ETH_VLAN      0x8100u
#define ETH_QINQ      0x88a8u
#define MAC_BROADCAST 0xffffffffffffu
#define MAC_MASK      0xffffffffffffu

/* One number for a VLAN: its VID, and VLAN_KEY_S for a service tag (802.1ad). */
#define VLAN_KEY_S   0x1000u
#define VLAN_KEYS    0x2000u
#define VLAN_KEY_VID 0x0fffu

struct frame_head {
        uint64_t dst, src;
        uint16_t ethertype; /* after the tags that were recognised; a length stays a length */
        uint16_t tci;       /* of the tag that decides; meaningful if tagged */
        uint16_t tpid;      /* of that tag */
        uint8_t tag_at;     /* where in the frame that tag begins, or would */
        uint8_t payload_at; /* where what ethertype names begins */
        bool tagged;        /* a tag decides; VID 0 (priority tag) counts as tagged here */
};

/* Which tags a port recognises. */
struct frame_format {
        bool service_tags; /* 88a8 besides 8100, outermost decides (i40e, ice, mlx5) */
        bool double_vlan;  /* outer_tpid is passed over, the tag behind it decides (igb, ixgbe) */
        uint16_t outer_tpid;
};

static inline uint64_t mac_number(const uint8_t b[static 6])
{
        uint64_t v = 0;

        memcpy(&v, b, 6);
        return le64toh(v);
}

static inline bool mac_number_multicast(uint64_t mac)
{
        return mac & 1;
}

/* 01-80-C2-00-00-00 to -0F: what a bridge never relays (802.1Q table 8-1). */
static inline bool mac_number_reserved(uint64_t mac)
{
        return (mac & 0xf0ffffffffffu) == 0x0000c28001u;
}

static inline uint16_t frame_vlan_key(const struct frame_head *h)
{
        return (uint16_t) ((h->tci & VLAN_KEY_VID) | (h->tpid == ETH_QINQ ? VLAN_KEY_S : 0));
}

static inline uint32_t frame_be16(const uint8_t *b)
{
        return (uint32_t) b[0] << 8 | b[1];
}

/*
 * Reads the header of a frame of n >= FRAME_MIN bytes, of which FRAME_HEADER (zero-filled beyond n)
 * are readable. A tag counts if the frame holds it and the Ethertype behind it; one that is cut off
 * stays an Ethertype. Without the outer tag, double_vlan takes the first tag.
 */
static inline void frame_parse(
        const uint8_t *bytes, uint32_t n, const struct frame_format *format, struct frame_head *ret)
{
        uint32_t at = 12, type = frame_be16(bytes + 12);
        uint64_t dst, src;
        bool tagged;

        memcpy(&dst, bytes, 8);
        memcpy(&src, bytes + 6, 8);
        ret->dst = le64toh(dst) & MAC_MASK;
        ret->src = le64toh(src) & MAC_MASK;
        /* No tag of any kind: most frames. */
        if (type != ETH_VLAN && type != ETH_QINQ && !format->double_vlan) {
                ret->ethertype = (uint16_t) type;
                ret->tci = ret->tpid = 0;
                ret->tag_at = 12;
                ret->payload_at = 14;
                ret->tagged = false;
                return;
        }
        if (format->double_vlan && type == format->outer_tpid && n >= 18) {
                at = 16;
                type = frame_be16(bytes + 16);
        }
        tagged = ((type == ETH_VLAN) | ((type == ETH_QINQ) & format->service_tags)) & (n >= at + 6);
        ret->tagged = tagged;
        ret->tpid = (uint16_t) (tagged ? type : 0);
        ret->tci = (uint16_t) (tagged ? frame_be16(bytes + at + 2) : 0);
        ret->tag_at = (uint8_t) at;
        at += 4 * tagged;
        ret->ethertype = (uint16_t) frame_be16(bytes + at);
        ret->payload_at = (uint8_t) (at + 2);
}

/* Where IP and what it carries are in a frame, for checksums and RSS. */
struct frame_ip {
        uint8_t version;  /* 4 or 6 */
        uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP: a whole header of it is at l4; else 0 */
        uint16_t at;      /* the IP header, */
        uint16_t l4;      /* its payload */
        uint16_t end;     /* and the end of that: what follows is padding */
};

/* Behind that nobody looks for a TCP or UDP header. */
#define FRAME_L4_MAX 256u

/*
 * n: the length of the frame; so much of it is readable, or FRAME_L4_MAX if that is less. false:
 * no IP, or its header is not whole. protocol is 0 for a fragment, for a packet that says it is
 * longer than the frame, and behind any IPv6 extension but hop-by-hop options (the others can
 * change which addresses the checksum and the flow go by).
 */
bool frame_ip(const uint8_t *bytes, uint32_t n, const struct frame_head *h, struct frame_ip *ret);

/* What checksums say, for the receive descriptor. */
enum frame_sums {
        FRAME_IP4 = 1,     /* IPv4 header looked at */
        FRAME_IP4_BAD = 2, /* its checksum is wrong */
        FRAME_L4 = 4,      /* TCP or UDP looked at (not fragments, not UDP without a checksum) */
        FRAME_L4_BAD = 8,
        FRAME_IP6 = 16, /* what it is, for the packet type */
        FRAME_TCP = 32,
        FRAME_UDP = 64,
};
/* The whole frame is readable. A mask of those. */
uint32_t frame_checksums(const uint8_t *bytes, uint32_t n, const struct frame_head *h);

/* Writes the checksums a transmit descriptor asks for: IPv4 header and/or TCP/UDP. -EINVAL when
 * the frame is no such packet or is too short; then nothing is written. */
int frame_insert_checksums(
        uint8_t *bytes, uint32_t n, const struct frame_head *h, bool ip, bool l4);
