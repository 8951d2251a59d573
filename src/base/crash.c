/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Crash places: their names, and ending the process at one. Loop thread. */
#include <signal.h>

#include "base/crash.h"
#include "base/parse.h"

static const char *const names[CRASH_PLACE_MAX] = {
        [CRASH_STORE_WRITTEN] = "store-written",
        [CRASH_STORE_SYNCED] = "store-synced",
        [CRASH_STORE_TEMP] = "store-temp",
        [CRASH_STORE_TEMP_SYNCED] = "store-temp-synced",
        [CRASH_STORE_RENAMED] = "store-renamed",
        [CRASH_STORE_REPLACED] = "store-replaced",
        [CRASH_JOB_PLANNED] = "job-planned",
        [CRASH_INTENT_DURABLE] = "intent-durable",
        [CRASH_RUN_SENT] = "run-sent",
        [CRASH_STEP_DONE] = "step-done",
        [CRASH_RUN_ENDED] = "run-ended",
        [CRASH_ROUND_ENDED] = "round-ended",
        [CRASH_UNDO_SENT] = "undo-sent",
        [CRASH_UNDO_ENDED] = "undo-ended",
        [CRASH_VERIFIED] = "verified",
        [CRASH_COMMITTED] = "committed",
        [CRASH_APPLY_BEGUN] = "apply-begun",
        [CRASH_APPLY_ENDED] = "apply-ended",
        [CRASH_CONFIRMED] = "confirmed",
        [CRASH_REVERT_BEGUN] = "revert-begun",
        [CRASH_REVERT_ENDED] = "revert-ended",
        [CRASH_RECOVERY_READ] = "recovery-read",
        [CRASH_RECOVERY_DECIDED] = "recovery-decided",
        [CRASH_RECOVERY_ENDED] = "recovery-ended",
        [CRASH_LEASE_RESERVED] = "lease-reserved",
        [CRASH_LEASE_PREPARED] = "lease-prepared",
        [CRASH_LEASE_GIVEN] = "lease-given",
        [CRASH_LEASE_ENDING] = "lease-ending",
        [CRASH_LEASE_SCRUBBED] = "lease-scrubbed",
};

const char *crash_place_name(enum crash_place place)
{
        return (unsigned) place < CRASH_PLACE_MAX ? names[place] : "";
}

enum crash_place crash_place_from_name(const char *name)
{
        enum crash_place place;

        for (place = 0; place < CRASH_PLACE_MAX; place++)
                if (streq(names[place], name))
                        break;
        return place;
}

static void kill_self(_unused_ void *userdata)
{
        kill(getpid(), SIGKILL);
}

int crash_parse(const char *text, struct crash *ret)
{
        struct crash crash = {.fn = kill_self};
        const char *colon = strchr(text, ':');
        char name[32];
        size_t n = colon ? (size_t) (colon - text) : strlen(text);
        int r;

        if (n >= sizeof(name))
                return -EINVAL;
        memcpy(name, text, n);
        name[n] = '\0';
        crash.place = crash_place_from_name(name);
        if (crash.place == CRASH_PLACE_MAX)
                return -EINVAL;
        if (colon) {
                r = parse_u32(colon + 1, 0, UINT32_MAX, &crash.after);
                if (r < 0)
                        return r;
        }
        *ret = crash;
        return 0;
}

void crash_at(struct crash *crash, enum crash_place place)
{
        if (!crash)
                return;
        if (crash->passed)
                crash->passed[place]++;
        if (crash->place != place)
                return;
        if (crash->after > 0)
                crash->after--;
        else
                crash->fn(crash->userdata);
}
