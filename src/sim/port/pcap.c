/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capture files as a port: frames from one, at once or at their recorded distances, to another.
 * Datapath thread; waits for nothing but the disk.
 */
#include <sys/stat.h>

#include "base/log.h"
#include "sim/port/port_private.h"

struct pcap_port {
        struct capture_reader *in;
        uint8_t *cells;
        struct port_frame ahead; /* the next one, if has_ahead */
        bool has_ahead, started;
        uint64_t recorded, due; /* when: in the file, and here */
        struct capture *out;
        uint32_t interface;
        bool wrote; /* since the last round */
};

/* The next frame becomes the one ahead, due as much later as it is in the file. */
static int look_ahead(struct pcap_port *s, struct fault *f)
{
        uint64_t time;
        int r = capture_next(s->in, &s->ahead, &time, f);

        s->has_ahead = r > 0;
        if (r <= 0)
                return r;
        if (time > s->recorded && __builtin_add_overflow(s->due, time - s->recorded, &s->due))
                s->due = UINT64_MAX;
        s->recorded = time;
        return 0;
}

static bool pcap_finished(const struct port *p)
{
        const struct pcap_port *s = p->state;

        return !s->has_ahead;
}

static uint32_t pcap_receive(struct port *p, struct port_frame *frames, uint32_t n)
{
        struct pcap_port *s = p->state;
        struct fault f = FAULT_NULL;
        uint32_t i;

        if (!s->started)
                s->due = p->now;
        s->started = true;
        for (i = 0; i < n && s->has_ahead; i++) {
                if (p->config.original_times && s->due > p->now)
                        break;
                frames[i] = (struct port_frame){port_cell(s->cells, i), s->ahead.length};
                memcpy(frames[i].bytes, s->ahead.bytes, s->ahead.length);
                if (look_ahead(s, &f) < 0)
                        log_error("%s", f.text); /* it was whole when the port was opened */
        }
        return i;
}

static uint32_t pcap_transmit(struct port *p, const struct port_frame *frames, uint32_t n)
{
        struct pcap_port *s = p->state;

        for (uint32_t i = 0; i < n && s->out; i++)
                p->lost += capture_frame(s->out, s->interface, p->now, frames[i].bytes,
                                   frames[i].length, false, NULL) < 0;
        if (!s->out && p->config.out[0])
                p->lost += n;
        s->wrote = true;
        return n;
}

static uint64_t pcap_next(const struct port *p, uint64_t now)
{
        const struct pcap_port *s = p->state;

        if (!s->has_ahead)
                return UINT64_MAX;
        return s->started && p->config.original_times && s->due > now ? s->due : now;
}

/* After a round without frames the file has all there are. */
static void pcap_set_time(struct port *p)
{
        struct pcap_port *s = p->state;
        int r;

        if (!s->out)
                return;
        r = s->wrote ? 0 : capture_flush(s->out);
        s->wrote = false;
        if (r < 0) {
                log_error("capture file %s: %s; it ends here", p->config.out, strerror(-r));
                capture_free(TAKE_PTR(s->out));
        }
}

/* ---- coming and going --------------------------------------------------------------------------
 */

/* All of it is looked at once, so that a damaged file is refused now and not in the middle. */
static int check_file(const char *path, struct fault *f)
{
        _cleanup_(capture_reader_freep) struct capture_reader *in = NULL;
        struct port_frame frame;
        uint64_t time;
        int r;

        r = capture_open(path, &in, f);
        while (r >= 0) {
                r = capture_next(in, &frame, &time, f);
                if (r == 0)
                        return 0;
        }
        return r;
}

static int open_in(struct port *p, struct pcap_port *s, struct fault *f)
{
        int r;

        s->cells = port_cells_new(PORT_BURST);
        if (!s->cells)
                return port_no_memory(f);
        r = check_file(p->config.in, f);
        if (r >= 0)
                r = capture_open(p->config.in, &s->in, f);
        return r < 0 ? r : look_ahead(s, f);
}

static int open_out(struct port *p, struct pcap_port *s, struct fault *f)
{
        const struct port_config *c = &p->config;
        struct stat in, out;
        int r;

        if (c->in[0] && stat(c->in, &in) == 0 && stat(c->out, &out) == 0 &&
                in.st_dev == out.st_dev && in.st_ino == out.st_ino)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "capture file %s refused: it is read from (in) and would be overwritten",
                        c->out);
        r = capture_new(c->out, &s->out, f);
        if (r < 0)
                return r;
        r = capture_interface(s->out, "wire", &s->interface);
        if (r == 0)
                r = capture_flush(s->out);
        return r == 0 ? 0
                      : fault_set(f, port_fault_code(-r), -r,
                                "capture file %s can not be written: %s", c->out, strerror(-r));
}

static int pcap_open(struct port *p, const struct mac *mac, uint32_t mtu, struct fault *f)
{
        struct pcap_port *s = calloc(1, sizeof(*s));
        int r = 0;

        (void) mac;
        (void) mtu;
        p->state = s;
        if (!s)
                return port_no_memory(f);
        if (p->config.in[0])
                r = open_in(p, s, f);
        if (r == 0 && p->config.out[0])
                r = open_out(p, s, f);
        return r;
}

static void pcap_close(struct port *p)
{
        struct pcap_port *s = p->state;

        if (!s)
                return;
        capture_reader_free(s->in);
        capture_free(s->out);
        free(s->cells);
        free(s);
}

const struct port_class port_class_pcap = {
        .name = "pcap",
        .open = pcap_open,
        .close = pcap_close,
        .receive = pcap_receive,
        .transmit = pcap_transmit,
        .next = pcap_next,
        .finished = pcap_finished,
        .set_time = pcap_set_time,
};
