/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Malicious-driver checks of transmit descriptors: each cause by a run of descriptors that ends in
 * it, what good drivers write, and names. */
#include "sim/nic/desc.h"
#include "unit.h"

#define LAST             (TX_DATA | TX_DEXT | TX_IFCS | TX_EOP)
#define MORE             (TX_DATA | TX_DEXT)
#define WHOLE(n)         ((uint32_t) (n) << TX_PAYLEN_SHIFT)
#define HEADERS(mac, ip) ((uint64_t) (mac) << 9 | (ip))
#define CONTEXT(lengths, flags)                                                                    \
        {                                                                                          \
                (lengths), TX_CONTEXT | TX_DEXT | (flags), 0                                       \
        }
#define TCP4       CONTEXT(HEADERS(14, 20), TX_CONTEXT_IP4 | TX_CONTEXT_TCP)
#define UDP6       CONTEXT(HEADERS(18, 48), 0)
#define PIECES_MAX 4

struct run {
        const char *what;
        struct tx_desc d[PIECES_MAX]; /* cmd 0 ends it */
        enum mdd_cause cause;         /* of the last; those before are good */
        uint32_t length;              /* of the frame, when that is whole */
};

static const struct run runs[] = {
        {"one piece", {{0x1000, LAST | 60, WHOLE(60)}}, MDD_NONE, 60},
        {"with a report", {{0x1000, LAST | TX_RS | 60, WHOLE(60)}}, MDD_NONE, 60},
        {"shortest", {{0x1000, LAST | 14, WHOLE(14)}}, MDD_NONE, 14},
        {"longest", {{0x1000, LAST | 9728, WHOLE(9728)}}, MDD_NONE, 9728},
        {"highest address", {{0xffffffffffff, LAST | 14, WHOLE(14)}}, MDD_NONE, 14},
        {"pieces as igb writes them",
                {{0x1000, MORE | TX_IFCS | 1000, WHOLE(1500)}, {0x9000, LAST | TX_RS | 500, 0}},
                MDD_NONE, 1500},
        {"pieces as igbvf writes them",
                {{0x1000, MORE | TX_IFCS | 1000, WHOLE(1500)},
                        {0x9000, LAST | TX_RS | 500, WHOLE(1500)}},
                MDD_NONE, 1500},
        {"pieces of a byte",
                {{0x1000, MORE | 1, WHOLE(14)}, {0x2000, MORE | 1, 0}, {0x3000, LAST | 12, 0}},
                MDD_NONE, 14},
        {"VLAN alone", {CONTEXT(0x0064ull << 16, 0), {0x1000, LAST | TX_VLE | 60, WHOLE(60)}},
                MDD_NONE, 60},
        {"priority tag", {CONTEXT(0xe000ull << 16, 0), {0x1000, LAST | TX_VLE | 60, WHOLE(60)}},
                MDD_NONE, 60},
        {"checksums of TCP", {TCP4, {0x1000, LAST | 60, WHOLE(60) | TX_CC | TX_IXSM | TX_TXSM}},
                MDD_NONE, 60},
        {"checksum of UDP over IPv6", {UDP6, {0x1000, LAST | 80, WHOLE(80) | TX_TXSM}}, MDD_NONE,
                80},
        {"a context holds for the next frames",
                {TCP4, {0x1000, LAST | 60, WHOLE(60) | TX_TXSM},
                        {0x1000, LAST | 61, WHOLE(61) | TX_TXSM}},
                MDD_NONE, 61},
        {"context after context", {TCP4, UDP6, {0x1000, LAST | 80, WHOLE(80) | TX_TXSM}}, MDD_NONE,
                80},

        {"legacy", {{0x1000, TX_EOP | TX_IFCS | 60, 0}}, MDD_LEGACY, 0},
        {"legacy that looks like data", {{0x1000, (LAST & ~TX_DEXT) | 60, WHOLE(60)}}, MDD_LEGACY,
                0},
        {"type 0", {{0x1000, TX_DEXT | TX_EOP | TX_IFCS | 60, WHOLE(60)}}, MDD_DTYP, 0},
        {"type 15", {{0x1000, LAST | TX_DTYP | 60, WHOLE(60)}}, MDD_DTYP, 0},
        {"reserved bit 16", {{0x1000, LAST | 1 << 16 | 60, WHOLE(60)}}, MDD_RESERVED, 0},
        {"reserved bit 26", {{0x1000, LAST | 1 << 26 | 60, WHOLE(60)}}, MDD_RESERVED, 0},
        {"reserved bit 28", {{0x1000, LAST | 1 << 28 | 60, WHOLE(60)}}, MDD_RESERVED, 0},
        {"reserved in a context", {CONTEXT(HEADERS(14, 20), 1)}, MDD_RESERVED, 0},
        {"context that is the last piece", {CONTEXT(HEADERS(14, 20), TX_EOP)}, MDD_RESERVED, 0},
        {"no bytes", {{0x1000, LAST, WHOLE(60)}}, MDD_LENGTH_ZERO, 0},
        {"no bytes later", {{0x1000, MORE | 30, WHOLE(60)}, {0x1000, MORE, 0}}, MDD_LENGTH_ZERO, 0},
        {"13 bytes", {{0x1000, LAST | 13, WHOLE(13)}}, MDD_TOO_SHORT, 0},
        {"9729 bytes", {{0x1000, LAST | 9729, WHOLE(9729)}}, MDD_TOO_LONG, 0},
        {"64 KiB", {{0x1000, LAST | 65535, WHOLE(65535)}}, MDD_TOO_LONG, 0},
        {"longest that can be said", {{0x1000, MORE | 65535, WHOLE(0x3ffff)}}, MDD_TOO_LONG, 0},
        {"no whole length", {{0x1000, LAST | 60, 0}}, MDD_PAYLEN, 0},
        {"longer than it said", {{0x1000, LAST | 61, WHOLE(60)}}, MDD_PAYLEN_SUM, 0},
        {"shorter than it said", {{0x1000, LAST | 59, WHOLE(60)}}, MDD_PAYLEN_SUM, 0},
        {"pieces shorter", {{0x1000, MORE | 30, WHOLE(60)}, {0x1000, LAST | 29, 0}}, MDD_PAYLEN_SUM,
                0},
        {"pieces longer", {{0x1000, MORE | 30, WHOLE(60)}, {0x1000, MORE | 31, 0}}, MDD_PAYLEN_SUM,
                0},
        {"pieces far longer", {{0x1000, MORE | 30, WHOLE(60)}, {0x1000, LAST | 65535, 0}},
                MDD_PAYLEN_SUM, 0},
        {"no FCS", {{0x1000, (LAST & ~TX_IFCS) | 60, WHOLE(60)}}, MDD_NO_IFCS, 0},
        {"segmentation", {{0x1000, LAST | TX_TSE | 60, WHOLE(65535)}}, MDD_TSE, 0},
        {"context 1", {{HEADERS(14, 20), TX_CONTEXT | TX_DEXT, 0x10}}, MDD_CONTEXT_INDEX, 0},
        {"by context 7", {TCP4, {0x1000, LAST | 60, WHOLE(60) | TX_CC | 0x70}}, MDD_CONTEXT_INDEX,
                0},
        {"VLAN without a context", {{0x1000, LAST | TX_VLE | 60, WHOLE(60)}}, MDD_NO_CONTEXT, 0},
        {"checksum without a context", {{0x1000, LAST | 60, WHOLE(60) | TX_TXSM}}, MDD_NO_CONTEXT,
                0},
        {"CC without a context", {{0x1000, LAST | 60, WHOLE(60) | TX_CC}}, MDD_NO_CONTEXT, 0},
        {"VLAN by the last piece alone",
                {{0x1000, MORE | 30, WHOLE(60)}, {0x1000, LAST | TX_VLE | 30, 0}}, MDD_NO_CONTEXT,
                0},
        {"context inside a frame", {{0x1000, MORE | 30, WHOLE(60)}, TCP4}, MDD_CONTEXT_INSIDE, 0},
        {"MAC header of 13", {CONTEXT(HEADERS(13, 20), 0)}, MDD_CONTEXT_LENGTHS, 0},
        {"no MAC header, but IP", {CONTEXT(HEADERS(0, 20), 0)}, MDD_CONTEXT_LENGTHS, 0},
        {"IP header of 19", {CONTEXT(HEADERS(14, 19), 0)}, MDD_CONTEXT_LENGTHS, 0},
        {"IPv4 header of 64", {CONTEXT(HEADERS(14, 64), TX_CONTEXT_IP4)}, MDD_CONTEXT_LENGTHS, 0},
        {"headers beyond the frame", {TCP4, {0x1000, LAST | 33, WHOLE(33) | TX_IXSM}},
                MDD_CONTEXT_LENGTHS, 0},
        {"UDP beyond the frame", {TCP4, {0x1000, LAST | 41, WHOLE(41) | TX_TXSM}},
                MDD_CONTEXT_LENGTHS, 0},
        {"fourth L4 type", {CONTEXT(HEADERS(14, 20), TX_CONTEXT_L4)}, MDD_CHECKSUM_TYPE, 0},
        {"checksum of SCTP",
                {CONTEXT(HEADERS(14, 20), TX_CONTEXT_SCTP),
                        {0x1000, LAST | 60, WHOLE(60) | TX_TXSM}},
                MDD_CHECKSUM_TYPE, 0},
        {"IPv4 checksum of IPv6", {UDP6, {0x1000, LAST | 80, WHOLE(80) | TX_IXSM}},
                MDD_CHECKSUM_TYPE, 0},
        {"checksum under a context for VLAN",
                {CONTEXT(0x0064ull << 16, 0), {0x1000, LAST | 60, WHOLE(60) | TX_TXSM}},
                MDD_CHECKSUM_TYPE, 0},
        {"VLAN 4095", {CONTEXT(0x2fffull << 16, 0), {0x1000, LAST | TX_VLE | 60, WHOLE(60)}},
                MDD_VLAN_RANGE, 0},
        {"done already", {{0x1000, LAST | 60, WHOLE(60) | TX_DD}}, MDD_STATUS, 0},
        {"reserved offload", {{0x1000, LAST | 60, WHOLE(60) | 1 << 10}}, MDD_STATUS, 0},
        {"another length later", {{0x1000, MORE | 30, WHOLE(60)}, {0x1000, LAST | 31, WHOLE(61)}},
                MDD_STATUS, 0},
        {"offload later", {TCP4, {0x1000, MORE | 30, WHOLE(60)}, {0x1000, LAST | 30, TX_TXSM}},
                MDD_STATUS, 0},
        {"49 bits", {{1ull << 48, LAST | 60, WHOLE(60)}}, MDD_ADDRESS_WIDTH, 0},
        {"64 bits later", {{0x1000, MORE | 30, WHOLE(60)}, {1ull << 63, LAST | 30, 0}},
                MDD_ADDRESS_WIDTH, 0},
        {"no end", {{0x1000, MORE | 60, WHOLE(60)}}, MDD_NO_EOP, 0},
        {"no end later", {{0x1000, MORE | 30, WHOLE(60)}, {0x1000, MORE | 30, 0}}, MDD_NO_EOP, 0},
};

