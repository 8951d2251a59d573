/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mailbox: every ownership transition as a table, bits and what clears them, writes out of
 * order, resets, and a whole exchange of both sides. */
#include "sim/nic/mailbox.h"
#include "unit.h"

enum owner { NOBODY, VF, PF };

static struct mailbox owned_by(enum owner owner)
{
        return (struct mailbox){.vfu = owner == VF, .pfu = owner == PF};
}

static enum owner owner_of(const struct mailbox *m)
{
        assert_false(m->vfu && m->pfu);
        return m->vfu ? VF : m->pfu ? PF : NOBODY;
}

/* Any value of the register is written in any state of ownership. */
static void ownership(void **state)
{
        static const struct {
                enum owner writer;
                uint32_t value;      /* of the bits that are about ownership */
                enum owner after[3]; /* NOBODY, VF, PF before */
        } cases[] = {
                {VF, 0, {NOBODY, NOBODY, PF}},
                {VF, MBX_VF_VFU, {VF, VF, PF}},
                {PF, 0, {NOBODY, VF, NOBODY}},
                {PF, MBX_PF_PFU, {PF, VF, PF}},
                {PF, MBX_PF_RVFU, {NOBODY, NOBODY, NOBODY}},
                {PF, MBX_PF_RVFU | MBX_PF_PFU, {PF, PF, PF}},
        };
        static const uint32_t about[] = {[VF] = MBX_VF_VFU, [PF] = MBX_PF_PFU | MBX_PF_RVFU};
        unsigned tried = 0;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (uint32_t value = 0; value < 256; value++)
                        for (enum owner before = NOBODY; before <= PF; before++) {
                                struct mailbox m = owned_by(before);
                                bool vf = cases[i].writer == VF;

                                if ((value & about[cases[i].writer]) != cases[i].value)
                                        continue;
                                tried++;
                                /* The lowest two bits are request (or message) and acknowledge. */
                                assert_int_equal(vf ? mailbox_vf_write(&m, value)
                                                    : mailbox_pf_write(&m, value),
                                        (value & 3) != 0);
                                assert_int_equal(owner_of(&m), cases[i].after[before]);
                                assert_int_equal(vf ? m.vf_req : m.pf_sts, value & 1);
                                assert_int_equal(vf ? m.vf_ack : m.pf_ack, value >> 1 & 1);
                                assert_false(vf ? m.pf_sts || m.pf_ack : m.vf_req || m.vf_ack);
                                assert_false(m.rsti || m.rstd || m.vf_reset);
                        }
        assert_int_equal(tried, 2 * 256 * 3);
}

static void words(void **state)
{
        (void) state;
        for (enum owner owner = NOBODY; owner <= PF; owner++)
                for (uint32_t i = 0; i < MAILBOX_WORDS + 2; i++) {
                        struct mailbox m = owned_by(owner);
                        uint32_t expected = i >= MAILBOX_WORDS ? 0 : owner == VF ? 1 : 0;

                        mailbox_vf_set_word(&m, i, 1);
                        assert_int_equal(mailbox_vf_word(&m, i), expected);
                        mailbox_pf_set_word(&m, i, 2);
                        expected = i < MAILBOX_WORDS && owner == PF ? 2 : expected;
                        assert_int_equal(mailbox_pf_word(&m, i), expected);
                        assert_int_equal(mailbox_vf_word(&m, i), expected);
                        for (uint32_t k = 0; k < MAILBOX_WORDS; k++)
                                assert_int_equal(m.words[k], k == i ? expected : 0);
                }
}

static void cleared_by_reading(void **state)
{
        struct mailbox m = {.pfu = true, .rsti = true, .rstd = true};
        struct mailbox_causes causes;

        (void) state;
        mailbox_pf_write(&m, MBX_PF_PFU | MBX_PF_STS);
        mailbox_pf_write(&m, MBX_PF_PFU | MBX_PF_ACK);
        assert_int_equal(mailbox_vf_read(&m),
                MBX_VF_PFU | MBX_VF_PFSTS | MBX_VF_PFACK | MBX_VF_RSTI | MBX_VF_RSTD);
        assert_int_equal(mailbox_vf_read(&m), MBX_VF_PFU | MBX_VF_RSTI);
        mailbox_pf_write(&m, 0);
        mailbox_vf_write(&m, MBX_VF_VFU);
        assert_int_equal(mailbox_vf_read(&m), MBX_VF_VFU | MBX_VF_RSTI);
        assert_int_equal(mailbox_pf_read(&m), MBX_PF_VFU);
        assert_int_equal(mailbox_pf_read(&m), MBX_PF_VFU);

        mailbox_vf_write(&m, MBX_VF_REQ);
        mailbox_vf_write(&m, 0); /* does not take it back */
        causes = mailbox_pf_causes(&m);
        assert_true(causes.request && !causes.ack && !causes.reset);
        mailbox_vf_write(&m, MBX_VF_ACK);
        causes = mailbox_pf_causes(&m);
        assert_true(!causes.request && causes.ack && !causes.reset);
        causes = mailbox_pf_causes(&m);
        assert_false(causes.request || causes.ack || causes.reset);
}

