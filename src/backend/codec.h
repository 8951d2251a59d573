/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values to and from bus messages, with one fixed signature each. Loop thread.
 *
 * Numbers travel as numbers and not as dictionaries: a PF with 4096 VFs is one message. A getter is
 * strict (-EBADMSG: a length, range, enum value or order no sender of ours makes), writes ret only
 * on success and frees what it made on failure. A putter writes text that is not UTF-8 escaped.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "model/step.h"

/* present, reset, mac, vlan, qos, vlan_proto, min and max rate, link_state, spoofchk, trust,
 * query_rss, node and port GUID. */
#define SIG_ATTRS "(uutuuuuuubbbtt)"

/* index; address, driver, driver_override, netdev, reset_methods; iommu_group, enable, access_uid;
 * attrs_known, attrs; stats (none: unknown). */
#define SIG_VF "(usssssiixb" SIG_ATTRS "at)"

/*
 * id, driver, driver_override, vendor, device, link_state, permanent_mac, reset_methods,
 * eswitch_mode, serial, busy_step; netdevs; pci_class, vendor_id, device_id, vf_device_id,
 * total_vfs, num_vfs; offset, stride, autoprobe, vf_total_msix, numa_node, iommu_group, mtu;
 * admin_up, has_mac, mac, busy_usec; VFs.
 */
#define SIG_PF "(sssssssssssssasuqqquuiiiiiiibbtta" SIG_VF ")"

/* code's name, errno, step or -1, text. */
#define SIG_FAULT "(siis)"

/* vf, kind, pid, name, path. */
#define SIG_HOLDERS "a(usiss)"

/* id, type, members: address, driver, parent, physfn, class; reserved: start, end, type. */
#define SIG_GROUP "isa(ssssu)a(tts)"

/* Groups; bridges: address, parent, kind, group, acs; the IOMMU: present, interrupt_remap,
 * unsafe_interrupts, noiommu, passthrough, name. */
#define SIG_GROUPS "a(" SIG_GROUP ")a(sssii)(iiiiis)"

/* kind's name, vf, value, setting, attrs, name, force. */
#define SIG_STEPS "a(suuu" SIG_ATTRS "sb)"

/* More than any plan for 65535 VFs needs. */
#define STEPS_LIMIT (16u * VFS_MAX)

int codec_put_pf(sd_bus_message *m, const struct pf_facts *facts);
int codec_get_pf(sd_bus_message *m, struct pf_facts *ret);

int codec_put_groups(sd_bus_message *m, const struct groups *groups);
int codec_get_groups(sd_bus_message *m, struct groups *ret);

int codec_put_holders(sd_bus_message *m, const struct holder *holders, size_t n);
int codec_get_holders(sd_bus_message *m, struct holder **ret, size_t *ret_n);

/* Form alone; step_check() judges the step. */
int codec_put_steps(sd_bus_message *m, const struct step *steps, size_t n);
int codec_get_steps(sd_bus_message *m, struct step **ret, size_t *ret_n);

int codec_put_fault(sd_bus_message *m, const struct fault *f);
int codec_get_fault(sd_bus_message *m, struct fault *ret);

/* A string that is a dev_id; empty_ok: "" means everything. */
int codec_get_dev_id(sd_bus_message *m, bool empty_ok, struct dev_id *ret);

/* as, each a valid dev_id. */
int codec_put_dev_ids(sd_bus_message *m, const struct dev_id *ids, size_t n);
int codec_get_dev_ids(sd_bus_message *m, struct dev_id **ret, size_t *ret_n);

/* A fault as a method error: org.sriovd1.Error.CODE, with text, errno and step as its body. */
int codec_new_error(sd_bus_message *call, const struct fault *f, sd_bus_message **ret);

/* The fault in a method error; -EBADMSG when it is not one of ours. */
int codec_get_error(sd_bus_message *m, struct fault *ret);
