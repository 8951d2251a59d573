/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mailbox's registers. Whoever holds the NIC. */
#include "sim/nic/mailbox.h"

static uint32_t bit_if(bool on, uint32_t bit)
{
        return on ? bit : 0;
}

/* ---- by the VF ---------------------------------------------------------------------------------
 */

uint32_t mailbox_vf_read(struct mailbox *m)
{
        uint32_t value = bit_if(m->vfu, MBX_VF_VFU) | bit_if(m->pfu, MBX_VF_PFU) |
                         bit_if(m->pf_sts, MBX_VF_PFSTS) | bit_if(m->pf_ack, MBX_VF_PFACK) |
                         bit_if(m->rsti, MBX_VF_RSTI) | bit_if(m->rstd, MBX_VF_RSTD);

        m->pf_sts = m->pf_ack = m->rstd = false;
        return value;
}

bool mailbox_vf_write(struct mailbox *m, uint32_t value)
{
        m->vfu = (value & MBX_VF_VFU) && !m->pfu;
        m->vf_req |= (value & MBX_VF_REQ) != 0;
        m->vf_ack |= (value & MBX_VF_ACK) != 0;
        return value & (MBX_VF_REQ | MBX_VF_ACK);
}

uint32_t mailbox_vf_word(const struct mailbox *m, uint32_t i)
{
        return i < MAILBOX_WORDS ? m->words[i] : 0;
}

void mailbox_vf_set_word(struct mailbox *m, uint32_t i, uint32_t value)
{
        if (m->vfu && i < MAILBOX_WORDS)
                m->words[i] = value;
}

/* ---- by the PF ---------------------------------------------------------------------------------
 */

uint32_t mailbox_pf_read(const struct mailbox *m)
{
        return bit_if(m->vfu, MBX_PF_VFU) | bit_if(m->pfu, MBX_PF_PFU);
}

bool mailbox_pf_write(struct mailbox *m, uint32_t value)
{
        /* The VF is stuck: what it asked for is forgotten with its ownership. */
        if (value & MBX_PF_RVFU)
                m->vfu = m->vf_req = m->vf_ack = false;
        m->pfu = (value & MBX_PF_PFU) && !m->vfu;
        m->pf_sts |= (value & MBX_PF_STS) != 0;
        m->pf_ack |= (value & MBX_PF_ACK) != 0;
        return value & (MBX_PF_STS | MBX_PF_ACK);
}

uint32_t mailbox_pf_word(const struct mailbox *m, uint32_t i)
{
        return mailbox_vf_word(m, i);
}

void mailbox_pf_set_word(struct mailbox *m, uint32_t i, uint32_t value)
{
        if (m->pfu && i < MAILBOX_WORDS)
                m->words[i] = value;
}

struct mailbox_causes mailbox_pf_causes(struct mailbox *m)
{
        const struct mailbox_causes causes = {m->vf_req, m->vf_ack, m->vf_reset};

        m->vf_req = m->vf_ack = m->vf_reset = false;
        return causes;
}

/* ---- resets ------------------------------------------------------------------------------------
 */

void mailbox_vf_was_reset(struct mailbox *m)
{
        *m = (struct mailbox){.pfu = m->pfu, .rsti = m->rsti, .vf_reset = true};
}

void mailbox_pf_in_reset(struct mailbox *m, bool in_reset)
{
        if (in_reset)
                m->pfu = m->vf_req = m->vf_ack = m->vf_reset = false;
        m->rstd |= m->rsti && !in_reset;
        m->rsti = in_reset;
}
