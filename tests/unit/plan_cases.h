/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random cases for test-plan-property.c: how a PF came to be as it is, and what it shall be; and
 * smaller ones made from a case.
 */
#pragma once

#include "model/plan_desired.h"
#include "model/request.h"
#include "sim/profile.h"
#include "unit.h"

#define CASE_VFS    6u /* the machines' PFs have no more */
#define CASE_STARTS 40u

struct plan_case {
        uint64_t seed;
        unsigned machine; /* of lab_machines */
        const struct sim_profile *profile;
        struct step starts[CASE_STARTS]; /* what has been done to the PF; may fail */
        size_t n_starts;
        size_t snapshot; /* after so many the PF is taken as the wish; SIZE_MAX: `wish` is it */
        uint32_t held;   /* BIT(VF): a guest opens it, if it is on vfio-pci */
        bool no_driver;  /* the PF's driver leaves at last */
        struct desired wish;
};

/* splitmix64 */
static inline uint64_t next_random(uint64_t *state)
{
        uint64_t z = *state += 0x9e3779b97f4a7c15u;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
}

static inline uint32_t below(uint64_t *state, uint32_t n)
{
        return (uint32_t) (next_random(state) % n);
}

static inline bool chance(uint64_t *state, uint32_t percent)
{
        return below(state, 100) < percent;
}

/* Few values, so that what is wanted is often there already, and often with somebody else. */
static inline struct vf_attrs random_attrs(uint64_t *s, uint32_t percent)
{
        struct vf_attrs a = {
                .mac = {{2, 0, 0, 0, 0, (uint8_t) below(s, 8)}},
                .vlan = below(s, 3) * 100,
                .qos = below(s, 3),
                .vlan_proto = chance(s, 15) ? VLAN_PROTO_8021AD : VLAN_PROTO_8021Q,
                .min_tx_rate = below(s, 8) ? 0 : 10,
                .max_tx_rate = below(s, 3) * 100,
                .spoofchk = chance(s, 50),
                .trust = chance(s, 50),
                .query_rss = chance(s, 50),
                .link_state = (enum vf_link_state) below(s, VF_LINK_MAX),
                .node_guid = 1,
                .port_guid = 2,
        };

        if (a.mac.b[5] == 0)
                a.mac.b[0] = 0;
        for (unsigned i = 0; i < VF_ATTR_MAX; i++) {
                bool rare = i >= VF_ATTR_QUERY_RSS;

                if (chance(s, rare ? percent / 4 : percent))
                        *(chance(s, 80) ? &a.present : &a.reset) |= BIT(i);
        }
        return a;
}

/* "": leave it. */
static inline const char *random_driver(uint64_t *s, const struct sim_profile *profile)
{
        switch (below(s, 6)) {
        case 0:
        case 1:
                return "vfio-pci";
        case 2:
                return "pci-stub";
        case 3:
                return "none";
        case 4: /* may not be the VFs' own: the kernel refuses */
                if (chance(s, 30))
                        return "igbvf";
                /* fall through */
        default:
                return driver_check(profile->vf_driver, NULL) == 0 ? profile->vf_driver
                                                                   : "vfio-pci";
        }
}

static inline void add_start(struct plan_case *c, struct step step)
{
        if (c->n_starts < CASE_STARTS)
                c->starts[c->n_starts++] = step;
}

static inline bool by_override(const char *driver)
{
        return streq(driver, "vfio-pci") || streq(driver, "pci-stub");
}

static inline void start_driver(struct plan_case *c, uint64_t *s, uint32_t vf, const char *driver)
{
        struct step bind = {.kind = STEP_BIND, .vf = vf};
        struct step override = {.kind = STEP_SET_OVERRIDE, .vf = vf};

        snprintf(bind.name, sizeof(bind.name), "%s", driver);
        snprintf(override.name, sizeof(override.name), "%s", driver);
        add_start(c, (struct step){.kind = STEP_UNBIND, .vf = vf});
        if (streq(driver, "none"))
                return;
        if (by_override(driver))
                add_start(c, override);
        add_start(c, bind);
        if (by_override(driver) && chance(s, 70))
                add_start(c, (struct step){.kind = STEP_CLEAR_OVERRIDE, .vf = vf});
}

static inline void start_attrs(struct plan_case *c, uint64_t *s, uint32_t vf)
{
        enum vf_setting setting = (enum vf_setting) below(s, VF_SETTING_QUERY_RSS + 1);
        struct step step = {.kind = STEP_SET_VF, .vf = vf, .setting = setting};
        struct vf_attrs a = random_attrs(s, 100), wish = {0};

        a.present = BIT(VF_ATTR_MAX) - 1;
        a.reset = 0;
        vf_attrs_copy(&wish, &a, vf_setting_attrs(setting));
        step.attrs = wish;
        add_start(c, step);
}

