/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports: loopback, generator, and with root's privileges the netdevs (tap, packet), in network
 * namespaces of this test's own. Capture files: test-sim-capture.c.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "sim/port/port.h"
#include "unit.h"

static const struct mac own = {{0x02, 0, 0, 0, 0, 0x10}}, other = {{0x02, 0, 0, 0, 0, 0x20}};

static struct port *opened(const struct port_config *config)
{
        struct fault f = FAULT_NULL;
        struct port *p = NULL;

        if (port_open(config, &own, 1400, &p, &f) < 0)
                fail_msg("%s", f.text);
        return p;
}

/* Refused with that errno, code and text. */
static void expect_refused(
        const struct port_config *config, int error, enum fault_code code, const char *text)
{
        struct fault f = FAULT_NULL;
        struct port *p = NULL;

        assert_int_equal(port_open(config, &own, 1400, &p, &f), -error);
        assert_null(p);
        assert_int_equal(f.code, code);
        if (!strstr(f.text, text))
                fail_msg("\"%s\" does not say \"%s\"", f.text, text);
}

/* A frame of the test's own: the header, a number, and what follows from it. */
static struct port_frame make_frame(uint8_t *bytes, uint32_t length, uint16_t vlan, uint8_t number)
{
        uint32_t at = 12;

        memcpy(bytes, other.b, 6);
        memcpy(bytes + 6, own.b, 6);
        if (vlan) {
                bytes[at++] = 0x81;
                bytes[at++] = 0x00;
                bytes[at++] = (uint8_t) (vlan >> 8);
                bytes[at++] = (uint8_t) vlan;
        }
        bytes[at++] = 0x88;
        bytes[at++] = 0xb6;
        for (; at < length; at++)
                bytes[at] = (uint8_t) (number + at);
        return (struct port_frame){bytes, length};
}

/* ---- without a netdev ---- */

static void kinds(void **state)
{
        static const char *const names[] = {
                "none", "loopback", "pcap", "tap", "packet", "generator"};
        struct port_config config = {.kind = PORT_KIND_MAX};

        (void) state;
        assert_int_equal(ELEMENTSOF(names), PORT_KIND_MAX);
        for (unsigned i = 0; i < PORT_KIND_MAX; i++)
                assert_string_equal(port_kind_name(i), names[i]);
        expect_refused(&config, EINVAL, FAULT_INVALID_ARGS, "no such kind");
}

static void none(void **state)
{
        const struct port_config config = {.kind = PORT_NONE};
        struct port *p = opened(&config);
        uint8_t bytes[60];
        struct port_frame frame = make_frame(bytes, 60, 0, 1);
        struct port_stats stats;

        (void) state;
        port_set_time(p, 5);
        port_set_link(p, false);
        assert_int_equal(port_ops.transmit(p, &frame, 1), 1);
        assert_int_equal(port_ops.receive(p, &frame, 1), 0);
        assert_int_equal(port_fd(p), -1);
        assert_int_equal(port_next(p, 5), UINT64_MAX);
        assert_true(port_finished(p));
        port_stats(p, &stats);
        assert_int_equal(stats.transmitted, 1);
        assert_int_equal(stats.received + stats.refused + stats.bad, 0);
        port_close(p);
}

/* Comes back in order, stays good until the next look, and is refused when it is full. */
static void loopback(void **state)
{
        const struct port_config config = {.kind = PORT_LOOPBACK};
        struct port *p = opened(&config);
        uint8_t bytes[32][FRAME_MAX];
        struct port_frame frames[32], back[32];
        struct port_stats stats;
        uint32_t sent = 0, came = 0, n;

        (void) state;
        assert_int_equal(port_next(p, 1), UINT64_MAX);
        for (unsigned round = 0; round < 9; round++) {
                for (unsigned i = 0; i < 32; i++)
                        frames[i] = make_frame(bytes[i], 60 + sent + i, 0, (uint8_t) (sent + i));
                n = port_ops.transmit(p, frames, 32);
                assert_int_equal(n, round < 8 ? 32 : 0);
                sent += n;
        }
        assert_int_equal(port_next(p, 1), 1);
        while ((n = port_ops.receive(p, back, 5)) > 0) {
                for (unsigned i = 0; i < 32; i++)
                        frames[i] = make_frame(bytes[i], FRAME_MAX, 0, 0xee);
                port_ops.transmit(p, frames, came < 10 ? 32 : 0);
                for (uint32_t i = 0; i < n && came < sent; i++, came++) {
                        struct port_frame want = make_frame(bytes[0], 60 + came, 0, (uint8_t) came);

                        assert_int_equal(back[i].length, want.length);
                        assert_memory_equal(back[i].bytes, want.bytes, want.length);
                }
        }
        assert_int_equal(came, 256);
        port_stats(p, &stats);
        assert_int_equal(stats.received, stats.transmitted);
        assert_int_equal(stats.transmitted, 256 + 5);
        assert_int_equal(stats.refused, 32 + 32 + 27);
        assert_false(port_finished(p));
        port_close(p);
}

