/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What malicious-driver detection looks for in transmit descriptors: a table, one row per cause.
 * The causes besides are found where queues are set up and buffers are used. Plain values, any
 * thread.
 */
#include "sim/nic/desc.h"

#include "sim/nic/frame.h"

#define PAYLEN_MASK   (UINT32_MAX << TX_PAYLEN_SHIFT)
#define STATUS_KNOWN  (PAYLEN_MASK | TX_INDEX | TX_CC | TX_IXSM | TX_TXSM)
#define NEEDS_CONTEXT (TX_CC | TX_IXSM | TX_TXSM)
#define CONTEXT_KNOWN (TX_DTYP | TX_DEXT | TX_CONTEXT_IP4 | TX_CONTEXT_L4)
#define ADDRESS_BITS  48
#define IP4_MIN       20u
#define IP4_MAX       60u
#define UDP_HEADER    8u

/* Where a descriptor stands. */
enum place {
        CONTEXT = 1,
        FIRST = 2, /* data: the first piece of a frame, */
        LATER = 4, /* and those that follow */
        DATA = FIRST | LATER,
        UNKNOWN = 8, /* neither data nor context */
        ANY = CONTEXT | DATA | UNKNOWN,
};

/* One descriptor, taken apart. */
struct look {
        const struct tx_state *state;
        const struct tx_desc *d;
        enum place place;
        uint32_t length;           /* of this piece */
        uint32_t sum;              /* of the frame's pieces up to this one */
        uint32_t status;           /* of the frame: of its first piece */
        uint32_t whole;            /* as the first piece announces it */
        struct tx_context context; /* this descriptor, or the one a data descriptor is under */
        uint32_t mac_length, ip_length;
};

static bool legacy(const struct look *l)
{
        return !(l->d->cmd & TX_DEXT);
}

static bool unknown_type(const struct look *l)
{
        return l->place == UNKNOWN;
}

static bool reserved(const struct look *l)
{
        return l->d->cmd & (l->place == CONTEXT ? ~CONTEXT_KNOWN : TX_RESERVED);
}

static bool length_zero(const struct look *l)
{
        return l->length == 0;
}

static bool too_short(const struct look *l)
{
        return l->whole > 0 && l->whole < FRAME_MIN;
}

static bool too_long(const struct look *l)
{
        return l->whole > FRAME_MAX;
}

static bool too_many_pieces(const struct look *l)
{
        return l->state->segments >= TX_SEGMENTS;
}

static bool no_whole_length(const struct look *l)
{
        return l->whole == 0;
}

static bool wrong_sum(const struct look *l)
{
        return l->sum > l->whole || ((l->d->cmd & TX_EOP) && l->sum < l->whole);
}

static bool no_ifcs(const struct look *l)
{
        return (l->d->cmd & (TX_EOP | TX_IFCS)) == TX_EOP;
}

static bool segmentation(const struct look *l)
{
        return l->d->cmd & TX_TSE;
}

static bool other_context(const struct look *l)
{
        return (l->place == CONTEXT ? l->context.mss_l4 : l->d->status) & TX_INDEX;
}

static bool no_context(const struct look *l)
{
        return !l->state->has_context && ((l->d->cmd & TX_VLE) || (l->d->status & NEEDS_CONTEXT));
}

static bool inside_frame(const struct look *l)
{
        return l->state->inside;
}

/* Of a context: what no packet has. Of a frame that a checksum goes into: headers beyond its end.
 */
static bool impossible_headers(const struct look *l)
{
        if (l->place == CONTEXT)
                return (l->mac_length < FRAME_MIN && (l->mac_length || l->ip_length)) ||
                       (l->ip_length > 0 && l->ip_length < IP4_MIN) ||
                       ((l->context.cmd & TX_CONTEXT_IP4) && l->ip_length > IP4_MAX);
        return (l->status & (TX_IXSM | TX_TXSM)) &&
               l->mac_length + l->ip_length + (l->status & TX_TXSM ? UDP_HEADER : 0) > l->whole;
}

