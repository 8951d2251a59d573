/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a topology file, key by key. Any thread. */
#include <fcntl.h>

#include "config/json.h"
#include "sim/address.h"
#include "sim/topology.h"

#define ROOT_DEVICE_FIRST 1u
#define ROOT_DEVICE_LAST  31u

struct reader {
        struct topology *t;
        const struct json_value *bridges, *pfs;
        struct fault *f;
};

static int require_string(
        struct reader *rd, const struct json_value *v, const char *key, const char **ret)
{
        const struct json_value *required;
        int r;

        r = json_require(v, key, &required, rd->f);
        return r < 0 ? r : json_as_string(required, ret, rd->f);
}

/* A required name that goes into a fixed array. */
static int read_name(
        struct reader *rd, const struct json_value *v, const char *key, char *to, size_t size)
{
        const char *name;
        int r;

        r = require_string(rd, v, key, &name);
        if (r < 0)
                return r;
        if (name[0] == '\0' || str_copy(to, size, name) < 0)
                return json_refuse(json_member(v, key), rd->f, "%s \"%s\"; expected 1 to %zu bytes",
                        key, name, size - 1);
        return 0;
}

/* 1 when there is an address. */
static int read_address(struct reader *rd, const struct json_value *v, struct bdf *ret)
{
        const char *text;
        int r;

        r = json_opt_string(v, "address", &text, rd->f);
        if (r > 0 && parse_bdf(text, ret) < 0)
                return json_refuse(json_member(v, "address"), rd->f,
                        "\"%s\" is not a PCI address; expected the form 0000:3b:00.0", text);
        return r;
}

/* One of two words, the first meaning true; absent leaves *ret. */
static int read_choice(struct reader *rd, const struct json_value *v, const char *key,
        const char *yes, const char *no, bool *ret)
{
        const char *word;
        int r;

        r = json_opt_string(v, key, &word, rd->f);
        if (r <= 0)
                return r;
        if (!streq(word, yes) && !streq(word, no))
                return json_refuse(json_member(v, key), rd->f,
                        "%s \"%s\"; expected \"%s\" or \"%s\"", key, word, yes, no);
        *ret = streq(word, yes);
        return 0;
}

static int read_host(struct reader *rd, const struct json_value *host)
{
        static const char *const keys[] = {"iommu", "interrupt_remapping",
                "allow_unsafe_interrupts", "memory_mib", "latency", NULL};
        int r;

        r = json_check_keys(host, keys, rd->f);
        if (r == 0)
                r = json_opt_bool(host, "iommu", &rd->t->iommu, rd->f);
        if (r >= 0)
                r = json_opt_bool(host, "interrupt_remapping", &rd->t->interrupt_remapping, rd->f);
        if (r >= 0)
                r = json_opt_bool(
                        host, "allow_unsafe_interrupts", &rd->t->unsafe_interrupts, rd->f);
        if (r >= 0)
                r = json_opt_u32(host, "memory_mib", 64, 65536, &rd->t->memory_mib, rd->f);
        return r < 0 ? r
                     : read_choice(rd, host, "latency", "kernel", "none", &rd->t->kernel_latency);
}

/* "below": the name of a bridge that comes earlier in the file; -1 when absent. */
static int read_below(struct reader *rd, const struct json_value *v, int32_t *ret)
{
        const char *name;
        int r;

        *ret = -1;
        r = json_opt_string(v, "below", &name, rd->f);
        if (r <= 0)
                return r;
        for (size_t i = 0; i < rd->t->n_bridges; i++)
                if (streq(rd->t->bridges[i].name, name)) {
                        *ret = (int32_t) i;
                        return 0;
                }
        return json_refuse(json_member(v, "below"), rd->f,
                "no bridge \"%s\" before this; expected the name of an earlier one", name);
}

/* ---- bridges -----------------------------------------------------------------------------------
 */

