/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam. Above it: sriovd, which decides. Below it: sriovd-host (the kernel) and sriov-sim (the
 * simulated machine), which do, and both implement exactly this table.
 *
 * The server (server.h) calls list, observe, groups, step and holders on worker threads: several at
 * once for different PFs, and observe also while a step of the same PF has not returned. An
 * implementation therefore locks its own shared state, and never holds such a lock across a kernel
 * call that can block. event_fd and next_event are called on the loop thread and never block.
 *
 * An implementation does what a step says and reports what it saw. It has no policy.
 */
#pragma once

#include "model/step.h"

/* Which device is meant, and what it was when the plan was made: another card in the same slot is
 * refused. */
struct pf_ref {
        struct dev_id id;
        uint16_t vendor_id;
        uint16_t device_id;
};

struct backend_ops {
        const char *name; /* "host" or "sim" */

        /* Every SR-IOV-capable PF, sorted by id; the caller frees the array. */
        int (*list)(void *backend, struct dev_id **ret, size_t *ret_n, struct fault *f);

        /*
         * Reads one PF and all its VFs. Must not touch anything that can wait for a device lock
         * (never sriov_numvfs). ret is untouched on failure; -ENODEV with FAULT_GONE when the PF is
         * not there. busy_step and busy_usec are the server's to fill in.
         */
        int (*observe)(
                void *backend, const struct dev_id *pf, struct pf_facts *ret, struct fault *f);

        /* The IOMMU groups that hold a PF or VF, with all their members; the caller calls
         * groups_done(). */
        int (*groups)(void *backend, struct groups *ret, struct fault *f);

        /*
         * Runs one step. Checks the identity in ref first (FAULT_GONE when it differs). May block
         * for ever in the kernel. Success means that reading back showed the wanted value.
         */
        int (*step)(
                void *backend, const struct pf_ref *ref, const struct step *step, struct fault *f);

        /*
         * Who uses VFs of this PF, now. vf: one index, or NO_VF for all and for the PF itself.
         * Never blocks on a device lock. The caller frees the array.
         */
        int (*holders)(void *backend, const struct dev_id *pf, uint32_t vf, struct holder **ret,
                size_t *ret_n, struct fault *f);

        /* Readable when next_event() has something to say. */
        int (*event_fd)(void *backend);

        /*
         * 1: "look at *ret_pf again" (an empty id: look at everything, list again); 0: nothing now;
         * negative: the source is broken. Events carry no facts.
         */
        int (*next_event)(void *backend, struct dev_id *ret_pf);
};
