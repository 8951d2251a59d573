/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of properties, and what each kind of value needs. Loop thread. */
#include <stdio.h>

#include "ctl/decode.h"
#include "ctl/fields.h"

struct field {
        const char *property; /* on the bus */
        const char *key;      /* in JSON; NULL: not shown as it is */
        const struct value_kind *kind;
        size_t offset, size;
};

#define ROW(type, property, key, kind, member)                                                     \
        {                                                                                          \
                property, key, &kind, offsetof(struct type, member),                               \
                        sizeof(((struct type *) NULL)->member)                                     \
        }

static const struct field manager_fields[] = {
        ROW(view_manager, "Version", "version", value_text, version),
        ROW(view_manager, "Backend", "backend", value_text, backend),
        ROW(view_manager, "BackendConnected", "backend_connected", value_bool, backend_connected),
        ROW(view_manager, "ConfigState", "config_state", value_text, config_state),
        ROW(view_manager, "ConfigText", "config_text", value_text, config_text),
        ROW(view_manager, "Applied", "applied", value_bool, applied),
        ROW(view_manager, "Absent", "absent", value_texts, absent),
        ROW(view_manager, "ConfirmDeadline", "confirm_deadline", value_moment, confirm_deadline),
        ROW(view_manager, "Rivals", "rivals", value_texts, rivals),
};

static const struct field pf_fields[] = {
        ROW(view_pf, "Address", "address", value_text, address),
        ROW(view_pf, "Netdevs", "netdevs", value_words, netdevs),
        ROW(view_pf, "Driver", "driver", value_text, driver),
        ROW(view_pf, "Class", "class", value_text, class),
        ROW(view_pf, "PciClass", "pci_class", value_class, pci_class),
        ROW(view_pf, "Vendor", "vendor", value_text, vendor),
        ROW(view_pf, "Device", "device", value_text, device),
        ROW(view_pf, "VendorId", "vendor_id", value_hex16, vendor_id),
        ROW(view_pf, "DeviceId", "device_id", value_hex16, device_id),
        ROW(view_pf, "Serial", "serial", value_text, serial),
        ROW(view_pf, "TotalVfs", "total_vfs", value_u32, total_vfs),
        ROW(view_pf, "NumVfs", "num_vfs", value_u32, num_vfs),
        ROW(view_pf, "Offset", "offset", value_i32, offset),
        ROW(view_pf, "Stride", "stride", value_i32, stride),
        ROW(view_pf, "VfDeviceId", "vf_device_id", value_hex16, vf_device_id),
        ROW(view_pf, "Autoprobe", "autoprobe", value_switch, autoprobe),
        ROW(view_pf, "VfTotalMsix", "vf_total_msix", value_i32, vf_total_msix),
        ROW(view_pf, "NumaNode", "numa_node", value_i32, numa_node),
        ROW(view_pf, "IommuGroup", "iommu_group", value_i32, iommu_group),
        ROW(view_pf, "Path", "path", value_text, pci_path),
        ROW(view_pf, "Slot", "slot", value_text, slot),
        ROW(view_pf, "Mtu", "mtu", value_i32, mtu),
        ROW(view_pf, "Mac", "mac", value_text, mac),
        ROW(view_pf, "PermanentMac", "permanent_mac", value_text, permanent_mac),
        ROW(view_pf, "LinkState", "link_state", value_text, link_state),
        ROW(view_pf, "AdminUp", "admin_up", value_bool, admin_up),
        ROW(view_pf, "EswitchMode", "eswitch_mode", value_text, eswitch_mode),
        ROW(view_pf, "ResetMethods", "reset_methods", value_words, reset_methods),
        ROW(view_pf, "Capabilities", "capabilities", value_capabilities, capabilities),
        ROW(view_pf, "State", "state", value_text, state),
        ROW(view_pf, "ConfigState", "config_state", value_text, config_state),
        ROW(view_pf, "ConfigSource", "config_source", value_text, config_source),
        ROW(view_pf, "ConfigText", "config_text", value_text, config_text),
        ROW(view_pf, "Differences", "differences", value_texts, differences),
};

