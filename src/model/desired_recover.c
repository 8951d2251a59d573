/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wishes for special moments: after a crash, and what a wish endangers. Pure, any thread. */
#include "model/desired_recover.h"

/* What the dead job may have left behind on the way, and no wish speaks of: as it was before. */
static int adopt_leftovers(struct desired *wish, const struct desired *old)
{
        uint32_t n = wish->wants & BIT(WISH_NUM_VFS) ? wish->num_vfs : old->num_vfs;
        bool same = n == old->num_vfs;

        if (!(wish->wants & BIT(WISH_AUTOPROBE)) && (old->wants & BIT(WISH_AUTOPROBE))) {
                wish->wants |= BIT(WISH_AUTOPROBE);
                wish->autoprobe = old->autoprobe;
        }
        for (uint32_t i = 0; i < n; i++) {
                const struct desired_vf *before = desired_vf_at(old, i);
                struct desired_vf *vf = desired_vf_add(wish, i);

                if (!vf)
                        return -ENOMEM;
                if (vf->wants & BIT(WISH_OVERRIDE))
                        continue;
                if (same && before && !(before->wants & BIT(WISH_OVERRIDE)))
                        continue; /* somebody's own, which nobody could write down */
                vf->wants |= BIT(WISH_OVERRIDE);
                if (same && before)
                        memcpy(vf->override, before->override, sizeof(vf->override));
        }
        return 0;
}

int desired_recover(const struct desired *old, const struct desired *wish, struct desired *ret)
{
        struct desired d = {0};
        int r;

        r = desired_copy(wish ?: old, &d);
        if (r == 0 && wish)
                r = adopt_leftovers(&d, old);
        if (r < 0) {
                desired_done(&d);
                return r;
        }
        if (wish && (wish->wants & BIT(WISH_NUM_VFS)) && wish->num_vfs != old->num_vfs)
                d.replace = true; /* it was allowed when the intent was written */
        *ret = d;
        return 0;
}

enum risk desired_risk(const struct desired *d)
{
        enum risk risk = RISK_CONFIGURE;

        for (uint32_t i = 0; i < d->n_vfs; i++) {
                const struct desired_vf *vf = &d->vfs[i];
                const struct request r = {
                        .kind = REQUEST_SET_ATTRS, .attrs = vf->attrs, .shared = vf->shared_group};

                if (request_risk(&r) == RISK_RELAX)
                        return RISK_RELAX;
                if (vf->wants & (BIT(WISH_DRIVER) | BIT(WISH_OVERRIDE)))
                        risk = RISK_BIND;
        }
        return risk;
}
