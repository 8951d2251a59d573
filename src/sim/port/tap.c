/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Linux netdev as a port: a tap, which looks to the host (or to a network namespace) like the
 * interface of the function it belongs to. A tap stays in the namespace it was made in wherever its
 * file descriptor is, so it is made by a short-lived thread that goes there.
 *
 * Opened and closed by whoever holds the datapath; else the datapath thread, which never blocks.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/log.h"
#include "sim/port/port_private.h"

#define TUN   "/dev/net/tun"
#define NETNS "/run/netns"

struct tap_port {
        uint8_t *cells;
        bool gone; /* somebody removed the netdev, or its namespace */
};

/* ---- making the netdev -------------------------------------------------------------------------
 */

struct making {
        struct port *p;
        const struct mac *mac;
        uint32_t mtu;
        int netns; /* -1: this one */
        int sock;  /* for ioctls and rtnetlink, in the netdev's namespace */
        int result;
        struct fault *f;
};

static int no_tun(struct fault *f, int error)
{
        const char *what = "";

        if (error == ENOENT || error == ENODEV || error == ENXIO)
                what = "; the kernel's module tun gives it (modprobe tun), and a container has to "
                       "be given the device";
        else if (error == EPERM || error == EACCES)
                what = "; it takes root (CAP_NET_ADMIN)";
        return fault_set(f, port_fault_code(error), error, "%s can not be opened: %s%s", TUN,
                strerror(error), what);
}

static int no_tap(struct fault *f, const char *name, int error)
{
        const char *why = strerror(error), *what = "";

        if (error == EBUSY) {
                why = "another process has this tap open";
                what = "; end it, or give another netdev";
        } else if (error == EINVAL) {
                why = "a netdev of this name is there and is no tap";
                what = "; give another netdev";
        } else if (error == EPERM) {
                what = "; it takes root (CAP_NET_ADMIN), or a tap made for this user by root (ip "
                       "tuntap add NAME mode tap user USER)";
        }
        return fault_set(f, error == EBUSY ? FAULT_IN_USE : port_fault_code(error), error,
                "tap %s can not be made: %s%s", name, why, what);
}

static int refuse_setting(const struct making *m, const char *what, const char *value)
{
        int error = errno;

        return fault_set(m->f, port_fault_code(error), error, "tap %s: %s %s refused: %s%s",
                m->p->config.ifname, what, value, strerror(error),
                error == EPERM ? "; it takes root (CAP_NET_ADMIN), or root sets it beforehand"
                               : "");
}

static int make_netdev(const struct making *m)
{
        struct port *p = m->p;
        struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};

        p->fd = open(TUN, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (p->fd < 0)
                return no_tun(m->f, errno);
        memcpy(ifr.ifr_name, p->config.ifname, sizeof(ifr.ifr_name));
        if (ioctl(p->fd, TUNSETIFF, &ifr) < 0)
                return no_tap(m->f, p->config.ifname, errno);
        return 0;
}

/* Settings that are as they shall be are left alone: for those root made for us we need no
 * privilege. */

static int set_mac(const struct making *m, struct ifreq *ifr)
{
        char text[MAC_STR_MAX];

        if (mac_is_zero(m->mac))
                return 0;
        if (ioctl(m->sock, SIOCGIFHWADDR, ifr) == 0 &&
                memcmp(ifr->ifr_hwaddr.sa_data, m->mac->b, sizeof(m->mac->b)) == 0)
                return 0;
        ifr->ifr_hwaddr.sa_family = ARPHRD_ETHER;
        memcpy(ifr->ifr_hwaddr.sa_data, m->mac->b, sizeof(m->mac->b));
        if (ioctl(m->sock, SIOCSIFHWADDR, ifr) == 0)
                return 0;
        format_mac(text, m->mac);
        return refuse_setting(m, "MAC address", text);
}

static int set_mtu(const struct making *m, struct ifreq *ifr)
{
        char text[16];

        if (m->mtu == 0 || (ioctl(m->sock, SIOCGIFMTU, ifr) == 0 && ifr->ifr_mtu == (int) m->mtu))
                return 0;
        ifr->ifr_mtu = (int) m->mtu;
        if (ioctl(m->sock, SIOCSIFMTU, ifr) == 0)
                return 0;
        snprintf(text, sizeof(text), "%u", m->mtu);
        return refuse_setting(m, "MTU", text);
}

static int set_up(const struct making *m, struct ifreq *ifr)
{
        if (ioctl(m->sock, SIOCGIFFLAGS, ifr) == 0 && ifr->ifr_flags & IFF_UP)
                return 0;
        ifr->ifr_flags |= IFF_UP;
        return ioctl(m->sock, SIOCSIFFLAGS, ifr) == 0 ? 0 : refuse_setting(m, "state", "up");
}