static inline void random_start(struct plan_case *c, uint64_t *s, uint32_t vfs)
{
        struct step step = {.vf = NO_VF};

        switch (below(s, 8)) {
        case 0:
                step.kind = STEP_SET_AUTOPROBE;
                step.value = below(s, 2);
                add_start(c, step);
                break;
        case 1:
                step.kind = STEP_SET_MTU;
                step.value = chance(s, 50) ? 1500 : 9000;
                add_start(c, step);
                break;
        case 2:
        case 3:
                start_driver(c, s, below(s, vfs), random_driver(s, c->profile));
                break;
        default:
                start_attrs(c, s, below(s, vfs));
        }
}

static inline void random_starts(struct plan_case *c, uint64_t *s)
{
        uint32_t vfs = below(s, CASE_VFS + 1), n = below(s, 10);
        struct step step = {.vf = NO_VF};

        if (chance(s, 20)) {
                step.kind = STEP_SET_AUTOPROBE;
                add_start(c, step);
        }
        if (chance(s, 20)) {
                step.kind = STEP_SET_ESWITCH;
                snprintf(step.name, sizeof(step.name), "switchdev");
                add_start(c, step);
        }
        if (vfs > 0)
                add_start(c, (struct step){.kind = STEP_SET_NUMVFS, .vf = NO_VF, .value = vfs});
        for (uint32_t i = 0; vfs > 0 && i < n; i++)
                random_start(c, s, vfs);
        if (chance(s, 25))
                c->snapshot = c->n_starts;
        for (uint32_t i = 0; c->snapshot != SIZE_MAX && vfs > 0 && i < 6; i++)
                random_start(c, s, vfs);
        if (chance(s, 20)) {
                c->held = below(s, BIT(CASE_VFS));
                for (uint32_t i = 0; i < vfs; i++)
                        if (c->held & BIT(i))
                                start_driver(c, s, i, "vfio-pci");
        }
        c->no_driver = chance(s, 2);
}

static inline void random_vf_wish(struct plan_case *c, uint64_t *s, struct desired_vf *vf)
{
        if (chance(s, 60)) {
                vf->wants |= BIT(WISH_DRIVER);
                snprintf(vf->driver, sizeof(vf->driver), "%s", random_driver(s, c->profile));
        }
        if (chance(s, 15)) {
                vf->wants |= BIT(WISH_OVERRIDE);
                if (chance(s, 50))
                        snprintf(vf->override, sizeof(vf->override), "%s",
                                chance(s, 50) ? "vfio-pci" : "pci-stub");
        }
        if (chance(s, c->profile->vf_total_msix ? 20 : 1)) {
                vf->wants |= BIT(WISH_MSIX);
                vf->msix = 1 + below(s, 8);
        }
        vf->attrs = random_attrs(s, c->profile->netdev ? 25 : 1);
}

static inline void random_wish(struct plan_case *c, uint64_t *s)
{
        struct desired *d = &c->wish;
        uint32_t vfs = below(s, CASE_VFS + 1);

        for (size_t i = 0; i < c->n_starts; i++) /* often as many as there are */
                if (c->starts[i].kind == STEP_SET_NUMVFS && chance(s, 60))
                        vfs = c->starts[i].value;
        d->num_vfs = vfs;
        if (chance(s, 80))
                d->wants |= BIT(WISH_NUM_VFS);
        if (chance(s, 30))
                d->wants |= BIT(WISH_AUTOPROBE);
        if (chance(s, c->profile->netdev ? 30 : 2))
                d->wants |= BIT(WISH_MTU);
        if (chance(s, c->profile->eswitch ? 30 : 2))
                d->wants |= BIT(WISH_ESWITCH);
        d->autoprobe = chance(s, 60);
        d->mtu = chance(s, 50) ? 1500 : 9000;
        snprintf(d->eswitch, sizeof(d->eswitch), "%s", chance(s, 70) ? "legacy" : "switchdev");
        d->replace = chance(s, 75);
        d->clear_mac = chance(s, 30);
        d->optional = chance(s, 50) ? (uint32_t) next_random(s) & (BIT(WISH_MAX) - 1) : 0;
        for (uint32_t i = 0; i < vfs; i++)
                if (chance(s, 65))
                        random_vf_wish(c, s, desired_vf_add(d, i));
}

/* ---- smaller ones ------------------------------------------------------------------------------
 */

static inline void case_done(struct plan_case *c)
{
        desired_done(&c->wish);
}

static inline struct plan_case case_copy(const struct plan_case *c)
{
        struct plan_case copy = *c;

        assert_int_equal(desired_copy(&c->wish, &copy.wish), 0);
        return copy;
}

static inline bool clear_bit(uint32_t *mask, unsigned bit)
{
        bool was = *mask & BIT(bit);

        *mask &= ~BIT(bit);
        return was;
}

/* Makes one thing of a VF's wish go away; false: it was not there. */
static inline bool shrink_vf(struct desired *d, uint32_t at, unsigned how)
{
        struct desired_vf *vf = &d->vfs[at];

        if (how == 0) {
                memmove(vf, vf + 1, (d->n_vfs - at - 1) * sizeof(*vf));
                d->n_vfs--;
                return true;
        }
        how--;
        if (how < WISH_MAX)
                return clear_bit(&vf->wants, how);
        how -= WISH_MAX;
        return how < VF_ATTR_MAX ? clear_bit(&vf->attrs.present, how)
                                 : clear_bit(&vf->attrs.reset, how - VF_ATTR_MAX);
}

