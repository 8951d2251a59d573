/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration files: what they mean, which mask which, and wishes to a file and back. */
#include <fcntl.h>
#include <sys/stat.h>

#include "config/config.h"
#include "model/request.h"
#include "readwishes.h"
#include "unit.h"

#define ROUNDS 3000u

static void add(struct config_files *files, const char *name, const char *text)
{
        assert_int_equal(config_files_add(files, name, "", text, strlen(text)), 0);
}

/* ---- what they mean --------------------------------------------------------------------------
 */

static const char everything[] =
        "// one of each\n"
        "{ \"$schema\": \"x\", \"version\": 1, \"pfs\": [ {\n"
        "  \"match\": { \"ifname\": \"eth0\", \"address\": \"0000:3B:00.0\",\n"
        "    \"id\": \"8086:1572\", \"driver\": \"i40e\", \"permanent_mac\": "
        "\"3c:fd:fe:00:00:01\",\n"
        "    \"path\": \"0000:00:1C.0/00.0\", \"slot\": \"3\", \"numa_node\": 0, \"all\": true },\n"
        "  \"num_vfs\": 8, \"autoprobe\": true, \"mtu\": 9000, \"eswitch_mode\": \"legacy\",\n"
        "  \"replace\": true, \"clear_mac\": true, \"nm_managed\": false,\n"
        "  \"drift\": { \"default\": \"enforce\", \"vlan\": \"report\", \"num_vfs\": \"ignore\" "
        "},\n"
        "  \"optional\": [ \"link_state\", \"min_tx_rate\" ],\n"
        "  \"vfs\": [ /* \xc3\xa4 */ { \"index\": \"0-3,6\", \"mac\": "
        "\"02:00:00:aa:00:{index}\", \"vlan\": 100, \"qos\": 3,\n"
        "    \"vlan_proto\": \"802.1ad\", \"min_tx_rate\": 5, \"max_tx_rate\": 1000,\n"
        "    \"spoofchk\": true, \"trust\": false, \"link_state\": \"disable\", "
        "\"query_rss\": true,\n"
        "    \"node_guid\": \"00:11:22:33:44:55:66:77\", \"port_guid\": \"baseline\",\n"
        "    \"driver\": \"vfio-pci\", \"driver_override\": \"\", \"msix\": 8,\n"
        "    \"pool\": \"guests-a_1.b\", \"shared_group\": true,\n"
        "    \"name\": \"{pf}v{index}\", \"nm_managed\": false }, { \"index\": 7 } ] } ] }\n";

static void check_match(const struct declared_match *m)
{
        assert_true(m->keys == BIT(MATCH_MAX) - 1 && m->all);
        assert_string_equal(m->ifname, "eth0");
        assert_string_equal(m->address, "0000:3b:00.0");
        assert_int_equal(m->vendor_id, 0x8086);
        assert_int_equal(m->device_id, 0x1572);
        assert_string_equal(m->driver, "i40e");
        assert_memory_equal(&m->permanent_mac, "\x3c\xfd\xfe\0\0\x01", 6);
        assert_string_equal(m->path, "0000:00:1c.0/00.0");
        assert_string_equal(m->slot, "3");
        assert_int_equal(m->numa_node, 0);
}

