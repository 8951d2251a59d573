/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who uses a VF, in words. Pure, any thread. */
#include <stdio.h>

#include "model/step.h"

#define SHOWN_MAX 5u

static bool is(const struct holder *h, const char *kind)
{
        return streq(h->kind, kind);
}

bool holder_waited_for(const struct holder *h)
{
        return is(h, "vfio") || is(h, "guest");
}

/* "VF 3's enp1s0v3", or what it would be called if it could be seen. */
static void describe_part(const struct holder *h, const char *unknown, char *buf, size_t size)
{
        char owner[32] = "the PF";

        if (h->vf != NO_VF)
                snprintf(owner, sizeof(owner), "VF %u", h->vf);
        snprintf(buf, size, "%s's %s", owner, h->path[0] ? h->path : unknown);
}

static void describe_process(const struct holder *h, char *buf, size_t size)
{
        if (h->name[0] && h->pid >= 0)
                snprintf(buf, size, "%s (pid %d)", h->name, h->pid);
        else if (h->name[0])
                snprintf(buf, size, "%s", h->name);
        else if (h->pid >= 0)
                snprintf(buf, size, "pid %d", h->pid);
        else
                snprintf(buf, size, "a process this service may not see");
}

/* "/srv": mounted there; "swap"; else the block device that is made of it: "dm-0". */
static void describe_mount(const struct holder *h, const char *part, char *buf, size_t size)
{
        if (h->name[0] == '/')
                snprintf(buf, size, "%s is mounted at %s", part, h->name);
        else if (streq(h->name, "swap"))
                snprintf(buf, size, "%s is used as swap", part);
        else if (h->name[0])
                snprintf(buf, size, "%s is part of %s", part, h->name);
        else
                snprintf(buf, size, "%s is in use", part);
}

void holder_describe(const struct holder *h, char *buf, size_t size)
{
        char who[NAME_MAX_TEXT + 32], part[NAME_MAX_TEXT + 48];

        describe_process(h, who, sizeof(who));
        describe_part(h, "interface", part, sizeof(part));
        if (is(h, "netns"))
                snprintf(buf, size, "%s lives in another network namespace", part);
        else if (is(h, "master"))
                snprintf(buf, size, "%s is enslaved to %s", part, h->name);
        else if (is(h, "upper"))
                snprintf(buf, size, "%s carries %s", part, h->name);
        else if (is(h, "address"))
                snprintf(buf, size, "%s has the address %s", part, h->name);
        else if (is(h, "route"))
                snprintf(buf, size, "%s carries the default route", part);
        else if (is(h, "rdma")) {
                describe_part(h, "RDMA device", part, sizeof(part));
                snprintf(buf, size, "%s is used by %s", part, who);
        } else if (is(h, "mount")) {
                describe_part(h, "block device", part, sizeof(part));
                describe_mount(h, part, buf, size);
        } else if (is(h, "lease"))
                snprintf(buf, size, "VF %u is leased to %s%s%s%s", h->vf,
                        h->name[0] ? h->name : "somebody", h->path[0] ? " (" : "", h->path,
                        h->path[0] ? ")" : "");
        else if (h->path[0])
                snprintf(buf, size, "VF %u held by %s through %s (%s)", h->vf, who, h->path,
                        h->kind);
        else
                snprintf(buf, size, "VF %u held by %s (%s)", h->vf, who, h->kind);
}

const char *holder_remedy(const struct holder *h)
{
        if (holder_waited_for(h))
                return "shut down whoever holds it first";
        if (is(h, "route"))
                return "move the default route first";
        if (is(h, "rdma"))
                return "end that process first";
        if (is(h, "mount"))
                return "unmount it first";
        return is(h, "lease") ? "have it released first" : "take the interface out of use first";
}

size_t holders_of(const struct holder *holders, size_t n, uint32_t vf, bool pf_too, char *buf,
        size_t size, const struct holder **ret_first)
{
        size_t found = 0, at = 0;
        char one[400];

        buf[0] = '\0';
        for (size_t i = 0; i < n; i++) {
                const struct holder *h = &holders[i];

                if (h->vf == NO_VF ? !pf_too : (vf != NO_VF && h->vf != vf))
                        continue;
                if (found == 0 && ret_first)
                        *ret_first = h;
                holder_describe(h, one, sizeof(one));
                if (found++ < SHOWN_MAX && at < size)
                        at += (size_t) snprintf(
                                buf + at, size - at, "%s%s", found > 1 ? "; " : "", one);
        }
        if (found > SHOWN_MAX && at < size)
                snprintf(buf + at, size - at, " and %zu more", found - SHOWN_MAX);
        return found;
}

int step_refuse_held(const struct step *step, const struct dev_id *pf, const struct holder *holders,
        size_t n, struct fault *f)
{
        const struct holder *first = NULL;
        char what[128], who[FAULT_TEXT_MAX / 2];

        if (holders_of(holders, n, step->vf, false, who, sizeof(who), &first) == 0)
                return 0;
        step_describe(step, what, sizeof(what));
        return fault_set(f, FAULT_IN_USE, 0, "%s: %s refused: %s; %s, or use force", pf->str, what,
                who, holder_remedy(first));
}
