/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration space as the doctor reads it: real layouts, cut ones, loops, and noise. */
#include "doctor/pcicaps.h"
#include "unit.h"

static void put16(uint8_t *at, uint16_t value)
{
        at[0] = (uint8_t) value;
        at[1] = (uint8_t) (value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
        put16(at, (uint16_t) value);
        put16(at + 2, (uint16_t) (value >> 16));
}

/* An 82576: MSI at 0x50, PCI Express at 0xa0; serial number, ARI and SR-IOV behind 0x100. */
static void make_igb(uint8_t *c)
{
        memset(c, 0, CONFIG_SPACE_MAX);
        put16(c, 0x8086);
        put16(c + 2, 0x10c9);
        c[6] = 0x10;
        c[0x34] = 0x50;
        c[0x50] = 0x05;
        c[0x51] = 0xa0;
        c[0xa0] = 0x10;
        put16(c + 0xa2, 0x0002);
        put32(c + 0x100, 0x0003u | 1u << 16 | 0x150u << 20);
        put32(c + 0x104, 0xdeadbeef);
        put32(c + 0x150, 0x000eu | 1u << 16 | 0x160u << 20);
        put32(c + 0x160, 0x0010u | 1u << 16);
        put16(c + 0x168, 1u << 4);
        put16(c + 0x16c, 8);
        put16(c + 0x16e, 8);
        put16(c + 0x170, 3);
        put16(c + 0x174, 0x80);
        put16(c + 0x176, 2);
        put16(c + 0x17a, 0x10ca);
        put32(c + 0x180, 1);
        put32(c + 0x184, 0xfe00000c);
}

static void test_pf(void **state)
{
        uint8_t c[CONFIG_SPACE_MAX];
        struct pci_caps caps;

        (void) state;
        make_igb(c);
        pci_caps_parse(c, sizeof(c), &caps);
        assert_int_equal(caps.seen, CAPS_ALL);
        assert_true(caps.express && caps.ari && caps.sriov && caps.ari_hierarchy);
        assert_false(caps.bridge);
        assert_int_equal(caps.total_vfs, 8);
        assert_int_equal(caps.initial_vfs, 8);
        assert_int_equal(caps.num_vfs, 3);
        assert_int_equal(caps.offset, 0x80);
        assert_int_equal(caps.stride, 2);
        assert_int_equal(caps.vf_device_id, 0x10ca);
        assert_int_equal(caps.page_size, 1);
        assert_int_equal(caps.vf_bars[0], 0xfe00000c);
        assert_int_equal(caps.serial_at, 0x104);
}

static void test_what_a_user_sees(void **state)
{
        uint8_t c[CONFIG_SPACE_MAX];
        struct pci_caps caps;

        (void) state;
        make_igb(c);
        pci_caps_parse(c, 64, &caps);
        assert_int_equal(caps.seen, CAPS_HEADER);
        assert_false(caps.express || caps.sriov || caps.ari);
        pci_caps_parse(c, 256, &caps);
        assert_int_equal(caps.seen, CAPS_STANDARD);
        assert_true(caps.express);
        assert_false(caps.sriov);
        pci_caps_parse(c, 63, &caps);
        assert_int_equal(caps.seen, CAPS_NOTHING);
        pci_caps_parse(c, 0, &caps);
        assert_int_equal(caps.seen, CAPS_NOTHING);
}

static void test_bridge(void **state)
{
        uint8_t c[CONFIG_SPACE_MAX] = {0x86, 0x80};
        struct pci_caps caps;

        (void) state;
        c[6] = 0x10;
        c[0x0e] = 0x81; /* multifunction */
        c[0x19] = 0x3b;
        c[0x1a] = 0x3c;
        c[0x34] = 0x40;
        c[0x40] = 0x10;
        put16(c + 0x42, 0x0042);
        put32(c + 0x64, 1u << 5);
        pci_caps_parse(c, 256, &caps);
        assert_true(caps.bridge && caps.ari_forwarding_supported);
        assert_false(caps.ari_forwarding);
        assert_int_equal(caps.secondary, 0x3b);
        assert_int_equal(caps.subordinate, 0x3c);
        put16(c + 0x68, 1u << 5);
        pci_caps_parse(c, 256, &caps);
        assert_true(caps.ari_forwarding);
        put16(c + 0x42, 0x0041); /* version 1: these registers do not exist */
        pci_caps_parse(c, 256, &caps);
        assert_false(caps.ari_forwarding || caps.ari_forwarding_supported);
}

static void test_gone(void **state)
{
        uint8_t c[CONFIG_SPACE_MAX];
        struct pci_caps caps;

        (void) state;
        memset(c, 0xff, sizeof(c));
        pci_caps_parse(c, sizeof(c), &caps);
        assert_int_equal(caps.seen, CAPS_NOTHING);
}

static void test_loops_end(void **state)
{
        uint8_t c[CONFIG_SPACE_MAX];
        struct pci_caps caps;

        (void) state;
        make_igb(c);
        c[0xa1] = 0x50;                                      /* back to the first */
        put32(c + 0x160, 0x0010u | 1u << 16 | 0x150u << 20); /* likewise */
        pci_caps_parse(c, sizeof(c), &caps);
        assert_int_equal(caps.total_vfs, 8);
        c[0x51] = 0x50; /* itself */
        pci_caps_parse(c, sizeof(c), &caps);
        assert_false(caps.express);
}

/* A capability that is cut off by the end of what was read is not there. */
static void test_cut(void **state)
{
        _cleanup_(freep) uint8_t *exact = NULL;
        uint8_t c[CONFIG_SPACE_MAX];
        struct pci_caps caps;

        (void) state;
        make_igb(c);
        for (size_t n = 0; n < 0x1b0; n++) {
                free(exact);
                exact = malloc(n + 1); /* a byte more would be somebody else's: ASan, valgrind */
                assert_non_null(exact);
                memcpy(exact, c, n);
                pci_caps_parse(exact, n, &caps);
                assert_int_equal(caps.sriov, n >= 0x160 + 0x40);
                assert_int_equal(caps.serial_at, n >= 0x10c ? 0x104 : 0);
        }
}

static void test_noise(void **state)
{
        uint8_t c[CONFIG_SPACE_MAX];
        struct pci_caps caps;

        (void) state;
        srandom(20261121);
        for (unsigned round = 0; round < 3000; round++) {
                size_t n = (size_t) random() % (sizeof(c) + 1);

                make_igb(c);
                if (round % 2)
                        for (unsigned i = 0; i < 20; i++)
                                c[(size_t) random() % 0x1c0] = (uint8_t) random();
                else
                        for (size_t i = 0; i < n; i++)
                                c[i] = (uint8_t) random();
                pci_caps_parse(c, n, &caps);
                assert_true(caps.serial_at == 0 || (size_t) caps.serial_at + 8 <= n);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pf),
                cmocka_unit_test(test_what_a_user_sees),
                cmocka_unit_test(test_bridge),
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_loops_end),
                cmocka_unit_test(test_cut),
                cmocka_unit_test(test_noise),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
