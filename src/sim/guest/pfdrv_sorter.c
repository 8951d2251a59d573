/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What follows from the PF driver's state for frames: the sorter's configuration, which becomes a
 * sorter, or a text for people. With the NIC held.
 *
 * 4096 VFs that are set up one by one make thousands of changes, and a sorter of that size takes a
 * third of a millisecond: so it is built when the next frame needs it.
 */
#include <stdio.h>

#include "sim/guest/pfdrv_private.h"

/* ---- pools -------------------------------------------------------------------------------------
 */

bool pfdrv_frames_fit(const struct pfdrv *d, const struct pf_vf *v)
{
        if (!d->profile->jumbo_with_pf)
                return true;
        /* ixgbe_sriov.c ixgbe_set_vf_lpe(): before API 1.1 a VF did not know of long frames. */
        if (d->mtu + 18 > FRAME_STANDARD)
                return v->lpe && v->api >= MBX_API_11;
        return v->max_frame <= FRAME_STANDARD;
}

static struct sorter_pool pf_pool(const struct pfdrv *d)
{
        return (struct sorter_pool){
                .rx_enable = d->link,
                .tx_enable = d->link,
                .broadcast = true,
                .untagged = true,
                .multicast_hash = d->any_multicast,
                .unicast_promisc = d->promisc && d->profile->unicast_promisc,
                .multicast_promisc = d->promisc,
                .vlan_promisc = d->promisc,
                .strip = true,
                .max_frame = d->mtu + 18,
        };
}

static struct sorter_pool vf_pool(const struct pfdrv *d, const struct pf_vf *v)
{
        bool up = pfdrv_link(d, v), checked = v->spoofchk && !v->spoofchk_ended;

        return (struct sorter_pool){
                .rx_enable = up && pfdrv_frames_fit(d, v),
                .tx_enable = up,
                .broadcast = true,
                .untagged = v->port_vlan == 0,
                .multicast_hash = v->n_hashes > 0 && v->xcast >= XCAST_MULTI,
                .unicast_promisc = v->xcast == XCAST_PROMISC,
                .multicast_promisc = v->xcast >= XCAST_ALLMULTI,
                .mac_antispoof = checked,
                .vlan_antispoof = checked,
                .source_prune = d->profile->source_prune && !d->veb,
                .strip = true,
                .port_vlan = v->port_vlan,
                .port_qos = v->port_vlan ? v->port_qos : 0,
                .max_frame = v->max_frame,
        };
}

/* ---- the configuration -------------------------------------------------------------------------
 */

static int make_room(struct pfdrv *d)
{
        size_t n_filters = 1 + d->n_vfs + d->n_macs, n_members = d->promisc ? VLAN_KEYS : 0;
        void *p;

        for (uint32_t i = 0; i < d->n_vfs; i++)
                n_members += d->vfs[i].port_vlan ? 1 : d->vfs[i].n_vlans;
        if (n_filters > d->filters_size) {
                p = reallocarray(d->filters, n_filters + n_filters / 2, sizeof(*d->filters));
                if (!p)
                        return -ENOMEM;
                d->filters = p;
                d->filters_size = n_filters + n_filters / 2;
        }
        if (n_members > d->members_size) {
                p = reallocarray(d->members, n_members + n_members / 2, sizeof(*d->members));
                if (!p)
                        return -ENOMEM;
                d->members = p;
                d->members_size = n_members + n_members / 2;
        }
        return 0;
}

