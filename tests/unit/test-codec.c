/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values through a message and back, and what the getters refuse. */
#include <sys/socket.h>

#include "backend/codec.h"
#include "unit.h"

static sd_bus *bus;
static int other_end = -1;

/* Messages need a bus that has been started; nothing is sent. */
static int setup(void **state _unused_)
{
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0 ||
                sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fds[0], fds[0]) < 0)
                return -1;
        other_end = fds[1];
        return sd_bus_start(bus) < 0 ? -1 : 0;
}

static int teardown(void **state _unused_)
{
        bus = sd_bus_close_unref(bus);
        close(other_end);
        return 0;
}

static sd_bus_message *writer(void)
{
        sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_signal(bus, &m, "/a", "a.b", "C") >= 0);
        return m;
}

static void reader(sd_bus_message *m, const char *signature)
{
        assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        assert_true(sd_bus_message_rewind(m, true) >= 0);
        assert_true(sd_bus_message_has_signature(m, signature));
}

static int pf_through(const struct pf_facts *from, struct pf_facts *to)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = writer();

        assert_true(codec_put_pf(m, from) >= 0);
        reader(m, SIG_PF);
        return codec_get_pf(m, to);
}

static struct pf_facts many_facts(uint32_t n)
{
        struct pf_facts pf = igb_facts(n);

        pf.total_vfs = VFS_MAX;
        snprintf(pf.vendor, sizeof(pf.vendor), "Intel Corporation");
        snprintf(pf.serial, sizeof(pf.serial), "90-e2-ba");
        snprintf(pf.path, sizeof(pf.path), "0000:00:1c.0/00.0");
        snprintf(pf.slot, sizeof(pf.slot), "3-1");
        snprintf(pf.busy_step, sizeof(pf.busy_step), "set_numvfs");
        pf.busy_usec = UINT64_C(1) << 40;
        pf.has_mac = true;
        pf.mac = (struct mac){{2, 0, 0, 0xaa, 0xbb, 0xcc}};
        pf.admin_up = true;
        for (uint32_t i = 0; i < n; i++) {
                struct vf_facts *vf = &pf.vfs[i];

                vf->attrs.mac = (struct mac){{2, 0, 0, 0, (uint8_t) (i >> 8), (uint8_t) i}};
                vf->attrs.vlan = i % 4095;
                vf->attrs.vlan_proto = VLAN_PROTO_8021AD;
                vf->attrs.max_tx_rate = i;
                vf->attrs.node_guid = UINT64_MAX - i;
                vf->attrs.present |= BIT(VF_ATTR_NODE_GUID);
                vf->stats_known = i % 2;
                for (unsigned k = 0; vf->stats_known && k < VF_STAT_MAX; k++)
                        vf->stats[k] = UINT64_MAX - k - i;
        }
        return pf;
}

static void test_pf(void **state _unused_)
{
        _cleanup_(pf_facts_done) struct pf_facts from = many_facts(4096), to = {0};

        assert_int_equal(pf_through(&from, &to), 0);
        assert_string_equal(to.id.str, from.id.str);
        assert_string_equal(to.driver, "igb");
        assert_string_equal(to.vendor, from.vendor);
        assert_string_equal(to.serial, from.serial);
        assert_string_equal(to.path, "0000:00:1c.0/00.0");
        assert_string_equal(to.slot, "3-1");
        assert_string_equal(to.busy_step, "set_numvfs");
        assert_int_equal(to.busy_usec, from.busy_usec);
        assert_int_equal(to.n_netdevs, 1);
        assert_string_equal(to.netdevs[0], "enp1s0");
        assert_int_equal(to.pci_class, 0x020000);
        assert_int_equal(to.vendor_id, 0x8086);
        assert_int_equal(to.device_id, 0x10c9);
        assert_int_equal(to.total_vfs, VFS_MAX);
        assert_int_equal(to.num_vfs, 4096);
        assert_int_equal(to.offset, -1);
        assert_int_equal(to.autoprobe, 1);
        assert_int_equal(to.iommu_group, 10);
        assert_true(to.admin_up && to.has_mac);
        assert_memory_equal(&to.mac, &from.mac, sizeof(to.mac));
        assert_int_equal(to.n_vfs, 4096);
        for (uint32_t i = 0; i < to.n_vfs; i++) {
                const struct vf_facts *a = &from.vfs[i], *b = &to.vfs[i];

                assert_int_equal(b->index, i);
                assert_string_equal(a->address, b->address);
                assert_string_equal(a->driver, b->driver);
                assert_string_equal(a->netdev, b->netdev);
                assert_string_equal(a->reset_methods, b->reset_methods);
                assert_int_equal(a->iommu_group, b->iommu_group);
                assert_int_equal(a->enable, b->enable);
                assert_true(b->attrs_known && vf_attrs_equal(&a->attrs, &b->attrs));
                assert_int_equal(a->stats_known, b->stats_known);
                assert_memory_equal(a->stats, b->stats, sizeof(a->stats));
        }
}

