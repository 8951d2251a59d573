/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated machine behind a server, and who uses its VFs. Threads: see stage.h. */
#include <stdio.h>
#include <unistd.h>

#include "sim/kernel.h"
#include "sim/simops.h"
#include "sim/uses.h"
#include "stage.h"

#define PATIENCE_USEC                                                                              \
        30000000ull /* somebody waits in the kernel: a VF in use is being taken away */

void stage_die(const char *what, const char *why)
{
        printf("Bail out! %s: %s\n", what, why);
        fflush(stdout);
        _exit(1);
}

uint32_t stage_random(uint64_t *state, uint32_t below)
{
        uint64_t x = *state;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        *state = x;
        return (uint32_t) ((x >> 20) % below);
}

/* ---- users -------------------------------------------------------------------------------------
 */

/* Machine locked. */
static bool hold(struct machine *m, uint64_t *random, struct sim_pf *pf, uint32_t vf)
{
        static const char *const netdev[] = {
                "netns", "master", "upper", "address", "route", "rdma"};
        const char *kind = netdev[stage_random(random, ELEMENTSOF(netdev))];

        if (vf >= pf->hw_total_vfs || !pf->vfs[vf].exists)
                return false;
        if (startswith(pf->vfs[vf].driver, "vfio"))
                return kernel_guest_opens(m, pf, vf, "web1") == 0;
        return machine_use(m, pf, vf, pf->profile->netdev ? kind : "mount", "") == 0;
}

void stage_hold(struct stage *s, const char *pf, uint32_t vf)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(s->machine);

        if (!hold(m, &s->random, machine_find(m, pf), vf))
                stage_die("a VF can not be used", pf);
}

bool stage_is_held(struct stage *s, const char *pf, uint32_t vf)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(s->machine);

        return sim_vf_used(&machine_find(m, pf)->vfs[vf]);
}

/* Machine locked. */
static void release(struct machine *m, struct sim_pf *pf, uint32_t vf)
{
        (void) kernel_guest_closes(m, pf, vf);
        (void) machine_unuse(m, pf, vf, "all");
}

static void release_all(struct machine *m)
{
        for (size_t i = 0; i < m->n_pfs; i++)
                for (uint32_t vf = 0; m->pfs[i].present && vf < m->pfs[i].hw_total_vfs; vf++)
                        release(m, &m->pfs[i], vf);
}

void stage_release(struct stage *s)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(s->machine);

        release_all(m);
}

static void *crowd(void *userdata)
{
        struct stage *s = userdata;
        uint64_t random = 0x9e3779b97f4a7c15ull;

        for (;;) {
                _cleanup_(machine_unlockp) struct machine *m = machine_lock(s->machine);
                struct sim_pf *pf;
                uint32_t vf;

                while (!s->crowd_runs && !s->crowd_ends)
                        machine_wait(m);
                if (s->crowd_ends)
                        return NULL;
                pf = machine_find(m, stage_random(&random, 4) ? IGB : NVME);
                vf = stage_random(&random, 4);
                if (stage_random(&random, 2))
                        s->crowd_came += hold(m, &random, pf, vf);
                else
                        release(m, pf, vf);
                machine_unlockp(&m);
                m = NULL;
                usleep(stage_random(&random, 150));
        }
}

void stage_crowd(struct stage *s, bool runs)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(s->machine);

        s->crowd_runs = runs;
        if (!runs)
                release_all(m);
        machine_changed(m);
}

uint64_t stage_harmed(struct stage *s)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(s->machine);

        return m->harmed;
}

/* A driver for each VF, as an administrator would give it. Machine locked. */
static void give_driver(struct machine *m, struct sim_pf *pf, uint32_t vf, const char *driver)
{
        const char *override = streq(driver, pf->profile->vf_driver) ? "" : driver;

        if (streq(pf->vfs[vf].driver, driver))
                return;
        if (streq(driver, "nvme")) { /* comes with its use */
                if (pf->vfs[vf].driver[0])
                        (void) kernel_unbind(m, pf, vf, KERNEL_NOWAIT);
                if (machine_use(m, pf, vf, "mount", "") < 0 || machine_unuse(m, pf, vf, "all") < 0)
                        stage_die("a VF can not be mounted", driver);
                return;
        }
        snprintf(pf->vfs[vf].driver_override, DRIVER_MAX, "%s", override);
        if ((pf->vfs[vf].driver[0] && kernel_unbind(m, pf, vf, KERNEL_NOWAIT) < 0) ||
                kernel_bind(m, pf, vf, driver) < 0)
                stage_die("a VF can not be bound", driver);
        pf->vfs[vf].driver_override[0] = '\0';
}