static enum mdd_cause check(struct tx_state *state, const struct tx_desc *d)
{
        struct tx_state before = *state;
        enum mdd_cause cause = tx_desc_check(state, d);

        if (cause != MDD_NONE)
                assert_memory_equal(state, &before, sizeof(before));
        return cause;
}

static void causes(void **state)
{
        bool seen[MDD_MAX] = {[MDD_SEGMENTS] = true}; /* pieces(), below */

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(runs); i++) {
                const struct run *run = &runs[i];
                enum mdd_cause cause = MDD_NONE;
                struct tx_state s = {};

                for (size_t k = 0; k < PIECES_MAX && run->d[k].cmd; k++) {
                        if (cause != MDD_NONE)
                                fail_msg("%s: %s too early", run->what, mdd_cause_name(cause));
                        cause = check(&s, &run->d[k]);
                }
                if (cause != run->cause)
                        fail_msg("%s: %s, not %s", run->what, mdd_cause_name(cause),
                                mdd_cause_name(run->cause));
                if (cause == MDD_NONE && (s.inside || s.length != run->length))
                        fail_msg("%s: length %u", run->what, s.length);
                seen[cause] = true;
        }
        for (enum mdd_cause c = MDD_LEGACY; c <= MDD_NO_EOP; c++)
                if (!seen[c])
                        fail_msg("no run ends in %s", mdd_cause_name(c));
}