static void check_vfs(const struct declared_vfs *vfs)
{
        assert_string_equal(vfs->where, "t:10:20"); /* the comment counts as people see it */
        assert_int_equal(vfs->n_ranges, 2);
        assert_true(vfs->ranges[0].first == 0 && vfs->ranges[0].last == 3);
        assert_true(vfs->ranges[1].first == 6 && vfs->ranges[1].last == 6);
        assert_true(declared_vfs_has(vfs, 3) && !declared_vfs_has(vfs, 4));
        assert_true(vfs->attrs.present ==
                    (BIT(VF_ATTR_MAX) - 1 - BIT(VF_ATTR_MAC) - BIT(VF_ATTR_PORT_GUID)));
        assert_true(vfs->attrs.reset == BIT(VF_ATTR_PORT_GUID));
        assert_int_equal(vfs->attrs.vlan, 100);
        assert_int_equal(vfs->attrs.qos, 3);
        assert_int_equal(vfs->attrs.vlan_proto, VLAN_PROTO_8021AD);
        assert_int_equal(vfs->attrs.min_tx_rate, 5);
        assert_int_equal(vfs->attrs.max_tx_rate, 1000);
        assert_true(vfs->attrs.spoofchk && !vfs->attrs.trust && vfs->attrs.query_rss);
        assert_int_equal(vfs->attrs.link_state, VF_LINK_DISABLE);
        assert_true(vfs->attrs.node_guid == 0x0011223344556677);
        assert_string_equal(vfs->mac, "02:00:00:aa:00:{index}");
        assert_true(vfs->wants ==
                    (BIT(WISH_DRIVER) | BIT(WISH_OVERRIDE) | BIT(WISH_MSIX) | BIT(WISH_NAME)));
        assert_string_equal(vfs->driver, "vfio-pci");
        assert_string_equal(vfs->override, "");
        assert_int_equal(vfs->msix, 8);
        assert_string_equal(vfs->name, "{pf}v{index}");
        assert_string_equal(vfs->pool, "guests-a_1.b");
        assert_int_equal(vfs->shared_group, 1);
        assert_int_equal(vfs->nm_managed, 0);
}

static void one_of_each(void **state)
{
        _cleanup_(declared_done) struct declared d = {0};
        struct fault f = FAULT_NULL;
        const struct declared_pf *pf;

        (void) state;
        if (config_parse("t", everything, strlen(everything), &d, &f) < 0)
                fail_msg("%s", f.text);
        assert_int_equal(d.n, 1);
        pf = &d.pfs[0];
        assert_string_equal(pf->where, "t:2:42");
        assert_string_equal(pf->common.where, "t:2:42");
        check_match(&pf->match);
        assert_true(pf->common.wants ==
                    (BIT(WISH_NUM_VFS) | BIT(WISH_AUTOPROBE) | BIT(WISH_MTU) | BIT(WISH_ESWITCH)));
        assert_int_equal(pf->common.num_vfs, 8);
        assert_int_equal(pf->common.mtu, 9000);
        assert_string_equal(pf->common.eswitch, "legacy");
        assert_true(pf->common.autoprobe && pf->common.replace && pf->common.clear_mac);
        assert_int_equal(pf->nm_managed, 0);
        assert_int_equal(pf->common.drift[VF_ATTR_MAC], DRIFT_ENFORCE);
        assert_int_equal(pf->common.drift[WISH_ESWITCH], DRIFT_ENFORCE);
        assert_int_equal(pf->common.drift[VF_ATTR_VLAN], DRIFT_REPORT);
        assert_int_equal(pf->common.drift[WISH_NUM_VFS], DRIFT_IGNORE);
        assert_true(pf->common.optional == (BIT(VF_ATTR_LINK_STATE) | BIT(VF_ATTR_MIN_TX_RATE)));
        assert_int_equal(pf->n_vfs, 2);
        check_vfs(&pf->vfs[0]);
        assert_true(pf->vfs[1].wants == 0 && pf->vfs[1].attrs.present == 0);
        assert_string_equal(pf->vfs[1].pool, "");
        assert_int_equal(pf->vfs[1].shared_group, -1);
        assert_int_equal(pf->vfs[1].nm_managed, -1);
}