static int read_type(struct reader *rd, const struct json_value *v, enum pci_node_type *ret)
{
        static const char *const words[] = {
                [PCI_ROOT_PORT] = "root-port",
                [PCI_SWITCH_UPSTREAM] = "switch-upstream",
                [PCI_SWITCH_DOWNSTREAM] = "switch-downstream",
        };
        const char *word;
        int r;

        r = require_string(rd, v, "type", &word);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < ELEMENTSOF(words); i++)
                if (streq(words[i], word)) {
                        *ret = i;
                        return 0;
                }
        return json_refuse(json_member(v, "type"), rd->f,
                "type \"%s\"; expected root-port, switch-upstream or switch-downstream", word);
}

/* What may hang below what. */
static int check_place(struct reader *rd, const struct json_value *v, const struct topo_bridge *b)
{
        const enum pci_node_type up = b->below < 0 ? PCI_ENDPOINT : rd->t->bridges[b->below].type;
        const char *expected = NULL;

        if (b->type == PCI_ROOT_PORT && b->below >= 0)
                expected = "a root port is below no bridge; expected no \"below\"";
        else if (b->type == PCI_SWITCH_UPSTREAM && up != PCI_ROOT_PORT &&
                 up != PCI_SWITCH_DOWNSTREAM)
                expected = "an upstream port is below a root port or a downstream port; expected "
                           "its name as \"below\"";
        else if (b->type == PCI_SWITCH_DOWNSTREAM && up != PCI_SWITCH_UPSTREAM)
                expected = "a downstream port is below an upstream port; expected its name as "
                           "\"below\"";
        return expected ? json_refuse(v, rd->f, "%s", expected) : 0;
}

/* Root ports without an address get 00:01.0, 00:02.0 ... in their order. */
static int place_root_port(struct reader *rd, const struct json_value *v, struct topo_bridge *b)
{
        unsigned device = ROOT_DEVICE_FIRST;

        for (size_t i = 0; i < rd->t->n_bridges; i++)
                device += rd->t->bridges[i].type == PCI_ROOT_PORT;
        if (device > ROOT_DEVICE_LAST)
                return json_refuse(v, rd->f,
                        "no device number is left on bus 0000:00; expected an \"address\"");
        b->address = (struct bdf){.devfn = (uint8_t) (device << 3)};
        return 0;
}

static int read_bridge(struct reader *rd, const struct json_value *v, struct topo_bridge *b)
{
        static const char *const keys[] = {"name", "type", "below", "acs", "address", NULL};
        int r;

        r = json_check_keys(v, keys, rd->f);
        if (r == 0)
                r = read_name(rd, v, "name", b->name, sizeof(b->name));
        if (r == 0)
                r = read_type(rd, v, &b->type);
        if (r < 0)
                return r;
        for (size_t i = 0; i < rd->t->n_bridges; i++)
                if (streq(rd->t->bridges[i].name, b->name))
                        return json_refuse(json_member(v, "name"), rd->f,
                                "two bridges \"%s\"; expected another name", b->name);
        b->acs = b->type != PCI_SWITCH_UPSTREAM;
        r = json_opt_bool(v, "acs", &b->acs, rd->f);
        if (r > 0 && b->type == PCI_SWITCH_UPSTREAM)
                return json_refuse(json_member(v, "acs"), rd->f,
                        "an upstream port has no ACS; expected it at the downstream ports");
        if (r >= 0)
                r = read_below(rd, v, &b->below);
        if (r == 0)
                r = check_place(rd, v, b);
        if (r == 0)
                r = read_address(rd, v, &b->address);
        if (r > 0 && b->type != PCI_ROOT_PORT)
                return json_refuse(json_member(v, "address"), rd->f,
                        "the address of a switch's port follows from its place; expected none");
        if (r == 0 && b->type == PCI_ROOT_PORT)
                r = place_root_port(rd, v, b);
        return r < 0 ? r : 0;
}

