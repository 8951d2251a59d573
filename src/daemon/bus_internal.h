/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files bus*.c share, and nobody else includes. Loop thread. */
#pragma once

#include "daemon/authz.h"
#include "daemon/bus.h"
#include "daemon/bus_path.h"
#include "daemon/bus_table.h"
#include "daemon/daemon.h"

enum bus_kind { BUS_MANAGER, BUS_KIND_PF, BUS_KIND_VF, BUS_KIND_GROUP, BUS_KIND_JOB, BUS_KIND_MAX };

extern const struct bus_interface bus_manager, bus_pf, bus_vf, bus_group, bus_job;
extern const struct bus_interface *const bus_interfaces[BUS_KIND_MAX];

struct call;
struct reading;

struct bus {
        struct daemon *daemon;
        sd_bus *bus;
        struct authz *authz;
        sd_bus_vtable *vtables[BUS_KIND_MAX];
        struct call *calls;       /* changes that have not been replied to */
        struct reading *readings; /* questions to the backend, and their latest answers */
};

/* org.sriovd1.Error.NAME and the text. */
int bus_reply_fault(sd_bus_message *m, const struct fault *f);

/*
 * What the message's path names, as it is now. FAULT_NOT_FOUND with the range of indices, also for
 * a path that names nothing. ret_vf may be NULL when the PF is meant, or then gets NULL for a PF.
 */
int bus_find_device(struct bus *bus, const char *path, const struct pf_facts **ret_pf,
        const struct vf_facts **ret_vf, struct fault *f);

/* The PF that the path of a PF or VF names; NULL: none. *ret_vf as bus_path_to_device(). */
const struct pf_entry *bus_pf_at(const struct bus *bus, const char *path, uint32_t *ret_vf);

/* --- bus_call.c: the one dispatcher of methods ------------------------------------------------ */

int bus_on_call(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* A name has left the bus: nobody waits for its replies. */
void bus_calls_forget(struct bus *bus, const char *sender);
void bus_calls_free(struct bus *bus);

/* --- bus_reading.c: methods that ask the backend -----------------------------------------------
 */

int bus_get_holders(struct bus *bus, sd_bus_message *m, struct fault *f);
int bus_get_statistics(struct bus *bus, sd_bus_message *m, struct fault *f);
void bus_readings_free(struct bus *bus);

/* --- bus_decode.c: messages to requests ---------------------------------------------------------
 */

/* Options that a method takes besides "force"; BIT(). */
enum bus_option { BUS_OPTION_FORCE, BUS_OPTION_REPLACE, BUS_OPTION_DRIVER, BUS_OPTION_MAX };

/* Reads a{sv}. Unknown, twice, or of a wrong type: FAULT_INVALID_ARGS names it. */
int bus_decode_options(sd_bus_message *m, uint32_t allowed, struct request *r, struct fault *f);

/* Reads the a{sv} of VirtualFunction.Set, as above. */
int bus_decode_attrs(sd_bus_message *m, struct vf_attrs *attrs, struct fault *f);

/* Reads a driver's name into the request. */
int bus_decode_driver(sd_bus_message *m, struct request *r, struct fault *f);

/* FAULT_INVALID_ARGS for a message that sd-bus could not read. */
int bus_malformed(int error, struct fault *f);
