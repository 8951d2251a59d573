/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of VFs for udev. Loop thread. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/log.h"
#include "daemon/vfdir.h"

struct entry {
        char address[BDF_STR_MAX];
        char name[NETDEV_MAX]; /* "": as udev names it */
        bool unmanaged;
};

struct entries {
        struct entry *list;
        size_t n, capacity;
};

struct vfdir {
        int fd;
        bool tidy; /* the files are as `now`, and nothing of an earlier life is left */
        struct entries now;
};

int vf_predict_address(const struct pf_facts *pf, uint32_t index, char ret[static BDF_STR_MAX])
{
        struct bdf bdf;
        uint32_t rid;
        int r;

        if (pf->offset <= 0 || pf->stride < 0 || (pf->stride == 0 && index > 0))
                return -EINVAL; /* zero: none yet (unused while NumVFs is 0 or 1) */
        r = parse_bdf(dev_id_address(&pf->id), &bdf);
        if (r < 0)
                return r;
        rid = (uint32_t) bdf.bus << 8 | bdf.devfn;
        rid += (uint32_t) pf->offset + (uint32_t) pf->stride * index;
        if (rid > 0xffff)
                return -ERANGE;
        bdf.bus = (uint8_t) (rid >> 8);
        bdf.devfn = (uint8_t) (rid & 0xff);
        format_bdf(ret, &bdf);
        return 0;
}

static int add_wish(struct entries *to, const struct desired *wish, const struct pf_facts *pf)
{
        for (uint32_t i = 0; i < wish->n_vfs; i++) {
                const struct desired_vf *vf = &wish->vfs[i];
                struct entry e = {.unmanaged = vf->nm_unmanaged};

                if (vf->wants & BIT(WISH_NAME))
                        memcpy(e.name, vf->name, sizeof(e.name));
                if (!e.name[0] && !e.unmanaged)
                        continue;
                if (vf_predict_address(pf, vf->index, e.address) < 0) {
                        log_warning("%s: VF %u: its address can not be known before it is there, "
                                    "so udev can not be told its name",
                                dev_id_address(&pf->id), vf->index);
                        return 0;
                }
                if (array_grow(&to->list, &to->capacity, to->n, sizeof(*to->list)) < 0)
                        return -ENOMEM;
                to->list[to->n++] = e;
        }
        return 0;
}

static const struct entry *find(const struct entries *e, const char *address)
{
        for (size_t i = 0; i < e->n; i++)
                if (streq(e->list[i].address, address))
                        return &e->list[i];
        return NULL;
}

static bool same(const struct entries *a, const struct entries *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!streq(a->list[i].address, b->list[i].address) ||
                        !streq(a->list[i].name, b->list[i].name) ||
                        a->list[i].unmanaged != b->list[i].unmanaged)
                        return false;
        return true;
}

static void remove_entry(const struct vfdir *v, const char *address)
{
        static const char *const files[] = {"name", "unmanaged"};
        _cleanup_(closep) int fd = openat(v->fd, address, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        for (size_t i = 0; fd >= 0 && i < ELEMENTSOF(files); i++)
                (void) unlinkat(fd, files[i], 0);
        (void) unlinkat(v->fd, address, AT_REMOVEDIR);
}

static void remove_strangers(const struct vfdir *v, const struct entries *wanted)
{
        int fd = openat(v->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        struct bdf bdf;

        if (!dir) {
                if (fd >= 0)
                        close(fd);
                return;
        }
        for (struct dirent *e; (e = readdir(dir));)
                if (parse_bdf(e->d_name, &bdf) == 0 && !find(wanted, e->d_name))
                        remove_entry(v, e->d_name);
        closedir(dir);
}

static int put(int fd, const char *file, bool wanted, const char *text)
{
        if (wanted)
                return write_file_atomic_at(fd, file, text, strlen(text), 0644);
        return unlinkat(fd, file, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int write_entry(const struct vfdir *v, const struct entry *e)
{
        _cleanup_(closep) int fd = -1;
        char line[NETDEV_MAX + 1];
        int r;

        if (mkdirat(v->fd, e->address, 0755) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(v->fd, e->address, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        snprintf(line, sizeof(line), "%s\n", e->name);
        r = put(fd, "name", e->name[0], line);
        return r < 0 ? r : put(fd, "unmanaged", e->unmanaged, "1\n");
}

void vfdir_sync(struct vfdir *v, const struct conf *conf, const struct state *state)
{
        struct entries wanted = {0};
        int r = 0;

        for (size_t i = 0; r == 0 && i < state->n_pfs; i++) {
                const struct desired *wish = conf_wish(conf, &state->pfs[i]->facts.id);

                if (wish)
                        r = add_wish(&wanted, wish, &state->pfs[i]->facts);
        }
        if (r < 0 || (v->tidy && same(&wanted, &v->now))) {
                free(wanted.list);
                return;
        }
        remove_strangers(v, &wanted);
        v->tidy = true;
        for (size_t i = 0; i < wanted.n; i++) {
                r = write_entry(v, &wanted.list[i]);
                if (r < 0) {
                        log_error("udev will not know VF %s: %s", wanted.list[i].address,
                                strerror(-r));
                        v->tidy = false;
                }
        }
        free(v->now.list);
        v->now = wanted;
}

int vfdir_new(const char *dir, struct vfdir **ret)
{
        _cleanup_(closep) int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(closep) int fd = -1;
        struct vfdir *v;

        if (top < 0)
                return -errno;
        if (mkdirat(top, "vf", 0755) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(top, "vf", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        v = calloc(1, sizeof(*v));
        if (!v)
                return -ENOMEM;
        v->fd = TAKE_FD(fd);
        *ret = v;
        return 0;
}

void vfdir_free(struct vfdir *v)
{
        close(v->fd);
        free(v->now.list);
        free(v);
}