/* ---- PFs ---------------------------------------------------------------------------------------
 */

static int read_guest(struct reader *rd, const struct json_value *v, struct topo_pf *pf)
{
        struct topo_guest *guest = &pf->guests[pf->n_guests++];
        const struct json_value *vf;
        int r;

        r = json_check_keys(v, topology_guest_keys, rd->f);
        if (r == 0)
                r = json_require(v, "vf", &vf, rd->f);
        if (r == 0)
                r = topology_read_guest(v, guest, rd->f);
        if (r < 0)
                return r;
        if (guest->config.vm && pf->num_vfs == 0)
                return json_refuse(
                        v, rd->f, "a guest with a VF of a PF without VFs; expected num_vfs");
        r = json_as_u32(
                vf, 0, (guest->config.vm ? pf->num_vfs : pf->total_vfs) - 1, &guest->vf, rd->f);
        for (size_t i = 0; i + 1 < pf->n_guests && r == 0; i++)
                if (pf->guests[i].vf == guest->vf)
                        r = json_refuse(v, rd->f,
                                "VF %u has a guest already; expected one guest for a VF",
                                guest->vf);
        return r;
}

static int read_fault(struct reader *rd, const struct json_value *v, struct topo_pf *pf)
{
        struct fault why = FAULT_NULL;
        const char *text;
        int r;

        r = json_as_string(v, &text, rd->f);
        if (r < 0)
                return r;
        if (sim_fault_parse(text, &pf->faults[pf->n_faults], &why) < 0)
                return json_refuse(v, rd->f, "%s", why.text);
        pf->n_faults++;
        return 0;
}

static int read_guests_and_faults(struct reader *rd, const struct json_value *v, struct topo_pf *pf)
{
        const struct json_value *guests, *faults;
        size_t n_guests, n_faults;
        int r;

        r = json_opt_array(v, "guests", &guests, &n_guests, rd->f);
        if (r >= 0)
                r = json_opt_array(v, "faults", &faults, &n_faults, rd->f);
        if (r < 0)
                return r;
        pf->guests = calloc(n_guests + 1, sizeof(*pf->guests));
        pf->faults = calloc(n_faults + 1, sizeof(*pf->faults));
        if (!pf->guests || !pf->faults)
                return -ENOMEM;
        r = 0;
        for (size_t i = 0; i < n_guests && r == 0; i++)
                r = read_guest(rd, json_element(guests, i), pf);
        for (size_t i = 0; i < n_faults && r == 0; i++)
                r = read_fault(rd, json_element(faults, i), pf);
        return r;
}

static int read_profile(struct reader *rd, const struct json_value *v, struct topo_pf *pf)
{
        const char *name;
        int r;

        r = require_string(rd, v, "profile", &name);
        if (r < 0)
                return r;
        pf->profile = sim_profile_find(name);
        if (!pf->profile)
                return json_refuse(json_member(v, "profile"), rd->f,
                        "unknown profile \"%s\"; expected one that `sriov-sim profiles` lists",
                        name);
        return 0;
}

static int read_counts(struct reader *rd, const struct json_value *v, struct topo_pf *pf)
{
        uint32_t numa;
        int r;

        pf->total_vfs = pf->profile->total_vfs;
        pf->hw_total_vfs = pf->profile->hw_total_vfs;
        r = json_opt_u32(v, "total_vfs", 1, pf->profile->total_vfs, &pf->total_vfs, rd->f);
        if (r > 0)
                pf->hw_total_vfs = pf->total_vfs;
        if (r >= 0)
                r = json_opt_u32(v, "num_vfs", 0, pf->total_vfs, &pf->num_vfs, rd->f);
        if (r >= 0)
                r = json_opt_u32(v, "numa_node", 0, 1023, &numa, rd->f);
        if (r > 0)
                pf->numa_node = (int32_t) numa;
        return r < 0 ? r : 0;
}

