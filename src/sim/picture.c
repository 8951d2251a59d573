/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A traced frame's way as a picture. The scene (picture_scene.h) is drawn from top to bottom, in
 * three columns:
 *
 *   guest memory  ->  IOMMU  ->  packet memory
 *   the sorter, a line per rule, with the set of pools after it
 *   IOMMU  ->  guest memory  ->  interrupt       for each receiver; or the port, or the drop
 *
 * Any thread.
 */
#include "sim/picture.h"
#include "sim/picture_scene.h"
#include "sim/svg.h"

#define WIDTH     980
#define MARGIN    20
#define GAP       50
#define LEFT      MARGIN
#define LEFT_W    290
#define MIDDLE    (LEFT + LEFT_W + GAP)
#define MIDDLE_W  290
#define RIGHT     (MIDDLE + MIDDLE_W + GAP)
#define RIGHT_W   (WIDTH - MARGIN - RIGHT)
#define BOX_H     112
#define SHORT_H   62
#define LINE_H    20
#define DOTS_AT   230
#define DOTS_MAX  33u /* with more pools the sets are ranges alone */
#define DOTS_WIDE 20u

/* ---- drawing -----------------------------------------------------------------------------------
 */

/* The two walks: their steps have numbers of their own, and a colour. */
#define IN  "walk-in"
#define OUT "walk-out"

static void badge(FILE *f, int x, int y, const char *walk, unsigned number)
{
        fprintf(f, "<circle cx=\"%d\" cy=\"%d\" r=\"11\" class=\"%s\"/>", x, y, walk);
        if (number > 0)
                svg_text(f, x, y + 4, "number", "%u", number);
}

/* A ring: some descriptors around the one that was used. */
static void ring(FILE *f, int x, int y, uint32_t index)
{
        for (int i = -2; i <= 5; i++)
                fprintf(f,
                        "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"12\" rx=\"2\" "
                        "class=\"%s\"/>",
                        x + (i + 2) * 17, y, i == 0 ? "cell used" : "cell");
        svg_text(f, x + 8 * 17 + 6, y + 10, "small", "index %u", index);
}

static void title(FILE *f, const struct picture_scene *s)
{
        const struct trace_event *e = s->in ?: s->store;
        const struct trace_event *length = e ?: s->memory;
        char name[16], frame[160] = "";

        if (e && e->bytes)
                trace_frame(e->bytes, e->length, frame, sizeof(frame));
        trace_pool_name(s->in ? FROM_WIRE : s->ring ? s->ring->pool : FROM_WIRE, name);
        if (length)
                svg_text(f, MARGIN, 36, "h1", "A frame of %u bytes from %s%s", length->length,
                        s->in ? "the " : "", name);
        else
                svg_text(f, MARGIN, 36, "h1", "No frame was seen");
        svg_text(f, MARGIN, 58, "mono", "%s", frame);
}

/* ---- what the IOMMU did ---- */

static void translation(FILE *f, int x, int y, const char *what, const struct trace_event *e)
{
        if (!e)
                return;
        svg_text(f, x, y, "small", "%s", what);
        svg_text(f, x + 50, y, "mono", "0x%llx", (unsigned long long) e->iova);
        if (e->blocked != IOMMU_OK)
                svg_text(f, x, y + 16, "bad", "blocked: %s", iommu_reason_text(e->blocked));
        else
                svg_text(f, x + 50, y + 16, "mono good", "\xe2\x86\x92 0x%llx",
                        (unsigned long long) e->address);
}

static bool blocked(const struct trace_event *e)
{
        return e && e->blocked != IOMMU_OK;
}

static void iommu(FILE *f, int x, int y, const struct trace_event *ring_page, const char *what,
        const struct trace_event *page)
{
        const struct trace_event *e = ring_page ?: page;
        bool bad = blocked(ring_page) || blocked(page);

        svg_box(f, x, y, LEFT_W, BOX_H, bad ? "box stop" : "box iommu");
        svg_text(f, x + 14, y + 22, "h2", "IOMMU");
        if (e)
                svg_text(f, x + 76, y + 22, "small", "requester %02x:%02x.%x", e->rid >> 8,
                        e->rid >> 3 & 0x1f, e->rid & 7);
        else
                svg_text(f, x + 14, y + 44, "small", "was not asked");
        translation(f, x + 14, y + 44, "ring", ring_page);
        translation(f, x + 14, y + 82, what, page);
}