static void test_pf_no_vfs(void **state _unused_)
{
        _cleanup_(pf_facts_done) struct pf_facts from = igb_facts(0), to = {0};

        assert_int_equal(pf_through(&from, &to), 0);
        assert_int_equal(to.n_vfs, 0);
        assert_null(to.vfs);
}

/* Names are bytes to the kernel; on the bus they come escaped and still fit. */
static void test_pf_not_utf8(void **state _unused_)
{
        _cleanup_(pf_facts_done) struct pf_facts from = igb_facts(1), to = {0};

        snprintf(from.vfs[0].driver_override, DRIVER_MAX, "a\xff");
        memset(from.serial, 0xfe, sizeof(from.serial) - 1);
        snprintf(from.netdevs[0], NETDEV_MAX, "\xff\xff\xff\xff\xff\xff\xff");
        assert_int_equal(pf_through(&from, &to), 0);
        assert_string_equal(to.vfs[0].driver_override, "a\\xff");
        assert_true(startswith(to.serial, "\\xfe\\xfe"));
        assert_string_equal(to.netdevs[0], "\\xff\\xff\\xff");
}

/* Each spoils good readings of a PF with two VFs. */
static void bad_id(struct pf_facts *pf)
{
        pf->id.str[0] = 'x';
}

static void bad_class(struct pf_facts *pf)
{
        pf->pci_class = 1u << 24;
}

static void bad_total(struct pf_facts *pf)
{
        pf->total_vfs = VFS_MAX + 1;
}

static void bad_num(struct pf_facts *pf)
{
        pf->num_vfs = VFS_MAX + 1;
}

static void bad_autoprobe(struct pf_facts *pf)
{
        pf->autoprobe = 2;
}

static void bad_stride(struct pf_facts *pf)
{
        pf->stride = UINT16_MAX + 1;
}

static void bad_mtu(struct pf_facts *pf)
{
        pf->mtu = -2;
}

static void bad_netdev(struct pf_facts *pf)
{
        snprintf(pf->netdevs[0], NETDEV_MAX, "a/b");
}

static void bad_order(struct pf_facts *pf)
{
        pf->vfs[0].index = 1;
        pf->vfs[1].index = 0;
}

static void bad_twice(struct pf_facts *pf)
{
        pf->vfs[1].index = 0;
}

static void bad_index(struct pf_facts *pf)
{
        pf->vfs[1].index = VFS_MAX;
}

static void bad_group(struct pf_facts *pf)
{
        pf->vfs[1].iommu_group = -2;
}

static void bad_enable(struct pf_facts *pf)
{
        pf->vfs[1].enable = -2;
}

static void bad_vlan(struct pf_facts *pf)
{
        pf->vfs[1].attrs.vlan = VLAN_ID_MAX + 1;
}

static void bad_qos(struct pf_facts *pf)
{
        pf->vfs[1].attrs.qos = VLAN_QOS_MAX + 1;
}

static void bad_proto(struct pf_facts *pf)
{
        pf->vfs[1].attrs.vlan_proto = VLAN_PROTO_MAX;
}

static void bad_link(struct pf_facts *pf)
{
        pf->vfs[1].attrs.link_state = VF_LINK_MAX;
}

static void test_pf_refused(void **state _unused_)
{
        static void (*const spoil[])(struct pf_facts * pf) = {bad_id, bad_class, bad_total, bad_num,
                bad_autoprobe, bad_stride, bad_mtu, bad_netdev, bad_order, bad_twice, bad_index,
                bad_group, bad_enable, bad_vlan, bad_qos, bad_proto, bad_link};

        for (size_t i = 0; i < ELEMENTSOF(spoil); i++) {
                _cleanup_(pf_facts_done) struct pf_facts from = igb_facts(2);
                struct pf_facts to = {.n_vfs = 77};

                spoil[i](&from);
                assert_int_equal(pf_through(&from, &to), -EBADMSG);
                assert_int_equal(to.n_vfs, 77); /* untouched */
        }
}

