/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that VFs will have, and the files that tell udev their names. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/vfdir.h"
#include "unit.h"

/* ---- addresses ------------------------------------------------------------------------------- */

/* PCIe Base Specification, SR-IOV: routing ID of the PF + First VF Offset + n * VF Stride. */
static void addresses(void **state)
{
        static const struct {
                const char *pf;
                int32_t offset, stride;
                uint32_t index;
                const char *vf; /* NULL: not known */
        } cases[] = {
                {"pci/0000:01:00.0", 128, 2, 0, "0000:01:10.0"}, /* 82576: without ARI */
                {"pci/0000:01:00.1", 128, 2, 0, "0000:01:10.1"},
                {"pci/0000:01:00.0", 128, 2, 6, "0000:01:11.4"},
                {"pci/0000:3b:00.0", 16, 1, 0, "0000:3b:02.0"}, /* with ARI */
                {"pci/0000:3b:00.0", 16, 1, 239, "0000:3b:1f.7"},
                {"pci/0000:3b:00.0", 16, 1, 240, "0000:3c:00.0"}, /* the next bus */
                {"pci/0000:01:00.0", 256, 1, 0, "0000:02:00.0"},
                {"pci/0000:01:00.0", 384, 2, 0, "0000:02:10.0"},
                {"pci/abcd:3b:00.0", 16, 1, 1, "abcd:3b:02.1"}, /* the PF's domain */
                {"pci/0000:fe:00.0", 256, 1, 255, "0000:ff:1f.7"},
                {"pci/0000:fe:00.0", 256, 1, 256, NULL}, /* behind the last bus */
                {"pci/0000:ff:1f.7", 1, 1, 0, NULL},
                {"pci/0000:01:00.0", 65535, 65535, 65535, NULL},
                {"pci/0000:01:00.0", -1, 2, 0, NULL}, /* not known */
                {"pci/0000:01:00.0", 128, -1, 0, NULL},
                {"pci/0000:01:00.0", 0, 2, 0, NULL}, /* it would be the PF */
                {"pci/0000:01:00.0", 128, 0, 0, "0000:01:10.0"},
                {"pci/0000:01:00.0", 128, 0, 1, NULL}, /* it would be VF 0 */
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char address[BDF_STR_MAX] = "as before";
                struct pf_facts pf;
                struct dev_id id;
                int r;

                assert_int_equal(str_copy(id.str, sizeof(id.str), cases[i].pf), 0);
                pf_facts_init(&pf, &id);
                pf.offset = cases[i].offset;
                pf.stride = cases[i].stride;
                r = vf_predict_address(&pf, cases[i].index, address);
                if (r != 0 && r != -EINVAL && r != -ERANGE)
                        fail_msg("%zu: %d", i, r);
                assert_string_equal(address, cases[i].vf && r == 0 ? cases[i].vf : "as before");
                assert_int_equal(r == 0, cases[i].vf != NULL);
        }
}

/* ---- files ----------------------------------------------------------------------------------- */

struct bench {
        char dir[32];
        int fd;
        struct vfdir *v;
        struct state state;
        struct conf conf;
};

static void add_pf(struct bench *b, const char *id, int32_t offset)
{
        struct pf_facts pf = igb_facts(0);
        struct changes changes = {0};

        assert_int_equal(str_copy(pf.id.str, sizeof(pf.id.str), id), 0);
        pf.offset = offset;
        pf.stride = 2;
        assert_int_equal(state_apply(&b->state, &pf, &changes), 0);
        changes_done(&changes);
}

static struct bench *bench_new(void)
{
        struct bench *b = calloc(1, sizeof(*b));

        assert_non_null(b);
        snprintf(b->dir, sizeof(b->dir), "/tmp/test-vfdir-XXXXXX");
        assert_non_null(mkdtemp(b->dir));
        b->fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(b->fd >= 0);
        add_pf(b, "pci/0000:01:00.0", 128);
        assert_int_equal(vfdir_new(b->dir, &b->v), 0);
        return b;
}

static void bench_free(struct bench *b)
{
        char command[64];

        vfdir_free(b->v);
        conf_done(&b->conf);
        state_done(&b->state);
        close(b->fd);
        snprintf(command, sizeof(command), "rm -r %s", b->dir);
        assert_int_equal(system(command), 0);
        free(b);
}

DEFINE_CLEANUP(struct bench *, bench_free)

