/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leases: their states, their book, and who may get which VF. Pure, any thread. */
#include <stdio.h>

#include "model/lease.h"

/* ---- states ------------------------------------------------------------------------------------
 */

const char *lease_state_name(enum lease_state state)
{
        static const char *const names[LEASE_STATE_MAX] = {
                [LEASE_FREE] = "free",
                [LEASE_PREPARING] = "preparing",
                [LEASE_LEASED] = "leased",
                [LEASE_DIRTY] = "dirty",
                [LEASE_SCRUBBING] = "scrubbing",
                [LEASE_QUARANTINED] = "quarantined",
        };

        return (unsigned) state < LEASE_STATE_MAX ? names[state] : "?";
}

enum lease_state lease_state_from_name(const char *name)
{
        for (unsigned i = 0; i < LEASE_STATE_MAX; i++)
                if (streq(lease_state_name(i), name))
                        return i;
        return LEASE_STATE_MAX;
}

const char *lease_event_name(enum lease_event event)
{
        static const char *const names[LEASE_EVENT_MAX] = {
                [LEASE_ACQUIRE] = "acquire",
                [LEASE_PREPARED] = "prepared",
                [LEASE_NOT_PREPARED] = "not-prepared",
                [LEASE_RELEASE] = "release",
                [LEASE_SCRUB] = "scrub",
                [LEASE_SCRUBBED] = "scrubbed",
                [LEASE_SCRUB_LATER] = "scrub-later",
                [LEASE_SCRUB_FAILED] = "scrub-failed",
                [LEASE_VF_GONE] = "vf-gone",
                [LEASE_RESTART] = "restart",
                [LEASE_REBOOT] = "reboot",
                [LEASE_FORGIVE] = "forgive",
        };

        return (unsigned) event < LEASE_EVENT_MAX ? names[event] : "?";
}

/* An entry of 0 is "makes no sense". */
#define TO(state) ((uint8_t) ((state) + 1))
#define EITHER(n, per)                                                                             \
        {                                                                                          \
                TO(n), TO(per)                                                                     \
        } /* of a lease that ends by itself, of a persistent one */
#define BOTH(state) EITHER(state, state)

int lease_step(
        enum lease_state from, enum lease_event event, bool persistent, enum lease_state *ret)
{
        static const uint8_t table[LEASE_STATE_MAX][LEASE_EVENT_MAX][2] = {
                [LEASE_FREE] =
                        {
                                [LEASE_ACQUIRE] = BOTH(LEASE_PREPARING),
                                [LEASE_VF_GONE] = BOTH(LEASE_FREE),
                                [LEASE_RESTART] = BOTH(LEASE_FREE),
                                [LEASE_REBOOT] = BOTH(LEASE_FREE),
                        },
                [LEASE_PREPARING] =
                        {
                                [LEASE_PREPARED] = BOTH(LEASE_LEASED),
                                [LEASE_NOT_PREPARED] = BOTH(LEASE_DIRTY),
                                [LEASE_RELEASE] = BOTH(LEASE_DIRTY),
                                [LEASE_VF_GONE] = BOTH(LEASE_FREE),
                                [LEASE_RESTART] = EITHER(LEASE_DIRTY, LEASE_PREPARING),
                                [LEASE_REBOOT] = EITHER(LEASE_FREE, LEASE_PREPARING),
                        },
                [LEASE_LEASED] =
                        {
                                [LEASE_RELEASE] = BOTH(LEASE_DIRTY),
                                [LEASE_VF_GONE] = BOTH(LEASE_FREE),
                                [LEASE_RESTART] = BOTH(LEASE_LEASED),
                                [LEASE_REBOOT] = EITHER(LEASE_FREE, LEASE_PREPARING),
                        },
                [LEASE_DIRTY] =
                        {
                                [LEASE_SCRUB] = BOTH(LEASE_SCRUBBING),
                                [LEASE_VF_GONE] = BOTH(LEASE_FREE),
                                [LEASE_RESTART] = BOTH(LEASE_DIRTY),
                                [LEASE_REBOOT] = BOTH(LEASE_FREE),
                        },
                [LEASE_SCRUBBING] =
                        {
                                [LEASE_SCRUBBED] = BOTH(LEASE_FREE),
                                [LEASE_SCRUB_LATER] = BOTH(LEASE_DIRTY),
                                [LEASE_SCRUB_FAILED] = BOTH(LEASE_QUARANTINED),
                                [LEASE_VF_GONE] = BOTH(LEASE_FREE),
                                [LEASE_RESTART] = BOTH(LEASE_DIRTY),
                                [LEASE_REBOOT] = BOTH(LEASE_FREE),
                        },
                [LEASE_QUARANTINED] =
                        {
                                [LEASE_FORGIVE] = BOTH(LEASE_DIRTY),
                                [LEASE_VF_GONE] = BOTH(LEASE_FREE),
                                [LEASE_RESTART] = BOTH(LEASE_QUARANTINED),
                                [LEASE_REBOOT] = BOTH(LEASE_FREE),
                        },
        };
        uint8_t to;