/* Things that a putter would not write: appended by hand. */
static void test_attrs_refused(void **state _unused_)
{
        static const struct {
                uint32_t present, reset;
                uint64_t mac;
        } bad[] = {
                {BIT(VF_ATTR_MAX), 0, 0},
                {0, BIT(VF_ATTR_MAX), 0},
                {BIT(VF_ATTR_VLAN), BIT(VF_ATTR_VLAN), 0},
                {BIT(VF_ATTR_MAC), 0, UINT64_C(1) << 48},
        };

        for (size_t i = 0; i <= ELEMENTSOF(bad); i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = writer();
                _cleanup_(freep) struct step *steps = NULL;
                bool good = i == ELEMENTSOF(bad);
                size_t n = 0;

                assert_true(sd_bus_message_append(m, SIG_STEPS, 1, "set_vf", 3, 0, VF_SETTING_VLAN,
                                    good ? BIT(VF_ATTR_VLAN) : bad[i].present,
                                    good ? 0 : bad[i].reset, good ? UINT64_C(0) : bad[i].mac, 0, 0,
                                    0, 0, 0, 0, 0, 0, 0, UINT64_C(0), UINT64_C(0), "", 0) >= 0);
                reader(m, SIG_STEPS);
                assert_int_equal(codec_get_steps(m, &steps, &n), good ? 0 : -EBADMSG);
                assert_int_equal(n, good);
        }
}

static void test_steps(void **state _unused_)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = writer();
        _cleanup_(freep) struct step *to = NULL;
        const struct step from[] = {
                {.kind = STEP_SET_NUMVFS, .vf = NO_VF, .value = 63, .force = true},
                {.kind = STEP_BIND, .vf = 5, .name = "vfio-pci"},
                {.kind = STEP_SET_VF,
                        .vf = 6,
                        .setting = VF_SETTING_RATE,
                        .attrs = {.present = BIT(VF_ATTR_MIN_TX_RATE) | BIT(VF_ATTR_MAX_TX_RATE),
                                .max_tx_rate = UINT32_MAX}},
        };
        size_t n = 0;

        assert_true(codec_put_steps(m, from, ELEMENTSOF(from)) >= 0);
        reader(m, SIG_STEPS);
        assert_int_equal(codec_get_steps(m, &to, &n), 0);
        assert_int_equal(n, ELEMENTSOF(from));
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(to[i].kind, from[i].kind);
                assert_int_equal(to[i].vf, from[i].vf);
                assert_int_equal(to[i].value, from[i].value);
                assert_int_equal(to[i].setting, from[i].setting);
                assert_int_equal(to[i].force, from[i].force);
                assert_string_equal(to[i].name, from[i].name);
                assert_true(vf_attrs_equal(&to[i].attrs, &from[i].attrs));
        }
}

static int step_through(const char *kind, uint32_t setting, const char *name)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = writer();
        _cleanup_(freep) struct step *steps = NULL;
        size_t n = 0;

        assert_true(sd_bus_message_append(m, SIG_STEPS, 1, kind, 3, 0, setting, 0, 0, UINT64_C(0),
                            0, 0, 0, 0, 0, 0, 0, 0, 0, UINT64_C(0), UINT64_C(0), name, 0) >= 0);
        reader(m, SIG_STEPS);
        return codec_get_steps(m, &steps, &n);
}

static void test_steps_refused(void **state _unused_)
{
        char name[DRIVER_MAX + 1];

        memset(name, 'a', DRIVER_MAX);
        name[DRIVER_MAX] = '\0';
        assert_int_equal(step_through("bind", 0, name + 1), 0);
        assert_int_equal(step_through("bind", 0, name), -EBADMSG);
        assert_int_equal(step_through("explode", 0, ""), -EBADMSG);
        assert_int_equal(step_through("set_vf", VF_SETTING_MAX, ""), -EBADMSG);
}

