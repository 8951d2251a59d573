/* SPDX-License-Identifier: GPL-2.0-or-later */
/* org.sriovd1.PhysicalFunction: requests from messages, properties from struct pf_entry. Loop
 * thread. */
#include "daemon/bus_internal.h"

static int decode_set_num_vfs(sd_bus_message *m, struct request *r, struct fault *f)
{
        int rc;

        r->kind = REQUEST_SET_NUMVFS;
        rc = sd_bus_message_read(m, "u", &r->count);
        if (rc <= 0)
                return bus_malformed(rc, f);
        return bus_decode_options(m,
                BIT(BUS_OPTION_FORCE) | BIT(BUS_OPTION_REPLACE) | BIT(BUS_OPTION_DRIVER) |
                        BIT(BUS_OPTION_SHARED),
                r, f);
}

static int decode_set_autoprobe(sd_bus_message *m, struct request *r, struct fault *f)
{
        int on, rc;

        r->kind = REQUEST_SET_AUTOPROBE;
        rc = sd_bus_message_read(m, "b", &on);
        if (rc <= 0)
                return bus_malformed(rc, f);
        r->count = (uint32_t) on;
        return bus_decode_options(m, BIT(BUS_OPTION_FORCE), r, f);
}

BUS_GETTER(get_address)
{
        return sd_bus_message_append(reply, "s", dev_id_address(userdata));
}

BUS_GETTER(get_class)
{
        return sd_bus_message_append(reply, "s", pci_class_word(*(const uint32_t *) userdata));
}

