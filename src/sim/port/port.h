/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a simulated cable or a guest's interface leads to: nothing, a capture file, a Linux netdev
 * (tap), another netdev's packet socket, or a generator. The same kinds serve the wire of a NIC and
 * the guest's side of a function. Datapath thread; opened and closed by whoever holds the datapath.
 *
 * (A kind that is to come, a memif server per VF, fits here: an fd to wait on, receive, transmit.)
 */
#pragma once

#include "base/fault.h"
#include "sim/nic/nic.h"

enum port_kind {
        PORT_NONE,      /* nobody there: what arrives is counted and gone */
        PORT_LOOPBACK,  /* what is sent comes back: a wire with a mirror at its end */
        PORT_PCAP,      /* frames from a pcap or pcapng file, to a pcapng file */
        PORT_TAP,       /* a Linux netdev, in a network namespace if one is named */
        PORT_PACKET,    /* AF_PACKET on an existing netdev (an uplink) */
        PORT_GENERATOR, /* frames made from a seed; arriving ones are checked and counted */
        PORT_KIND_MAX
};
const char *port_kind_name(enum port_kind kind);

#define PORT_PATH_MAX 256

/* What a topology file says of it. */
struct port_config {
        enum port_kind kind;
        char in[PORT_PATH_MAX], out[PORT_PATH_MAX]; /* pcap files; "" none */
        bool original_times;  /* pcap: frames come at their recorded distances, else at once */
        char ifname[16];      /* tap, packet */
        char netns[64];       /* tap: name below /run/netns; "" this one */
        char address[48];     /* tap: an address with prefix length to give it, "" none */
        struct mac dst;       /* generator */
        uint32_t size;        /* generator: bytes without FCS, 60 to 9728 */
        uint32_t vlan;        /* generator: 0 untagged */
        uint64_t rate, count; /* generator: frames/s (0: as they go), how many (0: no end) */
        uint64_t seed;
};

struct port;

/* mac: of the interface, for tap (all zero: the kernel's choice) and generator; mtu: for tap, 0: as
 * it is. Faults name the file, the netdev or the namespace, and what to do. */
int port_open(const struct port_config *config, const struct mac *mac, uint32_t mtu,
        struct port **ret, struct fault *f);
void port_close(struct port *p);
DEFINE_CLEANUP(struct port *, port_close)

/* To wait for frames with; -1: none (poll it). */
int port_fd(const struct port *p);
/* When the next frame is due by the clock; UINT64_MAX: not by the clock. */
uint64_t port_next(const struct port *p, uint64_t now);
/* Every frame was given, and no more will come. */
bool port_finished(const struct port *p);
void port_set_link(struct port *p, bool up);
/* The time for generators and captures, before a round of receive and transmit. */
void port_set_time(struct port *p, uint64_t now);
/* receive(p, ...) and transmit(p, ...): also what nic_set_port wants. */
extern const struct port_ops port_ops;

struct port_stats {
        uint64_t received, transmitted; /* given by receive; taken by transmit, and gone on */
        uint64_t refused;               /* of transmit: did not go on, each time it was tried */
        uint64_t bad; /* generator: arrived damaged or out of order; tap, packet: arrived longer
                       * than a NIC takes, and were not given */
};
void port_stats(const struct port *p, struct port_stats *ret);

/* ---- capture files (pcapng) --------------------------------------------------------------------
 */

struct capture;
/* Interfaces get names ("wire", "vf3", "drop"); a frame may carry a comment (a drop reason).
 * -EINVAL: no such interface, or a text of more than 1024 bytes; -EMSGSIZE: more than FRAME_MAX.
 * Nobody waits for the reader of a pipe: frames that it leaves no room for are counted in the
 * file's statistics (isb_ifdrop), and are no error. What a write failed with comes again and again:
 * the file ends there. */
int capture_new(const char *path, struct capture **ret, struct fault *f);
int capture_interface(struct capture *c, const char *name, uint32_t *ret_id);
int capture_frame(struct capture *c, uint32_t interface, uint64_t time_ns, const uint8_t *bytes,
        uint32_t length, bool outbound, const char *comment);
int capture_flush(struct capture *c);
void capture_free(struct capture *c);
DEFINE_CLEANUP(struct capture *, capture_free)

/* Reads pcap (both byte orders, us and ns) and pcapng. A truncated or foreign file is refused by
 * name and offset. */
struct capture_reader;
int capture_open(const char *path, struct capture_reader **ret, struct fault *f);
/* 1: a frame, good until the next call; 0: the end; -EBADMSG and a fault: truncated or damaged. */
int capture_next(
        struct capture_reader *r, struct port_frame *ret, uint64_t *ret_time_ns, struct fault *f);
void capture_reader_free(struct capture_reader *r);
DEFINE_CLEANUP(struct capture_reader *, capture_reader_free)
