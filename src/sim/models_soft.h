/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between models.c and models_soft.c: the two models without hardware. One thread. */
#pragma once

#include "sim/models.h"

int model_emulated(uint32_t size, uint32_t frames, struct model_cost *ret);
int model_paravirtual(uint32_t size, uint32_t frames, struct model_cost *ret);
