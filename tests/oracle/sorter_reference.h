/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sorter once more: slow, obvious, and from the text of its rules alone, as a table of rules
 * over the bytes of a frame. It shares the configuration's structures with src/sim/nic/sorter.h and
 * no code. What the real one answers is compared with this. One thread.
 */
#pragma once

#include "sim/nic/sorter.h"

struct reference_answer {
        /* what the sender may: DROP_NONE from the wire */
        enum drop_reason sender;
        uint32_t tag; /* inserted: TPID << 16 | TCI; 0: none */
        /* and where the frame goes then, whatever `sender` says (with the tag only if it may) */
        enum drop_reason reason;
        bool wire, mirrored;
        uint32_t n;
        bool pools[POOLS_MAX];
};

/* Leaves no rule out. */
#define REFERENCE_ALL UINT32_MAX

/*
 * n bytes of frame from FROM_WIRE or a pool. `without`: one rule is left out, to see whether it
 * matters for this frame.
 */
void reference_sort(const struct sorter_config *config, uint32_t from, const uint8_t *bytes,
        uint32_t n, uint32_t without, struct reference_answer *ret);

uint32_t reference_n_rules(void);
const char *reference_rule_name(uint32_t rule);
