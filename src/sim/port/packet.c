/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet socket on an existing netdev (an uplink): all it receives comes in, and what is sent
 * goes out by it. The kernel takes a VLAN tag off before a packet socket sees the frame, and leaves
 * checksums to be filled in: both are put right here, so that the NIC gets what was on the wire.
 *
 * Datapath thread, never blocks.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "sim/port/port_private.h"

#define ETH_P_ALL    0x0003
#define TAG_LENGTH   4u
#define QUEUE_BYTES  (4 << 20) /* of the socket: frames that wait for a round */
#define CONTROL_SIZE CMSG_SPACE(sizeof(struct tpacket_auxdata))

struct packet_port {
        uint8_t *cells;
        struct mmsghdr msg[PORT_BURST];
        struct iovec iov[PORT_BURST];
        _Alignas(struct cmsghdr) uint8_t control[PORT_BURST][CONTROL_SIZE];
};

/* ---- in ----------------------------------------------------------------------------------------
 */

static void get_auxdata(struct msghdr *msg, struct tpacket_auxdata *ret)
{
        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
                if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
                        memcpy(ret, CMSG_DATA(c), sizeof(*ret));
}

/* The frame lies TAG_LENGTH behind its cell's beginning: its addresses make room. */
static void restore_tag(uint8_t *cell, const struct tpacket_auxdata *aux, struct port_frame *frame)
{
        const uint16_t tag[2] = {
                htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETH_VLAN),
                htons(aux->tp_vlan_tci)};

        memmove(cell, cell + TAG_LENGTH, 12);
        memcpy(cell + 12, tag, sizeof(tag));
        frame->bytes = cell;
        frame->length += TAG_LENGTH;
}

/* A sender of this host left that to a NIC that would do it. */
static void finish_checksum(struct port_frame *frame)
{
        static const struct frame_format format = {.service_tags = true};
        struct frame_head h;

        if (frame->length < FRAME_HEADER)
                return;
        frame_parse(frame->bytes, frame->length, &format, &h);
        frame_insert_checksums(frame->bytes, frame->length, &h, false, true);
}

static bool take(struct packet_port *s, uint32_t i, struct port_frame *ret)
{
        struct tpacket_auxdata aux = {0};
        uint8_t *cell = port_cell(s->cells, i);

        *ret = (struct port_frame){cell + TAG_LENGTH, s->msg[i].msg_len};
        get_auxdata(&s->msg[i].msg_hdr, &aux);
        if (aux.tp_status & TP_STATUS_VLAN_VALID)
                restore_tag(cell, &aux, ret);
        if (s->msg[i].msg_hdr.msg_flags & MSG_TRUNC || ret->length > FRAME_MAX)
                return false;
        if (aux.tp_status & TP_STATUS_CSUMNOTREADY)
                finish_checksum(ret);
        return true;
}

static uint32_t packet_receive(struct port *p, struct port_frame *frames, uint32_t n)
{
        struct packet_port *s = p->state;
        uint32_t got = 0;
        int r;

        for (uint32_t i = 0; i < n; i++) {
                s->iov[i] =
                        (struct iovec){port_cell(s->cells, i) + TAG_LENGTH, PORT_CELL - TAG_LENGTH};
                s->msg[i].msg_hdr = (struct msghdr){
                        .msg_iov = &s->iov[i],
                        .msg_iovlen = 1,
                        .msg_control = s->control[i],
                        .msg_controllen = CONTROL_SIZE,
                };
        }
        do
                r = recvmmsg(p->fd, s->msg, n, MSG_DONTWAIT, NULL);
        while (r < 0 && errno == EINTR);
        for (int i = 0; i < r; i++) {
                if (take(s, (uint32_t) i, &frames[got]))
                        got++;
                else
                        p->stats.bad++;
        }
        return got;
}

/* ---- out ---------------------------------------------------------------------------------------
 */

