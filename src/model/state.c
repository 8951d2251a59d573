/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one writer of what the daemon knows. Pure; loop thread by use. */
#include <stdio.h>

#include "model/state.h"

void changes_done(struct changes *changes)
{
        free(changes->list);
        *changes = (struct changes){0};
}

const char *pf_activity_name(enum pf_activity activity)
{
        static const char *const names[PF_ACTIVITY_MAX] = {"idle", "busy", "stuck"};

        return (unsigned) activity < PF_ACTIVITY_MAX ? names[activity] : "?";
}

void state_done(struct state *state)
{
        for (size_t i = 0; i < state->n_pfs; i++) {
                pf_facts_done(&state->pfs[i]->facts);
                free(state->pfs[i]);
        }
        free(state->pfs);
        groups_done(&state->groups);
        *state = (struct state){0};
}

static int note(struct changes *c, struct change change)
{
        int r = array_grow(&c->list, &c->capacity, c->n, sizeof(*c->list));

        if (r < 0)
                return r;
        c->list[c->n++] = change;
        return 0;
}

static int note_pf(
        struct changes *c, enum change_kind kind, const struct dev_id *pf, uint32_t fields)
{
        return note(c, (struct change){.kind = kind, .pf = *pf, .vf = NO_VF, .fields = fields});
}

static int note_vf(struct changes *c, enum change_kind kind, const struct dev_id *pf, uint32_t vf,
        uint32_t fields)
{
        return note(c, (struct change){.kind = kind, .pf = *pf, .vf = vf, .fields = fields});
}

/* Where the published fields lie; strings are compared as strings. */
struct field {
        unsigned bit;
        size_t offset;
        size_t size; /* 0: a string */
};

#define PF(bit, member)                                                                            \
        {                                                                                          \
                PF_FIELD_##bit, offsetof(struct pf_facts, member),                                 \
                        sizeof(((struct pf_facts *) 0)->member)                                    \
        }
#define PF_STR(bit, member)                                                                        \
        {                                                                                          \
                PF_FIELD_##bit, offsetof(struct pf_facts, member), 0                               \
        }
#define VF(bit, member)                                                                            \
        {                                                                                          \
                VF_FIELD_##bit, offsetof(struct vf_facts, member),                                 \
                        sizeof(((struct vf_facts *) 0)->member)                                    \
        }
#define VF_STR(bit, member)                                                                        \
        {                                                                                          \
                VF_FIELD_##bit, offsetof(struct vf_facts, member), 0                               \
        }

static const struct field pf_fields[] = {
        PF_STR(DRIVER, driver),
        PF(NETDEVS, n_netdevs),
        PF(TOTAL_VFS, total_vfs),
        PF(NUM_VFS, num_vfs),
        PF(OFFSET, offset),
        PF(STRIDE, stride),
        PF(AUTOPROBE, autoprobe),
        PF(VF_TOTAL_MSIX, vf_total_msix),
        PF(IOMMU_GROUP, iommu_group),
        PF(MTU, mtu),
        PF(MAC, has_mac),
        PF(MAC, mac),
        PF_STR(LINK_STATE, link_state),
        PF(LINK_STATE, admin_up),
        PF_STR(ESWITCH_MODE, eswitch_mode),
        PF_STR(RESET_METHODS, reset_methods),
};

static const struct field vf_fields[] = {
        VF_STR(ADDRESS, address),
        VF_STR(DRIVER, driver),
        VF_STR(DRIVER_OVERRIDE, driver_override),
        VF_STR(NETDEV, netdev),
        VF(IOMMU_GROUP, iommu_group),
        VF_STR(RESET_METHODS, reset_methods),
        VF(ENABLE, enable),
        VF(ATTRS_KNOWN, attrs_known),
        VF(ACCESS_UID, access_uid),
};

static uint32_t compare(const struct field *fields, size_t n, const void *a, const void *b)
{
        uint32_t mask = 0;

        for (size_t i = 0; i < n; i++) {
                const char *x = (const char *) a + fields[i].offset;
                const char *y = (const char *) b + fields[i].offset;

                if (fields[i].size ? memcmp(x, y, fields[i].size) != 0 : !streq(x, y))
                        mask |= BIT(fields[i].bit);
        }
        return mask;
}