/* ---- generator ---- */

static struct port_config generator_config(uint32_t size)
{
        return (struct port_config){.kind = PORT_GENERATOR, .dst = other, .size = size, .seed = 7};
}

static void same_seed_same_frames(void **state)
{
        static const uint32_t sizes[] = {60, 61, 127, 1518, FRAME_MAX};
        struct port_frame a[8], b[32], c[8];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                struct port_config config = generator_config(sizes[i]);
                struct port *one = opened(&config), *two = opened(&config), *three;
                unsigned same = 0;

                config.seed = 8;
                three = opened(&config);
                for (unsigned k = 0; k < 4; k++) {
                        /* In other portions, at other times. */
                        if (k == 0)
                                assert_int_equal(port_ops.receive(two, b, 32), 32);
                        assert_int_equal(port_ops.receive(one, a, 8), 8);
                        assert_int_equal(port_ops.receive(three, c, 8), 8);
                        for (unsigned n = 0; n < 8; n++) {
                                assert_int_equal(a[n].length, sizes[i]);
                                assert_int_equal(b[8 * k + n].length, sizes[i]);
                                assert_memory_equal(a[n].bytes, b[8 * k + n].bytes, sizes[i]);
                                assert_memory_equal(a[n].bytes, other.b, 6);
                                assert_memory_equal(a[n].bytes + 6, own.b, 6);
                                same += memcmp(a[n].bytes, c[n].bytes, sizes[i]) == 0;
                        }
                }
                assert_int_equal(same, 0);
                port_close(one);
                port_close(two);
                port_close(three);
        }
}

static uint64_t bad_after(struct port *p, struct port_frame *frames, uint32_t n)
{
        struct port_stats stats;

        assert_int_equal(port_ops.transmit(p, frames, n), n);
        port_stats(p, &stats);
        return stats.bad;
}

/* Every byte, header and payload; what is no generator's frame is nobody's damage. */
static void damage_is_counted(void **state)
{
        struct port_config config = generator_config(100);
        uint64_t bad = 0;

        (void) state;
        config.vlan = 100;
        for (uint32_t at = 0; at < 100; at++) {
                struct port *from = opened(&config), *to = opened(&config);
                struct port_frame frame[1];

                /* The tag's TCI, the Ethertype and the mark. */
                bool not_ours = at == 12 || at == 13 || (at >= 16 && at < 22);
                bool not_looked_at = at == 14 || at == 15;

                assert_int_equal(port_ops.receive(from, frame, 1), 1);
                frame->bytes[at] ^= 0x10;
                bad = bad_after(to, frame, 1);
                if (bad != !(not_ours || not_looked_at))
                        fail_msg("byte %u: %u bad", at, (unsigned) bad);
                port_close(from);
                port_close(to);
        }
}

static void order_is_checked(void **state)
{
        struct port_config config = generator_config(60);
        struct port *from = opened(&config), *to = opened(&config), *again;
        struct port_frame frames[32];
        uint8_t bytes[64] = {0};

        (void) state;
        assert_int_equal(port_ops.receive(from, frames, 32), 32);
        assert_int_equal(bad_after(to, frames, 10), 0);
        assert_int_equal(bad_after(to, frames + 15, 1), 0); /* lost ones are not bad, */
        assert_int_equal(bad_after(to, frames + 12, 1), 1); /* late ones are, */
        assert_int_equal(bad_after(to, frames + 15, 1), 2); /* and so are copies */
        assert_int_equal(bad_after(to, frames + 16, 16), 2);
        /* Another sender has an order of its own; and one that starts again begins anew. */
        again = opened(&config);
        assert_int_equal(port_ops.receive(again, frames, 32), 32);
        assert_int_equal(bad_after(to, frames, 32), 2);
        memset(bytes, 0x88, sizeof(bytes));
        frames[0] = (struct port_frame){bytes, 13};
        assert_int_equal(bad_after(to, frames, 1), 2);
        frames[0] = make_frame(bytes, 60, 5, 1);
        assert_int_equal(bad_after(to, frames, 1), 2);
        port_close(from);
        port_close(to);
        port_close(again);
}

