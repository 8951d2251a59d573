/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random wishes that a configuration can say, for tests of what is written down. One thread. */
#pragma once

#include "config/config.h"

#define RANDOM_WISH_PF "pci/0000:3b:00.0"

/* Below n; the seed moves on. */
uint32_t pick(uint64_t *seed, uint32_t n);

void random_wish(uint64_t *seed, struct desired *ret);

/* Asserts it. */
void same_wish(const struct desired *a, const struct desired *b);