static void across_files(void **state)
{
        static const struct {
                const char *a, *b, *wanted;
        } cases[] = {
                {"{\"version\": 1, \"pfs\": [{\"match\": {\"slot\": \"1\"}}]}",
                        "{\"version\": 1, \"pfs\": [\n{\"match\": {\"slot\": \"1\"}}]}",
                        "b.json:2:1: this entry has the same match as the one at a.json:1:24"},
                {"{\"version\": 1, \"pfs\": [{\"match\": {\"slot\": \"1\"}, \"vfs\": ["
                 "{\"index\": 1, \"mac\": \"02:00:00:00:00:01\"}]}]}",
                        "{\"version\": 1, \"pfs\": [\n{\"match\": {\"slot\": \"2\"}, \"vfs\": ["
                        "{\"index\": 1, \"mac\": \"02:00:00:00:00:01\"}]}]}",
                        "b.json:2:34: MAC 02:00:00:00:00:01 is given to another VF at a.json:1:57"},
                {"{\"version\": 1, \"pfs\": []}", "{\"version\": 1, \"pfs\": [}",
                        "b.json:1:24: unexpected '}'"},
                {"{\"version\": 1, \"pfs\": []}",
                        "{\"version\": 1, \"pfs\": [{\"match\": {\"slot\": \"1\"}},\n"
                        "{\"match\": {\"slot\": \"1\"}}]}",
                        "b.json:2:1: this entry has the same match as the one at b.json:1:24"},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(config_files_done) struct config_files files = {0};
                struct declared d = {0};
                struct fault f = FAULT_NULL;

                add(&files, "b.json", cases[i].b);
                add(&files, "a.json", cases[i].a);
                assert_int_equal(config_load(&files, &d, &f), -EINVAL);
                if (!startswith(f.text, cases[i].wanted))
                        fail_msg("case %zu: %s", i, f.text);
                assert_true(d.n == 0 && !d.pfs);
        }
        /* A file by itself is judged as far as it goes. */
        for (size_t i = 2; i < ELEMENTSOF(cases); i++) {
                struct declared d = {0};
                struct fault f = FAULT_NULL;

                assert_int_equal(
                        config_parse("b.json", cases[i].b, strlen(cases[i].b), &d, &f), -EINVAL);
                assert_true(startswith(f.text, cases[i].wanted) && !d.pfs);
        }
}

static void files_and_hash(void **state)
{
        _cleanup_(config_files_done) struct config_files a = {0}, b = {0}, c = {0};
        static const char *const bad[] = {"", "a/b", "a\nb", "a\x1b[b", "\xff"};
        char longest[CONFIG_NAME_MAX + 2];
        _cleanup_(freep) char *big = calloc(1, CONFIG_FILE_MAX + 1);

        (void) state;
        add(&a, "b.json", "two");
        add(&a, "a.json", "one");
        add(&b, "a.json", "one");
        add(&b, "b.json", "two");
        assert_string_equal(a.list[0].name, "a.json");
        assert_true(config_hash(&a) == config_hash(&b));
        add(&c, "a.json", "onet");
        add(&c, "b.json", "wo");
        assert_true(config_hash(&a) != config_hash(&c));
        config_files_done(&c);
        assert_true(config_hash(&a) != config_hash(&c));
        assert_int_equal(config_files_add(&c, "a.json", "", "oneb.json\0two", 13), 0);
        assert_true(config_hash(&a) != config_hash(&c));
        config_files_done(&c);
        assert_int_equal(config_files_add(&a, "a.json", "", "x", 1), -EEXIST);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(config_files_add(&a, bad[i], "", "x", 1), -EINVAL);
        memset(longest, 'x', sizeof(longest));
        longest[CONFIG_NAME_MAX + 1] = '\0';
        assert_int_equal(config_files_add(&a, longest, "", "x", 1), -EINVAL);
        longest[CONFIG_NAME_MAX] = '\0';
        assert_int_equal(config_files_add(&a, longest, "", "x", 1), 0);
        assert_int_equal(config_files_add(&a, "big", "", big, CONFIG_FILE_MAX + 1), -EFBIG);
        for (char name[] = "0"; name[0] < '4'; name[0]++)
                assert_int_equal(config_files_add(&c, name, "", big, CONFIG_FILE_MAX), 0);
        assert_int_equal(config_files_add(&c, "4", "", "x", 1), -E2BIG);
        assert_int_equal(c.n, 4);
}

