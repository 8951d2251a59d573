/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic/desc on arbitrary runs of transmit descriptors, 16 bytes each: what is refused changes
 * nothing, what is taken keeps the bounds that DMA and packet memory go by, and the short way takes
 * nothing that the table refuses. One thread.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "sim/nic/desc.h"
#include "sim/nic/frame.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        abort();                                                                   \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken of the frame, counted here. */
struct seen {
        uint32_t pieces, bytes, whole;
};

static bool same(const struct tx_state *a, const struct tx_state *b)
{
        return a->inside == b->inside && a->has_context == b->has_context &&
               memcmp(&a->context, &b->context, sizeof(a->context)) == 0 &&
               a->segments == b->segments && a->length == b->length &&
               a->first_status == b->first_status;
}

static void took_context(
        const struct tx_state *before, const struct tx_state *s, const struct tx_desc *d)
{
        struct tx_state expected = *before;

        CHECK(!before->inside);
        expected.has_context = true;
        expected.context = (struct tx_context){
                (uint32_t) d->address, (uint32_t) (d->address >> 32), d->cmd, d->status};
        CHECK(same(s, &expected));
}

static void took_data(const struct tx_state *before, const struct tx_state *s,
        const struct tx_desc *d, struct seen *seen)
{
        const uint32_t offloads = TX_IXSM | TX_TXSM | TX_CC;

        if (!before->inside)
                *seen = (struct seen){.whole = d->status >> TX_PAYLEN_SHIFT};
        seen->pieces++;
        seen->bytes += d->cmd & TX_LENGTH;
        CHECK((d->cmd & TX_LENGTH) > 0 && d->address >> 48 == 0);
        CHECK(s->inside == !(d->cmd & TX_EOP));
        CHECK(s->segments == seen->pieces && seen->pieces <= TX_SEGMENTS);
        CHECK(s->length == seen->bytes && s->first_status >> TX_PAYLEN_SHIFT == seen->whole);
        CHECK(seen->whole >= FRAME_MIN && seen->whole <= FRAME_MAX);
        CHECK(s->inside ? seen->bytes < seen->whole : seen->bytes == seen->whole);
        CHECK(!(d->cmd & TX_TSE));
        CHECK(s->has_context || (!(d->cmd & TX_VLE) && !(s->first_status & offloads)));
        if (s->first_status & (TX_IXSM | TX_TXSM)) {
                uint32_t mac = s->context.vlan_lengths >> 9 & 0x7f,
                         ip = s->context.vlan_lengths & 0x1ff;

                CHECK(mac >= FRAME_MIN && ip >= 20 && mac + ip <= seen->whole);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct tx_state s = {};
        struct seen seen = {};

        for (; size >= DESC_SIZE; data += DESC_SIZE, size -= DESC_SIZE) {
                struct tx_state before = s;
                enum mdd_cause cause;
                struct tx_desc d;

                memcpy(&d, data, sizeof(d));
                d.address = le64toh(d.address);
                d.cmd = le32toh(d.cmd);
                d.status = le32toh(d.status);
                cause = tx_desc_check(&s, &d);
                CHECK(before.inside || !tx_desc_plain(&d) || cause == MDD_NONE);
                CHECK(cause == MDD_NONE || (cause >= MDD_LEGACY && cause <= MDD_NO_EOP));
                if (cause != MDD_NONE)
                        CHECK(same(&s, &before));
                else if ((d.cmd & TX_DTYP) == TX_CONTEXT)
                        took_context(&before, &s, &d);
                else
                        took_data(&before, &s, &d, &seen);
        }
        return 0;
}
