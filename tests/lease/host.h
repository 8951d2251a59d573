/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host whose VFs are leased: simulated hardware behind a backend server, a disk that may lose
 * what was not synced, and the daemon, all on one event loop; and what the hardware itself says of
 * each VF, which is never asked of the daemon. One thread, and the server's workers.
 */
#pragma once

#include "../unit/testdisk.h"
#include "backend/server.h"
#include "daemon/daemon.h"
#include "daemon/leases.h"
#include "sim/machine.h"

#define PFS    5u
#define PF_VFS 10u /* of one PF, at most */

/* What is to be true of a VF whatever the daemon thinks. */
struct truth {
        /* As it was born, and what it goes back to. */
        struct vf_attrs attrs;
        char driver[DRIVER_MAX], override[DRIVER_MAX];
        uint64_t born; /* tick */

        bool touched;    /* somebody had it since, */
        uint32_t resets; /* and when he last could do something to it, it had been reset so often */
        uint64_t lease;  /* it was given to; 0: it was given back */
};

struct host {
        char dir[32], address[64];
        char boot_id[40];
        unsigned boots;
        uint64_t tick; /* counts what happens */
        sd_event *event;
        struct machine *machine;
        struct sim_profile without_reset;
        struct backend_server *server;
        struct testdisk *disk;
        struct daemon *daemon; /* NULL between two lives */
        struct truth vfs[PFS][PF_VFS];
        uint32_t generations[PFS]; /* of the cards: the one that was taken out is another */
        uint32_t n_vfs[PFS];
};

extern const char *const host_pfs[PFS];
extern const uint32_t host_counts[PFS]; /* of VFs */

#define PF_ON_VFIO       3u /* every other of its VFs is made for guests */
#define PF_WITHOUT_RESET 4u /* its VFs can not be reset */

_Noreturn void die(const char *what, int error);

/* Which of host_pfs it is. */
size_t host_index(const struct dev_id *pf);

/* Ends the process when there is no memory, no socket and so on. */
void host_new(struct host *h);
void host_done(struct host *h);

void host_begin_life(struct host *h);
void host_end_life(struct host *h);

/* Power comes back: new boot, new hardware, the disk as it was lucky. Between two lives. */
void host_reboot(struct host *h, uint64_t seed);

/* Another process serves the backend from here on. */
void host_restart_backend(struct host *h);

/* The next thing that happens, if it does within that time. */
void host_turn(struct host *h, uint64_t usec);

/* --- machine locked -----------------------------------------------------------------------------
 */

struct sim_pf *host_pf(const struct host *h, size_t pf);

/* NULL: there is none now. */
struct sim_vf *host_vf(const struct host *h, size_t pf, uint32_t vf);

/* Somebody else writes sriov_numvfs; the new VFs are as they should be. False: it would wait. */
bool host_set_numvfs(struct host *h, size_t pf, uint32_t count);

/* Cards that were taken out in between took their VFs with them. */
void host_notice(struct host *h);