static uint32_t packet_transmit(struct port *p, const struct port_frame *frames, uint32_t n)
{
        struct packet_port *s = p->state;
        uint32_t done = 0;

        n = n < PORT_BURST ? n : PORT_BURST;
        for (uint32_t i = 0; i < n; i++) {
                s->iov[i] = (struct iovec){frames[i].bytes, frames[i].length};
                s->msg[i].msg_hdr = (struct msghdr){.msg_iov = &s->iov[i], .msg_iovlen = 1};
        }
        while (done < n) {
                int r = sendmmsg(p->fd, s->msg + done, n - done, MSG_DONTWAIT);

                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0 && (errno == EAGAIN || errno == ENOBUFS))
                        break;
                p->lost += r < 0; /* longer than its MTU, or it is down: this one is over */
                done += r < 0 ? 1 : (uint32_t) r;
        }
        return done;
}

/* ---- coming and going --------------------------------------------------------------------------
 */

static int refuse(const struct port *p, struct fault *f, const char *what, const char *advice)
{
        int error = errno;

        return fault_set(f, port_fault_code(error), error, "netdev %s as a port: %s: %s%s",
                p->config.ifname, what, strerror(error), advice);
}

static int find_netdev(const struct port *p, int *ret_index, struct fault *f)
{
        struct ifreq ifr = {0};

        memcpy(ifr.ifr_name, p->config.ifname, sizeof(ifr.ifr_name));
        if (ioctl(p->fd, SIOCGIFINDEX, &ifr) < 0)
                return refuse(p, f, "no such netdev here", "; `ip link` lists them");
        *ret_index = ifr.ifr_ifindex;
        if (ioctl(p->fd, SIOCGIFHWADDR, &ifr) < 0)
                return refuse(p, f, "its address", "");
        if (ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "netdev %s refused: it is no Ethernet netdev; expected one that is",
                        p->config.ifname);
        return 0;
}

static int set_options(const struct port *p, int index, struct fault *f)
{
        const struct packet_mreq promiscuous = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
        const int on = 1, bytes = QUEUE_BYTES;
        const struct {
                int level, name;
                const void *value;
                socklen_t size;
                const char *what; /* NULL: nice to have */
        } options[] = {
                {SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous),
                        "promiscuous mode"},
                {SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on), "without what it sends"},
                {SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on), "VLAN tags"},
                {SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on), NULL},
                {SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes), NULL},
                {SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes), NULL},
        };

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (setsockopt(p->fd, options[i].level, options[i].name, options[i].value,
                            options[i].size) < 0 &&
                        options[i].what)
                        return refuse(p, f, options[i].what, "");
        return 0;
}

static int packet_open(struct port *p, const struct mac *mac, uint32_t mtu, struct fault *f)
{
        struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
        struct packet_port *s;
        int r;

        (void) mac;
        (void) mtu;
        if (!ifname_valid(p->config.ifname))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "netdev '%s' refused; expected a netdev's name", p->config.ifname);
        p->state = s = calloc(1, sizeof(*s));
        if (s)
                s->cells = port_cells_new(PORT_BURST);
        if (!s || !s->cells)
                return port_no_memory(f);
        /* Protocol 0: nothing comes before the options are set. */
        p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (p->fd < 0)
                return refuse(p, f, "no packet socket",
                        errno == EPERM ? "; it takes root (CAP_NET_RAW)" : "");
        r = find_netdev(p, &address.sll_ifindex, f);
        if (r == 0)
                r = set_options(p, address.sll_ifindex, f);
        if (r == 0 && bind(p->fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                r = refuse(p, f, "can not be bound", "");
        return r;
}

static void packet_close(struct port *p)
{
        struct packet_port *s = p->state;

        if (s)
                free(s->cells);
        free(s);
}

const struct port_class port_class_packet = {
        .name = "packet",
        .open = packet_open,
        .close = packet_close,
        .receive = packet_receive,
        .transmit = packet_transmit,
};
