/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PF driver: its life, what the administrator sets, and what a reset of a VF does. With the NIC
 * held.
 *
 * Every setting changes the state in struct pf_vf and marks the sorter dirty; the public function
 * tells the NIC, at its end.
 */
#include "sim/guest/pfdrv_private.h"

#define VF_VLAN0 1u /* VID 0 has its place in the hardware's VLAN table from the beginning */

/* ---- VFs ---------------------------------------------------------------------------------------
 */

/* Locally administered, and another for each VF of each PF whose last three octets differ. */
static uint64_t made_mac(const struct pfdrv *d, uint32_t vf)
{
        const uint8_t b[6] = {0x06, (uint8_t) (d->mac >> 24), (uint8_t) (d->mac >> 32),
                (uint8_t) (d->mac >> 40), (uint8_t) (vf >> 8), (uint8_t) vf};

        return mac_number(b);
}

uint64_t pfdrv_mac(const struct pfdrv *d, const struct pf_vf *v)
{
        if (v->mac)
                return v->mac;
        return v->admin_mac ? v->admin_mac : made_mac(d, pfdrv_index(d, v));
}

bool pfdrv_link(const struct pfdrv *d, const struct pf_vf *v)
{
        return v->link_state == VF_LINK_AUTO ? d->link : v->link_state == VF_LINK_ENABLE;
}

int pfdrv_take_vlan(struct pfdrv *d, uint16_t key)
{
        uint32_t places = d->profile->vlan_filters;

        if (d->vlan_users[key] == 0) {
                if (places > 0 && d->n_vlans + VF_VLAN0 >= places)
                        return -ENOSPC;
                d->n_vlans++;
        }
        d->vlan_users[key]++;
        return 0;
}

void pfdrv_give_vlan(struct pfdrv *d, uint16_t key)
{
        if (--d->vlan_users[key] == 0)
                d->n_vlans--;
}

void pfdrv_drop_macs(struct pfdrv *d, struct pf_vf *v)
{
        d->dirty = d->dirty || v->n_macs > 0;
        d->n_macs -= (uint32_t) v->n_macs;
        v->n_macs = 0;
}

void pfdrv_drop_vlans(struct pfdrv *d, struct pf_vf *v)
{
        d->dirty = d->dirty || v->n_vlans > 0;
        while (v->n_vlans > 0)
                pfdrv_give_vlan(d, v->vlans[--v->n_vlans]);
}

static void set_pool_link(struct pfdrv *d, const struct pf_vf *v)
{
        nic_set_pool_link(d->nic, pool_of_vf(pfdrv_index(d, v)), pfdrv_link(d, v));
}

/* Link and rates are the NIC's, and no reset of the VF reaches them: one that could would be a way
 * around a rate limit. */
void pfdrv_forget(struct pfdrv *d, struct pf_vf *v)
{
        bool plain = v->mac == 0 && v->n_hashes == 0 && v->xcast == XCAST_MULTI &&
                     v->max_frame == FRAME_STANDARD && !v->lpe && !v->spoofchk_ended;

        d->dirty = d->dirty || !plain;
        pfdrv_drop_macs(d, v);
        pfdrv_drop_vlans(d, v);
        v->cts = false;
        v->api = MBX_API_10;
        v->xcast = XCAST_MULTI;
        v->spoofchk_ended = false;
        v->mac = 0;
        v->n_hashes = 0;
        v->max_frame = FRAME_STANDARD;
        v->lpe = false;
}

static void free_vfs(struct pfdrv *d)
{
        for (uint32_t i = 0; i < d->n_vfs; i++) {
                free(d->vfs[i].macs);
                free(d->vfs[i].vlans);
        }
        free(d->vfs);
        d->vfs = NULL;
        d->n_vfs = d->n_macs = d->n_vlans = 0;
        memset(d->vlan_users, 0, sizeof(d->vlan_users));
}

static int remove_vfs(struct pfdrv *d)
{
        uint32_t n = d->n_vfs;
        int r;

        d->n_vfs = 0; /* first: no sorter names a pool that is not there */
        r = pfdrv_publish(d);
        if (r == 0)
                nic_enable_vfs(d->nic, 0);
        d->n_vfs = n;
        if (r < 0)
                return r;
        free_vfs(d);
        return 0;
}

