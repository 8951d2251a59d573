/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VF driver's requests to its PF driver (drivers/net/ethernet/intel/ixgbevf/vf.c). With the NIC
 * held; whoever answers does so while we write, so waiting is looking a few times.
 *
 * The PF driver may want a VF to start again: its message, or its refusal, then comes without CTS.
 * The driver does so before its next request, and asks again for all it had asked for.
 */
#include "sim/guest/vfdrv_private.h"

#include "sim/nic/registers.h"

#define LOOKS    64u
#define MESSAGES 4u /* that are not the answer, at most, before it comes */

/* ---- words -------------------------------------------------------------------------------------
 */

static uint32_t look(struct vfdrv *d)
{
        uint32_t v = nic_read(d->nic, d->pool, 0, REG_MAILBOX);

        d->seen |= v & (MBX_VF_PFSTS | MBX_VF_PFACK | MBX_VF_RSTD);
        return v;
}

static void write_mailbox(struct vfdrv *d, uint32_t value)
{
        nic_write(d->nic, d->pool, 0, REG_MAILBOX, value, d->now);
}

static bool wait_for(struct vfdrv *d, uint32_t bit)
{
        for (uint32_t i = 0; i < LOOKS; i++) {
                look(d);
                if (d->seen & bit) {
                        d->seen &= ~bit;
                        return true;
                }
        }
        return false;
}

static bool take_buffer(struct vfdrv *d)
{
        for (uint32_t i = 0; i < LOOKS; i++) {
                write_mailbox(d, MBX_VF_VFU);
                if (look(d) & MBX_VF_VFU)
                        return true;
        }
        return false;
}

/* One message of the PF driver that is there. Notes when it wants a new start. */
static bool read_message(struct vfdrv *d, uint32_t words[static MAILBOX_WORDS])
{
        if (!take_buffer(d))
                return false;
        for (uint32_t i = 0; i < MAILBOX_WORDS; i++)
                words[i] = nic_read(d->nic, d->pool, 0, REG_MBMEM + 4 * i);
        write_mailbox(d, MBX_VF_ACK); /* and the buffer is nobody's */
        if ((words[0] & MBX_TYPE) != MBX_RESET && !(words[0] & MBX_CTS))
                d->lost = true;
        return true;
}

static int write_message(struct vfdrv *d, const uint32_t *words, uint32_t n)
{
        if (!take_buffer(d))
                return -ETIMEDOUT;
        d->seen &= ~(MBX_VF_PFACK | MBX_VF_PFSTS);
        for (uint32_t i = 0; i < n; i++)
                nic_write(d->nic, d->pool, 0, REG_MBMEM + 4 * i, words[i], d->now);
        write_mailbox(d, MBX_VF_REQ);
        return wait_for(d, MBX_VF_PFACK) ? 0 : -ETIMEDOUT;
}

/* Asks, and has the answer in words. 0 also when it is a NACK. */
static int ask(struct vfdrv *d, uint32_t words[static MAILBOX_WORDS], uint32_t n)
{
        uint32_t type = words[0] & MBX_TYPE;
        int r;

        r = write_message(d, words, n);
        for (uint32_t i = 0; i < MESSAGES && r == 0; i++) {
                if (!wait_for(d, MBX_VF_PFSTS) || !read_message(d, words))
                        return -ETIMEDOUT;
                if ((words[0] & MBX_TYPE) == type && (words[0] & (MBX_ACK | MBX_NACK)))
                        return 0;
        }
        return r < 0 ? r : -ETIMEDOUT;
}

/* Asks until somebody listens who has not forgotten us. -EPERM: a NACK. */
static int ask_plainly(struct vfdrv *d, uint32_t words[static MAILBOX_WORDS], uint32_t n)
{
        uint32_t question[MAILBOX_WORDS];
        int r;

        memcpy(question, words, sizeof(question));
        r = ask(d, words, n);
        if (r == 0 && (words[0] & MBX_NACK) && d->lost && !d->starting) {
                r = vfdrv_handshake(d);
                memcpy(words, question, sizeof(question));
                if (r == 0)
                        r = ask(d, words, n);
        }
        if (r < 0)
                return r;
        return words[0] & MBX_ACK ? 0 : -EPERM;
}

/* ---- what can be asked -------------------------------------------------------------------------
 */

static uint32_t with_info(uint32_t type, uint32_t info)
{
        return type | info << MBX_INFO_SHIFT;
}