/* ---- directories -----------------------------------------------------------------------------
 */

static void put(const char *dir, const char *name, const char *text)
{
        char path[256];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void forget(const char *dir, const char *name)
{
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(remove(path), 0);
}

/* etc and run below a fresh directory. */
static int make_dirs(void **state)
{
        static char dirs[3][64];

        strcpy(dirs[0], "/tmp/test-config.XXXXXX");
        if (!mkdtemp(dirs[0]))
                return -1;
        snprintf(dirs[1], sizeof(dirs[1]), "%.40s/etc", dirs[0]);
        snprintf(dirs[2], sizeof(dirs[2]), "%.40s/run", dirs[0]);
        *state = dirs;
        return mkdir(dirs[1], 0700) < 0 || mkdir(dirs[2], 0700) < 0;
}

static int remove_dirs(void **state)
{
        char(*dirs)[64] = *state;
        char command[128];

        snprintf(command, sizeof(command), "rm -rf '%s'", dirs[0]);
        return system(command);
}

static void masking(void **state)
{
        _cleanup_(config_files_done) struct config_files files = {0};
        char(*dirs)[64] = *state;
        const char *const three[] = {dirs[1], "/nonexistent/sriovd", dirs[2], NULL};
        struct fault f = FAULT_NULL;
        char path[256];

        put(dirs[2], "10-a.json", "run a");
        put(dirs[2], "20-b.json", "run b");
        put(dirs[2], "30-c.json", "run c");
        put(dirs[2], "05-d.json", "run d");
        put(dirs[2], ".hidden.json", "no");
        put(dirs[2], "note.txt", "no");
        put(dirs[2], ".json", "no");
        put(dirs[1], "10-a.json", "etc a");
        put(dirs[1], "20-b.json", "");
        put(dirs[1], "Z.json", "etc Z");
        snprintf(path, sizeof(path), "%s/30-c.json", dirs[1]);
        assert_int_equal(symlink("/dev/null", path), 0);
        if (config_read(three, &files, &f) < 0)
                fail_msg("%s", f.text);
        assert_int_equal(files.n, 3);
        assert_string_equal(files.list[0].name, "05-d.json");
        assert_string_equal(files.list[0].text, "run d");
        assert_string_equal(files.list[1].text, "etc a");
        snprintf(path, sizeof(path), "%s/10-a.json", dirs[1]);
        assert_string_equal(files.list[1].path, path);
        assert_string_equal(files.list[2].name, "Z.json");
        config_files_done(&files);
        assert_int_equal(config_read(three + 1, &files, &f), 0);
        assert_int_equal(files.n, 4);
}

/* The whole is refused, and the fault says which. */
static void assert_unreadable(const char *const *dirs, enum fault_code code, const char *wanted)
{
        struct config_files files = {0};
        struct fault f = FAULT_NULL;

        assert_true(config_read(dirs, &files, &f) < 0);
        if (f.code != code || !strstr(f.text, wanted))
                fail_msg("%s", f.text);
        assert_true(files.n == 0 && !files.list);
}

static void unreadable(void **state)
{
        _cleanup_(freep) char *big = malloc(CONFIG_FILE_MAX + 2);
        char(*dirs)[64] = *state;
        const char *const etc[] = {dirs[1], NULL};
        char path[256], name[32];

        assert_non_null(big);
        put(dirs[1], "a.json", "x");
        snprintf(path, sizeof(path), "%s/b.json", dirs[1]);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_unreadable(etc, FAULT_INVALID_ARGS, "etc/b.json: not a regular file");
        forget(dirs[1], "b.json");
        assert_int_equal(mkdir(path, 0700), 0);
        assert_unreadable(etc, FAULT_INVALID_ARGS, "etc/b.json: not a regular file");
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(symlink("/dev/zero", path), 0);
        assert_unreadable(etc, FAULT_INVALID_ARGS, "etc/b.json: not a regular file");
        forget(dirs[1], "b.json");
        assert_int_equal(symlink("nowhere", path), 0);
        assert_unreadable(etc, FAULT_IO, "etc/b.json: No such file");
        forget(dirs[1], "b.json");
        put(dirs[1], "esc\x1b.json", "x");
        assert_unreadable(etc, FAULT_INVALID_ARGS, "etc/esc\\x1b.json: not a name");
        forget(dirs[1], "esc\x1b.json");
        memset(big, ' ', CONFIG_FILE_MAX + 1);
        big[CONFIG_FILE_MAX + 1] = '\0';
        put(dirs[1], "b.json", big);
        assert_unreadable(etc, FAULT_INVALID_ARGS, "etc/b.json: too big");
        forget(dirs[1], "b.json");
        for (unsigned i = 0; i < CONFIG_FILES_MAX; i++) {
                snprintf(name, sizeof(name), "%u.json", i);
                put(dirs[1], name, "x");
        }
        assert_unreadable(etc, FAULT_INVALID_ARGS, "too many configuration files");
}

/* ---- wishes ----------------------------------------------------------------------------------
 */

static uint32_t roll(uint64_t *seed, uint32_t n)
{
        *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
        return (uint32_t) (*seed >> 33) % n;
}

static void random_attrs(uint64_t *seed, uint32_t pf, uint32_t vf, struct vf_attrs *a)
{
        for (unsigned i = 0; i < VF_ATTR_MAX; i++) {
                char text[GUID_STR_MAX];
                uint32_t n = roll(seed, 5);

                if (n == 0)
                        assert_int_equal(vf_attrs_set_text(a, i, "baseline", NULL), 0);
                if (n < 3)
                        continue;
                if (vf_attr_table[i].type == ATTR_MAC_ADDRESS) {
                        *a = (struct vf_attrs){.present = BIT(VF_ATTR_MAC)};
                        if (roll(seed, 4) > 0)
                                a->mac = (struct mac){
                                        {2, 1, (uint8_t) pf, 0, (uint8_t) (vf >> 8), (uint8_t) vf}};
                } else if (vf_attr_table[i].type == ATTR_GUID) {
                        format_guid(text, (uint64_t) roll(seed, UINT32_MAX) << 31 | vf);
                        assert_int_equal(vf_attrs_set_text(a, i, text, NULL), 0);
                } else {
                        uint32_t max = vf_attr_table[i].max - (vf_attr_table[i].type == ATTR_WORD);
                        uint32_t value = roll(seed, 3) ? roll(seed, 3) : max;

                        assert_int_equal(
                                vf_attrs_set_number(a, i, value > max ? max : value, NULL), 0);
                }
        }
        if (vf_attrs_check(a, NULL) < 0)
                a->max_tx_rate = 0;
}

static void random_vf(uint64_t *seed, uint32_t pf, struct desired_vf *vf)
{
        uint32_t n;

        random_attrs(seed, pf, vf->index, &vf->attrs);
        vf->wants = roll(seed, BIT(WISH_NUM_VFS)) & ~(BIT(WISH_DRIVER) - 1);
        for (n = 0; request_drivers[n]; n++)
                ;
        if (vf->wants & BIT(WISH_DRIVER))
                snprintf(vf->driver, DRIVER_MAX, "%s",
                        roll(seed, 3) ? request_drivers[roll(seed, n)] : "none");
        if ((vf->wants & BIT(WISH_OVERRIDE)) && roll(seed, 2))
                snprintf(vf->override, DRIVER_MAX, "%s", request_drivers[roll(seed, n)]);
        if (vf->wants & BIT(WISH_MSIX))
                vf->msix = 1 + roll(seed, 2048);
        if (vf->wants & BIT(WISH_NAME))
                snprintf(vf->name, NETDEV_MAX, "v%u.%u", pf, vf->index & 0xffff);
        vf->shared_group = roll(seed, 4) == 0;
        vf->nm_unmanaged = roll(seed, 4) == 0;
}

static void random_wish(uint64_t *seed, uint32_t pf, struct desired *d)
{
        uint32_t n = roll(seed, 3) ? roll(seed, 6) : 0, drift = roll(seed, 3);
        bool alike = roll(seed, 2);
        uint64_t first = *seed;

        snprintf(d->pf.str, DEV_ID_MAX, "pci/0000:3b:00.%u", pf & 7);
        d->wants = roll(seed, BIT(WISH_MAX)) & ~(BIT(WISH_NUM_VFS) - 1);
        d->num_vfs = d->wants & BIT(WISH_NUM_VFS) ? 200 + roll(seed, 50) : 0;
        d->autoprobe = (d->wants & BIT(WISH_AUTOPROBE)) && roll(seed, 2);
        d->mtu = d->wants & BIT(WISH_MTU) ? 68 + roll(seed, 65468) : 0;
        if (d->wants & BIT(WISH_ESWITCH))
                snprintf(d->eswitch, WORD_MAX, "%s", roll(seed, 2) ? "legacy" : "switchdev");
        d->replace = roll(seed, 2);
        d->clear_mac = roll(seed, 2);
        d->optional = roll(seed, 2) ? roll(seed, BIT(WISH_MAX)) : 0;
        for (unsigned key = 0; key < WISH_MAX; key++)
                d->drift[key] = (uint8_t) (drift < 2 ? drift : roll(seed, DRIFT_MAX));
        for (uint32_t i = 0; i < n; i++) {
                uint64_t same = first, *from = alike ? &same : seed;
                struct desired_vf *vf = desired_vf_add(d, alike ? i : roll(seed, 200));

                assert_non_null(vf);
                if (vf->wants == 0 && (vf->attrs.present | vf->attrs.reset) == 0)
                        random_vf(from, pf, vf);
                if (roll(seed, 4) == 0)
                        vf->nm_unmanaged = !vf->nm_unmanaged;
        }
}

static void assert_same_vf(const struct desired_vf *a, const struct desired_vf *b)
{
        assert_int_equal(a->index, b->index);
        assert_true(a->wants == b->wants);
        assert_true(vf_attrs_equal(&a->attrs, &b->attrs));
        assert_string_equal(a->driver, b->driver);
        assert_string_equal(a->override, b->override);
        assert_int_equal(a->msix, b->msix);
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->shared_group, b->shared_group);
        assert_int_equal(a->nm_unmanaged, b->nm_unmanaged);
}

