/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A frame's way in lines and in a picture: exact texts, nothing beyond its buffer, good XML. */
#include "sim/picture.h"
#include "unit.h"

/* ---- stories ---- */

#define EVENTS_MAX 128u

struct story {
        struct trace_event events[EVENTS_MAX];
        struct pool_set sets[EVENTS_MAX];
        struct verdict verdict;
        size_t n;
        uint32_t n_pools;
};

static const uint8_t frame[FRAME_HEADER] = {
        0x02, 0, 0, 0, 0, 0x04, 0x02, 0, 0, 0, 0, 0x01, 0x81, 0x00, 0x60, 0x64, 0x08, 0x00, 0x45};

static void tell(struct story *s, struct trace_event e)
{
        assert_true(s->n < EVENTS_MAX);
        s->events[s->n++] = e;
}

static void tell_rule(
        void *userdata, enum sorter_rule rule, const struct pool_set *set, uint32_t n_pools)
{
        struct story *s = userdata;
        uint32_t from = s->events[0].from;

        memcpy(s->sets[s->n].w, set->w, (n_pools + 63) / 64 * sizeof(uint64_t));
        tell(s, (struct trace_event){.step = TRACE_RULE,
                        .pool = from,
                        .from = from,
                        .rule = rule,
                        .set = &s->sets[s->n]});
}

/* VF n has the MAC 02:..:n+1, all but VF 5 are in VLAN 100, VF 6 hears all multicast. */
static void tell_sorter(struct story *s, const uint8_t *bytes)
{
        struct sorter_pool pools[64] = {0};
        struct sorter_filter filters[64];
        struct sorter_member members[64];
        struct sorter_config config = {.n_pools = s->n_pools,
                .pools = pools,
                .filters = filters,
                .members = members,
                .vlan_filter = true,
                .switching = true,
                .default_pool = POOL_PF};
        const struct sorter_trace trace = {tell_rule, s};
        struct pool_set *set = &s->sets[EVENTS_MAX - 1];
        uint32_t from = s->events[0].from;
        struct frame_head head;
        struct sorter *sorter;

        for (uint32_t i = 0; i < s->n_pools; i++) {
                pools[i] = (struct sorter_pool){.rx_enable = true,
                        .tx_enable = true,
                        .broadcast = true,
                        .untagged = i != 3,
                        .multicast_promisc = i == pool_of_vf(6),
                        .max_frame = 1518};
                filters[config.n_filters++] = (struct sorter_filter){0x02 | (uint64_t) i << 40, i};
                if (i != pool_of_vf(5))
                        members[config.n_members++] = (struct sorter_member){100, i};
        }
        assert_int_equal(sorter_new(&config, &sorter), 0);
        frame_parse(bytes, 60, &config.format, &head);
        sorter_walk(sorter, from, &head, set, &s->verdict, &trace);
        tell(s, (struct trace_event){.step = TRACE_VERDICT,
                        .pool = from,
                        .from = from,
                        .verdict = &s->verdict,
                        .set = set,
                        .reason = s->verdict.reason});
        sorter_free(sorter);
}

static void tell_page(struct story *s, uint32_t pool, uint32_t access, uint64_t iova)
{
        tell(s, (struct trace_event){.step = TRACE_TRANSLATE,
                        .pool = pool,
                        .from = s->events[0].from,
                        .rid = (uint16_t) (0x0180 + 2 * pool),
                        .access = access,
                        .iova = iova,
                        .address = 0x7f000000 + iova,
                        .page_size = PAGE_SIZE_2M});
}

static void tell_sent(struct story *s, uint32_t pool, uint32_t n_pools)
{
        const struct trace_event e = {.pool = pool, .from = pool, .rid = 0x0182};
        struct trace_event next = e;

        *s = (struct story){.n_pools = n_pools};
        s->events[0].from = pool;
        tell_page(s, pool, IOMMU_READ | IOMMU_WRITE, 0x10000);
        next = e, next.step = TRACE_TX_DESCRIPTORS, next.iova = 0x10000, next.index = 5,
        next.length = 1;
        tell(s, next);
        next = e, next.step = TRACE_GUEST_MEMORY, next.iova = 0x42000, next.length = 60;
        tell(s, next);
        tell_page(s, pool, IOMMU_READ, 0x42000);
        next = e, next.step = TRACE_STORE, next.length = 60, next.cell = 7, next.bytes = frame;
        tell(s, next);
        next = e, next.step = TRACE_SENDER, next.length = 60;
        tell(s, next);
}