static int make_vfs(struct pfdrv *d, uint32_t n)
{
        struct sorter_pool *pools;
        int r;

        pools = reallocarray(d->pools, (size_t) n + 1, sizeof(*pools));
        if (!pools)
                return -ENOMEM;
        d->pools = pools;
        d->vfs = calloc(n, sizeof(*d->vfs));
        if (!d->vfs)
                return -ENOMEM;
        r = nic_enable_vfs(d->nic, n);
        if (r < 0) {
                free_vfs(d);
                return r;
        }
        d->n_vfs = n;
        for (uint32_t i = 0; i < n; i++) {
                d->vfs[i].spoofchk = d->profile->spoofchk;
                pfdrv_forget(d, &d->vfs[i]);
                set_pool_link(d, &d->vfs[i]);
        }
        r = pfdrv_publish(d);
        if (r < 0) {
                nic_enable_vfs(d->nic, 0);
                free_vfs(d);
        }
        return r;
}

int pfdrv_set_numvfs(struct pfdrv *d, uint32_t n, uint64_t now _unused_)
{
        if (n == d->n_vfs)
                return 0;
        if (n > 0 && d->n_vfs > 0)
                return -EBUSY;
        return n > 0 ? make_vfs(d, n) : remove_vfs(d);
}

void pfdrv_vf_was_reset(struct pfdrv *d, uint32_t vf, uint64_t now _unused_)
{
        if (vf >= d->n_vfs)
                return;
        pfdrv_forget(d, &d->vfs[vf]);
        pfdrv_changed(d);
}

uint64_t pfdrv_vf_mac(const struct pfdrv *d, uint32_t vf)
{
        return vf < d->n_vfs ? pfdrv_mac(d, &d->vfs[vf]) : 0;
}

/* ---- settings: 1 something changed, 0 it was so already ----------------------------------------
 */

/* What only trust, or the lack of an administrator's MAC, allowed. Linux leaves it until the VF
 * starts again, which a VF can put off as long as it likes. */
static void withdraw(struct pfdrv *d, struct pf_vf *v)
{
        if (v->trust)
                return;
        if (v->xcast > XCAST_MULTI)
                v->xcast = XCAST_MULTI;
        if (v->admin_mac) {
                v->mac = 0;
                pfdrv_drop_macs(d, v);
                v->spoofchk_ended = false;
        }
}

static int set_mac(struct pfdrv *d, struct pf_vf *v, const struct vf_attrs *a)
{
        uint64_t mac = mac_number(a->mac.b), before = pfdrv_mac(d, v);
        bool changed = v->admin_mac != mac;

        if (mac_number_multicast(mac))
                return -EINVAL;
        v->admin_mac = mac;
        v->mac = 0;
        withdraw(d, v);
        d->dirty = d->dirty || changed || pfdrv_mac(d, v) != before;
        return changed;
}

/* From all VLANs it is in to this one alone; 0: to none. The places it leaves count. */
static int move_to_vlan(struct pfdrv *d, struct pf_vf *v, uint16_t key)
{
        int r;

        for (size_t i = 0; i < v->n_vlans; i++)
                pfdrv_give_vlan(d, v->vlans[i]);
        if (v->port_vlan)
                pfdrv_give_vlan(d, v->port_vlan);
        r = key ? pfdrv_take_vlan(d, key) : 0;
        if (r == 0) {
                v->n_vlans = 0;
                return 0;
        }
        for (size_t i = 0; i < v->n_vlans; i++) /* which is where they were */
                pfdrv_take_vlan(d, v->vlans[i]);
        if (v->port_vlan)
                pfdrv_take_vlan(d, v->port_vlan);
        return r;
}

