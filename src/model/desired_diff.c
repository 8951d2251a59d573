/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is not as wanted. Pure, any thread. */
#include <stdio.h>

#include "model/desired.h"

/* Where the differences of one wish on one PF go. */
struct finder {
        const struct desired *d;
        struct differences out;
};

void differences_done(struct differences *d)
{
        free(d->list);
        *d = (struct differences){0};
}

static int differ(
        struct finder *f, uint32_t vf, enum wish_key key, const char *wanted, const char *found)
{
        struct difference one = {.key = key, .vf = vf, .drift = f->d->drift[key]};
        int r;

        if (streq(wanted, found))
                return 0;
        snprintf(one.wanted, sizeof(one.wanted), "%s", wanted);
        snprintf(one.found, sizeof(one.found), "%s", found);
        r = array_grow(&f->out.list, &f->out.capacity, f->out.n, sizeof(one));
        if (r == 0)
                f->out.list[f->out.n++] = one;
        return r;
}

static int differ_number(struct finder *f, enum wish_key key, uint32_t wanted, uint32_t found)
{
        char a[16], b[16];

        snprintf(a, sizeof(a), "%u", wanted);
        snprintf(b, sizeof(b), "%u", found);
        return differ(f, NO_VF, key, a, b);
}

static int diff_pf(struct finder *f, const struct pf_facts *facts)
{
        const struct desired *d = f->d;
        uint32_t last = d->n_vfs > 0 ? d->vfs[d->n_vfs - 1].index + 1 : 0;
        int r = 0;

        if (d->wants & BIT(WISH_NUM_VFS))
                r = differ_number(f, WISH_NUM_VFS, d->num_vfs, facts->num_vfs);
        else if (last > facts->num_vfs)
                r = differ_number(f, WISH_NUM_VFS, last, facts->num_vfs);
        if (r == 0 && (d->wants & BIT(WISH_AUTOPROBE)) && facts->autoprobe >= 0)
                r = differ(f, NO_VF, WISH_AUTOPROBE, d->autoprobe ? "on" : "off",
                        facts->autoprobe ? "on" : "off");
        if (r == 0 && (d->wants & BIT(WISH_MTU)) && facts->n_netdevs > 0 && facts->mtu >= 0)
                r = differ_number(f, WISH_MTU, d->mtu, (uint32_t) facts->mtu);
        if (r == 0 && (d->wants & BIT(WISH_ESWITCH)) && facts->eswitch_mode[0])
                r = differ(f, NO_VF, WISH_ESWITCH, d->eswitch, facts->eswitch_mode);
        return r;
}

uint32_t vf_attrs_unlike(
        const struct vf_attrs *wish, const struct vf_facts *now, struct vf_attrs *ret)
{
        uint32_t mask;

        *ret = (struct vf_attrs){0};
        for (unsigned setting = 0; setting < VF_SETTING_MAX; setting++) {
                const struct vf_attrs one = vf_attrs_merge(wish, &now->attrs, setting);

                vf_attrs_copy(ret, &one, one.present);
        }
        mask = vf_attrs_differ(ret, &now->attrs);
        /* Without a VLAN its protocol means nothing, and drivers report 802.1Q. */
        if (vf_attrs_has(ret, VF_ATTR_VLAN) && ret->vlan == 0)
                mask &= ~BIT(VF_ATTR_VLAN_PROTO);
        return mask;
}

static int diff_vf(struct finder *f, const struct desired_vf *vf, const struct vf_facts *now,
        const struct pf_facts *facts, const struct caps *caps)
{
        const struct vf_attrs wish = desired_vf_attrs(f->d, vf, facts, caps);
        char wanted[VF_ATTR_STR_MAX], found[VF_ATTR_STR_MAX];
        struct vf_attrs want;
        uint32_t mask = vf_attrs_unlike(&wish, now, &want);
        int r = 0;

        for (unsigned i = 0; r == 0 && i < VF_ATTR_MAX; i++) {
                if (!(mask & BIT(i)))
                        continue;
                vf_attrs_format(&want, i, wanted);
                vf_attrs_format(&now->attrs, i, found);
                r = differ(f, vf->index, i, wanted, found);
        }
        if (r == 0 && (vf->wants & BIT(WISH_DRIVER)))
                r = differ(f, vf->index, WISH_DRIVER, vf->driver,
                        now->driver[0] ? now->driver : "none");
        if (r == 0 && (vf->wants & BIT(WISH_OVERRIDE)))
                r = differ(f, vf->index, WISH_OVERRIDE, vf->override[0] ? vf->override : "none",
                        now->driver_override[0] ? now->driver_override : "none");
        if (r == 0 && (vf->wants & BIT(WISH_NAME)) && now->netdev[0])
                r = differ(f, vf->index, WISH_NAME, vf->name, now->netdev);
        return r;
}

int desired_diff(const struct desired *d, const struct pf_facts *facts, const struct caps *caps,
        struct differences *ret)
{
        struct finder f = {.d = d};
        int r;

        r = diff_pf(&f, facts);
        for (uint32_t i = 0; r == 0 && i < d->n_vfs; i++) {
                const struct vf_facts *now = pf_facts_vf(facts, d->vfs[i].index);

                if (now)
                        r = diff_vf(&f, &d->vfs[i], now, facts, caps);
        }
        if (r < 0) {
                differences_done(&f.out);
                return r;
        }
        *ret = f.out;
        return 0;
}

void difference_describe(const struct difference *d, char *buf, size_t size)
{
        char who[24] = "";

        if (d->vf != NO_VF)
                snprintf(who, sizeof(who), "VF %u: ", d->vf);
        snprintf(buf, size, "%s%s is %s, wanted %s", who, wish_key_name(d->key), d->found,
                d->wanted);
}
