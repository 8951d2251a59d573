/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the snapshot and putting it in order. Loop thread. */
#include <stdio.h>

#include "ctl/view.h"

struct array {
        void *list;
        size_t n, capacity;
};

struct loading {
        struct array of[OBJECT_MAX];
};

static void free_objects(enum object_kind kind, void *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                object_done(kind, (char *) list + i * object_table[kind].size);
        free(list);
}

void view_done(struct view *v)
{
        free_objects(OBJECT_PF, v->pfs, v->n_pfs);
        free_objects(OBJECT_VF, v->vfs, v->n_vfs);
        free_objects(OBJECT_GROUP, v->groups, v->n_groups);
        free_objects(OBJECT_JOB, v->jobs, v->n_jobs);
        free_objects(OBJECT_LEASE, v->leases, v->n_leases);
        *v = (struct view){0};
}

static int add_object(void *userdata, enum object_kind kind, const char *path, sd_bus_message *m)
{
        struct array *a = &((struct loading *) userdata)->of[kind];
        void *object;
        int r;

        r = array_grow(&a->list, &a->capacity, a->n, object_table[kind].size);
        if (r < 0)
                return r;
        object = (char *) a->list + a->n * object_table[kind].size;
        r = object_init(kind, object, path);
        if (r < 0)
                return r;
        a->n++;
        return object_decode(kind, object, m, NULL);
}

static int add_all(struct loading *l, sd_bus_message *m)
{
        const char *path;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}")) > 0) {
                r = sd_bus_message_read(m, "o", &path);
                if (r >= 0)
                        r = interfaces_decode(m, path, add_object, l);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int compare_pfs(const void *a, const void *b)
{
        return strcmp(((const struct view_pf *) a)->address, ((const struct view_pf *) b)->address);
}

static int compare_numbers(uint32_t a, uint32_t b)
{
        return (a > b) - (a < b);
}

static int compare_vfs(const void *a, const void *b)
{
        const struct view_vf *x = a, *y = b;
        int c = strcmp(x->pf, y->pf);

        return c ? c : compare_numbers(x->index, y->index);
}

static int compare_groups(const void *a, const void *b)
{
        return compare_numbers(
                ((const struct view_group *) a)->id, ((const struct view_group *) b)->id);
}

static int compare_jobs(const void *a, const void *b)
{
        return compare_numbers(
                ((const struct view_job *) a)->id, ((const struct view_job *) b)->id);
}

static int compare_leases(const void *a, const void *b)
{
        const struct view_lease *x = a, *y = b;

        return (x->id > y->id) - (x->id < y->id);
}

static void sort(void *list, size_t n, size_t size, int (*compare)(const void *, const void *))
{
        if (n > 0)
                qsort(list, n, size, compare);
}

void view_arrange(struct view *v)
{
        sort(v->pfs, v->n_pfs, sizeof(*v->pfs), compare_pfs);
        sort(v->vfs, v->n_vfs, sizeof(*v->vfs), compare_vfs);
        sort(v->groups, v->n_groups, sizeof(*v->groups), compare_groups);
        sort(v->jobs, v->n_jobs, sizeof(*v->jobs), compare_jobs);
        sort(v->leases, v->n_leases, sizeof(*v->leases), compare_leases);
        for (size_t p = 0; p < v->n_pfs; p++) {
                struct view_pf *pf = &v->pfs[p];

                pf->vfs = NULL;
                pf->n_vfs = 0;
                for (size_t i = 0; i < v->n_vfs; i++)
                        if (streq(v->vfs[i].pf, pf->path)) {
                                if (pf->n_vfs++ == 0)
                                        pf->vfs = &v->vfs[i];
                        }
        }
}

/* A VF that has vanished since has no holders; a daemon that has is another matter. */
static int load_holders(sd_bus *bus, struct view *v, struct failure *f)
{
        for (size_t i = 0; i < v->n_vfs; i++) {
                struct view_vf *vf = &v->vfs[i];
                int r;

                if (!vf->in_use && streq(vf->lease_state, "free"))
                        continue;
                r = client_holders(bus, vf->path, &vf->holders, &vf->n_holders, f);
                if (r < 0 && f->status == EXIT_NO_DAEMON)
                        return r;
        }
        return 0;
}

int view_load(sd_bus *bus, struct view *ret, struct failure *f)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(view_done) struct view v = {0};
        struct loading l = {0};
        int r, loaded;

        r = client_call(bus, BUS_ROOT, BUS_OBJECTS, "GetManagedObjects", &reply, f, NULL);
        if (r < 0)
                return r;
        loaded = add_all(&l, reply);
        free_objects(OBJECT_MANAGER, l.of[OBJECT_MANAGER].list, l.of[OBJECT_MANAGER].n);
        v = (struct view){
                .pfs = l.of[OBJECT_PF].list,
                .vfs = l.of[OBJECT_VF].list,
                .groups = l.of[OBJECT_GROUP].list,
                .jobs = l.of[OBJECT_JOB].list,
                .n_pfs = l.of[OBJECT_PF].n,
                .n_vfs = l.of[OBJECT_VF].n,
                .n_groups = l.of[OBJECT_GROUP].n,
                .n_jobs = l.of[OBJECT_JOB].n,
                .leases = l.of[OBJECT_LEASE].list,
                .n_leases = l.of[OBJECT_LEASE].n,
        };
        if (loaded < 0)
                return failure_of_errno(f, loaded, "read the devices");
        r = load_holders(bus, &v, f);
        if (r < 0)
                return r;
        view_arrange(&v);
        *ret = v;
        v = (struct view){0};
        return 0;
}

const char *view_pf_name(const struct view_pf *pf, char buf[static NETDEV_MAX])
{
        size_t n = strcspn(pf->netdevs, " ");

        if (n == 0 || n >= NETDEV_MAX)
                return pf->address;
        memcpy(buf, pf->netdevs, n);
        buf[n] = '\0';
        return buf;
}
