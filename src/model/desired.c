/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wishes: made, copied, taken from readings. Pure, any thread. */
#include <stdio.h>

#include "model/desired.h"
#include "model/request.h"

const char *wish_key_name(enum wish_key key)
{
        static const char *const names[WISH_MAX - VF_ATTR_MAX] = {
                [WISH_DRIVER - VF_ATTR_MAX] = "driver",
                [WISH_OVERRIDE - VF_ATTR_MAX] = "driver_override",
                [WISH_MSIX - VF_ATTR_MAX] = "msix",
                [WISH_NAME - VF_ATTR_MAX] = "name",
                [WISH_NUM_VFS - VF_ATTR_MAX] = "num_vfs",
                [WISH_AUTOPROBE - VF_ATTR_MAX] = "autoprobe",
                [WISH_MTU - VF_ATTR_MAX] = "mtu",
                [WISH_ESWITCH - VF_ATTR_MAX] = "eswitch_mode",
        };

        if ((unsigned) key < VF_ATTR_MAX)
                return vf_attr_table[key].name;
        return (unsigned) key < WISH_MAX ? names[key - VF_ATTR_MAX] : "?";
}

enum wish_key wish_key_from_name(const char *name)
{
        for (unsigned i = 0; i < WISH_MAX; i++)
                if (streq(wish_key_name(i), name))
                        return i;
        return WISH_MAX;
}

const char *drift_name(enum drift drift)
{
        static const char *const names[DRIFT_MAX] = {"report", "enforce", "ignore"};

        return (unsigned) drift < DRIFT_MAX ? names[drift] : "?";
}

void desired_done(struct desired *d)
{
        free(d->vfs);
        *d = (struct desired){0};
}

int desired_copy(const struct desired *from, struct desired *ret)
{
        struct desired_vf *vfs = NULL;

        if (from->n_vfs > 0) {
                vfs = reallocarray(NULL, from->n_vfs, sizeof(*vfs));
                if (!vfs)
                        return -ENOMEM;
                memcpy(vfs, from->vfs, from->n_vfs * sizeof(*vfs));
        }
        *ret = *from;
        ret->vfs = vfs;
        ret->capacity = from->n_vfs;
        return 0;
}

/* The place of the first VF that is not below index. */
static uint32_t place(const struct desired *d, uint32_t index)
{
        uint32_t low = 0, high = d->n_vfs;

        while (low < high) {
                uint32_t mid = low + (high - low) / 2;

                if (d->vfs[mid].index < index)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

const struct desired_vf *desired_vf_at(const struct desired *d, uint32_t index)
{
        uint32_t at = place(d, index);

        return at < d->n_vfs && d->vfs[at].index == index ? &d->vfs[at] : NULL;
}

const char *desired_pool_of(const struct desired *d, uint32_t index)
{
        const struct desired_vf *vf = desired_vf_at(d, index);

        return vf ? vf->pool : "";
}

bool pool_valid(const char *name)
{
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_.-");

        return n > 0 && n < POOL_MAX && name[n] == '\0';
}

struct desired_vf *desired_vf_add(struct desired *d, uint32_t index)
{
        uint32_t at = place(d, index);

        if (at < d->n_vfs && d->vfs[at].index == index)
                return &d->vfs[at];
        if (array_grow(&d->vfs, &d->capacity, d->n_vfs, sizeof(*d->vfs)) < 0)
                return NULL;
        memmove(d->vfs + at + 1, d->vfs + at, (d->n_vfs - at) * sizeof(*d->vfs));
        d->n_vfs++;
        d->vfs[at] = (struct desired_vf){.index = index};
        return &d->vfs[at];
}

/* ---- from readings -----------------------------------------------------------------------------
 */

static void wish_of_vf(const struct vf_facts *facts, struct desired_vf *vf)
{
        const char *driver = facts->driver[0] ? facts->driver : "none";

        vf->shared_group = true; /* wherever it was, it may go back there */
        if (facts->attrs_known)
                vf->attrs = facts->attrs;
        if (!facts->driver[0] || driver_check(driver, NULL) == 0) {
                vf->wants |= BIT(WISH_DRIVER);
                snprintf(vf->driver, sizeof(vf->driver), "%s", driver);
        }
        if (!facts->driver_override[0] || driver_check(facts->driver_override, NULL) == 0) {
                vf->wants |= BIT(WISH_OVERRIDE);
                memcpy(vf->override, facts->driver_override, sizeof(vf->override));
        }
}

int desired_of_facts(const struct pf_facts *facts, struct desired *ret)
{
        struct desired d = {
                .pf = facts->id,
                .wants = BIT(WISH_NUM_VFS),
                .num_vfs = facts->num_vfs,
                .replace = true,
                .clear_mac = true,
                .optional = BIT(VF_ATTR_MAX) - 1,
        };

        if (facts->autoprobe >= 0) {
                d.wants |= BIT(WISH_AUTOPROBE);
                d.autoprobe = facts->autoprobe;
        }
        if (facts->n_netdevs > 0 && facts->mtu > 0) {
                d.wants |= BIT(WISH_MTU);
                d.mtu = (uint32_t) facts->mtu;
        }
        if (facts->eswitch_mode[0]) {
                d.wants |= BIT(WISH_ESWITCH);
                memcpy(d.eswitch, facts->eswitch_mode, sizeof(d.eswitch));
        }
        for (uint32_t i = 0; i < facts->n_vfs; i++) {
                struct desired_vf *vf = desired_vf_add(&d, facts->vfs[i].index);

                if (!vf) {
                        desired_done(&d);
                        return -ENOMEM;
                }
                wish_of_vf(&facts->vfs[i], vf);
        }
        *ret = d;
        return 0;
}

/* ---- what is kept up ---------------------------------------------------------------------------
 */

int desired_enforced(const struct desired *d, struct desired *ret)
{
        uint32_t keep = 0, n = 0;
        struct desired out;
        int r;

        r = desired_copy(d, &out);
        if (r < 0)
                return r;
        for (unsigned key = 0; key < WISH_MAX; key++)
                if (d->drift[key] == DRIFT_ENFORCE)
                        keep |= BIT(key);
        out.wants &= keep;
        for (uint32_t i = 0; i < out.n_vfs; i++) {
                struct desired_vf *vf = &out.vfs[i];

                vf->wants &= keep;
                vf->attrs.present &= keep;
                vf->attrs.reset &= keep;
                if (vf->wants | vf->attrs.present | vf->attrs.reset)
                        out.vfs[n++] = *vf;
        }
        out.n_vfs = n;
        *ret = out;
        return 0;
}

void desired_to_keep(struct desired *d)
{
        d->optional = 0;
        d->replace = d->clear_mac = false;
        for (uint32_t i = 0; i < d->n_vfs; i++) {
                d->vfs[i].shared_group = false; /* somebody has to say so */
                if (!d->vfs[i].override[0])
                        d->vfs[i].wants &= ~BIT(WISH_OVERRIDE);
        }
}
