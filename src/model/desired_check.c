/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which wishes are refused. Pure, any thread. */
#include <stdio.h>

#include "model/desired.h"
#include "model/request.h"

/* Puts where the wish comes from, and the VF unless it is NO_VF, before what is wrong with it. */
static int say(const struct desired *d, uint32_t vf, const struct fault *why, struct fault *f)
{
        char who[24] = "";

        if (vf != NO_VF)
                snprintf(who, sizeof(who), "VF %u: ", vf);
        return fault_set(f, why->code, why->error, "%s%s%s%s", d->where, d->where[0] ? ": " : "",
                who, why->text);
}

/* ---- by itself ---------------------------------------------------------------------------------
 */

static int check_driver(const char *name, const char *other, struct fault *f)
{
        return streq(name, other) ? 0 : driver_check(name, f);
}

static int check_vf(const struct desired_vf *vf, struct fault *f)
{
        int r = 0;

        if (vf->wants & BIT(WISH_DRIVER))
                r = check_driver(vf->driver, "none", f);
        if (r == 0 && (vf->wants & BIT(WISH_OVERRIDE)))
                r = check_driver(vf->override, "", f);
        if (r == 0 && (vf->wants & BIT(WISH_MSIX)) && (vf->msix == 0 || vf->msix > 2048))
                return fault_set(f, FAULT_INVALID_ARGS, ERANGE,
                        "msix=%u refused: expected 1 to 2048 vectors", vf->msix);
        return r < 0 ? r : vf_attrs_check(&vf->attrs, f);
}

static int compare_macs(const void *a, const void *b)
{
        const struct desired_vf *const *x = a, *const *y = b;
        int order = memcmp(&(*x)->attrs.mac, &(*y)->attrs.mac, sizeof(struct mac));

        return order ? order : (int) (*x)->index - (int) (*y)->index;
}

static int check_macs(const struct desired *d, struct fault *f)
{
        _cleanup_(freep) const struct desired_vf **with = NULL;
        char text[MAC_STR_MAX];
        uint32_t n = 0;

        with = calloc(d->n_vfs + 1, sizeof(*with));
        if (!with)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        for (uint32_t i = 0; i < d->n_vfs; i++)
                if (vf_attrs_has(&d->vfs[i].attrs, VF_ATTR_MAC) &&
                        !mac_is_zero(&d->vfs[i].attrs.mac))
                        with[n++] = &d->vfs[i];
        qsort(with, n, sizeof(*with), compare_macs);
        for (uint32_t i = 1; i < n; i++) {
                if (memcmp(&with[i - 1]->attrs.mac, &with[i]->attrs.mac, sizeof(struct mac)) != 0)
                        continue;
                format_mac(text, &with[i]->attrs.mac);
                return fault_set(f, FAULT_INVALID_ARGS, EEXIST,
                        "mac=%s refused: both VF %u and VF %u shall have it; expected an address "
                        "of its own for each",
                        text, with[i - 1]->index, with[i]->index);
        }
        return 0;
}

static int check_pf(const struct desired *d, const struct pf_facts *facts, struct fault *f)
{
        bool counted = d->wants & BIT(WISH_NUM_VFS);

        if (counted && d->num_vfs > facts->total_vfs)
                return fault_set(f, FAULT_INVALID_ARGS, ERANGE,
                        "num_vfs=%u on %s refused: expected 0 to %u, which is what the device and "
                        "its driver allow",
                        d->num_vfs, dev_id_address(&facts->id), facts->total_vfs);
        if ((d->wants & BIT(WISH_MTU)) && (d->mtu < 68 || d->mtu > 65535))
                return fault_set(f, FAULT_INVALID_ARGS, ERANGE,
                        "mtu=%u refused: expected 68 to 65535 bytes", d->mtu);
        if ((d->wants & BIT(WISH_ESWITCH)) && !streq(d->eswitch, "legacy") &&
                !streq(d->eswitch, "switchdev"))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "eswitch_mode=%s refused: expected legacy or switchdev", d->eswitch);
        if (counted && d->n_vfs > 0 && d->vfs[d->n_vfs - 1].index >= d->num_vfs)
                return fault_set(f, FAULT_INVALID_ARGS, ERANGE,
                        "VF %u refused: num_vfs is %u; expected VFs %s", d->vfs[d->n_vfs - 1].index,
                        d->num_vfs, d->num_vfs ? "below that" : "only where there are some");
        return check_macs(d, f);
}

