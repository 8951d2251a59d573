/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame as people write it on a command line: the bytes in hexadecimal, a frame of a capture file
 * (@FILE or @FILE:NUMBER, from 1), or KEY=VALUE words:
 *
 *   dst=MAC src=MAC       of the header; dst defaults to broadcast
 *   vlan=VID[:QOS]        a tag; again: another one inside it. svlan= a service tag (802.1ad)
 *   type=HEX              the Ethertype, 88b5 (local experiments) by default
 *   text=TEXT | hex=HEX   the payload
 *   size=BYTES            filled up with zeros to so many bytes, without FCS; 60 by default
 *
 * Reads files; any thread.
 */
#pragma once

#include "base/fault.h"
#include "sim/nic/frame.h"

struct frame_text {
        uint8_t bytes[FRAME_MAX];
        uint32_t length;
};

/* default_src: for a frame without src=. Refusals name the word and what was expected. */
int frame_from_words(char *const words[], size_t n, const struct mac *default_src,
        struct frame_text *ret, struct fault *f);
