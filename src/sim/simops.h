/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated machine behind the seam (backend/backend.h). The backend pointer is a struct
 * machine, not locked. */
#pragma once

#include "backend/backend.h"
#include "sim/machine.h"

extern const struct backend_ops sim_backend_ops;
