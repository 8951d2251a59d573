/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host/vfmsg: bytes sent, replies of every size, and replies that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../fixtures/vfmsg.h"
#include "host/vfmsg.h"

#define NONE UINT32_MAX

static struct vf_readings decode(const struct kreply *reply)
{
        struct vf_readings readings;
        struct kmsg m = kreply_build(reply);

        assert_int_equal(vfmsg_decode_vfs(m.p, m.n, &readings), 0);
        free(m.p);
        assert_int_equal(readings.num_vfs, reply->num_vfs);
        return readings;
}

static void check_vf(const struct vf_readings *readings, uint32_t i)
{
        const struct vf_reading *vf = vf_readings_find(readings, i);
        const struct mac mac = {{0x02, 0, 0, (uint8_t) (i >> 16), (uint8_t) (i >> 8), (uint8_t) i}};

        assert_non_null(vf);
        assert_int_equal(vf->vf, i);
        assert_int_equal(vf->attrs.present,
                (BIT(VF_ATTR_MAX) - 1) & ~BIT(VF_ATTR_NODE_GUID) & ~BIT(VF_ATTR_PORT_GUID));
        assert_memory_equal(vf->attrs.mac.b, mac.b, 6);
        assert_int_equal(vf->attrs.vlan, kvlan(i));
        assert_int_equal(vf->attrs.qos, i % 8);
        assert_int_equal(vf->attrs.vlan_proto, VLAN_PROTO_8021Q);
        assert_int_equal(vf->attrs.min_tx_rate, i);
        assert_int_equal(vf->attrs.max_tx_rate, i * 10);
        assert_int_equal(vf->attrs.spoofchk, i & 1);
        assert_int_equal(vf->attrs.trust, i & 1);
        assert_int_equal(vf->attrs.query_rss, i & 1);
        assert_int_equal(vf->attrs.link_state, i % 3);
}

/* One count: all right, or all unknown; never anything else. And the PF's own data, always. */
static void check_count(uint32_t n, bool stats, bool fits)
{
        const struct kreply with = {.num_vfs = n, .vf_filter = true, .stats = stats, .omit = NONE};
        const struct kreply without = {.num_vfs = n, .omit = NONE};
        struct vf_readings readings = decode(&with);
        struct link_reading link;
        struct kmsg m;

        assert_int_equal(readings.trusted, fits);
        assert_int_equal(readings.n, fits ? n : 0);
        for (uint32_t i = 0; fits && i < n; i++) {
                const struct vf_reading *vf = vf_readings_find(&readings, i);

                check_vf(&readings, i);
                assert_int_equal(vf->stats_known, stats);
                for (unsigned k = 0; stats && k < VF_STAT_MAX; k++)
                        assert_int_equal(vf->stats[k], 1000000ull * i + k);
        }
        if (fits && n > 0)
                assert_int_equal(readings.entry_size, stats ? 296 : 196);
        vf_readings_done(&readings);

        m = kreply_build(&without);
        assert_int_equal(vfmsg_decode_link(m.p, m.n, &link), 0);
        free(m.p);
        assert_memory_equal(link.address, kpf_mac, 6);
        assert_memory_equal(link.permanent, kpf_permanent, 6);
        assert_int_equal(link.mtu, 9000);
}

static void test_counts(_unused_ void **state)
{
        static const uint32_t counts[] = {0, 1, 7, 220, 221, 222, 223, 333, 334, 335, 336, 442, 443,
                512, 668, 669, 1024, 4096};

        for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
                check_count(counts[i], true, counts[i] <= 221);
                check_count(counts[i], false, counts[i] <= 334);
        }
}

static void test_fits(_unused_ void **state)
{
        assert_true(vfmsg_fits(221, 196, VFMSG_STATS_SIZE));
        assert_false(vfmsg_fits(222, 196, VFMSG_STATS_SIZE));
        assert_true(vfmsg_fits(334, 196, 0));
        assert_false(vfmsg_fits(335, 196, 0));
        assert_false(vfmsg_fits(UINT32_MAX, UINT32_MAX, UINT32_MAX));
}

