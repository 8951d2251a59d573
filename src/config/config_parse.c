/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One configuration file's text to entries, and what holds across files. Loop thread. */
#include <ctype.h>
#include <stdio.h>

#include "base/suggest.h"
#include "config/config_private.h"

struct reader {
        struct declared *d;
        struct fault *f;
};

int config_parse_word(const struct json_value *v, const char *key, const char *const *words,
        unsigned n, unsigned *ret, struct fault *f)
{
        char list[128] = "";
        const char *word;
        int r;

        r = json_as_string(v, &word, f);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < n; i++) {
                if (streq(words[i], word)) {
                        *ret = i;
                        return 0;
                }
                snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
                        i == 0 ? "" : (i + 1 < n ? ", " : " or "), words[i]);
        }
        return json_refuse(v, f, "%s \"%s\"; expected %s", key, word, list);
}

int config_parse_nm_managed(const struct json_value *v, int *ret, struct fault *f)
{
        bool managed = false;
        int r;

        r = json_opt_bool(v, "nm_managed", &managed, f);
        *ret = r > 0 ? managed : -1;
        return r < 0 ? r : 0;
}

/* ---- match -----------------------------------------------------------------------------------
 */

/* "1f.7". */
static bool devfn_valid(const char *s)
{
        return strspn(s, "01") > 0 && isxdigit((unsigned char) s[1]) && s[2] == '.' &&
               s[3] >= '0' && s[3] <= '7';
}

int config_parse_path(const char *text, char ret[static PCI_PATH_MAX])
{
        size_t first = strcspn(text, "/"), n = strlen(text);
        char head[BDF_STR_MAX], path[PCI_PATH_MAX];
        struct bdf bdf;

        if (first >= sizeof(head))
                return -EINVAL;
        memcpy(head, text, first);
        head[first] = '\0';
        if (parse_bdf(head, &bdf) < 0)
                return -EINVAL;
        format_bdf(path, &bdf);
        text += first;
        n -= first;
        if (n % 5 != 0 || strlen(path) + n >= sizeof(path))
                return -EINVAL;
        for (size_t i = 0; i < n; i += 5)
                if (text[i] != '/' || !devfn_valid(text + i + 1))
                        return -EINVAL;
        first = strlen(path);
        for (size_t i = 0; i <= n; i++)
                path[first + i] = (char) tolower((unsigned char) text[i]);
        memcpy(ret, path, first + n + 1);
        return 0;
}

/* "8086:1572". */
static int parse_id(const char *text, struct declared_match *m)
{
        char part[5] = "";
        uint32_t vendor, device;

        if (strlen(text) != 9 || text[4] != ':' || strspn(text, "0123456789abcdefABCDEF") != 4)
                return -EINVAL;
        memcpy(part, text, 4);
        if (strspn(text + 5, "0123456789abcdefABCDEF") != 4 || parse_hex32(part, &vendor) < 0 ||
                parse_hex32(text + 5, &device) < 0)
                return -EINVAL;
        m->vendor_id = (uint16_t) vendor;
        m->device_id = (uint16_t) device;
        return 0;
}

static bool slot_valid(const char *text)
{
        for (const char *c = text; *c; c++)
                if (*c < ' ' || *c > '~')
                        return false;
        return text[0] != '\0';
}

static int parse_match_text(struct declared_match *m, enum match_key key, const char *text)
{
        struct bdf bdf;

        switch (key) {
        case MATCH_IFNAME:
                return ifname_valid(text) ? str_copy(m->ifname, sizeof(m->ifname), text) : -EINVAL;
        case MATCH_ADDRESS:
                if (parse_bdf(text, &bdf) < 0)
                        return -EINVAL;
                format_bdf(m->address, &bdf);
                return 0;
        case MATCH_ID:
                return parse_id(text, m);
        case MATCH_DRIVER:
                return driver_name_valid(text) ? str_copy(m->driver, sizeof(m->driver), text)
                                               : -EINVAL;
        case MATCH_PERMANENT_MAC:
                if (parse_mac(text, &m->permanent_mac) < 0 || mac_is_multicast(&m->permanent_mac) ||
                        mac_is_zero(&m->permanent_mac))
                        return -EINVAL;
                return 0;
        case MATCH_PATH:
                return config_parse_path(text, m->path);
        case MATCH_SLOT:
                return slot_valid(text) ? str_copy(m->slot, sizeof(m->slot), text) : -EINVAL;
        case MATCH_NUMA_NODE:
        case MATCH_MAX:
                break;
        }
        return -EINVAL;
}

