/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes through the PF's uplink netdev: one setting of one VF, the MTU, link up. Worker
 * threads. Success means that it was read back; what the driver does not report at all (absent, or
 * the list wrapped) is believed on the kernel's word.
 *
 * pf_fd: the PF's sysfs directory; name: its address, for texts.
 */
#pragma once

#include "host/sysfs.h"

int vfset_apply(int pf_fd, const char *name, const struct step *step, struct fault *f);
int vfset_mtu(int pf_fd, const char *name, uint32_t mtu, struct fault *f);
int vfset_link_up(int pf_fd, const char *name, struct fault *f);