static void tell_received(struct story *s, uint32_t pool)
{
        const struct trace_event e = {
                .pool = pool, .from = s->events[0].from, .rid = (uint16_t) (0x0180 + 2 * pool)};
        struct trace_event next = e;

        next.step = TRACE_RX_DESCRIPTORS, next.iova = 0x20000, next.index = 17, next.length = 1;
        tell(s, next);
        tell_page(s, pool, IOMMU_READ | IOMMU_WRITE, 0x20110);
        tell_page(s, pool, IOMMU_WRITE, 0x88000);
        next = e, next.step = TRACE_DMA, next.iova = 0x88000, next.address = 0x7f088000,
        next.length = 60;
        tell(s, next);
        next = e, next.step = TRACE_WRITE_BACK, next.index = 17, next.length = 56,
        next.tag = 0x6064, next.status = RX_DD | RX_EOP | RX_VP | (e.from == FROM_WIRE ? 0 : RX_LB);
        tell(s, next);
        next = e, next.step = TRACE_INTERRUPT, next.vector = 1, next.irte = 12, next.note = "sent";
        tell(s, next);
}

static void vf_to_vf(struct story *s)
{
        tell_sent(s, pool_of_vf(0), 9);
        tell_sorter(s, frame);
        tell_received(s, pool_of_vf(3));
        tell(s, (struct trace_event){.step = TRACE_INTERRUPT,
                        .pool = pool_of_vf(0),
                        .from = pool_of_vf(0),
                        .rid = 0x0182,
                        .irte = 9,
                        .note = "sent"});
}

/* A broadcast in VLAN 100 from the wire. */
static void wire_to_all(struct story *s)
{
        static uint8_t bytes[FRAME_HEADER];

        memcpy(bytes, frame, sizeof(bytes));
        memset(bytes, 0xff, 6);
        *s = (struct story){.n_pools = 9};
        tell(s, (struct trace_event){.step = TRACE_PORT_IN,
                        .pool = FROM_WIRE,
                        .from = FROM_WIRE,
                        .length = 60,
                        .bytes = bytes});
        tell_sorter(s, bytes);
        for (uint32_t p = 0; p < 9; p++) {
                if (p == pool_of_vf(5))
                        continue;
                if (p != pool_of_vf(1)) {
                        tell_received(s, p);
                        continue;
                }
                tell(s, (struct trace_event){.step = TRACE_DROP,
                                .pool = p,
                                .from = FROM_WIRE,
                                .length = 60,
                                .reason = DROP_NO_DESCRIPTOR});
        }
}

/* To an address nobody has. */
static void vf_to_wire(struct story *s)
{
        static uint8_t bytes[FRAME_HEADER];

        memcpy(bytes, frame, sizeof(bytes));
        bytes[1] = 0x77;
        tell_sent(s, pool_of_vf(0), 40);
        s->events[4].bytes = bytes;
        tell_sorter(s, bytes);
        tell(s, (struct trace_event){
                        .step = TRACE_PORT_OUT, .pool = FROM_WIRE, .from = 1, .length = 60});
}

static void spoofed(struct story *s)
{
        tell_sent(s, pool_of_vf(0), 9);
        s->events[s->n - 1].reason = DROP_SPOOF_MAC;
        tell(s, (struct trace_event){.step = TRACE_DROP,
                        .pool = pool_of_vf(0),
                        .from = pool_of_vf(0),
                        .length = 60,
                        .reason = DROP_SPOOF_MAC});
}

static void dma_blocked(struct story *s)
{
        struct trace_event *e;

        tell_sent(s, pool_of_vf(0), 9);
        tell_sorter(s, frame);
        tell_received(s, pool_of_vf(3));
        s->n -= 3;
        e = &s->events[s->n - 1];
        e->blocked = IOMMU_NO_WRITE;
        e->address = e->page_size = 0;
        tell(s, (struct trace_event){.step = TRACE_DROP,
                        .pool = pool_of_vf(3),
                        .from = pool_of_vf(0),
                        .length = 60,
                        .reason = DROP_RX_FAULT});
}

