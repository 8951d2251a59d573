/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink's bytes on who uses a netdev or an RDMA device, and the census of a made-up VF whose
 * netdevs are real ones of a network namespace of this test's own (as root of a user namespace).
 */
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <rdma/rdma_netlink.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/holders.h"
#include "host/netuse.h"
#include "unit.h"

/* ---- bytes -------------------------------------------------------------------------------------
 */

struct bytes {
        uint8_t data[512];
        size_t n;
};

static void put(struct bytes *b, const void *data, size_t n)
{
        assert_true(b->n + n <= sizeof(b->data));
        memcpy(b->data + b->n, data, n);
        b->n = NLMSG_ALIGN(b->n + n);
}

static void attr(struct bytes *b, uint16_t type, const void *data, size_t n)
{
        const struct nlattr a = {.nla_len = (uint16_t) (NLA_HDRLEN + n), .nla_type = type};

        put(b, &a, sizeof(a));
        put(b, data, n);
}

static void attr_u32(struct bytes *b, uint16_t type, uint32_t value)
{
        attr(b, type, &value, sizeof(value));
}

static void test_link(_unused_ void **state)
{
        const struct ifinfomsg header = {.ifi_index = 7};
        struct use_link link = {0};
        struct bytes b = {0};

        put(&b, &header, sizeof(header));
        attr(&b, IFLA_IFNAME, "macvtap0", 9);
        attr_u32(&b, IFLA_LINK, 3);
        attr_u32(&b, IFLA_MASTER, 9);
        assert_int_equal(netuse_link(b.data, b.n, &link), 0);
        assert_int_equal(link.ifindex, 7);
        assert_int_equal(link.lower, 3);
        assert_int_equal(link.master, 9);
        assert_string_equal(link.name, "macvtap0");
        attr_u32(&b, IFLA_LINK_NETNSID, 0);
        assert_int_equal(netuse_link(b.data, b.n, &link), 0);
        assert_int_equal(link.lower, 0);
        for (size_t n = 0; n < b.n; n++) { /* cut anywhere: no more than is there is read */
                uint8_t *cut = memcpy(malloc(n + 1), b.data, n);

                (void) netuse_link(cut, n, &link);
                free(cut);
        }
        assert_int_equal(netuse_link(b.data, 4, &link), -EBADMSG);
}

static int address(uint8_t family, const void *bytes, size_t n, struct use_address *ret)
{
        const struct ifaddrmsg header = {.ifa_family = family, .ifa_prefixlen = 24, .ifa_index = 5};
        struct bytes b = {0};

        put(&b, &header, sizeof(header));
        attr(&b, IFA_ADDRESS, bytes, n);
        return netuse_address(b.data, b.n, ret);
}

static void test_address(_unused_ void **state)
{
        const uint8_t global6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}, local6[16] = {0xfe, 0x80};
        const uint8_t global[4] = {192, 0, 2, 1}, local[4] = {169, 254, 3, 4};
        struct use_address a = {0};

        assert_int_equal(address(AF_INET, global, 4, &a), 1);
        assert_int_equal(a.ifindex, 5);
        assert_string_equal(a.text, "192.0.2.1/24");
        assert_int_equal(address(AF_INET6, global6, 16, &a), 1);
        assert_string_equal(a.text, "2001:db8::1/24");
        assert_int_equal(address(AF_INET6, local6, 16, &a), 0);
        assert_int_equal(address(AF_INET, local, 4, &a), 0);
        assert_int_equal(address(AF_INET, global6, 16, &a), -EBADMSG);
        assert_int_equal(netuse_address(global, 3, &a), -EBADMSG);
}

