/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration files out of their directories: which mask which. Loop thread. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fileio.h"
#include "base/hash.h"
#include "base/parse.h"
#include "config/config.h"

#define NULL_DEVICE makedev(1, 3)

static void closedirp(DIR **dir)
{
        if (*dir)
                closedir(*dir);
}

static void file_done(struct config_file *file)
{
        free(file->name);
        free(file->path);
        free(file->text);
}

void config_files_done(struct config_files *files)
{
        for (size_t i = 0; i < files->n; i++)
                file_done(&files->list[i]);
        free(files->list);
        *files = (struct config_files){0};
}

/* Faults and logs show names: nothing in them that a terminal would obey. */
static bool name_valid(const char *name)
{
        char shown[CONFIG_NAME_MAX * 4 + 1];

        if (name[0] == '\0' || strlen(name) > CONFIG_NAME_MAX || strchr(name, '/'))
                return false;
        escape_text(shown, sizeof(shown), name);
        return streq(shown, name);
}

/* By name; of one name the file of a directory, then the one that came otherwise. */
static int compare(const struct config_file *file, const char *name, bool given)
{
        int r = strcmp(file->name, name);

        return r != 0 ? r : (file->path[0] == '\0') - given;
}

/* Where it is, or would be. given: not of a directory. */
static size_t place_of(
        const struct config_files *files, const char *name, bool given, bool *ret_there)
{
        size_t low = 0, high = files->n;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (compare(&files->list[middle], name, given) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_there = low < files->n && compare(&files->list[low], name, given) == 0;
        return low;
}

int config_files_add(
        struct config_files *files, const char *name, const char *path, const char *text, size_t n)
{
        struct config_file file = {.n = n};
        size_t total = n, at;
        bool there;
        int r;

        if (!name_valid(name))
                return -EINVAL;
        at = place_of(files, name, path[0] == '\0', &there);
        if (there)
                return -EEXIST;
        for (size_t i = 0; i < files->n; i++)
                total += files->list[i].n;
        if (n > CONFIG_FILE_MAX)
                return -EFBIG;
        if (files->n >= CONFIG_FILES_MAX || total > CONFIG_TEXT_MAX)
                return -E2BIG;
        r = array_grow(&files->list, &files->capacity, files->n, sizeof(*files->list));
        if (r < 0)
                return r;
        file.name = strdup(name);
        file.path = strdup(path);
        file.text = malloc(n + 1);
        if (!file.name || !file.path || !file.text) {
                file_done(&file);
                return -ENOMEM;
        }
        memcpy(file.text, text, n);
        file.text[n] = '\0';
        memmove(&files->list[at + 1], &files->list[at], (files->n - at) * sizeof(file));
        files->list[at] = file;
        files->n++;
        return 0;
}

uint64_t config_hash(const struct config_files *files)
{
        uint64_t hash = HASH_INIT;

        for (size_t i = 0; i < files->n; i++) {
                const struct config_file *file = &files->list[i];
                uint64_t n = file->n;

                hash = hash_text(hash, file->name);
                hash = hash_bytes(hash, &n, sizeof(n));
                hash = hash_bytes(hash, file->text, file->n);
        }
        return hash;
}

/* ---- directories -----------------------------------------------------------------------------
 */

/* -ENOTSUP: not a regular file. A link to /dev/null is as an empty file. */
static int read_text(int dirfd, const char *name, char **ret, size_t *ret_n)
{
        _cleanup_(closep) int fd = -1;
        struct stat st;

        /* A FIFO must not stop the loop. */
        fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) && !(S_ISCHR(st.st_mode) && st.st_rdev == NULL_DEVICE))
                return -ENOTSUP;
        if (S_ISREG(st.st_mode) && st.st_size > CONFIG_FILE_MAX)
                return -EFBIG;
        return read_file_fd(fd, CONFIG_FILE_MAX, ret, ret_n);
}

static int refuse(const char *path, int error, struct fault *f)
{
        switch (error) {
        case -ENOMEM:
                return -ENOMEM;
        case -ENOTSUP:
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "%s: not a regular file; expected one, or a link to /dev/null", path);
        case -EFBIG:
                return fault_set(f, FAULT_INVALID_ARGS, 0, "%s: too big; expected at most %u bytes",
                        path, CONFIG_FILE_MAX);
        case -E2BIG:
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "%s: too many configuration files; expected at most %u with %u bytes", path,
                        CONFIG_FILES_MAX, CONFIG_TEXT_MAX);
        case -EINVAL:
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "%s: not a name for a configuration file; expected at most %u bytes of "
                        "printable text",
                        path, CONFIG_NAME_MAX);
        default:
                return fault_set(
                        f, FAULT_IO, -error, "can not read %s: %s", path, strerror(-error));
        }
}

static bool is_config(const char *name)
{
        size_t n = strlen(name);

        return name[0] != '.' && n > strlen(".json") && streq(name + n - strlen(".json"), ".json");
}

static int read_one(
        int dirfd, const char *dir, const char *name, struct config_files *files, struct fault *f)
{
        _cleanup_(freep) char *text = NULL, *path = NULL;
        size_t n = 0;
        bool there;
        int r;

        (void) place_of(files, name, false, &there);
        if (there)
                return 0;
        if (asprintf(&path, "%s/%s", dir, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = read_text(dirfd, name, &text, &n);
        if (r == 0)
                r = config_files_add(files, name, path, text, n);
        return r < 0 ? refuse(path, r, f) : 0;
}

static int read_directory(const char *path, struct config_files *files, struct fault *f)
{
        _cleanup_(closedirp) DIR *dir = opendir(path);
        int r = 0;

        if (!dir)
                return errno == ENOENT ? 0 : refuse(path, -errno, f);
        while (r == 0) {
                struct dirent *entry;

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return errno ? refuse(path, -errno, f) : 0;
                if (is_config(entry->d_name))
                        r = read_one(dirfd(dir), path, entry->d_name, files, f);
        }
        return r;
}

/* What masks has done so. */
static void drop_empty(struct config_files *files)
{
        size_t kept = 0;

        for (size_t i = 0; i < files->n; i++)
                if (files->list[i].n == 0)
                        file_done(&files->list[i]);
                else
                        files->list[kept++] = files->list[i];
        files->n = kept;
}

int config_read(const char *const *dirs, struct config_files *ret, struct fault *f)
{
        _cleanup_(config_files_done) struct config_files files = {0};
        int r = 0;

        for (; *dirs && r == 0; dirs++)
                r = read_directory(*dirs, &files, f);
        if (r < 0)
                return r;
        drop_empty(&files);
        *ret = files;
        files = (struct config_files){0};
        return 0;
}

int config_files_copy(const struct config_files *from, struct config_files *ret)
{
        struct config_files copy = {0};
        int r = 0;

        for (size_t i = 0; r == 0 && i < from->n; i++) {
                const struct config_file *file = &from->list[i];

                r = config_files_add(&copy, file->name, file->path, file->text, file->n);
        }
        if (r < 0) {
                config_files_done(&copy);
                return r;
        }
        *ret = copy;
        return 0;
}
