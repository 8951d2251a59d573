/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile VF and its PF driver: any registers, any words, in any order. Nothing crashes; the PF
 * driver keeps no buffer; filters, VLANs and flags of other VFs stay as they are; a VF that is not
 * trusted is never promiscuous, and one that has the administrator's MAC has no other. One thread.
 *
 * The first byte chooses the profile, then each byte an action and what it needs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/guest/pfdrv.h"
#include "sim/nic/mailbox.h"
#include "sim/nic/registers.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        abort();                                                                   \
        } while (0)

#define VFS      4u
#define HOSTILE  1u /* pool: has the administrator's MAC, or not; trusted, or not */
#define WORDS_IN 6u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
        const uint8_t *at, *end;
};

struct run {
        struct memory *memory;
        struct iommu *iommu;
        struct irq *irq;
        struct nic *nic;
        struct pfdrv *pf;
        bool trusted, admin_mac;
        char *others; /* what is known of the other VFs at the beginning */
};

static uint32_t take(struct input *in, uint32_t bytes)
{
        uint32_t v = 0;

        for (uint32_t i = 0; i < bytes && in->at < in->end; i++)
                v |= (uint32_t) *in->at++ << 8 * i;
        return v;
}

/* ---- messages ---- */

static void message(struct run *r, uint32_t pool, const uint32_t *words, uint32_t n)
{
        nic_write(r->nic, pool, 0, REG_MAILBOX, MBX_VF_VFU, 0);
        for (uint32_t i = 0; i < n; i++)
                nic_write(r->nic, pool, 0, REG_MBMEM + 4 * i, words[i], 0);
        nic_write(r->nic, pool, 0, REG_MAILBOX, MBX_VF_REQ, 0);
}

/* The others have a life of their own: MAC, VLANs, multicast; one is trusted and promiscuous. */
static void settle_others(struct run *r)
{
        struct vf_attrs a = {
                .present = BIT(VF_ATTR_TRUST) | BIT(VF_ATTR_VLAN), .trust = true, .vlan = 300};

        CHECK(pfdrv_set_vf(r->pf, 2, VF_SETTING_TRUST, &a, 0) == 0);
        CHECK(pfdrv_set_vf(r->pf, 3, VF_SETTING_VLAN, &a, 0) == 0);
        for (uint32_t pool = HOSTILE + 1; pool <= VFS; pool++) {
                const uint32_t messages[][WORDS_IN] = {
                        {MBX_RESET},
                        {MBX_API_NEGOTIATE, MBX_API_13},
                        {MBX_SET_MAC, 0x00000002, 0x0100 * pool},
                        {MBX_SET_VLAN | 1u << MBX_INFO_SHIFT, 100},
                        {MBX_SET_VLAN | 1u << MBX_INFO_SHIFT, 200 + pool},
                        {MBX_SET_MULTICAST | 2u << MBX_INFO_SHIFT, 0x01230456},
                        {MBX_SET_MACVLAN | 1u << MBX_INFO_SHIFT, 0x00000002, 0x0200 * pool},
                        {MBX_UPDATE_XCAST, XCAST_ALLMULTI},
                };

                for (size_t i = 0; i < ELEMENTSOF(messages); i++)
                        message(r, pool, messages[i], WORDS_IN);
        }
}

/* ---- what must hold ---- */

/* The lines of the description that are about another pool than the hostile one. */
static char *describe(struct run *r, uint32_t *ret_filters, bool *ret_promisc)
{
        char *text, *to, *line, *rest, *kept;
        uint32_t pool;

        CHECK(pfdrv_describe(r->pf, &text) == 0);
        kept = to = malloc(strlen(text) + 1);
        CHECK(kept);
        *to = '\0';
        *ret_filters = 0;
        *ret_promisc = false;
        for (rest = text; (line = strsep(&rest, "\n"));) {
                char word[16];

                if (sscanf(line, "%15s %u", word, &pool) != 2)
                        continue;
                if (pool == HOSTILE && streq(word, "filter"))
                        ++*ret_filters;
                if (pool == HOSTILE && streq(word, "pool"))
                        *ret_promisc = strstr(line, "promisc");
                if (pool > HOSTILE && pool <= VFS)
                        to = stpcpy(stpcpy(to, line), "\n");
        }
        free(text);
        return kept;
}

static void check(struct run *r)
{
        uint32_t filters;
        bool promisc;
        char *now = describe(r, &filters, &promisc);

        CHECK(streq(now, r->others));
        CHECK(r->trusted || !promisc);
        CHECK(filters >= 1 && (r->trusted || !r->admin_mac || filters == 1));
        for (uint32_t pool = 1; pool <= VFS; pool++)
                CHECK(!(mailbox_pf_read(nic_mailbox(r->nic, pool)) & MBX_PF_PFU));
        free(now);
}

/* ---- actions ---- */

static void any_message(struct run *r, struct input *in)
{
        uint32_t words[WORDS_IN], n = 1 + take(in, 1) % WORDS_IN;

        for (uint32_t i = 0; i < n; i++)
                words[i] = take(in, 4);
        message(r, HOSTILE, words, n);
}

