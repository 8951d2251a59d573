/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration entries onto PFs: who gets which, templates, what is refused and where. */
#include "config/config.h"
#include "unit.h"

#define PFS "0000:3b:00.%u"

/* eth0 to eth3: two ports of a card on i40e, one on ice, and one on nvme without netdev. */
static struct pf_facts facts_of(unsigned n)
{
        struct pf_facts facts;
        char address[BDF_STR_MAX];
        struct dev_id id;

        snprintf(address, sizeof(address), PFS, n & 7);
        assert_int_equal(dev_id_from_address(address, &id), 0);
        pf_facts_init(&facts, &id);
        snprintf(facts.driver, DRIVER_MAX, n < 2 ? "i40e" : n == 2 ? "ice" : "nvme");
        facts.vendor_id = 0x8086;
        facts.device_id = (uint16_t) (0x1572 + (n >= 2) * n);
        facts.total_vfs = 64;
        facts.numa_node = (int32_t) (n / 2);
        snprintf(facts.path, PCI_PATH_MAX, "0000:00:1c.0/00.%u", n & 7);
        snprintf(facts.slot, WORD_MAX, "%u", 3 + n);
        if (n == 3)
                return facts;
        facts.n_netdevs = 2;
        snprintf(facts.netdevs[0], NETDEV_MAX, "eth%u", n & 7);
        snprintf(facts.netdevs[1], NETDEV_MAX, "rep%u", n & 7);
        snprintf(facts.permanent_mac, MAC_STR_MAX, "3c:fd:fe:aa:bb:%02x", 16 + (n & 7));
        return facts;
}

static void add(struct state *state, struct pf_facts facts)
{
        struct changes changes = {0};

        assert_int_equal(state_apply(state, &facts, &changes), 0);
        changes_done(&changes);
}

static void machine(struct state *state)
{
        for (unsigned i = 0; i < 4; i++)
                add(state, facts_of(i));
}

static void parse(const char *text, struct declared *ret)
{
        struct fault f = FAULT_NULL;

        if (config_parse("t", text, strlen(text), ret, &f) < 0)
                fail_msg("%s\n%s", f.text, text);
}

static int resolve_on(
        const struct state *state, const char *pfs, struct resolved *ret, struct fault *f)
{
        _cleanup_(declared_done) struct declared d = {0};
        char text[8192];

        snprintf(text, sizeof(text), "{\"version\": 1, \"pfs\": [\n%s]}", pfs);
        parse(text, &d);
        return declared_resolve(&d, state, ret, f);
}

static void resolve(const char *pfs, struct resolved *ret)
{
        _cleanup_(state_done) struct state state = {0};
        struct fault f = FAULT_NULL;

        machine(&state);
        if (resolve_on(&state, pfs, ret, &f) < 0)
                fail_msg("%s\n%s", f.text, pfs);
}

static const struct desired *of(const struct resolved *r, unsigned n)
{
        struct dev_id id;
        char address[BDF_STR_MAX];

        snprintf(address, sizeof(address), PFS, n & 7);
        assert_int_equal(dev_id_from_address(address, &id), 0);
        return resolved_for(r, &id);
}

/* ---- which PFs -------------------------------------------------------------------------------
 */

static void every_match_key(void **state)
{
        static const struct {
                const char *match;
                unsigned pfs; /* bits */
        } cases[] = {
                {"\"ifname\": \"eth1\"", 2},
                {"\"ifname\": \"rep2\"", 4},
                {"\"address\": \"0000:3B:00.1\"", 2},
                {"\"id\": \"8086:1574\"", 4},
                {"\"id\": \"8086:1572\", \"all\": true", 3},
                {"\"driver\": \"nvme\"", 8},
                {"\"permanent_mac\": \"3C:FD:FE:AA:BB:12\"", 4},
                {"\"path\": \"0000:00:1C.0/00.3\"", 8},
                {"\"slot\": \"4\"", 2},
                {"\"numa_node\": 1, \"all\": true", 12},
                {"\"numa_node\": 1, \"driver\": \"ice\"", 4},
                {"\"ifname\": \"eth0\", \"driver\": \"ice\"", 0},
                {"\"ifname\": \"eth9\"", 0},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(resolved_done) struct resolved r = {0};
                char entry[256];
                unsigned found = 0;

                snprintf(entry, sizeof(entry), "{\"match\": {%s}, \"num_vfs\": 3}", cases[i].match);
                resolve(entry, &r);
                for (unsigned n = 0; n < 4; n++) {
                        const struct desired *d = of(&r, n);

                        found |= d ? BIT(n) : 0;
                        if (d)
                                assert_int_equal(d->num_vfs, 3);
                }
                if (found != cases[i].pfs)
                        fail_msg("%s finds %x", cases[i].match, found);
                assert_int_equal(r.n_absent, cases[i].pfs == 0);
        }
}

