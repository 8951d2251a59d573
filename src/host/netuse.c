/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink's words on who uses a netdev or an RDMA device. Pure, any thread. */
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <rdma/rdma_netlink.h>
#include <stdio.h>

#include "host/netuse.h"

/* The attribute at *at, NULL at the end or when the rest is no attribute. */
static const struct nlattr *next_attr(
        const void *bytes, size_t n, size_t *at, const void **ret_data, size_t *ret_n)
{
        const struct nlattr *a = (const void *) ((const char *) bytes + *at);

        if (*at + NLA_HDRLEN > n || a->nla_len < NLA_HDRLEN || a->nla_len > n - *at)
                return NULL;
        *ret_data = (const char *) a + NLA_HDRLEN;
        *ret_n = a->nla_len - (size_t) NLA_HDRLEN;
        *at += (size_t) NLA_ALIGN(a->nla_len);
        return a;
}

static int type_of(const struct nlattr *a)
{
        return a->nla_type & NLA_TYPE_MASK;
}

static uint32_t number_of(const void *data, size_t n)
{
        uint32_t v = 0;

        if (n == sizeof(v))
                memcpy(&v, data, sizeof(v));
        return v;
}

static void text_of(const void *data, size_t n, char *buf, size_t size)
{
        size_t len = strnlen(data, n);

        if (len >= size)
                return;
        memcpy(buf, data, len);
        buf[len] = '\0';
        if (!utf8_valid(buf))
                buf[0] = '\0';
}

int netuse_link(const void *msg, size_t n, struct use_link *ret)
{
        size_t at = NLMSG_ALIGN(sizeof(struct ifinfomsg)), size;
        struct use_link link = {0};
        bool elsewhere = false;
        const struct nlattr *a;
        const void *data;

        if (n < at)
                return -EBADMSG;
        link.ifindex = ((const struct ifinfomsg *) msg)->ifi_index;
        while ((a = next_attr(msg, n, &at, &data, &size)))
                switch (type_of(a)) {
                case IFLA_IFNAME:
                        text_of(data, size, link.name, sizeof(link.name));
                        break;
                case IFLA_MASTER:
                        link.master = (int) number_of(data, size);
                        break;
                case IFLA_LINK:
                        link.lower = (int) number_of(data, size);
                        break;
                case IFLA_LINK_NETNSID: /* that index is another namespace's */
                        elsewhere = true;
                        break;
                }
        if (elsewhere || link.lower == link.ifindex)
                link.lower = 0;
        *ret = link;
        return 0;
}

static bool is_local(int family, const uint8_t *address)
{
        if (family == AF_INET)
                return (address[0] == 169 && address[1] == 254) || address[0] == 127;
        return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

int netuse_address(const void *msg, size_t n, struct use_address *ret)
{
        size_t at = NLMSG_ALIGN(sizeof(struct ifaddrmsg)), size, want;
        const struct ifaddrmsg *header = msg;
        char text[INET6_ADDRSTRLEN];
        const void *address = NULL;
        const struct nlattr *a;
        const void *data;

        if (n < at)
                return -EBADMSG;
        if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6)
                return 0;
        want = header->ifa_family == AF_INET ? 4 : 16;
        while ((a = next_attr(msg, n, &at, &data, &size)))
                if ((type_of(a) == IFA_LOCAL || (type_of(a) == IFA_ADDRESS && !address)) &&
                        size == want)
                        address = data; /* IFA_ADDRESS is the peer's on a point-to-point link */
        if (!address)
                return -EBADMSG;
        if (is_local(header->ifa_family, address) ||
                !inet_ntop(header->ifa_family, address, text, sizeof(text)))
                return 0;
        ret->ifindex = (int) header->ifa_index;
        snprintf(ret->text, sizeof(ret->text), "%s/%u", text, header->ifa_prefixlen);
        return 1;
}

static size_t add_next_hops(
        const void *data, size_t n, int *ret_ifindexes, size_t found, size_t max)
{
        size_t at = 0;

        while (at + sizeof(struct rtnexthop) <= n && found < max) {
                const struct rtnexthop *hop = (const void *) ((const char *) data + at);

                if (hop->rtnh_len < sizeof(*hop))
                        break;
                ret_ifindexes[found++] = hop->rtnh_ifindex;
                at += (size_t) RTNH_ALIGN(hop->rtnh_len);
        }
        return found;
}

int netuse_default_route(const void *msg, size_t n, int *ret_ifindexes, size_t max)
{
        size_t at = NLMSG_ALIGN(sizeof(struct rtmsg)), size, found = 0;
        const struct rtmsg *header = msg;
        const struct nlattr *a;
        const void *data;
        uint32_t table;

        if (n < at)
                return -EBADMSG;
        if (header->rtm_dst_len != 0 || header->rtm_type != RTN_UNICAST ||
                (header->rtm_flags & RTM_F_CLONED))
                return 0;
        table = header->rtm_table;
        while ((a = next_attr(msg, n, &at, &data, &size)))
                switch (type_of(a)) {
                case RTA_TABLE:
                        table = number_of(data, size);
                        break;
                case RTA_OIF:
                        if (found < max)
                                ret_ifindexes[found++] = (int) number_of(data, size);
                        break;
                case RTA_MULTIPATH:
                        found = add_next_hops(data, size, ret_ifindexes, found, max);
                        break;
                }
        return table == RT_TABLE_MAIN ? (int) found : 0;
}

int netuse_rdma_device(const void *msg, size_t n, const char *name, uint32_t *ret)
{
        char this[NAME_MAX_TEXT] = "";
        uint32_t index = UINT32_MAX;
        const struct nlattr *a;
        size_t at = 0, size;
        const void *data;

        while ((a = next_attr(msg, n, &at, &data, &size)))
                if (type_of(a) == RDMA_NLDEV_ATTR_DEV_INDEX)
                        index = number_of(data, size);
                else if (type_of(a) == RDMA_NLDEV_ATTR_DEV_NAME)
                        text_of(data, size, this, sizeof(this));
        if (!streq(this, name) || index == UINT32_MAX)
                return 0;
        *ret = index;
        return 1;
}

/* The kernel's own contexts have a name and no pid. */
static bool pid_of(const void *entry, size_t n, int32_t *ret)
{
        const struct nlattr *a;
        size_t at = 0, size;
        const void *data;

        while ((a = next_attr(entry, n, &at, &data, &size)))
                if (type_of(a) == RDMA_NLDEV_ATTR_RES_PID && size == sizeof(uint32_t)) {
                        *ret = (int32_t) number_of(data, size);
                        return true;
                }
        return false;
}

int netuse_rdma_contexts(const void *msg, size_t n, int32_t *ret_pids, size_t max)
{
        size_t at = 0, size, found = 0;
        const struct nlattr *a;
        const void *data;

        while ((a = next_attr(msg, n, &at, &data, &size))) {
                const void *entry;
                size_t inner = 0, entry_size;

                if (type_of(a) != RDMA_NLDEV_ATTR_RES_CTX)
                        continue;
                while ((a = next_attr(data, size, &inner, &entry, &entry_size)))
                        if (type_of(a) == RDMA_NLDEV_ATTR_RES_CTX_ENTRY && found < max &&
                                pid_of(entry, entry_size, &ret_pids[found]))
                                found++;
        }
        return (int) found;
}
