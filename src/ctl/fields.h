/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The properties of the daemon's objects: one table that decodes them from a message and prints
 * them as JSON or text. A new property is a new row. Loop thread.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "config/json.h"
#include "model/facts.h"

#define PATH_SIZE  96
#define WORDS_SIZE 160

enum object_kind {
        OBJECT_MANAGER,
        OBJECT_PF,
        OBJECT_VF,
        OBJECT_GROUP,
        OBJECT_JOB,
        OBJECT_LEASE,
        OBJECT_MAX
};

struct capability {
        char name[WORD_MAX], value[WORD_MAX];
};

/* Owned strings; on the bus as. */
struct texts {
        char **list;
        size_t n;
};

struct view_manager {
        char version[WORD_MAX];
        char backend[NAME_MAX_TEXT];
        bool backend_connected;
        char config_state[WORD_MAX];
        char config_text[FAULT_TEXT_MAX];
        bool applied;
        struct texts absent, rivals;
        uint64_t confirm_deadline; /* CLOCK_BOOTTIME of the daemon's machine, 0: none */
};

/* Unknown is as in model/facts.h; lists of words are joined by blanks. */
struct view_pf {
        char path[PATH_SIZE];
        char address[BDF_STR_MAX], class[WORD_MAX], driver[DRIVER_MAX], netdevs[WORDS_SIZE];
        uint32_t pci_class;
        uint16_t vendor_id, device_id, vf_device_id;
        char vendor[NAME_MAX_TEXT], device[NAME_MAX_TEXT], serial[NAME_MAX_TEXT];
        uint32_t total_vfs, num_vfs;
        int32_t offset, stride, autoprobe, vf_total_msix, numa_node, iommu_group, mtu;
        char mac[MAC_STR_MAX], permanent_mac[MAC_STR_MAX], link_state[WORD_MAX];
        char pci_path[PCI_PATH_MAX], slot[WORD_MAX];
        bool admin_up;
        char eswitch_mode[WORD_MAX], reset_methods[WORDS_SIZE], state[WORD_MAX];
        struct capability capabilities[VF_SETTING_MAX];
        char config_state[WORD_MAX], config_source[NAME_MAX_TEXT * 2], config_text[FAULT_TEXT_MAX];
        struct texts differences;
        const struct view_vf *vfs; /* in the view */
        size_t n_vfs;
};

struct view_vf {
        char path[PATH_SIZE], pf[PATH_SIZE];
        uint32_t index;
        char address[BDF_STR_MAX], driver[DRIVER_MAX], driver_override[DRIVER_MAX];
        char netdev[NETDEV_MAX], reset_methods[WORDS_SIZE];
        int32_t iommu_group, enable;
        bool in_use, attributes_known;
        char lease_state[WORD_MAX];
        int64_t access_uid;
        struct vf_attrs attrs;
        struct holder *holders; /* owned; asked for only where in_use */
        size_t n_holders;
};

/* A bridge on the way to a group's members. */
struct view_hop {
        char address[BDF_STR_MAX], parent[BDF_STR_MAX], kind[WORD_MAX];
        int32_t acs, isolates; /* as in model/facts.h, model/group.h */
};

struct view_group {
        char path[PATH_SIZE];
        uint32_t id;
        char type[WORD_MAX], verdict[WORD_MAX], reason[FAULT_TEXT_MAX], advice[FAULT_TEXT_MAX];
        char breaks_at[BDF_STR_MAX];
        struct group_device *devices; /* owned */
        size_t n_devices;
        struct texts above; /* the bridge above each of them */
        struct texts in_the_way;
        struct view_hop *hops; /* owned */
        size_t n_hops;
        struct reserved_region reserved[RESERVED_MAX];
        size_t n_reserved;
};

struct view_job {
        char path[PATH_SIZE], pf[PATH_SIZE];
        uint32_t id;
        char kind[WORD_MAX], description[NAME_MAX_TEXT], client[64], state[WORD_MAX], step[256];
        uint64_t started_usec;
        uint32_t done, total;
};

struct view_lease {
        char path[PATH_SIZE], pf[PATH_SIZE];
        uint64_t id;
        uint32_t vf, uid;
        char owner[NAME_MAX_TEXT], label[NAME_MAX_TEXT], state[WORD_MAX], why[FAULT_TEXT_MAX];
        uint64_t since_usec;
};

struct field;

struct object_info {
        const char *interface; /* org.sriovd1.PhysicalFunction */
        const char *word;      /* "pf" */
        size_t size;           /* of its struct */
        const struct field *fields;
        size_t n_fields;
};

extern const struct object_info object_table[OBJECT_MAX];

/* OBJECT_MAX for an interface that is none of ours. */
enum object_kind object_kind_of(const char *interface);

/* Empty: every number unknown. path: NULL for none (the manager). -ENAMETOOLONG. */
int object_init(enum object_kind kind, void *object, const char *path);
void object_done(enum object_kind kind, void *object);

/* The manager has no unknown numbers and no path: zeros are its beginning. */
static inline void manager_done(struct view_manager *m)
{
        object_done(OBJECT_MANAGER, m);
}

/*
 * Reads an a{sv} into the object. *ret_seen (may be NULL): which rows of the table were there.
 * What the table does not know is skipped; a known property of another type is -EBADMSG.
 */
int object_decode(enum object_kind kind, void *object, sd_bus_message *m, uint64_t *ret_seen);

/*
 * Reads an a{sa{sv}}, the interfaces of an object. fn is called for each of ours and reads the
 * a{sv} behind it; its negative result ends it.
 */
typedef int (*interface_fn)(
        void *userdata, enum object_kind kind, const char *path, sd_bus_message *m);
int interfaces_decode(sd_bus_message *m, const char *path, interface_fn fn, void *userdata);

/* Does the row have a value, as opposed to unknown. */
bool field_known(enum object_kind kind, const void *object, size_t row);

/* The row's JSON key; NULL for rows that are not shown as they are. */
const char *field_key(enum object_kind kind, size_t row);

/* The row as text, not escaped; "" when unknown. */
void field_text(enum object_kind kind, const void *object, size_t row, char *buf, size_t size);

/* Puts the known rows of mask into the open JSON object. */
void object_json(struct json_writer *w, enum object_kind kind, const void *object, uint64_t mask);
#define ALL_FIELDS   UINT64_MAX
#define FIELD_BIT(i) (UINT64_C(1) << (i))

/* The row as a list of texts; NULL when it is none. */
const struct texts *field_texts(enum object_kind kind, const void *object, size_t row);

/* Reads the reply of GetHolders; *ret is the caller's. */
int holders_decode(sd_bus_message *m, bool of_pf, struct holder **ret, size_t *ret_n);