static int set_vlan(struct pfdrv *d, struct pf_vf *v, const struct vf_attrs *a)
{
        uint16_t key = v->port_vlan;
        bool service = vf_attrs_has(a, VF_ATTR_VLAN_PROTO) ? a->vlan_proto == VLAN_PROTO_8021AD
                                                           : key & VLAN_KEY_S;
        uint32_t vid = vf_attrs_has(a, VF_ATTR_VLAN) ? a->vlan : key & VLAN_KEY_VID;
        uint32_t qos = vf_attrs_has(a, VF_ATTR_QOS) ? a->qos : v->port_qos;
        int r;

        if (vid > VLAN_ID_MAX || qos > VLAN_QOS_MAX)
                return -EINVAL;
        if (service && !d->profile->qinq)
                return -EPROTONOSUPPORT;
        key = (uint16_t) (vid == 0 ? 0 : vid | (service ? VLAN_KEY_S : 0));
        if (key == v->port_vlan && qos == v->port_qos)
                return 0;
        if (key != v->port_vlan) {
                r = move_to_vlan(d, v, key);
                if (r < 0)
                        return r;
        }
        v->port_vlan = key;
        v->port_qos = (uint8_t) qos;
        d->dirty = true;
        return 1;
}

static int set_rate(struct pfdrv *d, struct pf_vf *v, const struct vf_attrs *a)
{
        uint32_t min = vf_attrs_has(a, VF_ATTR_MIN_TX_RATE) ? a->min_tx_rate : v->min_rate;
        uint32_t max = vf_attrs_has(a, VF_ATTR_MAX_TX_RATE) ? a->max_tx_rate : v->max_rate;
        bool changed = min != v->min_rate || max != v->max_rate;

        if ((min > 0 && !d->profile->min_rate) || (max > 0 && min > max))
                return -EINVAL;
        v->min_rate = min;
        v->max_rate = max;
        if (changed)
                nic_set_rate(d->nic, pool_of_vf(pfdrv_index(d, v)), min, max);
        return changed;
}

static int set_spoofchk(struct pfdrv *d, struct pf_vf *v, const struct vf_attrs *a)
{
        bool changed = v->spoofchk != a->spoofchk || v->spoofchk_ended;

        v->spoofchk = a->spoofchk;
        v->spoofchk_ended = false;
        d->dirty = d->dirty || changed;
        return changed;
}

static int set_trust(struct pfdrv *d, struct pf_vf *v, const struct vf_attrs *a)
{
        if (v->trust == a->trust)
                return 0;
        v->trust = a->trust;
        withdraw(d, v);
        d->dirty = true;
        return 1;
}

static int set_link_state(struct pfdrv *d, struct pf_vf *v, const struct vf_attrs *a)
{
        bool before = pfdrv_link(d, v), changed = v->link_state != a->link_state;

        v->link_state = a->link_state;
        set_pool_link(d, v);
        d->dirty = d->dirty || pfdrv_link(d, v) != before;
        return changed;
}

static int set_query_rss(struct pfdrv *d _unused_, struct pf_vf *v, const struct vf_attrs *a)
{
        bool changed = v->query_rss != a->query_rss;

        v->query_rss = a->query_rss;
        return changed;
}

int pfdrv_set_vf(struct pfdrv *d, uint32_t vf, enum vf_setting setting,
        const struct vf_attrs *attrs, uint64_t now _unused_)
{
        static int (*const set[VF_SETTING_MAX])(
                struct pfdrv * d, struct pf_vf * v, const struct vf_attrs *a) = {
                [VF_SETTING_MAC] = set_mac,
                [VF_SETTING_VLAN] = set_vlan,
                [VF_SETTING_RATE] = set_rate,
                [VF_SETTING_SPOOFCHK] = set_spoofchk,
                [VF_SETTING_TRUST] = set_trust,
                [VF_SETTING_LINK_STATE] = set_link_state,
                [VF_SETTING_QUERY_RSS] = set_query_rss,
        };
        int r;

        if (vf >= d->n_vfs)
                return -EINVAL;
        if (!set[setting])
                return -EOPNOTSUPP;
        if (!(attrs->present & vf_setting_attrs(setting)))
                return 0;
        r = set[setting](d, &d->vfs[vf], attrs);
        if (r < 0)
                return r;
        if (r > 0 && (d->profile->restarts & BIT(setting))) {
                d->vfs[vf].cts = false;
                pfdrv_ping(d, &d->vfs[vf]);
        }
        pfdrv_changed(d);
        return 0;
}

/* ---- the PF's own ------------------------------------------------------------------------------
 */