static void sorted_and_absent(void **state)
{
        _cleanup_(resolved_done) struct resolved r = {0};

        (void) state;
        resolve("{\"match\": {\"ifname\": \"eth2\"}},\n"
                "{\"match\": {\"ifname\": \"gone0\"}},\n"
                "{\"match\": {\"id\": \"8086:1572\", \"all\": true}},\n"
                "{\"match\": {\"ifname\": \"gone1\"}}",
                &r);
        assert_int_equal(r.n, 3);
        assert_string_equal(r.list[0].pf.str, "pci/0000:3b:00.0");
        assert_string_equal(r.list[2].pf.str, "pci/0000:3b:00.2");
        assert_string_equal(r.list[0].where, "t:4:1");
        assert_string_equal(r.list[2].where, "t:2:1");
        assert_int_equal(r.n_absent, 2);
        assert_int_equal(r.absent[0], 1);
        assert_int_equal(r.absent[1], 3);
        assert_null(of(&r, 3));
}

/* The same card behind other bus numbers, its interfaces renamed. */
static void stable_identity(void **state)
{
        static const char *const matches[] = {"\"permanent_mac\": \"3c:fd:fe:aa:bb:11\"",
                "\"path\": \"0000:00:1c.0/00.1\"", "\"slot\": \"4\""};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(matches); i++) {
                _cleanup_(resolved_done) struct resolved before = {0}, after = {0};
                _cleanup_(state_done) struct state moved = {0};
                struct fault f = FAULT_NULL;
                char entry[256];

                snprintf(entry, sizeof(entry),
                        "{\"match\": {%s}, \"vfs\": [{\"index\": 5, \"vlan\": 7}], \"num_vfs\": 6}",
                        matches[i]);
                for (unsigned n = 0; n < 4; n++) {
                        struct pf_facts facts = facts_of(n);

                        snprintf(facts.id.str, DEV_ID_MAX, "pci/0000:41:00.%u", (n + 1) & 7);
                        snprintf(facts.netdevs[0], NETDEV_MAX, "lan%u", (n + 2) & 7);
                        add(&moved, facts);
                }
                resolve(entry, &before);
                assert_int_equal(resolve_on(&moved, entry, &after, &f), 0);
                assert_int_equal(before.n, 1);
                assert_int_equal(after.n, 1);
                assert_string_equal(before.list[0].pf.str, "pci/0000:3b:00.1");
                assert_string_equal(after.list[0].pf.str, "pci/0000:41:00.2");
                assert_int_equal(after.list[0].num_vfs, 6);
                assert_int_equal(after.list[0].n_vfs, 1);
                assert_int_equal(after.list[0].vfs[0].attrs.vlan, 7);
        }
}

/* ---- VFs -------------------------------------------------------------------------------------
 */

