/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of transactions. Values; what others do has the machine locked. */
#include <stdio.h>

#include "shapes.h"
#include "sim/kernel.h"

#define CONFIG(pfs) "{'version':1,'pfs':[" pfs "]}"
#define ICE(keys)   "{'match':{'address':'0000:01:00.0'}," keys "}"
#define MLX5(keys)  "{'match':{'address':'0000:02:00.0'}," keys "}"
#define NVME(keys)  "{'match':{'address':'0000:03:00.0'}," keys "}"

#define FOUR_MACS "{'index':'0-3','mac':'02:00:00:00:01:{index}'}"
#define FOUR      CONFIG(ICE("'num_vfs':4,'vfs':[" FOUR_MACS ",{'index':1,'vlan':100}]"))
#define FOUR_VLAN CONFIG(ICE("'num_vfs':4,'vfs':[" FOUR_MACS ",{'index':1,'vlan':200,'qos':3}]"))
#define FOUR_ALL_VLAN                                                                              \
        CONFIG(ICE("'num_vfs':4,'vfs':[" FOUR_MACS ",{'index':'0-3','vlan':77,'trust':true}]"))
#define FOUR_KEPT                                                                                  \
        CONFIG(ICE("'num_vfs':4,'replace':true,'drift':'enforce','vfs':[" FOUR_MACS                \
                   ",{'index':1,'vlan':100}]"))
#define FOUR_VFIO                                                                                  \
        CONFIG(ICE("'num_vfs':4,'autoprobe':false,'vfs':[{'index':'0-3','driver':'vfio-pci'}]"))
#define FOUR_VFIO_VLAN                                                                             \
        CONFIG(ICE("'num_vfs':4,'vfs':[{'index':'0-3','driver':'vfio-pci','vlan':9}]"))
#define FOUR_HOST                                                                                  \
        CONFIG(ICE("'num_vfs':4,'autoprobe':true,'vfs':[{'index':'0-3','driver':'iavf'},"          \
                   "{'index':3,'driver':'none'}]"))
#define FOUR_ONE_VFIO                                                                              \
        CONFIG(ICE("'num_vfs':4,'vfs':[" FOUR_MACS ",{'index':'1-2','vlan':100},"                  \
                   "{'index':0,'driver':'vfio-pci'}]"))
#define NONE  CONFIG(ICE("'num_vfs':0,'replace':true"))
#define EIGHT CONFIG(ICE("'num_vfs':8"))
#define EIGHT_SET                                                                                  \
        CONFIG(ICE("'num_vfs':8,'vfs':[{'index':'0-7','mac':'02:00:00:00:02:{index}','vlan':300,"  \
                   "'trust':true,'spoofchk':false,'max_tx_rate':5000,'min_tx_rate':100,"           \
                   "'link_state':'enable'},{'index':'2-5','vlan':301,'vlan_proto':'802.1ad'}]"))
#define SIX                                                                                        \
        CONFIG(ICE("'num_vfs':6,'replace':true,'vfs':[{'index':'0-5',"                             \
                   "'mac':'02:00:00:00:03:{index}','vlan':42}]"))
#define SPLIT                                                                                      \
        CONFIG(ICE("'num_vfs':6,'vfs':[{'index':'0-5','mac':'02:00:00:00:04:{index}',"             \
                   "'spoofchk':true},{'index':'0-2','driver':'vfio-pci','vlan':7,'trust':true}]"))
#define THREE_PFS                                                                                  \
        CONFIG(ICE("'num_vfs':3,'replace':true,'vfs':[{'index':'0-2','vlan':5}]") "," MLX5(        \
                "'num_vfs':2,'vfs':[{'index':'0-1','mac':'02:00:00:00:05:{index}',"                \
                "'driver':'vfio-pci'}]") "," NVME("'num_vfs':2,'vfs':[{'index':0,"                 \
                                                  "'driver':'vfio-pci'}]"))
#define SWITCHDEV                                                                                  \
        CONFIG(ICE("'num_vfs':4,'mtu':9000,'vfs':[" FOUR_MACS                                      \
                   ",{'index':1,'vlan':100}]") "," MLX5("'num_vfs':2,'eswitch_mode':'switchdev','" \
                                                        "mtu':4000"))

static struct sim_pf *ice(struct machine *m)
{
        return machine_find(m, "pci/0000:01:00.0");
}

static void guest_opens(struct machine *m)
{
        if (kernel_guest_opens(m, ice(m), 0, "web") < 0)
                die("the guest does not get its VF", 0);
}