static uint32_t compare_pf(const struct pf_facts *a, const struct pf_facts *b)
{
        uint32_t mask = compare(pf_fields, ELEMENTSOF(pf_fields), a, b);

        for (uint32_t i = 0; i < a->n_netdevs && i < b->n_netdevs; i++)
                if (!streq(a->netdevs[i], b->netdevs[i]))
                        mask |= BIT(PF_FIELD_NETDEVS);
        return mask;
}

static uint32_t compare_vf(const struct vf_facts *a, const struct vf_facts *b)
{
        uint32_t mask = compare(vf_fields, ELEMENTSOF(vf_fields), a, b);

        /* Attributes that appear or vanish count as changed too. */
        return mask | vf_attrs_differ(&a->attrs, &b->attrs) | (a->attrs.present ^ b->attrs.present);
}

/* Both lists are sorted by index: one walk finds what came, went and changed. Removals come first.
 */
static int compare_vfs(const struct pf_facts *before, const struct pf_facts *now, struct changes *c)
{
        uint32_t i = 0, k = 0;
        int r = 0;

        for (uint32_t j = 0; r == 0 && j < before->n_vfs; j++)
                if (!pf_facts_vf(now, before->vfs[j].index))
                        r = note_vf(c, CHANGE_VF_REMOVED, &now->id, before->vfs[j].index, 0);
        while (r == 0 && k < now->n_vfs) {
                while (i < before->n_vfs && before->vfs[i].index < now->vfs[k].index)
                        i++;
                if (i < before->n_vfs && before->vfs[i].index == now->vfs[k].index) {
                        uint32_t mask = compare_vf(&before->vfs[i], &now->vfs[k]);

                        if (mask)
                                r = note_vf(c, CHANGE_VF, &now->id, now->vfs[k].index, mask);
                } else
                        r = note_vf(c, CHANGE_VF_ADDED, &now->id, now->vfs[k].index, 0);
                k++;
        }
        return r;
}

