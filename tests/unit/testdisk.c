/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The disk in memory. For each file what is read now and what was synced, and between them a log of
 * the changes in their order; the same for the directory. No pointers inside: it is shared with
 * children. One process at a time.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "testdisk.h"

#define NAME_SIZE   128u
#define FDS         32u
#define DIR_FD      1000 /* what opening the directory returns; files are above it */
#define CHANGES_MAX 1024u
#define LOG_MAX     (8u * 1024u * 1024u)
#define NO_INODE    UINT32_MAX

struct inode {
        uint32_t now, synced; /* how long */
        bool lost;            /* a sync has failed: a later one does nothing */
};

struct entry {
        char name[NAME_SIZE]; /* "": free */
        uint32_t inode;
};

/* A write of n bytes at `at`, or a truncation to `at` (data: none). */
struct change {
        uint32_t inode, at, n;
        bool truncate;
        uint32_t data; /* offset in the log */
};

/* from goes away, to is the inode; either may be "". */
struct dir_change {
        char from[NAME_SIZE], to[NAME_SIZE];
        uint32_t inode;
};

struct open_file {
        bool used, append;
        uint32_t inode, at;
};

struct planned_fault {
        uint32_t in, times; /* times 0: none */
        int error;
};

struct testdisk {
        struct entry now[TESTDISK_FILES], synced[TESTDISK_FILES];
        struct inode inodes[TESTDISK_FILES];
        struct open_file fds[FDS];
        struct planned_fault faults[DISK_CALL_MAX];
        uint32_t calls[DISK_CALL_MAX];
        uint32_t n_dir_changes, n_changes, n_log;

        /* Large, and most of it is never touched. */
        struct dir_change dir_changes[CHANGES_MAX];
        struct change changes[CHANGES_MAX];
        char log[LOG_MAX];
        char now_bytes[TESTDISK_FILES][TESTDISK_FILE_MAX];
        char synced_bytes[TESTDISK_FILES][TESTDISK_FILE_MAX];
};

struct testdisk *testdisk_new(void)
{
        void *p = mmap(NULL, sizeof(struct testdisk), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (p == MAP_FAILED) {
                perror("testdisk");
                abort();
        }
        return p;
}

void testdisk_free(struct testdisk *disk)
{
        if (disk)
                munmap(disk, sizeof(*disk));
}

struct testdisk *testdisk_clone(const struct testdisk *disk)
{
        struct testdisk *copy = testdisk_new();