/* ADDRESS/PREFIX of either family. How many bytes; -EINVAL. */
static int parse_address(
        const char *text, uint8_t ret[static 16], uint8_t *ret_family, uint8_t *ret_prefix)
{
        char address[48];
        char *slash;
        uint32_t prefix;
        bool ip6;

        if (str_copy(address, sizeof(address), text) < 0)
                return -EINVAL;
        slash = strchr(address, '/');
        if (!slash)
                return -EINVAL;
        *slash = '\0';
        ip6 = strchr(address, ':');
        if (inet_pton(ip6 ? AF_INET6 : AF_INET, address, ret) != 1 ||
                parse_u32(slash + 1, 0, ip6 ? 128 : 32, &prefix) < 0)
                return -EINVAL;
        *ret_family = ip6 ? AF_INET6 : AF_INET;
        *ret_prefix = (uint8_t) prefix;
        return ip6 ? 16 : 4;
}

static void put_attribute(struct nlmsghdr *h, uint16_t type, const void *data, size_t n)
{
        struct rtattr *a = (struct rtattr *) ((uint8_t *) h + NLMSG_ALIGN(h->nlmsg_len));

        a->rta_type = type;
        a->rta_len = (uint16_t) RTA_LENGTH(n);
        memcpy(RTA_DATA(a), data, n);
        h->nlmsg_len = (uint32_t) (NLMSG_ALIGN(h->nlmsg_len) + RTA_ALIGN(a->rta_len));
}

/* Sends a request; the kernel's answer as an errno. */
static int ask_kernel(int sock, struct nlmsghdr *h)
{
        struct {
                struct nlmsghdr header;
                struct nlmsgerr error;
                uint8_t rest[512];
        } answer = {0};
        ssize_t n;

        h->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
        if (send(sock, h, h->nlmsg_len, 0) < 0)
                return errno;
        n = recv(sock, &answer, sizeof(answer), 0);
        if (n < 0)
                return errno;
        if ((size_t) n < sizeof(answer.header) + sizeof(answer.error) ||
                answer.header.nlmsg_type != NLMSG_ERROR)
                return EPROTO;
        return -answer.error.error;
}

static int set_address(const struct making *m, struct ifreq *ifr)
{
        struct {
                struct nlmsghdr header;
                struct ifaddrmsg address;
                uint8_t attributes[64];
        } msg = {
                .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(msg.address)),
                        .nlmsg_type = RTM_NEWADDR,
                        .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL},
                .address.ifa_flags = IFA_F_NODAD, /* at once, not after a second */
        };
        const char *text = m->p->config.address;
        uint8_t bytes[16];
        int n;

        if (text[0] == '\0')
                return 0;
        n = parse_address(text, bytes, &msg.address.ifa_family, &msg.address.ifa_prefixlen);
        if (n < 0)
                return fault_set(m->f, FAULT_INVALID_ARGS, 0,
                        "tap %s: address %s refused; expected one such as 192.0.2.1/24 or "
                        "2001:db8::1/64",
                        m->p->config.ifname, text);
        if (ioctl(m->sock, SIOCGIFINDEX, ifr) < 0)
                return refuse_setting(m, "address", text);
        msg.address.ifa_index = (uint32_t) ifr->ifr_ifindex;
        put_attribute(&msg.header, IFA_LOCAL, bytes, (size_t) n);
        put_attribute(&msg.header, IFA_ADDRESS, bytes, (size_t) n);
        errno = ask_kernel(m->sock, &msg.header);
        return errno == 0 || errno == EEXIST ? 0 : refuse_setting(m, "address", text);
}

static int make_and_set(struct making *m)
{
        static int (*const settings[])(const struct making *m, struct ifreq *ifr) = {
                set_mac, set_mtu, set_address, set_up};
        struct ifreq ifr = {0};
        int r;

        r = make_netdev(m);
        if (r < 0)
                return r;
        _cleanup_(closep) int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

        if (sock < 0)
                return refuse_setting(m, "netlink", "socket");
        m->sock = sock;
        for (size_t i = 0; i < ELEMENTSOF(settings) && r == 0; i++) {
                memcpy(ifr.ifr_name, m->p->config.ifname, sizeof(ifr.ifr_name));
                r = settings[i](m, &ifr);
        }
        return r;
}

/* The whole life of the thread that goes to the namespace. */
static void *in_namespace(void *making)
{
        struct making *m = making;
        const char *name = m->p->config.netns;

        if (setns(m->netns, CLONE_NEWNET) < 0)
                m->result = fault_set(m->f, port_fault_code(errno), errno,
                        "network namespace %s can not be entered: %s%s", name, strerror(errno),
                        errno == EPERM ? "; it takes root (CAP_SYS_ADMIN)" : "");
        else
                m->result = make_and_set(m);
        return NULL;
}

