/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults to inject, written as one line: KIND [KEY=VALUE]...
 *
 *   delay   step=set_numvfs ms=5000          the operation takes longer
 *   errno   step=set_vf vf=3 error=EBUSY     it fails
 *   partial count=3                          set_numvfs: so many VFs come, and the write succeeds
 *   hang    step=reset                       it waits until the fault is released
 *   ignore  step=set_vf attr=vlan            it succeeds and changes nothing
 *   omit    vf=3                             the driver leaves this VF out of its answer
 *   vanish  step=bind                        the device goes away just before
 *   mailbox                                  the PF's driver answers no VF's mailbox
 *   dma     vf=3 count=10                    that VF's guest sends so many wild addresses, at once
 *
 * step= is a step of the plan or "observe"; without it any step. vf= limits to one VF. nth=N: from
 * the Nth matching operation on (1). times=M: for M operations (1; 0: for ever; omit: 0).
 * The same line works in a topology file, on the bus and on the command line. Pure, any thread.
 */
#pragma once

#include "model/step.h"

enum sim_fault_kind {
        SIM_FAULT_DELAY,
        SIM_FAULT_ERRNO,
        SIM_FAULT_PARTIAL,
        SIM_FAULT_HANG,
        SIM_FAULT_IGNORE,
        SIM_FAULT_OMIT,
        SIM_FAULT_VANISH,
        SIM_FAULT_MAILBOX, /* strikes no operation: it lasts until it is released */
        SIM_FAULT_DMA,     /* strikes no operation: it is over at once */
        SIM_FAULT_KIND_MAX
};

/* What a fault waits for: a kind of step, a reading, or any step. */
#define SIM_OP_OBSERVE  ((uint32_t) STEP_MAX)
#define SIM_OP_ANY_STEP ((uint32_t) STEP_MAX + 1)

#define SIM_FAULT_TEXT_MAX 160

struct sim_fault {
        uint32_t id; /* given by the machine */
        enum sim_fault_kind kind;
        uint32_t op;
        uint32_t vf; /* NO_VF: any */
        uint32_t nth, times;
        uint32_t ms, count;
        int error;
        enum vf_attr attr; /* VF_ATTR_MAX: any */
        uint32_t seen;     /* matching operations so far */
        char text[SIM_FAULT_TEXT_MAX];
};

/* Reads such a line. FAULT_INVALID_ARGS says which word is wrong and what was expected. */
int sim_fault_parse(const char *text, struct sim_fault *ret, struct fault *f);

/*
 * Counts an operation; whether the fault strikes at this one. vf: NO_VF for one on the PF; attrs:
 * what a set_vf carries (else NULL).
 */
bool sim_fault_strikes(
        struct sim_fault *fault, uint32_t op, uint32_t vf, const struct vf_attrs *attrs);
