/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnetlink requests on a socket of libnl's. Worker threads. */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "host/rtnl.h"

#define REPLY_SECONDS 5

struct rtnl {
        struct nl_sock *sock;
};

DEFINE_CLEANUP(struct nl_msg *, nlmsg_free)

void rtnl_close(struct rtnl *rtnl)
{
        if (rtnl)
                nl_socket_free(rtnl->sock);
        free(rtnl);
}

static int open_protocol(int protocol, struct rtnl **ret)
{
        const struct timeval timeout = {.tv_sec = REPLY_SECONDS};
        _cleanup_(rtnl_closep) struct rtnl *rtnl = NULL;
        const int on = 1;
        int fd;

        rtnl = calloc(1, sizeof(*rtnl));
        if (!rtnl)
                return -ENOMEM;
        rtnl->sock = nl_socket_alloc();
        if (!rtnl->sock)
                return -ENOMEM;
        errno = 0;
        if (nl_connect(rtnl->sock, protocol) < 0)
                return errno > 0 ? -errno : -EIO;
        fd = nl_socket_get_fd(rtnl->sock);
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)); /* only for better texts */
        *ret = TAKE_PTR(rtnl);
        return 0;
}

int rtnl_open(struct rtnl **ret)
{
        return open_protocol(NETLINK_ROUTE, ret);
}

void retry_sleep(unsigned try)
{
        uint64_t ns = (50000000ull << (try - 1)) / 2;
        struct timespec ts;

        ns += now_usec() * 7919 % ns;
        ns += ns / 4;
        ts = (struct timespec){.tv_sec = (time_t) (ns / 1000000000), .tv_nsec = ns % 1000000000};
        while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
                ;
}

/* The kernel's words in an error message with NLM_F_ACK_TLVS. */
static void take_why(const struct nlmsghdr *h, const struct nlmsgerr *e, char *why)
{
        size_t at = sizeof(*e), n = h->nlmsg_len - NLMSG_HDRLEN;

        if (!why || !(h->nlmsg_flags & NLM_F_ACK_TLVS))
                return;
        if (!(h->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > NLMSG_HDRLEN)
                at += NLMSG_ALIGN(e->msg.nlmsg_len - NLMSG_HDRLEN);
        while (at + NLA_HDRLEN <= n) {
                const struct nlattr *a = (const void *) ((const char *) e + at);

                if (a->nla_len < NLA_HDRLEN || a->nla_len > n - at)
                        return;
                if ((a->nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG) {
                        snprintf(why, RTNL_WHY_MAX, "%.*s", a->nla_len - NLA_HDRLEN,
                                (const char *) a + NLA_HDRLEN);
                        return;
                }
                at += NLA_ALIGN(a->nla_len);
        }
}

static int error_of(const struct nlmsghdr *h, char *why)
{
        const struct nlmsgerr *e = NLMSG_DATA(h);

        if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) || e->error > 0)
                return -EBADMSG;
        take_why(h, e, why);
        return e->error;
}

typedef int (*reply_fn)(const void *payload, size_t n, void *userdata);

/*
 * Looks for the answer to seq in what one receive brought: 1 when there is none, else its result.
 * Answers to what nobody asked (a late one, another's) are passed over.
 */
static int find_reply(struct rtnl *rtnl, uint32_t seq, const void *buf, int n, reply_fn fn,
        void *userdata, char *why)
{
        const struct nlmsghdr *h = buf;

        for (; nlmsg_ok(h, n); h = nlmsg_next((struct nlmsghdr *) h, &n)) {
                if (h->nlmsg_seq != seq || h->nlmsg_pid != nl_socket_get_local_port(rtnl->sock))
                        continue;
                if (h->nlmsg_type == NLMSG_ERROR)
                        return error_of(h, why);
                if (h->nlmsg_type == RTM_NEWLINK && fn)
                        return fn(NLMSG_DATA(h), h->nlmsg_len - NLMSG_HDRLEN, userdata);
        }
        return 1;
}

