/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbering buses and functions, and looking for overlaps. Pure, any thread. */
#include <stdio.h>

#include "sim/address.h"
#include "sim/nic/cfgspace.h"

#define BUS_LAST      0xffu
#define SLOTS_PER_BUS 32u
#define DOMAINS_MAX   64u

struct numbering {
        struct topology *t;
        const struct json_value *bridges, *pfs;
        struct fault *f;
        struct {
                uint32_t domain, last; /* the last bus number given away */
        } domains[DOMAINS_MAX];
        size_t n_domains;
};

bool sim_vf_address(
        const struct bdf *pf, const struct sim_profile *profile, uint32_t i, struct bdf *ret)
{
        return cfgspace_vf_address(pf, profile->offset, profile->stride, i, ret);
}

void sim_name_netdev(const struct bdf *a, char netdev[static NETDEV_MAX], struct mac *mac)
{
        if (netdev[0] == '\0')
                snprintf(netdev, NETDEV_MAX, "enp%us%uf%u", a->bus, (a->devfn >> 3) & 31u,
                        a->devfn & 7u);
        if (mac_is_zero(mac))
                *mac = (struct mac){{0x02, 0x51, (uint8_t) (a->domain >> 8), (uint8_t) a->domain,
                        a->bus, a->devfn}};
}

static int find_domain(
        struct numbering *n, uint32_t domain, const struct json_value *by, uint32_t **ret_last)
{
        size_t i = 0;

        while (i < n->n_domains && n->domains[i].domain != domain)
                i++;
        if (i == DOMAINS_MAX)
                return json_refuse(
                        by, n->f, "too many PCI domains; expected at most %u", DOMAINS_MAX);
        if (i == n->n_domains) {
                n->domains[i].domain = domain;
                n->n_domains++;
        }
        *ret_last = &n->domains[i].last;
        return 0;
}

/* A PF's address, and the buses its VFs reach. */
static int number_pf(struct numbering *n, size_t i, uint32_t *last)
{
        struct topo_pf *pf = &n->t->pfs[i];
        const struct json_value *v = json_element(n->pfs, i);
        const struct topo_bridge *up = pf->below < 0 ? NULL : &n->t->bridges[pf->below];
        unsigned function = 0;
        struct bdf vf;

        if (!up && !pf->placed)
                return json_refuse(
                        v, n->f, "a PF on a root bus; expected an \"address\", or \"below\"");
        if (up && pf->placed &&
                (pf->address.bus != up->secondary || pf->address.domain != up->address.domain))
                return json_refuse(json_member(v, "address"), n->f,
                        "bridge \"%s\" leads to bus %04x:%02x; expected an address there, or none",
                        up->name, up->address.domain, up->secondary);
        if (up && !pf->placed) {
                for (size_t k = 0; k < i; k++)
                        function += n->t->pfs[k].below == pf->below;
                if (function > 7)
                        return json_refuse(v, n->f,
                                "a ninth function below \"%s\"; expected at most 8", up->name);
                pf->address = (struct bdf){.domain = up->address.domain,
                        .bus = up->secondary,
                        .devfn = (uint8_t) function};
        }
        if (!sim_vf_address(&pf->address, pf->profile, pf->hw_total_vfs - 1, &vf))
                return json_refuse(v, n->f,
                        "VF %u would be beyond bus ff; expected fewer total_vfs, or a lower bus",
                        pf->hw_total_vfs - 1);
        if (vf.bus > *last)
                *last = vf.bus;
        return 0;
}

/* The bus behind a bridge: the next one, or where a PF's given address wants it. */
static int secondary_bus(struct numbering *n, size_t b, uint32_t *last)
{
        const struct topology *t = n->t;
        struct topo_bridge *bridge = &t->bridges[b];
        uint32_t bus = (*last > bridge->address.bus ? *last : bridge->address.bus) + 1;

        for (size_t i = 0; i < t->n_pfs; i++)
                if (t->pfs[i].below == (int32_t) b && t->pfs[i].placed &&
                        t->pfs[i].address.bus > bus)
                        bus = t->pfs[i].address.bus;
        if (bus > BUS_LAST)
                return json_refuse(json_element(n->bridges, b), n->f,
                        "no bus number is left for this; expected fewer bridges or VFs");
        bridge->secondary = (uint8_t) bus;
        *last = bus;
        return 0;
}

