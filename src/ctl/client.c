/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connecting, calling, and the shape of object paths. Loop thread. */
#include <stdarg.h>
#include <stdio.h>

#include "ctl/client.h"

#define PF_PATHS    BUS_ROOT "/pf/"
#define GROUP_PATHS BUS_ROOT "/group/"
#define JOB_PATHS   BUS_ROOT "/job/"
#define LEASE_PATHS BUS_ROOT "/lease/"

static int open_address(const char *address, sd_bus **ret)
{
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, address);
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, true);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

int client_open(const struct args *args, sd_bus **ret, struct failure *f)
{
        const char *where = "the system bus", *name;
        int r;

        if (args_has(args, OPTION_BUS)) {
                where = args->value[OPTION_BUS];
                r = open_address(where, ret);
        } else if (args_has(args, OPTION_HOST)) {
                where = args->value[OPTION_HOST];
                r = sd_bus_open_system_remote(ret, where);
        } else
                r = sd_bus_open_system(ret);
        /* Connecting goes on in the background; the bus's first answer says that it went well. */
        if (r >= 0)
                r = sd_bus_get_unique_name(*ret, &name);
        if (r < 0)
                return failure_no_daemon(f, r, "can not reach %s: %s", where, strerror(-r));
        return 0;
}

int client_call(sd_bus *bus, const char *path, const char *interface, const char *member,
        sd_bus_message **ret_reply, struct failure *f, const char *types, ...)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list ap;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, BUS_NAME, path, interface, member);
        if (r >= 0 && types) {
                va_start(ap, types);
                r = sd_bus_message_appendv(m, types, ap);
                va_end(ap);
        }
        if (r < 0)
                return failure_of_errno(f, r, "make a message");
        r = sd_bus_call(bus, m, 0, &error, ret_reply);
        return r < 0 ? failure_of_bus(f, &error, r) : 0;
}

int client_read(
        sd_bus *bus, enum object_kind kind, const char *path, void *object, struct failure *f)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = client_call(
                bus, path, BUS_PROPERTIES, "GetAll", &reply, f, "s", object_table[kind].interface);
        if (r < 0)
                return r;
        r = object_decode(kind, object, reply, NULL);
        return r < 0 ? failure_of_errno(f, r, "read an object") : 0;
}

int client_find(sd_bus *bus, const char *name, char ret_path[static PATH_SIZE],
        enum object_kind *ret_kind, struct failure *f)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;
        int r;

        r = client_call(bus, BUS_ROOT, object_table[OBJECT_MANAGER].interface, "Find", &reply, f,
                "s", name);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "o", &path);
        if (r >= 0)
                r = path_kind(path) == OBJECT_PF || path_kind(path) == OBJECT_VF
                            ? str_copy(ret_path, PATH_SIZE, path)
                            : -EBADMSG;
        if (r < 0)
                return failure_of_errno(f, r, "find a device");
        *ret_kind = path_kind(path);
        return 0;
}

int client_holders(
        sd_bus *bus, const char *path, struct holder **ret, size_t *ret_n, struct failure *f)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        enum object_kind kind = path_kind(path);
        int r;

        r = client_call(bus, path, object_table[kind].interface, "GetHolders", &reply, f, NULL);
        if (r < 0)
                return r;
        r = holders_decode(reply, kind == OBJECT_PF, ret, ret_n);
        return r < 0 ? failure_of_errno(f, r, "read who holds a VF") : 0;
}

enum object_kind path_kind(const char *path)
{
        if (streq(path, BUS_ROOT))
                return OBJECT_MANAGER;
        if (startswith(path, PF_PATHS))
                return strstr(path, "/vf/") ? OBJECT_VF : OBJECT_PF;
        if (startswith(path, GROUP_PATHS))
                return OBJECT_GROUP;
        if (startswith(path, LEASE_PATHS))
                return OBJECT_LEASE;
        return startswith(path, JOB_PATHS) ? OBJECT_JOB : OBJECT_MAX;
}

void path_address(const char *path, char buf[static BDF_STR_MAX])
{
        const char *s = path + strlen(PF_PATHS "pci_");
        size_t n;

        buf[0] = '\0';
        if (!startswith(path, PF_PATHS "pci_"))
                return;
        n = strcspn(s, "/");
        if (n >= BDF_STR_MAX || n < strlen("0000_3b_00_0"))
                return;
        memcpy(buf, s, n);
        buf[n] = '\0';
        for (size_t i = 0; i < n; i++)
                if (buf[i] == '_')
                        buf[i] = i == n - 2 ? '.' : ':';
}

uint32_t path_number(const char *path)
{
        const char *slash = strrchr(path, '/');
        uint32_t n;

        return slash && parse_u32(slash + 1, 0, UINT32_MAX, &n) == 0 ? n : UINT32_MAX;
}