        if ((unsigned) from >= LEASE_STATE_MAX || (unsigned) event >= LEASE_EVENT_MAX)
                return -EINVAL;
        to = table[from][event][persistent];
        if (to == 0)
                return -EINVAL;
        *ret = to - 1u;
        return 0;
}

/* ---- owners ------------------------------------------------------------------------------------
 */

const char *lease_owner_name(enum lease_owner owner)
{
        static const char *const names[LEASE_OWNER_MAX] = {
                [LEASE_OWNER_BUS] = "bus",
                [LEASE_OWNER_PID] = "pid",
                [LEASE_OWNER_PERSISTENT] = "persistent",
        };

        return (unsigned) owner < LEASE_OWNER_MAX ? names[owner] : "?";
}

enum lease_owner lease_owner_from_name(const char *name)
{
        for (unsigned i = 0; i < LEASE_OWNER_MAX; i++)
                if (streq(lease_owner_name(i), name))
                        return i;
        return LEASE_OWNER_MAX;
}

void lease_describe_owner(const struct lease *lease, char *buf, size_t size)
{
        if (lease->owner == LEASE_OWNER_BUS)
                snprintf(buf, size, "bus %s", lease->bus_name);
        else if (lease->owner == LEASE_OWNER_PID)
                snprintf(buf, size, "pid %d", lease->pid);
        else
                snprintf(buf, size, "%s", lease_owner_name(lease->owner));
}

bool lease_label_valid(const char *label)
{
        char escaped[LEASE_LABEL_MAX];

        escape_text(escaped, sizeof(escaped), label);
        return streq(escaped, label);
}

#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* ":1.42": what the bus calls a connection. */
static bool unique_name_valid(const char *name)
{
        return name[0] == ':' && name[1] &&
               name[1 + strspn(name + 1, LETTERS_AND_DIGITS "_.-")] == '\0';
}

static bool owner_valid(const struct lease *lease)
{
        bool bus = lease->bus_name[0], pid = lease->pid != 0;

        switch (lease->owner) {
        case LEASE_OWNER_BUS:
                return unique_name_valid(lease->bus_name) && !pid;
        case LEASE_OWNER_PID:
                return lease->pid > 0 && !bus;
        case LEASE_OWNER_PERSISTENT:
                return !bus && !pid;
        case LEASE_OWNER_MAX:
                break;
        }
        return false;
}

static bool boot_id_valid(const char *id)
{
        return id[0] && id[strspn(id, LETTERS_AND_DIGITS "-")] == '\0';
}

static bool attrs_valid(const struct vf_attrs *a)
{
        return (a->present & a->reset) == 0 && (a->present | a->reset) < BIT(VF_ATTR_MAX);
}

static bool wish_valid(const struct vf_attrs *a)
{
        for (unsigned attr = 0; attr < VF_ATTR_MAX; attr++) {
                const struct vf_attr_info *info = &vf_attr_table[attr];
                uint32_t most = info->type == ATTR_WORD ? info->max - 1 : info->max;

                if (vf_attrs_has(a, attr) && info->type != ATTR_MAC_ADDRESS &&
                        info->type != ATTR_GUID && vf_attrs_number(a, attr) > most)
                        return false;
        }
        return attrs_valid(a) && vf_attrs_check(a, NULL) == 0;
}

