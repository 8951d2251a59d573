/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host for the daemon to crash on: simulated hardware behind a backend server, a disk that may
 * lose what was not synced, a directory of configuration files. It outlives the daemon, which lives
 * in child processes, one life after the other. One thread and the server's workers.
 *
 * The hardware goes in step with the daemon: no step begins before the daemon has nothing left to
 * do about the ones before. So a life that ends at a place always leaves the same behind.
 */
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "../unit/testdisk.h"
#include "backend/server.h"
#include "daemon/reconcile.h"
#include "model/lease.h"
#include "sim/machine.h"

#define WORLD_PFS       4u
#define WORLD_VFS       8u          /* of one PF, at most */
#define WORLD_LIFE_USEC 20000000ull /* a life that has not settled by then never will */

/* Which PF of the machine is which. */
enum { PF_ICE, PF_MLX5, PF_NVME, PF_FOREIGN };

extern const char *const world_addresses[WORLD_PFS];

struct shape;

/* What a life tells; in memory that it shares with its world. */
struct told {
        unsigned passed[CRASH_PLACE_MAX]; /* since it was armed */
        bool armed, crashed, settled;
        char trouble[512]; /* why it did not settle */
        bool deed_ended;
        enum fault_code deed_fault;
        struct {
                bool open; /* its journal has an intent */
                enum config_state state;
                char text[FAULT_TEXT_MAX];
                enum lease_state leases[WORLD_VFS];
        } pfs[WORLD_PFS];
};

/* One life to be lived. */
struct life {
        const struct shape *shape;
        bool deed;              /* begin the shape's deed when everything has settled */
        const char *prepare;    /* apply this configuration first; NULL none */
        bool leases;            /* acquire the shape's lease first */
        bool waits;             /* what is not confirmed may wait, the life ends before its time */
        enum crash_place place; /* CRASH_PLACE_MAX: it settles */
        unsigned after;
};

struct gate {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        unsigned waiting, tickets;
        bool open; /* nobody is there to go in step with */
        bool deny; /* the step is not begun */
        int knock; /* eventfd: tells the daemon that a step waits */
};

/*
 * A process that waits to be a life. They are forked before the server has threads: in the child of
 * a process with threads the sanitizers' malloc may be locked for ever.
 */
struct sleeper {
        pid_t pid;
        int wake, words; /* pipes: takes the struct life; what it tells */
        int knock;
};

struct world {
        char dir[64]; /* its own: socket and etc/ */
        char address[96], config_dir[80];
        const struct shape *shape;
        struct machine *machine;
        struct gate gate;
        struct sleeper sleepers[3];
        unsigned n_lived; /* of them */
        sd_event *event;
        struct backend_server *server;
        struct testdisk *disk;
        char boot_id[40];
        unsigned boots;
        struct told *report;
        bool deny; /* a step that waits when the daemon dies is not begun, else it is done */
        bool slow; /* it is done only when the next life has looked at everything */
};

/* Ends the process when there is no memory, no socket and so on. dir is made. */
struct world *world_new(const struct shape *shape, const char *dir);
void world_free(struct world *w);

/*
 * In a fork()ed child of a world without server: a world of its own, with a disk and a directory of
 * its own; the other one does not notice what happens here.
 */
void world_branch(struct world *w, const char *dir);

void world_serve(struct world *w);
void world_stop(struct world *w); /* all of its threads have ended */

/* The only file of the configuration directory; NULL: none. */
void world_configure(struct world *w, const char *text);

/* Power comes back: new boot, new hardware, the disk as it was lucky. lose: false: all was synced.
 */
void world_reboot(struct world *w, bool lose, uint64_t seed);

enum ending { LIFE_SETTLED, LIFE_CRASHED, LIFE_BROKEN };

/* Until its end. BROKEN: neither settled nor crashed where it should; report->trouble says it. */
enum ending world_live(struct world *w, const struct life *life);

/* All that there is to see of each PF, line by line: its own, then each VF's. */
#define SNAPSHOT_MAX 4096
struct snapshot {
        char pfs[WORLD_PFS][SNAPSHOT_MAX];
        uint32_t netdevs; /* how many the kernel has named: VFs that were made anew count */
        uint64_t writes;
        uint64_t harmed; /* users who lost their VF */
        struct {
                int64_t access_uid;
                uint32_t resets;
                enum lease_state lease; /* as the last life's book says */
        } vfs[WORLD_VFS];               /* of PF_ICE */
};
void world_look(struct world *w, struct snapshot *ret);

/* --- life.c -------------------------------------------------------------------------------------
 */

/* The daemon's process: does not return. fd: tells the world by single characters. */
enum { TELL_STEP = 's', TELL_READY = 'r', TELL_MEDDLE = 'm' };
_Noreturn void life_live(struct world *w, const struct life *life, int fd);

_Noreturn void die(const char *what, int error);
