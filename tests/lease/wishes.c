/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tenants wish for. Loop thread. */
#include <stdio.h>

#include "tenants.h"

/* xorshift64* */
uint32_t dice(struct tenants *all, uint32_t n)
{
        uint64_t x = all->seed;

        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        all->seed = x;
        return (uint32_t) ((x * 0x2545f4914f6cdd1dull >> 32) % n);
}

/* One that others may ask for too, or that a VF was born with; unique: nobody else has it. */
static struct mac random_mac(struct tenants *all, size_t pf, bool unique)
{
        static uint32_t given;
        uint8_t n = (uint8_t) dice(all, 12);

        if (unique) {
                given++;
                return (struct mac){{0x02, 0xcc, (uint8_t) (given >> 24), (uint8_t) (given >> 16),
                        (uint8_t) (given >> 8), (uint8_t) given}};
        }
        if (n < 4)
                return (struct mac){{0x02, 0xbb, 0, 0, (uint8_t) pf, (uint8_t) (n * 2)}};
        return (struct mac){{0x02, 0xaa, 0, 0, 0, n}};
}

static void random_setting(
        struct tenants *all, size_t pf, bool unique, enum vf_setting setting, struct vf_attrs *a)
{
        switch (setting) {
        case VF_SETTING_MAC:
                a->mac = random_mac(all, pf, unique);
                break;
        case VF_SETTING_VLAN:
                a->vlan = 1 + dice(all, 4000);
                a->qos = dice(all, 8);
                a->vlan_proto = VLAN_PROTO_8021Q;
                break;
        case VF_SETTING_RATE:
                a->min_tx_rate = pf < 2 ? dice(all, 2) * 10 : 0;
                a->max_tx_rate = 100 + dice(all, 500);
                break;
        case VF_SETTING_SPOOFCHK:
                a->spoofchk = dice(all, 2);
                break;
        case VF_SETTING_TRUST:
                a->trust = dice(all, 2);
                break;
        case VF_SETTING_LINK_STATE:
                a->link_state = dice(all, VF_LINK_MAX);
                break;
        default:
                return;
        }
        a->present |= vf_setting_attrs(setting);
}

/* Some settings that this PF's driver knows. */
void random_attrs(struct tenants *all, size_t pf, bool unique, struct vf_attrs *a)
{
        const struct sim_profile *profile = host_pf(all->host, pf)->profile;
        unsigned n = dice(all, 4);

        *a = (struct vf_attrs){0};
        for (unsigned i = 0; i < n; i++) {
                enum vf_setting setting = dice(all, VF_SETTING_MAX);

                if (profile->settable & BIT(setting))
                        random_setting(all, pf, unique, setting, a);
        }
}

void random_selector(struct tenants *all, size_t pf, struct lease_selector *s)
{
        *s = (struct lease_selector){.numa_node = -1};
        if (dice(all, 4) > 0)
                snprintf(s->pf, sizeof(s->pf), "%s", dev_id_address(&host_pf(all->host, pf)->id));
        if (dice(all, 8) == 0)
                snprintf(s->vf, sizeof(s->vf), "%s/%u", dev_id_address(&host_pf(all->host, pf)->id),
                        dice(all, host_counts[pf]));
        if (dice(all, 16) == 0)
                snprintf(s->driver, sizeof(s->driver), "iavf");
        if (dice(all, 16) == 0)
                s->numa_node = (int32_t) dice(all, 2);
}
