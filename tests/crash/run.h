/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run: the lives of a daemon that is ended at a place, and what is made of them. In a process
 * of its own; one thread and the server's workers. */
#pragma once

#include "judge.h"

enum mode {
        MODE_KILL,
        MODE_AGAIN,
        MODE_POWER,
        MODE_SLOW,
        MODE_KILL_POWER,
        MODE_POWER_KILL,
        MODE_MAX
};

struct mode_info {
        const char *name;
        bool power;       /* the first life ends by power loss */
        bool again;       /* the second one is cut off too */
        bool power_again; /* by power loss */
        bool slow;        /* a step in the kernel takes until the next life is there */
};

extern const struct mode_info modes[MODE_MAX];

struct spec {
        const struct shape *shape;
        enum crash_place place;
        unsigned nth;
        enum mode mode;
        uint64_t seed;
};

/* Shared with the process that does it. */
struct shared {
        struct outcome outcome;
        struct snapshot snapshot;
        unsigned passed[CRASH_PLACE_MAX];
        unsigned crashed[CRASH_PLACE_MAX];
};

/* "SHAPE:PLACE:N:MODE:SEED"; text is changed. */
int spec_parse(char *text, struct spec *ret);

/* A life that is to end so. False: it broke; o says why. passed: counts up; NULL fine. */
bool live(struct world *w, const struct life *life, unsigned *passed, struct outcome *o,
        enum ending expected);

void run_spec(
        struct world *w, const struct references *refs, const struct spec *spec, struct shared *s);

/* What a shape leads to when nobody is ended. */
enum undisturbed { UNDISTURBED, WITHOUT_FAULTS, BOOT_OLD, BOOT_NEW };
void run_undisturbed(struct world *w, enum undisturbed what, struct shared *s);