/* What is only for reading can not be written. */
static void read_only(void **state)
{
        struct mailbox m = {};

        (void) state;
        assert_false(mailbox_vf_write(&m, UINT32_MAX & ~(MBX_VF_REQ | MBX_VF_ACK | MBX_VF_VFU)));
        assert_int_equal(mailbox_vf_read(&m), 0);
        assert_false(mailbox_pf_write(&m, MBX_PF_VFU | ~UINT32_C(31)));
        assert_int_equal(mailbox_pf_read(&m), 0);
        assert_int_equal(mailbox_vf_read(&m), 0);
}

static void stuck(void **state)
{
        struct mailbox m = {};
        struct mailbox_causes causes;

        (void) state;
        mailbox_vf_write(&m, MBX_VF_VFU | MBX_VF_REQ | MBX_VF_ACK);
        mailbox_pf_write(&m, MBX_PF_PFU);
        assert_int_equal(mailbox_pf_read(&m), MBX_PF_VFU);
        mailbox_pf_write(&m, MBX_PF_RVFU | MBX_PF_PFU);
        assert_int_equal(mailbox_pf_read(&m), MBX_PF_PFU);
        causes = mailbox_pf_causes(&m);
        assert_false(causes.request || causes.ack || causes.reset);
        mailbox_vf_set_word(&m, 0, 1);
        assert_int_equal(mailbox_pf_word(&m, 0), 0);
}

static void resets(void **state)
{
        struct mailbox m = {};
        struct mailbox_causes causes;

        (void) state;
        mailbox_pf_in_reset(&m, false); /* it was not: nothing to tell */
        assert_int_equal(mailbox_vf_read(&m), 0);

        mailbox_vf_write(&m, MBX_VF_VFU);
        for (uint32_t i = 0; i < MAILBOX_WORDS; i++)
                mailbox_vf_set_word(&m, i, i + 1);
        mailbox_vf_write(&m, MBX_VF_VFU | MBX_VF_REQ | MBX_VF_ACK);
        mailbox_pf_write(&m, MBX_PF_STS | MBX_PF_ACK);
        mailbox_vf_was_reset(&m);
        assert_int_equal(mailbox_vf_read(&m), 0);
        for (uint32_t i = 0; i < MAILBOX_WORDS; i++)
                assert_int_equal(mailbox_vf_word(&m, i), 0);
        causes = mailbox_pf_causes(&m);
        assert_true(causes.reset && !causes.request && !causes.ack);
        assert_false(mailbox_pf_causes(&m).reset);

        /* How it is with the PF outlives a reset of the VF. */
        mailbox_pf_in_reset(&m, true);
        assert_int_equal(mailbox_vf_read(&m), MBX_VF_RSTI);
        mailbox_vf_was_reset(&m);
        assert_int_equal(mailbox_vf_read(&m), MBX_VF_RSTI);
        mailbox_pf_in_reset(&m, false);
        mailbox_pf_in_reset(&m, false);
        assert_int_equal(mailbox_vf_read(&m), MBX_VF_RSTD);
        assert_int_equal(mailbox_vf_read(&m), 0);
        assert_true(mailbox_pf_causes(&m).reset);
        mailbox_pf_write(&m, MBX_PF_PFU);
        mailbox_vf_was_reset(&m);
        assert_int_equal(mailbox_pf_read(&m), MBX_PF_PFU);

        /* A reset of the PF forgets what it had and what it was asked. */
        mailbox_vf_write(&m, MBX_VF_REQ | MBX_VF_ACK);
        mailbox_pf_in_reset(&m, true);
        assert_int_equal(mailbox_pf_read(&m), 0);
        causes = mailbox_pf_causes(&m);
        assert_false(causes.request || causes.ack || causes.reset);
}

/* As the drivers do it (82599 datasheet 4.7.2): VF asks, PF answers, VF acknowledges. */
static void exchange(void **state)
{
        struct mailbox m = {};

        (void) state;
        mailbox_vf_write(&m, MBX_VF_VFU);
        assert_true(mailbox_vf_read(&m) & MBX_VF_VFU);
        mailbox_vf_set_word(&m, 0, 0x01);
        assert_true(mailbox_vf_write(&m, MBX_VF_REQ));

        assert_true(mailbox_pf_causes(&m).request);
        mailbox_pf_write(&m, MBX_PF_PFU);
        assert_true(mailbox_pf_read(&m) & MBX_PF_PFU);
        assert_int_equal(mailbox_pf_word(&m, 0), 0x01);
        assert_true(mailbox_pf_write(&m, MBX_PF_ACK));
        assert_int_equal(mailbox_vf_read(&m), MBX_VF_PFACK);

        mailbox_pf_write(&m, MBX_PF_PFU);
        mailbox_pf_set_word(&m, 0, 0x80000001);
        mailbox_vf_write(&m, MBX_VF_VFU); /* too early */
        mailbox_vf_set_word(&m, 0, 0x02);
        assert_true(mailbox_pf_write(&m, MBX_PF_STS));

        assert_int_equal(mailbox_vf_read(&m), MBX_VF_PFSTS);
        mailbox_vf_write(&m, MBX_VF_VFU);
        assert_int_equal(mailbox_vf_word(&m, 0), 0x80000001);
        assert_true(mailbox_vf_write(&m, MBX_VF_ACK));
        assert_true(mailbox_pf_causes(&m).ack);
        assert_int_equal(owner_of(&m), NOBODY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ownership),
                cmocka_unit_test(words),
                cmocka_unit_test(cleared_by_reading),
                cmocka_unit_test(read_only),
                cmocka_unit_test(stuck),
                cmocka_unit_test(resets),
                cmocka_unit_test(exchange),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
