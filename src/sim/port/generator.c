/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames made from a seed, and judged when they arrive at a generator. Frame number i is a function
 * of the configuration, the MAC and i alone. Datapath thread.
 *
 * What follows the Ethertype (88b5, local experiments), big endian: "SRIO", the length of all of
 * this (16 bits), 0 (16 bits), the number of the frame (64), a checksum (64), random bytes. The
 * checksum is over both MAC addresses and all of this but itself: tags may come and go on the way,
 * and padding may be added.
 */
#include <endian.h>

#include "sim/port/port_private.h"

#define GENERATOR_TYPE 0x88b5u
#define MAGIC          0x5352494fu /* SRIO */
#define VLAN_ID_LAST   4094u
#define STREAMS        256u /* senders that are told apart; a forgotten one begins anew */
#define NS_PER_S       1000000000u

/* Packed by its order: no holes, and it is copied in and out. */
struct label {
        uint32_t magic;
        uint16_t length, zero;
        uint64_t number, sum;
};

_Static_assert(sizeof(struct label) == 24, "as it is in the frame");

struct stream {
        uint64_t src;
        uint64_t next; /* the number it has not come to yet; 0: nothing came */
};

struct generator {
        uint8_t *cells;
        uint8_t header[18]; /* up to the Ethertype */
        uint32_t header_length;
        uint64_t sent;
        bool started;
        uint64_t due, rest; /* of the next frame: ns, and what is left over of a division by rate */
        struct stream streams[STREAMS];
};

/* ---- bytes -------------------------------------------------------------------------------------
 */

/* splitmix64: a good word for each number. */
static uint64_t word_of(uint64_t number)
{
        number += UINT64_C(0x9e3779b97f4a7c15);
        number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
        return number ^ number >> 31;
}

static void put_random(uint8_t *to, uint32_t n, uint64_t state)
{
        for (uint32_t i = 0; i < n; i += 8) {
                uint64_t word = htole64(word_of(state++));

                memcpy(to + i, &word, n - i < 8 ? n - i : 8);
        }
}

/* Each step is a bijection of the sum and of the word: whatever changes in one word is seen. */
static uint64_t sum_of(uint64_t sum, const uint8_t *bytes, uint32_t n)
{
        for (uint32_t i = 0; i < n; i += 8) {
                uint64_t word = 0;

                memcpy(&word, bytes + i, n - i < 8 ? n - i : 8);
                sum = (sum ^ le64toh(word)) * UINT64_C(0x9fb21c651e98df25);
                sum ^= sum >> 32;
        }
        return sum;
}

/* addresses: the frame's first 12 bytes. The label's own sum is not looked at. */
static uint64_t label_sum(const uint8_t *addresses, const struct label *label, const uint8_t *rest)
{
        uint64_t sum = sum_of(be16toh(label->length), addresses, 12);

        sum = sum_of(sum, (const uint8_t *) label, offsetof(struct label, sum));
        return sum_of(sum, rest, be16toh(label->length) - (uint32_t) sizeof(*label));
}

static uint32_t make_frame(const struct port *p, const struct generator *g, uint8_t *to)
{
        uint32_t at = g->header_length, rest = at + (uint32_t) sizeof(struct label);
        struct label label = {
                .magic = htobe32(MAGIC),
                .length = htobe16((uint16_t) (p->config.size - at)),
                .number = htobe64(g->sent),
        };

        memcpy(to, g->header, at);
        put_random(to + rest, p->config.size - rest, word_of(p->config.seed) ^ g->sent << 16);
        label.sum = htobe64(label_sum(to, &label, to + rest));
        memcpy(to + at, &label, sizeof(label));
        return p->config.size;
}

/* ---- out ---------------------------------------------------------------------------------------
 */

static bool generator_finished(const struct port *p)
{
        const struct generator *g = p->state;

        return p->config.count > 0 && g->sent == p->config.count;
}

/* One frame in 1 / rate seconds, without rounding. */
static void next_due(struct generator *g, uint64_t rate)
{
        g->due += NS_PER_S / rate;
        g->rest += NS_PER_S % rate;
        if (g->rest >= rate) {
                g->rest -= rate;
                g->due++;
        }
}

