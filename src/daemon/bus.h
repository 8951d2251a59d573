/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection to the message bus, the table of methods, and what is emitted. Loop thread.
 *
 * Objects exist on the bus by lookup in the state (sd_bus_add_fallback_vtable and a node
 * enumerator), never by being registered one by one.
 */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/jobs.h"
#include "model/state.h"

#define BUS_NAME "org.sriovd1"

struct bus;
struct daemon;
struct lease;

/* address: NULL for the system bus. Connects and adds the objects; nobody knows us before
 * bus_take_name(). */
int bus_new(struct daemon *daemon, const char *address, struct bus **ret);
void bus_free(struct bus *bus);
DEFINE_CLEANUP(struct bus *, bus_free)

/* Asks for the name; daemon_on_name() follows when we have it. */
int bus_take_name(struct bus *bus);

/* Emits exactly these changes, in order: InterfacesAdded, InterfacesRemoved, PropertiesChanged. */
void bus_emit(struct bus *bus, const struct changes *changes);

/* Manager.Backend and Manager.BackendConnected changed. */
void bus_emit_backend(struct bus *bus);

/* Something of the configuration: the Manager's properties, or a PF's. */
void bus_emit_config(struct bus *bus);
void bus_emit_pf_config(struct bus *bus, const struct dev_id *pf);

void bus_lease_added(struct bus *bus, const struct lease *lease);
void bus_lease_changed(struct bus *bus, const struct lease *lease);
void bus_lease_removed(struct bus *bus, const struct lease *lease);

/* Asks the bus whether the connections that have leases are still there. */
void bus_lease_check_owners(struct bus *bus);

void bus_job_added(struct bus *bus, const struct job_view *job);
void bus_job_changed(struct bus *bus, const struct job_view *job);
void bus_job_removed(struct bus *bus, const struct job_view *job, const struct fault *f);
