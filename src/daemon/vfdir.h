/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What udev's rules (data/75-sriovd.rules) look at when a VF's interface appears:
 * DIR/vf/ADDRESS/name and DIR/vf/ADDRESS/unmanaged, written before the VF is made, at the address
 * that it will have. Loop thread; the directory is on a tmpfs.
 */
#pragma once

#include "daemon/conf.h"

struct vfdir;

/* dir is made when it is not there; what an earlier life wrote there is removed by the first sync.
 */
int vfdir_new(const char *dir, struct vfdir **ret);
void vfdir_free(struct vfdir *v);
DEFINE_CLEANUP(struct vfdir *, vfdir_free)

/* Makes the files what conf wants of the PFs in state. Does nothing when they are so. */
void vfdir_sync(struct vfdir *v, const struct conf *conf, const struct state *state);

/*
 * Address of a VF from its PF's routing ID (PCIe SR-IOV capability, First VF Offset and VF Stride);
 * -EINVAL when the PF's offset or stride is not known.
 */
int vf_predict_address(const struct pf_facts *pf, uint32_t index, char ret[static BDF_STR_MAX]);
