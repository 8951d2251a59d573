/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of property values. What does not fit its member is -ENAMETOOLONG, never cut. Loop thread.
 */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/decode.h"
#include "ctl/fields.h"

static int decode_text(sd_bus_message *m, void *at, size_t size)
{
        const char *s;
        int r = sd_bus_message_read_basic(m, 's', &s);

        return r < 0 ? r : str_copy(at, size, s);
}

static int decode_path(sd_bus_message *m, void *at, size_t size)
{
        const char *s;
        int r = sd_bus_message_read_basic(m, 'o', &s);

        return r < 0 ? r : str_copy(at, size, s);
}

static int decode_words(sd_bus_message *m, void *at, size_t size)
{
        char *to = at;
        const char *s;
        size_t n = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "s");
        if (r < 0)
                return r;
        to[0] = '\0';
        while ((r = sd_bus_message_read_basic(m, 's', &s)) > 0) {
                if (n + (n > 0) >= size)
                        return -ENAMETOOLONG;
                if (n > 0)
                        to[n++] = ' ';
                r = str_copy(to + n, size - n, s);
                if (r < 0)
                        return r;
                n += strlen(s);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

void texts_done(struct texts *t)
{
        for (size_t i = 0; i < t->n; i++)
                free(t->list[i]);
        free(t->list);
        *t = (struct texts){0};
}

static int decode_texts(sd_bus_message *m, void *at, size_t size)
{
        struct texts *t = at;
        size_t capacity = 0;
        const char *s;
        int r;

        (void) size;
        texts_done(t);
        r = sd_bus_message_enter_container(m, 'a', "s");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read_basic(m, 's', &s)) > 0) {
                r = array_grow(&t->list, &capacity, t->n, sizeof(*t->list));
                if (r < 0)
                        return r;
                t->list[t->n] = strdup(s);
                if (!t->list[t->n])
                        return -ENOMEM;
                t->n++;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int decode_bool(sd_bus_message *m, void *at, size_t size)
{
        int v, r = sd_bus_message_read_basic(m, 'b', &v);

        (void) size;
        if (r >= 0)
                *(bool *) at = v;
        return r;
}

static int decode_u32(sd_bus_message *m, void *at, size_t size)
{
        (void) size;
        return sd_bus_message_read_basic(m, 'u', at);
}

static int decode_u64(sd_bus_message *m, void *at, size_t size)
{
        (void) size;
        return sd_bus_message_read_basic(m, 't', at);
}

static int decode_i64(sd_bus_message *m, void *at, size_t size)
{
        (void) size;
        return sd_bus_message_read_basic(m, 'x', at);
}

static int decode_i32(sd_bus_message *m, void *at, size_t size)
{
        (void) size;
        return sd_bus_message_read_basic(m, 'i', at);
}

static int decode_u16(sd_bus_message *m, void *at, size_t size)
{
        (void) size;
        return sd_bus_message_read_basic(m, 'q', at);
}

static int decode_capabilities(sd_bus_message *m, void *at, size_t size)
{
        struct capability *list = at;
        const char *name, *value;
        size_t n = 0;
        int r;

        memset(at, 0, size);
        r = sd_bus_message_enter_container(m, 'a', "{ss}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "{ss}", &name, &value)) > 0) {
                if (n == size / sizeof(*list))
                        continue; /* a setting of a newer daemon */
                r = str_copy(list[n].name, sizeof(list[n].name), name);
                if (r == 0)
                        r = str_copy(list[n].value, sizeof(list[n].value), value);
                if (r < 0)
                        return r;
                n++;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* The types are those of the method Set: u, b or s. A value that we do not know is absent. */
static int decode_attr(sd_bus_message *m, struct vf_attrs *a, const char *name, char type)
{
        enum vf_attr attr = vf_attr_from_name(name);
        const char *s;
        uint32_t u;
        int b, r;

        if (attr == VF_ATTR_MAX)
                return 0; /* an attribute of a newer daemon */
        switch (type) {
        case 's':
                r = sd_bus_message_read_basic(m, 's', &s);
                if (r >= 0)
                        (void) vf_attrs_set_text(a, attr, s, NULL);
                return r;
        case 'u':
                r = sd_bus_message_read_basic(m, 'u', &u);
                if (r >= 0)
                        (void) vf_attrs_set_number(a, attr, u, NULL);
                return r;
        case 'b':
                r = sd_bus_message_read_basic(m, 'b', &b);
                if (r >= 0)
                        (void) vf_attrs_set_number(a, attr, (uint64_t) b, NULL);
                return r;
        }
        return -EBADMSG;
}

static int decode_attrs(sd_bus_message *m, void *at, size_t size)
{
        const char *name, *contents;
        int r;

        memset(at, 0, size);
        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(m, 's', &name);
                if (r >= 0)
                        r = sd_bus_message_peek_type(m, NULL, &contents);
                if (r < 0)
                        return r;
                if (vf_attr_from_name(name) == VF_ATTR_MAX)
                        r = sd_bus_message_skip(m, "v");
                else {
                        r = sd_bus_message_enter_container(m, 'v', contents);
                        if (r >= 0)
                                r = decode_attr(m, at, name, contents[0]);
                        if (r >= 0)
                                r = sd_bus_message_exit_container(m);
                }
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* at is the member `devices` of a view_group; its neighbour counts them. */
static int decode_devices(sd_bus_message *m, void *at, size_t size)
{
        struct view_group *g = (void *) ((char *) at - offsetof(struct view_group, devices));
        const char *address, *driver;
        size_t capacity = 0;
        uint32_t class;
        int r;

        (void) size;
        free(g->devices);
        g->devices = NULL;
        g->n_devices = 0;
        r = sd_bus_message_enter_container(m, 'a', "(ssu)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "(ssu)", &address, &driver, &class)) > 0) {
                struct group_device d = {.pci_class = class};

                r = str_copy(d.address, sizeof(d.address), address);
                if (r == 0)
                        r = str_copy(d.driver, sizeof(d.driver), driver);
                if (r == 0)
                        r = array_grow(&g->devices, &capacity, g->n_devices, sizeof(d));
                if (r < 0)
                        return r;
                g->devices[g->n_devices++] = d;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int holders_decode(sd_bus_message *m, bool of_pf, struct holder **ret, size_t *ret_n)
{
        _cleanup_(freep) struct holder *list = NULL;
        const char *kind, *name, *path;
        size_t n = 0, capacity = 0;
        uint32_t vf = NO_VF;
        int32_t pid;
        int r;

        r = sd_bus_message_enter_container(m, 'a', of_pf ? "(ussis)" : "(ssis)");
        if (r < 0)
                return r;
        while ((r = of_pf ? sd_bus_message_read(m, "(ussis)", &vf, &kind, &name, &pid, &path)
                          : sd_bus_message_read(m, "(ssis)", &kind, &name, &pid, &path)) > 0) {
                struct holder h = {.vf = vf, .pid = pid};

                r = str_copy(h.kind, sizeof(h.kind), kind);
                if (r == 0)
                        r = str_copy(h.name, sizeof(h.name), name);
                if (r == 0)
                        r = str_copy(h.path, sizeof(h.path), path);
                if (r == 0)
                        r = array_grow(&list, &capacity, n, sizeof(h));
                if (r < 0)
                        return r;
                list[n++] = h;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        *ret_n = n;
        return 0;
}

static bool known_text(const void *at)
{
        return *(const char *) at;
}

static bool known_i32(const void *at)
{
        return *(const int32_t *) at >= 0;
}

static bool known_u16(const void *at)
{
        return *(const uint16_t *) at != 0;
}

static bool known_moment(const void *at)
{
        return *(const uint64_t *) at != 0;
}

static void json_text(struct json_writer *w, const char *key, const void *at)
{
        json_put_string(w, key, at);
}

static void json_words(struct json_writer *w, const char *key, const void *at)
{
        char copy[WORDS_SIZE], *rest = copy, *word;

        snprintf(copy, sizeof(copy), "%s", (const char *) at);
        json_open_array(w, key);
        while ((word = strsep(&rest, " ")))
                if (*word)
                        json_put_string(w, NULL, word);
        json_close(w);
}

static void json_texts(struct json_writer *w, const char *key, const void *at)
{
        const struct texts *t = at;

        json_open_array(w, key);
        for (size_t i = 0; i < t->n; i++)
                json_put_string(w, NULL, t->list[i]);
        json_close(w);
}

static void json_bool(struct json_writer *w, const char *key, const void *at)
{
        json_put_bool(w, key, *(const bool *) at);
}

static void json_u32(struct json_writer *w, const char *key, const void *at)
{
        json_put_u64(w, key, *(const uint32_t *) at);
}

static void json_u64(struct json_writer *w, const char *key, const void *at)
{
        json_put_u64(w, key, *(const uint64_t *) at);
}

static bool known_uid(const void *at)
{
        return *(const int64_t *) at >= 0;
}

static void json_i64(struct json_writer *w, const char *key, const void *at)
{
        json_put_i64(w, key, *(const int64_t *) at);
}

static void json_i32(struct json_writer *w, const char *key, const void *at)
{
        json_put_i64(w, key, *(const int32_t *) at);
}

static void json_switch(struct json_writer *w, const char *key, const void *at)
{
        json_put_bool(w, key, *(const int32_t *) at == 1);
}

static void text_text(const void *at, char *buf, size_t size)
{
        snprintf(buf, size, "%s", (const char *) at);
}

static void text_texts(const void *at, char *buf, size_t size)
{
        const struct texts *t = at;
        size_t n = 0;

        for (size_t i = 0; i < t->n && n < size; i++)
                n += (size_t) snprintf(buf + n, size - n, "%s%s", i > 0 ? "; " : "", t->list[i]);
}

static void text_bool(const void *at, char *buf, size_t size)
{
        snprintf(buf, size, "%s", *(const bool *) at ? "yes" : "no");
}

static void text_u32(const void *at, char *buf, size_t size)
{
        snprintf(buf, size, "%" PRIu32, *(const uint32_t *) at);
}

static void text_u64(const void *at, char *buf, size_t size)
{
        snprintf(buf, size, "%" PRIu64, *(const uint64_t *) at);
}

static void text_uid(const void *at, char *buf, size_t size)
{
        buf[0] = '\0';
        if (known_uid(at))
                snprintf(buf, size, "%" PRIi64, *(const int64_t *) at);
}

static void text_i32(const void *at, char *buf, size_t size)
{
        snprintf(buf, size, "%" PRIi32, *(const int32_t *) at);
}

static void text_switch(const void *at, char *buf, size_t size)
{
        snprintf(buf, size, "%s", *(const int32_t *) at == 1 ? "on" : "off");
}

static void text_hex16(const void *at, char *buf, size_t size)
{
        snprintf(buf, size, "0x%04x", *(const uint16_t *) at);
}

static void text_class(const void *at, char *buf, size_t size)
{
        snprintf(buf, size, "0x%06" PRIx32, *(const uint32_t *) at);
}

static void json_hex16(struct json_writer *w, const char *key, const void *at)
{
        char text[16];

        text_hex16(at, text, sizeof(text));
        json_put_string(w, key, text);
}

static void json_class(struct json_writer *w, const char *key, const void *at)
{
        char text[16];

        text_class(at, text, sizeof(text));
        json_put_string(w, key, text);
}

static void json_capabilities(struct json_writer *w, const char *key, const void *at)
{
        const struct capability *list = at;

        json_open_object(w, key);
        for (size_t i = 0; i < VF_SETTING_MAX && list[i].name[0]; i++)
                json_put_string(w, list[i].name, list[i].value);
        json_close(w);
}

static void text_capabilities(const void *at, char *buf, size_t size)
{
        const struct capability *list = at;
        size_t n = 0;

        for (size_t i = 0; i < VF_SETTING_MAX && list[i].name[0] && n < size; i++)
                n += (size_t) snprintf(buf + n, size - n, "%s%s=%s", i > 0 ? " " : "", list[i].name,
                        list[i].value);
}

/* The members stand beside the VF's own. */
static void json_attrs(struct json_writer *w, const char *key, const void *at)
{
        const struct vf_attrs *a = at;
        char text[VF_ATTR_STR_MAX];

        (void) key;
        for (unsigned i = 0; i < VF_ATTR_MAX; i++) {
                const struct vf_attr_info *info = &vf_attr_table[i];

                if (!vf_attrs_has(a, i))
                        continue;
                if (info->type == ATTR_NUMBER)
                        json_put_u64(w, info->name, vf_attrs_number(a, i));
                else if (info->type == ATTR_SWITCH)
                        json_put_bool(w, info->name, vf_attrs_number(a, i));
                else {
                        vf_attrs_format(a, i, text);
                        json_put_string(w, info->name, text);
                }
        }
}

static void text_attrs(const void *at, char *buf, size_t size)
{
        const struct vf_attrs *a = at;
        char text[VF_ATTR_STR_MAX];
        size_t n = 0;

        for (unsigned i = 0; i < VF_ATTR_MAX && n < size; i++)
                if (vf_attrs_has(a, i)) {
                        vf_attrs_format(a, i, text);
                        n += (size_t) snprintf(buf + n, size - n, "%s%s=%s", n > 0 ? " " : "",
                                vf_attr_table[i].name, text);
                }
}

static const struct view_group *group_of(const void *at)
{
        return (const void *) ((const char *) at - offsetof(struct view_group, devices));
}

static void json_devices(struct json_writer *w, const char *key, const void *at)
{
        const struct view_group *g = group_of(at);

        json_open_array(w, key);
        for (size_t i = 0; i < g->n_devices; i++) {
                json_open_object(w, NULL);
                json_put_string(w, "address", g->devices[i].address);
                if (g->devices[i].driver[0])
                        json_put_string(w, "driver", g->devices[i].driver);
                if (i < g->above.n && g->above.list[i][0])
                        json_put_string(w, "above", g->above.list[i]);
                json_put_string(w, "class", pci_class_word(g->devices[i].pci_class));
                json_class(w, "pci_class", &g->devices[i].pci_class);
                json_close(w);
        }
        json_close(w);
}

static void text_devices(const void *at, char *buf, size_t size)
{
        const struct view_group *g = group_of(at);
        size_t n = 0;

        for (size_t i = 0; i < g->n_devices && n < size; i++)
                n += (size_t) snprintf(buf + n, size - n, "%s%s%s%s%s", i > 0 ? " " : "",
                        g->devices[i].address, g->devices[i].driver[0] ? "(" : "",
                        g->devices[i].driver, g->devices[i].driver[0] ? ")" : "");
}

const struct value_kind value_text = {"s", decode_text, known_text, json_text, text_text, false};
const struct value_kind value_path = {"o", decode_path, known_text, json_text, text_text, false};
const struct value_kind value_words = {"as", decode_words, NULL, json_words, text_text, false};
const struct value_kind value_bool = {"b", decode_bool, NULL, json_bool, text_bool, false};
const struct value_kind value_u32 = {"u", decode_u32, NULL, json_u32, text_u32, false};
const struct value_kind value_u64 = {"t", decode_u64, NULL, json_u64, text_u64, false};
const struct value_kind value_uid = {"x", decode_i64, known_uid, json_i64, text_uid, false};
const struct value_kind value_i32 = {"i", decode_i32, known_i32, json_i32, text_i32, true};
const struct value_kind value_switch = {"i", decode_i32, known_i32, json_switch, text_switch, true};
const struct value_kind value_hex16 = {"q", decode_u16, known_u16, json_hex16, text_hex16, false};
const struct value_kind value_class = {"u", decode_u32, NULL, json_class, text_class, false};
const struct value_kind value_capabilities = {
        "a{ss}", decode_capabilities, NULL, json_capabilities, text_capabilities, false};
const struct value_kind value_attrs = {"a{sv}", decode_attrs, NULL, json_attrs, text_attrs, false};
const struct value_kind value_devices = {
        "a(ssu)", decode_devices, NULL, json_devices, text_devices, false};
const struct value_kind value_texts = {"as", decode_texts, NULL, json_texts, text_texts, false};
const struct value_kind value_moment = {"t", decode_u64, known_moment, json_u64, text_u64, false};