/* Tags that are put on or taken off, and padding, are no damage; a short frame is. */
static void tags_may_change(void **state)
{
        struct port_config config = generator_config(60);
        struct port *from, *to = opened(&config);
        struct port_frame frames[4];
        uint8_t bytes[128] = {0};

        (void) state;
        config.vlan = 5;
        from = opened(&config);
        assert_int_equal(port_ops.receive(from, frames, 4), 4);
        assert_int_equal(frames[0].bytes[15], 5);
        memcpy(bytes, frames[0].bytes, 12);
        memcpy(bytes + 12, frames[0].bytes + 16, 44);
        frames[0].bytes = bytes;
        assert_int_equal(bad_after(to, frames, 1), 0); /* untagged, padded to 60 */
        memmove(frames[1].bytes, frames[1].bytes, 12);
        frames[1].bytes[12] = 0x88;
        frames[1].bytes[13] = 0xa8;
        assert_int_equal(bad_after(to, frames + 1, 1), 0);
        frames[2].length--;
        assert_int_equal(bad_after(to, frames + 2, 1), 1);
        port_close(from);
        port_close(to);
}

static void rate_and_count(void **state)
{
        struct port_config config = generator_config(60);
        struct port_frame frames[32];
        uint64_t sent = 0, now, next;
        struct port *p;

        (void) state;
        config.rate = 3000000; /* 333.3 ns apart */
        config.count = 3001;
        p = opened(&config);
        assert_int_equal(port_next(p, 500), 500);
        for (now = 500; !port_finished(p); now = next) {
                port_set_time(p, now);
                sent += port_ops.receive(p, frames, 1);
                next = port_next(p, now);
                assert_true(next > now);
                assert_int_equal(now - 500, (sent - 1) * 1000 / 3); /* nothing adds up */
        }
        assert_int_equal(sent, 3001);
        assert_int_equal(next, UINT64_MAX);
        port_close(p);

        config.rate = 0;
        config.count = 40;
        p = opened(&config);
        port_set_time(p, 1);
        assert_int_equal(port_next(p, 1), 1);
        assert_int_equal(port_ops.receive(p, frames, 32), 32);
        assert_false(port_finished(p));
        assert_int_equal(port_ops.receive(p, frames, 32), 8);
        assert_true(port_finished(p));
        assert_int_equal(port_ops.receive(p, frames, 32), 0);
        port_close(p);
}

static void generator_refused(void **state)
{
        struct port_config config = generator_config(59);

        (void) state;
        expect_refused(
                &config, EINVAL, FAULT_INVALID_ARGS, "59 bytes refused; expected 60 to 9728");
        config.size = FRAME_MAX + 1;
        expect_refused(&config, EINVAL, FAULT_INVALID_ARGS, "9729 bytes refused");
        config = generator_config(60);
        config.vlan = 4095;
        expect_refused(&config, EINVAL, FAULT_INVALID_ARGS, "VLAN 4095 refused");
}

/* ---- netdevs: in namespaces of our own ---- */

static const char *why_no_netdevs; /* NULL: they can be made */

static void need_netdevs(void)
{
        if (!why_no_netdevs)
                return;
        print_message("# skipped: %s\n", why_no_netdevs);
        skip();
}

static void run(const char *command)
{
        int r = system(command);

        if (r != 0)
                fail_msg("%s: exit status %d", command, WEXITSTATUS(r));
}

/* Own mounts, so that /run/netns and /dev/net are ours; own network, without IPv6's chatter. */
static int own_namespaces(void **state)
{
        (void) state;
        if (access("/dev/net/tun", R_OK | W_OK) < 0)
                why_no_netdevs = "/dev/net/tun is not there, or not for this user";
        else if (system("command -v ip >/dev/null") != 0)
                why_no_netdevs = "no program `ip` (iproute2)";
        else if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0)
                why_no_netdevs = "no privilege for namespaces of our own (root)";
        else if (mount("", "/", "", MS_REC | MS_PRIVATE, NULL) < 0 ||
                 mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0 ||
                 mount("tmpfs", "/dev/net", "tmpfs", 0, NULL) < 0 ||
                 mknod("/dev/net/tun", S_IFCHR | 0600, makedev(10, 200)) < 0 ||
                 chmod("/dev/net/tun", 0666) < 0 ||
                 system("ip link set lo up && ip netns add blue") != 0)
                why_no_netdevs = "no network namespace can be made";
        else if (system("echo 1 2>/dev/null >/proc/sys/net/ipv6/conf/default/disable_ipv6") != 0)
                print_message("# no IPv6 here\n");
        return 0;
}