/* By the vf field, not by position; who did not answer is not there, and not somebody else. */
static void test_omitted(_unused_ void **state)
{
        const struct kreply reply = {.num_vfs = 8, .vf_filter = true, .omit = 3, .backwards = true};
        struct vf_readings readings = decode(&reply);

        assert_true(readings.trusted);
        assert_int_equal(readings.n, 7);
        assert_null(vf_readings_find(&readings, 3));
        assert_null(vf_readings_find(&readings, 8));
        for (uint32_t i = 0; i < 8; i++)
                if (i != 3)
                        check_vf(&readings, i);
        vf_readings_done(&readings);
}

static void test_sentinels(_unused_ void **state)
{
        const struct kreply reply = {
                .num_vfs = 2, .vf_filter = true, .omit = NONE, .sentinels = true};
        const uint32_t absent = BIT(VF_ATTR_SPOOFCHK) | BIT(VF_ATTR_TRUST) | BIT(VF_ATTR_QUERY_RSS);
        struct vf_readings readings = decode(&reply);

        assert_int_equal(readings.n, 2);
        assert_int_equal(readings.list[1].attrs.present & absent, 0);
        assert_true(vf_attrs_has(&readings.list[1].attrs, VF_ATTR_LINK_STATE));
        vf_readings_done(&readings);
}

static void test_vlan_proto(_unused_ void **state)
{
        struct kreply reply = {
                .num_vfs = 1, .vf_filter = true, .omit = NONE, .proto = ETH_P_8021AD};
        struct vf_readings readings = decode(&reply);

        assert_int_equal(readings.list[0].attrs.vlan_proto, VLAN_PROTO_8021AD);
        vf_readings_done(&readings);

        reply.proto = 0x1234; /* neither: the VLAN is known, its protocol is not */
        readings = decode(&reply);
        assert_true(vf_attrs_has(&readings.list[0].attrs, VF_ATTR_VLAN));
        assert_false(vf_attrs_has(&readings.list[0].attrs, VF_ATTR_VLAN_PROTO));
        vf_readings_done(&readings);
}

static void test_infiniband(_unused_ void **state)
{
        struct kreply reply = {.num_vfs = 277,
                .vf_filter = true,
                .guids = true,
                .omit = NONE,
                .type = ARPHRD_INFINIBAND};
        struct vf_readings readings = decode(&reply);

        assert_true(readings.trusted);
        assert_false(vf_attrs_has(&readings.list[5].attrs, VF_ATTR_MAC));
        assert_int_equal(readings.list[5].attrs.node_guid, 0x1100000000000005ull);
        assert_int_equal(readings.list[5].attrs.port_guid, 0x2200000000000005ull);
        vf_readings_done(&readings);

        reply.num_vfs = 278;
        readings = decode(&reply);
        assert_false(readings.trusted);
        vf_readings_done(&readings);
}

/* Both the same index, one beyond the count, and a list before its count. */
static void test_ambiguous(_unused_ void **state)
{
        const struct kreply reply = {.num_vfs = 3, .vf_filter = true, .omit = NONE};
        struct ifinfomsg header = {.ifi_type = ARPHRD_ETHER};
        static const uint32_t pairs[][2] = {{1, 1}, {0, 3}, {0, NONE - 1}};
        struct vf_readings readings;

        for (size_t i = 0; i < ELEMENTSOF(pairs) + 1; i++) {
                bool uncounted = i == ELEMENTSOF(pairs);
                struct kmsg m = {0};
                size_t nest;

                kput_raw(&m, &header, sizeof(header));
                if (!uncounted)
                        kput(&m, IFLA_NUM_VF, &reply.num_vfs, sizeof(reply.num_vfs));
                nest = knest(&m, IFLA_VFINFO_LIST);
                kvf(&m, &reply, uncounted ? 0 : pairs[i][0]);
                kvf(&m, &reply, uncounted ? 1 : pairs[i][1]);
                knest_end(&m, nest);
                assert_int_equal(vfmsg_decode_vfs(m.p, m.n, &readings), 0);
                assert_false(readings.trusted);
                assert_int_equal(readings.n, 0);
                vf_readings_done(&readings);
                free(m.p);
        }
}

/* Cut at every byte, and with every byte of the head changed: no crash, no more VFs than there are.
 */
