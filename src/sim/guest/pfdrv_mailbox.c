/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What VFs ask of the PF driver, and its answers (ixgbe_sriov.c ixgbe_rcv_msg_from_vf()). A VF is a
 * stranger: any word may be in a message, in any order. With the NIC held.
 *
 * The answer is the request's words with ACK or NACK in the first, and CTS when the VF has done its
 * reset; what was asked for comes from the second word on.
 */
#include "sim/guest/pfdrv_private.h"

#define VLAN_VID_ALL 0x0fffu
#define LPE_MIN      64u /* with FCS */
#define RETA_WORDS   (RSS_ENTRIES / 16)

/* ---- words -------------------------------------------------------------------------------------
 */

static bool take_buffer(struct mailbox *m)
{
        mailbox_pf_write(m, MBX_PF_PFU);
        return mailbox_pf_read(m) & MBX_PF_PFU;
}

/* A VF that keeps the buffer gets nothing. */
static void say(struct pfdrv *d, uint32_t pool, const uint32_t *words, uint32_t n)
{
        struct mailbox *m = nic_mailbox(d->nic, pool);

        if (!take_buffer(m))
                return;
        for (uint32_t i = 0; i < n; i++)
                mailbox_pf_set_word(m, i, words[i]);
        if (mailbox_pf_write(m, MBX_PF_STS)) /* gives the buffer back, too */
                nic_mailbox_interrupt(d->nic, pool);
}

static bool hear(struct pfdrv *d, uint32_t pool, uint32_t words[static MAILBOX_WORDS])
{
        struct mailbox *m = nic_mailbox(d->nic, pool);

        if (!take_buffer(m))
                return false;
        for (uint32_t i = 0; i < MAILBOX_WORDS; i++)
                words[i] = mailbox_pf_word(m, i);
        if (mailbox_pf_write(m, MBX_PF_ACK))
                nic_mailbox_interrupt(d->nic, pool);
        return true;
}

void pfdrv_ping(struct pfdrv *d, const struct pf_vf *v)
{
        uint32_t word = MBX_CONTROL | (v->cts ? MBX_CTS : 0);

        if (!d->deaf)
                say(d, pool_of_vf(pfdrv_index(d, v)), &word, 1);
}

static uint32_t info_of(uint32_t word)
{
        return word >> MBX_INFO_SHIFT & 0xff;
}

static uint64_t mac_of(const uint32_t *words)
{
        return words[1] | (uint64_t) (words[2] & 0xffff) << 32;
}

static bool mac_usable(uint64_t mac)
{
        return mac != 0 && !mac_number_multicast(mac);
}

/* The administrator said what MAC it has, and does not trust it to have others. */
static bool mac_is_settled(const struct pf_vf *v)
{
        return v->admin_mac && !v->trust;
}

/* ---- requests: 0 or the reason for a NACK -------------------------------------------------------
 */

static int set_mac(struct pfdrv *d, struct pf_vf *v, uint32_t *words)
{
        uint64_t mac = mac_of(words), now = pfdrv_mac(d, v);

        if (!mac_usable(mac))
                return -EINVAL;
        if (mac_is_settled(v) && mac != now)
                return -EPERM;
        if (mac != now)
                d->dirty = true;
        if (!mac_is_settled(v))
                v->mac = mac;
        return 0;
}

static int set_multicast(struct pfdrv *d, struct pf_vf *v, uint32_t *words)
{
        uint32_t n = info_of(words[0]);

        if (n > MBX_MULTICAST_MAX)
                n = MBX_MULTICAST_MAX; /* ixgbe_set_vf_multicasts(): what is more is not heard */
        for (uint32_t i = 0; i < n; i++)
                v->hashes[i] = words[1 + i / 2] >> (i % 2 * 16) & (HASH_BITS - 1);
        v->n_hashes = n;
        d->dirty = true;
        return 0;
}

static int add_vlan(struct pfdrv *d, struct pf_vf *v, uint16_t vid)
{
        int r;

        if (!v->trust && d->profile->vf_vlans > 0 && v->n_vlans >= d->profile->vf_vlans)
                return -EPERM;
        r = array_grow(&v->vlans, &v->vlans_size, v->n_vlans, sizeof(*v->vlans));
        if (r == 0)
                r = pfdrv_take_vlan(d, vid);
        if (r < 0)
                return r;
        v->vlans[v->n_vlans++] = vid;
        d->dirty = true;
        return 0;
}