static int ask_mac(struct vfdrv *d, uint32_t word, uint64_t mac)
{
        uint32_t words[MAILBOX_WORDS] = {word, (uint32_t) mac, (uint32_t) (mac >> 32)};

        return ask_plainly(d, words, 3);
}

static int ask_vlan(struct vfdrv *d, uint32_t vid, bool add)
{
        uint32_t words[MAILBOX_WORDS] = {with_info(MBX_SET_VLAN, add), vid};

        return ask_plainly(d, words, 2);
}

static int ask_multicast(struct vfdrv *d, const uint16_t *hashes, uint32_t n)
{
        uint32_t words[MAILBOX_WORDS] = {with_info(MBX_SET_MULTICAST, n)};

        for (uint32_t i = 0; i < n; i++)
                words[1 + i / 2] |= (uint32_t) hashes[i] << (i % 2 * 16);
        return ask_plainly(d, words, 1 + (n + 1) / 2);
}

static int ask_xcast(struct vfdrv *d, enum vf_xcast mode)
{
        uint32_t words[MAILBOX_WORDS] = {MBX_UPDATE_XCAST, mode};
        int r;

        r = ask_plainly(d, words, 2);
        if (r < 0)
                return r;
        return words[1] == mode ? 0 : -EPERM; /* less was granted */
}

static int ask_mtu(struct vfdrv *d, uint32_t mtu)
{
        uint32_t words[MAILBOX_WORDS] = {MBX_SET_LPE, mtu + MTU_TO_LPE};

        return ask_plainly(d, words, 2);
}

/* ---- the beginning -----------------------------------------------------------------------------
 */

/* The newest that both know; 1.0 is what is spoken when none is agreed on. */
static int negotiate(struct vfdrv *d)
{
        d->api = MBX_API_10;
        for (uint32_t api = MBX_API_15; api > MBX_API_20; api--) {
                uint32_t words[MAILBOX_WORDS] = {MBX_API_NEGOTIATE, api};
                int r = ask_plainly(d, words, 2);

                if (r == 0)
                        d->api = api;
                if (r != -EPERM)
                        return r;
        }
        return 0;
}

static int settle_mac(struct vfdrv *d)
{
        uint32_t words[MAILBOX_WORDS] = {MBX_RESET};
        uint64_t mac;
        int r;

        r = ask(d, words, 1);
        if (r < 0)
                return r;
        d->lost = false;
        mac = words[1] | (uint64_t) (words[2] & 0xffff) << 32;
        if ((words[0] & MBX_ACK) || d->mac == 0)
                d->mac = mac;
        if (words[0] & MBX_ACK)
                return 0;
        return ask_mac(d, MBX_SET_MAC, d->mac);
}

/* What is refused now stays a wish: it may be granted the next time. */
static int ask_again(struct vfdrv *d)
{
        int r = 0;

        for (uint32_t vid = 1; vid <= VLAN_KEY_VID && r != -ETIMEDOUT; vid++)
                if (d->vlans[vid / 64] >> vid % 64 & 1)
                        r = ask_vlan(d, vid, true);
        if (r != -ETIMEDOUT && d->n_hashes > 0)
                r = ask_multicast(d, d->hashes, d->n_hashes);
        for (uint32_t i = 0; i < d->n_macs && r != -ETIMEDOUT; i++)
                r = ask_mac(d, with_info(MBX_SET_MACVLAN, i + 1), d->macs[i]);
        if (r != -ETIMEDOUT && d->xcast != XCAST_MULTI && d->api >= MBX_API_12)
                r = ask_xcast(d, d->xcast);
        return r == -ETIMEDOUT ? r : 0;
}

static int start(struct vfdrv *d)
{
        int r;

        if (look(d) & MBX_VF_RSTI)
                return -ETIMEDOUT;
        r = settle_mac(d);
        if (r == 0)
                r = negotiate(d);
        if (r == 0)
                r = ask_mtu(d, d->mtu);
        if (r == 0 || r == -EPERM) /* an 82599 under a PF with long frames gives none to some */
                r = ask_again(d);
        return r;
}

int vfdrv_handshake(struct vfdrv *d)
{
        int r;

        d->starting = true;
        r = start(d);
        d->starting = false;
        return r;
}