static struct port_config netdev_config(enum port_kind kind, const char *name)
{
        struct port_config c = {.kind = kind};

        snprintf(c.ifname, sizeof(c.ifname), "%s", name);
        return c;
}

/* The next frame of ours that comes within a second. */
static bool next_frame(struct port *p, struct port_frame *ret)
{
        struct pollfd poll_fd = {.fd = port_fd(p), .events = POLLIN};

        while (poll(&poll_fd, 1, 1000) > 0)
                while (port_ops.receive(p, ret, 1) == 1)
                        if (ret->length >= 14 && (memmem(ret->bytes + 12, 8, "\x88\xb6", 2) ||
                                                         frame_be16(ret->bytes + 12) == 0x0800))
                                return true;
        return false;
}

/* Both ways, tagged and not, short and long. */
static void exchange(struct port *a, struct port *b, uint32_t mtu)
{
        const uint32_t lengths[] = {60, 61, 512, mtu + 14};
        static uint8_t bytes[FRAME_MAX];
        struct port_frame frame, got;

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++)
                for (unsigned way = 0; way < 4; way++) {
                        uint16_t vlan = way & 2 ? 0xa07b : 0; /* 123, priority 5 */

                        frame = make_frame(bytes, lengths[i] + (vlan ? 4 : 0), vlan, (uint8_t) i);
                        assert_int_equal(port_ops.transmit(way & 1 ? b : a, &frame, 1), 1);
                        assert_true(next_frame(way & 1 ? a : b, &got));
                        assert_int_equal(got.length, frame.length);
                        assert_memory_equal(got.bytes, frame.bytes, frame.length);
                }
}

static void expect_netdev(const char *name, const uint8_t mac[6], int mtu)
{
        int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq ifr = {0};

        assert_true(sock >= 0);
        snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
        assert_int_equal(ioctl(sock, SIOCGIFHWADDR, &ifr), 0);
        assert_memory_equal(ifr.ifr_hwaddr.sa_data, mac, 6);
        assert_int_equal(ioctl(sock, SIOCGIFMTU, &ifr), 0);
        assert_int_equal(ifr.ifr_mtu, mtu);
        assert_int_equal(ioctl(sock, SIOCGIFFLAGS, &ifr), 0);
        assert_true(ifr.ifr_flags & IFF_UP);
        close(sock);
}

/* ADDRESS/PREFIX of the netdev is there. */
static bool has_address(const char *name, const char *want)
{
        struct ifaddrs *list;
        bool found = false;

        assert_int_equal(getifaddrs(&list), 0);
        for (struct ifaddrs *a = list; a; a = a->ifa_next) {
                char text[INET6_ADDRSTRLEN] = "", whole[80];
                const struct sockaddr *s = a->ifa_addr;
                const uint8_t *mask;
                unsigned bits = 0;

                if (!s || !streq(a->ifa_name, name))
                        continue;
                if (s->sa_family == AF_INET) {
                        inet_ntop(AF_INET, &((const struct sockaddr_in *) s)->sin_addr, text,
                                sizeof(text));
                        mask = (const void *) &((struct sockaddr_in *) a->ifa_netmask)->sin_addr;
                        for (unsigned i = 0; i < 4; i++)
                                bits += (unsigned) __builtin_popcount(mask[i]);
                } else if (s->sa_family == AF_INET6) {
                        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *) s)->sin6_addr, text,
                                sizeof(text));
                        mask = ((struct sockaddr_in6 *) a->ifa_netmask)->sin6_addr.s6_addr;
                        for (unsigned i = 0; i < 16; i++)
                                bits += (unsigned) __builtin_popcount(mask[i]);
                }
                snprintf(whole, sizeof(whole), "%s/%u", text, bits);
                found |= streq(whole, want);
        }
        freeifaddrs(list);
        return found;
}