static void other_makes_vfs(struct machine *m)
{
        if (kernel_set_numvfs(m, ice(m), 4, -1, 0) < 0)
                die("no VFs of somebody else's", 0);
        snprintf(ice(m)->vfs[2].driver_override, DRIVER_MAX, "vfio-pci");
}

static void other_sets_vlan(struct machine *m)
{
        const struct vf_attrs vlan = {.present = BIT(VF_ATTR_VLAN), .vlan = 666};
        const struct vf_attrs trust = {.present = BIT(VF_ATTR_MAC), .mac = {{2, 9, 9, 9, 9, 9}}};

        if (kernel_set_vf(m, ice(m), 1, VF_SETTING_VLAN, &vlan) < 0 ||
                kernel_set_vf(m, ice(m), 2, VF_SETTING_MAC, &trust) < 0)
                die("no drift", 0);
}

static void other_destroys(struct machine *m)
{
        if (kernel_set_numvfs(m, ice(m), 0, -1, 0) < 0)
                die("no drift", 0);
}

#define LEASED_VF 2u

/* So that VFs that were made anew, or reset, are told from those that were left alone. */
#define RESETS_BEFORE 7u

static void guest_opens_another(struct machine *m)
{
        guest_opens(m);
        for (uint32_t i = 0; i < ice(m)->num_vfs; i++)
                ice(m)->vfs[i].resets = RESETS_BEFORE;
}

/* What a tenant and an administrator make of a VF, and the tenant's neighbour is still there. */
static void tenant_leaves_it_dirty(struct machine *m)
{
        const struct vf_attrs other = {.present = BIT(VF_ATTR_MAC) | BIT(VF_ATTR_MAX_TX_RATE),
                .mac = {{2, 9, 9, 9, 9, 9}},
                .max_tx_rate = 4000};

        guest_opens_another(m);
        if (kernel_guest_opens(m, ice(m), LEASED_VF, "tenant") < 0 ||
                kernel_set_vf(m, ice(m), LEASED_VF, VF_SETTING_MAC, &other) < 0 ||
                kernel_set_vf(m, ice(m), LEASED_VF, VF_SETTING_RATE, &other) < 0 ||
                kernel_guest_closes(m, ice(m), LEASED_VF) < 0)
                die("the tenant does not get his VF", 0);
}

/* A VF with attributes of the configuration goes to a tenant who wants others. */
#define LEASE                                                                                      \
        .old_config = FOUR_ONE_VFIO,                                                               \
        .request = {.kind = REQUEST_LEASE,                                                         \
                .vf = LEASED_VF,                                                                   \
                .uid = 4242,                                                                       \
                .driver = "vfio-pci",                                                              \
                .attrs = {.present = BIT(VF_ATTR_VLAN) | BIT(VF_ATTR_QOS) | BIT(VF_ATTR_TRUST),    \
                        .vlan = 500,                                                               \
                        .qos = 3,                                                                  \
                        .trust = true}}
/* What was declared comes, whatever happens. */
#define DECLARED .life = {.allowed = NEW}, .boot = {.allowed = NEW}
/* What came with an Apply: all or nothing, and forgotten by the next boot. */
#define GIVEN                                                                                      \
        .given = true, .life = {.allowed = OLD | NEW, .place = CRASH_APPLY_BEGUN, .after = NEW},   \
        .boot = {.allowed = OLD}
/* Somebody is told, in this life or the next. */
#define DECLARED_TOLD .life = {.allowed = NEW | REPORTED}, .boot = {.allowed = NEW | REPORTED}
/* A request: its client is told. */
#define ASKED                                                                                      \
        .deed = DEED_REQUEST,                                                                      \
        .life = {.allowed = OLD | NEW, .place = CRASH_COMMITTED, .after = NEW},                    \
        .boot = {.allowed = OLD}

