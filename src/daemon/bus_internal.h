/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files bus*.c share, and nobody else includes. Loop thread. */
#pragma once

#include "daemon/authz.h"
#include "daemon/bus.h"
#include "daemon/bus_path.h"
#include "daemon/bus_table.h"
#include "daemon/daemon.h"
#include "daemon/leases.h"

#define BUS_PF_CONFIG BIT(PF_FIELD_MAX) /* behind the fields of the state */
#define BUS_VF_LEASE  BIT(VF_FIELD_MAX)

enum bus_kind {
        BUS_MANAGER,
        BUS_KIND_PF,
        BUS_KIND_VF,
        BUS_KIND_GROUP,
        BUS_KIND_JOB,
        BUS_KIND_LEASE,
        BUS_KIND_MAX
};

extern const struct bus_interface bus_manager, bus_pf, bus_vf, bus_group, bus_job, bus_lease;
extern const struct bus_interface *const bus_interfaces[BUS_KIND_MAX];

struct call;
struct lease_call;
struct reading;

struct bus {
        struct daemon *daemon;
        sd_bus *bus;
        struct authz *authz;
        sd_bus_vtable *vtables[BUS_KIND_MAX];
        struct call *calls;               /* changes that have not been replied to */
        uint64_t config_said;             /* bus_config_hash() of what was emitted last */
        struct config_call *config_calls; /* Plan, Apply, Rollback that are not replied to */
        struct lease_call *lease_calls;   /* AcquireVf and the ends of leases, not replied to */
        struct reading *readings;         /* questions to the backend, and their latest answers */
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

/* --- bus_config.c: the configuration ------------------------------------------------------------
 */

int bus_plan(struct bus *bus, sd_bus_message *m, struct fault *f);
int bus_save(struct bus *bus, sd_bus_message *m, struct fault *f);
int bus_judge_files(struct bus *bus, sd_bus_message *m, struct judgement *ret, struct fault *f);
int bus_judge_none(struct bus *bus, sd_bus_message *m, struct judgement *ret, struct fault *f);
int bus_apply(struct bus *bus, sd_bus_message *m, uint32_t uid, struct fault *f);
int bus_confirm(struct bus *bus, sd_bus_message *m, uint32_t uid, struct fault *f);
int bus_rollback(struct bus *bus, sd_bus_message *m, uint32_t uid, struct fault *f);

/* Of all that the Manager shows of it. */
uint64_t bus_config_hash(const struct bus *bus);

/* A name has left the bus. */
void bus_config_forget(struct bus *bus, const char *sender);
void bus_config_free(struct bus *bus);

/* Getters: of the Manager, then of a PF. */
BUS_GETTER_DECLARE(bus_get_conf_state);
BUS_GETTER_DECLARE(bus_get_conf_text);
BUS_GETTER_DECLARE(bus_get_applied);
BUS_GETTER_DECLARE(bus_get_absent);
BUS_GETTER_DECLARE(bus_get_deadline);
BUS_GETTER_DECLARE(bus_get_rivals);
BUS_GETTER_DECLARE(bus_get_pf_config_state);
BUS_GETTER_DECLARE(bus_get_pf_config_source);
BUS_GETTER_DECLARE(bus_get_pf_config_text);
BUS_GETTER_DECLARE(bus_get_pf_differences);

/* --- bus_lease.c: leases ------------------------------------------------------------------------
 */

int bus_judge_acquire(struct bus *bus, sd_bus_message *m, struct judgement *ret, struct fault *f);
int bus_acquire(struct bus *bus, sd_bus_message *m, uint32_t uid, struct fault *f);
int bus_judge_release(struct bus *bus, sd_bus_message *m, struct judgement *ret, struct fault *f);
int bus_release(struct bus *bus, sd_bus_message *m, uint32_t uid, struct fault *f);

/* A name has left the bus: its leases end. */
void bus_leases_forget(struct bus *bus, const char *sender);
void bus_leases_free(struct bus *bus);

/* Of a VF. */
BUS_GETTER_DECLARE(bus_get_lease_state);

/* What AcquireVf was asked for. The texts of terms are in here. */
struct lease_question {
        struct lease_selector selector;
        struct lease_terms terms; /* without uid and bus_name */
        char driver[DRIVER_MAX];
        char label[LEASE_LABEL_MAX];
        bool persistent;
};

/* Reads both dictionaries, as bus_decode_options(). The file descriptor is the message's. */
int bus_decode_lease(sd_bus_message *m, struct lease_question *ret, struct fault *f);

/* --- bus_group.c ------------------------------------------------------------------------------ */

/* PhysicalFunction.PredictVfs. */
int bus_predict_vfs(struct bus *bus, sd_bus_message *m, struct fault *f);

/* --- bus_reading.c: methods that ask the backend -----------------------------------------------
 */

int bus_get_holders(struct bus *bus, sd_bus_message *m, struct fault *f);
int bus_get_statistics(struct bus *bus, sd_bus_message *m, struct fault *f);
void bus_readings_free(struct bus *bus);

/* --- bus_decode.c: messages to requests ---------------------------------------------------------
 */

/* Options that a method takes besides "force"; BIT(). */
enum bus_option {
        BUS_OPTION_FORCE,
        BUS_OPTION_REPLACE,
        BUS_OPTION_DRIVER,
        BUS_OPTION_SHARED,
        BUS_OPTION_MAX,
};

/* Reads a{sv}. Unknown, twice, or of a wrong type: FAULT_INVALID_ARGS names it. */
int bus_decode_options(sd_bus_message *m, uint32_t allowed, struct request *r, struct fault *f);

/* Reads the a{sv} of VirtualFunction.Set, as above. */
int bus_decode_attrs(sd_bus_message *m, struct vf_attrs *attrs, struct fault *f);

/* Reads a driver's name into the request. */
int bus_decode_driver(sd_bus_message *m, struct request *r, struct fault *f);

/* The other way: an a{sv} of what is present. */
int bus_append_attrs(sd_bus_message *m, const struct vf_attrs *attrs);

/* Enters the next {sv} up to its value: 1, or 0 when there is no more. The value's signature is the
 * caller's to check. */
int bus_next_entry(sd_bus_message *m, const char **ret_key, const char **ret_type, struct fault *f);
int bus_end_entry(sd_bus_message *m, struct fault *f);
int bus_wrong_type(
        const char *what, const char *key, char expected, const char *type, struct fault *f);

/* FAULT_INVALID_ARGS for a message that sd-bus could not read. */
int bus_malformed(int error, struct fault *f);