static const struct field vf_fields[] = {
        ROW(view_vf, "Pf", NULL, value_path, pf),
        ROW(view_vf, "Index", "index", value_u32, index),
        ROW(view_vf, "Address", "address", value_text, address),
        ROW(view_vf, "Driver", "driver", value_text, driver),
        ROW(view_vf, "DriverOverride", "driver_override", value_text, driver_override),
        ROW(view_vf, "Netdev", "netdev", value_text, netdev),
        ROW(view_vf, "IommuGroup", "iommu_group", value_i32, iommu_group),
        ROW(view_vf, "Attributes", "attributes", value_attrs, attrs),
        ROW(view_vf, "ResetMethods", "reset_methods", value_words, reset_methods),
        ROW(view_vf, "Enable", "enable", value_i32, enable),
        ROW(view_vf, "InUse", "in_use", value_bool, in_use),
        ROW(view_vf, "AttributesKnown", "attributes_known", value_bool, attributes_known),
        ROW(view_vf, "LeaseState", "lease_state", value_text, lease_state),
        ROW(view_vf, "AccessUid", "access_uid", value_uid, access_uid),
};

static const struct field group_fields[] = {
        ROW(view_group, "Id", "id", value_u32, id),
        ROW(view_group, "Type", "type", value_text, type),
        ROW(view_group, "Verdict", "verdict", value_text, verdict),
        ROW(view_group, "Reason", "reason", value_text, reason),
        ROW(view_group, "Advice", "advice", value_text, advice),
        ROW(view_group, "Devices", "devices", value_devices, devices),
        ROW(view_group, "Above", NULL, value_texts, above),
        ROW(view_group, "InTheWay", "in_the_way", value_texts, in_the_way),
        ROW(view_group, "BreaksAt", "breaks_at", value_text, breaks_at),
        ROW(view_group, "Path", "path", value_hops, hops),
        ROW(view_group, "Reserved", "reserved", value_reserved, reserved),
};

static const struct field job_fields[] = {
        ROW(view_job, "Id", "id", value_u32, id),
        ROW(view_job, "Kind", "kind", value_text, kind),
        ROW(view_job, "Description", "description", value_text, description),
        ROW(view_job, "Pf", NULL, value_path, pf),
        ROW(view_job, "Client", "client", value_text, client),
        ROW(view_job, "StartedUSec", "started_usec", value_u64, started_usec),
        ROW(view_job, "State", "state", value_text, state),
        ROW(view_job, "Step", "step", value_text, step),
        ROW(view_job, "Done", "done", value_u32, done),
        ROW(view_job, "Total", "total", value_u32, total),
};

static const struct field lease_fields[] = {
        ROW(view_lease, "Id", "id", value_u64, id),
        ROW(view_lease, "Pf", NULL, value_path, pf),
        ROW(view_lease, "Vf", "vf", value_u32, vf),
        ROW(view_lease, "State", "state", value_text, state),
        ROW(view_lease, "Owner", "owner", value_text, owner),
        ROW(view_lease, "Uid", "uid", value_u32, uid),
        ROW(view_lease, "Label", "label", value_text, label),
        ROW(view_lease, "SinceUSec", "since_usec", value_u64, since_usec),
        ROW(view_lease, "Why", "why", value_text, why),
};

#define OBJECT(interface, word, type, fields)                                                      \
        {                                                                                          \
                interface, word, sizeof(struct type), fields, ELEMENTSOF(fields)                   \
        }

const struct object_info object_table[OBJECT_MAX] = {
        [OBJECT_MANAGER] = OBJECT("org.sriovd1.Manager", "daemon", view_manager, manager_fields),
        [OBJECT_PF] = OBJECT("org.sriovd1.PhysicalFunction", "pf", view_pf, pf_fields),
        [OBJECT_VF] = OBJECT("org.sriovd1.VirtualFunction", "vf", view_vf, vf_fields),
        [OBJECT_GROUP] = OBJECT("org.sriovd1.IommuGroup", "group", view_group, group_fields),
        [OBJECT_JOB] = OBJECT("org.sriovd1.Job", "job", view_job, job_fields),
        [OBJECT_LEASE] = OBJECT("org.sriovd1.Lease", "lease", view_lease, lease_fields),
};

_Static_assert(ELEMENTSOF(pf_fields) <= 64, "rows are bits of a uint64_t");

