/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What mailbox words mean: the messages of the ixgbe family (drivers/net/ethernet/intel/ixgbevf/
 * mbx.h), used by all profiles here. The first word is the type, with the reply's bits above.
 */
#pragma once

#define MBX_ACK        0x80000000u /* in a reply: done */
#define MBX_NACK       0x40000000u /* refused */
#define MBX_CTS        0x20000000u /* clear to send: the VF has done its reset */
#define MBX_INFO_SHIFT 16
#define MBX_TYPE       0xffffu

/* RESET's reply: ACK and MAC (words 1, 2) only if the administrator set one. With the NACK
 * otherwise comes, in the same place, one that the PF driver made: real VF drivers make one of
 * their own. */
#define MBX_RESET         0x01u
#define MBX_SET_MAC       0x02u
#define MBX_SET_MULTICAST 0x03u   /* info: how many 12 bit hashes follow, two per word */
#define MBX_SET_VLAN      0x04u   /* info: 1 add; word 1: VID */
#define MBX_SET_LPE       0x05u   /* word 1: longest frame, FCS included, tag not */
#define MBX_SET_MACVLAN   0x06u   /* info: 0 clears all; 1 the same, then adds; more: adds */
#define MBX_API_NEGOTIATE 0x08u   /* word 1: version */
#define MBX_GET_QUEUES    0x09u   /* API >= 1.1; words 1 to 4: tx, rx, VLAN, default queue */
#define MBX_GET_RETA      0x0au   /* API >= 1.2; only with query_rss; words 1 to 8: 2 bits each */
#define MBX_GET_RSS_KEY   0x0bu   /* API >= 1.2; only with query_rss */
#define MBX_UPDATE_XCAST  0x0cu   /* API >= 1.2, promisc 1.3; word 1: enum vf_xcast */
#define MBX_GET_LINK      0x10u   /* API >= 1.2; word 1: is it up */
#define MBX_CONTROL       0x0100u /* PF to VF: reset yourself (ping) */

enum mbx_api {
        MBX_API_10,
        MBX_API_20,
        MBX_API_11,
        MBX_API_12,
        MBX_API_13,
        MBX_API_14,
        MBX_API_15,
        MBX_API_MAX
};

enum vf_xcast { XCAST_NONE, XCAST_MULTI, XCAST_ALLMULTI, XCAST_PROMISC, XCAST_MAX };

#define MBX_MULTICAST_MAX 30u /* hashes in one message, and of one VF */