static void configure(struct bench *b, const char *pf, const char *vfs)
{
        struct config_files dirs = {0}, none = {0};
        struct fault f = FAULT_NULL;
        char text[1024];

        conf_done(&b->conf);
        snprintf(text, sizeof(text),
                "{\"version\": 1, \"pfs\": [{\"match\": {\"address\": \"%s\"}, \"num_vfs\": 7, "
                "%s}]}",
                pf, vfs);
        assert_int_equal(config_files_add(&dirs, "t", "t", text, strlen(text)), 0);
        if (conf_of_files(&dirs, &none, &b->conf, &f) < 0 ||
                conf_resolve(&b->conf, &b->state, &f) < 0)
                fail_msg("%s", f.text);
        vfdir_sync(b->v, &b->conf, &b->state);
}

static void write_text(struct bench *b, const char *path, const char *text)
{
        int fd = openat(b->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

/* NULL: there is no such file. */
static void reads(struct bench *b, const char *path, const char *text)
{
        char buf[64], whole[64];
        int fd;
        ssize_t n;

        snprintf(whole, sizeof(whole), "vf/%s", path);
        fd = openat(b->fd, whole, O_RDONLY | O_CLOEXEC);
        if (!text) {
                assert_int_equal(fd, -1);
                return;
        }
        assert_true(fd >= 0);
        n = read(fd, buf, sizeof(buf) - 1);
        close(fd);
        assert_true(n >= 0);
        buf[n] = '\0';
        assert_string_equal(buf, text);
}

static unsigned entries(struct bench *b, const char *path)
{
        int fd = openat(b->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fdopendir(fd);
        unsigned n = 0;

        assert_non_null(dir);
        for (struct dirent *e; (e = readdir(dir));)
                n += !streq(e->d_name, ".") && !streq(e->d_name, "..");
        closedir(dir);
        return n;
}

static void appear_change_vanish(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new();

        (void) state;
        configure(b, "0000:01:00.0",
                "\"vfs\": [{\"index\": \"0-2\", \"name\": \"web{index}\"}, {\"index\": \"1,4\", "
                "\"nm_managed\": false}, {\"index\": 6, \"vlan\": 3}]");
        reads(b, "0000:01:10.0/name", "web0\n");
        reads(b, "0000:01:10.0/unmanaged", NULL);
        reads(b, "0000:01:10.2/name", "web1\n");
        reads(b, "0000:01:10.2/unmanaged", "1\n");
        reads(b, "0000:01:11.0/name", NULL);
        reads(b, "0000:01:11.0/unmanaged", "1\n");
        assert_int_equal(entries(b, "vf"), 4); /* nothing is said of VF 6 */
        assert_int_equal(entries(b, "vf/0000:01:10.2"), 2);

        configure(b, "0000:01:00.0",
                "\"vfs\": [{\"index\": 0, \"name\": \"db0\"}, {\"index\": 1, \"nm_managed\": "
                "false}]");
        reads(b, "0000:01:10.0/name", "db0\n");
        reads(b, "0000:01:10.2/name", NULL);
        reads(b, "0000:01:10.2/unmanaged", "1\n");
        assert_int_equal(entries(b, "vf"), 2);

        configure(b, "0000:01:00.0", "\"nm_managed\": false");
        assert_int_equal(entries(b, "vf"), 7);
        reads(b, "0000:01:10.0/name", NULL);

        configure(b, "0000:99:00.0", "\"nm_managed\": false");
        assert_int_equal(entries(b, "vf"), 0);
}

/* udev may be reading: what is so already is not written again. */
static void not_written_again(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new();
        struct stat before, after;

        (void) state;
        configure(b, "0000:01:00.0", "\"vfs\": [{\"index\": 0, \"name\": \"web0\"}]");
        assert_int_equal(fstatat(b->fd, "vf/0000:01:10.0/name", &before, 0), 0);
        configure(
                b, "0000:01:00.0", "\"vfs\": [{\"index\": 0, \"name\": \"web0\"}], \"mtu\": 9000");
        assert_int_equal(fstatat(b->fd, "vf/0000:01:10.0/name", &after, 0), 0);
        assert_true(before.st_ino == after.st_ino);
        configure(b, "0000:01:00.0", "\"vfs\": [{\"index\": 0, \"name\": \"web1\"}]");
        assert_int_equal(fstatat(b->fd, "vf/0000:01:10.0/name", &after, 0), 0);
        assert_true(before.st_ino != after.st_ino);
}

static void earlier_life(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new();

        (void) state;
        assert_int_equal(mkdirat(b->fd, "vf/0000:01:10.0", 0755), 0);
        assert_int_equal(mkdirat(b->fd, "vf/0000:07:10.4", 0755), 0);
        assert_int_equal(mkdirat(b->fd, "vf/0000:08:10.4", 0755), 0);
        assert_int_equal(mkdirat(b->fd, "vf/somebody", 0755), 0);
        write_text(b, "vf/0000:01:10.0/name", "old0\n");
        write_text(b, "vf/0000:01:10.0/unmanaged", "1\n");
        write_text(b, "vf/0000:07:10.4/name", "old1\n");
        write_text(b, "vf/0000:07:10.4/unmanaged", "1\n");
        write_text(b, "vf/0000:08:10.4/name", "old2\n");
        write_text(b, "vf/0000:08:10.4/note", "somebody's");
        write_text(b, "vf/somebody/name", "theirs\n");
        write_text(b, "vf/README", "theirs too\n");
        write_text(b, "configuration", "not below vf");

        configure(b, "0000:01:00.0", "\"vfs\": [{\"index\": 0, \"name\": \"web0\"}]");
        reads(b, "0000:01:10.0/name", "web0\n");
        reads(b, "0000:01:10.0/unmanaged", NULL);
        assert_int_equal(faccessat(b->fd, "vf/0000:07:10.4", F_OK, 0), -1);
        reads(b, "0000:08:10.4/name", NULL);
        reads(b, "0000:08:10.4/note", "somebody's");
        reads(b, "somebody/name", "theirs\n");
        reads(b, "README", "theirs too\n");
        reads(b, "../configuration", "not below vf");
}

/* A configuration without names: what an earlier life wrote goes all the same. */
static void nothing_wanted(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new();

        (void) state;
        assert_int_equal(mkdirat(b->fd, "vf/0000:01:10.0", 0755), 0);
        write_text(b, "vf/0000:01:10.0/name", "old0\n");
        vfdir_sync(b->v, &b->conf, &b->state);
        assert_int_equal(entries(b, "vf"), 0);
}

/* The next life takes the directory as it is. */
static void next_life(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new();

        (void) state;
        configure(b, "0000:01:00.0", "\"vfs\": [{\"index\": \"0-1\", \"name\": \"web{index}\"}]");
        vfdir_free(b->v);
        assert_int_equal(vfdir_new(b->dir, &b->v), 0);
        reads(b, "0000:01:10.0/name", "web0\n");
        configure(b, "0000:01:00.0", "\"vfs\": [{\"index\": 0, \"name\": \"web0\"}]");
        reads(b, "0000:01:10.0/name", "web0\n");
        assert_int_equal(entries(b, "vf"), 1);
}

/* Nobody knows where its VFs will be: no file, and other PFs are served. */
static void unknown_offset(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new();

        (void) state;
        add_pf(b, "pci/0000:02:00.0", -1);
        configure(b, "0000:02:00.0", "\"nm_managed\": false");
        assert_int_equal(entries(b, "vf"), 0);
        configure(b, "0000:02:00.0",
                "\"nm_managed\": false}, {\"match\": {\"address\": \"0000:01:00.0\"}, "
                "\"num_vfs\": 2, \"nm_managed\": false");
        assert_int_equal(entries(b, "vf"), 2);
}

/* What could not be written is tried again, and the others are there meanwhile. */
static void in_the_way(void **state)
{
        static const char names[] = "\"vfs\": [{\"index\": \"0-1\", \"name\": \"web{index}\"}]";
        _cleanup_(bench_freep) struct bench *b = bench_new();

        (void) state;
        write_text(b, "vf/0000:01:10.0", "not a directory");
        configure(b, "0000:01:00.0", names);
        reads(b, "0000:01:10.0", "not a directory");
        reads(b, "0000:01:10.2/name", "web1\n");
        assert_int_equal(unlinkat(b->fd, "vf/0000:01:10.0", 0), 0);
        configure(b, "0000:01:00.0", names);
        reads(b, "0000:01:10.0/name", "web0\n");
}

static void no_directory(void **state)
{
        struct vfdir *v;

        (void) state;
        assert_int_equal(vfdir_new("/tmp/not/there", &v), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses),
                cmocka_unit_test(appear_change_vanish),
                cmocka_unit_test(not_written_again),
                cmocka_unit_test(earlier_life),
                cmocka_unit_test(nothing_wanted),
                cmocka_unit_test(next_life),
                cmocka_unit_test(unknown_offset),
                cmocka_unit_test(in_the_way),
                cmocka_unit_test(no_directory),
        };

        return cmocka_run_group_tests_name("vfdir", tests, NULL, NULL);
}