int desired_check_pf(const struct desired *d, const struct pf_facts *facts, struct fault *f)
{
        struct fault why = FAULT_NULL;

        if (check_pf(d, facts, &why) < 0)
                return say(d, NO_VF, &why, f);
        for (uint32_t i = 0; i < d->n_vfs; i++)
                if (check_vf(&d->vfs[i], &why) < 0)
                        return say(d, d->vfs[i].index, &why, f);
        return 0;
}

/* ---- against the PF ----------------------------------------------------------------------------
 */

static bool missing(const struct caps *caps, enum vf_attr attr)
{
        return caps && caps->of[vf_attr_table[attr].setting] == CAP_NO;
}

struct vf_attrs desired_vf_attrs(const struct desired *d, const struct desired_vf *vf,
        const struct pf_facts *facts, const struct caps *caps)
{
        struct vf_attrs out = vf->attrs;

        for (unsigned i = 0; i < VF_ATTR_MAX; i++) {
                if (facts->n_netdevs > 0 && !missing(caps, i))
                        continue;
                out.reset &= ~BIT(i);
                out.present &= ~(d->optional & BIT(i));
        }
        if (!d->clear_mac) {
                out.reset &= ~BIT(VF_ATTR_MAC);
                if (mac_is_zero(&out.mac))
                        out.present &= ~BIT(VF_ATTR_MAC);
        }
        return out;
}

static int check_attrs(const struct desired *d, const struct desired_vf *vf,
        const struct pf_facts *facts, const struct caps *caps, struct fault *f)
{
        const struct vf_attrs wish = desired_vf_attrs(d, vf, facts, caps);
        const struct vf_facts *now = pf_facts_vf(facts, vf->index);

        if (wish.present && facts->n_netdevs == 0 && facts->driver[0])
                return fault_set(f, FAULT_NOT_SUPPORTED, 0,
                        "attributes on %s refused: the PF has no network interface, and the "
                        "kernel takes them through it alone; leave them out or make them optional",
                        dev_id_address(&facts->id));
        for (unsigned i = 0; i < VF_ATTR_MAX; i++) {
                if (!vf_attrs_has(&wish, i) || !missing(caps, i))
                        continue;
                if (now && vf_attrs_has(&now->attrs, i) &&
                        !(vf_attrs_differ(&wish, &now->attrs) & BIT(i)))
                        continue;
                return fault_set(f, FAULT_NOT_SUPPORTED, 0,
                        "%s refused: the PF's driver %s does not support it; leave it out or make "
                        "it optional",
                        vf_attr_table[i].name, facts->driver);
        }
        return 0;
}

static int check_vf_on(const struct desired *d, const struct desired_vf *vf,
        const struct pf_facts *facts, const struct caps *caps, struct fault *f)
{
        if (!(d->wants & BIT(WISH_NUM_VFS)) && !pf_facts_vf(facts, vf->index))
                return fault_set(f, FAULT_NOT_FOUND, 0,
                        "it is not there: %s has %u VFs; create them first, or say num_vfs",
                        dev_id_address(&facts->id), facts->num_vfs);
        if ((vf->wants & ~d->optional & BIT(WISH_MSIX)) && facts->driver[0] &&
                facts->vf_total_msix == 0)
                return fault_set(f, FAULT_NOT_SUPPORTED, 0,
                        "msix refused: the PF's driver %s has no vectors to give to VFs; leave it "
                        "out or make it optional",
                        facts->driver);
        return check_attrs(d, vf, facts, caps, f);
}

int desired_check_vf(const struct desired *d, const struct desired_vf *vf,
        const struct pf_facts *facts, const struct caps *caps, struct fault *f)
{
        struct fault why = FAULT_NULL;

        return check_vf_on(d, vf, facts, caps, &why) < 0 ? say(d, vf->index, &why, f) : 0;
}

int desired_check(const struct desired *d, const struct pf_facts *facts, const struct caps *caps,
        struct fault *f)
{
        int r;

        r = desired_check_pf(d, facts, f);
        for (uint32_t i = 0; r == 0 && i < d->n_vfs; i++)
                r = desired_check_vf(d, &d->vfs[i], facts, caps, f);
        return r;
}
