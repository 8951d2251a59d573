/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a backend listens. Any thread. */
#include "backend/address.h"

int backend_address_parse(const char *address, struct sockaddr_un *ret)
{
        struct sockaddr_un sa = {.sun_family = AF_UNIX};
        int r;

        if (startswith(address, "unix:path="))
                address += strlen("unix:path=");
        else if (startswith(address, "unix:"))
                address += strlen("unix:");
        if (address[0] != '/')
                return -EINVAL;
        r = str_copy(sa.sun_path, sizeof(sa.sun_path), address);
        if (r < 0)
                return r;
        *ret = sa;
        return 0;
}
