/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What port.c and the kinds of ports share. Datapath thread. */
#pragma once

#include "sim/port/port.h"

#define PORT_BURST NIC_BURST
/* Where one frame is kept: the longest, and a byte more to see that one was longer. */
#define PORT_CELL (FRAME_MAX + 64u)

/* One kind. What is NULL has nothing to do, or the answer of an ordinary port (port.c). */
struct port_class {
        const char *name;
        /* Fills p->state and p->fd. What it leaves behind when it fails is closed by close. */
        int (*open)(struct port *p, const struct mac *mac, uint32_t mtu, struct fault *f);
        void (*close)(struct port *p); /* also with p->state NULL */
        uint32_t (*receive)(struct port *p, struct port_frame *frames, uint32_t n);
        /* How many it is done with: those that went on, and those that can never (p->lost). */
        uint32_t (*transmit)(struct port *p, const struct port_frame *frames, uint32_t n);
        uint64_t (*next)(const struct port *p, uint64_t now);
        bool (*finished)(const struct port *p);
        void (*set_link)(struct port *p, bool up);
        void (*set_time)(struct port *p);
};

struct port {
        const struct port_class *class;
        struct port_config config;
        int fd; /* -1: none */
        uint64_t now;
        uint64_t lost; /* frames that transmit is done with and that did not go on */
        struct port_stats stats;
        void *state; /* the kind's own */
};

extern const struct port_class port_class_pcap, port_class_tap, port_class_packet,
        port_class_generator;

/* A burst's cells, or NULL. Not touched: not resident. */
uint8_t *port_cells_new(uint32_t n);
static inline uint8_t *port_cell(uint8_t *cells, uint32_t i)
{
        return cells + (size_t) i * PORT_CELL;
}

int port_no_memory(struct fault *f);
/* Of files, netdevs and privileges: more than fault_code_of_errno() can know. */
enum fault_code port_fault_code(int error);