static void test_holders(void **state _unused_)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = writer();
        _cleanup_(freep) struct holder *to = NULL;
        const struct holder from[] = {
                {.vf = 3, .kind = "vfio", .pid = 42, .name = "qemu", .path = "/dev/vfio/12"},
                {.vf = VFS_MAX - 1, .kind = "netns", .pid = -1, .name = "\x80"},
        };
        size_t n = 0;

        assert_true(codec_put_holders(m, from, ELEMENTSOF(from)) >= 0);
        reader(m, SIG_HOLDERS);
        assert_int_equal(codec_get_holders(m, &to, &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(to[0].vf, 3);
        assert_int_equal(to[0].pid, 42);
        assert_string_equal(to[0].kind, "vfio");
        assert_string_equal(to[0].path, "/dev/vfio/12");
        assert_int_equal(to[1].pid, -1);
        assert_string_equal(to[1].name, "\\x80");
}

static void test_holders_refused(void **state _unused_)
{
        static const struct {
                uint32_t vf;
                const char *kind;
                int32_t pid;
        } bad[] = {{VFS_MAX, "vfio", 1}, {1, "vfio", -2}, {1, "a word of twenty-four bytes", 1}};

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = writer();
                struct holder *to = NULL;
                size_t n = 0;

                assert_true(sd_bus_message_append(m, SIG_HOLDERS, 2, 0, "vfio", 1, "", "",
                                    bad[i].vf, bad[i].kind, bad[i].pid, "", "") >= 0);
                reader(m, SIG_HOLDERS);
                assert_int_equal(codec_get_holders(m, &to, &n), -EBADMSG);
                assert_null(to);
        }
}

static int groups_through(const struct groups *from, struct groups *to)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = writer();

        assert_true(codec_put_groups(m, from) >= 0);
        reader(m, SIG_GROUPS);
        return codec_get_groups(m, to);
}

static void test_groups(void **state _unused_)
{
        struct group_device devices[] = {{"0000:01:00.0", "igb", "0000:00:01.0", "", 0x020000},
                {"0000:01:00.1", "", "", "0000:01:00.0", 0x060400}};
        struct group_facts list[] = {{.id = 1,
                                             .type = "DMA",
                                             .devices = devices,
                                             .n_devices = 2,
                                             .reserved = {{0xfee00000, 0xfeefffff, "msi"}},
                                             .n_reserved = 1},
                {.id = 2, .type = "identity"}};
        struct bridge_facts bridges[] = {{"0000:00:01.0", "", "root-port", 3, ACS_ISOLATES},
                {"0000:01:00.0", "0000:00:01.0", "upstream", -1, ACS_NONE}};
        struct groups from = {list, 2, bridges, 2, {1, 1, 0, -1, 0, "dmar0"}};
        _cleanup_(groups_done) struct groups to = {0};

        assert_int_equal(groups_through(&from, &to), 0);
        assert_int_equal(to.n, 2);
        assert_string_equal(to.list[0].type, "DMA");
        assert_int_equal(to.list[0].n_devices, 2);
        assert_string_equal(to.list[0].devices[1].address, "0000:01:00.1");
        assert_int_equal(to.list[0].devices[1].pci_class, 0x060400);
        assert_int_equal(to.list[1].n_devices, 0);
        assert_string_equal(to.list[0].devices[1].physfn, "0000:01:00.0");
        assert_string_equal(to.list[0].devices[0].parent, "0000:00:01.0");
        assert_true(to.list[0].n_reserved == 1 && to.list[0].reserved[0].end == 0xfeefffff);
        assert_int_equal(to.n_bridges, 2);
        assert_string_equal(groups_bridge(&to, "0000:01:00.0")->kind, "upstream");
        assert_true(to.bridges[0].acs == ACS_ISOLATES && to.bridges[1].acs == ACS_NONE);
        assert_true(to.iommu.present == 1 && to.iommu.noiommu == -1);
        assert_string_equal(to.iommu.name, "dmar0");

        groups_done(&to);
        bridges[1].acs = -3;
        assert_int_equal(groups_through(&from, &to), -EBADMSG);
        bridges[1].acs = ACS_UNKNOWN;
        from.iommu.passthrough = 2;
        assert_int_equal(groups_through(&from, &to), -EBADMSG);
        from.iommu.passthrough = 0;
        list[0].reserved[0].start = UINT64_MAX;
        assert_int_equal(groups_through(&from, &to), -EBADMSG);
        list[0].reserved[0].start = 0;
        list[1].id = 1;
        assert_int_equal(groups_through(&from, &to), -EBADMSG);
        list[1].id = 0;
        assert_int_equal(groups_through(&from, &to), -EBADMSG);
        list[0].id = -1;
        assert_int_equal(groups_through(&from, &to), -EBADMSG);
        list[0].id = 1;
        list[1].id = 2;
        devices[1].pci_class = 1u << 24;
        assert_int_equal(groups_through(&from, &to), -EBADMSG);
        assert_null(to.list);
}