/* ---- pools ---- */

static void names(void **state)
{
        char name[16];

        (void) state;
        trace_pool_name(FROM_WIRE, name);
        assert_string_equal(name, "wire");
        trace_pool_name(POOL_PF, name);
        assert_string_equal(name, "PF");
        trace_pool_name(pool_of_vf(4095), name);
        assert_string_equal(name, "VF 4095");
}

static void put_pool(struct pool_set *set, uint32_t pool)
{
        set->w[pool / 64] |= UINT64_C(1) << pool % 64;
}

static void ranges(void **state)
{
        static const struct {
                uint32_t pools[8], n;
                const char *text;
        } cases[] = {
                {{0}, 0, "nobody"},
                {{0}, 1, "PF"},
                {{1}, 1, "VF 0"},
                {{1, 2}, 2, "VF 0-1"},
                {{0, 1, 2, 3, 4, 7}, 6, "PF, VF 0-3,6"},
                {{64, 65, 66, 128}, 4, "VF 63-65,127"},
                {{0, 4096}, 2, "PF, VF 4095"},
                {{2, 4, 6}, 3, "VF 1,3,5"},
        };
        char text[128];
        size_t n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct pool_set set = {0};

                for (uint32_t k = 0; k < cases[i].n; k++)
                        put_pool(&set, cases[i].pools[k]);
                n = trace_pools(&set, POOLS_MAX, text, sizeof(text));
                assert_int_equal(n, strlen(cases[i].text));
                assert_string_equal(text, cases[i].text);
        }
}

/* What is written reads back as the same set, or says how many there are. */
static void ranges_read_back(void **state)
{
        uint64_t random = 1;
        char text[4096];

        (void) state;
        for (unsigned round = 0; round < 5000; round++) {
                struct pool_set set = {0}, again = {0};
                uint32_t n_pools = 1 + round % 300;
                const char *at = text;

                for (uint32_t p = 0; p < n_pools; p++) {
                        random = random * 6364136223846793005u + 1442695040888963407u;
                        if (random >> 62 != round % 4)
                                put_pool(&set, p);
                }
                trace_pools(&set, n_pools, text, sizeof(text));
                if (startswith(at, "PF")) {
                        put_pool(&again, 0);
                        at += 2;
                }
                at += strspn(at, "VF, ");
                while (*at >= '0' && *at <= '9') {
                        unsigned long from = strtoul(at, (char **) &at, 10), to = from;

                        if (*at == '-')
                                to = strtoul(at + 1, (char **) &at, 10);
                        for (; from <= to; from++)
                                put_pool(&again, (uint32_t) from + 1);
                        at += *at == ',';
                }
                assert_true(*at == '\0' || streq(text, "nobody"));
                assert_memory_equal(&set, &again, sizeof(set));
        }
}

static void ranges_cut_off(void **state)
{
        struct pool_set set = {0};
        char text[200];
        size_t n;

        (void) state;
        for (uint32_t p = 0; p < POOLS_MAX; p += 2)
                put_pool(&set, p);
        for (size_t size = 40; size < sizeof(text); size++) {
                memset(text, 'x', sizeof(text));
                n = trace_pools(&set, POOLS_MAX, text, size);
                assert_int_equal(n, strlen(text));
                assert_true(strlen(text) < size);
                assert_memory_equal(text, "PF, VF 1", 8);
                assert_non_null(strstr(text, ",... (2049)"));
        }
}

/* ---- lines ---- */

static void frames(void **state)
{
        uint8_t bytes[FRAME_HEADER];
        char text[160];

        (void) state;
        memcpy(bytes, frame, sizeof(bytes));
        trace_frame(bytes, 60, text, sizeof(text));
        assert_string_equal(
                text, "02:00:00:00:00:01 to 02:00:00:00:00:04, VLAN 100 priority 3, type 0800");
        bytes[12] = 0x88, bytes[13] = 0xa8, bytes[14] = 0;
        trace_frame(bytes, 60, text, sizeof(text));
        assert_string_equal(
                text, "02:00:00:00:00:01 to 02:00:00:00:00:04, VLAN 100 (802.1ad), type 0800");
        trace_frame(bytes, 14, text, sizeof(text));
        assert_string_equal(text, "02:00:00:00:00:01 to 02:00:00:00:00:04, type 88a8");
        assert_int_equal(trace_frame(bytes, 13, text, sizeof(text)), 0);
        assert_string_equal(text, "");
}