static int set_vlan(struct pfdrv *d, struct pf_vf *v, uint32_t *words)
{
        uint16_t vid = words[1] & VLAN_VID_ALL;
        bool add = info_of(words[0]) != 0;
        size_t i = 0;

        if (v->port_vlan)
                return -EPERM;
        if (vid > VLAN_ID_MAX)
                return -EINVAL;
        if (vid == 0) /* untagged: each VF has it and keeps it */
                return 0;
        while (i < v->n_vlans && v->vlans[i] != vid)
                i++;
        if (add)
                return i < v->n_vlans ? 0 : add_vlan(d, v, vid);
        if (i < v->n_vlans) {
                v->vlans[i] = v->vlans[--v->n_vlans];
                pfdrv_give_vlan(d, vid);
                d->dirty = true;
        }
        return 0;
}

static int set_lpe(struct pfdrv *d, struct pf_vf *v, uint32_t *words)
{
        uint32_t max = words[1]; /* FCS and not the tag; ours is the other way round: both are 4 */

        if (max < LPE_MIN || max > FRAME_MAX)
                return -EINVAL;
        d->dirty = d->dirty || v->max_frame != max || !v->lpe;
        v->max_frame = max;
        v->lpe = true;
        return pfdrv_frames_fit(d, v) ? 0
                                      : -EPERM; /* receive is off then, until it asks for less */
}

static int add_mac(struct pfdrv *d, struct pf_vf *v, uint64_t mac)
{
        const struct sim_profile *p = d->profile;
        int r;

        for (size_t i = 0; i < v->n_macs; i++)
                if (v->macs[i] == mac)
                        return 0;
        if (v->n_macs >= VF_MACS_MAX || (p->mac_filters > 0 && d->n_macs >= p->mac_filters))
                return -ENOSPC;
        if (!v->trust && p->vf_macs > 0 && v->n_macs >= p->vf_macs)
                return -EPERM;
        r = array_grow(&v->macs, &v->macs_size, v->n_macs, sizeof(*v->macs));
        if (r < 0)
                return r;
        v->macs[v->n_macs++] = mac;
        d->n_macs++;
        v->spoofchk_ended = v->spoofchk_ended || p->filter_ends_spoofchk;
        d->dirty = true;
        return 0;
}

static int set_macvlan(struct pfdrv *d, struct pf_vf *v, uint32_t *words)
{
        uint32_t index = info_of(words[0]);

        if (index > 0 && mac_is_settled(v))
                return -EPERM;
        if (index > 0 && !mac_usable(mac_of(words)))
                return -EINVAL;
        if (index <= 1)
                pfdrv_drop_macs(d, v);
        return index > 0 ? add_mac(d, v, mac_of(words)) : 0;
}

static int negotiate(struct pfdrv *d, struct pf_vf *v, uint32_t *words)
{
        if (words[1] > d->profile->mailbox_api || words[1] == MBX_API_20)
                return -EOPNOTSUPP;
        d->dirty = d->dirty || (d->profile->jumbo_with_pf && v->api != words[1]);
        v->api = words[1];
        return 0;
}

static int get_queues(struct pfdrv *d, struct pf_vf *v, uint32_t *words)
{
        words[1] = words[2] = nic_config(d->nic)->queues;
        words[3] = v->port_vlan != 0;
        words[4] = 0;
        return 0;
}

static int get_reta(struct pfdrv *d, struct pf_vf *v, uint32_t *words)
{
        if (!v->query_rss)
                return -EPERM;
        if (nic_config(d->nic)->queues > 4) /* 2 bits per entry */
                return -EOPNOTSUPP;
        memset(&words[1], 0, RETA_WORDS * sizeof(*words));
        for (uint32_t i = 0; i < RSS_ENTRIES; i++)
                words[1 + i / 16] |= (uint32_t) d->rss.queues[i] << (i % 16 * 2);
        return 0;
}

