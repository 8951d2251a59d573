/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values to and from bus messages: texts, holders, steps, faults, ids. Loop thread. */
#include <stdio.h>

#include "backend/codec.h"
#include "backend/codec_text.h"

#define ERROR_PREFIX "org.sriovd1.Error."

int put_text(sd_bus_message *m, const char *text, size_t size)
{
        char escaped[FAULT_TEXT_MAX];

        if (utf8_valid(text))
                return sd_bus_message_append_basic(m, 's', text);
        escape_text(escaped, size < sizeof(escaped) ? size : sizeof(escaped), text);
        return sd_bus_message_append_basic(m, 's', escaped);
}

int put_texts(sd_bus_message *m, const void *base, const struct text_field *fields, size_t n)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = put_text(m, (const char *) base + fields[i].offset, fields[i].size);
        return r;
}

int get_text(sd_bus_message *m, char *to, size_t size)
{
        const char *text;
        int r;

        r = sd_bus_message_read_basic(m, 's', &text);
        if (r < 0)
                return r;
        return r == 0 || str_copy(to, size, text) < 0 ? -EBADMSG : 0;
}

int get_texts(sd_bus_message *m, void *base, const struct text_field *fields, size_t n)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = get_text(m, (char *) base + fields[i].offset, fields[i].size);
        return r;
}

int get_array(sd_bus_message *m, const char *members, size_t limit, size_t size,
        int (*get)(sd_bus_message *m, void *element), void *ret, size_t *ret_n)
{
        size_t capacity = 0;
        char sig[64];
        void **array = ret;
        int r;

        snprintf(sig, sizeof(sig), "(%s)", members);
        r = sd_bus_message_enter_container(m, 'a', sig);
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'r', members)) > 0) {
                if (*ret_n == limit)
                        return -EBADMSG;
                r = array_grow(array, &capacity, *ret_n, size);
                if (r < 0)
                        return r;
                memset((char *) *array + *ret_n * size, 0, size);
                ++*ret_n;
                r = get(m, (char *) *array + (*ret_n - 1) * size);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int put_holder(sd_bus_message *m, const struct holder *h)
{
        int r;

        r = sd_bus_message_open_container(m, 'r', "usiss");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "usi", h->vf, h->kind, h->pid);
        if (r < 0)
                return r;
        r = put_text(m, h->name, sizeof(h->name));
        if (r < 0)
                return r;
        r = put_text(m, h->path, sizeof(h->path));
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int codec_put_holders(sd_bus_message *m, const struct holder *holders, size_t n)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "(usiss)");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = put_holder(m, &holders[i]);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int get_holder(sd_bus_message *m, void *element)
{
        struct holder *h = element;
        int r;

        r = sd_bus_message_read_basic(m, 'u', &h->vf);
        if (r < 0)
                return r;
        r = get_text(m, h->kind, sizeof(h->kind));
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(m, 'i', &h->pid);
        if (r < 0)
                return r;
        r = get_text(m, h->name, sizeof(h->name));
        if (r < 0)
                return r;
        r = get_text(m, h->path, sizeof(h->path));
        if (r < 0)
                return r;
        return (h->vf >= VFS_MAX && h->vf != NO_VF) || h->pid < -1 ? -EBADMSG : 0;
}

int codec_get_holders(sd_bus_message *m, struct holder **ret, size_t *ret_n)
{
        _cleanup_(freep) struct holder *holders = NULL;
        size_t n = 0;
        int r;

        r = get_array(m, "usiss", SIZE_MAX, sizeof(*holders), get_holder, &holders, &n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(holders);
        *ret_n = n;
        return 0;
}

static int put_step(sd_bus_message *m, const struct step *step)
{
        int r;

        r = sd_bus_message_open_container(m, 'r', "suuu" SIG_ATTRS "sb");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "suuu", step_kind_name(step->kind), step->vf, step->value,
                (uint32_t) step->setting);
        if (r < 0)
                return r;
        r = codec_put_attrs(m, &step->attrs);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "sb", step->name, step->force);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int codec_put_steps(sd_bus_message *m, const struct step *steps, size_t n)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "(suuu" SIG_ATTRS "sb)");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = put_step(m, &steps[i]);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int get_step(sd_bus_message *m, void *element)
{
        struct step *step = element;
        uint32_t setting = 0;
        const char *kind;
        int force, r;

        r = sd_bus_message_read(m, "suuu", &kind, &step->vf, &step->value, &setting);
        if (r < 0)
                return r;
        r = codec_get_attrs(m, &step->attrs);
        if (r < 0)
                return r;
        r = get_text(m, step->name, sizeof(step->name));
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(m, 'b', &force);
        if (r < 0)
                return r;
        step->kind = step_kind_from_name(kind);
        if (step->kind == STEP_MAX || setting >= VF_SETTING_MAX)
                return -EBADMSG;
        step->setting = setting;
        step->force = force;
        return 0;
}