/* One request and its answer: the acknowledgement, or with fn the RTM_NEWLINK. */
static int transact(struct rtnl *rtnl, struct nl_msg *msg, reply_fn fn, void *userdata, char *why)
{
        uint64_t until = now_usec() + REPLY_SECONDS * 1000000ull;
        uint32_t seq;
        int r;

        errno = 0;
        r = nl_send_auto(rtnl->sock, msg);
        if (r < 0)
                return errno > 0 ? -errno : -EIO;
        seq = nlmsg_hdr(msg)->nlmsg_seq;
        do {
                _cleanup_(freep) unsigned char *buf = NULL;
                struct sockaddr_nl from = {0};
                int n;

                errno = 0;
                n = nl_recv(rtnl->sock, &from, &buf, NULL); /* peeks: as large as it must be */
                if (n == 0 || n == -NLE_AGAIN)
                        break;
                if (n < 0)
                        return errno > 0 ? -errno : -EIO;
                if (from.nl_pid != 0) /* not from the kernel */
                        continue;
                r = find_reply(rtnl, seq, buf, n, fn, userdata, why);
                if (r <= 0)
                        return r;
        } while (now_usec() < until);
        return -ETIMEDOUT;
}

static int new_request(
        uint16_t type, int flags, const struct ifinfomsg *header, struct nl_msg **ret)
{
        _cleanup_(nlmsg_freep) struct nl_msg *msg = NULL;

        msg = nlmsg_alloc_simple(type, flags);
        if (!msg || nlmsg_append(msg, (void *) header, sizeof(*header), NLMSG_ALIGNTO) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(msg);
        return 0;
}

static int get(struct rtnl *rtnl, int ifindex, uint32_t mask, reply_fn fn, void *userdata)
{
        const struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex};
        _cleanup_(nlmsg_freep) struct nl_msg *msg = NULL;
        int r;

        if (ifindex <= 0)
                return -ENODEV;
        r = new_request(RTM_GETLINK, NLM_F_REQUEST, &header, &msg);
        if (r < 0)
                return r;
        if (nla_put_u32(msg, IFLA_EXT_MASK, mask) < 0)
                return -ENOMEM;
        return transact(rtnl, msg, fn, userdata, NULL);
}

static int on_link(const void *payload, size_t n, void *userdata)
{
        return vfmsg_decode_link(payload, n, userdata);
}

static int on_vfs(const void *payload, size_t n, void *userdata)
{
        return vfmsg_decode_vfs(payload, n, userdata);
}

/* ---- dumps -------------------------------------------------------------------------------------
 */

#define DUMP_TRIES 4

/* The messages of one receive: 1 when more come, else the end's result. */
static int take_dump(
        struct rtnl *rtnl, uint32_t seq, const void *buf, int n, rtnl_dump_fn fn, void *userdata)
{
        const struct nlmsghdr *h = buf;
        int r;

        for (; nlmsg_ok(h, n); h = nlmsg_next((struct nlmsghdr *) h, &n)) {
                if (h->nlmsg_seq != seq || h->nlmsg_pid != nl_socket_get_local_port(rtnl->sock))
                        continue;
                if (h->nlmsg_flags & NLM_F_DUMP_INTR)
                        return -EAGAIN;
                if (h->nlmsg_type == NLMSG_ERROR)
                        return error_of(h, NULL);
                if (h->nlmsg_type == NLMSG_DONE)
                        return h->nlmsg_len >= NLMSG_LENGTH(sizeof(int))
                                       ? *(const int *) NLMSG_DATA(h)
                                       : 0;
                r = fn(NLMSG_DATA(h), h->nlmsg_len - NLMSG_HDRLEN, userdata);
                if (r < 0)
                        return r;
        }
        return 1;
}