static void likely_message(struct run *r, struct input *in)
{
        static const uint32_t types[] = {MBX_RESET, MBX_SET_MAC, MBX_SET_MULTICAST, MBX_SET_VLAN,
                MBX_SET_LPE, MBX_SET_MACVLAN, MBX_API_NEGOTIATE, MBX_GET_QUEUES, MBX_GET_RETA,
                MBX_GET_RSS_KEY, MBX_UPDATE_XCAST, MBX_GET_LINK};
        uint32_t type = types[take(in, 1) % ELEMENTSOF(types)];
        uint32_t info = take(in, 1);
        const uint32_t words[WORDS_IN] = {
                type == MBX_RESET ? type : type | info << MBX_INFO_SHIFT, take(in, 2), take(in, 2)};

        message(r, HOSTILE, words, WORDS_IN);
}

static void bare_register(struct run *r, struct input *in)
{
        uint32_t offset = take(in, 1);

        offset = offset < 64 ? REG_MBMEM + 4 * (offset % 20) : REG_MAILBOX;
        nic_write(r->nic, HOSTILE, 0, offset, take(in, 2), 0);
        nic_read(r->nic, HOSTILE, 0, offset);
}

static void reset(struct run *r, struct input *in)
{
        if (take(in, 1) % 2)
                nic_reset_function(r->nic, HOSTILE);
        else
                nic_write(r->nic, HOSTILE, 0, REG_CTRL, REG_CTRL_RST, 0);
}

static void administer(struct run *r, struct input *in)
{
        uint32_t what = take(in, 1), value = take(in, 2);
        enum vf_setting setting = what % VF_SETTING_NODE_GUID;
        struct vf_attrs a = {.present = vf_setting_attrs(setting)};

        a.trust = value & 1;
        a.spoofchk = value & 1;
        a.query_rss = value & 1;
        a.link_state = value % VF_LINK_MAX;
        a.vlan = value % 4097;
        a.qos = value >> 12;
        if (value & 1)
                a.mac = (struct mac){{0x02, 0xad, 0, 0, (uint8_t) (value >> 8), (uint8_t) value}};
        if (pfdrv_set_vf(r->pf, HOSTILE - 1, setting, &a, 0) < 0)
                return;
        if (setting == VF_SETTING_TRUST)
                r->trusted = a.trust;
        if (setting == VF_SETTING_MAC)
                r->admin_mac = value & 1;
}

static void deafen(struct run *r, struct input *in)
{
        pfdrv_set_deaf(r->pf, take(in, 1) & 1);
}

static void pass(struct run *r, struct input *in)
{
        (void) in;
        nic_poll(r->nic, 1);
}

/* ---- one input ---- */

static void begin(struct run *r, const struct sim_profile *profile)
{
        const struct mac mac = {{0x02, 0x51, 0, 0, 1, 0}};
        struct nic_config config;
        uint32_t filters;
        bool promisc;

        CHECK(memory_new(PAGE_SIZE_2M, &r->memory) == 0);
        CHECK(iommu_new(r->memory, true, &r->iommu) == 0);
        CHECK(irq_new(r->iommu, true, &r->irq) == 0);
        config = (struct nic_config){.memory = r->memory,
                .iommu = r->iommu,
                .irq = r->irq,
                .pf_rid = 0x100,
                .vf_offset = profile->offset,
                .vf_stride = profile->stride,
                .max_vfs = VFS,
                .queues = 2,
                .pf_vectors = 1,
                .vf_vectors = 1};
        CHECK(nic_new(&config, &r->nic) == 0);
        CHECK(pfdrv_new(r->nic, profile, &mac, &r->pf) == 0);
        CHECK(pfdrv_set_numvfs(r->pf, VFS, 0) == 0);
        settle_others(r);
        r->others = describe(r, &filters, &promisc);
        CHECK(strstr(r->others, "filter 3 02:00:00:00:00:03\n"));
}

static void end(struct run *r)
{
        char why[512];

        CHECK(nic_conserved(r->nic, why, sizeof(why)));
        pfdrv_free(r->pf);
        nic_free(r->nic);
        irq_free(r->irq);
        iommu_free(r->iommu);
        memory_free(r->memory);
        free(r->others);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const profiles[] = {"igb", "ixgbe", "i40e", "ice", "mlx5", "scale"};
        static void (*const actions[])(struct run * r, struct input * in) = {any_message,
                likely_message, likely_message, likely_message, bare_register, reset, administer,
                deafen, pass};
        struct input in = {data, data + size};
        struct run r = {0};

        begin(&r, sim_profile_find(profiles[take(&in, 1) % ELEMENTSOF(profiles)]));
        for (uint32_t steps = 0; in.at < in.end && steps < 500; steps++) {
                actions[take(&in, 1) % ELEMENTSOF(actions)](&r, &in);
                check(&r);
        }
        end(&r);
        return 0;
}
