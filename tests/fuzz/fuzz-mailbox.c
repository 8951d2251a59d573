/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic/mailbox under arbitrary register accesses of both sides, 3 bytes each (what, and 16 bits): it
 * never has two owners, nobody takes it from its owner but the PF by force, words change only by
 * their owner or a reset, and no request is lost. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/nic/mailbox.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        abort();                                                                   \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum operation {
        VF_READ,
        VF_WRITE,
        VF_WORD,
        PF_READ,
        PF_WRITE,
        PF_WORD,
        PF_CAUSES,
        VF_RESET,
        PF_RESET,
        OPERATIONS
};

/* What has to be told, kept here: bits of VFMAILBOX, and causes. */
struct told {
        uint32_t vf;
        bool request, ack, reset;
};

static void vf_register(struct mailbox *m, struct told *t, bool write, uint32_t value)
{
        const uint32_t owners = MBX_VF_VFU | MBX_VF_PFU;
        bool pfu = m->pfu;

        if (write) {
                CHECK(mailbox_vf_write(m, value) == ((value & (MBX_VF_REQ | MBX_VF_ACK)) != 0));
                CHECK(m->pfu == pfu && m->vfu == ((value & MBX_VF_VFU) && !pfu));
                t->request |= value & MBX_VF_REQ;
                t->ack |= (value & MBX_VF_ACK) != 0;
                return;
        }
        value = mailbox_vf_read(m);
        CHECK((value & owners) == ((m->vfu ? MBX_VF_VFU : 0) | (m->pfu ? MBX_VF_PFU : 0)));
        CHECK((value & ~owners) == t->vf);
        t->vf &= MBX_VF_RSTI;
}

static void pf_register(struct mailbox *m, struct told *t, bool write, uint32_t value)
{
        bool vfu = m->vfu && !(value & MBX_PF_RVFU);

        if (!write) {
                CHECK(mailbox_pf_read(m) ==
                        ((m->vfu ? MBX_PF_VFU : 0) | (m->pfu ? MBX_PF_PFU : 0)));
                return;
        }
        CHECK(mailbox_pf_write(m, value) == ((value & (MBX_PF_STS | MBX_PF_ACK)) != 0));
        CHECK(m->vfu == vfu && m->pfu == ((value & MBX_PF_PFU) && !vfu));
        if (value & MBX_PF_RVFU)
                t->request = t->ack = false;
        t->vf |= (value & MBX_PF_STS ? MBX_VF_PFSTS : 0) | (value & MBX_PF_ACK ? MBX_VF_PFACK : 0);
}

/* The lower byte says where; beyond the buffer, too. */
static void word(struct mailbox *m, bool vf, uint32_t value)
{
        const struct mailbox before = *m;
        uint32_t at = value & 0xff;

        if (vf)
                mailbox_vf_set_word(m, at, value);
        else
                mailbox_pf_set_word(m, at, value);
        for (uint32_t i = 0; i < MAILBOX_WORDS; i++) {
                bool changed = i == at && (vf ? m->vfu : m->pfu);

                CHECK(m->words[i] == (changed ? value : before.words[i]));
                CHECK(mailbox_vf_word(m, i) == m->words[i]);
                CHECK(mailbox_pf_word(m, i) == m->words[i]);
        }
        CHECK(m->vfu == before.vfu && m->pfu == before.pfu);
        CHECK(at < MAILBOX_WORDS || (mailbox_vf_word(m, at) == 0 && mailbox_pf_word(m, at) == 0));
}

static void causes(struct mailbox *m, struct told *t)
{
        struct mailbox_causes c = mailbox_pf_causes(m);

        CHECK(c.request == t->request && c.ack == t->ack && c.reset == t->reset);
        t->request = t->ack = t->reset = false;
}

static void vf_reset(struct mailbox *m, struct told *t)
{
        bool pfu = m->pfu;

        mailbox_vf_was_reset(m);
        CHECK(!m->vfu && m->pfu == pfu);
        for (uint32_t i = 0; i < MAILBOX_WORDS; i++)
                CHECK(m->words[i] == 0);
        t->vf &= MBX_VF_RSTI;
        t->request = t->ack = false;
        t->reset = true;
}

static void pf_reset(struct mailbox *m, struct told *t, bool in)
{
        bool vfu = m->vfu;

        mailbox_pf_in_reset(m, in);
        CHECK(m->vfu == vfu && (!in || !m->pfu));
        if (in) {
                t->vf |= MBX_VF_RSTI;
                t->request = t->ack = t->reset = false;
        } else if (t->vf & MBX_VF_RSTI) {
                t->vf = (t->vf & ~MBX_VF_RSTI) | MBX_VF_RSTD;
        }
}

static void operate(struct mailbox *m, struct told *t, enum operation op, uint32_t value)
{
        switch (op) {
        case VF_READ:
        case VF_WRITE:
                vf_register(m, t, op == VF_WRITE, value);
                break;
        case PF_READ:
        case PF_WRITE:
                pf_register(m, t, op == PF_WRITE, value);
                break;
        case VF_WORD:
        case PF_WORD:
                word(m, op == VF_WORD, value);
                break;
        case PF_CAUSES:
                causes(m, t);
                break;
        case VF_RESET:
                vf_reset(m, t);
                break;
        case PF_RESET:
                pf_reset(m, t, value & 1);
                break;
        case OPERATIONS:
                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct mailbox m = {};
        struct told t = {};

        for (; size >= 3; data += 3, size -= 3) {
                struct mailbox before = m;
                enum operation op = data[0] % OPERATIONS;

                operate(&m, &t, op, data[1] | (uint32_t) data[2] << 8);
                CHECK(!(m.vfu && m.pfu));
                CHECK(op == VF_WORD || op == PF_WORD || op == VF_RESET ||
                        memcmp(m.words, before.words, sizeof(m.words)) == 0);
        }
        return 0;
}