const struct shape shapes[] = {
        {.name = "boot",
                .about = "boot with a configuration of three PFs",
                .deed = DEED_BOOT,
                .new_config = THREE_PFS,
                DECLARED},
        {.name = "create",
                .about = "no VFs to 4",
                .deed = DEED_APPLY,
                .new_config = FOUR,
                DECLARED},
        {.name = "split",
                .about = "6 VFs with attributes, half of them on vfio-pci, from a given file",
                .deed = DEED_APPLY,
                .new_config = SPLIT,
                GIVEN},
        {.name = "set-one",
                .about = "one VF's VLAN",
                .deed = DEED_APPLY,
                .old_config = FOUR,
                .new_config = FOUR_VLAN,
                .keeps = true,
                DECLARED},
        {.name = "set-many",
                .about = "seven attributes of 8 VFs",
                .deed = DEED_APPLY,
                .old_config = EIGHT,
                .new_config = EIGHT_SET,
                .keeps = true,
                DECLARED},
        {.name = "replace",
                .about = "4 VFs to 6",
                .deed = DEED_APPLY,
                .old_config = FOUR,
                .new_config = SIX,
                DECLARED},
        {.name = "zero",
                .about = "4 VFs to none",
                .deed = DEED_APPLY,
                .old_config = FOUR,
                .new_config = NONE,
                DECLARED},
        {.name = "rebind",
                .about = "4 VFs from vfio-pci to the host",
                .deed = DEED_APPLY,
                .old_config = FOUR_VFIO,
                .new_config = FOUR_HOST,
                .keeps = true,
                DECLARED},
        {.name = "multi",
                .about = "three PFs from a given file",
                .deed = DEED_APPLY,
                .old_config = FOUR,
                .new_config = THREE_PFS,
                GIVEN},
        {.name = "eswitch",
                .about = "MTU of one PF, eswitch mode of another",
                .deed = DEED_APPLY,
                .old_config = FOUR,
                .new_config = SWITCHDEV,
                DECLARED},
        {.name = "unconfirmed",
                .about = "a given file to be confirmed, and nobody does",
                .deed = DEED_APPLY,
                .old_config = FOUR,
                .new_config = SIX,
                .given = true,
                .confirm = 86400,
                .life = {.allowed = OLD},
                .boot = {.allowed = OLD}},
        {.name = "unconfirmed-set",
                .about = "attributes in the directory to be confirmed, and nobody does",
                .deed = DEED_APPLY,
                .old_config = FOUR,
                .new_config = FOUR_ALL_VLAN,
                .confirm = 86400,
                .keeps = true,
                .life = {.allowed = OLD | NEW, .place = CRASH_APPLY_BEGUN, .after = OLD},
                .boot = {.allowed = OLD | NEW, .place = CRASH_APPLY_BEGUN, .after = OLD}},
        {.name = "confirm",
                .about = "to be confirmed, and confirmed",
                .deed = DEED_CONFIRM,
                .old_config = FOUR,
                .new_config = SIX,
                .confirm = 86400,
                .life = {.allowed = OLD | NEW, .place = CRASH_CONFIRMED, .after = NEW},
                .boot = {.allowed = OLD | NEW, .place = CRASH_CONFIRMED, .after = NEW}},
        {.name = "rollback",
                .about = "of an Apply that replaced 4 VFs by 6",
                .deed = DEED_ROLLBACK,
                .old_config = FOUR,
                .new_config = SIX,
                .life = {.allowed = OLD | NEW, .place = CRASH_REVERT_BEGUN, .after = NEW},
                .boot = {.allowed = OLD | NEW, .place = CRASH_REVERT_BEGUN, .after = NEW},
                .boot_old = SIX,
                .boot_new = FOUR},
        {.name = "drift",
                .about = "attributes that somebody else has changed",
                .deed = DEED_DRIFT,
                .old_config = FOUR_KEPT,
                .new_config = FOUR_KEPT,
                .meddle = other_sets_vlan,
                .keeps = true,
                DECLARED},
        {.name = "drift-count",
                .about = "VFs that somebody else has destroyed",
                .deed = DEED_DRIFT,
                .old_config = FOUR_KEPT,
                .new_config = FOUR_KEPT,
                .meddle = other_destroys,
                DECLARED},
        {.name = "ask-create",
                .about = "create 4 VFs for vfio-pci, by hand",
                .request =
                        {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 4, .driver = "vfio-pci"},
                ASKED},
        {.name = "ask-zero",
                .about = "destroy configured VFs, by hand",
                .old_config = FOUR,
                .request = {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF},
                ASKED},
        {.name = "ask-set",
                .about = "attributes of one VF, by hand",
                .old_config = FOUR,
                .request = {.kind = REQUEST_SET_ATTRS,
                        .vf = 2,
                        .attrs = {.present = BIT(VF_ATTR_VLAN) | BIT(VF_ATTR_QOS) |
                                             BIT(VF_ATTR_TRUST) | BIT(VF_ATTR_MAX_TX_RATE),
                                .vlan = 11,
                                .qos = 2,
                                .trust = true,
                                .max_tx_rate = 900}},
                .keeps = true,
                ASKED},
        {.name = "ask-bind",
                .about = "one VF of somebody else's to vfio-pci, by hand",
                .arrange = other_makes_vfs,
                .request = {.kind = REQUEST_BIND, .vf = 1, .driver = "vfio-pci"},
                .keeps = true,
                ASKED},
        {.name = "lease",
                .about = "a VF is leased for good",
                .deed = DEED_ACQUIRE,
                LEASE,
                .arrange = guest_opens_another,
                .life = {.allowed = OLD | NEW, .place = CRASH_LEASE_RESERVED, .after = NEW},
                .boot = {.allowed = OLD | NEW, .place = CRASH_LEASE_RESERVED, .after = NEW}},
        {.name = "lease-client",
                .about = "a VF is leased by somebody who outlives the daemon",
                .deed = DEED_CLIENT,
                LEASE,
                .arrange = guest_opens_another,
                .life = {.allowed = OLD | NEW, .place = CRASH_LEASE_GIVEN, .after = NEW},
                .boot = {.allowed = OLD}},
        {.name = "lease-owner",
                .about = "a VF is leased by somebody who is gone in the next life",
                .deed = DEED_OWNER,
                LEASE,
                .arrange = guest_opens_another,
                .life = {.allowed = OLD},
                .boot = {.allowed = OLD}},
        {.name = "release",
                .about = "a leased VF is given back, in use as it was",
                .deed = DEED_RELEASE,
                LEASE,
                .arrange = tenant_leaves_it_dirty,
                .life = {.allowed = OLD | NEW, .place = CRASH_LEASE_ENDING, .after = NEW},
                .boot = {.allowed = OLD | NEW, .place = CRASH_LEASE_ENDING, .after = NEW}},
        {.name = "release-vfio",
                .about = "a VF that was leased to the host goes back to vfio-pci",
                .deed = DEED_RELEASE,
                .old_config = FOUR_VFIO,
                .request = {.kind = REQUEST_LEASE, .vf = LEASED_VF, .uid = 4242, .driver = "iavf"},
                .arrange = guest_opens_another,
                .life = {.allowed = OLD | NEW, .place = CRASH_LEASE_ENDING, .after = NEW},
                .boot = {.allowed = OLD | NEW, .place = CRASH_LEASE_ENDING, .after = NEW}},
        {.name = "vf-fails",
                .about = "the driver refuses one VF's VLAN",
                .deed = DEED_APPLY,
                .old_config = FOUR,
                .new_config = FOUR_ALL_VLAN,
                .faults = {"errno step=set_vf vf=2 attr=vlan error=EBUSY times=0"},
                .keeps = true,
                DECLARED_TOLD},
        {.name = "partial",
                .about = "4 VFs to 6, and only 5 come",
                .deed = DEED_APPLY,
                .old_config = FOUR,
                .new_config = SIX,
                .faults = {"partial count=5 times=0"},
                DECLARED_TOLD},
        {.name = "half-way",
                .about = "4 VFs to 6, and the kernel refuses the second write once",
                .deed = DEED_APPLY,
                .old_config = FOUR,
                .new_config = SIX,
                .faults = {"errno step=set_numvfs nth=3 error=EIO"},
                DECLARED_TOLD},
        {.name = "held-set",
                .about = "attributes while a guest holds a VF",
                .deed = DEED_APPLY,
                .old_config = FOUR_VFIO,
                .new_config = FOUR_VFIO_VLAN,
                .arrange = guest_opens,
                .keeps = true,
                DECLARED},
        {.name = "held-rebind",
                .about = "4 VFs from vfio-pci to the host while a guest holds one",
                .deed = DEED_APPLY,
                .old_config = FOUR_VFIO,
                .new_config = FOUR_HOST,
                .arrange = guest_opens,
                .keeps = true,
                .life = {.allowed = REPORTED},
                .boot = {.allowed = NEW}},
        {.name = "held-replace",
                .about = "4 VFs to 6 while a guest holds one",
                .deed = DEED_APPLY,
                .old_config = FOUR_VFIO,
                .new_config = SIX,
                .arrange = guest_opens,
                .keeps = true,
                .life = {.allowed = REPORTED},
                .boot = {.allowed = NEW}},
};

const size_t n_shapes = ELEMENTSOF(shapes);

const struct shape *shape_find(const char *name)
{
        for (size_t i = 0; i < n_shapes; i++)
                if (streq(shapes[i].name, name))
                        return &shapes[i];
        return NULL;
}