/* ---- from where ---- */

static void packet_memory(FILE *f, int y, const struct trace_event *store)
{
        uint32_t used = store ? store->cell % 24 : 0;

        svg_box(f, RIGHT, y, RIGHT_W, BOX_H, "box nic");
        svg_text(f, RIGHT + 14, y + 22, "h2", "packet memory");
        for (uint32_t i = 0; i < 24; i++)
                fprintf(f,
                        "<rect x=\"%d\" y=\"%d\" width=\"15\" height=\"11\" rx=\"2\" "
                        "class=\"%s\"/>",
                        RIGHT + 14 + (int) i % 12 * 19, y + 36 + (int) i / 12 * 15,
                        i == used ? "cell used" : "cell");
        if (store)
                svg_text(f, RIGHT + 14, y + 86, "small", "%u bytes in cell %u", store->length,
                        store->cell);
}

static void sent_by_guest(FILE *f, int y, const struct picture_scene *s)
{
        const struct trace_event *sender = s->ring ?: s->memory;
        char name[16];

        trace_pool_name(sender ? sender->pool : POOL_PF, name);
        svg_box(f, LEFT, y, LEFT_W, BOX_H, "box guest");
        svg_text(f, LEFT + 14, y + 22, "h2", "guest of %s", name);
        badge(f, LEFT + LEFT_W - 50, y + 18, OUT, 1);
        badge(f, LEFT + LEFT_W - 22, y + 18, OUT, 2);
        if (s->memory) {
                svg_text(f, LEFT + 14, y + 46, "small", "packet");
                svg_text(f, LEFT + 64, y + 46, "mono", "0x%llx",
                        (unsigned long long) s->memory->iova);
                if (s->pieces > 1)
                        svg_text(f, LEFT + 190, y + 46, "small", "%u pieces", s->pieces);
        }
        if (s->ring) {
                svg_text(f, LEFT + 14, y + 68, "small", "transmit ring, queue %u", s->ring->queue);
                ring(f, LEFT + 14, y + 80, s->ring->index);
        }
        svg_arrow(f, LEFT + LEFT_W, y + BOX_H / 2, MIDDLE - 6, y + BOX_H / 2, "flow");
        badge(f, LEFT + LEFT_W + GAP / 2 - 4, y + BOX_H / 2 - 20, OUT, 3);
        iommu(f, MIDDLE, y, s->ring_page, "packet", s->packet_page);
        badge(f, MIDDLE + MIDDLE_W - 22, y + 18, OUT, 4);
        if (s->store) {
                svg_arrow(f, MIDDLE + MIDDLE_W, y + BOX_H / 2, RIGHT - 6, y + BOX_H / 2, "flow");
                badge(f, MIDDLE + MIDDLE_W + GAP / 2 - 4, y + BOX_H / 2 - 20, OUT, 5);
        }
        packet_memory(f, y, s->store);
}

static void came_by_wire(FILE *f, int y, const struct picture_scene *s)
{
        svg_box(f, LEFT, y, LEFT_W, BOX_H, "box wire");
        svg_text(f, LEFT + 14, y + 22, "h2", "port");
        svg_text(f, LEFT + 14, y + 46, "small", "%u bytes from the wire", s->in->length);
        if (s->verdict) {
                svg_arrow(f, LEFT + LEFT_W, y + BOX_H / 2, RIGHT - 6, y + BOX_H / 2, "flow");
                badge(f, MIDDLE + MIDDLE_W / 2, y + BOX_H / 2 - 20, IN, 1);
        }
        packet_memory(f, y, NULL);
}

/* ---- the sorter ---- */

static bool in_set(const struct pool_set *set, uint32_t pool)
{
        return set && set->w[pool / 64] >> pool % 64 & 1;
}

/* From one to the next. */
static int dot_step(uint32_t n_pools)
{
        return n_pools <= DOTS_WIDE ? 15 : 10;
}