static int make_there(struct making *m)
{
        const char *name = m->p->config.netns;
        char path[sizeof(NETNS) + sizeof(m->p->config.netns) + 1];
        _cleanup_(closep) int fd = -1;
        pthread_t thread;
        int r;

        if (strchr(name, '/') || streq(name, ".") || streq(name, ".."))
                return fault_set(m->f, FAULT_INVALID_ARGS, 0,
                        "network namespace %s refused; expected a name below %s", name, NETNS);
        snprintf(path, sizeof(path), "%s/%s", NETNS, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return fault_set(m->f, port_fault_code(errno), errno,
                        "network namespace %s can not be opened: %s%s%s", name, strerror(errno),
                        errno == ENOENT ? "; make it first: ip netns add " : "",
                        errno == ENOENT ? name : "");
        m->netns = fd;
        r = pthread_create(&thread, NULL, in_namespace, m);
        if (r > 0)
                return fault_set(m->f, FAULT_NO_RESOURCES, r,
                        "no thread for network namespace %s: %s", name, strerror(r));
        pthread_join(thread, NULL);
        return m->result;
}

/* ---- the port ----------------------------------------------------------------------------------
 */

static int tap_open(struct port *p, const struct mac *mac, uint32_t mtu, struct fault *f)
{
        struct making m = {.p = p, .mac = mac, .mtu = mtu, .netns = -1, .sock = -1, .f = f};
        struct tap_port *s;

        if (!ifname_valid(p->config.ifname) || strchr(p->config.ifname, '%'))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "tap '%s' refused; expected a netdev's name: 1 to 15 bytes without blanks, "
                        "slashes and %%",
                        p->config.ifname);
        p->state = s = calloc(1, sizeof(*s));
        if (s)
                s->cells = port_cells_new(PORT_BURST);
        if (!s || !s->cells)
                return port_no_memory(f);
        return p->config.netns[0] ? make_there(&m) : make_and_set(&m);
}

static void tap_close(struct port *p)
{
        struct tap_port *s = p->state;

        if (s)
                free(s->cells);
        free(s);
}

/*
 * The netdev is no more, which its fd would tell again and again to whoever waits for it. An fd
 * that tells nothing takes its place, and with the last descriptor epoll forgets the tap.
 */
static void is_gone(struct port *p)
{
        struct tap_port *s = p->state;
        _cleanup_(closep) int quiet = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        if (quiet >= 0)
                dup3(quiet, p->fd, O_CLOEXEC);
        s->gone = true;
        log_warning(
                "tap %s is gone: somebody removed it, or its network namespace", p->config.ifname);
}

static uint32_t tap_receive(struct port *p, struct port_frame *frames, uint32_t n)
{
        struct tap_port *s = p->state;
        uint32_t got = 0;

        while (got < n && !s->gone) {
                uint8_t *cell = port_cell(s->cells, got);
                ssize_t r = read(p->fd, cell, PORT_CELL);

                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0 && errno == EBADFD)
                        is_gone(p);
                if (r < 0)
                        break;
                if (r > FRAME_MAX)
                        p->stats.bad++;
                else
                        frames[got++] = (struct port_frame){cell, (uint32_t) r};
        }
        return got;
}

static uint32_t tap_transmit(struct port *p, const struct port_frame *frames, uint32_t n)
{
        struct tap_port *s = p->state;
        uint32_t i = 0;

        while (i < n && !s->gone) {
                ssize_t r = write(p->fd, frames[i].bytes, frames[i].length);

                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0 && (errno == EAGAIN || errno == ENOBUFS))
                        return i;
                if (r < 0 && errno == EBADFD)
                        is_gone(p);
                p->lost += r < 0; /* the netdev is down, or it is no frame for it */
                i++;
        }
        p->lost += n - i;
        return n;
}

static bool tap_finished(const struct port *p)
{
        const struct tap_port *s = p->state;

        return s->gone;
}

static void tap_set_link(struct port *p, bool up)
{
        const struct tap_port *s = p->state;
        int carrier = up;

        if (!s->gone && ioctl(p->fd, TUNSETCARRIER, &carrier) < 0)
                log_debug("tap %s: carrier: %s", p->config.ifname, strerror(errno));
}

const struct port_class port_class_tap = {
        .name = "tap",
        .open = tap_open,
        .close = tap_close,
        .receive = tap_receive,
        .transmit = tap_transmit,
        .finished = tap_finished,
        .set_link = tap_set_link,
};