static void pieces(void **state)
{
        const struct tx_desc more = {0x1000, MORE | 1, WHOLE(1000)},
                             last = {0x1000, LAST | 937, WHOLE(1000)},
                             again = {0x1000, MORE | 10, WHOLE(20)};
        struct tx_state s = {};

        (void) state;
        for (unsigned i = 1; i < TX_SEGMENTS; i++) {
                assert_int_equal(check(&s, &more), MDD_NONE);
                assert_true(s.inside);
                assert_int_equal(s.segments, i);
                assert_int_equal(s.length, i);
        }
        assert_int_equal(check(&s, &last), MDD_NONE);
        assert_int_equal(s.segments, TX_SEGMENTS);
        assert_int_equal(s.length, 1000);

        assert_int_equal(check(&s, &again), MDD_NONE);
        assert_int_equal(s.segments, 1);
        assert_int_equal(s.length, 10);

        s = (struct tx_state){};
        for (unsigned i = 0; i < TX_SEGMENTS; i++)
                assert_int_equal(check(&s, &more), MDD_NONE);
        assert_int_equal(check(&s, &last), MDD_SEGMENTS);
}

static void context(void **state)
{
        const struct tx_desc d = {
                .address = UINT64_C(0x12345678) << 32 | 0x0064u << 16 | 14 << 9 | 20,
                .cmd = TX_CONTEXT | TX_DEXT | TX_CONTEXT_IP4,
                .status = 1460u << 16 | 20 << 8,
        };
        struct tx_state s = {};

        (void) state;
        assert_int_equal(check(&s, &d), MDD_NONE);
        assert_true(s.has_context);
        assert_false(s.inside);
        assert_int_equal(s.context.vlan_lengths, 0x0064u << 16 | 14 << 9 | 20);
        assert_int_equal(s.context.sequence, 0x12345678);
        assert_int_equal(s.context.cmd, d.cmd);
        assert_int_equal(s.context.mss_l4, d.status);
}