static bool wrong_checksum(const struct look *l)
{
        uint32_t l4 = l->context.cmd & TX_CONTEXT_L4;

        if (l->place == CONTEXT)
                return l4 == TX_CONTEXT_L4;
        return ((l->status & TX_IXSM) &&
                       (!(l->context.cmd & TX_CONTEXT_IP4) || l->ip_length == 0)) ||
               ((l->status & TX_TXSM) && (l4 == TX_CONTEXT_SCTP || l->ip_length == 0));
}

static bool vlan_reserved(const struct look *l)
{
        return (l->d->cmd & TX_VLE) &&
               (l->context.vlan_lengths >> 16 & VLAN_KEY_VID) == VLAN_KEY_VID;
}

/* Drivers give the status of the first piece again with the others (igbvf), or 0 (igb). */
static bool wrong_status(const struct look *l)
{
        return (l->d->status & ~STATUS_KNOWN) ||
               (l->place == LATER && l->d->status != 0 && l->d->status != l->status);
}

static bool wide_address(const struct look *l)
{
        return l->d->address >> ADDRESS_BITS;
}

static bool no_eop(const struct look *l)
{
        return !(l->d->cmd & TX_EOP) && l->sum == l->whole;
}

/* In this order: of several things that are wrong, the first is told. */
static const struct {
        enum mdd_cause cause;
        unsigned places;
        bool (*wrong)(const struct look *l);
} checks[] = {
        {MDD_LEGACY, ANY, legacy},
        {MDD_DTYP, ANY, unknown_type},
        {MDD_RESERVED, CONTEXT | DATA, reserved},
        {MDD_CONTEXT_INSIDE, CONTEXT, inside_frame},
        {MDD_CONTEXT_INDEX, CONTEXT | DATA, other_context},
        {MDD_TSE, DATA, segmentation},
        {MDD_STATUS, DATA, wrong_status},
        {MDD_LENGTH_ZERO, DATA, length_zero},
        {MDD_PAYLEN, FIRST, no_whole_length},
        {MDD_TOO_SHORT, FIRST, too_short},
        {MDD_TOO_LONG, FIRST, too_long},
        {MDD_SEGMENTS, LATER, too_many_pieces},
        {MDD_PAYLEN_SUM, DATA, wrong_sum},
        {MDD_NO_EOP, DATA, no_eop},
        {MDD_NO_IFCS, DATA, no_ifcs},
        {MDD_ADDRESS_WIDTH, DATA, wide_address},
        {MDD_NO_CONTEXT, DATA, no_context},
        {MDD_CHECKSUM_TYPE, CONTEXT | FIRST, wrong_checksum},
        {MDD_CONTEXT_LENGTHS, CONTEXT | FIRST, impossible_headers},
        {MDD_VLAN_RANGE, DATA, vlan_reserved},
};

