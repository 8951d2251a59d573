/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Object paths <-> device ids, group and job numbers. Pure; loop thread by use. */
#include <stdio.h>

#include "daemon/bus_path.h"

/* What '_' stands for in pci_0000_3b_00_0, from the left. */
static const char marks[] = "/::.";

void bus_path_of_device(char buf[static BUS_PATH_MAX], const struct dev_id *pf, uint32_t vf)
{
        char id[DEV_ID_MAX];

        memcpy(id, pf->str, sizeof(id));
        for (char *p = id; (p = strpbrk(p, marks));)
                *p = '_';
        if (vf == NO_VF)
                snprintf(buf, BUS_PATH_MAX, BUS_PF "/%s", id);
        else
                snprintf(buf, BUS_PATH_MAX, BUS_PF "/%s/vf/%u", id, vf);
}

void bus_path_of_number(char buf[static BUS_PATH_MAX], const char *prefix, uint32_t number)
{
        snprintf(buf, BUS_PATH_MAX, "%s/%u", prefix, number);
}

static int decode_id(const char *from, size_t n, struct dev_id *ret)
{
        struct dev_id id = {0};
        size_t mark = 0;

        if (n >= sizeof(id.str))
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                if (from[i] == '_' && mark == sizeof(marks) - 1)
                        return -EINVAL;
                id.str[i] = from[i] == '_' ? marks[mark++] : from[i];
        }
        if (!dev_id_valid(&id))
                return -EINVAL;
        *ret = id;
        return 0;
}

int bus_path_to_device(const char *path, struct dev_id *ret_pf, uint32_t *ret_vf)
{
        uint32_t vf = NO_VF;
        struct dev_id pf;
        size_t n;

        if (!startswith(path, BUS_PF "/"))
                return -EINVAL;
        path += sizeof(BUS_PF);
        n = strcspn(path, "/");
        if (decode_id(path, n, &pf) < 0)
                return -EINVAL;
        path += n;
        if (path[0] && (!startswith(path, "/vf/") || parse_u32(path + 4, 0, VFS_MAX, &vf) < 0))
                return -EINVAL;
        *ret_pf = pf;
        *ret_vf = vf;
        return 0;
}

int bus_path_to_number(const char *path, const char *prefix, uint32_t *ret)
{
        size_t n = strlen(prefix);

        if (!startswith(path, prefix) || path[n] != '/' ||
                parse_u32(path + n + 1, 0, UINT32_MAX, ret) < 0)
                return -EINVAL;
        return 0;
}

void bus_path_of_lease(char buf[static BUS_PATH_MAX], uint64_t id)
{
        snprintf(buf, BUS_PATH_MAX, BUS_LEASE "/%llu", (unsigned long long) id);
}

int bus_path_to_lease(const char *path, uint64_t *ret)
{
        char same[BUS_PATH_MAX];
        uint64_t id;

        if (!startswith(path, BUS_LEASE "/") || parse_u64(path + sizeof(BUS_LEASE), &id) < 0)
                return -EINVAL;
        bus_path_of_lease(same, id);
        if (!streq(same, path))
                return -EINVAL;
        *ret = id;
        return 0;
}
