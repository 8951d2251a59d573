/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arbitrary bytes as a topology file: refused with FILE:LINE:COLUMN, or a topology whose numbers
 * are all in range and whose machine's addresses exist. One thread.
 */
#include "sim/address.h"
#include "sim/topology.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        abort();                                                                   \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_guest(const struct topo_pf *pf, const struct topo_guest *g)
{
        const struct traffic_guest_config *c = &g->config;

        CHECK(g->vf < pf->total_vfs);
        CHECK(c->name[0] != '\0' && strlen(c->name) < sizeof(c->name));
        CHECK(c->ring == 0 || (c->ring >= RING_MIN && c->ring <= RING_MAX && c->ring % 8 == 0));
        CHECK(c->buffer == 0 || (c->buffer >= RX_BUFFER_MIN && c->buffer <= RX_BUFFER_MAX));
        CHECK(g->n_vlans <= TOPOLOGY_GUEST_VLANS_MAX);
        for (size_t i = 0; i < g->n_vlans; i++)
                CHECK(g->vlans[i] >= 1 && g->vlans[i] <= VLAN_ID_MAX);
        if (c->declared_port)
                CHECK(c->port.kind < PORT_KIND_MAX);
}

static void check_pf(const struct topo_pf *pf)
{
        const struct traffic_nic_config *t = &pf->traffic;
        struct bdf last;

        CHECK(pf->profile && pf->total_vfs <= pf->profile->total_vfs);
        CHECK(pf->num_vfs <= pf->total_vfs && pf->total_vfs <= pf->hw_total_vfs);
        CHECK(sim_vf_address(&pf->address, pf->profile, pf->hw_total_vfs - 1, &last));
        CHECK(t->queues <= NIC_QUEUES_MAX && (t->queues & (t->queues - 1)) == 0);
        CHECK(t->n_mirrors <= MIRROR_RULES_MAX);
        for (uint32_t i = 0; i < t->n_mirrors; i++)
                CHECK(t->mirrors[i].to <= pf->hw_total_vfs &&
                        t->mirrors[i].source <= pf->hw_total_vfs);
        for (size_t i = 0; i < pf->n_guests; i++)
                check_guest(pf, &pf->guests[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(topology_freep) struct topology *t = NULL;
        struct fault f = FAULT_NULL;
        int r;

        r = topology_parse("fuzz", (const char *) data, size, &t, &f);
        if (r < 0) {
                CHECK(!t && f.code != FAULT_NONE && startswith(f.text, "fuzz"));
                return 0;
        }
        CHECK(t && t->n_pfs <= TOPOLOGY_PFS_MAX && t->n_bridges <= TOPOLOGY_BRIDGES_MAX);
        for (size_t i = 0; i < t->n_pfs; i++)
                check_pf(&t->pfs[i]);
        return 0;
}