static const struct {
        const char *name, *text;
} causes[] = {
        [MDD_NONE] = {"none", "nothing is wrong"},
        [MDD_RING_ALIGN] = {"ring_align", "the ring's address is not a multiple of 128"},
        [MDD_RING_LENGTH] = {"ring_length",
                "the ring has less than 8 or more than 4096 descriptors, or no multiple of 8"},
        [MDD_RING_ADDRESS] = {"ring_address", "the ring's address has more than 48 bits"},
        [MDD_BUFFER_SIZE] = {"buffer_size", "receive buffers are to be of 0 or more than 16 KiB"},
        [MDD_TAIL] = {"tail", "the tail points beyond the ring"},
        [MDD_CHANGED_ENABLED] = {"changed_enabled",
                "base, length or buffer size was written while the queue was enabled"},
        [MDD_LEGACY] = {"legacy", "a descriptor in the legacy format"},
        [MDD_DTYP] = {"dtyp", "a descriptor that is neither data nor context"},
        [MDD_RESERVED] = {"reserved", "reserved bits are set"},
        [MDD_LENGTH_ZERO] = {"length_zero", "a piece of 0 bytes"},
        [MDD_TOO_SHORT] = {"too_short", "a frame shorter than its header"},
        [MDD_TOO_LONG] = {"too_long", "a frame of more than 9728 bytes"},
        [MDD_SEGMENTS] = {"segments", "a frame in more than 64 pieces"},
        [MDD_PAYLEN] = {"paylen", "the length of the whole frame is not given"},
        [MDD_PAYLEN_SUM] = {"paylen_sum", "the pieces are not as long as the whole frame"},
        [MDD_NO_IFCS] = {"no_ifcs", "a frame that is to be sent without FCS"},
        [MDD_TSE] = {"tse", "segmentation, which is not offered"},
        [MDD_CONTEXT_INDEX] = {"context_index", "a context other than number 0"},
        [MDD_NO_CONTEXT] = {"no_context", "an offload, and no context was given yet"},
        [MDD_CONTEXT_INSIDE] = {"context_inside", "a context between the pieces of a frame"},
        [MDD_CONTEXT_LENGTHS] = {"context_lengths",
                "header lengths that no packet has, or beyond the end of this one"},
        [MDD_CHECKSUM_TYPE] = {"checksum_type", "a checksum of what the context is not about"},
        [MDD_VLAN_RANGE] = {"vlan_range", "VLAN 4095 is to be inserted"},
        [MDD_STATUS] = {"status", "the status has reserved bits, or changes within a frame"},
        [MDD_ADDRESS_WIDTH] = {"address_width", "a buffer's address has more than 48 bits"},
        [MDD_NO_EOP] = {"no_eop", "the last piece of a frame does not say that it is"},
        [MDD_RX_ADDRESS] = {"rx_address", "a receive buffer's address has more than 48 bits"},
        [MDD_RX_HEADER] = {"rx_header", "header split, which is not offered"},
        [MDD_DMA_RING] = {"dma_ring", "the IOMMU blocked the ring"},
        [MDD_DMA_READ] = {"dma_read", "the IOMMU blocked a buffer to send from"},
        [MDD_DMA_WRITE] = {"dma_write", "the IOMMU blocked a buffer to receive into"},
};

_Static_assert(ELEMENTSOF(causes) == MDD_MAX, "a name for each");
_Static_assert(ELEMENTSOF(checks) == MDD_NO_EOP - MDD_LEGACY + 1, "a check for each of transmit");

const char *mdd_cause_name(enum mdd_cause cause)
{
        return causes[cause].name;
}

const char *mdd_cause_text(enum mdd_cause cause)
{
        return causes[cause].text;
}

static enum place place_of(const struct tx_state *state, const struct tx_desc *d)
{
        switch (d->cmd & TX_DTYP) {
        case TX_CONTEXT:
                return CONTEXT;
        case TX_DATA:
                return state->inside ? LATER : FIRST;
        default:
                return UNKNOWN;
        }
}

static struct look take_apart(const struct tx_state *state, const struct tx_desc *d)
{
        struct look l = {
                .state = state,
                .d = d,
                .place = place_of(state, d),
                .length = d->cmd & TX_LENGTH,
                .context = state->context,
        };

        l.sum = l.length + (l.place == LATER ? state->length : 0);
        l.status = l.place == LATER ? state->first_status : d->status;
        l.whole = l.status >> TX_PAYLEN_SHIFT;
        if (l.place == CONTEXT)
                l.context = (struct tx_context){
                        .vlan_lengths = (uint32_t) d->address,
                        .sequence = (uint32_t) (d->address >> 32),
                        .cmd = d->cmd,
                        .mss_l4 = d->status,
                };
        l.mac_length = l.context.vlan_lengths >> 9 & 0x7f;
        l.ip_length = l.context.vlan_lengths & 0x1ff;
        return l;
}

enum mdd_cause tx_desc_check(struct tx_state *state, const struct tx_desc *d)
{
        const struct look l = take_apart(state, d);

        for (size_t i = 0; i < ELEMENTSOF(checks); i++)
                if ((checks[i].places & l.place) && checks[i].wrong(&l))
                        return checks[i].cause;

        if (l.place == CONTEXT) {
                state->context = l.context;
                state->has_context = true;
                return MDD_NONE;
        }
        state->segments = l.place == FIRST ? 1 : state->segments + 1;
        state->length = l.sum;
        state->first_status = l.status;
        state->inside = !(d->cmd & TX_EOP);
        return MDD_NONE;
}