static int read_match_key(
        const struct json_value *v, enum match_key key, struct declared_match *m, struct fault *f)
{
        static const char *const expected[MATCH_MAX] = {
                [MATCH_IFNAME] = "an interface's name, 1 to 15 bytes without blanks and slashes",
                [MATCH_ADDRESS] = "a PCI address such as 0000:3b:00.0",
                [MATCH_ID] = "vendor and device as four hex digits each, such as 8086:1572",
                [MATCH_DRIVER] = "a driver's name, 1 to 63 of A-Z a-z 0-9 _ -",
                [MATCH_PERMANENT_MAC] = "a unicast MAC address such as 3c:fd:fe:00:00:01",
                [MATCH_PATH] = "the root bus's address and hops below, such as 0000:00:1c.0/00.0",
                [MATCH_SLOT] = "a slot's name as in /sys/bus/pci/slots, 1 to 23 ASCII characters",
        };
        const char *text;
        uint32_t node;
        int r;

        if (key == MATCH_NUMA_NODE) {
                r = json_as_u32(v, 0, 1023, &node, f);
                if (r < 0)
                        return r;
                m->numa_node = (int32_t) node;
        } else {
                r = json_as_string(v, &text, f);
                if (r < 0)
                        return r;
                if (parse_match_text(m, key, text) < 0)
                        return json_refuse(v, f, "%s \"%s\"; expected %s", match_key_name(key),
                                text, expected[key]);
        }
        m->keys |= BIT(key);
        return 0;
}

static int read_match(const struct json_value *v, struct declared_match *m, struct fault *f)
{
        const char *keys[MATCH_MAX + 2] = {[MATCH_MAX] = "all"};
        int r;

        for (unsigned key = 0; key < MATCH_MAX; key++)
                keys[key] = match_key_name(key);
        r = json_check_keys(v, keys, f);
        for (unsigned key = 0; key < MATCH_MAX && r >= 0; key++) {
                const struct json_value *member = json_member(v, match_key_name(key));

                if (member)
                        r = read_match_key(member, key, m, f);
        }
        if (r >= 0)
                r = json_opt_bool(v, "all", &m->all, f);
        if (r < 0)
                return r;
        if (m->keys == 0)
                return json_refuse(v, f,
                        "a match that names nothing%s; expected at least one of ifname, address, "
                        "id, driver, permanent_mac, path, slot, numa_node",
                        r > 0 ? " beside \"all\"" : "");
        return 0;
}

/* ---- one PF ----------------------------------------------------------------------------------
 */

static int read_wish_key(const struct json_value *v, const char *word, enum wish_key *ret,
        const char *also, struct fault *f)
{
        enum wish_key key = wish_key_from_name(word);
        const char *names[WISH_MAX + 1] = {0};
        const char *near;

        if (key != WISH_MAX) {
                *ret = key;
                return 0;
        }
        for (unsigned i = 0; i < WISH_MAX; i++)
                names[i] = wish_key_name(i);
        near = suggest(word, names);
        return json_refuse(v, f,
                "\"%s\" is no key of a PF or VF; %s%s%sexpected %sa key such as vlan, driver or "
                "num_vfs",
                word, near ? "did you mean \"" : "", near ? near : "", near ? "\"? " : "", also);
}

static int read_drift_word(const struct json_value *v, uint8_t *ret, struct fault *f)
{
        const char *words[DRIFT_MAX];
        unsigned drift;
        int r;

        for (unsigned i = 0; i < DRIFT_MAX; i++)
                words[i] = drift_name(i);
        r = config_parse_word(v, "drift", words, DRIFT_MAX, &drift, f);
        if (r == 0)
                *ret = (uint8_t) drift;
        return r;
}