static void test_route(_unused_ void **state)
{
        struct rtmsg header = {
                .rtm_family = AF_INET, .rtm_type = RTN_UNICAST, .rtm_table = RT_TABLE_MAIN};
        const struct rtnexthop hops[2] = {{.rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 4},
                {.rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 6}};
        const struct rtnexthop endless = {.rtnh_len = 0, .rtnh_ifindex = 4};
        struct bytes b = {0}, multi = {0};
        int indexes[4];

        put(&b, &header, sizeof(header));
        attr_u32(&b, RTA_OIF, 5);
        assert_int_equal(netuse_default_route(b.data, b.n, indexes, 4), 1);
        assert_int_equal(indexes[0], 5);
        attr_u32(&b, RTA_TABLE, 100);
        assert_int_equal(netuse_default_route(b.data, b.n, indexes, 4), 0);
        put(&multi, &header, sizeof(header));
        attr(&multi, RTA_MULTIPATH, hops, sizeof(hops));
        assert_int_equal(netuse_default_route(multi.data, multi.n, indexes, 4), 2);
        assert_int_equal(indexes[1], 6);
        assert_int_equal(netuse_default_route(multi.data, multi.n, indexes, 1), 1);
        multi.n = 0;
        put(&multi, &header, sizeof(header));
        attr(&multi, RTA_MULTIPATH, &endless, sizeof(endless));
        assert_int_equal(netuse_default_route(multi.data, multi.n, indexes, 4), 0);
        header.rtm_dst_len = 24;
        memcpy(b.data, &header, sizeof(header));
        assert_int_equal(netuse_default_route(b.data, b.n, indexes, 4), 0);
}

static void test_rdma(_unused_ void **state)
{
        struct bytes device = {0}, user = {0}, kernel = {0}, table = {0}, all = {0};
        int32_t pids[4];
        uint32_t index;

        attr_u32(&device, RDMA_NLDEV_ATTR_DEV_INDEX, 3);
        attr(&device, RDMA_NLDEV_ATTR_DEV_NAME, "mlx5_2", 7);
        assert_int_equal(netuse_rdma_device(device.data, device.n, "mlx5_2", &index), 1);
        assert_int_equal(index, 3);
        assert_int_equal(netuse_rdma_device(device.data, device.n, "mlx5_20", &index), 0);

        attr_u32(&user, RDMA_NLDEV_ATTR_RES_CTXN, 1);
        attr_u32(&user, RDMA_NLDEV_ATTR_RES_PID, 4242);
        attr(&kernel, RDMA_NLDEV_ATTR_RES_KERN_NAME, "ib_core", 8);
        attr(&table, RDMA_NLDEV_ATTR_RES_CTX_ENTRY | NLA_F_NESTED, kernel.data, kernel.n);
        attr(&table, RDMA_NLDEV_ATTR_RES_CTX_ENTRY | NLA_F_NESTED, user.data, user.n);
        attr_u32(&all, RDMA_NLDEV_ATTR_DEV_INDEX, 3);
        attr(&all, RDMA_NLDEV_ATTR_RES_CTX | NLA_F_NESTED, table.data, table.n);
        assert_int_equal(netuse_rdma_contexts(all.data, all.n, pids, 4), 1);
        assert_int_equal(pids[0], 4242);
        assert_int_equal(netuse_rdma_contexts(all.data, all.n, pids, 0), 0);
        assert_int_equal(netuse_rdma_contexts(device.data, device.n, pids, 4), 0);
}

/* ---- a namespace -------------------------------------------------------------------------------
 */

static char root[64];
static bool have_namespace; /* else there is nothing that could be looked at */

static void run(const char *fmt, ...)
{
        char command[1024];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(command, sizeof(command), fmt, ap);
        va_end(ap);
        if (system(command) != 0) /* NOLINT: a test's own words */
                fail_msg("%s", command);
}