        memcpy(copy, disk, offsetof(struct testdisk, dir_changes));
        memcpy(copy->dir_changes, disk->dir_changes,
                disk->n_dir_changes * sizeof(*disk->dir_changes));
        memcpy(copy->changes, disk->changes, disk->n_changes * sizeof(*disk->changes));
        memcpy(copy->log, disk->log, disk->n_log);
        for (uint32_t i = 0; i < TESTDISK_FILES; i++) {
                memcpy(copy->now_bytes[i], disk->now_bytes[i], disk->inodes[i].now);
                memcpy(copy->synced_bytes[i], disk->synced_bytes[i], disk->inodes[i].synced);
        }
        return copy;
}

/* ---- failures -------------------------------------------------------------------------------- */

void testdisk_fail(
        struct testdisk *disk, enum testdisk_call call, uint32_t nth, int error, uint32_t times)
{
        disk->faults[call] = (struct planned_fault){.in = nth, .times = times, .error = error};
}

void testdisk_heal(struct testdisk *disk)
{
        memset(disk->faults, 0, sizeof(disk->faults));
}

uint32_t testdisk_calls(const struct testdisk *disk, enum testdisk_call call)
{
        return disk->calls[call];
}

/* Counts the call. True when it is to fail, with the errno in *ret. */
static bool fails(struct testdisk *disk, enum testdisk_call call, int *ret)
{
        struct planned_fault *fault = &disk->faults[call];

        disk->calls[call]++;
        if (fault->times == 0)
                return false;
        if (fault->in > 1) {
                fault->in--;
                return false;
        }
        if (fault->times != DISK_ALWAYS)
                fault->times--;
        *ret = -fault->error;
        return true;
}

/* ---- the directory --------------------------------------------------------------------------- */

static struct entry *find(struct entry *entries, const char *name)
{
        for (uint32_t i = 0; i < TESTDISK_FILES; i++)
                if (streq(entries[i].name, name))
                        return &entries[i];
        return NULL;
}

static void change_entries(struct entry *entries, const struct dir_change *change)
{
        struct entry *entry;

        entry = change->from[0] != '\0' ? find(entries, change->from) : NULL;
        if (entry)
                entry->name[0] = '\0';
        if (change->to[0] == '\0')
                return;
        entry = find(entries, change->to);
        if (!entry)
                entry = find(entries, "");
        if (!entry)
                abort(); /* as many inodes as entries */
        memcpy(entry->name, change->to, NAME_SIZE);
        entry->inode = change->inode;
}

static int change_dir(struct testdisk *disk, const char *from, const char *to, uint32_t inode)
{
        struct dir_change change = {.inode = inode};

        if (str_copy(change.from, NAME_SIZE, from) < 0 || str_copy(change.to, NAME_SIZE, to) < 0)
                return -ENAMETOOLONG;
        if (disk->n_dir_changes >= CHANGES_MAX)
                return -ENOSPC;
        disk->dir_changes[disk->n_dir_changes++] = change;
        change_entries(disk->now, &change);
        return 0;
}

static bool refers(const struct entry *entries, uint32_t inode)
{
        for (uint32_t i = 0; i < TESTDISK_FILES; i++)
                if (entries[i].name[0] != '\0' && entries[i].inode == inode)
                        return true;
        return false;
}

static bool in_use(const struct testdisk *disk, uint32_t inode)
{
        for (uint32_t i = 0; i < FDS; i++)
                if (disk->fds[i].used && disk->fds[i].inode == inode)
                        return true;
        for (uint32_t i = 0; i < disk->n_dir_changes; i++)
                if (disk->dir_changes[i].inode == inode)
                        return true;
        return refers(disk->now, inode) || refers(disk->synced, inode);
}

/* ---- contents -------------------------------------------------------------------------------- */

/* On a file of *n bytes: the first `cut` bytes of a write; a gap reads as zeros. */
static void change_content(char *bytes, uint32_t *n, const struct testdisk *disk,
        const struct change *change, uint32_t cut)
{
        uint32_t end = change->at + (change->truncate ? 0 : cut);

        if (end > *n)
                memset(bytes + *n, 0, end - *n);
        if (change->truncate || end > *n)
                *n = end;
        if (!change->truncate)
                memcpy(bytes + change->at, disk->log + change->data, cut);
}

static int change_file(struct testdisk *disk, struct change change, const void *data)
{
        if (disk->n_changes >= CHANGES_MAX || change.n > LOG_MAX - disk->n_log ||
                change.n > TESTDISK_FILE_MAX || change.at > TESTDISK_FILE_MAX - change.n)
                return -ENOSPC;
        change.data = disk->n_log;
        if (change.n > 0)
                memcpy(disk->log + disk->n_log, data, change.n);
        disk->n_log += change.n;
        disk->changes[disk->n_changes++] = change;
        change_content(disk->now_bytes[change.inode], &disk->inodes[change.inode].now, disk,
                &change, change.n);
        return 0;
}

static void forget_changes(struct testdisk *disk, uint32_t inode)
{
        uint32_t kept = 0, n_log = 0;

        for (uint32_t i = 0; i < disk->n_changes; i++) {
                struct change change = disk->changes[i];

                if (change.inode == inode)
                        continue;
                memmove(disk->log + n_log, disk->log + change.data, change.n);
                change.data = n_log;
                n_log += change.n;
                disk->changes[kept++] = change;
        }
        disk->n_changes = kept;
        disk->n_log = n_log;
}

static uint32_t new_inode(struct testdisk *disk)
{
        for (uint32_t i = 0; i < TESTDISK_FILES; i++)
                if (!in_use(disk, i)) {
                        forget_changes(disk, i);
                        disk->inodes[i] = (struct inode){0};
                        return i;
                }
        return NO_INODE;
}

/* ---- the calls ------------------------------------------------------------------------------- */

static struct open_file *file_of(struct testdisk *disk, int fd)
{
        uint32_t i = (uint32_t) (fd - DIR_FD - 1);

