/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VF that somebody has for himself for a while: the states of a lease and how they follow on each
 * other, who may get which VF, and the book of all leases. Values, no I/O, no clock. Any thread.
 *
 *   free        --acquire-->    preparing
 *   preparing   --prepared-->   leased      --not prepared, release, restart--> dirty
 *   leased      --release-->    dirty
 *   dirty       --scrub-->      scrubbing
 *   scrubbing   --scrubbed-->   free        --later, restart--> dirty   --failed--> quarantined
 *   quarantined --forgive-->    dirty
 *
 * A VF without a lease is free; every other state has an entry in the book. From `preparing` on the
 * VF is nobody else's, and only a scrub that was read back makes it free again. A VF that is
 * destroyed and made anew is free whatever it was: the device forgets all of it (PCIe SR-IOV,
 * VF Enable). So does a reboot, but it leads a persistent lease back to `preparing`, and a restart
 * of the daemon leaves it there: nobody asks for it a second time.
 *
 * Events belong to a lease, by its id, not to a VF: what a job says of a lease that has ended
 * meanwhile must not reach the one that got the VF after it.
 */
#pragma once

#include "model/desired.h"

enum lease_state {
        LEASE_FREE,
        LEASE_PREPARING,   /* its job makes it ready */
        LEASE_LEASED,      /* its owner has it */
        LEASE_DIRTY,       /* nobody's any more, and not yet clean */
        LEASE_SCRUBBING,   /* its job resets it */
        LEASE_QUARANTINED, /* could not be cleaned: not handed on */
        LEASE_STATE_MAX
};

enum lease_event {
        LEASE_ACQUIRE,
        LEASE_PREPARED,
        LEASE_NOT_PREPARED,
        LEASE_RELEASE, /* by its owner, or the owner has died */
        LEASE_SCRUB,
        LEASE_SCRUBBED,
        LEASE_SCRUB_LATER,  /* still held, or the backend is lost: to be tried again */
        LEASE_SCRUB_FAILED, /* it has no reset, or the reset or the read-back failed */
        LEASE_VF_GONE,      /* destroyed; not: has not come yet after a reboot */
        LEASE_RESTART,      /* of the daemon: what it was about to do may be half done */
        LEASE_REBOOT,       /* of the machine: the VFs are not the same any more */
        LEASE_FORGIVE,      /* somebody wants a quarantined VF to be tried once more */
        LEASE_EVENT_MAX
};

/* "free", "quarantined". */
const char *lease_state_name(enum lease_state state);
enum lease_state lease_state_from_name(const char *name); /* LEASE_STATE_MAX when unknown */
const char *lease_event_name(enum lease_event event);

/*
 * The state after an event. -EINVAL where the event makes no sense in that state, and then nothing
 * changes: a late release of a lease that has ended is such a one. What happens to the machine
 * (VF_GONE, RESTART, REBOOT) makes sense in every state. persistent: LEASE_OWNER_PERSISTENT.
 */
int lease_step(
        enum lease_state from, enum lease_event event, bool persistent, enum lease_state *ret);

enum lease_owner {
        LEASE_OWNER_BUS,        /* a connection to the bus: the lease ends with it */
        LEASE_OWNER_PID,        /* a process, by its pidfd: the lease ends with it */
        LEASE_OWNER_PERSISTENT, /* until it is released */
        LEASE_OWNER_MAX
};

/* "bus", "pid", "persistent". */
const char *lease_owner_name(enum lease_owner owner);
enum lease_owner lease_owner_from_name(const char *name); /* LEASE_OWNER_MAX when unknown */

#define LEASE_LABEL_MAX 64
#define LEASE_POOL_MAX  POOL_MAX

/* For people, or "" for none: printable UTF-8 of at most 63 bytes. */
bool lease_label_valid(const char *label);

/* 1 to 31 letters, digits, '_', '.' and '-'. */
static inline bool lease_pool_valid(const char *pool)
{
        return pool_valid(pool);
}

struct lease {
        uint64_t id; /* never given twice, also over reboots; from 1 */
        enum lease_state state;

        /* Which VF: the PF by its id, and what card it was. */
        struct dev_id pf;
        uint32_t vf;
        uint16_t vendor_id, device_id;

