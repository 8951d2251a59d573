/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sriovctl makes of routes, SSH_CONNECTION and a tree like /sys/class/net. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include "ctl/uplink.h"
#include "unit.h"

static void expect(const struct uplinks *u, size_t i, const char *netdev, const char *what)
{
        assert_true(i < u->n);
        assert_string_equal(u->list[i].netdev, netdev);
        assert_string_equal(u->list[i].what, what);
}

#define ROUTES4_HEAD                                                                               \
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

static void test_routes4(void **state)
{
        struct uplinks u = {0};

        (void) state;
        uplinks_of_routes4(ROUTES4_HEAD
                "bond0\t00000000\t0102000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
                "bond0\t00000000\t0102000A\t0003\t0\t0\t200\t00000000\t0\t0\t0\n"
                "eth1\t000000C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
                "half\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n"
                "down\t00000000\t00000000\t0002\t0\t0\t0\t00000000\t0\t0\t0\n"
                "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"
                "eth2.100\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0",
                &u);
        assert_int_equal(u.n, 2);
        expect(&u, 0, "bond0", "the IPv4 default route");
        expect(&u, 1, "eth2.100", "the IPv4 default route");
        u.n = 0;
        uplinks_of_routes4("", &u);
        uplinks_of_routes4(ROUTES4_HEAD, &u);
        uplinks_of_routes4("bond0\n\n\tnonsense", &u);
        assert_int_equal(u.n, 0);
}

#define ZERO "00000000000000000000000000000000"

static void test_routes6(void **state)
{
        struct uplinks u = {0};

        (void) state;
        uplinks_of_routes6("20010db8000000000000000000000000 40 " ZERO " 00 " ZERO
                           " 00000100 00000001 00000000 00000001     eth0\n" ZERO " 00 " ZERO
                           " 00 fe800000000000000000000000000001"
                           " 00000400 00000003 00000000 00450003     eth1\n" ZERO " 01 " ZERO
                           " 00 " ZERO " 00000400 00000003 00000000 00450003     half\n" ZERO
                           " 00 " ZERO " 00 " ZERO
                           " ffffffff 00000001 00000000 00200200       lo\n",
                &u);
        assert_int_equal(u.n, 1);
        expect(&u, 0, "eth1", "the IPv6 default route");
}

/* More interfaces than are noted: the first ones are. */
static void test_many_routes(void **state)
{
        struct uplinks u = {0};
        char line[128];

        (void) state;
        for (unsigned i = 0; i < 2 * UPLINKS_MAX; i++) {
                snprintf(line, sizeof(line), "eth%u 00000000 0 0003 0 0 0 00000000 0 0 0\n", i);
                uplinks_of_routes4(line, &u);
        }
        assert_int_equal(u.n, UPLINKS_MAX);
        expect(&u, UPLINKS_MAX - 1, "eth15", "the IPv4 default route");
}

static void test_ssh_address(void **state)
{
        static const char *const good[][2] = {
                {"192.0.2.9 51234 192.0.2.1 22", "192.0.2.1"},
                {"2001:db8::9 51234 2001:db8::1 22", "2001:db8::1"},
                {"fe80::9%eth0 51234 fe80::1%eth0 22", "fe80::1%eth0"},
                {"::ffff:192.0.2.9 51234 ::FFFF:192.0.2.1 22", "192.0.2.1"},
        };
        static const char *const bad[] = {
                "", "192.0.2.9", "192.0.2.9 51234", "192.0.2.9 port 192.0.2.1 22"};
        char buf[SSH_ADDRESS_SIZE];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                assert_int_equal(ssh_address(good[i][0], buf), 0);
                assert_string_equal(buf, good[i][1]);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(ssh_address(bad[i], buf), -EINVAL);
}

static void test_addresses(void **state)
{
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6}, local = {.sin6_family = AF_INET6};
        struct ifaddrs list[] = {
                {.ifa_name = (char *) "none"},
                {.ifa_name = (char *) "eth0", .ifa_addr = (void *) &v4},
                {.ifa_name = (char *) "eth1", .ifa_addr = (void *) &v6},
                {.ifa_name = (char *) "eth2", .ifa_addr = (void *) &local},
                {.ifa_name = (char *) "eth3", .ifa_addr = (void *) &local},
        };
        struct uplinks u = {0};

        (void) state;
        inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
        inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
        inet_pton(AF_INET6, "fe80::1", &local.sin6_addr);
        for (size_t i = 0; i + 1 < ELEMENTSOF(list); i++)
                list[i].ifa_next = &list[i + 1];
        uplinks_of_address("192.0.2.1", list, &u);
        uplinks_of_address("192.0.2.2", list, &u);
        uplinks_of_address("2001:DB8:0::1", list, &u);
        uplinks_of_address("fe80::1%eth3", list, &u);
        uplinks_of_address("nonsense", list, &u);
        assert_int_equal(u.n, 3);
        expect(&u, 0, "eth0", "your SSH session");
        expect(&u, 1, "eth1", "your SSH session");
        expect(&u, 2, "eth3", "your SSH session");
}

/* ---- trees that look like /sys and /proc -----------------------------------------------------
 */

static int open_tree(char dir[static 64])
{
        int fd;

        snprintf(dir, 64, "/tmp/test-ctl-uplink.XXXXXX");
        assert_non_null(mkdtemp(dir));
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
        (void) st;
        (void) kind;
        (void) ftw;
        return remove(path);
}