static void expect_lines(const struct story *s, const char *const *lines, size_t n)
{
        char line[1024];

        for (size_t i = 0; i < s->n; i++) {
                trace_describe(&s->events[i], s->n_pools, line, sizeof(line));
                if (i >= n)
                        fail_msg("one line too many: \"%s\"", line);
                assert_string_equal(line, lines[i]);
        }
        assert_int_equal(s->n, n);
}

static void lines_vf_to_vf(void **state)
{
        static const char *const lines[] = {
                "out 4 translate_tx          VF 0     01:10.2 reads and writes IOVA 0x10000 -> "
                "0x7f010000 (2 MiB page)",
                "out 3 fetch_tx_descriptors  VF 0     queue 0: 1 descriptor from index 5 of the "
                "ring at IOVA 0x10000",
                "out 1 guest_memory          VF 0     queue 0: 60 bytes at IOVA 0x42000",
                "out 4 translate_tx          VF 0     01:10.2 reads IOVA 0x42000 -> 0x7f042000 "
                "(2 MiB page)",
                "out 5 dma_from_guest        VF 0     cell 7 of packet memory, 60 bytes: "
                "02:00:00:00:00:01 to 02:00:00:00:00:04, VLAN 100 priority 3, type 0800",
                "out 6 switch_locally        VF 0     sender                 may send this",
                "out 6 switch_locally        VF 0     exact destination MAC  VF 3",
                "out 6 switch_locally        VF 0     broadcast              VF 3",
                "out 6 switch_locally        VF 0     unicast hash           VF 3",
                "out 6 switch_locally        VF 0     multicast hash         VF 3",
                "out 6 switch_locally        VF 0     promiscuous            VF 3",
                "out 6 switch_locally        VF 0     VLAN                   VF 3",
                "out 6 switch_locally        VF 0     Ethertype              VF 3",
                "out 6 switch_locally        VF 0     source                 VF 3",
                "out 6 switch_locally        VF 0     receive enabled        VF 3",
                "out 6 switch_locally        VF 0     wire                   VF 3",
                "out 6 switch_locally        VF 0     mirror                 VF 3",
                "out 6 switch_locally        VF 0     verdict                to VF 3",
                "in  3 fetch_rx_descriptors  VF 3     queue 0: 1 descriptor from index 17 of the "
                "ring at IOVA 0x20000",
                "in  4 dma_to_guest          VF 3     01:11.0 reads and writes IOVA 0x20110 -> "
                "0x7f020110 (2 MiB page)",
                "in  4 dma_to_guest          VF 3     01:11.0 writes IOVA 0x88000 -> 0x7f088000 "
                "(2 MiB page)",
                "in  4 dma_to_guest          VF 3     queue 0: 60 bytes to IOVA 0x88000, which is "
                "0x7f088000",
                "in  5 write_back_rx         VF 3     queue 0: index 17, 56 bytes, done, end of "
                "packet, loopback, stripped VLAN 100 priority 3",
                "in  6 raise_interrupt       VF 3     01:11.0 vector 1, remapping entry 12: sent",
                "out   raise_interrupt       VF 0     01:10.2 vector 0, remapping entry 9: sent "
                "(transmit done)",
        };
        struct story s;

        (void) state;
        vf_to_vf(&s);
        expect_lines(&s, lines, ELEMENTSOF(lines));
}