static void later_wins_key_by_key(void **state)
{
        _cleanup_(resolved_done) struct resolved r = {0};
        const struct desired_vf *vf;

        (void) state;
        resolve("{\"match\": {\"ifname\": \"eth0\"}, \"num_vfs\": 8, \"vfs\": ["
                "{\"index\": \"0-3,6\", \"vlan\": 100, \"trust\": true, \"driver\": \"iavf\", "
                "\"mac\": \"02:00:00:00:00:{index}\", \"msix\": 4, \"link_state\": \"baseline\"},"
                "{\"index\": \"2-3\", \"vlan\": \"baseline\", \"driver\": \"none\", "
                "\"driver_override\": \"vfio-pci\", \"link_state\": \"enable\"},"
                "{\"index\": 3, \"mac\": \"02:11:11:11:11:11\", \"vlan\": 9, \"name\": \"x\"},"
                "{\"index\": 6, \"mac\": \"baseline\"}]}",
                &r);
        assert_int_equal(r.list[0].n_vfs, 5);
        vf = desired_vf_at(&r.list[0], 1);
        assert_int_equal(vf->attrs.vlan, 100);
        assert_int_equal(vf->attrs.mac.b[5], 1);
        assert_true(vf->attrs.reset == BIT(VF_ATTR_LINK_STATE));
        assert_string_equal(vf->driver, "iavf");
        assert_true(vf->wants == (BIT(WISH_DRIVER) | BIT(WISH_MSIX)));
        vf = desired_vf_at(&r.list[0], 2);
        assert_false(vf_attrs_has(&vf->attrs, VF_ATTR_VLAN));
        assert_true(vf->attrs.reset == BIT(VF_ATTR_VLAN));
        assert_true(vf->attrs.trust);
        assert_int_equal(vf->attrs.link_state, VF_LINK_ENABLE);
        assert_string_equal(vf->driver, "none");
        assert_string_equal(vf->override, "vfio-pci");
        assert_int_equal(vf->msix, 4);
        vf = desired_vf_at(&r.list[0], 3);
        assert_int_equal(vf->attrs.vlan, 9);
        assert_int_equal(vf->attrs.mac.b[1], 0x11);
        assert_string_equal(vf->name, "x");
        assert_true(vf->attrs.reset == 0);
        vf = desired_vf_at(&r.list[0], 6);
        assert_true(vf->attrs.reset == (BIT(VF_ATTR_MAC) | BIT(VF_ATTR_LINK_STATE)));
        assert_false(vf_attrs_has(&vf->attrs, VF_ATTR_MAC));
}

static void templates(void **state)
{
        _cleanup_(resolved_done) struct resolved r = {0};

        (void) state;
        resolve("{\"match\": {\"id\": \"8086:1572\", \"all\": true}, \"num_vfs\": 32, \"vfs\": ["
                "{\"index\": \"0,31\", \"mac\": \"02:{pf}:00:{index}\", "
                "\"name\": \"{pf}v{index}\"}]}",
                &r);
        for (unsigned n = 0; n < 2; n++) {
                const struct desired_vf *vf = desired_vf_at(&r.list[n], 31);
                char mac[MAC_STR_MAX], wanted[MAC_STR_MAX];

                format_mac(mac, &vf->attrs.mac);
                snprintf(wanted, sizeof(wanted), "02:aa:bb:%02x:00:1f", 16 + (n & 1));
                assert_string_equal(mac, wanted);
                assert_true(vf_attrs_has(&vf->attrs, VF_ATTR_MAC));
                assert_string_equal(vf->name, n ? "eth1v31" : "eth0v31");
                assert_true(vf->wants == BIT(WISH_NAME));
                assert_string_equal(r.list[n].vfs[0].name, n ? "eth1v0" : "eth0v0");
        }
}