static int get_rss_key(struct pfdrv *d, struct pf_vf *v, uint32_t *words)
{
        if (!v->query_rss)
                return -EPERM;
        memcpy(&words[1], d->rss.key, sizeof(d->rss.key));
        return 0;
}

static int update_xcast(struct pfdrv *d, struct pf_vf *v, uint32_t *words)
{
        uint32_t mode = words[1];

        if (mode >= XCAST_MAX || (mode == XCAST_PROMISC && v->api < MBX_API_13))
                return -EOPNOTSUPP;
        if (mode > XCAST_MULTI && !v->trust)
                mode = XCAST_MULTI; /* ixgbe_update_vf_xcast_mode(): and says so */
        if (mode == XCAST_PROMISC && !d->profile->unicast_promisc)
                return -EOPNOTSUPP;
        d->dirty = d->dirty || v->xcast != mode;
        v->xcast = words[1] = mode;
        return 0;
}

static int get_link(struct pfdrv *d, struct pf_vf *v, uint32_t *words)
{
        words[1] = pfdrv_link(d, v);
        return 0;
}

static const struct request {
        uint32_t type;
        enum mbx_api since;
        int (*answer)(struct pfdrv *d, struct pf_vf *v, uint32_t *words);
} requests[] = {
        {MBX_SET_MAC, MBX_API_10, set_mac},
        {MBX_SET_MULTICAST, MBX_API_10, set_multicast},
        {MBX_SET_VLAN, MBX_API_10, set_vlan},
        {MBX_SET_LPE, MBX_API_10, set_lpe},
        {MBX_SET_MACVLAN, MBX_API_10, set_macvlan},
        {MBX_API_NEGOTIATE, MBX_API_10, negotiate},
        {MBX_GET_QUEUES, MBX_API_11, get_queues},
        {MBX_GET_RETA, MBX_API_12, get_reta},
        {MBX_GET_RSS_KEY, MBX_API_12, get_rss_key},
        {MBX_UPDATE_XCAST, MBX_API_12, update_xcast},
        {MBX_GET_LINK, MBX_API_12, get_link},
};

/* ---- the mailbox -------------------------------------------------------------------------------
 */

static void vf_reset(struct pfdrv *d, struct pf_vf *v)
{
        uint32_t words[4] = {MBX_RESET}; /* the last: by which bits of a MAC to hash: 47:36 */
        uint64_t mac;

        pfdrv_forget(d, v);
        v->cts = true;
        mac = pfdrv_mac(d, v);
        words[0] |= v->admin_mac ? MBX_ACK : MBX_NACK;
        words[1] = (uint32_t) mac;
        words[2] = (uint32_t) (mac >> 32);
        say(d, pool_of_vf(pfdrv_index(d, v)), words, ELEMENTSOF(words));
}

static int answer(struct pfdrv *d, struct pf_vf *v, uint32_t *words)
{
        int r = -EOPNOTSUPP;

        for (size_t i = 0; i < ELEMENTSOF(requests); i++)
                if (requests[i].type == (words[0] & MBX_TYPE) && v->api >= requests[i].since)
                        r = requests[i].answer(d, v, words);
        return r;
}

static void message(struct pfdrv *d, struct pf_vf *v)
{
        uint32_t pool = pool_of_vf(pfdrv_index(d, v)), words[MAILBOX_WORDS];

        if (!hear(d, pool, words) || (words[0] & (MBX_ACK | MBX_NACK))) /* an answer of ours */
                return;
        if (words[0] == MBX_RESET) {
                vf_reset(d, v);
                return;
        }
        if (!v->cts) {
                words[0] |= MBX_NACK;
                say(d, pool, words, 1);
                return;
        }
        words[0] |= MBX_CTS | (answer(d, v, words) < 0 ? MBX_NACK : MBX_ACK);
        say(d, pool, words, MAILBOX_WORDS);
}

void pfdrv_serve(struct pfdrv *d, uint32_t pool)
{
        struct pf_vf *v = &d->vfs[pool - 1];
        struct mailbox_causes causes;

        if (d->deaf)
                return;
        causes = mailbox_pf_causes(nic_mailbox(d->nic, pool));
        if (causes.reset)
                pfdrv_forget(d, v);
        if (causes.request)
                message(d, v);
        pfdrv_changed(d);
}
