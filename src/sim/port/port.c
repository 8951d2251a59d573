/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of kinds, and the two that need nothing: none and loopback. Datapath thread. */
#include "sim/port/port_private.h"

#define LOOPBACK_FRAMES 256u

uint8_t *port_cells_new(uint32_t n)
{
        return malloc((size_t) n * PORT_CELL);
}

int port_no_memory(struct fault *f)
{
        return fault_set(f, FAULT_NO_RESOURCES, ENOMEM, "out of memory for a port");
}

enum fault_code port_fault_code(int error)
{
        if (error == ENOENT || error == ENODEV)
                return FAULT_NOT_FOUND;
        return error == EPERM || error == EACCES ? FAULT_NOT_AUTHORIZED
                                                 : fault_code_of_errno(error);
}

/* ---- none --------------------------------------------------------------------------------------
 */

static bool always(const struct port *p)
{
        (void) p;
        return true;
}

static uint32_t swallow(struct port *p, const struct port_frame *frames, uint32_t n)
{
        (void) p;
        (void) frames;
        return n;
}

static const struct port_class class_none = {
        .name = "none",
        .transmit = swallow,
        .finished = always,
};

/* ---- loopback ----------------------------------------------------------------------------------
 */

/* A ring: given to given_end was handed out and is looked at; up to sent_end waits. */
struct loopback {
        uint8_t *cells;
        uint32_t given, given_end, sent_end; /* free running */
        uint32_t length[LOOPBACK_FRAMES];
};

static int loopback_open(struct port *p, const struct mac *mac, uint32_t mtu, struct fault *f)
{
        struct loopback *l = calloc(1, sizeof(*l));

        (void) mac;
        (void) mtu;
        p->state = l;
        if (l)
                l->cells = port_cells_new(LOOPBACK_FRAMES);
        return l && l->cells ? 0 : port_no_memory(f);
}

static void loopback_close(struct port *p)
{
        struct loopback *l = p->state;

        if (l)
                free(l->cells);
        free(l);
}

static uint32_t loopback_receive(struct port *p, struct port_frame *frames, uint32_t n)
{
        struct loopback *l = p->state;
        uint32_t i;

        l->given = l->given_end;
        for (i = 0; i < n && l->given_end != l->sent_end; i++) {
                uint32_t cell = l->given_end++ % LOOPBACK_FRAMES;

                frames[i] = (struct port_frame){port_cell(l->cells, cell), l->length[cell]};
        }
        return i;
}

static uint32_t loopback_transmit(struct port *p, const struct port_frame *frames, uint32_t n)
{
        struct loopback *l = p->state;
        uint32_t i;

        for (i = 0; i < n && l->sent_end - l->given < LOOPBACK_FRAMES; i++) {
                uint32_t cell = l->sent_end % LOOPBACK_FRAMES;

                if (frames[i].length > FRAME_MAX) {
                        p->lost++;
                        continue;
                }
                memcpy(port_cell(l->cells, cell), frames[i].bytes, frames[i].length);
                l->length[cell] = frames[i].length;
                l->sent_end++;
        }
        return i;
}

static uint64_t loopback_next(const struct port *p, uint64_t now)
{
        const struct loopback *l = p->state;

        return l->given_end != l->sent_end ? now : UINT64_MAX;
}

static const struct port_class class_loopback = {
        .name = "loopback",
        .open = loopback_open,
        .close = loopback_close,
        .receive = loopback_receive,
        .transmit = loopback_transmit,
        .next = loopback_next,
};

/* ---- all of them -------------------------------------------------------------------------------
 */

static const struct port_class *const classes[] = {
        [PORT_NONE] = &class_none,
        [PORT_LOOPBACK] = &class_loopback,
        [PORT_PCAP] = &port_class_pcap,
        [PORT_TAP] = &port_class_tap,
        [PORT_PACKET] = &port_class_packet,
        [PORT_GENERATOR] = &port_class_generator,
};

_Static_assert(ELEMENTSOF(classes) == PORT_KIND_MAX, "a class for each kind");

const char *port_kind_name(enum port_kind kind)
{
        return classes[kind]->name;
}

int port_open(const struct port_config *config, const struct mac *mac, uint32_t mtu,
        struct port **ret, struct fault *f)
{
        _cleanup_(port_closep) struct port *p = NULL;
        int r;

        if ((unsigned) config->kind >= PORT_KIND_MAX)
                return fault_set(
                        f, FAULT_INVALID_ARGS, 0, "no such kind of port: %u", config->kind);
        p = calloc(1, sizeof(*p));
        if (!p)
                return port_no_memory(f);
        p->class = classes[config->kind];
        p->config = *config;
        p->fd = -1;
        r = p->class->open ? p->class->open(p, mac, mtu, f) : 0;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

void port_close(struct port *p)
{
        if (!p)
                return;
        if (p->class->close)
                p->class->close(p);
        closep(&p->fd);
        free(p);
}

int port_fd(const struct port *p)
{
        return p->fd;
}

uint64_t port_next(const struct port *p, uint64_t now)
{
        return p->class->next ? p->class->next(p, now) : UINT64_MAX;
}

bool port_finished(const struct port *p)
{
        return p->class->finished && p->class->finished(p);
}

void port_set_link(struct port *p, bool up)
{
        if (p->class->set_link)
                p->class->set_link(p, up);
}

void port_set_time(struct port *p, uint64_t now)
{
        p->now = now;
        if (p->class->set_time)
                p->class->set_time(p);
}

void port_stats(const struct port *p, struct port_stats *ret)
{
        *ret = p->stats;
}

static uint32_t receive(void *port, struct port_frame *frames, uint32_t n)
{
        struct port *p = port;

        if (!p->class->receive)
                return 0;
        n = p->class->receive(p, frames, n < PORT_BURST ? n : PORT_BURST);
        p->stats.received += n;
        return n;
}

static uint32_t transmit(void *port, const struct port_frame *frames, uint32_t n)
{
        struct port *p = port;
        uint64_t lost = p->lost;
        uint32_t done = p->class->transmit(p, frames, n);

        lost = p->lost - lost;
        p->stats.transmitted += done - lost;
        p->stats.refused += n - done + lost;
        return done;
}

const struct port_ops port_ops = {receive, transmit};