void stage_set(struct stage *s, const char *name, uint32_t count)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(s->machine);
        struct sim_pf *pf = machine_find(m, name);

        release_all(m);
        if (pf->num_vfs != count && (kernel_set_numvfs(m, pf, 0, -1, KERNEL_NOWAIT) < 0 ||
                                            kernel_set_numvfs(m, pf, count, -1, KERNEL_NOWAIT) < 0))
                stage_die("VFs can not be made", name);
        pf->autoprobe = true;
        for (uint32_t vf = 0; vf < count; vf++)
                give_driver(m, pf, vf,
                        stage_random(&s->random, 2) ? "vfio-pci"
                        : pf->profile->netdev       ? pf->profile->vf_driver
                                                    : "nvme");
}

/* ---- the backend: the simulation's, and somebody who comes late
 * ----------------------------------
 */

static int on_list(void *p, struct dev_id **ret, size_t *ret_n, struct fault *f)
{
        return sim_backend_ops.list(((struct stage *) p)->machine, ret, ret_n, f);
}

static int on_observe(void *p, const struct dev_id *pf, struct pf_facts *ret, struct fault *f)
{
        return sim_backend_ops.observe(((struct stage *) p)->machine, pf, ret, f);
}

static int on_groups(void *p, struct groups *ret, struct fault *f)
{
        return sim_backend_ops.groups(((struct stage *) p)->machine, ret, f);
}

static int on_holders(void *p, const struct dev_id *pf, uint32_t vf, struct holder **ret,
        size_t *ret_n, struct fault *f)
{
        return sim_backend_ops.holders(((struct stage *) p)->machine, pf, vf, ret, ret_n, f);
}

/* Worker thread. The server has looked; now, before the step itself looks, somebody comes. */
static int on_step(void *p, const struct pf_ref *ref, const struct step *step, struct fault *f)
{
        struct stage *s = p;

        if (step_destructive(step)) {
                s->handed++;
                if (s->late.wanted && !s->late.came) {
                        stage_hold(s, s->late.pf, s->late.vf);
                        s->late.came = true;
                }
        }
        return sim_backend_ops.step(s->machine, ref, step, f);
}

static int on_event_fd(void *p)
{
        return sim_backend_ops.event_fd(((struct stage *) p)->machine);
}

static int on_next_event(void *p, struct dev_id *ret)
{
        return sim_backend_ops.next_event(((struct stage *) p)->machine, ret);
}

static const struct backend_ops stage_ops = {
        "sim", on_list, on_observe, on_groups, on_step, on_holders, on_event_fd, on_next_event};

/* ---- the client --------------------------------------------------------------------------------
 */

static void turn_until(struct stage *s, const bool *what)
{
        uint64_t end = now_usec() + PATIENCE_USEC;

        while (!*what)
                if (now_usec() > end || sd_event_run(s->event, 1000000) < 0)
                        stage_die("no answer", "does a step wait for somebody who uses a VF?");
}

static void client_connected(void *p, _unused_ const char *name, _unused_ const char *version)
{
        ((struct stage *) p)->connected = true;
}

static void client_lost(_unused_ void *p)
{
        stage_die("the connection", "was lost");
}

static void client_touched(_unused_ void *p, _unused_ const struct dev_id *pf)
{
}

static void client_step_done(_unused_ void *p, _unused_ const struct dev_id *pf,
        _unused_ uint32_t done, _unused_ uint32_t total)
{
}

static void got(struct stage *s, const struct fault *f)
{
        s->fault = *f;
        s->answered = true;
}

static void take_facts(struct stage *s, struct pf_facts *facts)
{
        if (!facts)
                return;
        pf_facts_done(&s->facts);
        s->facts = *facts;
        facts->vfs = NULL;
        facts->n_vfs = 0;
}

