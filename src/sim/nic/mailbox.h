/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mailbox between a VF and its PF: 16 words of buffer that one side owns at a time, and
 * request, acknowledge and reset bits (82599 datasheet 4.7.2, 8.3.5.1.5 and 8.2.3.16.1 ; X550
 * tables 7-67 and 7-68). The registers only; what the words mean is of the drivers
 * (guest/mbxproto.h). Whoever holds the NIC.
 */
#pragma once

#include "base/util.h"

#define MAILBOX_WORDS 16u

/* VFMAILBOX, as the VF sees it. */
#define MBX_VF_REQ   (1u << 0) /* write 1: ask the PF */
#define MBX_VF_ACK   (1u << 1) /* write 1: tell the PF that its message was read */
#define MBX_VF_VFU   (1u << 2) /* the VF owns the buffer */
#define MBX_VF_PFU   (1u << 3) /* the PF owns it: read only */
#define MBX_VF_PFSTS (1u << 4) /* the PF wrote a message; cleared by reading */
#define MBX_VF_PFACK (1u << 5) /* the PF read ours; cleared by reading */
#define MBX_VF_RSTI  (1u << 6) /* the PF is in reset */
#define MBX_VF_RSTD  (1u << 7) /* the PF's reset is done; cleared by reading */

/* PFMAILBOX[n], as the PF sees it. */
#define MBX_PF_STS  (1u << 0) /* write 1: tell the VF there is a message */
#define MBX_PF_ACK  (1u << 1)
#define MBX_PF_VFU  (1u << 2) /* read only */
#define MBX_PF_PFU  (1u << 3)
#define MBX_PF_RVFU (1u << 4) /* write 1: take the buffer from the VF, forget what it asked */

struct mailbox {
        uint32_t words[MAILBOX_WORDS];
        bool vfu, pfu;
        bool vf_req, vf_ack;             /* to the PF, until it clears them (PFMBICR) */
        bool vf_reset;                   /* the VF was reset (VFLRE) */
        bool pf_sts, pf_ack, rsti, rstd; /* to the VF */
};

/*
 * Register accesses by the VF. Returns from writes: an interrupt to the PF is due. A write to the
 * buffer without owning it is ignored, as is taking it while the other side has it; a write of the
 * register without MBX_VF_VFU gives it back. Reading the buffer needs no ownership.
 */
uint32_t mailbox_vf_read(struct mailbox *m);
bool mailbox_vf_write(struct mailbox *m, uint32_t value);
uint32_t mailbox_vf_word(const struct mailbox *m, uint32_t i);
void mailbox_vf_set_word(struct mailbox *m, uint32_t i, uint32_t value);

/* By the PF, likewise. Returns from writes: an interrupt to the VF is due. */
uint32_t mailbox_pf_read(const struct mailbox *m);
bool mailbox_pf_write(struct mailbox *m, uint32_t value);
uint32_t mailbox_pf_word(const struct mailbox *m, uint32_t i);
void mailbox_pf_set_word(struct mailbox *m, uint32_t i, uint32_t value);
/* What the VF asked since: request, acknowledge, reset; cleared by asking. */
struct mailbox_causes {
        bool request, ack, reset;
};
struct mailbox_causes mailbox_pf_causes(struct mailbox *m);

/* The VF's function was reset (FLR or VTCTRL.RST): buffer and bits are cleared but for what says
 * how it is with the PF, which is told. */
void mailbox_vf_was_reset(struct mailbox *m);
/* The PF is in reset: its side is forgotten, the VF sees it. Or it is out of it again: told once.
 */
void mailbox_pf_in_reset(struct mailbox *m, bool in_reset);