void pfdrv_set_link(struct pfdrv *d, bool up)
{
        if (d->link == up)
                return;
        d->link = up;
        d->dirty = true;
        nic_set_link(d->nic, up);
        nic_set_pool_link(d->nic, POOL_PF, up);
        for (uint32_t i = 0; i < d->n_vfs; i++) {
                set_pool_link(d, &d->vfs[i]);
                pfdrv_ping(d, &d->vfs[i]);
        }
        pfdrv_changed(d);
}

void pfdrv_set_promisc(struct pfdrv *d, bool on)
{
        d->dirty = d->dirty || d->promisc != on;
        d->promisc = on;
        pfdrv_changed(d);
}

void pfdrv_set_mtu(struct pfdrv *d, uint32_t mtu)
{
        d->dirty = d->dirty || d->mtu != mtu;
        d->mtu = mtu;
        pfdrv_changed(d);
}

void pfdrv_set_multicast(struct pfdrv *d, const uint64_t *macs, uint32_t n)
{
        memset(d->multicast, 0, sizeof(d->multicast));
        for (uint32_t i = 0; i < n; i++)
                d->multicast[sorter_hash(macs[i]) / 64] |= UINT64_C(1) << sorter_hash(macs[i]) % 64;
        d->any_multicast = n > 0;
        d->dirty = true;
        pfdrv_changed(d);
}

void pfdrv_set_veb(struct pfdrv *d, bool on)
{
        d->dirty = d->dirty || d->veb != on;
        d->veb = on;
        pfdrv_changed(d);
}

int pfdrv_set_mirror(struct pfdrv *d, const struct sorter_mirror *mirrors, uint32_t n)
{
        struct sorter_mirror before[MIRROR_RULES_MAX];
        uint32_t n_before = d->n_mirrors;
        int r;

        if (n > MIRROR_RULES_MAX)
                return -EINVAL;
        memcpy(before, d->mirrors, sizeof(before));
        for (uint32_t i = 0; i < n; i++)
                d->mirrors[i] = mirrors[i];
        d->n_mirrors = n;
        r = pfdrv_publish(d);
        if (r < 0) {
                memcpy(d->mirrors, before, sizeof(before));
                d->n_mirrors = n_before;
        }
        return r;
}

void pfdrv_set_deaf(struct pfdrv *d, bool deaf)
{
        d->deaf = deaf;
        for (uint32_t i = 0; i < d->n_vfs && !deaf; i++)
                pfdrv_serve(d, pool_of_vf(i));
}

/* ---- its life ----------------------------------------------------------------------------------
 */

static void on_mailbox(void *userdata, uint32_t pool)
{
        struct pfdrv *d = userdata;

        /* Pools come before their VFs are ours, and go after: nic_enable_vfs(). */
        if (pool != POOL_PF && pool <= d->n_vfs)
                pfdrv_serve(d, pool);
}

void pfdrv_free(struct pfdrv *d)
{
        if (d->farewell) {
                nic_on_mailbox(d->nic, NULL, NULL);
                nic_on_stale(d->nic, NULL, NULL);
                nic_publish(d->nic, TAKE_PTR(d->farewell));
                nic_enable_vfs(d->nic, 0);
        }
        free_vfs(d);
        free(d->pools);
        free(d->filters);
        free(d->members);
        free(d);
}

int pfdrv_new(struct nic *nic, const struct sim_profile *profile, const struct mac *mac,
        struct pfdrv **ret)
{
        const struct sorter_pool nothing = {0};
        const struct sorter_config empty = {
                .n_pools = 1, .pools = &nothing, .default_pool = POOL_NONE};
        _cleanup_(pfdrv_freep) struct pfdrv *d = NULL;
        int r;

        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        d->nic = nic;
        d->profile = profile;
        d->mac = mac_number(mac->b);
        d->link = d->veb = true;
        d->mtu = FRAME_STANDARD - 18;
        rss_default(&d->rss, nic_config(nic)->queues);
        d->pools = calloc(1, sizeof(*d->pools));
        if (!d->pools)
                return -ENOMEM;
        r = sorter_new(&empty, &d->farewell);
        if (r < 0)
                return r;
        nic_on_mailbox(nic, on_mailbox, d);
        nic_on_stale(nic, pfdrv_fresh, d);
        nic_set_pool_link(nic, POOL_PF, true);
        r = pfdrv_publish(d);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}