static void test_hostile(_unused_ void **state)
{
        const struct kreply reply = {
                .num_vfs = 3, .vf_filter = true, .stats = true, .guids = true, .omit = NONE};
        struct kmsg m = kreply_build(&reply);
        struct vf_readings readings;
        struct link_reading link;

        for (size_t n = 0; n <= m.n; n++) {
                uint8_t *exact = malloc(n ? n : 1);

                assert_non_null(exact);
                memcpy(exact, m.p, n);
                if (vfmsg_decode_vfs(exact, n, &readings) == 0) {
                        assert_true(readings.n <= 3);
                        vf_readings_done(&readings);
                }
                vfmsg_decode_link(exact, n, &link);
                free(exact);
        }
        for (size_t i = 0; i < m.n; i++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        m.p[i] ^= (uint8_t) (1u << bit);
                        if (vfmsg_decode_vfs(m.p, m.n, &readings) == 0) {
                                assert_true(readings.trusted || readings.n == 0);
                                vf_readings_done(&readings);
                        }
                        vfmsg_decode_link(m.p, m.n, &link);
                        m.p[i] ^= (uint8_t) (1u << bit);
                }
        free(m.p);
        assert_int_equal(vfmsg_decode_vfs("", 0, &readings), -EBADMSG);
        assert_int_equal(vfmsg_decode_link("", 0, &link), -EBADMSG);
}

/* The list is not taken from a message of another VF's attributes: two indices in one entry. */
static void test_mixed_entry(_unused_ void **state)
{
        const struct kreply reply = {.num_vfs = 2, .vf_filter = true, .omit = NONE};
        struct kmsg m = kreply_build(&reply);
        struct vf_readings readings;
        struct ifla_vf_trust trust = {.vf = 1, .setting = 1};

        for (size_t i = 0; i + sizeof(trust) <= m.n; i += 4)
                if (memcmp(m.p + i, &trust, sizeof(trust)) == 0 && m.p[i - 2] == IFLA_VF_TRUST)
                        m.p[i] = 0;
        assert_int_equal(vfmsg_decode_vfs(m.p, m.n, &readings), 0);
        assert_false(readings.trusted);
        vf_readings_done(&readings);
        free(m.p);
}

static void test_link(_unused_ void **state)
{
        const struct kreply reply = {.omit = NONE};
        struct kmsg m = kreply_build(&reply);
        struct link_reading link;

        assert_int_equal(vfmsg_decode_link(m.p, m.n, &link), 0);
        assert_int_equal(link.ifindex, 7);
        assert_int_equal(link.type, ARPHRD_ETHER);
        assert_true(link.admin_up);
        assert_string_equal(link.name, "enp59s0f0");
        assert_string_equal(link.operstate, "up");
        assert_string_equal(link.port_name, "p0");
        assert_int_equal(link.address_len, 6);
        assert_int_equal(link.permanent_len, 6);
        free(m.p);
}

/* ---- encoding -------------------------------------------------------------------------------- */

static struct vf_attrs every_attr(void)
{
        struct vf_attrs a = vf_attrs_baseline;

        a.mac = (struct mac){{2, 0, 0, 0xaa, 0xbb, 0xcc}};
        a.vlan = 100;
        a.qos = 3;
        a.min_tx_rate = 10;
        a.max_tx_rate = 2000;
        a.link_state = VF_LINK_DISABLE;
        a.trust = a.query_rss = true;
        a.node_guid = 0x0011223344556677ull;
        a.port_guid = 0x8899aabbccddeeffull;
        return a;
}

static void check_bytes(
        enum vf_setting setting, const struct vf_attrs *a, const void *want, size_t n)
{
        uint8_t buf[VFMSG_ENCODED_MAX];
        size_t got;

        assert_int_equal(vfmsg_encode(3, setting, a, buf, &got), 0);
        assert_int_equal(got, n);
        assert_memory_equal(buf, want, n);
}