static void template_forms(void **state)
{
        static const struct mac pf = {{0x3c, 0xfd, 0xfe, 0xaa, 0xbb, 0xcc}};
        static const char *const bad[] = {"", "{index}", "02:{pf}:00", "02:{pf}:0{index}",
                "02:{PF}:00:{index}", "02:{pf:00:{index}", "02:{pf}:00:{index}}", "02:{pf}:{pf}",
                "{index}:{index}:{index}:{index}:{index}:{index}:00", "02:00:00:00:00:{}"};
        char name[NETDEV_MAX];
        struct mac mac;

        (void) state;
        assert_int_equal(template_mac("{pf}:00:00:{index}", 255, &pf, &mac), 0);
        assert_memory_equal(&mac, "\xaa\xbb\xcc\0\0\xff", 6);
        assert_int_equal(template_mac("02:00:{index}:00:00:{index}", 16, NULL, &mac), 0);
        assert_memory_equal(&mac, "\x02\0\x10\0\0\x10", 6);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (template_mac(bad[i], 2, &pf, &mac) != -EINVAL)
                        fail_msg("taken: %s", bad[i]);
        assert_int_equal(template_mac("02:00:00:00:00:{index}", 256, &pf, &mac), -EINVAL);
        assert_int_equal(template_mac("02:{pf}:00:{index}", 1, NULL, &mac), -EINVAL);
        assert_int_equal(template_mac("{index}:00:00:00:00:00", 1, &pf, &mac), -EINVAL);
        assert_int_equal(template_mac("00:00:00:00:00:{index}", 0, &pf, &mac), -EINVAL);
        assert_int_equal(template_name("{pf}v{index}", 65534, "ens1f0", name), 0);
        assert_string_equal(name, "ens1f0v65534");
        assert_int_equal(template_name("{pf}v{index}", 65534, "enp129s0f1np1", name), -EINVAL);
        assert_int_equal(template_name("{pf}v{index}", 1, NULL, name), -EINVAL);
        assert_int_equal(template_name("{pf}/{index}", 1, "eth0", name), -EINVAL);
        assert_false(declared_name_valid("all"));
        assert_false(declared_name_valid("123"));
        assert_false(declared_name_valid("a\"b"));
        assert_false(declared_name_valid("\xc3\xa4"));
        assert_true(declared_name_valid("a.1_b-C"));
}

static void network_manager(void **state)
{
        _cleanup_(resolved_done) struct resolved r = {0};
        const struct desired *d;

        (void) state;
        resolve("{\"match\": {\"ifname\": \"eth0\"}, \"num_vfs\": 4, \"nm_managed\": false,"
                " \"vfs\": [{\"index\": 2, \"nm_managed\": true}, {\"index\": 3, \"vlan\": 1}]},"
                "{\"match\": {\"ifname\": \"eth1\"}, \"num_vfs\": 4, \"nm_managed\": true,"
                " \"vfs\": [{\"index\": 2, \"nm_managed\": false}]}",
                &r);
        d = of(&r, 0);
        assert_int_equal(d->n_vfs, 4);
        for (uint32_t i = 0; i < 4; i++)
                assert_int_equal(d->vfs[i].nm_unmanaged, i != 2);
        assert_true(d->vfs[0].wants == 0 && d->vfs[0].attrs.present == 0);
        d = of(&r, 1);
        assert_int_equal(d->n_vfs, 1);
        assert_true(d->vfs[0].nm_unmanaged);
}

/* The later element wins, one that says nothing changes nothing; and it is no wish that makes work.
 */
static void pools(void **state)
{
        _cleanup_(resolved_done) struct resolved r = {0};
        const struct desired *d;

        (void) state;
        resolve("{\"match\": {\"ifname\": \"eth0\"}, \"num_vfs\": 4, \"vfs\":"
                " [{\"index\": \"0-2\", \"pool\": \"a\"}, {\"index\": 1, \"vlan\": 7},"
                " {\"index\": 2, \"pool\": \"b\"}]}",
                &r);
        d = of(&r, 0);
        assert_string_equal(desired_pool_of(d, 0), "a");
        assert_string_equal(desired_pool_of(d, 1), "a");
        assert_string_equal(desired_pool_of(d, 2), "b");
        assert_string_equal(desired_pool_of(d, 3), "");
        assert_string_equal(desired_pool_of(d, 400), "");
        assert_true(d->vfs[0].wants == 0 && d->vfs[0].attrs.present == 0);
}

/* Without num_vfs it is of the VFs there are. */
static void network_manager_of_those_there(void **state)
{
        _cleanup_(state_done) struct state igb = {0};
        _cleanup_(resolved_done) struct resolved r = {0};
        struct fault f = FAULT_NULL;

        (void) state;
        add(&igb, igb_facts(5));
        assert_int_equal(
                resolve_on(
                        &igb, "{\"match\": {\"driver\": \"igb\"}, \"nm_managed\": false}", &r, &f),
                0);
        assert_int_equal(r.list[0].n_vfs, 5);
        for (uint32_t i = 0; i < 5; i++)
                assert_true(r.list[0].vfs[i].nm_unmanaged);
        assert_true(r.list[0].wants == 0);
}

