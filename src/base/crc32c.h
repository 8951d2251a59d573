/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC32C (Castagnoli, RFC 3720 appendix B.4): what records on disk are checked with. Any thread. */
#pragma once

#include "base/util.h"

/* crc: 0, or the result for the bytes before. */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);