/* Index of the entry with this id, or of where it belongs. */
static size_t position(const struct state *state, const struct dev_id *pf, bool *ret_found)
{
        size_t low = 0, high = state->n_pfs;

        while (low < high) {
                size_t mid = low + (high - low) / 2;
                int c = strcmp(state->pfs[mid]->facts.id.str, pf->str);

                if (c == 0) {
                        *ret_found = true;
                        return mid;
                }
                if (c < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        *ret_found = false;
        return low;
}

const struct pf_entry *state_pf(const struct state *state, const struct dev_id *pf)
{
        bool found;
        size_t at = position(state, pf, &found);

        return found ? state->pfs[at] : NULL;
}

static int insert(struct state *state, size_t at, struct pf_facts *facts, struct changes *c)
{
        struct pf_entry *entry = NULL;
        int r;

        r = array_grow(&state->pfs, &state->capacity, state->n_pfs, sizeof(*state->pfs));
        if (r == 0) {
                entry = calloc(1, sizeof(*entry));
                r = entry ? 0 : -ENOMEM;
        }
        if (r < 0) {
                pf_facts_done(facts);
                return r;
        }
        entry->facts = *facts;
        facts->vfs = NULL;
        facts->n_vfs = 0;
        caps_learn_facts(&entry->caps, &entry->facts);
        memmove(state->pfs + at + 1, state->pfs + at, (state->n_pfs - at) * sizeof(*state->pfs));
        state->pfs[at] = entry;
        state->n_pfs++;
        r = note_pf(c, CHANGE_PF_ADDED, &entry->facts.id, 0);
        for (uint32_t i = 0; r == 0 && i < entry->facts.n_vfs; i++)
                r = note_vf(c, CHANGE_VF_ADDED, &entry->facts.id, entry->facts.vfs[i].index, 0);
        return r;
}

int state_apply(struct state *state, struct pf_facts *facts, struct changes *c)
{
        struct pf_entry *entry;
        struct caps before;
        uint32_t mask;
        bool found;
        size_t at;
        int r;

        at = position(state, &facts->id, &found);
        if (!found)
                return insert(state, at, facts, c);
        entry = state->pfs[at];
        before = entry->caps;
        if (!streq(entry->facts.driver, facts->driver))
                caps_forget(&entry->caps);
        caps_learn_facts(&entry->caps, facts);
        mask = compare_pf(&entry->facts, facts);
        if (memcmp(&before, &entry->caps, sizeof(before)) != 0)
                mask |= BIT(PF_FIELD_CAPABILITIES);
        r = compare_vfs(&entry->facts, facts, c);
        if (r == 0 && mask)
                r = note_pf(c, CHANGE_PF, &facts->id, mask);
        pf_facts_done(&entry->facts);
        entry->facts = *facts;
        facts->vfs = NULL;
        facts->n_vfs = 0;
        return r;
}

int state_remove(struct state *state, const struct dev_id *pf, struct changes *c)
{
        struct pf_entry *entry;
        bool found;
        size_t at;
        int r = 0;

        at = position(state, pf, &found);
        if (!found)
                return 0;
        entry = state->pfs[at];
        for (uint32_t i = 0; r == 0 && i < entry->facts.n_vfs; i++)
                r = note_vf(c, CHANGE_VF_REMOVED, &entry->facts.id, entry->facts.vfs[i].index, 0);
        if (r == 0)
                r = note_pf(c, CHANGE_PF_REMOVED, &entry->facts.id, 0);
        state->n_pfs--;
        memmove(state->pfs + at, state->pfs + at + 1, (state->n_pfs - at) * sizeof(*state->pfs));
        pf_facts_done(&entry->facts);
        free(entry);
        return r;
}

static bool reserved_equal(const struct group_facts *a, const struct group_facts *b)
{
        if (a->n_reserved != b->n_reserved)
                return false;
        for (uint32_t i = 0; i < a->n_reserved; i++)
                if (a->reserved[i].start != b->reserved[i].start ||
                        a->reserved[i].end != b->reserved[i].end ||
                        !streq(a->reserved[i].type, b->reserved[i].type))
                        return false;
        return true;
}

static bool groups_equal(const struct group_facts *a, const struct group_facts *b)
{
        if (a->n_devices != b->n_devices || !streq(a->type, b->type) || !reserved_equal(a, b))
                return false;
        for (uint32_t i = 0; i < a->n_devices; i++)
                if (!streq(a->devices[i].address, b->devices[i].address) ||
                        !streq(a->devices[i].driver, b->devices[i].driver) ||
                        !streq(a->devices[i].parent, b->devices[i].parent) ||
                        !streq(a->devices[i].physfn, b->devices[i].physfn) ||
                        a->devices[i].pci_class != b->devices[i].pci_class)
                        return false;
        return true;
}

/* What every verdict depends on: the IOMMU, and the bridges. */
static bool hosts_equal(const struct groups *a, const struct groups *b)
{
        const struct iommu_facts *x = &a->iommu, *y = &b->iommu;

        if (x->present != y->present || x->interrupt_remap != y->interrupt_remap ||
                x->unsafe_interrupts != y->unsafe_interrupts || x->noiommu != y->noiommu ||
                x->passthrough != y->passthrough || !streq(x->name, y->name) ||
                a->n_bridges != b->n_bridges)
                return false;
        for (uint32_t i = 0; i < a->n_bridges; i++)
                if (!streq(a->bridges[i].address, b->bridges[i].address) ||
                        !streq(a->bridges[i].parent, b->bridges[i].parent) ||
                        !streq(a->bridges[i].kind, b->bridges[i].kind) ||
                        a->bridges[i].group != b->bridges[i].group ||
                        a->bridges[i].acs != b->bridges[i].acs)
                        return false;
        return true;
}

int state_apply_groups(struct state *state, struct groups *groups, struct changes *c)
{
        bool same_host = hosts_equal(&state->groups, groups);
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < state->groups.n; i++)
                if (!groups_find(groups, state->groups.list[i].id))
                        r = note(c, (struct change){.kind = CHANGE_GROUP_REMOVED,
                                            .group = state->groups.list[i].id});
        for (uint32_t i = 0; r == 0 && i < groups->n; i++) {
                const struct group_facts *old = groups_find(&state->groups, groups->list[i].id);

                if (!old)
                        r = note(c, (struct change){.kind = CHANGE_GROUP_ADDED,
                                            .group = groups->list[i].id});
                else if (!same_host || !groups_equal(old, &groups->list[i]))
                        r = note(c,
                                (struct change){.kind = CHANGE_GROUP, .group = groups->list[i].id});
        }
        groups_done(&state->groups);
        state->groups = *groups;
        *groups = (struct groups){0};
        return r;
}

int state_set_activity(
        struct state *state, const struct dev_id *pf, enum pf_activity activity, struct changes *c)
{
        bool found;
        size_t at = position(state, pf, &found);

        if (!found || state->pfs[at]->activity == activity)
                return 0;
        state->pfs[at]->activity = activity;
        return note_pf(c, CHANGE_PF, pf, BIT(PF_FIELD_STATE));
}

int state_learn(struct state *state, const struct dev_id *pf, enum vf_setting setting,
        enum fault_code code, struct changes *c)
{
        bool found;
        size_t at = position(state, pf, &found);
        struct caps before;

        if (!found)
                return 0;
        before = state->pfs[at]->caps;
        caps_learn_set(&state->pfs[at]->caps, setting, code);
        if (memcmp(&before, &state->pfs[at]->caps, sizeof(before)) == 0)
                return 0;
        return note_pf(c, CHANGE_PF, pf, BIT(PF_FIELD_CAPABILITIES));
}

static bool pf_is_called(const struct pf_facts *pf, const char *name)
{
        if (streq(pf->id.str, name) || streq(dev_id_address(&pf->id), name))
                return true;
        for (uint32_t i = 0; i < pf->n_netdevs; i++)
                if (streq(pf->netdevs[i], name))
                        return true;
        return false;
}

/* PF/INDEX: splits at the last slash when digits follow it. */
static int find_by_index(const struct state *state, const char *name,
        const struct pf_entry **ret_pf, uint32_t *ret_vf)
{
        const char *slash = strrchr(name, '/');
        char pf[DEV_ID_MAX];
        uint32_t index;

        if (!slash || parse_u32(slash + 1, 0, VFS_MAX, &index) < 0 ||
                (size_t) (slash - name) >= sizeof(pf))
                return -ENOENT;
        memcpy(pf, name, (size_t) (slash - name));
        pf[slash - name] = '\0';
        for (size_t i = 0; i < state->n_pfs; i++)
                if (pf_is_called(&state->pfs[i]->facts, pf)) {
                        *ret_pf = state->pfs[i];
                        *ret_vf = index;
                        return 0;
                }
        return -ENOENT;
}

static int find_by_name(const struct state *state, const char *name, const struct pf_entry **ret_pf,
        uint32_t *ret_vf)
{
        for (size_t i = 0; i < state->n_pfs; i++) {
                const struct pf_facts *pf = &state->pfs[i]->facts;

                if (pf_is_called(pf, name)) {
                        *ret_pf = state->pfs[i];
                        *ret_vf = NO_VF;
                        return 0;
                }
                for (uint32_t k = 0; k < pf->n_vfs; k++)
                        if (streq(pf->vfs[k].address, name) ||
                                (name[0] && streq(pf->vfs[k].netdev, name))) {
                                *ret_pf = state->pfs[i];
                                *ret_vf = pf->vfs[k].index;
                                return 0;
                        }
        }
        return -ENOENT;
}

int state_find(const struct state *state, const char *name, const struct pf_entry **ret_pf,
        uint32_t *ret_vf, struct fault *f)
{
        const struct pf_entry *pf = NULL;
        uint32_t vf = NO_VF;

        if (!name[0] || strlen(name) > 63 || !utf8_valid(name))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "device '%.64s' refused: expected a network interface, a PCI address such "
                        "as "
                        "0000:3b:00.0, or "
                        "PF/INDEX for a VF",
                        name);
        if (find_by_name(state, name, &pf, &vf) < 0 && find_by_index(state, name, &pf, &vf) < 0)
                return fault_set(f, FAULT_NOT_FOUND, 0,
                        "no SR-IOV device is called '%s'; `sriovctl list pf` and `sriovctl list "
                        "vf` show what there is",
                        name);
        if (vf != NO_VF && !pf_facts_vf(&pf->facts, vf)) {
                if (pf->facts.num_vfs == 0)
                        return fault_set(f, FAULT_NOT_FOUND, 0,
                                "VF '%s' refused: the PF has no VFs; create them first", name);
                return fault_set(f, FAULT_NOT_FOUND, 0,
                        "VF '%s' refused: expected an index of 0 to %u", name,
                        pf->facts.num_vfs - 1);
        }
        *ret_pf = pf;
        *ret_vf = vf;
        return 0;
}