static uint32_t generator_receive(struct port *p, struct port_frame *frames, uint32_t n)
{
        struct generator *g = p->state;
        uint32_t i;

        if (!g->started)
                g->due = p->now;
        g->started = true;
        for (i = 0; i < n && !generator_finished(p); i++) {
                uint8_t *cell = port_cell(g->cells, i);

                if (p->config.rate > 0 && g->due > p->now)
                        break;
                frames[i] = (struct port_frame){cell, make_frame(p, g, cell)};
                g->sent++;
                if (p->config.rate > 0)
                        next_due(g, p->config.rate);
        }
        return i;
}

static uint64_t generator_next(const struct port *p, uint64_t now)
{
        const struct generator *g = p->state;

        if (generator_finished(p))
                return UINT64_MAX;
        return g->started && p->config.rate > 0 && g->due > now ? g->due : now;
}

/* ---- in ----------------------------------------------------------------------------------------
 */

/* Frame 0 begins a stream. One that is skipped is lost, which others count; one that comes again,
 * or after a later one, is bad. */
static bool in_order(struct generator *g, uint64_t src, uint64_t number)
{
        struct stream *s = &g->streams[word_of(src) % STREAMS];
        bool good;

        if (s->src != src || number == 0)
                *s = (struct stream){.src = src};
        good = number >= s->next;
        if (good)
                s->next = number + 1;
        return good;
}

/* Not a generator's frame is not bad. */
static bool is_bad(struct generator *g, const struct port_frame *frame)
{
        static const struct frame_format format = {.service_tags = true};
        uint8_t head[FRAME_HEADER] = {0};
        struct frame_head h;
        struct label label;
        uint32_t left;

        if (frame->length < FRAME_MIN + sizeof(label))
                return false;
        memcpy(head, frame->bytes, frame->length < FRAME_HEADER ? frame->length : FRAME_HEADER);
        frame_parse(head, frame->length, &format, &h);
        left = frame->length - h.payload_at;
        if (h.ethertype != GENERATOR_TYPE || left < sizeof(label))
                return false;
        memcpy(&label, frame->bytes + h.payload_at, sizeof(label));
        if (be32toh(label.magic) != MAGIC)
                return false;
        if (be16toh(label.length) < sizeof(label) || be16toh(label.length) > left ||
                label_sum(frame->bytes, &label, frame->bytes + h.payload_at + sizeof(label)) !=
                        be64toh(label.sum))
                return true;
        return !in_order(g, h.src, be64toh(label.number));
}

static uint32_t generator_transmit(struct port *p, const struct port_frame *frames, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                p->stats.bad += is_bad(p->state, &frames[i]);
        return n;
}

/* ---- coming and going --------------------------------------------------------------------------
 */

static void make_header(
        const struct port_config *config, const struct mac *mac, struct generator *g)
{
        const uint8_t tag[4] = {0x81, 0x00, (uint8_t) (config->vlan >> 8), (uint8_t) config->vlan};
        const uint8_t type[2] = {GENERATOR_TYPE >> 8, GENERATOR_TYPE & 0xff};
        uint32_t at = 12;

        memcpy(g->header, config->dst.b, 6);
        memcpy(g->header + 6, mac->b, 6);
        if (config->vlan > 0) {
                memcpy(g->header + at, tag, sizeof(tag));
                at += (uint32_t) sizeof(tag);
        }
        memcpy(g->header + at, type, sizeof(type));
        g->header_length = at + (uint32_t) sizeof(type);
}

static int generator_open(struct port *p, const struct mac *mac, uint32_t mtu, struct fault *f)
{
        const struct port_config *c = &p->config;
        struct generator *g;

        (void) mtu;
        if (c->size < FRAME_PADDED || c->size > FRAME_MAX)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "a generator's frames of %u bytes refused; expected %u to %u, without FCS",
                        c->size, FRAME_PADDED, FRAME_MAX);
        if (c->vlan > VLAN_ID_LAST)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "a generator's VLAN %u refused; expected 1 to %u, or 0 for none", c->vlan,
                        VLAN_ID_LAST);
        p->state = g = calloc(1, sizeof(*g));
        if (g)
                g->cells = port_cells_new(PORT_BURST);
        if (!g || !g->cells)
                return port_no_memory(f);
        make_header(c, mac, g);
        return 0;
}

static void generator_close(struct port *p)
{
        struct generator *g = p->state;

        if (g)
                free(g->cells);
        free(g);
}

const struct port_class port_class_generator = {
        .name = "generator",
        .open = generator_open,
        .close = generator_close,
        .receive = generator_receive,
        .transmit = generator_transmit,
        .next = generator_next,
        .finished = generator_finished,
};