        /* Whose. */
        enum lease_owner owner;
        char bus_name[64]; /* LEASE_OWNER_BUS: unique name */
        int32_t pid;       /* LEASE_OWNER_PID */
        uint32_t uid;      /* who may release it, and open its vfio group */
        char label[LEASE_LABEL_MAX];

        /* What was asked for, so that a reboot can do it again. */
        char driver[DRIVER_MAX]; /* while leased; "": as it was */
        struct vf_attrs attrs;   /* while leased */

        /* What it goes back to. */
        struct vf_attrs baseline;
        char baseline_driver[DRIVER_MAX]; /* "none": on none */
        char baseline_override[DRIVER_MAX];

        char boot_id[40]; /* of the boot whose VF this is: this one's, in the book on disk, before
                             a job touches the VF (tests/unit/test-lease-model.c says why) */
        uint64_t since_usec;      /* CLOCK_REALTIME: when it was acquired */
        bool given;               /* it was leased once: somebody knows of it */
        uint32_t attempts;        /* scrubs that were to be tried later */
        char why[FAULT_TEXT_MAX]; /* why it is dirty for so long, or quarantined */
};

/* "bus :1.42", "pid 4242", "persistent". */
#define LEASE_OWNER_TEXT_MAX 80
void lease_describe_owner(const struct lease *lease, char *buf, size_t size);

/*
 * Is it one that can be in a book (its id apart): 0, or -EINVAL. Not free, a valid PF and VF index,
 * an owner with its name or pid and no other's, texts that are what they claim, a wish that is one,
 * a baseline without resets and with a driver.
 */
int lease_check(const struct lease *lease);

/* What a VF must be; an absent wish matches all. */
struct lease_selector {
        char pf[NAME_MAX_TEXT];    /* as state_find() takes it; "" any */
        char vf[NAME_MAX_TEXT];    /* this very VF; "" any */
        char pool[LEASE_POOL_MAX]; /* "pool" of its entry in the configuration; "" any */
        char driver[DRIVER_MAX];   /* that it is on now, "none" on none; "" any */
        int32_t numa_node;         /* -1 any */
        struct vf_attrs attrs;     /* that it has now, as far as the driver reports them */
};

/* All leases that have not ended, sorted by id, each VF once; owns its list. */
struct lease_book {
        struct lease *list;
        size_t n, capacity;
        uint64_t last_id;
};

void lease_book_done(struct lease_book *book);
int lease_book_copy(const struct lease_book *from, struct lease_book *ret);

/*
 * A copy of *lease gets the next id and is put into the book; *ret (if not NULL) and every other
 * pointer into the book are good until the next add or remove. -EEXIST: the VF is in the book.
 * -EINVAL: lease_check(). -EOVERFLOW: there are no more ids. -ENOMEM. Then nothing has changed.
 */
int lease_book_add(struct lease_book *book, const struct lease *lease, struct lease **ret);
void lease_book_remove(struct lease_book *book, uint64_t id);

/* NULL when there is none (any more). */
struct lease *lease_book_find(const struct lease_book *book, uint64_t id);
struct lease *lease_book_of_vf(const struct lease_book *book, const struct dev_id *pf, uint32_t vf);

/*
 * No id at or below floor is given any more. When the book was lost: CLOCK_REALTIME in
 * microseconds, which is above every id of a book that began at 1 or at the time of its own loss,
 * as long as leases come more slowly than one each microsecond. An old client's id then names
 * nothing, rather than somebody else's lease.
 */
void lease_book_skip_ids(struct lease_book *book, uint64_t floor);

/*
 * Does this VF answer to the selector, and may it be given. pool: that of its entry, "" none. The
 * names in the selector (pf, vf) are looked up by the caller. A reset attribute in the selector
 * means its value in the baseline; what the driver does not report is not compared. 0, or a fault
 * for people, the first of:
 *
 *   NotFound    another driver, NUMA node, pool or attribute than asked for
 *   InUse       leased or in quarantine; open; or its vfio group was given to somebody
 *   Busy        its last lease has ended and it is not clean yet
 *   IO          its attributes could not be read, so nothing could be put back after the lease
 */
int lease_may_take(const struct lease_book *book, const struct lease_selector *selector,
        const struct pf_facts *pf, const struct vf_facts *vf, const char *pool, struct fault *f);
