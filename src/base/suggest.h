/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "did you mean ...?": the nearest of a list of words. Pure, any thread. */
#pragma once

#include "base/util.h"

/*
 * The word nearest to what was typed, by edits (insert, delete, replace, swap neighbours); NULL
 * when none is near enough to be meant. words ends with NULL. The first of equals wins.
 */
const char *suggest(const char *typed, const char *const *words);

/* Edits between two words; words longer than 63 bytes are infinitely far from all others. */
unsigned edit_distance(const char *a, const char *b);