enum object_kind object_kind_of(const char *interface)
{
        enum object_kind kind = 0;

        while (kind < OBJECT_MAX && !streq(object_table[kind].interface, interface))
                kind++;
        return kind;
}

static void *at(const struct field *f, const void *object)
{
        return (char *) object + f->offset;
}

int object_init(enum object_kind kind, void *object, const char *path)
{
        const struct object_info *info = &object_table[kind];

        memset(object, 0, info->size);
        for (size_t i = 0; i < info->n_fields; i++)
                if (info->fields[i].kind->starts_unknown)
                        *(int32_t *) at(&info->fields[i], object) = -1;
        /* Every kind of object but the manager begins with its path. */
        return path ? str_copy(object, PATH_SIZE, path) : 0;
}

void object_done(enum object_kind kind, void *object)
{
        const struct object_info *info = kind < OBJECT_MAX ? &object_table[kind] : NULL;

        for (size_t i = 0; info && i < info->n_fields; i++)
                if (info->fields[i].kind == &value_texts)
                        texts_done(at(&info->fields[i], object));
        if (kind == OBJECT_VF)
                free(((struct view_vf *) object)->holders);
        if (kind == OBJECT_GROUP) {
                free(((struct view_group *) object)->devices);
                free(((struct view_group *) object)->hops);
        }
}

static int decode_one(const struct object_info *info, void *object, sd_bus_message *m,
        const char *property, uint64_t *seen)
{
        const char *contents;
        int r;

        for (size_t i = 0; i < info->n_fields; i++) {
                const struct field *f = &info->fields[i];

                if (!streq(f->property, property))
                        continue;
                r = sd_bus_message_peek_type(m, NULL, &contents);
                if (r < 0)
                        return r;
                if (!streq(contents, f->kind->signature))
                        return -EBADMSG;
                r = sd_bus_message_enter_container(m, 'v', contents);
                if (r < 0)
                        return r;
                r = f->kind->decode(m, at(f, object), f->size);
                if (r < 0)
                        return r;
                *seen |= FIELD_BIT(i);
                return sd_bus_message_exit_container(m);
        }
        return sd_bus_message_skip(m, "v");
}

int object_decode(enum object_kind kind, void *object, sd_bus_message *m, uint64_t *ret_seen)
{
        const char *property;
        uint64_t seen = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &property);
                if (r >= 0)
                        r = decode_one(&object_table[kind], object, m, property, &seen);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (ret_seen)
                *ret_seen = seen;
        return sd_bus_message_exit_container(m);
}

int interfaces_decode(sd_bus_message *m, const char *path, interface_fn fn, void *userdata)
{
        const char *interface;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sa{sv}}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sa{sv}")) > 0) {
                enum object_kind kind;

                r = sd_bus_message_read(m, "s", &interface);
                if (r < 0)
                        return r;
                kind = object_kind_of(interface);
                r = kind == OBJECT_MAX ? sd_bus_message_skip(m, "a{sv}")
                                       : fn(userdata, kind, path, m);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

const char *field_key(enum object_kind kind, size_t row)
{
        return object_table[kind].fields[row].key;
}

bool field_known(enum object_kind kind, const void *object, size_t row)
{
        const struct field *f = &object_table[kind].fields[row];

        return !f->kind->known || f->kind->known(at(f, object));
}

void field_text(enum object_kind kind, const void *object, size_t row, char *buf, size_t size)
{
        const struct field *f = &object_table[kind].fields[row];

        buf[0] = '\0';
        if (field_known(kind, object, row))
                f->kind->text(at(f, object), buf, size);
}

void object_json(struct json_writer *w, enum object_kind kind, const void *object, uint64_t mask)
{
        const struct object_info *info = &object_table[kind];

        for (size_t i = 0; i < info->n_fields; i++)
                if ((mask & FIELD_BIT(i)) && info->fields[i].key && field_known(kind, object, i))
                        info->fields[i].kind->json(
                                w, info->fields[i].key, at(&info->fields[i], object));
}

const struct texts *field_texts(enum object_kind kind, const void *object, size_t row)
{
        const struct field *f = &object_table[kind].fields[row];

        return f->kind == &value_texts ? at(f, object) : NULL;
}