static void tap(void **state)
{
        struct port_config config = netdev_config(PORT_TAP, "simA");
        struct port_config packet = netdev_config(PORT_PACKET, "simA");
        struct port_stats stats;
        struct port *p, *q;

        (void) state;
        need_netdevs();
        snprintf(config.address, sizeof(config.address), "192.0.2.1/24");
        p = opened(&config);
        assert_true(port_fd(p) >= 0);
        assert_int_equal(port_next(p, 1), UINT64_MAX);
        expect_netdev("simA", own.b, 1400);
        assert_true(has_address("simA", "192.0.2.1/24"));

        /* What the tap sends the host receives, and the other way round. */
        q = opened(&packet);
        exchange(p, q, 1400);
        port_stats(p, &stats);
        assert_int_equal(stats.transmitted, 8);
        assert_true(stats.received >= 8);
        assert_int_equal(stats.refused + stats.bad, 0);
        port_stats(q, &stats);
        assert_int_equal(stats.transmitted, 8);
        port_close(q);

        run("! ip link show simA | grep -q NO-CARRIER");
        port_set_link(p, false);
        run("ip link show simA | grep -q NO-CARRIER");
        port_set_link(p, true);
        run("! ip link show simA | grep -q NO-CARRIER");

        assert_false(port_finished(p));
        port_close(p);
        assert_int_equal(if_nametoindex("simA"), 0);
}