/* Today's hardware as a configuration that finds it again and differs from it in nothing. */
static void saved(void **state)
{
        static const struct {
                const char *mac, *path;
                enum match_key key;
        } cases[] = {
                {"90:e2:ba:00:00:01", "0000:00:01.0/00.0", MATCH_PERMANENT_MAC},
                {"", "0000:00:01.0/00.0", MATCH_PATH},
                {"", "", MATCH_ADDRESS},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct pf_facts facts = igb_facts(7);
                const struct pf_facts *known = &facts;
                _cleanup_(state_done) struct state igb = {0};
                _cleanup_(desired_done) struct desired wish = {0};
                _cleanup_(declared_done) struct declared d = {0};
                _cleanup_(resolved_done) struct resolved r = {0};
                _cleanup_(differences_done) struct differences differences = {0};
                _cleanup_(freep) char *text = NULL;
                const struct desired *wishes = &wish;
                struct fault f = FAULT_NULL;

                snprintf(facts.permanent_mac, MAC_STR_MAX, "%s", cases[i].mac);
                snprintf(facts.path, PCI_PATH_MAX, "%s", cases[i].path);
                facts.mtu = 9000;
                facts.vfs[3].driver[0] = '\0';
                facts.vfs[4].attrs.mac = (struct mac){{2, 0, 0, 0, 0, 4}};
                facts.vfs[5].attrs.vlan = 7;
                assert_int_equal(desired_of_facts(&facts, &wish), 0);
                assert_int_equal(config_write(&wishes, 1, &known, &text), 0);
                parse(text, &d);
                assert_true(d.pfs[0].match.keys == BIT(cases[i].key));
                add(&igb, facts);
                if (declared_resolve(&d, &igb, &r, &f) < 0)
                        fail_msg("%s", f.text);
                assert_int_equal(r.n, 1);
                assert_int_equal(r.list[0].n_vfs, 7);
                assert_int_equal(r.list[0].vfs[5].attrs.vlan, 7);
                assert_int_equal(desired_diff(&r.list[0], &igb.pfs[0]->facts, &igb.pfs[0]->caps,
                                         &differences),
                        0);
                assert_int_equal(differences.n, 0);
        }
}

/* ---- refusals --------------------------------------------------------------------------------
 */

#define ETH0(rest) "{\"match\": {\"ifname\": \"eth0\"}, " rest "}"
#define NVME(rest) "{\"match\": {\"driver\": \"nvme\"}, " rest "}"