/* A word for all, or an object with "default" and keys of their own. */
static int read_drift(const struct json_value *v, uint8_t drift[static WISH_MAX], struct fault *f)
{
        const struct json_value *all = json_kind(v) == JSON_OBJECT ? json_member(v, "default") : v;
        uint8_t word = DRIFT_REPORT;
        int r = 0;

        if (json_kind(v) != JSON_OBJECT && json_kind(v) != JSON_STRING)
                return json_refuse(v, f,
                        "drift is neither a word nor an object; expected report, enforce or "
                        "ignore, or an object of keys with these");
        if (all)
                r = read_drift_word(all, &word, f);
        if (r < 0)
                return r;
        memset(drift, word, WISH_MAX);
        for (size_t i = 0; i < json_n_members(v); i++) {
                const char *name = NULL;
                const struct json_value *member = json_nth_member(v, i, &name);
                enum wish_key key = WISH_MAX;

                if (member == all)
                        continue;
                r = read_wish_key(member, name, &key, "\"default\" or ", f);
                if (r == 0)
                        r = read_drift_word(member, &drift[key], f);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_optional(const struct json_value *v, uint32_t *ret, struct fault *f)
{
        const struct json_value *list;
        size_t n;
        int r;

        r = json_opt_array(v, "optional", &list, &n, f);
        for (size_t i = 0; i < n && r >= 0; i++) {
                const struct json_value *element = json_element(list, i);
                enum wish_key key = WISH_MAX;
                const char *word;

                r = json_as_string(element, &word, f);
                if (r == 0)
                        r = read_wish_key(element, word, &key, "", f);
                if (r == 0 && (*ret & BIT(key)))
                        r = json_refuse(
                                element, f, "\"%s\" is listed twice; expected it once", word);
                if (r == 0)
                        *ret |= BIT(key);
        }
        return r < 0 ? r : 0;
}

/* 1 from a getter sets the key's bit. */
static int want(struct desired *d, enum wish_key key, int r)
{
        if (r > 0)
                d->wants |= BIT(key);
        return r;
}

static int read_eswitch(const struct json_value *v, struct desired *d, struct fault *f)
{
        static const char *const words[] = {"legacy", "switchdev"};
        const struct json_value *mode = json_member(v, "eswitch_mode");
        unsigned i;
        int r;

        if (!mode)
                return 0;
        r = config_parse_word(mode, "eswitch_mode", words, ELEMENTSOF(words), &i, f);
        if (r < 0)
                return r;
        d->wants |= BIT(WISH_ESWITCH);
        return str_copy(d->eswitch, sizeof(d->eswitch), words[i]);
}

/* The PF's own keys. */
static int read_common(const struct json_value *v, struct desired *d, struct fault *f)
{
        const struct json_value *drift = json_member(v, "drift");
        int r;

        r = want(d, WISH_NUM_VFS, json_opt_u32(v, "num_vfs", 0, VFS_MAX, &d->num_vfs, f));
        if (r >= 0)
                r = want(d, WISH_AUTOPROBE, json_opt_bool(v, "autoprobe", &d->autoprobe, f));
        if (r >= 0)
                r = want(d, WISH_MTU, json_opt_u32(v, "mtu", 68, 65535, &d->mtu, f));
        if (r >= 0)
                r = read_eswitch(v, d, f);
        if (r >= 0)
                r = json_opt_bool(v, "replace", &d->replace, f);
        if (r >= 0)
                r = json_opt_bool(v, "clear_mac", &d->clear_mac, f);
        if (r >= 0 && drift)
                r = read_drift(drift, d->drift, f);
        return r < 0 ? r : read_optional(v, &d->optional, f);
}

static int read_vfs(const struct json_value *v, struct declared_pf *pf, struct fault *f)
{
        uint32_t num_vfs = pf->common.wants & BIT(WISH_NUM_VFS) ? pf->common.num_vfs : UINT32_MAX;
        const struct json_value *list = NULL;
        size_t n;
        int r;

        r = json_opt_array(v, "vfs", &list, &n, f);
        if (r < 0 || n == 0)
                return r < 0 ? r : 0;
        if (num_vfs == 0)
                return json_refuse(list, f, "\"vfs\" beside num_vfs 0; expected no VFs");
        if (n > DECLARED_VFS_MAX)
                return json_refuse(
                        list, f, "%zu elements; expected at most %u", n, DECLARED_VFS_MAX);
        pf->vfs = calloc(n, sizeof(*pf->vfs));
        if (!pf->vfs)
                return -ENOMEM;
        for (r = 0; pf->n_vfs < n && r == 0; pf->n_vfs++)
                r = config_parse_vfs(
                        json_element(list, pf->n_vfs), num_vfs, &pf->vfs[pf->n_vfs], f);
        return r;
}

static int read_pf(struct reader *rd, const struct json_value *v)
{
        static const char *const keys[] = {"match", "num_vfs", "autoprobe", "mtu", "eswitch_mode",
                "replace", "clear_mac", "nm_managed", "drift", "optional", "vfs", NULL};
        const struct json_value *match;
        struct declared_pf *pf;
        int r;

        r = array_grow(&rd->d->pfs, &rd->d->capacity, rd->d->n, sizeof(*pf));
        if (r < 0)
                return r;
        pf = &rd->d->pfs[rd->d->n++];
        *pf = (struct declared_pf){.nm_managed = -1};
        r = json_check_keys(v, keys, rd->f);
        if (r == 0)
                r = json_where(v, pf->where, sizeof(pf->where));
        if (r == 0)
                r = json_where(v, pf->common.where, sizeof(pf->common.where));
        if (r == 0)
                r = json_require(v, "match", &match, rd->f);
        if (r == 0)
                r = read_match(match, &pf->match, rd->f);
        if (r == 0)
                r = read_common(v, &pf->common, rd->f);
        if (r == 0)
                r = config_parse_nm_managed(v, &pf->nm_managed, rd->f);
        return r < 0 ? r : read_vfs(v, pf, rd->f);
}

/* ---- the whole -------------------------------------------------------------------------------
 */

static int read_document(struct reader *rd, const struct json_value *root)
{
        static const char *const keys[] = {"$schema", "version", "pfs", NULL};
        const struct json_value *version, *pfs;
        const char *schema;
        uint32_t number;
        size_t n;
        int r;

        r = json_check_keys(root, keys, rd->f);
        if (r == 0)
                r = json_opt_string(root, "$schema", &schema, rd->f);
        if (r >= 0)
                r = json_require(root, "version", &version, rd->f);
        if (r == 0)
                r = json_as_u32(version, 1, 1, &number, rd->f);
        if (r == 0)
                r = json_require(root, "pfs", &pfs, rd->f);
        if (r == 0)
                r = json_as_array(pfs, &n, rd->f);
        if (r < 0)
                return r;
        if (n > DECLARED_PFS_MAX)
                return json_refuse(
                        pfs, rd->f, "%zu entries; expected at most %u", n, DECLARED_PFS_MAX);
        for (size_t i = 0; i < n && r == 0; i++)
                r = read_pf(rd, json_element(pfs, i));
        return r < 0 ? r : declared_check(rd->d, rd->f);
}

int config_parse(
        const char *name, const char *text, size_t n, struct declared *ret, struct fault *f)
{
        _cleanup_(json_freep) struct json *json = NULL;
        _cleanup_(declared_done) struct declared d = {0};
        struct reader rd = {.d = &d, .f = f};
        int r;

        if (strlen(name) > CONFIG_NAME_MAX)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "a file's name of %zu bytes; expected at most %u", strlen(name),
                        CONFIG_NAME_MAX);
        r = json_parse(name, text, n, JSON_COMMENTS, &json, f);
        if (r == 0)
                r = read_document(&rd, json_root(json));
        if (r < 0)
                return r;
        *ret = d;
        d = (struct declared){0};
        return 0;
}

int config_load(const struct config_files *files, struct declared *ret, struct fault *f)
{
        _cleanup_(declared_done) struct declared all = {0};
        int r;

        for (size_t i = 0; i < files->n; i++) {
                const struct config_file *file = &files->list[i];
                struct declared one = {0};

                r = config_parse(file->name, file->text, file->n, &one, f);
                if (r == 0)
                        r = declared_append(&all, &one);
                declared_done(&one);
                if (r < 0)
                        return r;
        }
        r = declared_check(&all, f);
        if (r < 0)
                return r;
        *ret = all;
        all = (struct declared){0};
        return 0;
}