static void lines_wire_to_all(void **state)
{
        static const char *const lines[] = {
                ("in  1 receive_from_port     wire     60 bytes: 02:00:00:00:00:01 to "
                 "ff:ff:ff:ff:ff:ff, VLAN 100 priority 3, type 0800"),
                "in  2 sort_into_pools       wire     exact destination MAC  nobody",
                "in  2 sort_into_pools       wire     broadcast              PF, VF 0-7",
                "in  2 sort_into_pools       wire     unicast hash           PF, VF 0-7",
                "in  2 sort_into_pools       wire     multicast hash         PF, VF 0-7",
                "in  2 sort_into_pools       wire     promiscuous            PF, VF 0-7",
                "in  2 sort_into_pools       wire     VLAN                   PF, VF 0-4,6-7",
                "in  2 sort_into_pools       wire     default pool           PF, VF 0-4,6-7",
                "in  2 sort_into_pools       wire     Ethertype              PF, VF 0-4,6-7",
                "in  2 sort_into_pools       wire     source                 PF, VF 0-4,6-7",
                "in  2 sort_into_pools       wire     receive enabled        PF, VF 0-4,6-7",
                "in  2 sort_into_pools       wire     mirror                 PF, VF 0-4,6-7",
                "in  2 sort_into_pools       wire     verdict                to PF, VF 0-4,6-7",
        };
        struct story s;
        char line[256];

        (void) state;
        wire_to_all(&s);
        for (size_t i = 0; i < s.n; i++)
                if (s.events[i].step == TRACE_DROP) {
                        trace_describe(&s.events[i], s.n_pools, line, sizeof(line));
                        assert_string_equal(line, "in    drop                  VF 1     "
                                                  "no_descriptor: the receiver gave no buffer");
                }
        assert_true(s.n > ELEMENTSOF(lines));
        s.n = ELEMENTSOF(lines);
        expect_lines(&s, lines, ELEMENTSOF(lines));
}

static const struct verdict nobody = {.reason = DROP_VLAN, .pool = POOL_NONE},
                            wire_alone = {.wire = true, .pool = POOL_NONE},
                            both = {.wire = true, .mirrored = true, .n = 1, .pool = 5};

/* What the stories do not have. */
static const struct {
        struct trace_event e;
        const char *line;
} others[] = {
        {{.step = TRACE_TRANSLATE,
                 .pool = 2,
                 .from = 2,
                 .rid = 0x0205,
                 .access = IOMMU_READ,
                 .iova = 0xdead000,
                 .blocked = IOMMU_NO_READ},
                "out 4 translate_tx          VF 1     02:00.5 reads IOVA 0xdead000 -> blocked: not "
                "mapped for reading"},
        {{.step = TRACE_TRANSLATE,
                 .pool = 2,
                 .from = FROM_WIRE,
                 .access = IOMMU_WRITE,
                 .page_size = PAGE_SIZE_4K},
                "in  4 dma_to_guest          VF 1     00:00.0 writes IOVA 0x0 -> 0x0 (4 KiB page)"},
        {{.step = TRACE_TRANSLATE, .access = 1, .page_size = PAGE_SIZE_1G},
                "out 4 translate_tx          PF       00:00.0 reads IOVA 0x0 -> 0x0 (1 GiB page)"},
        {{.step = TRACE_STORE, .pool = FROM_WIRE, .from = FROM_WIRE, .length = 9, .cell = 1},
                "in  1 receive_from_port     wire     cell 1 of packet memory, 9 bytes"},
        {{.step = TRACE_SENDER, .pool = 1, .from = 1, .reason = DROP_SPOOF_MAC},
                "out 6 switch_locally        VF 0     sender                 refused: the source "
                "address is not one of the sender's"},
        {{.step = TRACE_SENDER, .pool = 1, .from = 1, .tag = 0x8100a00a},
                "out 6 switch_locally        VF 0     sender                 may send this, gets "
                "VLAN 10 priority 5"},
        {{.step = TRACE_SHAPER, .pool = 1, .from = 1, .time = 1000, .address = 13345, .queue = 2},
                "out   rate_limit            VF 0     queue 2: waits 12.345 us for its rate limit"},
        {{.step = TRACE_VERDICT, .pool = FROM_WIRE, .from = FROM_WIRE, .verdict = &nobody},
                "in  2 sort_into_pools       wire     verdict                to nobody: the VLAN "
                "is "
                "in no filter, or nobody who wants the address is a member"},
        {{.step = TRACE_VERDICT, .pool = 1, .from = 1, .verdict = &wire_alone},
                "out 6 switch_locally        VF 0     verdict                to the wire"},
        {{.step = TRACE_VERDICT, .pool = 1, .from = 1, .verdict = &both},
                "out 6 switch_locally        VF 0     verdict                to VF 4 and to the "
                "wire, some by mirror rules"},
        {{.step = TRACE_WRITE_BACK,
                 .pool = 1,
                 .from = FROM_WIRE,
                 .status = RX_DD | RX_IPCS | RX_IPE | RX_L4CS},
                "in  5 write_back_rx         VF 0     queue 0: index 0, 0 bytes, done, IP checksum "
                "bad, L4 checksum good"},
        {{.step = TRACE_PORT_OUT, .pool = FROM_WIRE, .from = 0, .length = 60},
                "out 7 transmit_to_port      wire     60 bytes"},
        {{.step = TRACE_HELD, .pool = 3, .from = 1, .cell = 4},
                "out   held                  VF 2     VF 2 takes nothing now: in cell 4, and its "
                "sender waits"},
        {{.step = TRACE_INTERRUPT, .pool = 3, .from = 1, .note = "blocked"},
                "in  6 raise_interrupt       VF 2     00:00.0 vector 0, remapping entry 0: "
                "blocked"},
};

