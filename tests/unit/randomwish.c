/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random wishes, and comparing two. One thread. */
#include "randomwish.h"
#include "unit.h"

uint32_t pick(uint64_t *seed, uint32_t n)
{
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t) (*seed >> 33) % n;
}

static void random_attr(uint64_t *seed, struct vf_attrs *a, enum vf_attr attr)
{
        const struct vf_attr_info *info = &vf_attr_table[attr];
        char text[GUID_STR_MAX];

        if (pick(seed, 8) == 0) {
                a->reset |= BIT(attr);
                return;
        }
        switch (info->type) {
        case ATTR_NUMBER:
                vf_attrs_set_number(
                        a, attr, pick(seed, info->max < 10000 ? info->max : 10000), NULL);
                break;
        case ATTR_SWITCH:
                vf_attrs_set_number(a, attr, pick(seed, 2), NULL);
                break;
        case ATTR_WORD:
                vf_attrs_set_number(a, attr, pick(seed, info->max), NULL);
                break;
        case ATTR_MAC_ADDRESS:
                snprintf(text, sizeof(text), "02:00:00:00:%02x:%02x", pick(seed, 256),
                        pick(seed, 256));
                assert_int_equal(vf_attrs_set_text(a, attr, text, NULL), 0);
                break;
        case ATTR_GUID:
                format_guid(text, pick(seed, 1u << 31) + 1u);
                assert_int_equal(vf_attrs_set_text(a, attr, text, NULL), 0);
                break;
        }
}

static void random_vf(uint64_t *seed, struct desired_vf *vf)
{
        static const char *const drivers[] = {"none", "vfio-pci", "igbvf"};

        for (unsigned attr = 0; attr < VF_ATTR_MAX; attr++)
                if (pick(seed, 3) == 0)
                        random_attr(seed, &vf->attrs, attr);
        if (vf_attrs_check(&vf->attrs, NULL) < 0)
                vf->attrs.present &= ~BIT(VF_ATTR_MIN_TX_RATE);
        vf->wants = pick(seed, 1u << 4) * BIT(WISH_DRIVER);
        if (vf->wants & BIT(WISH_DRIVER))
                snprintf(vf->driver, DRIVER_MAX, "%s", drivers[pick(seed, 3)]);
        if (vf->wants & BIT(WISH_OVERRIDE) && pick(seed, 2))
                snprintf(vf->override, DRIVER_MAX, "vfio-pci");
        if (vf->wants & BIT(WISH_MSIX))
                vf->msix = 1 + pick(seed, 64);
        if (vf->wants & BIT(WISH_NAME))
                snprintf(vf->name, NETDEV_MAX, "vf%u", vf->index & 0xff);
        if (pick(seed, 4) == 0)
                snprintf(vf->pool, POOL_MAX, "pool-%u", pick(seed, 3));
        vf->shared_group = pick(seed, 4) == 0;
        vf->nm_unmanaged = pick(seed, 4) == 0;
}

void random_wish(uint64_t *seed, struct desired *ret)
{
        uint32_t n = pick(seed, 8);
        struct desired d = {
                .pf = {RANDOM_WISH_PF}, .wants = BIT(WISH_NUM_VFS), .num_vfs = n + pick(seed, 3)};

        snprintf(d.where, sizeof(d.where), "10-nics.json:%u:3", 1 + pick(seed, 99));
        d.replace = pick(seed, 2);
        d.clear_mac = pick(seed, 2);
        d.optional = pick(seed, 1u << WISH_MAX);
        if (pick(seed, 2))
                for (unsigned i = 0; i < WISH_MAX; i++)
                        d.drift[i] = (uint8_t) pick(seed, DRIFT_MAX);
        if (pick(seed, 2)) {
                d.wants |= BIT(WISH_AUTOPROBE) | BIT(WISH_MTU) | BIT(WISH_ESWITCH);
                d.autoprobe = pick(seed, 2);
                d.mtu = 68 + pick(seed, 9000);
                snprintf(d.eswitch, sizeof(d.eswitch), pick(seed, 2) ? "legacy" : "switchdev");
        }
        for (uint32_t i = 0; i < n; i++)
                if (pick(seed, 4) > 0)
                        random_vf(seed, desired_vf_add(&d, i));
        *ret = d;
}

void same_wish(const struct desired *a, const struct desired *b)
{
        _cleanup_(freep) char *x = NULL, *y = NULL;

        assert_int_equal(config_write(&a, 1, NULL, &x), 0);
        assert_int_equal(config_write(&b, 1, NULL, &y), 0);
        assert_string_equal(x, y);
        assert_string_equal(a->pf.str, b->pf.str);
        assert_string_equal(a->where, b->where);
        assert_int_equal(a->clear_mac, b->clear_mac);
        assert_int_equal(a->n_vfs, b->n_vfs);
        for (uint32_t i = 0; i < a->n_vfs; i++) {
                assert_int_equal(a->vfs[i].index, b->vfs[i].index);
                assert_int_equal(a->vfs[i].wants, b->vfs[i].wants);
                assert_true(vf_attrs_equal(&a->vfs[i].attrs, &b->vfs[i].attrs));
                assert_int_equal(a->vfs[i].attrs.reset, b->vfs[i].attrs.reset);
                assert_string_equal(a->vfs[i].override, b->vfs[i].override);
                assert_string_equal(a->vfs[i].driver, b->vfs[i].driver);
                assert_string_equal(a->vfs[i].name, b->vfs[i].name);
                assert_int_equal(a->vfs[i].msix, b->vfs[i].msix);
                assert_string_equal(a->vfs[i].pool, b->vfs[i].pool);
                assert_int_equal(a->vfs[i].shared_group, b->vfs[i].shared_group);
                assert_int_equal(a->vfs[i].nm_unmanaged, b->vfs[i].nm_unmanaged);
        }
}