static void tap_with_ip6(void **state)
{
        struct port_config config = netdev_config(PORT_TAP, "sim6");
        struct port *p;

        (void) state;
        need_netdevs();
        if (access("/proc/sys/net/ipv6", F_OK) < 0) {
                print_message("# skipped: this kernel has no IPv6\n");
                skip();
        }
        run("echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
        snprintf(config.address, sizeof(config.address), "2001:db8::1/64");
        p = opened(&config);
        assert_true(has_address("sim6", "2001:db8::1/64"));
        port_close(p);
        run("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
}

/* One whose netdev is down, or has been removed, stops nobody. */
static void tap_that_goes(void **state)
{
        struct port_config config = netdev_config(PORT_TAP, "simB");
        struct epoll_event event = {.events = EPOLLIN};
        int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        struct port_frame frames[2], got;
        uint8_t bytes[2][60];
        struct port_stats stats;
        struct port *p;

        (void) state;
        need_netdevs();
        p = opened(&config);
        for (unsigned i = 0; i < 2; i++)
                frames[i] = make_frame(bytes[i], 60, 0, (uint8_t) i);
        assert_int_equal(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, port_fd(p), &event), 0);
        run("ip link set simB down");
        assert_int_equal(port_ops.transmit(p, frames, 2), 2);
        port_stats(p, &stats);
        assert_int_equal(stats.refused, 2);
        assert_int_equal(stats.transmitted, 0);

        run("ip link del simB");
        assert_int_equal(epoll_wait(epoll_fd, &event, 1, 1000), 1);
        assert_int_equal(port_ops.receive(p, &got, 1), 0);
        assert_true(port_finished(p));
        assert_int_equal(epoll_wait(epoll_fd, &event, 1, 0), 0);
        assert_int_equal(port_ops.transmit(p, frames, 2), 2);
        assert_int_equal(port_ops.receive(p, &got, 1), 0);
        assert_int_equal(epoll_wait(epoll_fd, &event, 1, 0), 0);
        port_set_link(p, false);
        port_stats(p, &stats);
        assert_int_equal(stats.refused, 4);
        port_close(p);
        close(epoll_fd);
}

/* A long frame can not come in by halves. */
static void tap_with_too_long_frames(void **state)
{
        struct port_config config = netdev_config(PORT_TAP, "simL");
        struct port_config packet = netdev_config(PORT_PACKET, "simL");
        static uint8_t bytes[12000];
        struct port_frame frame, got;
        struct port_stats stats;
        struct port *p, *q;

        (void) state;
        need_netdevs();
        p = opened(&config);
        q = opened(&packet);
        run("ip link set simL mtu 12000");
        frame = make_frame(bytes, 11000, 0, 1);
        assert_int_equal(port_ops.transmit(q, &frame, 1), 1);
        frame = make_frame(bytes, FRAME_MAX, 0, 1);
        assert_int_equal(port_ops.transmit(q, &frame, 1), 1);
        assert_true(next_frame(p, &got));
        assert_int_equal(got.length, FRAME_MAX);
        port_stats(p, &stats);
        assert_int_equal(stats.bad, 1);

        /* The same on the packet socket's side. */
        frame = make_frame(bytes, 11000, 0, 1);
        assert_int_equal(port_ops.transmit(p, &frame, 1), 1);
        frame = make_frame(bytes, FRAME_MAX + 4, 77, 1); /* with the tag that is put back */
        assert_int_equal(port_ops.transmit(p, &frame, 1), 1);
        frame = make_frame(bytes, FRAME_MAX, 77, 2);
        assert_int_equal(port_ops.transmit(p, &frame, 1), 1);
        assert_true(next_frame(q, &got));
        assert_int_equal(got.length, FRAME_MAX);
        assert_memory_equal(got.bytes, bytes, FRAME_MAX);
        port_stats(q, &stats);
        assert_int_equal(stats.bad, 2);
        port_close(p);
        port_close(q);
}

struct there {
        bool seen;
        unsigned index;
};

static void *look_there(void *there)
{
        struct there *t = there;
        int fd = open("/run/netns/blue", O_RDONLY | O_CLOEXEC);

        if (setns(fd, CLONE_NEWNET) < 0)
                return NULL;
        close(fd);
        t->index = if_nametoindex("simC");
        t->seen = has_address("simC", "198.51.100.7/31");
        return NULL;
}

/* In another namespace from the beginning, also under a name that is taken here. */
static void tap_elsewhere(void **state)
{
        struct port_config config = netdev_config(PORT_TAP, "simC");
        struct port *here, *p;
        struct there there = {0};
        pthread_t thread;
        struct stat before, after;

        (void) state;
        need_netdevs();
        here = opened(&config);
        snprintf(config.netns, sizeof(config.netns), "blue");
        snprintf(config.address, sizeof(config.address), "198.51.100.7/31");
        assert_int_equal(stat("/proc/thread-self/ns/net", &before), 0);
        p = opened(&config);
        assert_int_equal(stat("/proc/thread-self/ns/net", &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
        assert_false(has_address("simC", "198.51.100.7/31"));
        assert_int_equal(pthread_create(&thread, NULL, look_there, &there), 0);
        pthread_join(thread, NULL);
        assert_true(there.index > 0 && there.seen);
        run("ip -n blue addr flush dev simC");
        run("test \"$(ip -n blue -o link show simC | grep -c 'mtu 1400.*02:00:00:00:00:10')\" = 1");
        port_set_link(p, false);
        run("ip -n blue link show simC | grep -q NO-CARRIER");
        port_close(p);
        run("! ip -n blue link show simC 2>/dev/null");
        assert_true(if_nametoindex("simC") > 0);
        port_close(here);
}

static void tap_refused(void **state)
{
        struct port_config config = netdev_config(PORT_TAP, "simD");
        struct port *p;

        (void) state;
        need_netdevs();
        p = opened(&config);
        expect_refused(&config, EBUSY, FAULT_IN_USE, "another process has this tap open");
        port_close(p);
        config = netdev_config(PORT_TAP, "lo");
        expect_refused(&config, EINVAL, FAULT_INVALID_ARGS, "is no tap");
        config = netdev_config(PORT_TAP, "a/b");
        expect_refused(&config, EINVAL, FAULT_INVALID_ARGS, "expected a netdev's name");
        config = netdev_config(PORT_TAP, "tap%d");
        expect_refused(&config, EINVAL, FAULT_INVALID_ARGS, "expected a netdev's name");
        config = netdev_config(PORT_TAP, "");
        expect_refused(&config, EINVAL, FAULT_INVALID_ARGS, "expected a netdev's name");
}

static void tap_addresses_refused(void **state)
{
        static const char *const bad[] = {"192.0.2.1", "192.0.2.1/", "192.0.2.1/33", "192.0.2/24",
                "/24", "192.0.2.1/24/", "2001:db8::1/129", "2001:db8::1", "host/24",
                "192.0.2.1/024", "192.0.2.1/-1"};
        struct port_config config = netdev_config(PORT_TAP, "simD");

        (void) state;
        need_netdevs();
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                snprintf(config.address, sizeof(config.address), "%s", bad[i]);
                expect_refused(&config, EINVAL, FAULT_INVALID_ARGS, "expected one such as");
                assert_int_equal(if_nametoindex("simD"), 0);
        }
}

static void namespaces_refused(void **state)
{
        static const char *const bad[] = {"../netns/blue", ".", "..", "a/b"};
        struct port_config config = netdev_config(PORT_TAP, "simD");

        (void) state;
        need_netdevs();
        snprintf(config.netns, sizeof(config.netns), "none");
        expect_refused(&config, ENOENT, FAULT_NOT_FOUND, "ip netns add none");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                snprintf(config.netns, sizeof(config.netns), "%s", bad[i]);
                expect_refused(&config, EINVAL, FAULT_INVALID_ARGS, "expected a name below");
        }
        run("touch /run/netns/plain");
        snprintf(config.netns, sizeof(config.netns), "plain");
        expect_refused(&config, EINVAL, FAULT_INVALID_ARGS, "namespace plain can not be entered");
}

/* In a child, which gives up what it has first. */
static void in_child(void (*check)(void))
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                check();
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

/* An assertion would not end the child: its exit status says which step failed. */
#define MUST(step, x)                                                                              \
        do {                                                                                       \
                if (!(x))                                                                          \
                        _exit(step);                                                               \
        } while (0)

static bool refused(const struct port_config *config, int error, const char *text)
{
        struct fault f = FAULT_NULL;
        struct port *p = NULL;

        return port_open(config, &own, 1400, &p, &f) == -error && strstr(f.text, text);
}

static void as_nobody(void)
{
        struct port_config config = netdev_config(PORT_TAP, "simE");
        struct port_config packet = netdev_config(PORT_PACKET, "lo");
        int fd;

        MUST(2, setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
        fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        MUST(3, fd >= 0);
        close(fd);
        MUST(4, refused(&config, EPERM, "it takes root"));
        MUST(5, refused(&packet, EPERM, "it takes root (CAP_NET_RAW)"));
        snprintf(config.netns, sizeof(config.netns), "blue");
        MUST(6, refused(&config, EPERM, "it takes root (CAP_SYS_ADMIN)"));
}

/* What root made for a user, with what it needs, that user can use. */
static void as_owner(void)
{
        struct port_config config = netdev_config(PORT_TAP, "simF");
        struct mac mac = own;
        struct port *p = NULL;
        struct fault f;

        MUST(1, setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
        MUST(2, port_open(&config, &own, 1400, &p, &f) == 0);
        port_close(p);
        MUST(3, port_open(&config, &own, 1300, &p, &f) == -EPERM && strstr(f.text, "MTU 1300"));
        mac.b[5]++;
        MUST(4, port_open(&config, &mac, 1400, &p, &f) == -EPERM && strstr(f.text, ":00:11 "));
        snprintf(config.address, sizeof(config.address), "192.0.2.9/24");
        MUST(5, refused(&config, EPERM, "address 192.0.2.9/24 refused"));
}

static void without_tun(void)
{
        struct port_config config = netdev_config(PORT_TAP, "simE");

        MUST(1, unshare(CLONE_NEWNS) == 0);
        MUST(2, mount("tmpfs", "/dev/net", "tmpfs", 0, NULL) == 0);
        MUST(3, refused(&config, ENOENT, "modprobe tun"));
        MUST(4, mknod("/dev/net/tun", S_IFCHR | 0600, 0) == 0);
        MUST(5, setresuid(65534, 65534, 65534) == 0);
        MUST(6, refused(&config, EACCES, "it takes root"));
}

static void no_privilege(void **state)
{
        (void) state;
        need_netdevs();
        in_child(as_nobody);
        run("ip tuntap add simF mode tap user 65534 && ip link set simF address 02:00:00:00:00:10 "
            "mtu 1400 up");
        in_child(as_owner);
        run("ip link del simF");
        in_child(without_tun);
}

/* ---- packet sockets ---- */

static void packet(void **state)
{
        struct port_config config = netdev_config(PORT_PACKET, "va");
        struct port_frame frames[3], got;
        static uint8_t bytes[3][4000];
        struct port_stats stats;
        struct port *a, *b;

        (void) state;
        need_netdevs();
        run("ip link add va type veth peer name vb && ip link set va up && ip link set vb up");
        a = opened(&config);
        config = netdev_config(PORT_PACKET, "vb");
        b = opened(&config);
        run("ip -d link show va | grep -q 'promiscuity 1'");
        exchange(a, b, 1500);

        /* Its own frames do not come back. Too long for the netdev: over, and the others go on. */
        for (unsigned i = 0; i < 3; i++)
                frames[i] = make_frame(bytes[i], i == 1 ? 4000 : 100, 0, (uint8_t) i);
        assert_int_equal(port_ops.transmit(a, frames, 3), 3);
        assert_true(next_frame(b, &got));
        assert_memory_equal(got.bytes, bytes[0], 100);
        assert_true(next_frame(b, &got));
        assert_memory_equal(got.bytes, bytes[2], 100);
        assert_int_equal(port_ops.receive(a, &got, 1), 0);
        port_stats(a, &stats);
        assert_int_equal(stats.refused, 1);
        assert_int_equal(stats.transmitted, 8 + 2);

        run("ip link set va down");
        assert_int_equal(port_ops.transmit(a, frames, 1), 1);
        assert_int_equal(port_ops.receive(a, &got, 1), 0);
        run("ip link set va up");
        frames[0] = make_frame(bytes[0], 100, 0, 9);
        assert_int_equal(port_ops.transmit(a, frames, 1), 1);
        assert_true(next_frame(b, &got));
        run("ip link del va");
        assert_int_equal(port_ops.transmit(a, frames, 1), 1);
        port_ops.receive(a, &got, 1);
        assert_int_equal(port_ops.receive(a, &got, 1), 0);
        port_stats(a, &stats);
        assert_int_equal(stats.refused, 3);
        port_close(a);
        port_close(b);
}

/* The kernel leaves the checksum of what it sends to the NIC: a veth has nobody to do it. And what
 * the host sends by a netdev did not come in by it. */
static void checksums_are_finished(void **state)
{
        const struct frame_format format = {0};
        struct port_config config = netdev_config(PORT_PACKET, "vb");
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
        struct frame_head h;
        struct port_frame got;
        struct port *a, *b;
        int sock;

        (void) state;
        need_netdevs();
        run("ip link add va type veth peer name vb && ip link set va up && ip link set vb up && "
            "ip addr add 192.0.2.65/26 dev va && "
            "ip neigh add 192.0.2.66 lladdr 02:00:00:00:00:66 dev va nud permanent");
        b = opened(&config);
        config = netdev_config(PORT_PACKET, "va");
        a = opened(&config);
        sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        inet_pton(AF_INET, "192.0.2.66", &to.sin_addr);
        assert_int_equal(
                sendto(sock, "twenty-two bytes of it", 22, 0, (struct sockaddr *) &to, sizeof(to)),
                22);
        do
                assert_true(next_frame(b, &got));
        while (got.bytes[0] != 0x02);
        assert_int_equal(got.length, 14 + 20 + 8 + 22);
        frame_parse(got.bytes, got.length, &format, &h);
        assert_int_equal(
                frame_checksums(got.bytes, got.length, &h), FRAME_IP4 | FRAME_L4 | FRAME_UDP);
        assert_int_equal(port_ops.receive(a, &got, 1), 0);
        close(sock);
        port_close(a);
        port_close(b);
        run("ip link del va");
}

static void packet_refused(void **state)
{
        struct port_config config = netdev_config(PORT_PACKET, "none");

        (void) state;
        need_netdevs();
        expect_refused(&config, ENODEV, FAULT_NOT_FOUND, "netdev none as a port: no such netdev");
        config = netdev_config(PORT_PACKET, "lo");
        expect_refused(&config, EINVAL, FAULT_INVALID_ARGS, "no Ethernet netdev");
        config = netdev_config(PORT_PACKET, "a b");
        expect_refused(&config, EINVAL, FAULT_INVALID_ARGS, "expected a netdev's name");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(kinds),
                cmocka_unit_test(none),
                cmocka_unit_test(loopback),
                cmocka_unit_test(same_seed_same_frames),
                cmocka_unit_test(damage_is_counted),
                cmocka_unit_test(order_is_checked),
                cmocka_unit_test(tags_may_change),
                cmocka_unit_test(rate_and_count),
                cmocka_unit_test(generator_refused),
                cmocka_unit_test(tap),
                cmocka_unit_test(tap_with_ip6),
                cmocka_unit_test(tap_that_goes),
                cmocka_unit_test(tap_with_too_long_frames),
                cmocka_unit_test(tap_elsewhere),
                cmocka_unit_test(tap_refused),
                cmocka_unit_test(tap_addresses_refused),
                cmocka_unit_test(namespaces_refused),
                cmocka_unit_test(no_privilege),
                cmocka_unit_test(packet),
                cmocka_unit_test(checksums_are_finished),
                cmocka_unit_test(packet_refused),
        };

        return cmocka_run_group_tests(tests, own_namespaces, NULL);
}