static void other_lines(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                char whole[1024];

                trace_describe(&others[i].e, 9, whole, sizeof(whole));
                assert_string_equal(whole, others[i].line);
                for (size_t size = 0; size <= strlen(whole) + 1; size++) {
                        char *cut = malloc(size + 1);

                        memset(cut, 'x', size + 1);
                        trace_describe(&others[i].e, 9, cut, size);
                        assert_int_equal(cut[size], 'x');
                        if (size > 0) {
                                assert_int_equal(strlen(cut), size - 1);
                                assert_memory_equal(cut, whole, size - 1);
                        }
                        free(cut);
                }
        }
}

/* ---- pictures ---- */

static char *picture_of(const struct trace_event *events, size_t n, uint32_t n_pools)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_int_equal(picture_write(f, events, n, n_pools), 0);
        assert_int_equal(fclose(f), 0);
        return text;
}

/* Elements are closed in their order, attributes are quoted, no stray < or &. */
static void expect_xml(const char *text)
{
        char open[32][16];
        size_t depth = 0;

        while (*text) {
                char name[16] = "";
                bool end = startswith(text, "</");

                if (*text == '&')
                        assert_true(startswith(text, "&lt;") || startswith(text, "&amp;"));
                if (*text++ != '<')
                        continue;
                text += end;
                assert_int_equal(sscanf(text, "%15[a-z]", name), 1);
                text += strlen(name);
                while (!end && *text == ' ') {
                        text += 1 + strcspn(text + 1, "=<>");
                        assert_memory_equal(text, "=\"", 2);
                        text += 2 + strcspn(text + 2, "\"<");
                        assert_int_equal(*text++, '"');
                }
                if (end) {
                        assert_true(depth > 0);
                        assert_string_equal(open[--depth], name);
                } else if (*text == '/') {
                        text++;
                } else {
                        assert_true(depth < ELEMENTSOF(open));
                        memcpy(open[depth++], name, sizeof(name));
                }
                assert_int_equal(*text++, '>');
        }
        assert_int_equal(depth, 0);
}

static void expect_picture(void (*tell_story)(struct story *s), const char *const *texts, size_t n)
{
        struct story s;
        char *text;

        tell_story(&s);
        text = picture_of(s.events, s.n, s.n_pools);
        expect_xml(text);
        assert_non_null(strstr(text, "@media(prefers-color-scheme:dark)"));
        for (size_t i = 0; i < n; i++)
                if (!strstr(text, texts[i]))
                        fail_msg("the picture does not say \"%s\"", texts[i]);
        free(text);
}

#define EXPECT_PICTURE(tell_story, ...)                                                            \
        do {                                                                                       \
                static const char *const texts[] = {__VA_ARGS__};                                  \
                expect_picture(tell_story, texts, ELEMENTSOF(texts));                              \
        } while (0)