BUS_GETTER(get_netdevs)
{
        const struct pf_entry *pf = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (uint32_t i = 0; r >= 0 && i < pf->facts.n_netdevs; i++)
                r = sd_bus_message_append(reply, "s", pf->facts.netdevs[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

BUS_GETTER(get_mac)
{
        const struct pf_entry *pf = userdata;
        char text[MAC_STR_MAX] = "";

        if (pf->facts.has_mac)
                format_mac(text, &pf->facts.mac);
        return sd_bus_message_append(reply, "s", text);
}

BUS_GETTER(get_capabilities)
{
        const struct caps *caps = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{ss}");
        for (unsigned i = 0; r >= 0 && i < VF_SETTING_MAX; i++)
                r = sd_bus_message_append(reply, "{ss}", vf_setting_name(i), cap_name(caps->of[i]));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

BUS_GETTER(get_state)
{
        return sd_bus_message_append(
                reply, "s", pf_activity_name(*(const enum pf_activity *) userdata));
}

const struct pf_entry *bus_pf_at(const struct bus *bus, const char *path, uint32_t *ret_vf)
{
        struct dev_id id;

        if (bus_path_to_device(path, &id, ret_vf) < 0)
                return NULL;
        return state_pf(&bus->daemon->state, &id);
}

static int find(_unused_ sd_bus *bus, const char *path, _unused_ const char *interface,
        void *userdata, void **ret_found, _unused_ sd_bus_error *error)
{
        uint32_t vf;
        const struct pf_entry *pf = bus_pf_at(userdata, path, &vf);

        *ret_found = (void *) pf;
        return pf && vf == NO_VF;
}

static const struct bus_method methods[] = {
        {"SetNumVfs", "ua{sv}", "", SD_BUS_PARAM(count) SD_BUS_PARAM(options), AUTHZ_BY_REQUEST,
                .decode = decode_set_num_vfs},
        {"SetAutoprobe", "ba{sv}", "", SD_BUS_PARAM(on) SD_BUS_PARAM(options), AUTHZ_BY_REQUEST,
                .decode = decode_set_autoprobe},
        {"GetHolders", "", "a(ussis)", SD_BUS_PARAM(holders), AUTHZ_FREE, .call = bus_get_holders},
        {"PredictVfs", "", "sss", SD_BUS_PARAM(verdict) SD_BUS_PARAM(reason) SD_BUS_PARAM(advice),
                AUTHZ_FREE, .call = bus_predict_vfs},
};

#define AT(member) offsetof(struct pf_entry, facts.member)

static const struct bus_property properties[] = {
        {"Id", "s", bus_get_string, AT(id), 0},
        {"Address", "s", get_address, AT(id), 0},
        {"Class", "s", get_class, AT(pci_class), 0},
        {"PciClass", "u", NULL, AT(pci_class), 0},
        {"VendorId", "q", NULL, AT(vendor_id), 0},
        {"DeviceId", "q", NULL, AT(device_id), 0},
        {"VfDeviceId", "q", NULL, AT(vf_device_id), 0},
        {"Vendor", "s", bus_get_string, AT(vendor), 0},
        {"Device", "s", bus_get_string, AT(device), 0},
        {"Serial", "s", bus_get_string, AT(serial), 0},
        {"NumaNode", "i", NULL, AT(numa_node), 0},
        {"PermanentMac", "s", bus_get_string, AT(permanent_mac), 0},
        {"Path", "s", bus_get_string, AT(path), 0},
        {"Slot", "s", bus_get_string, AT(slot), 0},
        {"Driver", "s", bus_get_string, AT(driver), BIT(PF_FIELD_DRIVER)},
        {"Netdevs", "as", get_netdevs, 0, BIT(PF_FIELD_NETDEVS)},
        {"TotalVfs", "u", NULL, AT(total_vfs), BIT(PF_FIELD_TOTAL_VFS)},
        {"NumVfs", "u", NULL, AT(num_vfs), BIT(PF_FIELD_NUM_VFS)},
        {"Offset", "i", NULL, AT(offset), BIT(PF_FIELD_OFFSET)},
        {"Stride", "i", NULL, AT(stride), BIT(PF_FIELD_STRIDE)},
        {"Autoprobe", "i", NULL, AT(autoprobe), BIT(PF_FIELD_AUTOPROBE)},
        {"VfTotalMsix", "i", NULL, AT(vf_total_msix), BIT(PF_FIELD_VF_TOTAL_MSIX)},
        {"IommuGroup", "i", NULL, AT(iommu_group), BIT(PF_FIELD_IOMMU_GROUP)},
        {"Mtu", "i", NULL, AT(mtu), BIT(PF_FIELD_MTU)},
        {"Mac", "s", get_mac, 0, BIT(PF_FIELD_MAC)},
        {"LinkState", "s", bus_get_string, AT(link_state), BIT(PF_FIELD_LINK_STATE)},
        {"AdminUp", "b", bus_get_bool, AT(admin_up), BIT(PF_FIELD_LINK_STATE)},
        {"EswitchMode", "s", bus_get_string, AT(eswitch_mode), BIT(PF_FIELD_ESWITCH_MODE)},
        {"ResetMethods", "as", bus_get_words, AT(reset_methods), BIT(PF_FIELD_RESET_METHODS)},
        {"Capabilities", "a{ss}", get_capabilities, offsetof(struct pf_entry, caps),
                BIT(PF_FIELD_CAPABILITIES)},
        {"ConfigState", "s", bus_get_pf_config_state, 0, BUS_PF_CONFIG},
        {"ConfigSource", "s", bus_get_pf_config_source, 0, BUS_PF_CONFIG},
        {"ConfigText", "s", bus_get_pf_config_text, 0, BUS_PF_CONFIG},
        {"Differences", "as", bus_get_pf_differences, 0, BUS_PF_CONFIG},
        {"State", "s", get_state, offsetof(struct pf_entry, activity), BIT(PF_FIELD_STATE)},
};

const struct bus_interface bus_pf = {
        .name = BUS_NAME ".PhysicalFunction",
        .prefix = BUS_PF,
        .find = find,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
        .properties = properties,
        .n_properties = ELEMENTSOF(properties),
};