static int read_switches(struct reader *rd, const struct json_value *v, struct topo_pf *pf)
{
        const struct {
                const char *key;
                bool *value;
        } switches[] = {
                {"present", &pf->present},
                {"driver", &pf->driver},
                {"autoprobe", &pf->autoprobe},
                {"admin_up", &pf->admin_up},
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(switches) && r >= 0; i++)
                r = json_opt_bool(v, switches[i].key, switches[i].value, rd->f);
        if (r >= 0)
                r = read_choice(rd, v, "link", "up", "down", &pf->link);
        if (r < 0)
                return r;
        if (pf->num_vfs > 0 && (!pf->driver || !pf->present))
                return json_refuse(json_member(v, "num_vfs"), rd->f,
                        "VFs of a PF that is absent or has no driver; expected 0");
        return 0;
}

static int read_net(struct reader *rd, const struct json_value *v, struct topo_pf *pf)
{
        const char *netdev = NULL, *mac = NULL;
        int r;

        r = json_opt_string(v, "netdev", &netdev, rd->f);
        if (r >= 0)
                r = json_opt_string(v, "mac", &mac, rd->f);
        if (r < 0)
                return r;
        if ((netdev || mac) && !pf->profile->netdev)
                return json_refuse(v, rd->f,
                        "profile %s has no network interface; expected neither netdev nor mac",
                        pf->profile->name);
        if (netdev &&
                (!ifname_valid(netdev) || str_copy(pf->netdev, sizeof(pf->netdev), netdev) < 0))
                return json_refuse(json_member(v, "netdev"), rd->f,
                        "\"%s\" is not an interface's name; expected 1 to 15 bytes without blanks "
                        "and slashes",
                        netdev);
        if (mac && (parse_mac(mac, &pf->mac) < 0 || mac_is_multicast(&pf->mac)))
                return json_refuse(json_member(v, "mac"), rd->f,
                        "\"%s\" is not a unicast MAC address; expected the form 02:00:00:00:00:01",
                        mac);
        return 0;
}

static int read_slot(struct reader *rd, const struct json_value *v, struct topo_pf *pf)
{
        const char *name;
        int r;

        r = json_opt_string(v, "slot", &name, rd->f);
        if (r <= 0)
                return r;
        if (!driver_name_valid(name) || str_copy(pf->slot, sizeof(pf->slot), name) < 0)
                return json_refuse(json_member(v, "slot"), rd->f,
                        "\"%s\" is not a slot's name; expected 1 to %d of A-Z a-z 0-9 _ -", name,
                        WORD_MAX - 1);
        return 0;
}