static void remove_tree(const char *dir, int fd)
{
        close(fd);
        assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void make_dir(int tree, const char *path)
{
        assert_true(mkdirat(tree, path, 0700) == 0 || errno == EEXIST);
}

static void make_netdev(int tree, const char *name)
{
        char path[96];

        snprintf(path, sizeof(path), "class/net/%s", name);
        make_dir(tree, path);
}

/* upper's entry for what lies below it, as the kernel makes it. */
static void stack(int tree, const char *upper, const char *lower)
{
        char path[96], target[96];

        make_netdev(tree, upper);
        make_netdev(tree, lower);
        snprintf(path, sizeof(path), "class/net/%s/lower_%s", upper, lower);
        snprintf(target, sizeof(target), "../%s", lower);
        assert_int_equal(symlinkat(target, tree, path), 0);
}

static void put_on_device(int tree, const char *netdev, const char *address)
{
        char path[96], target[96];

        make_netdev(tree, netdev);
        snprintf(path, sizeof(path), "devices/%s", address);
        make_dir(tree, path);
        snprintf(path, sizeof(path), "class/net/%s/device", netdev);
        snprintf(target, sizeof(target), "../../../devices/%s", address);
        assert_int_equal(symlinkat(target, tree, path), 0);
}

static const struct uplink *through(
        int tree, const char *uplink, const char *address, const char *netdev)
{
        static struct uplinks u;

        u = (struct uplinks){.n = 1, .list = {{.what = "x"}}};
        assert_int_equal(str_copy(u.list[0].netdev, NETDEV_MAX, uplink), 0);
        return uplink_through(&u, tree, address, netdev);
}

#define PF_A "0000:03:00.0"
#define PF_B "0000:04:00.0"

static void test_stacks(void **state)
{
        char dir[64];
        int tree;

        (void) state;
        tree = open_tree(dir);
        make_dir(tree, "class");
        make_dir(tree, "class/net");
        make_dir(tree, "devices");
        put_on_device(tree, "eth0", PF_A);
        put_on_device(tree, "eth1", PF_B);
        put_on_device(tree, "vf3", "0000:03:10.6");
        assert_int_equal(symlinkat("../" PF_A, tree, "devices/0000:03:10.6/physfn"), 0);
        stack(tree, "bond0", "eth0");
        stack(tree, "bond0.7", "bond0");
        stack(tree, "br0", "tap0");
        stack(tree, "br0", "bond0.7");
        assert_non_null(through(tree, "eth0", PF_A, "eth0"));
        assert_non_null(through(tree, "eth0", PF_A, ""));
        assert_non_null(through(tree, "br0", PF_A, "eth0"));
        assert_non_null(through(tree, "br0", PF_A, ""));
        assert_non_null(through(tree, "vf3", PF_A, "eth0"));
        assert_null(through(tree, "br0", PF_B, "eth1"));
        assert_null(through(tree, "eth1", PF_A, "eth0"));
        assert_null(through(tree, "vf3", PF_B, "eth1"));
        assert_null(through(tree, "tap0", PF_A, "eth0"));
        assert_null(through(tree, "gone", PF_A, "eth0"));
        assert_null(through(tree, "../net/eth0", PF_A, "")); /* not a name */
        assert_non_null(through(-1, "eth0", PF_A, "eth0"));  /* without /sys by name alone */
        remove_tree(dir, tree);
}

/* A tree no kernel makes: it ends all the same. */
static void test_circle(void **state)
{
        char dir[64];
        int tree;

        (void) state;
        tree = open_tree(dir);
        make_dir(tree, "class");
        make_dir(tree, "class/net");
        stack(tree, "a", "b");
        stack(tree, "b", "a");
        assert_null(through(tree, "a", PF_A, "eth0"));
        remove_tree(dir, tree);
}

static void put_file(int tree, const char *path, const char *text, size_t n)
{
        int fd = openat(tree, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, n), (ssize_t) n);
        close(fd);
}

/* sriovctl (30) below sudo (20), which has another's environment, below a shell of sshd's (10). */
static void test_ancestors(void **state)
{
        static const char shell[] = "A=1\0SSH_CONNECTION=192.0.2.9 5 192.0.2.1 22\0B=2",
                          plain[] = "PATH=/bin\0NOT_SSH_CONNECTION=x";
        char dir[64], buf[64];
        int tree;

        (void) state;
        tree = open_tree(dir);
        make_dir(tree, "10");
        make_dir(tree, "20");
        make_dir(tree, "30");
        put_file(tree, "10/environ", shell, sizeof(shell));
        put_file(tree, "20/stat", "20 (sudo ) R 1) S 10 20 10 0 -1", 31);
        put_file(tree, "30/environ", plain, sizeof(plain));
        put_file(tree, "30/stat", "30 (sriovctl) R 20 30 10 0 -1", 29);
        assert_int_equal(ssh_connection_of(tree, 30, buf, sizeof(buf)), 0);
        assert_string_equal(buf, "192.0.2.9 5 192.0.2.1 22");
        assert_int_equal(unlinkat(tree, "20/stat", 0), 0);
        assert_int_equal(ssh_connection_of(tree, 30, buf, sizeof(buf)), -ENOENT);
        put_file(tree, "20/stat", "20 (loop) S 30 20", 17);
        assert_int_equal(ssh_connection_of(tree, 30, buf, sizeof(buf)), -ENOENT);
        remove_tree(dir, tree);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_routes4),
                cmocka_unit_test(test_routes6),
                cmocka_unit_test(test_many_routes),
                cmocka_unit_test(test_ssh_address),
                cmocka_unit_test(test_addresses),
                cmocka_unit_test(test_stacks),
                cmocka_unit_test(test_circle),
                cmocka_unit_test(test_ancestors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