static void assert_same(const struct desired *a, const struct desired *b)
{
        assert_string_equal(a->pf.str, b->pf.str);
        assert_true(a->wants == b->wants && a->optional == b->optional);
        assert_int_equal(a->num_vfs, b->num_vfs);
        assert_int_equal(a->autoprobe, b->autoprobe);
        assert_int_equal(a->mtu, b->mtu);
        assert_string_equal(a->eswitch, b->eswitch);
        assert_int_equal(a->replace, b->replace);
        assert_int_equal(a->clear_mac, b->clear_mac);
        assert_memory_equal(a->drift, b->drift, sizeof(a->drift));
        assert_int_equal(a->n_vfs, b->n_vfs);
        for (uint32_t i = 0; i < a->n_vfs; i++)
                assert_same_vf(&a->vfs[i], &b->vfs[i]);
}

static void written_and_back(void **state)
{
        uint64_t seed = 4;

        (void) state;
        for (unsigned round = 0; round < ROUNDS; round++) {
                _cleanup_(resolved_done) struct resolved wishes = {0}, back = {0};
                _cleanup_(freep) char *text = NULL;
                const struct desired *list[4];
                struct fault f = FAULT_NULL;

                wishes.list = calloc(4, sizeof(*wishes.list));
                assert_non_null(wishes.list);
                for (uint32_t n = roll(&seed, 5); wishes.n < n; wishes.n++) {
                        list[wishes.n] = &wishes.list[wishes.n];
                        random_wish(&seed, (uint32_t) wishes.n, &wishes.list[wishes.n]);
                }
                assert_int_equal(config_write(list, wishes.n, NULL, &text), 0);
                if (read_wishes("t", text, strlen(text), &back.list, &back.n, &f) < 0)
                        fail_msg("%s\n%s", f.text, text);
                assert_int_equal(back.n, wishes.n);
                for (size_t i = 0; i < wishes.n; i++)
                        assert_same(&wishes.list[i], &back.list[i]);
        }
}

