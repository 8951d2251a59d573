/* SPDX-License-Identifier: GPL-2.0-or-later */
/* org.sriovd1.VirtualFunction: requests from messages, properties from struct vf_facts. Loop
 * thread. */
#include "daemon/bus_internal.h"

static int decode_set(sd_bus_message *m, struct request *r, struct fault *f)
{
        r->kind = REQUEST_SET_ATTRS;
        return bus_decode_attrs(m, &r->attrs, f);
}

static int decode_bind(sd_bus_message *m, struct request *r, struct fault *f)
{
        int rc;

        r->kind = REQUEST_BIND;
        rc = bus_decode_driver(m, r, f);
        if (rc < 0)
                return rc;
        return bus_decode_options(m, BIT(BUS_OPTION_FORCE) | BIT(BUS_OPTION_SHARED), r, f);
}

static int decode_unbind(sd_bus_message *m, struct request *r, struct fault *f)
{
        r->kind = REQUEST_UNBIND;
        return bus_decode_options(m, BIT(BUS_OPTION_FORCE), r, f);
}

static int decode_reset(sd_bus_message *m, struct request *r, struct fault *f)
{
        r->kind = REQUEST_RESET;
        return bus_decode_options(m, BIT(BUS_OPTION_FORCE), r, f);
}

static int append_attr(sd_bus_message *reply, const struct vf_attrs *attrs, enum vf_attr attr)
{
        const char *name = vf_attr_table[attr].name;
        char text[VF_ATTR_STR_MAX];

        switch (vf_attr_table[attr].type) {
        case ATTR_NUMBER:
                return sd_bus_message_append(
                        reply, "{sv}", name, "u", vf_attrs_number(attrs, attr));
        case ATTR_SWITCH:
                return sd_bus_message_append(
                        reply, "{sv}", name, "b", (int) vf_attrs_number(attrs, attr));
        case ATTR_MAC_ADDRESS:
        case ATTR_WORD:
        case ATTR_GUID:
                break;
        }
        vf_attrs_format(attrs, attr, text);
        return sd_bus_message_append(reply, "{sv}", name, "s", text);
}

int bus_append_attrs(sd_bus_message *m, const struct vf_attrs *attrs)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (unsigned i = 0; r >= 0 && i < VF_ATTR_MAX; i++)
                if (vf_attrs_has(attrs, i))
                        r = append_attr(m, attrs, i);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

BUS_GETTER(get_attributes)
{
        return bus_append_attrs(reply, userdata);
}

static int get_pf(_unused_ sd_bus *bus, const char *path, _unused_ const char *interface,
        _unused_ const char *property, sd_bus_message *reply, _unused_ void *userdata,
        _unused_ sd_bus_error *error)
{
        char pf[BUS_PATH_MAX];
        struct dev_id id;
        uint32_t vf;
        int r;

        r = bus_path_to_device(path, &id, &vf);
        if (r < 0)
                return r;
        bus_path_of_device(pf, &id, NO_VF);
        return sd_bus_message_append(reply, "o", pf);
}

BUS_GETTER(get_in_use)
{
        return sd_bus_message_append(reply, "b", (int) vf_facts_held(userdata));
}

static int find(_unused_ sd_bus *bus, const char *path, _unused_ const char *interface,
        void *userdata, void **ret_found, _unused_ sd_bus_error *error)
{
        uint32_t vf;
        const struct pf_entry *pf = bus_pf_at(userdata, path, &vf);
        const struct vf_facts *facts = pf ? pf_facts_vf(&pf->facts, vf) : NULL;

        *ret_found = (void *) facts;
        return facts != NULL;
}

static const struct bus_method methods[] = {
        {"Set", "a{sv}", "", SD_BUS_PARAM(attributes), AUTHZ_BY_REQUEST, .decode = decode_set},
        {"Bind", "sa{sv}", "", SD_BUS_PARAM(driver) SD_BUS_PARAM(options), AUTHZ_BY_REQUEST,
                .decode = decode_bind},
        {"Unbind", "a{sv}", "", SD_BUS_PARAM(options), AUTHZ_BY_REQUEST, .decode = decode_unbind},
        {"Reset", "a{sv}", "", SD_BUS_PARAM(options), AUTHZ_BY_REQUEST, .decode = decode_reset},
        {"GetHolders", "", "a(ssis)", SD_BUS_PARAM(holders), AUTHZ_FREE, .call = bus_get_holders},
        {"GetStatistics", "", "a{st}", SD_BUS_PARAM(statistics), AUTHZ_FREE,
                .call = bus_get_statistics},
};

#define AT(member) offsetof(struct vf_facts, member)

static const struct bus_property properties[] = {
        {"Pf", "o", get_pf, 0, 0},
        {"Index", "u", NULL, AT(index), 0},
        {"Address", "s", bus_get_string, AT(address), BIT(VF_FIELD_ADDRESS)},
        {"Driver", "s", bus_get_string, AT(driver), BIT(VF_FIELD_DRIVER)},
        {"DriverOverride", "s", bus_get_string, AT(driver_override), BIT(VF_FIELD_DRIVER_OVERRIDE)},
        {"Netdev", "s", bus_get_string, AT(netdev), BIT(VF_FIELD_NETDEV)},
        {"IommuGroup", "i", NULL, AT(iommu_group), BIT(VF_FIELD_IOMMU_GROUP)},
        {"ResetMethods", "as", bus_get_words, AT(reset_methods), BIT(VF_FIELD_RESET_METHODS)},
        {"Enable", "i", NULL, AT(enable), BIT(VF_FIELD_ENABLE)},
        {"InUse", "b", get_in_use, 0, BIT(VF_FIELD_ENABLE) | BIT(VF_FIELD_DRIVER)},
        {"Attributes", "a{sv}", get_attributes, AT(attrs), BIT(VF_ATTR_MAX) - 1},
        {"AttributesKnown", "b", bus_get_bool, AT(attrs_known), BIT(VF_FIELD_ATTRS_KNOWN)},
        {"LeaseState", "s", bus_get_lease_state, 0, BUS_VF_LEASE},
        {"AccessUid", "x", NULL, AT(access_uid), BIT(VF_FIELD_ACCESS_UID)},
};

const struct bus_interface bus_vf = {
        .name = BUS_NAME ".VirtualFunction",
        .prefix = BUS_PF,
        .find = find,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
        .properties = properties,
        .n_properties = ELEMENTSOF(properties),
};
