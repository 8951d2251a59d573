/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a backend listens, for both ends. Any thread. */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include "base/util.h"

/*
 * From "unix:PATH", "unix:path=PATH" (no %-escapes) or a plain absolute path. -EINVAL when it is
 * none of these, -ENAMETOOLONG when the kernel can not take it.
 */
int backend_address_parse(const char *address, struct sockaddr_un *ret);
