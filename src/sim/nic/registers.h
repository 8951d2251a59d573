/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register offsets in BAR 0 of a function: those of the 82599's virtual function (datasheet 9.3).
 */
#pragma once

#define REG_CTRL      0x0000u /* bit 26: reset */
#define REG_CTRL_RST  (1u << 26)
#define REG_STATUS    0x0008u
#define REG_LINKS     0x0010u /* bit 30: link up; bits 29:28 speed */
#define REG_LINKS_UP  (1u << 30)
#define REG_EICR      0x0100u /* causes, cleared by reading */
#define REG_EICS      0x0104u
#define REG_EIMS      0x0108u
#define REG_EIMC      0x010cu
#define REG_IVAR(i)   (0x0120u + 4u * (i)) /* queues 2i and 2i+1: rx, tx; bit 7 valid */
#define REG_IVAR_MISC 0x0140u              /* mailbox */
#define REG_MBMEM     0x0200u              /* 16 words */
#define REG_MAILBOX   0x02fcu
#define REG_EITR(v)   (0x0820u + 4u * (v)) /* bits 11:3: interval in units of 2 us */
#define REG_RX(q)     (0x1000u + 0x40u * (q))
#define REG_TX(q)     (0x2000u + 0x40u * (q))
/* from REG_RX / REG_TX */
#define REG_RING_LOW   0x00u
#define REG_RING_HIGH  0x04u
#define REG_RING_BYTES 0x08u
#define REG_RING_HEAD  0x10u /* read only */
#define REG_SRRCTL                                                                                 \
        0x14u /* receive: bits 4:0 buffer size in KiB, bit 28 drop without descriptors             \
               */
#define REG_SRRCTL_DROP  (1u << 28)
#define REG_RING_TAIL    0x18u
#define REG_RING_CTRL    0x28u /* bit 25: enable; reads 1 once it is */
#define REG_RING_ENABLE  (1u << 25)
#define REG_HEAD_WB_LOW  0x38u /* transmit: bit 0 enable head write-back */
#define REG_HEAD_WB_HIGH 0x3cu
#define REG_RSS_KEY(i)   (0x3100u + 4u * (i)) /* 10 words */
#define REG_RSS_TABLE(i) (0x3200u + 4u * (i)) /* 32 words of 4 entries */
#define REG_RSS_CTRL     0x3300u              /* bit 0 enable */
