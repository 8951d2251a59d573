/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Those who ask for VFs, use them, and come to all sorts of ends. Loop thread. */
#pragma once

#include "judge.h"

#define TENANTS 12u

enum stage {
        STAGE_IDLE,
        STAGE_ASKING,  /* until on_acquired() */
        STAGE_BOOTING, /* persistent: the host was booted, it will be his again */
        STAGE_HAVING,
        STAGE_ENDING, /* until the lease is not in the book any more */
};

struct tenants;

struct client {
        struct tenants *all;
        struct tenant t;
        enum stage stage;
        enum lease_owner owner;
        char bus_name[16];
        pid_t pid;
        int pidfd;
        bool open;           /* he has the vfio device open */
        bool quarantined;    /* it was, before it was clean */
        uint64_t ended_usec; /* when he gave it back */
};

struct counts {
        unsigned cycles, refused, cancelled, lost, quarantines, faults, changes, late, opened,
                deaths, lives, boots, recreated, replugged, reconnected, disks;
        unsigned cut[LEASE_STATE_MAX]; /* leases in that state when the daemon's life ended */
};

struct tenants {
        struct host *host;
        struct client list[TENANTS];
        uint64_t seed;
        /* Attributes that were asked for and not set yet: of VFs made anew meanwhile they would be
         * an administrator's, who may do that. */
        unsigned changing[PFS];
        bool quiet; /* nobody asks for anything any more, who has something gives it back */
        uint64_t last_ids[16];  /* of leases that have ended */
        struct lease_book book; /* as it was last seen */
        struct counts n;
};

/* --- wishes.c -----------------------------------------------------------------------------------
 */

/* 0 to n - 1. */
uint32_t dice(struct tenants *all, uint32_t n);

/* Some settings that this PF's driver knows; unique: MAC addresses that nobody else has. */
void random_attrs(struct tenants *all, size_t pf, bool unique, struct vf_attrs *a);

void random_selector(struct tenants *all, size_t pf, struct lease_selector *s);

/* --- tenants.c ----------------------------------------------------------------------------------
 */

void tenants_new(struct tenants *all, struct host *h, uint64_t seed);
void tenants_done(struct tenants *all);

/* Somebody does something. */
void tenants_act(struct tenants *all);

/* What has become of those who wait. After every turn of the loop. */
void tenants_look(struct tenants *all);

void tenants_life_ends(struct tenants *all);

/* The daemon's life has ended; boot: the machine's too. */
void tenants_life_ended(struct tenants *all, bool boot);

/* One of the leases is released if nobody has it, or tried again if it could not be cleaned. */
void tenants_tidy(struct tenants *all);

/* Are their changes by jobs under way: what a life leaves half done of those, the next one takes
 * back, as tests/crash shows; not here. */
bool tenants_change(const struct tenants *all);

/* Nobody has anything or waits for anything. */
bool tenants_idle(const struct tenants *all);