/* The kinds of what uses VF 0 (or with NO_VF all), in the order of the census: "master address". */
static const char *seen(uint32_t vf)
{
        static char text[256];
        struct holder *list = NULL;
        int root_fd, fd;
        size_t n, at = 0;
        char proc[96];

        snprintf(proc, sizeof(proc), "%s/proc", root);
        assert_int_equal(sysfs_open_root(root, &root_fd), 0);
        assert_int_equal(sysfs_open_device(root_fd, "0000:3b:00.0", &fd), 0);
        assert_int_equal(holders_find(root_fd, fd, proc, vf, &list, &n), 0);
        text[0] = '\0';
        for (size_t i = 0; i < n; i++)
                at += (size_t) snprintf(text + at, sizeof(text) - at, "%s%s%s%s", i > 0 ? " " : "",
                        list[i].vf == NO_VF ? "PF:" : "", list[i].kind,
                        streq(list[i].kind, "mount") ? list[i].name : "");
        close(fd);
        close(root_fd);
        free(list);
        return text;
}

/* A PF with a VF whose net/ has a real tap of that name, and a storage VF. */
static int make_tree(_unused_ void **state)
{
        uid_t uid = geteuid();
        int fd;

        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
                if (uid != 0 || unshare(CLONE_NEWNET) < 0)
                        return 0;
        } else {
                fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
                if (fd < 0 || dprintf(fd, "0 %u 1", uid) < 0)
                        return -1;
                close(fd);
        }
        have_namespace = true;
        snprintf(root, sizeof(root), "/tmp/test-netuse-XXXXXX");
        if (!mkdtemp(root))
                return -1;
        run("cd %s && mkdir -p bus/pci/devices devices/pf/net devices/0000:3b:10.0 "
            "devices/0000:3b:10.2 class/block "
            "proc/self && ln -s ../../../devices/pf bus/pci/devices/0000:3b:00.0 && "
            "ln -s ../../../devices/0000:3b:10.0 bus/pci/devices/0000:3b:10.0 && "
            "ln -s ../../../devices/0000:3b:10.2 bus/pci/devices/0000:3b:10.2 && "
            "ln -s ../0000:3b:10.0 devices/pf/virtfn0 && ln -s ../0000:3b:10.2 devices/pf/virtfn1 "
            "&& "
            "echo 2 > devices/pf/sriov_totalvfs && ln -s ../pf devices/0000:3b:10.0/physfn && "
            "ln -s ../pf devices/0000:3b:10.2/physfn",
                root);
        run("ip tuntap add vf0 mode tap && ip tuntap add pf0 mode tap && ip link set vf0 up && "
            "ip link set pf0 up");
        run("cd %s/devices && mkdir -p 0000:3b:10.0/net/vf0 pf/net/pf0 && "
            "ip -o link show pf0 | cut -d: -f1 > pf/net/pf0/ifindex; "
            "ip -o link show vf0 | cut -d: -f1 > 0000:3b:10.0/net/vf0/ifindex",
                root);
        return 0;
}

static int remove_tree(_unused_ void **state)
{
        if (have_namespace)
                run("rm -rf %s", root);
        return 0;
}

static void test_netdev(_unused_ void **state)
{
        if (!have_namespace)
                skip();
        assert_string_equal(seen(0), ""); /* up, with a link-local address: used by nobody */
        run("ip link add br0 type bridge && ip link set vf0 master br0");
        assert_string_equal(seen(0), "master");
        run("ip addr add 198.51.100.2/24 dev br0 && ip link set br0 up && "
            "ip route add default via 198.51.100.1");
        assert_string_equal(seen(0), "master route");
        run("ip link del br0 && ip link add link vf0 name mv0 type macvlan");
        assert_string_equal(seen(0), "upper");
        run("ip link del mv0 && ip addr add 192.0.2.2/24 dev vf0");
        assert_string_equal(seen(0), "address");
        run("ip route add default nexthop via 192.0.2.1 dev vf0");
        assert_string_equal(seen(0), "address route");
        run("ip addr flush dev vf0 scope global && ip -6 addr add 2001:db8::2/64 dev vf0 nodad && "
            "ip -6 route add default via 2001:db8::1");
        assert_string_equal(seen(0), "address route");
        run("ip addr flush dev vf0 scope global; ip -6 route flush default; true");
        assert_string_equal(seen(0), "");
}