int lease_check(const struct lease *lease)
{

        if (lease->state <= LEASE_FREE || lease->state >= LEASE_STATE_MAX ||
                !dev_id_valid(&lease->pf) || lease->vf >= VFS_MAX)
                return -EINVAL;
        if (!owner_valid(lease) || lease->uid == UINT32_MAX || !lease_label_valid(lease->label))
                return -EINVAL;
        if (!wish_valid(&lease->attrs) || !attrs_valid(&lease->baseline) || lease->baseline.reset)
                return -EINVAL;
        if ((lease->driver[0] && !driver_name_valid(lease->driver)) ||
                !driver_name_valid(lease->baseline_driver) ||
                !utf8_valid(lease->baseline_override) || !boot_id_valid(lease->boot_id))
                return -EINVAL;
        return 0;
}

/* ---- the book ----------------------------------------------------------------------------------
 */

void lease_book_done(struct lease_book *book)
{
        free(book->list);
        *book = (struct lease_book){0};
}

int lease_book_copy(const struct lease_book *from, struct lease_book *ret)
{
        struct lease *list = NULL;

        if (from->n > 0) {
                list = reallocarray(NULL, from->n, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                memcpy(list, from->list, from->n * sizeof(*list));
        }
        *ret = (struct lease_book){list, from->n, from->n, from->last_id};
        return 0;
}

int lease_book_add(struct lease_book *book, const struct lease *lease, struct lease **ret)
{
        struct lease copy = *lease; /* which may be in the list that moves */
        int r;

        if (lease_check(lease) < 0)
                return -EINVAL;
        if (book->last_id == UINT64_MAX)
                return -EOVERFLOW;
        if (lease_book_of_vf(book, &lease->pf, lease->vf))
                return -EEXIST;
        r = array_grow(&book->list, &book->capacity, book->n, sizeof(*book->list));
        if (r < 0)
                return r;
        copy.id = ++book->last_id;
        book->list[book->n] = copy;
        if (ret)
                *ret = &book->list[book->n];
        book->n++;
        return 0;
}

void lease_book_remove(struct lease_book *book, uint64_t id)
{
        struct lease *lease = lease_book_find(book, id);
        size_t at;

        if (!lease)
                return;
        at = (size_t) (lease - book->list);
        book->n--;
        memmove(lease, lease + 1, (book->n - at) * sizeof(*lease));
}

static int compare_ids(const void *key, const void *element)
{
        const uint64_t *id = key;
        const struct lease *lease = element;

        return (*id > lease->id) - (*id < lease->id);
}

struct lease *lease_book_find(const struct lease_book *book, uint64_t id)
{
        if (book->n == 0)
                return NULL;
        return bsearch(&id, book->list, book->n, sizeof(*book->list), compare_ids);
}

struct lease *lease_book_of_vf(const struct lease_book *book, const struct dev_id *pf, uint32_t vf)
{
        for (size_t i = 0; i < book->n; i++)
                if (book->list[i].vf == vf && dev_id_equal(&book->list[i].pf, pf))
                        return &book->list[i];
        return NULL;
}

void lease_book_skip_ids(struct lease_book *book, uint64_t floor)
{
        if (book->last_id < floor)
                book->last_id = floor;
}

/* ---- who may get which VF ----------------------------------------------------------------------
 */

/* What is asked for of the attributes and reads differently. */
static int match_attrs(const struct lease_selector *s, const struct vf_facts *vf, struct fault *f)
{
        char is[VF_ATTR_STR_MAX], asked[VF_ATTR_STR_MAX];
        struct vf_attrs want = s->attrs;
        uint32_t unlike;

        if (!vf->attrs_known)
                return 0;
        vf_attrs_copy(&want, &vf_attrs_baseline, s->attrs.reset);
        unlike = vf_attrs_differ(&want, &vf->attrs);
        for (unsigned attr = 0; attr < VF_ATTR_MAX; attr++) {
                if (!(unlike & BIT(attr)))
                        continue;
                vf_attrs_format(&vf->attrs, attr, is);
                vf_attrs_format(&want, attr, asked);
                return fault_set(f, FAULT_NOT_FOUND, 0,
                        "VF %u (%s) has %s=%s and %s was asked for; choose another VF, or give the "
                        "attribute for the time of the lease",
                        vf->index, vf->address, vf_attr_table[attr].name, is, asked);
        }
        return 0;
}

static int match(const struct lease_selector *s, const struct pf_facts *pf,
        const struct vf_facts *vf, const char *pool, struct fault *f)
{
        const char *driver = vf->driver[0] ? vf->driver : "none";

        if (s->driver[0] && !streq(s->driver, driver))
                return fault_set(f, FAULT_NOT_FOUND, 0,
                        "VF %u (%s) is on driver %s and %s was asked for; choose another VF, or "
                        "give the driver for the time of the lease",
                        vf->index, vf->address, driver, s->driver);
        if (s->numa_node >= 0 && pf->numa_node != s->numa_node)
                return fault_set(f, FAULT_NOT_FOUND, 0,
                        "VF %u (%s) is on NUMA node %d (-1: unknown) and %d was asked for; choose "
                        "another PF or node",
                        vf->index, vf->address, pf->numa_node, s->numa_node);
        if (s->pool[0] && !streq(s->pool, pool))
                return fault_set(f, FAULT_NOT_FOUND, 0,
                        "VF %u (%s) is in %s%s and pool %s was asked for; the key \"pool\" of its "
                        "entry in the configuration says which",
                        vf->index, vf->address, pool[0] ? "pool " : "no pool", pool, s->pool);
        return match_attrs(s, vf, f);
}

static int refuse_lease(const struct lease *lease, const struct vf_facts *vf, struct fault *f)
{
        char owner[LEASE_OWNER_TEXT_MAX], id[24];
        const char *label = lease->label, *because = lease->why[0] ? ": " : "";

        snprintf(id, sizeof(id), "%llu", (unsigned long long) lease->id);
        lease_describe_owner(lease, owner, sizeof(owner));
        if (lease->state == LEASE_QUARANTINED)
                return fault_set(f, FAULT_IN_USE, 0,
                        "VF %u (%s) is in quarantine since lease %s could not be cleaned up%s%s; "
                        "have it tried again, or destroy all VFs of its PF and create them anew",
                        vf->index, vf->address, id, because, lease->why);
        if (lease->state == LEASE_DIRTY || lease->state == LEASE_SCRUBBING)
                return fault_set(f, FAULT_BUSY, 0,
                        "VF %u (%s) was given back by %s (lease %s) and is not clean yet%s%s; try "
                        "again later or choose another VF",
                        vf->index, vf->address, owner, id, because, lease->why);
        return fault_set(f, FAULT_IN_USE, 0,
                "VF %u (%s) is leased to %s%s%s (lease %s); choose another VF, or wait until it "
                "is released",
                vf->index, vf->address, owner, label[0] ? " for " : "", label, id);
}

int lease_may_take(const struct lease_book *book, const struct lease_selector *selector,
        const struct pf_facts *pf, const struct vf_facts *vf, const char *pool, struct fault *f)
{
        const struct lease *lease = lease_book_of_vf(book, &pf->id, vf->index);
        int r;

        r = match(selector, pf, vf, pool, f);
        if (r < 0)
                return r;
        if (lease)
                return refuse_lease(lease, vf, f);
        if (vf_facts_held(vf))
                return fault_set(f, FAULT_IN_USE, 0,
                        "VF %u (%s) has its %s device open; shut down whoever has it, or choose "
                        "another VF",
                        vf->index, vf->address, vf->driver);
        if (vf->access_uid >= 0)
                return fault_set(f, FAULT_IN_USE, 0,
                        "VF %u (%s): the vfio group %d that it is in may be opened by uid %lld, "
                        "and no lease says so; give /dev/vfio/%d back to root, or choose another "
                        "VF",
                        vf->index, vf->address, vf->iommu_group, (long long) vf->access_uid,
                        vf->iommu_group);
        if (!vf->attrs_known && pf->n_netdevs > 0)
                return fault_set(f, FAULT_IO, 0,
                        "VF %u (%s): its attributes could not be read, so they could not be put "
                        "back after the lease; choose another VF, and see what the driver %s says",
                        vf->index, vf->address, pf->driver);
        return 0;
}