        if (fd <= DIR_FD || i >= FDS || !disk->fds[i].used)
                abort(); /* a bug of the store: not its fd, or closed */
        return &disk->fds[i];
}

static int create(struct testdisk *disk, const char *name, uint32_t *ret)
{
        uint32_t inode = new_inode(disk);
        int r;

        if (inode == NO_INODE)
                return -ENOSPC;
        r = change_dir(disk, "", name, inode);
        if (r == 0)
                *ret = inode;
        return r;
}

static int disk_open(void *userdata, const char *name, int flags, _unused_ mode_t mode)
{
        struct testdisk *disk = userdata;
        struct entry *entry = find(disk->now, name);
        uint32_t inode = entry ? entry->inode : NO_INODE, fd = 0;
        int r;

        if (fails(disk, DISK_OPEN, &r))
                return r;
        while (fd < FDS && disk->fds[fd].used)
                fd++;
        if (fd == FDS)
                return -EMFILE;
        if (entry && (flags & O_CREAT) && (flags & O_EXCL))
                return -EEXIST;
        if (!entry) {
                r = flags & O_CREAT ? create(disk, name, &inode) : -ENOENT;
                if (r < 0)
                        return r;
        } else if (flags & O_TRUNC) {
                r = change_file(disk, (struct change){.inode = inode, .truncate = true}, NULL);
                if (r < 0)
                        return r;
        }
        disk->fds[fd] = (struct open_file){.used = true, .append = flags & O_APPEND};
        disk->fds[fd].inode = inode;
        return DIR_FD + 1 + (int) fd;
}

static int disk_open_dir(void *userdata)
{
        int r;

        return fails(userdata, DISK_OPEN_DIR, &r) ? r : DIR_FD;
}

static ssize_t disk_read(void *userdata, int fd, void *buf, size_t n)
{
        struct testdisk *disk = userdata;
        struct open_file *file = file_of(disk, fd);
        uint32_t size = disk->inodes[file->inode].now;
        size_t left = size > file->at ? size - file->at : 0;
        int r;

        if (fails(disk, DISK_READ, &r))
                return r;
        n = n < left ? n : left;
        memcpy(buf, disk->now_bytes[file->inode] + file->at, n);
        file->at += (uint32_t) n;
        return (ssize_t) n;
}

static ssize_t disk_write(void *userdata, int fd, const void *buf, size_t n)
{
        struct testdisk *disk = userdata;
        struct open_file *file = file_of(disk, fd);
        struct change change = {.inode = file->inode};
        int r;

        if (n > TESTDISK_FILE_MAX)
                return -ENOSPC;
        if (fails(disk, DISK_WRITE, &r)) {
                if (r < 0)
                        return r;
                n = (n + 1) / 2;
        }
        change.at = file->append ? disk->inodes[file->inode].now : file->at;
        change.n = (uint32_t) n;
        r = change_file(disk, change, buf);
        if (r < 0)
                return r;
        file->at = change.at + change.n;
        return (ssize_t) n;
}

static off_t disk_size(void *userdata, int fd)
{
        struct testdisk *disk = userdata;
        int r;

        if (fails(disk, DISK_SIZE, &r))
                return r;
        return disk->inodes[file_of(disk, fd)->inode].now;
}

static int disk_truncate(void *userdata, int fd, off_t n)
{
        struct testdisk *disk = userdata;
        struct change change = {.inode = file_of(disk, fd)->inode, .truncate = true};
        int r;

        if (fails(disk, DISK_TRUNCATE, &r))
                return r;
        if (n < 0 || n > TESTDISK_FILE_MAX)
                return -EINVAL;
        change.at = (uint32_t) n;
        return change_file(disk, change, NULL);
}

static void sync_file(struct testdisk *disk, uint32_t inode)
{
        if (disk->inodes[inode].lost)
                return;
        memcpy(disk->synced_bytes[inode], disk->now_bytes[inode], disk->inodes[inode].now);
        disk->inodes[inode].synced = disk->inodes[inode].now;
        forget_changes(disk, inode);
}

static int disk_sync(void *userdata, int fd)
{
        struct testdisk *disk = userdata;
        uint32_t inode = fd == DIR_FD ? NO_INODE : file_of(disk, fd)->inode;
        int r;

        if (fails(disk, DISK_SYNC, &r)) {
                if (inode != NO_INODE)
                        disk->inodes[inode].lost = true;
                return r;
        }
        if (inode != NO_INODE) {
                sync_file(disk, inode);
        } else {
                memcpy(disk->synced, disk->now, sizeof(disk->synced));
                disk->n_dir_changes = 0;
        }
        return 0;
}

static int disk_close(void *userdata, int fd)
{
        if (fd != DIR_FD)
                file_of(userdata, fd)->used = false;
        return 0;
}

static int disk_rename(void *userdata, const char *from, const char *to)
{
        struct testdisk *disk = userdata;
        const struct entry *entry = find(disk->now, from);
        int r;

        if (fails(disk, DISK_RENAME, &r))
                return r;
        return entry ? change_dir(disk, from, to, entry->inode) : -ENOENT;
}

static int disk_remove(void *userdata, const char *name)
{
        struct testdisk *disk = userdata;
        const struct entry *entry = find(disk->now, name);
        int r;

        if (fails(disk, DISK_REMOVE, &r))
                return r;
        return entry ? change_dir(disk, name, "", entry->inode) : -ENOENT;
}

static int disk_list(void *userdata, char ***ret, size_t *ret_n)
{
        struct testdisk *disk = userdata;
        char **names;
        size_t n = 0;
        int r;

        if (fails(disk, DISK_LIST, &r))
                return r;
        names = calloc(TESTDISK_FILES, sizeof(*names));
        for (uint32_t i = 0; names && i < TESTDISK_FILES; i++)
                if (disk->now[i].name[0] != '\0' && !(names[n++] = strdup(disk->now[i].name)))
                        abort();
        *ret = names;
        *ret_n = n;
        return names ? 0 : -ENOMEM;
}

const struct store_ops testdisk_ops = {
        .open = disk_open,
        .open_dir = disk_open_dir,
        .read = disk_read,
        .write = disk_write,
        .size = disk_size,
        .truncate = disk_truncate,
        .sync = disk_sync,
        .close = disk_close,
        .rename = disk_rename,
        .remove = disk_remove,
        .list = disk_list,
};

/* ---- the end of a life ----------------------------------------------------------------------- */

static uint32_t below(uint64_t *seed, uint32_t n)
{
        uint64_t z;

        *seed += 0x9e3779b97f4a7c15u; /* splitmix64 */
        z = *seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return (uint32_t) ((z ^ (z >> 31)) % n);
}

void testdisk_killed(struct testdisk *disk)
{
        memset(disk->fds, 0, sizeof(disk->fds));
}

/* Nothing, everything, or anything between are as likely. */
static uint32_t how_many(uint64_t *seed, uint32_t n)
{
        switch (below(seed, 3)) {
        case 0:
                return 0;
        case 1:
                return n;
        default:
                return below(seed, n + 1);
        }
}

static void lose_content(struct testdisk *disk, uint32_t i, uint64_t *seed)
{
        struct inode *inode = &disk->inodes[i];
        uint32_t n = 0, happened;

        for (uint32_t k = 0; k < disk->n_changes; k++)
                n += disk->changes[k].inode == i;
        happened = how_many(seed, n);
        for (uint32_t k = 0; k < disk->n_changes && happened > 0; k++) {
                const struct change *change = &disk->changes[k];

                if (change->inode != i)
                        continue;
                happened--;
                change_content(disk->synced_bytes[i], &inode->synced, disk, change,
                        happened > 0 ? change->n : how_many(seed, change->n));
        }
        memcpy(disk->now_bytes[i], disk->synced_bytes[i], inode->synced);
        inode->now = inode->synced;
        inode->lost = false;
}

void testdisk_power_loss(struct testdisk *disk, uint64_t seed)
{
        uint32_t mode =
                below(&seed, 4); /* of the directory: nothing, everything, each for itself */

        testdisk_killed(disk);
        for (uint32_t i = 0; i < TESTDISK_FILES; i++)
                lose_content(disk, i, &seed);
        disk->n_changes = disk->n_log = 0;
        for (uint32_t i = 0; i < disk->n_dir_changes; i++)
                if (mode == 1 || (mode > 1 && below(&seed, 2)))
                        change_entries(disk->synced, &disk->dir_changes[i]);
        memcpy(disk->now, disk->synced, sizeof(disk->now));
        disk->n_dir_changes = 0;
}
