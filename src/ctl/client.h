/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection to sriovd by way of a message bus. Loop thread. */
#pragma once

#include <systemd/sd-bus.h>

#include "ctl/args.h"
#include "ctl/failure.h"
#include "ctl/fields.h"

#define BUS_NAME       "org.sriovd1"
#define BUS_ROOT       "/org/sriovd1"
#define BUS_PROPERTIES "org.freedesktop.DBus.Properties"
#define BUS_OBJECTS    "org.freedesktop.DBus.ObjectManager"

/*
 * Connects as --bus or --host say, by default to the system bus (sd-bus honours
 * DBUS_SYSTEM_BUS_ADDRESS).
 */
int client_open(const struct args *args, sd_bus **ret, struct failure *f);

/* One call that reads, with sd-bus's usual timeout. types and arguments as in sd_bus_call_method().
 */
int client_call(sd_bus *bus, const char *path, const char *interface, const char *member,
        sd_bus_message **ret_reply, struct failure *f, const char *types, ...);

/* All properties of one object, into an object that object_init() has made empty. */
int client_read(
        sd_bus *bus, enum object_kind kind, const char *path, void *object, struct failure *f);

/* The path of what a name means, and whether it is a PF or a VF. */
int client_find(sd_bus *bus, const char *name, char ret_path[static PATH_SIZE],
        enum object_kind *ret_kind, struct failure *f);

/* GetHolders of one VF, or of a PF and all its VFs; *ret is the caller's. */
int client_holders(
        sd_bus *bus, const char *path, struct holder **ret, size_t *ret_n, struct failure *f);

/* What an object's path says of it. OBJECT_MAX for a path that is none of ours. */
enum object_kind path_kind(const char *path);

/* "/org/sriovd1/pf/pci_0000_3b_00_0/vf/3" to "0000:3b:00.0"; "" for other paths. */
void path_address(const char *path, char buf[static BDF_STR_MAX]);

/* The number at the end: of a VF, group or job. */
uint32_t path_number(const char *path);