static void add_vf(struct pfdrv *d, const struct pf_vf *v, struct sorter_config *c)
{
        uint32_t pool = pool_of_vf(pfdrv_index(d, v));
        uint64_t mac = pfdrv_mac(d, v);

        d->pools[pool] = vf_pool(d, v);
        d->filters[c->n_filters++] = (struct sorter_filter){mac, pool};
        for (size_t i = 0; i < v->n_macs; i++)
                if (v->macs[i] != mac)
                        d->filters[c->n_filters++] = (struct sorter_filter){v->macs[i], pool};
        if (v->port_vlan)
                d->members[c->n_members++] = (struct sorter_member){v->port_vlan, pool};
        for (size_t i = 0; i < v->n_vlans; i++)
                d->members[c->n_members++] = (struct sorter_member){v->vlans[i], pool};
        for (uint32_t i = 0; i < v->n_hashes; i++)
                c->multicast_hash[v->hashes[i] / 64] |= UINT64_C(1) << v->hashes[i] % 64;
}

/* A promiscuous PF is in every VLAN, also in those that nobody is in: ixgbe_vlan_promisc_enable().
 */
static void open_vlans(struct pfdrv *d, struct sorter_config *c)
{
        for (uint16_t vid = 1; vid <= VLAN_ID_MAX; vid++) {
                d->members[c->n_members++] = (struct sorter_member){vid, POOL_NONE};
                if (d->profile->service_tags)
                        d->members[c->n_members++] =
                                (struct sorter_member){vid | VLAN_KEY_S, POOL_NONE};
        }
}

/* Rules may name VFs that are not there now. */
static void add_mirrors(const struct pfdrv *d, struct sorter_config *c)
{
        for (uint32_t i = 0; i < d->n_mirrors; i++) {
                const struct sorter_mirror *m = &d->mirrors[i];

                if (m->to < c->n_pools && (m->kind != MIRROR_POOL || m->source < c->n_pools))
                        c->mirrors[c->n_mirrors++] = *m;
        }
}

/* What it points to is d's, until the next time. */
static int configure(struct pfdrv *d, struct sorter_config *ret)
{
        int r;

        r = make_room(d);
        if (r < 0)
                return r;
        *ret = (struct sorter_config){
                .format = {.service_tags = d->profile->service_tags},
                .n_pools = d->n_vfs + 1,
                .pools = d->pools,
                .filters = d->filters,
                .members = d->members,
                .vlan_filter = true,
                .switching = d->veb,
                /* Linux has the PF there always, behind a filter of the port that lets pass only
                 * what somebody's MAC is, unless the PF is promiscuous: the same here. */
                .default_pool = d->promisc ? POOL_PF : POOL_NONE,
        };
        d->pools[POOL_PF] = pf_pool(d);
        d->filters[ret->n_filters++] = (struct sorter_filter){d->mac, POOL_PF};
        memcpy(ret->multicast_hash, d->multicast, sizeof(d->multicast));
        for (uint32_t i = 0; i < d->n_vfs; i++)
                add_vf(d, &d->vfs[i], ret);
        if (d->promisc)
                open_vlans(d, ret);
        add_mirrors(d, ret);
        return 0;
}

static int build(struct pfdrv *d, struct sorter **ret)
{
        struct sorter_config config;
        int r;

        r = configure(d, &config);
        if (r == 0)
                r = sorter_new(&config, ret);
        if (r == 0)
                d->dirty = false;
        return r;
}

struct sorter *pfdrv_fresh(void *userdata)
{
        struct sorter *sorter;

        return build(userdata, &sorter) < 0 ? NULL : sorter;
}

int pfdrv_publish(struct pfdrv *d)
{
        struct sorter *sorter;
        int r;

        r = build(d, &sorter);
        if (r == 0)
                nic_publish(d->nic, sorter);
        return r;
}

void pfdrv_changed(struct pfdrv *d)
{
        if (d->dirty)
                nic_stale(d->nic);
}

/* ---- for people --------------------------------------------------------------------------------
 */

static void print_vlan(FILE *file, uint16_t key)
{
        fprintf(file, "%u%s", key & VLAN_KEY_VID, key & VLAN_KEY_S ? " 802.1ad" : "");
}

static void print_mac(FILE *file, uint64_t mac)
{
        char text[MAC_STR_MAX];
        struct mac m;

        memcpy(m.b, &mac, sizeof(m.b));
        format_mac(text, &m);
        fputs(text, file);
}