/* A dot per pool; those that came or went with this rule stand out. */
static void dots(
        FILE *f, int y, uint32_t n_pools, const struct pool_set *before, const struct pool_set *set)
{
        static const char *const classes[2][2] = {{"dot", "dot new"}, {"dot gone", "dot in"}};

        for (uint32_t p = 0; p < n_pools; p++)
                fprintf(f, "<circle cx=\"%d\" cy=\"%d\" r=\"%s\" class=\"%s\"/>",
                        MARGIN + DOTS_AT + (int) p * dot_step(n_pools), y - 4,
                        n_pools <= DOTS_WIDE ? "4.5" : "3.5",
                        classes[in_set(before, p)][in_set(set, p)]);
}

static void dot_heads(FILE *f, int y, uint32_t n_pools)
{
        for (uint32_t p = 0; p < n_pools; p += p == 0 ? 1 : 5)
                svg_text(f, MARGIN + DOTS_AT + (int) p * dot_step(n_pools), y, "tiny",
                        p == 0 ? "PF" : "%u", p - 1);
        svg_text(f, WIDTH - MARGIN - 230, y, "good", "\xe2\x97\x8f joins");
        svg_text(f, WIDTH - MARGIN - 160, y, "stays", "\xe2\x97\x8f stays");
        svg_text(f, WIDTH - MARGIN - 90, y, "bad", "\xe2\x97\x8b leaves");
}

static void rule_line(FILE *f, int y, const struct picture_scene *s, enum sorter_rule rule,
        const struct pool_set *before, const struct pool_set *set)
{
        bool small = s->n_pools <= DOTS_MAX;
        bool same = before ? memcmp(before, set, (s->n_pools + 63) / 64 * sizeof(*set->w)) == 0
                           : pool_set_next(set, s->n_pools, 0) == POOL_NONE;
        int x = MARGIN + DOTS_AT - 5 + (small ? (int) s->n_pools * dot_step(s->n_pools) + 12 : 0);
        char text[96];

        svg_text(f, MARGIN + 14, y, same ? "dim" : "strong", "%s", sorter_rule_name(rule));
        if (small)
                dots(f, y, s->n_pools, before, set);
        trace_pools(set, s->n_pools, text, small ? 40 : sizeof(text));
        svg_text(f, x, y, same ? "mono dim" : "mono", "%s", text);
}

static int sender_line(FILE *f, int y, const struct picture_scene *s)
{
        if (s->shaper) {
                svg_text(f, MARGIN + 14, y, "strong", "rate limit");
                svg_text(f, MARGIN + DOTS_AT - 5, y, "strong", "had to wait");
                y += LINE_H;
        }
        if (!s->sender)
                return y;
        svg_text(f, MARGIN + 14, y, "strong", "sender");
        if (s->sender->reason != DROP_NONE)
                svg_text(f, MARGIN + DOTS_AT - 5, y, "bad", "refused: %s",
                        drop_reason_text(s->sender->reason));
        else if (s->sender->tag)
                svg_text(f, MARGIN + DOTS_AT - 5, y, "good", "may send this, gets VLAN %u",
                        s->sender->tag & 0xfff);
        else
                svg_text(f, MARGIN + DOTS_AT - 5, y, "good", "may send this");
        return y + LINE_H;
}

static int rule_lines(FILE *f, int y, const struct picture_scene *s)
{
        const struct pool_set *before = NULL;

        if (s->n_pools <= DOTS_MAX && s->n_rules > 0)
                dot_heads(f, y - 6, s->n_pools);
        y += s->n_rules > 0 ? 14 : 0;
        for (uint32_t i = 0; i < s->n_rules; i++, y += LINE_H) {
                const struct pool_set *set = s->rules[i]->set;

                if (!set)
                        continue;
                rule_line(f, y, s, s->rules[i]->rule, before, set);
                before = set;
        }
        return y;
}