static int fault_through(
        const char *code, int32_t error, int32_t step, const char *text, struct fault *to)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = writer();

        assert_true(sd_bus_message_append(m, SIG_FAULT, code, error, step, text) >= 0);
        reader(m, SIG_FAULT);
        return codec_get_fault(m, to);
}

static void test_fault(void **state _unused_)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = writer();
        char text[FAULT_TEXT_MAX + 1];
        struct fault from = FAULT_NULL, to = FAULT_NULL;

        fault_set(&from, FAULT_IN_USE, 0, "VF 3 held");
        from.step = 7;
        assert_true(codec_put_fault(m, &from) >= 0);
        reader(m, SIG_FAULT);
        assert_int_equal(codec_get_fault(m, &to), 0);
        assert_int_equal(to.code, FAULT_IN_USE);
        assert_int_equal(to.error, EBUSY);
        assert_int_equal(to.step, 7);
        assert_string_equal(to.text, "VF 3 held");

        memset(text, 'a', FAULT_TEXT_MAX);
        text[FAULT_TEXT_MAX] = '\0';
        assert_int_equal(fault_through("Io", 5, 0, text + 1, &to), 0);
        assert_int_equal(fault_through("Io", 5, 0, text, &to), -EBADMSG);
        assert_int_equal(fault_through("Meltdown", 5, 0, "", &to), -EBADMSG);
        assert_int_equal(fault_through("Io", -5, 0, "", &to), -EBADMSG);
        assert_int_equal(fault_through("Io", 5, -2, "", &to), -EBADMSG);
}

static void test_error(void **state _unused_)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *m = NULL;
        struct fault from = FAULT_NULL, to = FAULT_NULL;

        assert_true(sd_bus_message_new_method_call(bus, &call, NULL, "/a", "a.b", "C") >= 0);
        assert_true(sd_bus_message_seal(call, 3, 0) >= 0);
        fault_set(&from, FAULT_GONE, ENXIO, "50%% gone");
        from.step = 2;
        assert_int_equal(codec_new_error(call, &from, &m), 0);
        assert_true(sd_bus_message_seal(m, 4, 0) >= 0);
        assert_string_equal(sd_bus_message_get_error(m)->name, "org.sriovd1.Error.Gone");
        assert_int_equal(codec_get_error(m, &to), 0);
        assert_int_equal(to.code, FAULT_GONE);
        assert_int_equal(to.error, ENXIO);
        assert_int_equal(to.step, 2);
        assert_string_equal(to.text, "50% gone");
}

static void test_dev_ids(void **state _unused_)
{
        const struct dev_id from[] = {{"pci/0000:01:00.0"}, {"pci/0000:02:00.0"}};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = writer(), *bad = writer();
        _cleanup_(freep) struct dev_id *to = NULL;
        size_t n = 0;

        assert_true(codec_put_dev_ids(m, from, 2) >= 0);
        reader(m, "as");
        assert_int_equal(codec_get_dev_ids(m, &to, &n), 0);
        assert_int_equal(n, 2);
        assert_string_equal(to[1].str, from[1].str);

        assert_true(sd_bus_message_append(bad, "ass", 1, "pci/../etc", "") >= 0);
        reader(bad, "ass");
        assert_int_equal(codec_get_dev_ids(bad, &to, &n), -EBADMSG);
        assert_int_equal(n, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pf),
                cmocka_unit_test(test_pf_no_vfs),
                cmocka_unit_test(test_pf_not_utf8),
                cmocka_unit_test(test_pf_refused),
                cmocka_unit_test(test_attrs_refused),
                cmocka_unit_test(test_steps),
                cmocka_unit_test(test_steps_refused),
                cmocka_unit_test(test_holders),
                cmocka_unit_test(test_holders_refused),
                cmocka_unit_test(test_groups),
                cmocka_unit_test(test_fault),
                cmocka_unit_test(test_error),
                cmocka_unit_test(test_dev_ids),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
