/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KEY=VALUE of VF attributes: from words, and into messages. Loop thread. */
#pragma once

#include <systemd/sd-bus.h>

#include "model/attrs.h"

/* One KEY=VALUE; the daemon judges again. FAULT_INVALID_ARGS. */
int pair_parse(const char *pair, struct vf_attrs *a, struct fault *f);

/* The attributes as an a{sv} of VirtualFunction.Set. */
int pairs_append(sd_bus_message *m, const struct vf_attrs *a);