static void verdict_line(FILE *f, int y, const struct picture_scene *s)
{
        const struct verdict *v = s->verdict ? s->verdict->verdict : NULL;
        char to[24];

        if (!v)
                return;
        svg_text(f, MARGIN + 14, y, "h2", "verdict");
        if (v->n == 1)
                trace_pool_name(v->pool, to);
        else
                snprintf(to, sizeof(to), "%u receivers", v->n);
        if (v->n == 0 && !v->wire)
                svg_text(f, MARGIN + DOTS_AT - 5, y, "bad", "nobody: %s",
                        drop_reason_text(v->reason));
        else
                svg_text(f, MARGIN + DOTS_AT - 5, y, "h2", "%s%s%s%s", v->n > 0 ? to : "",
                        v->n > 0 && v->wire ? " and " : "", v->wire ? "the wire" : "",
                        v->mirrored ? ", some by mirror rules" : "");
}

/* Returns where it ends. */
static int sorter(FILE *f, int y, const struct picture_scene *s)
{
        int lines = (int) s->n_rules + (s->sender != NULL) + (s->shaper != NULL);
        int h = 54 + lines * LINE_H + (s->n_rules > 0 ? 14 : 0) + (s->verdict ? LINE_H + 2 : -2),
            at = y + 54;

        svg_box(f, MARGIN, y, WIDTH - 2 * MARGIN, h, "box nic");
        svg_text(f, MARGIN + 14, y + 24, "h2", "sorter");
        badge(f, WIDTH - MARGIN - 22, y + 20, s->in ? IN : OUT, s->in ? 2 : 6);
        at = sender_line(f, at, s);
        at = rule_lines(f, at, s);
        verdict_line(f, at + 4, s);
        return y + h;
}

/* ---- to where ---- */

static void received(FILE *f, int y, const struct picture_end *e, const char *name)
{
        int middle = y + BOX_H / 2;

        iommu(f, LEFT, y, e->ring_page, "buffer", e->buffer_page);
        badge(f, LEFT + LEFT_W - 22, y + 18, IN, 4);
        svg_box(f, MIDDLE, y, MIDDLE_W, BOX_H, "box guest");
        svg_text(f, MIDDLE + 14, y + 22, "h2", "guest of %s", name);
        if (e->ring) {
                svg_text(f, MIDDLE + 14, y + 44, "small", "receive ring, queue %u", e->ring->queue);
                badge(f, MIDDLE + MIDDLE_W - 50, y + 18, IN, 3);
                ring(f, MIDDLE + 14, y + 54, e->ring->index);
        }
        if (e->buffer) {
                svg_arrow(f, LEFT + LEFT_W, middle, MIDDLE - 6, middle, "flow");
                svg_text(f, MIDDLE + 14, y + 84, "small", "buffer");
                svg_text(f, MIDDLE + 64, y + 84, "mono", "0x%llx",
                        (unsigned long long) e->buffer->iova);
        }
        if (e->written) {
                badge(f, MIDDLE + MIDDLE_W - 22, y + 18, IN, 5);
                svg_text(f, MIDDLE + 14, y + 102, "small", "%u bytes%s%s", e->written->length,
                        e->written->status & RX_LB ? ", loopback" : "",
                        e->written->status & RX_VP ? ", VLAN stripped" : "");
        }
        if (e->interrupt) {
                svg_arrow(f, MIDDLE + MIDDLE_W, middle, RIGHT - 6, middle, "flow");
                svg_box(f, RIGHT, y, RIGHT_W, BOX_H, "box irq");
                svg_text(f, RIGHT + 14, y + 22, "h2", "interrupt");
                badge(f, RIGHT + RIGHT_W - 22, y + 18, IN, 6);
                svg_text(f, RIGHT + 14, y + 46, "small", "vector %u", e->interrupt->vector);
                svg_text(f, RIGHT + 14, y + 66, "small", "remapping entry %u", e->interrupt->irte);
                svg_text(f, RIGHT + 14, y + 86, "small", "%s", e->interrupt->note ?: "raised");
        }
}

/* In two lines if it is long. */
static void sentence(FILE *f, int x, int y, int width, const char *class, const char *text)
{
        int most = width / 7, n = (int) strlen(text), cut = n;

        if (n > most)
                for (cut = most; cut > 0 && text[cut] != ' ';)
                        cut--;
        svg_text(f, x, y, class, "%.*s", cut, text);
        if (cut < n)
                svg_text(f, x, y + 18, class, "%s", text + cut + (text[cut] == ' '));
}