static void refusals(void **state)
{
        static const struct {
                const char *pfs, *begin, *within;
        } cases[] = {
                {"{\"match\": {\"id\": \"8086:1572\"}}",
                        "t:2:1: this entry matches 2 PFs: eth0 (0000:3b:00.0), eth1 (0000:3b:00.1)",
                        "\"all\": true"},
                {"{\"match\": {\"ifname\": \"eth1\"}},\n{\"match\": {\"slot\": \"4\"}}",
                        "t:3:1: this entry claims eth1 (0000:3b:00.1)", "the one at t:2:1"},
                {"{\"match\": {\"ifname\": \"eth1\"}},\n"
                 "{\"match\": {\"id\": \"8086:1572\", \"all\": true}}",
                        "t:3:1: this entry claims eth1 (0000:3b:00.1)", "the one at t:2:1"},
                {NVME("\"num_vfs\": 2, \"vfs\": [\n"
                      " {\"index\": 0, \"mac\": \"02:{pf}:00:{index}\"}]"),
                        "t:3:2: mac \"02:{pf}:00:{index}\" makes no unicast MAC address of VF 0 of "
                        "0000:3b:00.3, whose permanent MAC is unknown",
                        "{pf} as three"},
                {NVME("\"num_vfs\": 2, \"vfs\": [\n {\"index\": 0, \"name\": \"{pf}v{index}\"}]"),
                        "t:3:2: name \"{pf}v{index}\" makes no interface name of VF 0 of "
                        "0000:3b:00.3, which has no interface itself",
                        "at most 15"},
                {ETH0("\"num_vfs\": 12, \"vfs\": [\n"
                      " {\"index\": \"9-10\", \"name\": \"seventeen-{pf}-{index}\"}]"),
                        "t:3:2: name \"seventeen-{pf}-{index}\"", "VF 9 of eth0 (0000:3b:00.0)"},
                {ETH0("\"num_vfs\": 2, \"vfs\": [\n"
                      " {\"index\": \"0-1\", \"mac\": \"00:00:00:00:00:{index}\"}]"),
                        "t:3:2: mac \"00:00:00:00:00:{index}\"", "VF 0"},
                {ETH0("\"num_vfs\": 2, \"vfs\": [\n"
                      " {\"index\": \"0-1\", \"mac\": \"{index}:00:00:00:00:01\"}]"),
                        "t:3:2: mac \"{index}:00:00:00:00:01\"", "VF 1"},
                {"{\"match\": {\"id\": \"8086:1572\", \"all\": true}, \"num_vfs\": 2, \"vfs\": [\n"
                 " {\"index\": 1, \"mac\": \"02:00:00:00:00:07\"}]}",
                        "t:3:2: MAC 02:00:00:00:00:07 of VF 1 of 0000:3b:00.1 is also that of VF 1 "
                        "of 0000:3b:00.0, given at t:3:2",
                        "of its own"},
                {"{\"match\": {\"slot\": \"3\"}, \"num_vfs\": 8, \"vfs\": [\n"
                 " {\"index\": 7, \"mac\": \"02:00:00:00:00:{index}\"}]},\n"
                 "{\"match\": {\"slot\": \"4\"}, \"num_vfs\": 9, \"vfs\": [\n"
                 " {\"index\": 2}, {\"index\": 3, \"mac\": \"02:00:00:00:00:07\"},"
                 " {\"index\": 3, \"vlan\": 1}]}",
                        "t:5:16: MAC 02:00:00:00:00:07 of VF 3 of 0000:3b:00.1 is also that of VF "
                        "7 of 0000:3b:00.0, given at t:3:2",
                        "of its own"},
                {"{\"match\": {\"id\": \"8086:1572\", \"all\": true}, \"num_vfs\": 2, \"vfs\": [\n"
                 " {\"index\": \"0-1\", \"name\": \"lan{index}\"}]}",
                        "t:3:2: name lan0 of VF 0 of 0000:3b:00.1 is also that of VF 0", "t:3:2"},
                {ETH0("\"num_vfs\": 2, \"vfs\": [\n {\"index\": 0, \"name\": \"a\"},"
                      " {\"index\": 1, \"name\": \"a\"}]"),
                        "t:3:29: name a of VF 1 of 0000:3b:00.0 is also that of VF 0", "t:3:2"},
                {ETH0("\"num_vfs\": 65"), "t:2:1: num_vfs=65", "64"},
                {ETH0("\"vfs\": [\n {\"index\": \"3,64\"}]"),
                        "t:3:2: VF 64 of eth0 (0000:3b:00.0), which has at most 64", "lower"},
                {ETH0("\"vfs\": [{\"index\": 5, \"vlan\": 1}]"), "t:2:1: VF 5", "num_vfs"},
                {ETH0("\"num_vfs\": 1, \"vfs\": [{\"index\": 0, \"min_tx_rate\": 50},"
                      " {\"index\": 0, \"max_tx_rate\": 40}]"),
                        "t:2:1: VF 0: min_tx_rate=50", "max_tx_rate=40"},
        };
        _cleanup_(state_done) struct state four = {0};

        (void) state;
        machine(&four);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct resolved r = {0};
                struct fault f = FAULT_NULL;

                if (resolve_on(&four, cases[i].pfs, &r, &f) == 0)
                        fail_msg("case %zu was taken: %s", i, cases[i].pfs);
                if (!startswith(f.text, cases[i].begin) || !strstr(f.text, cases[i].within))
                        fail_msg("case %zu: %s\n%s", i, cases[i].pfs, f.text);
                assert_true(r.n == 0 && !r.list && r.n_absent == 0 && !r.absent);
        }
}