/* Little-endian as everything this runs on; what the kernel takes as bytes is given as bytes. */
static void test_encode_bytes(_unused_ void **state)
{
        struct vf_attrs a = every_attr();
        static const uint8_t mac[48] = {
                48, 0, 22, 0, 44, 0, 1, 0, 40, 0, 1, 0, 3, 0, 0, 0, 2, 0, 0, 0xaa, 0xbb, 0xcc};
        static const uint8_t vlan[24] = {
                24, 0, 22, 0, 20, 0, 1, 0, 16, 0, 2, 0, 3, 0, 0, 0, 100, 0, 0, 0, 3, 0, 0, 0};
        static const uint8_t qinq[32] = {32, 0, 22, 0, 28, 0, 1, 0, 24, 0, 12, 0, 20, 0, 1, 0, 3, 0,
                0, 0, 100, 0, 0, 0, 3, 0, 0, 0, 0x88, 0xa8, 0, 0};
        static const uint8_t rate[24] = {
                24, 0, 22, 0, 20, 0, 1, 0, 16, 0, 6, 0, 3, 0, 0, 0, 10, 0, 0, 0, 0xd0, 0x07, 0, 0};
        static const uint8_t link[20] = {
                20, 0, 22, 0, 16, 0, 1, 0, 12, 0, 5, 0, 3, 0, 0, 0, 2, 0, 0, 0};
        static const uint8_t guid[28] = {28, 0, 22, 0, 24, 0, 1, 0, 20, 0, 10, 0, 3, 0, 0, 0, 0, 0,
                0, 0, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0};

        check_bytes(VF_SETTING_MAC, &a, mac, sizeof(mac));
        check_bytes(VF_SETTING_VLAN, &a, vlan, sizeof(vlan));
        check_bytes(VF_SETTING_RATE, &a, rate, sizeof(rate));
        check_bytes(VF_SETTING_LINK_STATE, &a, link, sizeof(link));
        check_bytes(VF_SETTING_NODE_GUID, &a, guid, sizeof(guid));
        a.vlan_proto = VLAN_PROTO_8021AD;
        check_bytes(VF_SETTING_VLAN, &a, qinq, sizeof(qinq));
}

/* What is encoded reads back as itself, in a reply that holds the same list. */
static void test_round_trip(_unused_ void **state)
{
        struct vf_attrs a = every_attr();

        for (unsigned proto = 0; proto < VLAN_PROTO_MAX; proto++) {
                a.vlan_proto = proto;
                for (unsigned setting = 0; setting < VF_SETTING_MAX; setting++) {
                        struct ifinfomsg header = {.ifi_type = ARPHRD_ETHER};
                        struct vf_readings readings;
                        uint8_t buf[VFMSG_ENCODED_MAX];
                        struct kmsg m = {0};
                        size_t n;

                        assert_int_equal(vfmsg_encode(3, setting, &a, buf, &n), 0);
                        kput_raw(&m, &header, sizeof(header));
                        kput(&m, IFLA_NUM_VF, &(uint32_t){4}, sizeof(uint32_t));
                        kput_raw(&m, buf, n);
                        assert_int_equal(vfmsg_decode_vfs(m.p, m.n, &readings), 0);
                        assert_true(readings.trusted);
                        assert_int_equal(readings.n, 1);
                        assert_int_equal(readings.list[0].vf, 3);
                        assert_int_equal(readings.list[0].attrs.present, vf_setting_attrs(setting));
                        assert_int_equal(vf_attrs_differ(&readings.list[0].attrs, &a), 0);
                        vf_readings_done(&readings);
                        free(m.p);
                }
        }
}

static void test_encode_refuses(_unused_ void **state)
{
        struct vf_attrs a = every_attr();
        uint8_t buf[VFMSG_ENCODED_MAX];
        size_t n;

        assert_int_equal(vfmsg_encode(INT32_MAX, VF_SETTING_MAC, &a, buf, &n), -EINVAL);
        assert_int_equal(vfmsg_encode(NO_VF, VF_SETTING_MAC, &a, buf, &n), -EINVAL);
        assert_int_equal(vfmsg_encode(0, VF_SETTING_MAX, &a, buf, &n), -EINVAL);
        a.present &= ~BIT(VF_ATTR_MIN_TX_RATE); /* both or none: the kernel applies both */
        assert_int_equal(vfmsg_encode(0, VF_SETTING_RATE, &a, buf, &n), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_fits),
                cmocka_unit_test(test_omitted),
                cmocka_unit_test(test_sentinels),
                cmocka_unit_test(test_vlan_proto),
                cmocka_unit_test(test_infiniband),
                cmocka_unit_test(test_ambiguous),
                cmocka_unit_test(test_hostile),
                cmocka_unit_test(test_mixed_entry),
                cmocka_unit_test(test_link),
                cmocka_unit_test(test_encode_bytes),
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_encode_refuses),
        };

        return cmocka_run_group_tests_name("vfmsg", tests, NULL, NULL);
}