/* The match that still finds the PF when it has another address. */
static void stable_match(void **state)
{
        static const char *const macs[] = {"3c:fd:fe:00:00:01", "3c:fd:fe:00:00:02",
                "3C:FD:FE:00:00:02", "", "00:00:00:00:00:00"};
        static const char *const paths[] = {
                "", "0000:00:1c.0/00.0", "", "0000:00:1d.0", "nonsense"};
        static const char *const wanted[] = {"{\"permanent_mac\":\"3c:fd:fe:00:00:01\"}",
                "{\"path\":\"0000:00:1c.0/00.0\"}", "{\"address\":\"0000:3b:00.2\"}",
                "{\"path\":\"0000:00:1d.0\"}", "{\"address\":\"0000:3b:00.4\"}",
                "{\"address\":\"0000:3b:00.5\"}"};
        struct pf_facts facts[ELEMENTSOF(macs)];
        const struct pf_facts *known[ELEMENTSOF(wanted)] = {0};
        struct desired wishes[ELEMENTSOF(wanted)] = {0};
        const struct desired *list[ELEMENTSOF(wanted)];
        _cleanup_(freep) char *text = NULL;
        char *at;

        (void) state;
        for (unsigned i = 0; i < ELEMENTSOF(wanted); i++) {
                list[i] = &wishes[i];
                snprintf(wishes[i].pf.str, DEV_ID_MAX, "pci/0000:3b:00.%u", i & 7);
                if (i == ELEMENTSOF(macs))
                        continue;
                known[i] = &facts[i];
                pf_facts_init(&facts[i], &wishes[i].pf);
                snprintf(facts[i].permanent_mac, MAC_STR_MAX, "%s", macs[i]);
                snprintf(facts[i].path, PCI_PATH_MAX, "%s", paths[i]);
        }
        assert_int_equal(config_write(list, ELEMENTSOF(list), known, &text), 0);
        for (char *from = at = text; (*at = *from); from++)
                at += *from != ' ' && *from != '\n';
        at = text;
        for (unsigned i = 0; i < ELEMENTSOF(wanted); i++) {
                at = strstr(at, "\"match\":");
                assert_non_null(at);
                at += strlen("\"match\":");
                if (!startswith(at, wanted[i]))
                        fail_msg("%u: %s", i, at);
        }
}

static void alike_in_one_element(void **state)
{
        _cleanup_(desired_done) struct desired d = {.pf = {"pci/0000:3b:00.0"}};
        const struct desired *list[] = {&d};
        _cleanup_(freep) char *text = NULL;

        (void) state;
        for (uint32_t i = 0; i < 9; i++) {
                struct desired_vf *vf = desired_vf_add(&d, i < 8 ? i : 10);

                assert_non_null(vf);
                assert_int_equal(vf_attrs_set_number(&vf->attrs, VF_ATTR_VLAN, 5, NULL), 0);
        }
        assert_int_equal(config_write(list, 1, NULL, &text), 0);
        assert_non_null(strstr(text, "\"0-7\""));
        assert_non_null(strstr(text, "10"));
        assert_null(strstr(text, "\"8\""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_of_each),
                cmocka_unit_test(across_files),
                cmocka_unit_test(files_and_hash),
                cmocka_unit_test_setup_teardown(masking, make_dirs, remove_dirs),
                cmocka_unit_test_setup_teardown(unreadable, make_dirs, remove_dirs),
                cmocka_unit_test(written_and_back),
                cmocka_unit_test(stable_match),
                cmocka_unit_test(alike_in_one_element),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
