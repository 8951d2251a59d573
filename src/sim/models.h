/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ways a guest's frame can take to another guest, side by side: what each costs per frame. Real
 * bytes are copied and real rings are read in all of them; nothing is charged that was not done. An
 * exit to the hypervisor is counted and not timed: what it costs is the processor's, and there is
 * none to leave here. `sriov-sim bench --models` prints it. One thread.
 */
#pragma once

#include "base/util.h"

enum io_model {
        MODEL_EMULATED, /* registers of a card in software: a trap per access, the hypervisor copies
                         */
        MODEL_PARAVIRTUAL, /* a ring shared with the host, whose switch copies from guest to guest
                            */
        MODEL_PASSTHROUGH, /* each guest has a whole card; frames go by the wire between them */
        MODEL_SRIOV,       /* each guest has a VF of one card, which switches */
        MODEL_NATIVE,      /* the host itself with the PFs, no guest and no IOMMU; by the wire */
        MODEL_MAX
};
const char *io_model_name(enum io_model model);
const char *io_model_about(enum io_model model);

/* Per frame. */
struct model_cost {
        double copies;       /* of the frame's bytes, the sender's own into its memory included */
        double translations; /* of guest addresses: by the IOMMU, or in software */
        double exits;        /* register accesses and notifications that leave the guest */
        double classifications; /* somebody decides by MAC and VLAN where it goes */
        double interrupts;
        double ns; /* without what exits cost */
};

/* Sends `frames` frames of `size` bytes (60 to 1514). -ENOMEM. */
int io_model_run(enum io_model model, uint32_t size, uint32_t frames, struct model_cost *ret);

/* ns of a clock that only goes forward. */
uint64_t model_clock(void);
