/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What drop reasons are called. Any thread. */
#include "sim/nic/stats.h"

static const struct {
        const char *name, *text;
} reasons[] = {
        [DROP_NONE] = {"none", "not dropped"},
        [DROP_LINK_DOWN] = {"link_down", "the link is down"},
        [DROP_TOO_SHORT] = {"too_short", "shorter than an Ethernet header"},
        [DROP_TOO_LONG] = {"too_long", "longer than the receiver takes"},
        [DROP_MEMORY] = {"memory", "the NIC's packet memory is full"},
        [DROP_STORM] = {"storm", "more broadcast or multicast than storm control lets through"},
        [DROP_RESERVED] = {"reserved",
                "reserved group address: for the PF alone, and it does not take the frame"},
        [DROP_VLAN] = {"vlan",
                "the VLAN is in no filter, or nobody who wants the address is a member"},
        [DROP_NO_POOL] = {"no_pool", "nobody wants the address, and there is no default pool"},
        [DROP_ETHERTYPE] = {"ethertype", "an Ethertype rule drops it"},
        [DROP_RX_DISABLED] = {"rx_disabled", "all who want it have receive disabled"},
        [DROP_NO_QUEUE] = {"no_queue", "the receiver's queue is not enabled"},
        [DROP_NO_DESCRIPTOR] = {"no_descriptor", "the receiver gave no buffer"},
        [DROP_RX_FAULT] = {"rx_fault", "the IOMMU blocked the receiver's buffer"},
        [DROP_SELF] = {"self", "only its sender would get it, and wants nothing of its own"},
        [DROP_TX_DISABLED] = {"tx_disabled", "transmit is disabled for the sender"},
        [DROP_SPOOF_MAC] = {"spoof_mac", "the source address is not one of the sender's"},
        [DROP_SPOOF_VLAN] = {"spoof_vlan", "the sender is no member of the VLAN"},
        [DROP_PORT_VLAN] = {"port_vlan", "a tag of the sender's own under a forced port VLAN"},
        [DROP_MALICIOUS] = {"malicious", "the sender's descriptors are wrong; its queue stopped"},
        [DROP_TX_FAULT] = {"tx_fault", "the IOMMU blocked the sender's buffer"},
        [DROP_NO_WIRE] = {"no_wire", "the wire can not take it"},
        [DROP_RESET] = {"reset", "its function was reset, or its queue disabled, while it waited"},
};

_Static_assert(ELEMENTSOF(reasons) == DROP_MAX, "a name for each");

const char *drop_reason_name(enum drop_reason reason)
{
        return reasons[reason].name;
}

const char *drop_reason_text(enum drop_reason reason)
{
        return reasons[reason].text;
}