static void pictures(void **state)
{
        (void) state;
        EXPECT_PICTURE(vf_to_vf, ">A frame of 60 bytes from VF 0<", ">guest of VF 0<", ">0x42000<",
                "0x7f042000<", ">index 5<", ">60 bytes in cell 7<", ">exact destination MAC<",
                ">may send this<", ">guest of VF 3<", ">index 17<", ">0x88000<",
                ">56 bytes, loopback, VLAN stripped<", ">vector 1<", ">remapping entry 12<",
                "dot new", "dot in");
        EXPECT_PICTURE(wire_to_all, ">A frame of 60 bytes from the wire<", ">8 receivers<", ">PF<",
                ">PF, VF 0-4,6-7<", "dot gone", ">VF 1: dropped<", ">and 2 more<");
        EXPECT_PICTURE(vf_to_wire, ">the wire<", ">60 bytes to the wire<");
        EXPECT_PICTURE(spoofed, ">refused: the source address", ">VF 0: dropped<");
        EXPECT_PICTURE(dma_blocked, ">blocked: not mapped for writing<", "box stop",
                ">VF 3: dropped<", ">the IOMMU blocked the receiver's<", ">buffer<");
}

static void picture_escapes(void **state)
{
        struct trace_event e = {
                .step = TRACE_INTERRUPT, .pool = 2, .from = FROM_WIRE, .note = "a<b & c>"};
        char *text;

        (void) state;
        struct trace_event events[] = {{.step = TRACE_RX_DESCRIPTORS, .pool = 2}, e};

        text = picture_of(events, 2, 9);
        expect_xml(text);
        assert_non_null(strstr(text, ">a&lt;b &amp; c><"));
        free(text);
        text = picture_of(NULL, 0, 1);
        expect_xml(text);
        assert_non_null(strstr(text, ">No frame was seen<"));
        free(text);
}

/* Whatever comes, in whatever order. */
static void any_events(void **state)
{
        static struct pool_set set;
        struct verdict verdict = {.n = 3, .pool = 2};
        uint64_t random = 7;

        (void) state;
        memset(&set, 0x5a, sizeof(set));
        for (unsigned round = 0; round < 3000; round++) {
                struct trace_event events[40];
                size_t n = round % ELEMENTSOF(events);
                char line[256], *text;

                for (size_t i = 0; i < n; i++) {
                        random = random * 6364136223846793005u + 1442695040888963407u;
                        events[i] = (struct trace_event){
                                .step = (random >> 33) % TRACE_STEP_MAX,
                                .pool = random >> 40 & 1 ? FROM_WIRE : random >> 41 & 31,
                                .from = random >> 50 & 1 ? FROM_WIRE : random >> 51 & 7,
                                .length = (uint32_t) (random >> 20) & 127,
                                .access = random >> 60 & 3,
                                .blocked = random >> 57 & 1 ? IOMMU_NO_READ : 0,
                                .reason = (random >> 45) % DROP_MAX,
                                .rule = (random >> 35) % RULE_MAX,
                                .set = random >> 59 & 1 ? &set : NULL,
                                .verdict = random >> 58 & 1 ? &verdict : NULL,
                                .bytes = random >> 56 & 1 ? frame : NULL,
                        };
                        if (events[i].length > sizeof(frame))
                                events[i].bytes = NULL;
                        trace_describe(&events[i], 33, line, sizeof(line));
                        assert_true(strlen(line) > 36);
                }
                text = picture_of(events, n, round % 2 ? 33 : POOLS_MAX);
                expect_xml(text);
                free(text);
        }
}

static void picture_not_written(void **state)
{
        FILE *f = fopen("/dev/full", "we");
        struct story s;

        (void) state;
        assert_non_null(f);
        setvbuf(f, NULL, _IONBF, 0);
        vf_to_vf(&s);
        assert_int_equal(picture_write(f, s.events, s.n, s.n_pools), -EIO);
        fclose(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names),
                cmocka_unit_test(ranges),
                cmocka_unit_test(ranges_read_back),
                cmocka_unit_test(ranges_cut_off),
                cmocka_unit_test(frames),
                cmocka_unit_test(lines_vf_to_vf),
                cmocka_unit_test(lines_wire_to_all),
                cmocka_unit_test(other_lines),
                cmocka_unit_test(pictures),
                cmocka_unit_test(picture_escapes),
                cmocka_unit_test(any_events),
                cmocka_unit_test(picture_not_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