static void test_pf(_unused_ void **state)
{
        if (!have_namespace)
                skip();
        run("ip addr add 203.0.113.2/24 dev pf0");
        assert_string_equal(seen(NO_VF), ""); /* its own addresses are in nobody's way */
        run("ip route add default via 203.0.113.1");
        assert_string_equal(seen(NO_VF), "PF:route");
        assert_string_equal(seen(0), "");
        run("ip route del default && ip link add link pf0 name mv5 type macvlan && "
            "ip link set mv5 up && ip addr add 192.0.2.9/24 dev mv5 && "
            "ip route add default via 192.0.2.1 table 100 dev mv5");
        assert_string_equal(seen(NO_VF), ""); /* not the main table */
        run("ip route add default via 192.0.2.1 dev mv5");
        assert_string_equal(seen(NO_VF), "PF:route");
        run("ip link del mv5 && ip addr flush dev pf0");
}

static void test_netns(_unused_ void **state)
{
        if (!have_namespace)
                skip();
        run("mkdir %s/devices/0000:3b:10.2/net", root);
        assert_string_equal(seen(1), "netns");
        assert_string_equal(seen(NO_VF), "netns");
        run("rmdir %s/devices/0000:3b:10.2/net", root);
        assert_string_equal(seen(1), "");
}

static void test_mount(_unused_ void **state)
{
        if (!have_namespace)
                skip();
        run("cd %s && mkdir -p devices/0000:3b:10.2/nvme/nvme1/nvme1n1/nvme1n1p1 "
            "devices/0000:3b:10.2/nvme/nvme1/nvme1n1/holders && "
            "echo 259:0 > devices/0000:3b:10.2/nvme/nvme1/nvme1n1/dev && "
            "echo 259:1 > devices/0000:3b:10.2/nvme/nvme1/nvme1n1/nvme1n1p1/dev && "
            "echo '22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw' > proc/self/mountinfo",
                root);
        assert_string_equal(seen(1), "");
        run("cd %s && echo '36 22 259:1 / /srv rw,noatime shared:1 master:2 - ext4 "
            "/dev/nvme1n1p1 rw' >> proc/self/mountinfo",
                root);
        assert_string_equal(seen(1), "mount/srv");
        run("cd %s && echo '36 22 0:45 / /data rw - btrfs /dev/nvme1n1 rw' > proc/self/mountinfo",
                root);
        assert_string_equal(seen(1), "mount/data");
        run("cd %s && echo > proc/self/mountinfo && mkdir "
            "devices/0000:3b:10.2/nvme/nvme1/nvme1n1/holders/dm-0",
                root);
        assert_string_equal(seen(1), "mountdm-0");
        run("cd %s && rmdir devices/0000:3b:10.2/nvme/nvme1/nvme1n1/holders/dm-0 && "
            "printf 'Filename Type\\n/dev/nvme1n1p1 partition 1 0 -2\\n' > proc/swaps",
                root);
        assert_string_equal(seen(1), "mountswap");
        /* One controller's way to a disk that belongs to its subsystem. */
        run("cd %s && rm proc/swaps && mv devices/0000:3b:10.2/nvme/nvme1/nvme1n1 devices/head && "
            "mkdir devices/0000:3b:10.2/nvme/nvme1/nvme1c2n1 && ln -s ../../devices/head "
            "class/block/nvme1n1",
                root);
        assert_string_equal(seen(1), "");
        run("cd %s && echo '36 22 259:0 / /srv rw - xfs /dev/nvme1n1 rw' > proc/self/mountinfo",
                root);
        assert_string_equal(seen(1), "mount/srv");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_link),
                cmocka_unit_test(test_address),
                cmocka_unit_test(test_route),
                cmocka_unit_test(test_rdma),
                cmocka_unit_test(test_netdev),
                cmocka_unit_test(test_pf),
                cmocka_unit_test(test_netns),
                cmocka_unit_test(test_mount),
        };

        return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