/* What is no reception, or an end of one: from x to the right. */
static void other_end(FILE *f, int x, int y, int h, const struct picture_end *e, const char *name)
{
        int w = WIDTH - MARGIN - x;

        if (e->drop || e->held) {
                svg_box(f, x, y, w, h, "box stop");
                svg_text(f, x + 14, y + 24, "h2", "%s: %s", name, e->drop ? "dropped" : "held");
                sentence(f, x + 14, y + 46, w - 28, "bad",
                        e->drop ? drop_reason_text(e->drop->reason)
                                : "takes nothing now, and the sender waits");
        } else if (e->out) {
                svg_box(f, x, y, w, h, "box wire");
                svg_text(f, x + 14, y + 24, "h2", "port");
                badge(f, x + w - 22, y + 20, OUT, 7);
                svg_text(f, x + 14, y + 46, "small", "%u bytes to the wire", e->out->length);
        }
}

/* Returns where it ends. */
static int end_row(FILE *f, int y, const struct picture_end *e)
{
        bool touched = e->ring || e->ring_page || e->buffer_page;
        int h = touched || e->interrupt ? BOX_H : SHORT_H;
        char name[16];

        trace_pool_name(e->pool, name);
        if (h == BOX_H)
                received(f, y, e, name);
        if (!e->interrupt)
                other_end(f, touched ? RIGHT : LEFT, y, h, e, name);
        return y + h;
}

static int legend(FILE *f, int y, const struct picture_scene *s)
{
        if (!s->in) {
                badge(f, MARGIN + 25, y, OUT, 0);
                svg_text(f, MARGIN + 44, y + 4, "small",
                        "guest to wire: 1 packet in guest memory, 2 descriptors written, 3 "
                        "fetched, "
                        "4 translated, 5 DMA, 6 switched, 7 sent");
                y += 28;
        }
        badge(f, MARGIN + 25, y, IN, 0);
        svg_text(f, MARGIN + 44, y + 4, "small",
                "wire to guest: 1 into packet memory, 2 sorted, 3 descriptors fetched, 4 DMA "
                "translated, 5 written back, 6 interrupt");
        return y;
}

/* Returns the height of all. */
static int draw(FILE *f, const struct picture_scene *s)
{
        int y = 80;

        title(f, s);
        if (s->in)
                came_by_wire(f, y, s);
        else
                sent_by_guest(f, y, s);
        y += BOX_H;
        if (s->sender || s->n_rules > 0 || s->verdict) {
                svg_arrow(f, RIGHT + RIGHT_W / 2, y, RIGHT + RIGHT_W / 2, y + 30, "flow");
                y = sorter(f, y + 36, s);
        }
        for (uint32_t i = 0; i < s->n_ends; i++) {
                bool bad = s->ends[i].drop || s->ends[i].held;

                if (i == 0)
                        svg_arrow(f, LEFT + LEFT_W / 2, y, LEFT + LEFT_W / 2, y + 30,
                                bad ? "lost" : "flow");
                y = end_row(f, y + (i == 0 ? 36 : 16), &s->ends[i]);
        }
        if (s->more > 0) {
                y += 28;
                svg_text(f, MARGIN + 14, y, "small", "and %u more", s->more);
        }
        return legend(f, y + 30, s) + 26;
}

int picture_write(FILE *file, const struct trace_event *events, size_t n, uint32_t n_pools)
{
        _cleanup_(freep) char *body = NULL;
        struct picture_scene s = {.n_pools = n_pools};
        size_t size;
        FILE *f = open_memstream(&body, &size);
        int height;

        if (!f)
                return -errno;
        for (size_t i = 0; i < n; i++)
                picture_scene_add(&s, &events[i]);
        height = draw(f, &s);
        if (fclose(f) != 0)
                return -ENOMEM;
        svg_begin(file, WIDTH, height, "The way of a frame through a simulated SR-IOV NIC");
        fputs(body, file);
        return svg_end(file);
}
