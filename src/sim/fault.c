/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults to inject: their language and when they strike. Pure, any thread. */
#include <stdio.h>

#include "sim/fault.h"

#define ERRNO_LAST 133 /* EHWPOISON, the last one of Linux */

/* Which keys a kind takes beside step, vf, nth and times, and must have. */
static const struct {
        const char *name;
        const char *needs;
} kinds[SIM_FAULT_KIND_MAX] = {
        [SIM_FAULT_DELAY] = {"delay", "ms"},
        [SIM_FAULT_ERRNO] = {"errno", "error"},
        [SIM_FAULT_PARTIAL] = {"partial", "count"},
        [SIM_FAULT_HANG] = {"hang", NULL},
        [SIM_FAULT_IGNORE] = {"ignore", NULL},
        [SIM_FAULT_OMIT] = {"omit", NULL},
        [SIM_FAULT_VANISH] = {"vanish", NULL},
        [SIM_FAULT_MAILBOX] = {"mailbox", NULL},
        [SIM_FAULT_DMA] = {"dma", "vf"},
};

static int parse_errno(const char *s, int *ret)
{
        for (int i = 1; i <= ERRNO_LAST; i++) {
                const char *name = strerrorname_np(i);

                if (name && streq(name, s)) {
                        *ret = i;
                        return 0;
                }
        }
        if (!streq(s, "EOPNOTSUPP")) /* glibc says ENOTSUP */
                return -EINVAL;
        *ret = EOPNOTSUPP;
        return 0;
}

static int parse_op(const char *s, uint32_t *ret)
{
        enum step_kind kind = step_kind_from_name(s);

        if (kind == STEP_MAX && !streq(s, "observe"))
                return -EINVAL;
        *ret = kind; /* SIM_OP_OBSERVE is STEP_MAX */
        return 0;
}

static int parse_attr(const char *s, enum vf_attr *ret)
{
        enum vf_attr attr = vf_attr_from_name(s);

        if (attr == VF_ATTR_MAX)
                return -EINVAL;
        *ret = attr;
        return 0;
}

static int parse_word(struct sim_fault *fault, const char *key, const char *value, struct fault *f)
{
        const struct {
                const char *key, *expected;
                uint32_t min, max;
                uint32_t *number;
        } numbers[] = {
                {"vf", "an index 0 to 65534", 0, VFS_MAX - 1, &fault->vf},
                {"nth", "1 to 1000000", 1, 1000000, &fault->nth},
                {"times", "0 (for ever) to 1000000", 0, 1000000, &fault->times},
                {"ms", "milliseconds, 0 to 3600000", 0, 3600000, &fault->ms},
                {"count", "0 to 65535", 0, VFS_MAX, &fault->count},
        };
        const char *expected = NULL;
        int r = -EINVAL;

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (streq(key, numbers[i].key)) {
                        r = parse_u32(value, numbers[i].min, numbers[i].max, numbers[i].number);
                        expected = numbers[i].expected;
                }
        if (streq(key, "step")) {
                r = parse_op(value, &fault->op);
                expected = "a step such as set_numvfs, set_vf, bind, or observe";
        } else if (streq(key, "error")) {
                r = parse_errno(value, &fault->error);
                expected = "an errno such as EBUSY, EIO, EINVAL";
        } else if (streq(key, "attr")) {
                r = parse_attr(value, &fault->attr);
                expected = "a VF attribute such as vlan";
        }
        if (!expected)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "unknown key '%s' in a fault; expected step, vf, nth, times, ms, count, "
                        "error or attr",
                        key);
        if (r < 0)
                return fault_set(f, FAULT_INVALID_ARGS, 0, "%s=%s in a fault; expected %s", key,
                        value, expected);
        return 0;
}

static int parse_kind(const char *word, struct sim_fault *fault, struct fault *f)
{
        for (unsigned i = 0; i < SIM_FAULT_KIND_MAX; i++) {
                if (!word || !streq(word, kinds[i].name))
                        continue;
                fault->kind = i;
                if (i == SIM_FAULT_OMIT) {
                        fault->op = SIM_OP_OBSERVE;
                        fault->times = 0;
                } else if (i == SIM_FAULT_PARTIAL) {
                        fault->op = STEP_SET_NUMVFS;
                }
                return 0;
        }
        return fault_set(f, FAULT_INVALID_ARGS, 0,
                "unknown fault '%s'; expected delay, errno, partial, hang, ignore, omit, "
                "vanish, mailbox or dma",
                word ? word : "");
}

int sim_fault_parse(const char *text, struct sim_fault *ret, struct fault *f)
{
        struct sim_fault fault = {
                .op = SIM_OP_ANY_STEP, .vf = NO_VF, .nth = 1, .times = 1, .attr = VF_ATTR_MAX};
        char copy[SIM_FAULT_TEXT_MAX], *rest, *word;
        const char *needs;
        int r;

        if (str_copy(fault.text, sizeof(fault.text), text) < 0 || !utf8_valid(text))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "this fault is too long or not UTF-8; expected at most %u bytes",
                        SIM_FAULT_TEXT_MAX - 1);
        memcpy(copy, fault.text, sizeof(copy));
        r = parse_kind(strtok_r(copy, " ", &rest), &fault, f);
        if (r < 0)
                return r;
        needs = kinds[fault.kind].needs;
        while ((word = strtok_r(NULL, " ", &rest))) {
                char *value = strchr(word, '=');

                if (!value)
                        return fault_set(f, FAULT_INVALID_ARGS, 0,
                                "'%s' in a fault; expected KEY=VALUE", word);
                *value++ = '\0';
                r = parse_word(&fault, word, value, f);
                if (r < 0)
                        return r;
                if (needs && streq(word, needs))
                        needs = NULL;
        }
        if (needs)
                return fault_set(f, FAULT_INVALID_ARGS, 0, "fault '%s' without %s=; expected it",
                        kinds[fault.kind].name, needs);
        *ret = fault;
        return 0;
}

bool sim_fault_strikes(
        struct sim_fault *fault, uint32_t op, uint32_t vf, const struct vf_attrs *attrs)
{
        if (fault->kind == SIM_FAULT_MAILBOX || fault->kind == SIM_FAULT_DMA)
                return false;
        if (fault->op == SIM_OP_ANY_STEP ? op >= STEP_MAX : op != fault->op)
                return false;
        if (fault->vf != NO_VF && fault->vf != vf)
                return false;
        if (fault->attr != VF_ATTR_MAX && !(attrs && vf_attrs_has(attrs, fault->attr)))
                return false;
        fault->seen++;
        return fault->seen >= fault->nth &&
               (fault->times == 0 || fault->seen - fault->nth < fault->times);
}
