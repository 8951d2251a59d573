/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host/access.c with a sysfs tree of our own and a udev that is a table: who gets which node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "host/access.h"
#include "model/step.h"

#define ALONE "0000:3b:10.0" /* in group 20 */
#define LEFT  "0000:3b:10.1" /* in group 21, with */
#define RIGHT "0000:3b:10.2"

/* udev as the rule makes it: the node is what was said last, until the device goes. */
struct udev_table {
        struct {
                struct devnode node;
                struct devnode_words words;
        } known[4];
        size_t n;
        unsigned changes;
        int error;           /* of the next change that waits */
        bool late;           /* ... and it is carried out all the same */
        const char *no_node; /* a name that is not there */
};

static char root[64];

static size_t find(struct udev_table *t, const struct devnode *node)
{
        size_t i = 0;

        while (i < t->n && (!streq(t->known[i].node.name, node->name) ||
                                   !streq(t->known[i].node.subsystem, node->subsystem)))
                i++;
        return i;
}

static void fake_read(void *userdata, const struct devnode *node, struct devnode_words *ret)
{
        struct udev_table *t = userdata;
        size_t i = find(t, node);

        *ret = i < t->n ? t->known[i].words : (struct devnode_words){0};
}

static int fake_change(
        void *userdata, const struct devnode *node, const struct devnode_words *words, bool wait)
{
        struct udev_table *t = userdata;
        int error = wait ? t->error : 0;
        size_t i = find(t, node);

        assert_true(words->owner[0] && words->vfs[0]);
        for (const char *p = words->vfs; *p; p++) /* what the kernel takes */
                assert_true((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z'));
        if (t->no_node && streq(node->name, t->no_node))
                return -ENOENT;
        t->changes++;
        if (error && !t->late)
                return error;
        assert_true(i < ELEMENTSOF(t->known));
        t->known[i].node = *node;
        t->known[i].words = *words;
        t->n = t->n > i + 1 ? t->n : i + 1;
        return error;
}

static const struct devnode_ops fake_ops = {.read = fake_read, .change = fake_change};

/* The node of that name: "OWNER VFS". */
static void check_node(struct udev_table *t, const char *subsystem, const char *name,
        const char *owner, const char *vfs)
{
        struct devnode node = {0};
        struct devnode_words words;

        assert_int_equal(str_copy(node.subsystem, sizeof(node.subsystem), subsystem), 0);
        assert_int_equal(str_copy(node.name, sizeof(node.name), name), 0);
        fake_read(t, &node, &words);
        assert_string_equal(words.owner, owner);
        assert_string_equal(words.vfs, vfs);
}

static void run(const char *fmt, ...) _printf_(1, 2);

static void run(const char *fmt, ...)
{
        char command[512];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(command, sizeof(command), fmt, ap);
        va_end(ap);
        assert_int_equal(system(command), 0);
}

static void make_vf(const char *address, unsigned group)
{
        run("mkdir -p %s/devices/%s %s/groups/%u/devices", root, address, root, group);
        run("ln -sfn ../../groups/%u %s/devices/%s/iommu_group", group, root, address);
        run("ln -sfn ../../../devices/%s %s/groups/%u/devices/%s", address, root, group, address);
}

static void on_driver(const char *address, const char *driver)
{
        run("rm -f %s/devices/%s/driver", root, address);
        if (driver)
                run("ln -s ../../drivers/%s %s/devices/%s/driver", driver, root, address);
}

static int make_tree(_unused_ void **state)
{
        strcpy(root, "/tmp/test-access-XXXXXX");
        assert_non_null(mkdtemp(root));
        make_vf(ALONE, 20);
        make_vf(LEFT, 21);
        make_vf(RIGHT, 21);
        on_driver(ALONE, "vfio-pci");
        on_driver(LEFT, "vfio-pci");
        on_driver(RIGHT, "vfio-pci");
        return 0;
}

static int remove_tree(_unused_ void **state)
{
        run("rm -rf %s", root);
        return 0;
}

static int set(struct access *access, const char *address, uint32_t uid, struct fault *f)
{
        _cleanup_(closep) int fd = -1;
        char path[128];

        snprintf(path, sizeof(path), "%s/devices/%s", root, address);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        *f = FAULT_NULL;
        return access_set(access, fd, address, uid, f);
}

static void set_ok(struct access *access, const char *address, uint32_t uid)
{
        struct fault f;

        if (set(access, address, uid, &f) != 0)
                fail_msg("%s", f.text);
}

static void set_refused(
        struct access *access, const char *address, uint32_t uid, int error, enum fault_code code)
{
        struct fault f;

        assert_int_equal(set(access, address, uid, &f), error);
        assert_int_equal(f.code, code);
        assert_non_null(strstr(f.text, address));
}

static int64_t uid_of(struct access *access, const char *address, int32_t group)
{
        struct vf_facts vf;

        vf_facts_init(&vf, 0);
        vf.iommu_group = group;
        strcpy(vf.driver, "vfio-pci");
        assert_int_equal(str_copy(vf.address, sizeof(vf.address), address), 0);
        return access_uid_of(access, &vf);
}

static void given_and_taken_back(_unused_ void **state)
{
        _cleanup_(access_freep) struct access *access = NULL;
        struct udev_table t = {0};

        assert_int_equal(access_new(&fake_ops, &t, &access), 0);
        assert_int_equal(uid_of(access, ALONE, 20), -1);
        set_ok(access, ALONE, ACCESS_NOBODY);
        assert_int_equal(t.changes, 0); /* nobody's already */
        set_ok(access, ALONE, 1000);
        check_node(&t, "vfio", "20", "1000",
                "00000000"
                "3b80");
        assert_int_equal(uid_of(access, ALONE, 20), 1000);
        assert_int_equal(t.changes, 1);
        set_ok(access, ALONE, 1000);
        assert_int_equal(t.changes, 1);
        set_ok(access, ALONE, 0); /* root is a user like others */
        assert_int_equal(uid_of(access, ALONE, 20), 0);
        set_ok(access, ALONE, ACCESS_NOBODY - 1);
        assert_int_equal(uid_of(access, ALONE, 20), ACCESS_NOBODY - 1);
        set_ok(access, ALONE, ACCESS_NOBODY);
        check_node(&t, "vfio", "20", "root", "none");
        assert_int_equal(uid_of(access, ALONE, 20), -1);
}

static void a_vf_that_left_vfio_is_nobodys(_unused_ void **state)
{
        _cleanup_(access_freep) struct access *access = NULL;
        struct udev_table t = {0};
        struct vf_facts vf;

        assert_int_equal(access_new(&fake_ops, &t, &access), 0);
        set_ok(access, ALONE, 1000);
        on_driver(ALONE, "igbvf");
        vf_facts_init(&vf, 0);
        vf.iommu_group = 20;
        strcpy(vf.driver, "igbvf");
        strcpy(vf.address, ALONE);
        assert_int_equal(access_uid_of(access, &vf), -1);
        set_refused(access, ALONE, 1000, -ENOENT, FAULT_NO_DRIVER);
        set_ok(access, ALONE, ACCESS_NOBODY);
        on_driver(ALONE, NULL);
        set_refused(access, ALONE, 1000, -ENOENT, FAULT_NO_DRIVER);
        set_ok(access, ALONE, ACCESS_NOBODY);
        assert_int_equal(t.changes, 1);

        /* The node has come anew, and udev's database with it. */
        t.n = 0;
        on_driver(ALONE, "vfio-pci");
        assert_int_equal(uid_of(access, ALONE, 20), -1);
}

static void a_group_has_one_owner(_unused_ void **state)
{
        _cleanup_(access_freep) struct access *access = NULL;
        struct udev_table t = {0};

        assert_int_equal(access_new(&fake_ops, &t, &access), 0);
        set_ok(access, LEFT, 1000);
        assert_int_equal(uid_of(access, RIGHT, 21), -1); /* not given for this one */
        set_refused(access, RIGHT, 1001, -EBUSY, FAULT_NOT_ISOLATED);
        check_node(&t, "vfio", "21", "1000", "000000003b81");
        set_ok(access, RIGHT, 1000);
        check_node(&t, "vfio", "21", "1000",
                "000000003b81"
                "000000003b82");
        assert_int_equal(uid_of(access, RIGHT, 21), 1000);
        set_refused(access, LEFT, 1001, -EBUSY, FAULT_NOT_ISOLATED);
        set_ok(access, LEFT, ACCESS_NOBODY); /* he keeps the node, for the other */
        check_node(&t, "vfio", "21", "1000", "000000003b82");
        assert_int_equal(uid_of(access, LEFT, 21), -1);
        assert_int_equal(uid_of(access, RIGHT, 21), 1000);
        set_ok(access, RIGHT, 1001); /* the only one: may change hands */
        set_refused(access, LEFT, 1000, -EBUSY, FAULT_NOT_ISOLATED);
        on_driver(RIGHT, "igbvf"); /* gone from vfio: no claim any more */
        set_ok(access, LEFT, 1000);
        check_node(&t, "vfio", "21", "1000", "000000003b81");
        set_ok(access, LEFT, ACCESS_NOBODY);
        check_node(&t, "vfio", "21", "root", "none");
}

static void a_failure_is_taken_back(_unused_ void **state)
{
        static const struct {
                int error;
                bool late;
                enum fault_code code;
        } cases[] = {
                {-ETIMEDOUT, false, FAULT_TIMEOUT},
                {-ETIMEDOUT, true, FAULT_TIMEOUT}, /* udev does it, and later than we wait */
                {-EPROTO, true, FAULT_NOT_APPLIED},
                {-EOPNOTSUPP, false, FAULT_NOT_SUPPORTED},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(access_freep) struct access *access = NULL;
                struct udev_table t = {.error = cases[i].error, .late = cases[i].late};

                assert_int_equal(access_new(&fake_ops, &t, &access), 0);
                set_refused(access, ALONE, 1000, cases[i].error, cases[i].code);
                assert_int_equal(uid_of(access, ALONE, 20), -1);
                if (cases[i].error != -EOPNOTSUPP)
                        check_node(&t, "vfio", "20", "root", "none");
                t.error = 0;
                set_ok(access, ALONE, 1000);
                t.error = cases[i].error;
                set_refused(access, ALONE, 1001, cases[i].error, cases[i].code);
                assert_int_equal(uid_of(access, ALONE, 20), 1000);
                /* Not sure to be taken back: it is shown as it is. */
                set_refused(access, ALONE, ACCESS_NOBODY, cases[i].error, cases[i].code);
                assert_int_equal(uid_of(access, ALONE, 20), cases[i].late ? -1 : 1000);
        }
}

/* Since Linux 6.6 there are nodes of VFs too, and kernels without them of groups. */
static void own_nodes(_unused_ void **state)
{
        _cleanup_(access_freep) struct access *access = NULL;
        struct udev_table t = {0};

        assert_int_equal(access_new(&fake_ops, &t, &access), 0);
        run("mkdir -p %s/devices/%s/vfio-dev/vfio7", root, ALONE); /* Linux 6.1: without a node */
        set_ok(access, ALONE, 1000);
        assert_int_equal(t.n, 1);
        set_ok(access, ALONE, ACCESS_NOBODY);
        run("touch %s/devices/%s/vfio-dev/vfio7/dev", root, ALONE);
        set_ok(access, ALONE, 1000);
        check_node(&t, "vfio", "20", "1000", "000000003b80");
        check_node(&t, "vfio-dev", "vfio7", "1000", "000000003b80");
        set_ok(access, ALONE, ACCESS_NOBODY);
        check_node(&t, "vfio", "20", "root", "none");
        check_node(&t, "vfio-dev", "vfio7", "root", "none");
        t.no_node = "vfio7"; /* both or none */
        set_refused(access, ALONE, 1000, -ENOENT, FAULT_NO_DRIVER);
        check_node(&t, "vfio", "20", "root", "none");
}

static void where_nothing_can_be_given(_unused_ void **state)
{
        _cleanup_(access_freep) struct access *access = NULL, *none = NULL;
        struct udev_table t = {0};

        assert_int_equal(access_new(&fake_ops, &t, &access), 0);
        assert_int_equal(access_new(NULL, NULL, &none), 0);
        set_refused(none, ALONE, 1000, -EOPNOTSUPP, FAULT_NOT_SUPPORTED);
        assert_int_equal(uid_of(none, ALONE, 20), -1);
        run("echo vfio-noiommu >%s/groups/20/name", root);
        set_refused(access, ALONE, 1000, -EPERM, FAULT_NOT_ISOLATED);
        set_ok(access, ALONE, ACCESS_NOBODY);
        run("rm %s/devices/%s/iommu_group", root, LEFT);
        set_refused(access, LEFT, 1000, -ENOENT, FAULT_NO_DRIVER);
        assert_int_equal(t.changes, 0);
}

/* Whatever somebody else put into udev's database: nobody's, and it can be given. */
static void words_that_are_not_ours(_unused_ void **state)
{
        static const struct devnode_words bad[] = {{"1000", ""}, {"1000", "none"},
                {"1000", "000000003b8"}, {"1000", "x00000003b80"}, {"-1", "000000003b80"},
                {"4294967295", "000000003b80"}, {"kvm", "000000003b80"}};

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(access_freep) struct access *access = NULL;
                struct udev_table t = {.n = 1, .known[0] = {{"vfio", "20"}, bad[i]}};

                assert_int_equal(access_new(&fake_ops, &t, &access), 0);
                assert_int_equal(uid_of(access, ALONE, 20), -1);
                set_ok(access, ALONE, 7);
                assert_int_equal(uid_of(access, ALONE, 20), 7);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(given_and_taken_back, make_tree, remove_tree),
                cmocka_unit_test_setup_teardown(
                        a_vf_that_left_vfio_is_nobodys, make_tree, remove_tree),
                cmocka_unit_test_setup_teardown(a_group_has_one_owner, make_tree, remove_tree),
                cmocka_unit_test_setup_teardown(a_failure_is_taken_back, make_tree, remove_tree),
                cmocka_unit_test_setup_teardown(own_nodes, make_tree, remove_tree),
                cmocka_unit_test_setup_teardown(where_nothing_can_be_given, make_tree, remove_tree),
                cmocka_unit_test_setup_teardown(words_that_are_not_ours, make_tree, remove_tree),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