static int read_pf(struct reader *rd, const struct json_value *v, struct topo_pf *pf)
{
        static const char *const keys[] = {"profile", "below", "address", "total_vfs", "num_vfs",
                "netdev", "mac", "numa_node", "present", "driver", "autoprobe", "link", "admin_up",
                "slot", "guests", "faults", "wire", "tap", "queues", "packet_memory_kib", "speed",
                "switching", "cut_through", "mirrors", "storm", NULL};
        int r;

        *pf = (struct topo_pf){.numa_node = -1,
                .present = true,
                .driver = true,
                .autoprobe = true,
                .link = true,
                .admin_up = true};
        r = json_check_keys(v, keys, rd->f);
        if (r == 0)
                r = read_profile(rd, v, pf);
        if (r == 0)
                r = read_counts(rd, v, pf);
        if (r == 0)
                r = read_switches(rd, v, pf);
        if (r == 0)
                r = read_below(rd, v, &pf->below);
        if (r == 0)
                r = read_address(rd, v, &pf->address);
        if (r < 0)
                return r;
        pf->placed = r > 0;
        if (pf->below >= 0 && rd->t->bridges[pf->below].type == PCI_SWITCH_UPSTREAM)
                return json_refuse(json_member(v, "below"), rd->f,
                        "a PF below an upstream port; expected one of the switch's downstream "
                        "ports");
        r = read_net(rd, v, pf);
        if (r == 0)
                r = read_slot(rd, v, pf);
        if (r == 0)
                r = topology_read_nic(v, pf->profile, pf->hw_total_vfs, &pf->traffic, rd->f);
        return r < 0 ? r : read_guests_and_faults(rd, v, pf);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static int read_lists(struct reader *rd, const struct json_value *root)
{
        struct topology *t = rd->t;
        size_t n_bridges, n_pfs;
        int r;

        r = json_opt_array(root, "bridges", &rd->bridges, &n_bridges, rd->f);
        if (r >= 0)
                r = json_require(root, "pfs", &rd->pfs, rd->f);
        if (r >= 0)
                r = json_as_array(rd->pfs, &n_pfs, rd->f);
        if (r < 0)
                return r;
        if (n_bridges > TOPOLOGY_BRIDGES_MAX || n_pfs > TOPOLOGY_PFS_MAX)
                return json_refuse(root, rd->f,
                        "%zu bridges and %zu PFs; expected at most %u and %u", n_bridges, n_pfs,
                        TOPOLOGY_BRIDGES_MAX, TOPOLOGY_PFS_MAX);
        t->bridges = calloc(n_bridges + 1, sizeof(*t->bridges));
        t->pfs = calloc(n_pfs + 1, sizeof(*t->pfs));
        if (!t->bridges || !t->pfs)
                return -ENOMEM;
        r = 0;
        for (; t->n_bridges < n_bridges && r == 0; t->n_bridges++)
                r = read_bridge(
                        rd, json_element(rd->bridges, t->n_bridges), &t->bridges[t->n_bridges]);
        for (; t->n_pfs < n_pfs && r == 0; t->n_pfs++)
                r = read_pf(rd, json_element(rd->pfs, t->n_pfs), &t->pfs[t->n_pfs]);
        return r;
}

static int read_document(struct reader *rd, const struct json_value *root)
{
        static const char *const keys[] = {"version", "host", "bridges", "pfs", NULL};
        const struct json_value *version, *host;
        uint32_t number;
        int r;

        r = json_check_keys(root, keys, rd->f);
        if (r == 0)
                r = json_require(root, "version", &version, rd->f);
        if (r == 0)
                r = json_as_u32(version, 1, 1, &number, rd->f);
        if (r < 0)
                return r;
        host = json_member(root, "host");
        r = host ? read_host(rd, host) : 0;
        if (r == 0)
                r = read_lists(rd, root);
        return r < 0 ? r : topology_number(rd->t, rd->bridges, rd->pfs, rd->f);
}

static int of_json(const struct json *json, struct topology **ret, struct fault *f)
{
        _cleanup_(topology_freep) struct topology *t = calloc(1, sizeof(*t));
        struct reader rd = {.t = t, .f = f};
        int r;

        if (!t)
                return -ENOMEM;
        t->iommu = t->interrupt_remapping = true;
        r = read_document(&rd, json_root(json));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

int topology_parse(
        const char *name, const char *text, size_t n, struct topology **ret, struct fault *f)
{
        _cleanup_(json_freep) struct json *json = NULL;
        int r;

        r = json_parse(name, text, n, JSON_COMMENTS, &json, f);
        return r < 0 ? r : of_json(json, ret, f);
}

int topology_read(const char *path, struct topology **ret, struct fault *f)
{
        _cleanup_(json_freep) struct json *json = NULL;
        int r;

        r = json_read_file(AT_FDCWD, path, JSON_COMMENTS, &json, f);
        return r < 0 ? r : of_json(json, ret, f);
}

void topology_free(struct topology *t)
{
        if (!t)
                return;
        for (size_t i = 0; i < t->n_pfs; i++) {
                free(t->pfs[i].guests);
                free(t->pfs[i].faults);
        }
        free(t->pfs);
        free(t->bridges);
        free(t);
}