static int dump_once(int protocol, uint16_t type, const void *request, size_t size, rtnl_dump_fn fn,
        void *userdata)
{
        _cleanup_(rtnl_closep) struct rtnl *rtnl = NULL;
        _cleanup_(nlmsg_freep) struct nl_msg *msg = NULL;
        const int on = 1;
        int r;

        r = open_protocol(protocol, &rtnl);
        if (r < 0)
                return r;
        setsockopt(nl_socket_get_fd(rtnl->sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on,
                sizeof(on)); /* or routes of every table come, and are passed over */
        msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);
        if (!msg || (size > 0 && nlmsg_append(msg, (void *) request, size, NLMSG_ALIGNTO) < 0))
                return -ENOMEM;
        errno = 0;
        if (nl_send_auto(rtnl->sock, msg) < 0)
                return errno > 0 ? -errno : -EIO;
        do {
                _cleanup_(freep) unsigned char *buf = NULL;
                struct sockaddr_nl from = {0};
                int n;

                errno = 0;
                n = nl_recv(rtnl->sock, &from, &buf, NULL);
                if (n == 0 || n == -NLE_AGAIN)
                        return -ETIMEDOUT;
                if (n < 0)
                        return errno > 0 ? -errno : -EIO;
                r = from.nl_pid != 0
                            ? 1
                            : take_dump(rtnl, nlmsg_hdr(msg)->nlmsg_seq, buf, n, fn, userdata);
        } while (r == 1);
        return r;
}

int rtnl_dump(int protocol, uint16_t type, const void *request, size_t size, rtnl_dump_fn fn,
        void *userdata)
{
        int r = -EAGAIN;

        for (unsigned try = 0; r == -EAGAIN && try < DUMP_TRIES; try++)
                r = dump_once(protocol, type, request, size, fn, userdata);
        return r;
}

/* ---- one netdev --------------------------------------------------------------------------------
 */

int rtnl_get_link(struct rtnl *rtnl, int ifindex, struct link_reading *ret)
{
        return get(rtnl, ifindex, RTEXT_FILTER_SKIP_STATS, on_link, ret);
}

int rtnl_get_vfs(struct rtnl *rtnl, int ifindex, bool stats, struct vf_readings *ret)
{
        return get(rtnl, ifindex, RTEXT_FILTER_VF | (stats ? 0 : RTEXT_FILTER_SKIP_STATS), on_vfs,
                ret);
}

/* RTM_SETLINK with one attribute (bytes of a whole one) or none. */
static int set(struct rtnl *rtnl, const struct ifinfomsg *header, const void *attr, size_t n,
        char why[static RTNL_WHY_MAX])
{
        _cleanup_(nlmsg_freep) struct nl_msg *msg = NULL;
        int r;

        why[0] = '\0';
        if (header->ifi_index <= 0)
                return -ENODEV;
        r = new_request(RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, header, &msg);
        if (r < 0)
                return r;
        if (n > 0 && nlmsg_append(msg, (void *) attr, n, NLMSG_ALIGNTO) < 0)
                return -ENOMEM;
        return transact(rtnl, msg, NULL, NULL, why);
}

int rtnl_set_vf(struct rtnl *rtnl, int ifindex, uint32_t vf, enum vf_setting setting,
        const struct vf_attrs *attrs, char why[static RTNL_WHY_MAX])
{
        const struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex};
        uint8_t buf[VFMSG_ENCODED_MAX];
        size_t n;
        int r;

        why[0] = '\0';
        r = vfmsg_encode(vf, setting, attrs, buf, &n);
        if (r < 0)
                return r;
        for (unsigned try = 1;; try++) {
                r = set(rtnl, &header, buf, n, why);
                if ((r != -EAGAIN && r != -EBUSY) || try == RETRY_TRIES)
                        return r;
                retry_sleep(try);
        }
}

int rtnl_set_mtu(struct rtnl *rtnl, int ifindex, uint32_t mtu, char why[static RTNL_WHY_MAX])
{
        const struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex};
        const struct {
                struct nlattr header;
                uint32_t mtu;
        } attr = {{.nla_len = sizeof(attr), .nla_type = IFLA_MTU}, mtu};

        return set(rtnl, &header, &attr, sizeof(attr), why);
}

int rtnl_set_up(struct rtnl *rtnl, int ifindex, char why[static RTNL_WHY_MAX])
{
        const struct ifinfomsg header = {.ifi_family = AF_UNSPEC,
                .ifi_index = ifindex,
                .ifi_flags = IFF_UP,
                .ifi_change = IFF_UP};

        return set(rtnl, &header, NULL, 0, why);
}