/* Whatever PFs there are; also across files, and after declared_append(). */
static void same_match(void **state)
{
        _cleanup_(declared_done) struct declared d = {0}, more = {0};
        _cleanup_(state_done) struct state none = {0};
        struct resolved r = {0};
        struct fault f = FAULT_NULL;

        (void) state;
        parse("{\"version\": 1, \"pfs\": [{\"match\": {\"ifname\": \"a\"}}]}", &d);
        parse("{\"version\": 1, \"pfs\": [{\"match\": {\"ifname\": \"b\"}},\n"
              "{\"match\": {\"ifname\": \"a\", \"all\": true}}]}",
                &more);
        assert_int_equal(declared_append(&d, &more), 0);
        assert_true(d.n == 3 && more.n == 0 && !more.pfs);
        assert_int_equal(declared_resolve(&d, &none, &r, &f), -EINVAL);
        assert_string_equal(f.text, "t:2:1: this entry has the same match as the one at t:1:24; "
                                    "expected one entry for a PF");
}

/* A rack of 256 PFs with 256 VFs each, every VF with an element of its own. */
static void many(void **state)
{
        _cleanup_(declared_done) struct declared d = {0};
        _cleanup_(state_done) struct state rack = {0};
        _cleanup_(resolved_done) struct resolved r = {0};
        struct fault f = FAULT_NULL;
        uint64_t began;

        (void) state;
        d.pfs = calloc(256, sizeof(*d.pfs));
        assert_non_null(d.pfs);
        for (unsigned i = 0; i < 256; i++) {
                struct pf_facts facts = facts_of(0);
                struct declared_pf *pf = &d.pfs[d.n++];

                snprintf(facts.id.str, DEV_ID_MAX, "pci/0000:%02x:00.0", i & 0xff);
                snprintf(facts.netdevs[0], NETDEV_MAX, "p%u", i & 0xff);
                facts.total_vfs = 256;
                add(&rack, facts);
                pf->nm_managed = -1;
                pf->match.keys = BIT(MATCH_IFNAME);
                snprintf(pf->match.ifname, NETDEV_MAX, "p%u", i & 0xff);
                pf->common.wants = BIT(WISH_NUM_VFS);
                pf->common.num_vfs = 256;
                pf->vfs = calloc(256, sizeof(*pf->vfs));
                assert_non_null(pf->vfs);
                for (; pf->n_vfs < 256; pf->n_vfs++) {
                        struct declared_vfs *vfs = &pf->vfs[pf->n_vfs];
                        uint32_t index = (uint32_t) pf->n_vfs;

                        vfs->nm_managed = -1;
                        vfs->ranges = calloc(1, sizeof(*vfs->ranges));
                        assert_non_null(vfs->ranges);
                        vfs->ranges[vfs->n_ranges++] = (struct index_range){index, index};
                        vfs->wants = BIT(WISH_NAME);
                        snprintf(vfs->mac, TEMPLATE_MAX, "02:00:00:00:%02x:{index}", i & 0xff);
                        snprintf(vfs->name, TEMPLATE_MAX, "{pf}v{index}");
                }
        }
        began = now_usec();
        if (declared_resolve(&d, &rack, &r, &f) < 0)
                fail_msg("%s", f.text);
        print_message("# 65536 VFs in %llu ms\n", (unsigned long long) (now_usec() - began) / 1000);
        assert_true(now_usec() - began < 20000000); /* valgrind takes two seconds */
        assert_int_equal(r.n, 256);
        assert_int_equal(r.list[255].n_vfs, 256);
        assert_string_equal(r.list[255].vfs[255].name, "p255v255");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_match_key),
                cmocka_unit_test(sorted_and_absent),
                cmocka_unit_test(stable_identity),
                cmocka_unit_test(later_wins_key_by_key),
                cmocka_unit_test(templates),
                cmocka_unit_test(template_forms),
                cmocka_unit_test(network_manager),
                cmocka_unit_test(pools),
                cmocka_unit_test(network_manager_of_those_there),
                cmocka_unit_test(saved),
                cmocka_unit_test(refusals),
                cmocka_unit_test(same_match),
                cmocka_unit_test(many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