static void print_pool(FILE *file, uint32_t pool, const struct sorter_pool *p)
{
        const struct {
                bool on;
                const char *name;
        } flags[] = {
                {p->rx_enable, "rx"},
                {p->tx_enable, "tx"},
                {p->broadcast, "broadcast"},
                {p->untagged, "untagged"},
                {p->unicast_hash, "unicast_hash"},
                {p->multicast_hash, "multicast_hash"},
                {p->unicast_promisc, "unicast_promisc"},
                {p->multicast_promisc, "multicast_promisc"},
                {p->vlan_promisc, "vlan_promisc"},
                {p->mac_antispoof, "mac_antispoof"},
                {p->vlan_antispoof, "vlan_antispoof"},
                {p->self_loopback, "self_loopback"},
                {p->source_prune, "source_prune"},
                {p->strip, "strip"},
        };

        fprintf(file, "pool %u max_frame %u", pool, p->max_frame);
        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                if (flags[i].on)
                        fprintf(file, " %s", flags[i].name);
        fputc('\n', file);
        if (!p->port_vlan)
                return;
        fprintf(file, "port_vlan %u qos %u vlan ", pool, p->port_qos);
        print_vlan(file, p->port_vlan);
        fputc('\n', file);
}

static void print_mirror(FILE *file, const struct sorter_mirror *m)
{
        fprintf(file, "mirror to %u ", m->to);
        switch (m->kind) {
        case MIRROR_POOL:
                fprintf(file, "pool %u", m->source);
                break;
        case MIRROR_VLAN:
                fputs("vlan ", file);
                print_vlan(file, m->vlan);
                break;
        case MIRROR_UPLINK:
                fputs("uplink", file);
                break;
        case MIRROR_DOWNLINK:
                fputs("downlink", file);
                break;
        }
        fputc('\n', file);
}

static const char *on_off(bool on)
{
        return on ? "on" : "off";
}

static void print_config(FILE *file, const struct sorter_config *c)
{
        bool all_vlans = false;

        for (uint32_t i = 0; i < c->n_pools; i++)
                print_pool(file, i, &c->pools[i]);
        for (size_t i = 0; i < c->n_filters; i++) {
                fprintf(file, "filter %u ", c->filters[i].pool);
                print_mac(file, c->filters[i].mac);
                fputc('\n', file);
        }
        for (size_t i = 0; i < c->n_members; i++) {
                if (c->members[i].pool == POOL_NONE) {
                        all_vlans = true;
                        continue;
                }
                fprintf(file, "member %u ", c->members[i].pool);
                print_vlan(file, c->members[i].vlan);
                fputc('\n', file);
        }
        for (uint32_t i = 0; i < HASH_BITS; i++)
                if (c->multicast_hash[i / 64] >> i % 64 & 1)
                        fprintf(file, "multicast_hash 0x%03x\n", i);
        for (uint32_t i = 0; i < c->n_mirrors; i++)
                print_mirror(file, &c->mirrors[i]);
        fprintf(file, "service_tags %s\n", on_off(c->format.service_tags));
        fprintf(file, "vlan_filter %s\n", on_off(c->vlan_filter));
        fprintf(file, "all_vlans %s\n", on_off(all_vlans)); /* each VID is in the filter table */
        fprintf(file, "switching %s\n", on_off(c->switching));
        fprintf(file, "default_pool %s\n", c->default_pool == POOL_NONE ? "none" : "0");
}

int pfdrv_describe(struct pfdrv *d, char **ret)
{
        _cleanup_(freep) char *text = NULL;
        struct sorter_config config;
        size_t size;
        FILE *file;
        int r;

        r = configure(d, &config);
        if (r < 0)
                return r;
        file = open_memstream(&text, &size);
        if (!file)
                return -ENOMEM;
        print_config(file, &config);
        if (fclose(file) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}