int vfdrv_serve_mailbox(struct vfdrv *d)
{
        uint32_t words[MAILBOX_WORDS];
        int r;

        if (d->config.raw)
                return 0;
        look(d);
        if (d->seen & MBX_VF_PFSTS) {
                d->seen &= ~MBX_VF_PFSTS;
                if (!read_message(d, words))
                        return -ETIMEDOUT;
        }
        if (!d->lost)
                return 0;
        r = vfdrv_handshake(d);
        return r < 0 ? r : 1;
}

/* ---- requests ----------------------------------------------------------------------------------
 */

/* Before each: is it in the version agreed on, and is there somebody who would listen. */
static int ready(struct vfdrv *d, enum mbx_api since)
{
        int r;

        if (d->config.raw)
                return -EOPNOTSUPP;
        r = vfdrv_serve_mailbox(d);
        if (r < 0)
                return r;
        return d->api < since ? -EOPNOTSUPP : 0;
}

int vfdrv_set_mac(struct vfdrv *d, uint64_t mac)
{
        int r;

        r = ready(d, MBX_API_10);
        if (r == 0)
                r = ask_mac(d, MBX_SET_MAC, mac & MAC_MASK);
        if (r == 0)
                d->mac = mac & MAC_MASK;
        return r;
}

int vfdrv_set_vlan(struct vfdrv *d, uint16_t vid, bool add)
{
        int r;

        if (vid >= VLAN_KEY_VID)
                return -EINVAL;
        r = ready(d, MBX_API_10);
        if (r == 0)
                r = ask_vlan(d, vid, add);
        if (r < 0)
                return r;
        if (add)
                d->vlans[vid / 64] |= UINT64_C(1) << vid % 64;
        else
                d->vlans[vid / 64] &= ~(UINT64_C(1) << vid % 64);
        return 0;
}

int vfdrv_set_multicast(struct vfdrv *d, const uint64_t *macs, uint32_t n)
{
        uint16_t hashes[MBX_MULTICAST_MAX];
        int r;

        if (n > MBX_MULTICAST_MAX)
                return -EINVAL;
        for (uint32_t i = 0; i < n; i++)
                hashes[i] = (uint16_t) sorter_hash(macs[i]);
        r = ready(d, MBX_API_10);
        if (r == 0)
                r = ask_multicast(d, hashes, n);
        if (r < 0)
                return r;
        memcpy(d->hashes, hashes, n * sizeof(*hashes));
        d->n_hashes = n;
        return 0;
}

int vfdrv_add_macvlan(struct vfdrv *d, uint64_t mac)
{
        uint32_t index = mac ? d->n_macs + 1 : 0;
        int r;

        if (index > VFDRV_MACS_MAX)
                return -ENOSPC;
        r = ready(d, MBX_API_10);
        if (r == 0)
                r = ask_mac(d, with_info(MBX_SET_MACVLAN, index), mac & MAC_MASK);
        if (r < 0)
                return r;
        d->n_macs = index;
        if (index > 0)
                d->macs[index - 1] = mac & MAC_MASK;
        return 0;
}

int vfdrv_set_xcast(struct vfdrv *d, enum vf_xcast mode)
{
        int r;

        r = ready(d, mode == XCAST_PROMISC ? MBX_API_13 : MBX_API_12);
        if (r == 0)
                r = ask_xcast(d, mode);
        if (r == 0)
                d->xcast = mode;
        return r;
}

int vfdrv_set_mtu(struct vfdrv *d, uint32_t mtu)
{
        int r;

        if (mtu > (d->config.scatter ? FRAME_MAX : d->config.buffer) - MTU_TO_BUFFER)
                return -EMSGSIZE;
        r = ready(d, MBX_API_10);
        if (r == 0)
                r = ask_mtu(d, mtu);
        if (r == 0)
                d->mtu = mtu;
        return r;
}

int vfdrv_get_rss(struct vfdrv *d, uint8_t key[static 40])
{
        uint32_t words[MAILBOX_WORDS] = {MBX_GET_RSS_KEY};
        int r;

        r = ready(d, MBX_API_12);
        if (r == 0)
                r = ask_plainly(d, words, 1);
        if (r == 0)
                memcpy(key, &words[1], 40);
        return r;
}

bool vfdrv_link(struct vfdrv *d)
{
        uint32_t words[MAILBOX_WORDS] = {MBX_GET_LINK};

        if (!(nic_read(d->nic, d->pool, 0, REG_LINKS) & REG_LINKS_UP))
                return false;
        /* The register alone tells what a PF driver too old for the question, or deaf, says. */
        return ready(d, MBX_API_12) < 0 || ask_plainly(d, words, 1) < 0 || words[1] != 0;
}