/* Depth first, as the kernel scans; the bridge's own address is known. */
static int number_bridge(struct numbering *n, size_t b)
{
        struct topology *t = n->t;
        struct topo_bridge *bridge = &t->bridges[b];
        unsigned slot = 0;
        uint32_t *last;
        int r;

        r = find_domain(n, bridge->address.domain, json_element(n->bridges, b), &last);
        if (r == 0)
                r = secondary_bus(n, b, last);
        for (size_t i = 0; i < t->n_pfs && r == 0; i++)
                if (t->pfs[i].below == (int32_t) b)
                        r = number_pf(n, i, last);
        for (size_t i = b + 1; i < t->n_bridges && r == 0; i++) {
                if (t->bridges[i].below != (int32_t) b)
                        continue;
                if (slot == SLOTS_PER_BUS)
                        return json_refuse(json_element(n->bridges, i), n->f,
                                "more than %u ports below \"%s\"; expected fewer", SLOTS_PER_BUS,
                                bridge->name);
                t->bridges[i].address = (struct bdf){.domain = bridge->address.domain,
                        .bus = bridge->secondary,
                        .devfn = (uint8_t) (slot++ << 3)};
                r = number_bridge(n, i);
        }
        bridge->subordinate = (uint8_t) *last;
        return r;
}

/* ---- overlaps ----------------------------------------------------------------------------------
 */

struct claim {
        uint64_t key;
        size_t order; /* in the file: the later one is refused */
        const struct json_value *by;
};

static int compare_claims(const void *a, const void *b)
{
        const struct claim *x = a, *y = b;

        if (x->key != y->key)
                return x->key > y->key ? 1 : -1;
        return x->order > y->order ? 1 : -1;
}

static void claim(struct claim *list, size_t *n, struct bdf a, const struct json_value *by)
{
        list[*n] = (struct claim){
                .key = (uint64_t) a.domain << 16 | (unsigned) a.bus << 8 | a.devfn,
                .order = *n,
                .by = by,
        };
        ++*n;
}

static int check_overlap(const struct numbering *n)
{
        const struct topology *t = n->t;
        _cleanup_(freep) struct claim *list = NULL;
        size_t count = t->n_bridges + t->n_pfs;
        struct bdf vf;

        for (size_t i = 0; i < t->n_pfs; i++)
                count += t->pfs[i].hw_total_vfs;
        list = calloc(count + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        count = 0;
        for (size_t i = 0; i < t->n_bridges; i++)
                claim(list, &count, t->bridges[i].address, json_element(n->bridges, i));
        for (size_t i = 0; i < t->n_pfs; i++) {
                claim(list, &count, t->pfs[i].address, json_element(n->pfs, i));
                for (uint32_t k = 0; k < t->pfs[i].hw_total_vfs; k++) {
                        sim_vf_address(&t->pfs[i].address, t->pfs[i].profile, k, &vf);
                        claim(list, &count, vf, json_element(n->pfs, i));
                }
        }
        qsort(list, count, sizeof(*list), compare_claims);
        for (size_t i = 1; i < count; i++)
                if (list[i].key == list[i - 1].key)
                        return json_refuse(list[i].by, n->f,
                                "two functions (VFs count too) at %04x:%02x:%02x.%x; expected "
                                "another place, or fewer VFs",
                                (unsigned) (list[i].key >> 16), (unsigned) (list[i].key >> 8 & 255),
                                (unsigned) (list[i].key >> 3 & 31), (unsigned) (list[i].key & 7));
        return 0;
}

static int name_netdevs(const struct numbering *n)
{
        const struct topology *t = n->t;

        for (size_t i = 0; i < t->n_pfs; i++) {
                struct topo_pf *pf = &t->pfs[i];

                if (!pf->profile->netdev)
                        continue;
                sim_name_netdev(&pf->address, pf->netdev, &pf->mac);
                for (size_t k = 0; k < i; k++)
                        if (streq(t->pfs[k].netdev, pf->netdev))
                                return json_refuse(json_element(n->pfs, i), n->f,
                                        "two netdevs \"%s\"; expected another name", pf->netdev);
        }
        return 0;
}

int topology_number(struct topology *t, const struct json_value *bridges,
        const struct json_value *pfs, struct fault *f)
{
        struct numbering n = {.t = t, .bridges = bridges, .pfs = pfs, .f = f};
        uint32_t *last;
        int r = 0;

        for (size_t i = 0; i < t->n_pfs && r == 0; i++) {
                if (t->pfs[i].below >= 0)
                        continue;
                r = find_domain(&n, t->pfs[i].address.domain, json_element(pfs, i), &last);
                if (r == 0)
                        r = number_pf(&n, i, last);
        }
        for (size_t i = 0; i < t->n_bridges && r == 0; i++)
                if (t->bridges[i].below < 0)
                        r = number_bridge(&n, i);
        if (r == 0)
                r = check_overlap(&n);
        return r < 0 ? r : name_netdevs(&n);
}