/* The short way and the table agree: it takes nothing that the table would not. */
static void plain(void **state)
{
        static const uint64_t addresses[] = {0, 0xffffffffffff, 1ull << 48, UINT64_MAX};
        static const uint32_t lengths[] = {0, 1, 13, 14, 60, 9728, 9729, 65535};
        uint32_t taken = 0;

        (void) state;
        for (size_t a = 0; a < ELEMENTSOF(addresses); a++)
                for (size_t l = 0; l < ELEMENTSOF(lengths); l++)
                        for (int bit = -1; bit < 64; bit++) {
                                uint64_t flip = bit < 0 ? 0 : UINT64_C(1) << bit;
                                struct tx_desc d = {addresses[a],
                                        (LAST | lengths[l]) ^ (uint32_t) flip,
                                        WHOLE(lengths[l]) ^ (uint32_t) (flip >> 32)};
                                struct tx_state s = {};

                                if (!tx_desc_plain(&d))
                                        continue;
                                taken++;
                                assert_int_equal(check(&s, &d), MDD_NONE);
                                assert_false(s.inside);
                        }
        assert_int_equal(taken, 2 * 3 * 2); /* addresses, lengths, with TX_RS or without */
}

static void names(void **state)
{
        (void) state;
        for (enum mdd_cause c = MDD_NONE; c < MDD_MAX; c++) {
                assert_true(strlen(mdd_cause_text(c)) > 5);
                assert_int_equal(strspn(mdd_cause_name(c), "abcdefghijklmnopqrstuvwxyz_"),
                        strlen(mdd_cause_name(c)));
                for (enum mdd_cause d = MDD_NONE; d < c; d++) {
                        assert_string_not_equal(mdd_cause_name(c), mdd_cause_name(d));
                        assert_string_not_equal(mdd_cause_text(c), mdd_cause_text(d));
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(causes),
                cmocka_unit_test(pieces),
                cmocka_unit_test(context),
                cmocka_unit_test(plain),
                cmocka_unit_test(names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
