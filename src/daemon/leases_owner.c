/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owners that are processes: watched by their pidfds, which systemd keeps while sriovd restarts
 * (file descriptor store). Where the pidfd is lost the pid is looked for once more; what can not be
 * told counts as alive, because a VF that is given away twice is worse than one that is kept.
 * Loop thread.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <systemd/sd-daemon.h>

#include "base/fileio.h"
#include "base/log.h"
#include "base/parse.h"
#include "daemon/leases_internal.h"

#define FD_NAME "lease-"

int owner_pid(int pidfd, int32_t *ret, struct fault *f)
{
        _cleanup_(freep) char *text = NULL;
        char path[48], *line;
        long pid;
        size_t n;

        snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
        if (read_file_at(-1, path, 4096, &text, &n) < 0 || !(line = strstr(text, "\nPid:")))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "pidfd refused: expected a file descriptor of pidfd_open(2)");
        pid = strtol(line + 5, NULL, 10);
        if (pid <= 0 || pid > INT32_MAX)
                return fault_set(f, FAULT_INVALID_ARGS, ESRCH,
                        "pidfd refused: its process has ended, or is in another PID namespace");
        *ret = (int32_t) pid;
        return 0;
}

/* --- the store of systemd -----------------------------------------------------------------------
 */

static void store_add(const struct held *held)
{
        char text[80];

        /* FDPOLL=0: systemd would take it out when the process ends, and that is what we wait for
         */
        snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=" FD_NAME "%llu",
                (unsigned long long) held->id);
        (void) sd_pid_notify_with_fds(0, 0, text, &held->pidfd, 1);
}

static void store_forget(uint64_t id)
{
        (void) sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=" FD_NAME "%llu", (unsigned long long) id);
}

/* --- watching -----------------------------------------------------------------------------------
 */

void owner_unwatch(struct held *held)
{
        held->watch = sd_event_source_unref(held->watch);
        if (held->pidfd < 0)
                return;
        store_forget(held->id);
        close(held->pidfd);
        held->pidfd = -1;
}

static int on_dead(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct held *held = userdata;
        struct leases *l = held->leases;
        const struct lease *lease = lease_book_find(&l->book, held->id);

        (void) source;
        (void) fd;
        (void) events;
        log_info("lease %llu: its owner (pid %d) has ended", (unsigned long long) held->id,
                lease->pid);
        leases_drop(l, held);
        (void) leases_save(l, NULL);
        return 0;
}

int owner_watch(struct held *held, int pidfd)
{
        int r;

        held->pidfd = pidfd;
        r = sd_event_add_io(held->leases->event, &held->watch, pidfd, EPOLLIN, on_dead, held);
        if (r < 0) {
                close(pidfd);
                held->pidfd = -1;
                return r;
        }
        store_add(held);
        return 0;
}

/* --- a new life ---------------------------------------------------------------------------------
 */

static bool has_process(const struct lease *lease)
{
        return lease->owner == LEASE_OWNER_PID &&
               (lease->state == LEASE_LEASED || lease->state == LEASE_PREPARING);
}

/* The pidfds that systemd kept: those of leases that are still there are watched again. */
static void take_kept(struct leases *l)
{
        char **names = NULL;
        int n;

        n = sd_listen_fds_with_names(1, &names);
        for (int i = 0; i < n; i++) {
                int fd = SD_LISTEN_FDS_START + i;
                const struct lease *lease;
                struct held *held;
                uint64_t id = 0;

                if (startswith(names[i], FD_NAME))
                        (void) parse_u64(names[i] + strlen(FD_NAME), &id);
                lease = id ? lease_book_find(&l->book, id) : NULL;
                held = lease && has_process(lease) ? held_of(l, id) : NULL;
                if (held && held->pidfd < 0)
                        (void) owner_watch(held, fd);
                else {
                        if (id)
                                store_forget(id);
                        close(fd);
                }
                free(names[i]);
        }
        free(names);
}

/* When a process was started, CLOCK_REALTIME; 0: it can not be told. */
static uint64_t started_usec(int32_t pid)
{
        _cleanup_(freep) char *text = NULL;
        struct timespec boot, real;
        unsigned long long ticks;
        char path[32], *p;
        size_t n;

        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        if (read_file_at(-1, path, 4096, &text, &n) < 0 || !(p = strrchr(text, ')')))
                return 0;
        for (unsigned field = 2; p && field < 22; field++) /* proc(5): starttime is the 22nd */
                p = strchr(p + 1, ' ');
        if (!p || sscanf(p, "%llu", &ticks) != 1)
                return 0;
        clock_gettime(CLOCK_BOOTTIME, &boot);
        clock_gettime(CLOCK_REALTIME, &real);
        return (uint64_t) (real.tv_sec - boot.tv_sec) * 1000000 +
               (uint64_t) ticks * 1000000 / (uint64_t) sysconf(_SC_CLK_TCK);
}

#define CLOCKS_DIFFER 2000000ull

/* Is the process still the one that had the lease? Takes the pidfd if it can be had. */
static bool still_alive(struct held *held, const struct lease *lease)
{
        int fd = (int) syscall(SYS_pidfd_open, lease->pid, 0);
        uint64_t started;

        if (fd < 0)
                return errno != ESRCH;
        started = started_usec(lease->pid);
        if (started > lease->since_usec + CLOCKS_DIFFER) { /* another one has got the number */
                close(fd);
                return false;
        }
        return owner_watch(held, fd) == 0 || true;
}

void owner_recover(struct leases *l)
{
        take_kept(l);
        for (size_t i = l->book.n; i-- > 0;) {
                const struct lease *lease = &l->book.list[i];
                struct held *held = held_of(l, lease->id);

                if (!held || !has_process(lease) || held->pidfd >= 0)
                        continue;
                if (!still_alive(held, lease)) {
                        log_info("lease %llu: its owner (pid %d) has ended meanwhile",
                                (unsigned long long) lease->id, lease->pid);
                        leases_drop(l, held);
                } else if (held->pidfd < 0)
                        log_warning("lease %llu: its owner (pid %d) can not be watched any more; "
                                    "sriovctl lease release %llu ends it",
                                (unsigned long long) lease->id, lease->pid,
                                (unsigned long long) lease->id);
        }
}
