/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests: checks that need no hardware, risk, text. Pure, any thread. */
#include <stdio.h>

#include "model/request.h"

/*
 * Kernel drivers known to bind VFs, and vfio variants. A closed list: a name on the bus must not
 * make the kernel match a device against whatever module is loaded.
 */
const char *const request_drivers[] = {
        "vfio-pci",
        "mlx5_vfio_pci",
        "hisi_acc_vfio_pci",
        "qat_vfio_pci",
        "pds_vfio_pci",
        "virtio_vfio_pci",
        "ice_vfio_pci",
        "nvgrace_gpu_vfio_pci",
        "pci-stub",
        "igbvf",
        "ixgbevf",
        "iavf",
        "i40evf",
        "mlx4_core",
        "mlx5_core",
        "bnxt_en",
        "be2net",
        "cxgb4vf",
        "qede",
        "qlcnic",
        "bnx2x",
        "liquidio_vf",
        "hinic",
        "hinic3",
        "hns3",
        "hclgevf",
        "sfc",
        "sfc_ef100",
        "ionic",
        "nfp_netvf",
        "nfp",
        "ena",
        "enic",
        "fm10k",
        "octeontx2-nicvf",
        "rvu_nicvf",
        "thunder-nicvf",
        "gve",
        "ngbevf",
        "txgbevf",
        "atlantic",
        "nvme",
        "megaraid_sas",
        "mpt3sas",
        "lpfc",
        "qla2xxx",
        "virtio-pci",
        "xe",
        "i915",
        "4xxxvf",
        "c6xxvf",
        "c3xxxvf",
        "dh895xccvf",
        "420xxvf",
        "hisi_hpre",
        "hisi_sec2",
        "hisi_zip",
        NULL,
};

static const char *const kinds[REQUEST_MAX] = {
        [REQUEST_SET_NUMVFS] = "set_numvfs",
        [REQUEST_SET_ATTRS] = "set_attributes",
        [REQUEST_BIND] = "bind",
        [REQUEST_UNBIND] = "unbind",
        [REQUEST_RESET] = "reset",
        [REQUEST_SET_AUTOPROBE] = "set_autoprobe",
        [REQUEST_LEASE] = "lease",
        [REQUEST_SCRUB] = "scrub",
        [REQUEST_APPLY] = "apply",
};

const char *request_kind_name(enum request_kind kind)
{
        return (unsigned) kind < REQUEST_MAX ? kinds[kind] : "?";
}

void request_describe(const struct request *r, char *buf, size_t size)
{
        switch (r->kind) {
        case REQUEST_SET_NUMVFS:
                if (r->count == 0)
                        snprintf(buf, size, "destroy all VFs");
                else
                        snprintf(buf, size, "create %u VFs", r->count);
                break;
        case REQUEST_SET_ATTRS:
                snprintf(buf, size, "set attributes of VF %u", r->vf);
                break;
        case REQUEST_BIND:
                snprintf(buf, size, "bind VF %u to %s", r->vf, r->driver);
                break;
        case REQUEST_UNBIND:
                snprintf(buf, size, "unbind VF %u", r->vf);
                break;
        case REQUEST_RESET:
                snprintf(buf, size, "reset VF %u", r->vf);
                break;
        case REQUEST_SET_AUTOPROBE:
                snprintf(buf, size, "set autoprobe to %u", r->count);
                break;
        case REQUEST_LEASE:
                snprintf(buf, size, "make VF %u ready for its lease", r->vf);
                break;
        case REQUEST_SCRUB:
                snprintf(buf, size, "scrub VF %u after its lease", r->vf);
                break;
        case REQUEST_APPLY:
                snprintf(buf, size, "apply the configuration");
                break;
        case REQUEST_MAX:
                snprintf(buf, size, "?");
                break;
        }
}

static bool driver_allowed(const char *name)
{
        for (const char *const *d = request_drivers; *d; d++)
                if (streq(*d, name))
                        return true;
        return false;
}

int driver_check(const char *name, struct fault *f)
{
        if (!driver_name_valid(name))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "driver '%s' refused: expected a driver's name, 1 to 63 of A-Z a-z 0-9 _ -",
                        name);
        if (!driver_allowed(name))
                return fault_set(f, FAULT_DRIVER_NOT_ALLOWED, 0,
                        "driver '%s' refused: it is not on the list of drivers for VFs; expected "
                        "vfio-pci, "
                        "a vfio variant, or the VF's own driver such as igbvf, iavf, ixgbevf, "
                        "mlx5_core, nvme",
                        name);
        return 0;
}

int request_check(const struct request *r, struct fault *f)
{
        switch (r->kind) {
        case REQUEST_SET_NUMVFS:
                if (r->count > VFS_MAX)
                        return fault_set(f, FAULT_INVALID_ARGS, 0,
                                "%u VFs refused: expected 0 to the PF's total_vfs, never above %u",
                                r->count, VFS_MAX);
                if (r->driver[0] && !streq(r->driver, "none"))
                        return driver_check(r->driver, f);
                return 0;
        case REQUEST_SET_AUTOPROBE:
                if (r->count > 1)
                        return fault_set(f, FAULT_INVALID_ARGS, 0,
                                "autoprobe=%u refused: expected on or off", r->count);
                return 0;
        case REQUEST_SET_ATTRS:
                if ((r->attrs.present | r->attrs.reset) == 0)
                        return fault_set(f, FAULT_INVALID_ARGS, 0,
                                "no attribute given: expected at least one of mac, vlan, qos, "
                                "vlan_proto, "
                                "min_tx_rate, max_tx_rate, spoofchk, trust, link_state, query_rss, "
                                "node_guid, "
                                "port_guid");
                return vf_attrs_check(&r->attrs, f);
        case REQUEST_BIND:
                return driver_check(r->driver, f);
        case REQUEST_LEASE:
                if (r->driver[0] && driver_check(r->driver, f) < 0)
                        return -EINVAL;
                return vf_attrs_check(&r->attrs, f);
        case REQUEST_SCRUB:
        case REQUEST_UNBIND:
        case REQUEST_RESET:
        case REQUEST_APPLY:
        case REQUEST_MAX:
                break;
        }
        return 0;
}

static bool relaxes(const struct vf_attrs *a)
{
        return (vf_attrs_has(a, VF_ATTR_TRUST) && a->trust) ||
               (vf_attrs_has(a, VF_ATTR_SPOOFCHK) && !a->spoofchk);
}

enum risk request_risk(const struct request *r)
{
        if (r->force)
                return RISK_DISRUPT;
        if (r->shared || relaxes(&r->attrs))
                return RISK_RELAX;
        switch (r->kind) {
        case REQUEST_BIND:
        case REQUEST_UNBIND:
                return RISK_BIND;
        case REQUEST_SET_NUMVFS:
                return r->driver[0] ? RISK_BIND : RISK_CONFIGURE;
        case REQUEST_LEASE:
                return r->driver[0] ? RISK_BIND : RISK_LEASE;
        case REQUEST_SET_ATTRS:
        case REQUEST_RESET:
        case REQUEST_SET_AUTOPROBE:
        case REQUEST_SCRUB:
        case REQUEST_APPLY:
        case REQUEST_MAX:
                break;
        }
        return RISK_CONFIGURE;
}