static void got_facts(
        void *p, _unused_ const struct dev_id *pf, struct pf_facts *facts, const struct fault *f)
{
        take_facts(p, facts);
        got(p, f);
}

static void got_groups(void *p, struct groups *groups, const struct fault *f)
{
        struct stage *s = p;

        if (groups) {
                groups_done(&s->groups);
                s->groups = *groups;
                *groups = (struct groups){0};
        }
        got(s, f);
}

static void got_holders(void *p, const struct holder *holders, size_t n, const struct fault *f)
{
        struct stage *s = p;

        freep(&s->holders);
        s->holders = calloc(n + 1, sizeof(*holders));
        if (n > 0)
                memcpy(s->holders, holders, n * sizeof(*holders));
        s->n_holders = n;
        got(s, f);
}

static void got_run(void *p, _unused_ const struct dev_id *pf, uint32_t done,
        struct pf_facts *facts, const struct fault *f)
{
        struct stage *s = p;

        take_facts(s, facts);
        s->done = done;
        got(s, f);
}

static void wait_for(struct stage *s, int r, bool may_fail)
{
        if (r < 0)
                stage_die("a call", strerror(-r));
        turn_until(s, &s->answered);
        if (!may_fail && s->fault.code != FAULT_NONE)
                stage_die("a reading", s->fault.text);
        s->answered = false;
}

void stage_look(struct stage *s, const char *pf, uint32_t vf)
{
        struct dev_id id;

        snprintf(id.str, sizeof(id.str), "%s", pf);
        wait_for(s, backend_client_observe(s->client, &id, got_facts, s), false);
        wait_for(s, backend_client_groups(s->client, got_groups, s), false);
        wait_for(s, backend_client_holders(s->client, &id, vf, got_holders, s), false);
}

void stage_run(struct stage *s, const char *pf, const struct step *steps, size_t n)
{
        struct pf_ref ref = {.vendor_id = s->facts.vendor_id, .device_id = s->facts.device_id};

        snprintf(ref.id.str, sizeof(ref.id.str), "%s", pf);
        wait_for(s, backend_client_run(s->client, &ref, steps, n, PATIENCE_USEC, got_run, s), true);
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

void stage_open(struct stage *s)
{
        static const struct backend_client_events events = {
                client_connected, client_lost, client_touched, client_step_done};
        _cleanup_(topology_freep) struct topology *t = NULL;
        struct fault f = FAULT_NULL;
        char path[512];

        *s = (struct stage){.random = 88172645463325252ull};
        snprintf(path, sizeof(path), "%s/data/examples/topology-guest.json",
                getenv("TOP_SRCDIR") ?: ".");
        if (topology_read(path, &t, &f) < 0 || machine_new(t, &s->machine, &f) < 0)
                stage_die("the machine", f.text);
        snprintf(s->dir, sizeof(s->dir), "/tmp/inuse-XXXXXX");
        if (!mkdtemp(s->dir) || sd_event_new(&s->event) < 0)
                stage_die("a directory", strerror(errno));
        snprintf(s->address, sizeof(s->address), "unix:%s/socket", s->dir);
        if (backend_server_new(s->event, &stage_ops, s, geteuid(), &s->server) < 0 ||
                backend_server_listen(s->server, s->address) < 0 ||
                backend_client_new(s->event, s->address, &events, s, &s->client) < 0 ||
                pthread_create(&s->crowd, NULL, crowd, s) != 0)
                stage_die("the server", strerror(errno));
        turn_until(s, &s->connected);
}

void stage_close(struct stage *s)
{
        {
                _cleanup_(machine_unlockp) struct machine *m = machine_lock(s->machine);

                s->crowd_ends = true;
                machine_changed(m);
        }
        pthread_join(s->crowd, NULL);
        backend_client_free(s->client);
        backend_server_free(s->server);
        sd_event_unref(s->event);
        unlink(s->address + strlen("unix:"));
        rmdir(s->dir);
        pf_facts_done(&s->facts);
        groups_done(&s->groups);
        free(s->holders);
        machine_free(s->machine);
}