#define SHRINK_VF    (1 + WISH_MAX + 2 * VF_ATTR_MAX)
#define SHRINK_PARTS (CASE_STARTS + CASE_VFS + 1 + 2 * WISH_MAX + 3 + CASE_VFS * SHRINK_VF)

/* Makes the one thing with this number go away; false: there is no such thing (any more). */
static inline bool shrink(struct plan_case *c, unsigned part)
{
        struct desired *d = &c->wish;
        bool was;

        if (part < CASE_STARTS) {
                if (part >= c->n_starts)
                        return false;
                memmove(&c->starts[part], &c->starts[part + 1],
                        (c->n_starts - part - 1) * sizeof(c->starts[0]));
                c->n_starts--;
                c->snapshot -= c->snapshot != SIZE_MAX && part < c->snapshot;
                return true;
        }
        part -= CASE_STARTS;
        if (part < CASE_VFS)
                return clear_bit(&c->held, part);
        part -= CASE_VFS;
        if (part == 0) {
                was = d->num_vfs > 0 &&
                      (d->n_vfs == 0 || d->vfs[d->n_vfs - 1].index + 1 < d->num_vfs);
                d->num_vfs -= was;
                return was;
        }
        part--;
        if (part < 2 * WISH_MAX)
                return part < WISH_MAX ? clear_bit(&d->wants, part)
                                       : clear_bit(&d->optional, part - WISH_MAX);
        part -= 2 * WISH_MAX;
        if (part < 3) {
                bool *flag = part == 0 ? &c->no_driver : part == 1 ? &d->clear_mac : &d->replace;

                was = *flag;
                *flag = false;
                return was;
        }
        part -= 3;
        return part / SHRINK_VF < d->n_vfs && shrink_vf(d, part / SHRINK_VF, part % SHRINK_VF);
}

/* ---- for people --------------------------------------------------------------------------------
 */

static inline void print_keys(const char *title, uint32_t mask)
{
        if (mask)
                print_message("# %s", title);
        for (unsigned i = 0; mask && i < WISH_MAX; i++)
                if (mask & BIT(i))
                        print_message(" %s", wish_key_name(i));
        if (mask)
                print_message("\n");
}

static inline void print_vf_wish(const struct desired_vf *vf)
{
        char text[VF_ATTR_STR_MAX];

        print_message("#   VF %u:", vf->index);
        for (unsigned i = 0; i < VF_ATTR_MAX; i++) {
                if (vf_attrs_has(&vf->attrs, i)) {
                        vf_attrs_format(&vf->attrs, i, text);
                        print_message(" %s=%s", vf_attr_table[i].name, text);
                } else if (vf->attrs.reset & BIT(i))
                        print_message(" %s=baseline", vf_attr_table[i].name);
        }
        if (vf->wants & BIT(WISH_DRIVER))
                print_message(" driver=%s", vf->driver);
        if (vf->wants & BIT(WISH_OVERRIDE))
                print_message(" driver_override='%s'", vf->override);
        if (vf->wants & BIT(WISH_MSIX))
                print_message(" msix=%u", vf->msix);
        print_message("\n");
}

static inline void print_case(const struct plan_case *c)
{
        const struct desired *d = &c->wish;
        char text[256];

        print_message("# seed %llu, %s, machine %u%s\n", (unsigned long long) c->seed,
                c->profile->name, c->machine, c->no_driver ? ", the PF's driver has gone" : "");
        for (size_t i = 0; i < c->n_starts; i++) {
                if (i == c->snapshot)
                        print_message("# -- here the PF is taken as the wish\n");
                step_describe(&c->starts[i], text, sizeof(text));
                print_message("# before: %s\n", text);
        }
        for (unsigned i = 0; i < CASE_VFS; i++)
                if (c->held & BIT(i))
                        print_message("# a guest opens VF %u\n", i);
        if (c->snapshot != SIZE_MAX) {
                print_message("# wanted: the PF as it was after %zu steps\n", c->snapshot);
                return;
        }
        print_message(
                "# wanted:%s%s", d->replace ? " replace" : "", d->clear_mac ? " clear_mac" : "");
        if (d->wants & BIT(WISH_NUM_VFS))
                print_message(" num_vfs=%u", d->num_vfs);
        if (d->wants & BIT(WISH_AUTOPROBE))
                print_message(" autoprobe=%d", d->autoprobe);
        if (d->wants & BIT(WISH_MTU))
                print_message(" mtu=%u", d->mtu);
        if (d->wants & BIT(WISH_ESWITCH))
                print_message(" eswitch_mode=%s", d->eswitch);
        print_message("\n");
        print_keys("  optional:", d->optional);
        for (uint32_t i = 0; i < d->n_vfs; i++)
                print_vf_wish(&d->vfs[i]);
}