int codec_get_steps(sd_bus_message *m, struct step **ret, size_t *ret_n)
{
        _cleanup_(freep) struct step *steps = NULL;
        size_t n = 0;
        int r;

        r = get_array(m, "suuu" SIG_ATTRS "sb", STEPS_LIMIT, sizeof(*steps), get_step, &steps, &n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(steps);
        *ret_n = n;
        return 0;
}

int codec_put_fault(sd_bus_message *m, const struct fault *f)
{
        return sd_bus_message_append(
                m, SIG_FAULT, fault_code_name(f->code), f->error, f->step, f->text);
}

static int fault_from(
        const char *code, const char *text, int32_t error, int32_t step, struct fault *ret)
{
        struct fault f = {.code = fault_code_from_name(code), .error = error, .step = step};

        if (f.code == FAULT_MAX || error < 0 || step < FAULT_NO_STEP ||
                str_copy(f.text, sizeof(f.text), text) < 0)
                return -EBADMSG;
        *ret = f;
        return 0;
}

int codec_get_fault(sd_bus_message *m, struct fault *ret)
{
        const char *code, *text;
        int32_t error, step;
        int r;

        r = sd_bus_message_read(m, SIG_FAULT, &code, &error, &step, &text);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        return fault_from(code, text, error, step, ret);
}

int codec_new_error(sd_bus_message *call, const struct fault *f, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char name[64];
        int r;

        snprintf(name, sizeof(name), ERROR_PREFIX "%s", fault_code_name(f->code));
        r = sd_bus_message_new_method_errorf(call, &m, name, "%s", f->text);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ii", f->error, f->step);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

int codec_get_error(sd_bus_message *m, struct fault *ret)
{
        const sd_bus_error *e = sd_bus_message_get_error(m);
        const char *text;
        int32_t error, step;
        int r;

        if (!e || !startswith(e->name, ERROR_PREFIX) || !sd_bus_message_has_signature(m, "sii"))
                return -EBADMSG;
        r = sd_bus_message_rewind(m, true);
        if (r < 0)
                return r;
        r = sd_bus_message_read(m, "sii", &text, &error, &step);
        if (r < 0)
                return r;
        r = fault_from(e->name + strlen(ERROR_PREFIX), text, error, step, ret);
        return r == 0 && ret->code == FAULT_NONE ? -EBADMSG : r;
}

int codec_get_dev_id(sd_bus_message *m, bool empty_ok, struct dev_id *ret)
{
        struct dev_id id;
        int r;

        r = get_text(m, id.str, sizeof(id.str));
        if (r < 0)
                return r;
        if (!dev_id_valid(&id) && !(empty_ok && id.str[0] == '\0'))
                return -EBADMSG;
        *ret = id;
        return 0;
}

int codec_put_dev_ids(sd_bus_message *m, const struct dev_id *ids, size_t n)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append_basic(m, 's', ids[i].str);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int codec_get_dev_ids(sd_bus_message *m, struct dev_id **ret, size_t *ret_n)
{
        _cleanup_(freep) struct dev_id *ids = NULL;
        size_t n = 0, capacity = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "s");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                r = array_grow(&ids, &capacity, n, sizeof(*ids));
                if (r < 0)
                        return r;
                r = codec_get_dev_id(m, false, &ids[n]);
                if (r < 0)
                        return r;
                n++;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(ids);
        *ret_n = n;
        return 0;
}
