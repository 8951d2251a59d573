/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Server and client on one event loop over a real socket, with a machine of three PFs that the test
 * can hold still in the middle of a step. The loop runs in the test's thread; the machine is called
 * on the server's worker threads and has a lock of its own.
 */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "backend/client_private.h"
#include "backend/server.h"
#include "machine.h"

#define WAIT_USEC UINT64_C(20000000)

/* --- a world: machine, server, two clients --- */

struct seen {
        unsigned connected, lost, touched, step_done;
        uint32_t last_done, last_total;
        struct dev_id last_touched;
        char name[16];
};

struct world {
        char dir[64], path[96];
        struct machine machine;
        sd_event *event;
        struct backend_server *server;
        struct backend_client *client[2];
        struct seen seen[2];
};

static void on_connected(void *p, const char *name, const char *version)
{
        struct seen *seen = p;

        seen->connected++;
        snprintf(seen->name, sizeof(seen->name), "%s", name);
        assert_string_equal(version, PACKAGE_VERSION);
}

static void on_lost(void *p)
{
        ((struct seen *) p)->lost++;
}

static void on_touched(void *p, const struct dev_id *pf)
{
        struct seen *seen = p;

        seen->touched++;
        seen->last_touched = *pf;
}

static void on_step_done(void *p, const struct dev_id *pf, uint32_t done, uint32_t total)
{
        struct seen *seen = p;

        assert_true(dev_id_valid(pf));
        seen->step_done++;
        seen->last_done = done;
        seen->last_total = total;
}

static const struct backend_client_events seen_events = {
        on_connected, on_lost, on_touched, on_step_done};

static void loop_until(struct world *w, const unsigned *what, unsigned n)
{
        uint64_t end = now_usec() + WAIT_USEC;

        while (*what < n) {
                assert_true(now_usec() < end);
                assert_true(sd_event_run(w->event, 1000000) >= 0);
        }
}

static void start_server(struct world *w, uid_t uid)
{
        assert_int_equal(
                backend_server_new(w->event, &machine_ops, &w->machine, uid, &w->server), 0);
        assert_int_equal(backend_server_listen(w->server, w->path), 0);
}

static void start_client(struct world *w, unsigned i)
{
        unsigned before = w->seen[i].connected;

        assert_int_equal(
                backend_client_new(w->event, w->path, &seen_events, &w->seen[i], &w->client[i]), 0);
        assert_false(backend_client_is_connected(w->client[i]));
        loop_until(w, &w->seen[i].connected, before + 1);
        assert_true(backend_client_is_connected(w->client[i]));
}

static int setup(void **state)
{
        struct world *w = calloc(1, sizeof(*w));

        pthread_mutex_init(&w->machine.lock, NULL);
        pthread_cond_init(&w->machine.changed, NULL);
        w->machine.fail_at = -1;
        w->machine.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
        snprintf(w->dir, sizeof(w->dir), "/tmp/test-backend-XXXXXX");
        if (!mkdtemp(w->dir) || sd_event_new(&w->event) < 0)
                return -1;
        snprintf(w->path, sizeof(w->path), "unix:%s/socket", w->dir);
        start_server(w, geteuid());
        start_client(w, 0);
        start_client(w, 1);
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        struct world *w = *state;

        set_hold(&w->machine, &w->machine.hold_steps, false);
        set_hold(&w->machine, &w->machine.hold_observes, false);
        wait_inside(&w->machine, 0);
        for (size_t i = 0; i < ELEMENTSOF(w->client); i++)
                if (w->client[i])
                        backend_client_free(w->client[i]);
        if (w->server)
                backend_server_free(w->server);
        sd_event_unref(w->event);
        unlink(w->path + strlen("unix:"));
        rmdir(w->dir);
        close(w->machine.fd);
        pthread_cond_destroy(&w->machine.changed);
        pthread_mutex_destroy(&w->machine.lock);
        free(w);
        return 0;
}

/* --- answers --- */

struct answer {
        unsigned n;
        struct fault fault;
        uint32_t done;
        bool has_facts;
        struct pf_facts facts; /* without its VFs */
        uint32_t n_vfs;
        const struct seen *seen; /* what had been seen when it came */
        unsigned steps_seen, lost_seen;
        struct backend_client *again; /* call again from the callback */
};

static void take(struct answer *a, const struct pf_facts *facts, const struct fault *f)
{
        a->n++;
        a->fault = *f;
        a->has_facts = facts;
        if (facts) {
                a->facts = *facts;
                a->n_vfs = facts->n_vfs;
                a->facts.vfs = NULL;
        }
        if (a->seen) {
                a->steps_seen = a->seen->step_done;
                a->lost_seen = a->seen->lost;
        }
}

static void on_list(void *p, const struct dev_id *list, size_t n, const struct fault *f)
{
        take(p, NULL, f);
        if (f->code != FAULT_NONE)
                return;
        assert_int_equal(n, ELEMENTSOF(ids));
        for (size_t i = 0; i < n; i++)
                assert_string_equal(list[i].str, ids[i].str);
}

static void on_observe(
        void *p, const struct dev_id *pf, struct pf_facts *facts, const struct fault *f)
{
        struct answer *a = p;

        assert_true(dev_id_valid(pf));
        take(a, facts, f);
        if (a->again) {
                struct backend_client *client = TAKE_PTR(a->again);

                assert_int_equal(backend_client_observe(client, pf, on_observe, a), 0);
                assert_int_equal(a->n, 1); /* not from inside the call */
        }
}

static void on_bad(
        void *p, const struct dev_id *pf _unused_, struct pf_facts *facts, const struct fault *f)
{
        take(p, facts, f);
}

static void on_run(void *p, const struct dev_id *pf, uint32_t done, struct pf_facts *facts,
        const struct fault *f)
{
        struct answer *a = p;

        assert_true(dev_id_valid(pf));
        take(a, facts, f);
        a->done = done;
}

static void on_groups(void *p, struct groups *groups, const struct fault *f)
{
        _cleanup_(groups_done) struct groups mine = {0};

        take(p, NULL, f);
        assert_non_null(groups);
        mine = *groups; /* moved out */
        *groups = (struct groups){0};
        assert_int_equal(mine.n, 1);
        assert_int_equal(mine.list[0].id, 7);
        assert_int_equal(mine.list[0].n_devices, 1);
}

static void on_holders(void *p, const struct holder *holders, size_t n, const struct fault *f)
{
        struct answer *a = p;

        take(a, NULL, f);
        a->done = (uint32_t) n;
        for (size_t i = 0; i < n; i++)
                assert_string_equal(holders[i].path, "/dev/vfio/12");
}

static const struct step numvfs = {.kind = STEP_SET_NUMVFS, .vf = NO_VF, .value = 4};

static struct step trust(uint32_t vf)
{
        return (struct step){.kind = STEP_SET_VF,
                .vf = vf,
                .setting = VF_SETTING_TRUST,
                .attrs = {.present = BIT(VF_ATTR_TRUST), .trust = true}};
}

static void run(struct world *w, unsigned client, unsigned pf, const struct step *steps, size_t n,
        uint64_t usec, struct answer *a)
{
        const struct pf_ref ref = {.id = ids[pf], .vendor_id = 0x8086, .device_id = 0x10c9};

        assert_int_equal(backend_client_run(w->client[client], &ref, steps, n, usec, on_run, a), 0);
}

static struct answer run_wait(
        struct world *w, unsigned pf, const struct step *steps, size_t n, uint64_t usec)
{
        struct answer a = {.seen = &w->seen[0]};

        run(w, 0, pf, steps, n, usec, &a);
        loop_until(w, &a.n, 1);
        assert_int_equal(a.n, 1);
        return a;
}

static int on_counters(sd_bus_message *m, void *p, sd_bus_error *e _unused_)
{
        uint64_t *counters = p, v;
        const char *name;

        assert_true(sd_bus_message_enter_container(m, 'a', "{st}") > 0);
        while (sd_bus_message_read(m, "{st}", &name, &v) > 0)
                counters[step_kind_from_name(name)] = v;
        counters[STEP_MAX] = 1;
        return 1;
}

static uint64_t counter(struct world *w, enum step_kind kind)
{
        uint64_t counters[STEP_MAX + 1] = {0};

        assert_true(sd_bus_call_method_async(w->client[1]->bus, NULL, NULL, BACKEND_PATH,
                            BACKEND_INTERFACE, "Counters", on_counters, counters, "") >= 0);
        while (counters[STEP_MAX] == 0)
                assert_true(sd_event_run(w->event, WAIT_USEC) > 0);
        return counters[kind];
}

/* --- tests --- */

static void test_looks(void **state)
{
        struct world *w = *state;
        struct answer list = {0}, observe = {0}, groups = {0}, holders = {0};

        assert_string_equal(w->seen[0].name, "fake");
        w->machine.n_holders = 2;
        assert_int_equal(backend_client_list(w->client[0], on_list, &list), 0);
        assert_int_equal(backend_client_observe(w->client[0], &ids[1], on_observe, &observe), 0);
        assert_int_equal(backend_client_groups(w->client[0], on_groups, &groups), 0);
        assert_int_equal(
                backend_client_holders(w->client[0], &ids[1], NO_VF, on_holders, &holders), 0);
        assert_int_equal(list.n + observe.n + groups.n + holders.n, 0);
        loop_until(w, &list.n, 1);
        loop_until(w, &observe.n, 1);
        loop_until(w, &groups.n, 1);
        loop_until(w, &holders.n, 1);
        assert_int_equal(list.fault.code, FAULT_NONE);
        assert_int_equal(groups.fault.code, FAULT_NONE);
        assert_int_equal(holders.done, 2);
        assert_true(observe.has_facts);
        assert_string_equal(observe.facts.id.str, ids[1].str);
        assert_string_equal(observe.facts.busy_step, "");
        assert_int_equal(observe.n_vfs, 4);
}

static void test_look_refused(void **state)
{
        const struct dev_id bad = {"pci/nonsense"};
        struct world *w = *state;
        struct answer observe = {0}, holders = {0};

        assert_int_equal(backend_client_observe(w->client[0], &bad, on_bad, &observe), 0);
        assert_int_equal(
                backend_client_holders(w->client[0], &ids[0], VFS_MAX, on_holders, &holders), 0);
        loop_until(w, &observe.n, 1);
        loop_until(w, &holders.n, 1);
        assert_int_equal(observe.fault.code, FAULT_INVALID_ARGS);
        assert_int_equal(holders.fault.code, FAULT_INVALID_ARGS);

        w->machine.gone = true;
        assert_int_equal(backend_client_observe(w->client[0], &ids[2], on_observe, &observe), 0);
        loop_until(w, &observe.n, 2);
        assert_int_equal(observe.fault.code, FAULT_GONE);
        assert_int_equal(observe.fault.error, ENODEV);
        assert_non_null(strstr(observe.fault.text, ids[2].str));
        assert_false(observe.has_facts);
}

/* More than there are threads for, and in any order. */
static void test_many_looks(void **state)
{
        struct world *w = *state;
        struct answer a = {0};
        struct dev_id pf;

        for (unsigned i = 0; i < 1000; i++) {
                snprintf(pf.str, sizeof(pf.str), "pci/0000:%02x:00.0", i % 200);
                assert_int_equal(backend_client_observe(w->client[i % 2], &pf, on_observe, &a), 0);
        }
        loop_until(w, &a.n, 1000);
        assert_int_equal(a.fault.code, FAULT_NONE);
}

struct tally {
        unsigned n, ok, limits;
};

static void on_tally(
        void *p, const struct dev_id *pf _unused_, struct pf_facts *facts, const struct fault *f)
{
        struct tally *t = p;

        t->n++;
        t->ok += facts != NULL;
        t->limits += f->code == FAULT_LIMITS;
}

static void test_too_many_looks(void **state)
{
        struct world *w = *state;
        struct tally t = {0};

        w->machine.hold_observes = true;
        for (unsigned i = 0; i < 4100; i++)
                assert_int_equal(
                        backend_client_observe(w->client[0], &ids[i % 3], on_tally, &t), 0);
        loop_until(w, &t.limits, 4);
        set_hold(&w->machine, &w->machine.hold_observes, false);
        loop_until(w, &t.n, 4100);
        assert_int_equal(t.ok, 4096);
        assert_int_equal(t.limits, 4);
}

static void test_run(void **state)
{
        struct step steps[] = {numvfs, trust(0), trust(1)};
        struct world *w = *state;
        struct answer a;

        a = run_wait(w, 0, steps, ELEMENTSOF(steps), WAIT_USEC);
        assert_int_equal(a.fault.code, FAULT_NONE);
        assert_int_equal(a.fault.step, FAULT_NO_STEP);
        assert_int_equal(a.done, 3);
        assert_int_equal(a.steps_seen, 3); /* StepDone comes before the answer */
        assert_int_equal(w->seen[0].last_done, 3);
        assert_int_equal(w->seen[0].last_total, 3);
        assert_true(a.has_facts);
        assert_int_equal(a.n_vfs, 4);
        assert_string_equal(a.facts.busy_step, "");
        assert_false(w->machine.signals_open);
        loop_until(w, &w->seen[1].touched, 1);
        assert_string_equal(w->seen[1].last_touched.str, ids[0].str);
        assert_int_equal(w->seen[1].step_done, 0);
        assert_int_equal(w->seen[0].touched, 0);
        assert_int_equal(counter(w, STEP_SET_NUMVFS), 1);
        assert_int_equal(counter(w, STEP_SET_VF), 2);

        a = run_wait(w, 0, NULL, 0, 0); /* nothing to do: a reading */
        assert_int_equal(a.fault.code, FAULT_NONE);
        assert_true(a.has_facts);
}

static void test_blocked(void **state)
{
        struct world *w = *state;
        struct answer first = {0}, second = {0}, other = {0}, observe = {0};
        struct step steps[] = {numvfs, trust(0)}, one = trust(2);
        uint64_t timeout = 0;

        w->machine.hold_steps = true;
        run(w, 0, 0, steps, 2, UINT64_MAX, &first);
        while (steps_so_far(&w->machine) == 0)
                assert_true(sd_event_run(w->event, 1000) >= 0);
        assert_int_equal(sd_bus_get_timeout(w->client[0]->bus, &timeout), 0);
        assert_true(timeout == UINT64_MAX); /* a Run may take for ever */

        run(w, 1, 0, &one, 1, WAIT_USEC, &second);
        loop_until(w, &second.n, 1);
        assert_int_equal(second.fault.code, FAULT_BUSY);
        assert_non_null(strstr(second.fault.text, "step 1 of 2 (set_numvfs"));
        assert_false(second.has_facts);

        run(w, 1, 1, &numvfs, 1, WAIT_USEC, &other); /* the kernel does one at a time */
        loop_until(w, &other.n, 1);
        assert_int_equal(other.fault.code, FAULT_BUSY);
        assert_int_equal(other.fault.step, 0);
        assert_non_null(strstr(other.fault.text, ids[0].str));
        assert_true(other.has_facts);

        run(w, 1, 1, &one, 1, WAIT_USEC, &other); /* other steps elsewhere go on */
        loop_until(w, &other.n, 2);
        assert_int_equal(other.fault.code, FAULT_NONE);

        assert_int_equal(backend_client_observe(w->client[1], &ids[0], on_observe, &observe), 0);
        loop_until(w, &observe.n, 1);
        assert_string_equal(observe.facts.busy_step, "set_numvfs");
        assert_true(observe.facts.busy_usec > 0 && observe.facts.busy_usec < WAIT_USEC);
        assert_int_equal(counter(w, STEP_SET_NUMVFS), 1);

        assert_int_equal(first.n, 0);
        set_hold(&w->machine, &w->machine.hold_steps, false);
        loop_until(w, &first.n, 1);
        assert_int_equal(first.fault.code, FAULT_NONE);
        assert_int_equal(first.done, 2);

        run(w, 1, 1, &numvfs, 1, WAIT_USEC, &other); /* the token is back */
        loop_until(w, &other.n, 3);
        assert_int_equal(other.fault.code, FAULT_NONE);
}

static void test_held(void **state)
{
        struct step steps[] = {trust(1), {.kind = STEP_UNBIND, .vf = 3}};
        struct world *w = *state;
        struct step zero = numvfs;
        struct answer a;

        w->machine.n_holders = 1;
        a = run_wait(w, 0, steps, 2, WAIT_USEC);
        assert_int_equal(a.fault.code, FAULT_IN_USE);
        assert_int_equal(a.fault.step, 1);
        assert_int_equal(a.done, 1);
        assert_true(a.has_facts);
        assert_non_null(strstr(a.fault.text, "VF 3 held by qemu (pid 4242)"));
        assert_non_null(strstr(a.fault.text, "use force"));
        assert_null(strstr(a.fault.text, "more"));
        assert_int_equal(steps_so_far(&w->machine), 1);
        assert_int_equal(counter(w, STEP_UNBIND), 0);

        zero.value = 0;
        w->machine.n_holders = 7;
        a = run_wait(w, 0, &zero, 1, WAIT_USEC);
        assert_int_equal(a.fault.code, FAULT_IN_USE);
        assert_non_null(strstr(a.fault.text, "VF 4 held"));
        assert_null(strstr(a.fault.text, "VF 5 held"));
        assert_non_null(strstr(a.fault.text, "and 2 more"));

        w->machine.n_holders = SIZE_MAX; /* who can not see does not destroy */
        a = run_wait(w, 0, &zero, 1, WAIT_USEC);
        assert_int_equal(a.fault.code, FAULT_IO);
        assert_int_equal(counter(w, STEP_SET_NUMVFS), 0);

        zero.force = true;
        a = run_wait(w, 0, &zero, 1, WAIT_USEC);
        assert_int_equal(a.fault.code, FAULT_NONE);
        assert_int_equal(counter(w, STEP_SET_NUMVFS), 1);
}

static void test_step_fails(void **state)
{
        struct step steps[] = {trust(0), trust(1), trust(2)};
        struct world *w = *state;
        struct answer a;

        w->machine.fail_at = 1;
        a = run_wait(w, 0, steps, 3, WAIT_USEC);
        assert_int_equal(a.fault.code, FAULT_NO_RESOURCES);
        assert_string_equal(a.fault.text, "no more");
        assert_int_equal(a.fault.step, 1);
        assert_int_equal(a.done, 1);
        assert_int_equal(a.steps_seen, 1);
        assert_true(a.has_facts);
        assert_int_equal(steps_so_far(&w->machine), 2);

        w->machine.n_holders = 1; /* fails with an errno alone */
        a = run_wait(w, 0, steps, 3, WAIT_USEC);
        assert_int_equal(a.fault.code, FAULT_IO);
        assert_int_equal(a.fault.error, EIO);
        assert_non_null(strstr(a.fault.text, "set_vf failed"));
}

static void test_gone(void **state)
{
        struct step step = trust(0);
        struct world *w = *state;
        struct answer a;

        w->machine.gone = true;
        a = run_wait(w, 0, &step, 1, WAIT_USEC);
        assert_int_equal(a.done, 1);
        assert_false(a.has_facts);
        assert_int_equal(a.fault.code, FAULT_GONE); /* nobody can say it is well */
        assert_int_equal(a.fault.step, FAULT_NO_STEP);
}

static void test_deadline(void **state)
{
        struct step steps[] = {trust(0), trust(1)};
        struct world *w = *state;
        struct answer a;

        a = run_wait(w, 0, steps, 2, 0);
        assert_int_equal(a.fault.code, FAULT_TIMEOUT);
        assert_int_equal(a.fault.step, 0);
        assert_int_equal(a.done, 0);
        assert_true(a.has_facts);
        assert_int_equal(steps_so_far(&w->machine), 0);
}

static void test_bad_step(void **state)
{
        struct step steps[] = {trust(0), {.kind = STEP_BIND, .vf = 1, .name = "../evil"}};
        struct world *w = *state;
        struct answer a;

        a = run_wait(w, 0, steps, 2, WAIT_USEC);
        assert_int_equal(a.fault.code, FAULT_INVALID_ARGS);
        assert_int_equal(a.fault.step, 1);
        assert_int_equal(a.done, 0);
        assert_int_equal(steps_so_far(&w->machine), 0); /* judged before anything runs */
        a = run_wait(w, 0, steps, 1, WAIT_USEC);
        assert_int_equal(a.fault.code, FAULT_NONE);
}

static void test_touched(void **state)
{
        struct world *w = *state;

        w->machine.touched = ids[2];
        eventfd_write(w->machine.fd, 1);
        loop_until(w, &w->seen[0].touched, 1);
        loop_until(w, &w->seen[1].touched, 1);
        assert_string_equal(w->seen[0].last_touched.str, ids[2].str);
        w->machine.touched = (struct dev_id){0};
        eventfd_write(w->machine.fd, 2);
        loop_until(w, &w->seen[1].touched, 3);
        assert_string_equal(w->seen[1].last_touched.str, "");
}

/*
 * A daemon that died in the middle of a Run: the step at work ends, no other begins, and whoever is
 * there looks again.
 */
static void test_client_vanishes(void **state)
{
        struct step steps[] = {trust(0), trust(1)};
        struct world *w = *state;
        struct answer a = {0}, again;

        w->machine.hold_steps = true;
        run(w, 0, 0, steps, 2, WAIT_USEC, &a);
        while (steps_so_far(&w->machine) == 0)
                assert_true(sd_event_run(w->event, 1000) >= 0);
        backend_client_free(TAKE_PTR(w->client[0]));
        assert_int_equal(a.n, 1);
        assert_int_equal(a.fault.code, FAULT_BACKEND_LOST);
        start_client(w, 0);
        run(w, 0, 0, steps, 1, WAIT_USEC, &a);
        loop_until(w, &a.n, 2);
        assert_int_equal(a.fault.code, FAULT_BUSY);
        set_hold(&w->machine, &w->machine.hold_steps, false);
        loop_until(w, &w->seen[0].touched, 1);
        assert_string_equal(w->seen[0].last_touched.str, ids[0].str);
        assert_int_equal(w->seen[0].step_done, 0);
        assert_int_equal(steps_so_far(&w->machine), 1); /* nobody would be there to undo it */
        again = run_wait(w, 0, steps, 2, WAIT_USEC);
        assert_int_equal(again.fault.code, FAULT_NONE);
        assert_int_equal(steps_so_far(&w->machine), 3);
        assert_int_equal(counter(w, STEP_SET_VF), 3);
}

static void test_server_restart(void **state)
{
        struct world *w = *state;
        struct answer running = {.seen = &w->seen[0]}, waiting = {0}, late = {0};
        struct step step = trust(0);

        w->machine.hold_steps = w->machine.hold_observes = true;
        run(w, 0, 0, &step, 1, WAIT_USEC, &running);
        waiting.again = w->client[0];
        assert_int_equal(backend_client_observe(w->client[0], &ids[0], on_observe, &waiting), 0);
        assert_int_equal(backend_client_observe(w->client[0], &ids[0], on_observe, &late), 0);
        while (calls_inside(&w->machine) < 2) /* a step and an observe; one waits in the lane */
                assert_true(sd_event_run(w->event, 1000) >= 0);

        backend_server_free(TAKE_PTR(w->server));
        loop_until(w, &w->seen[0].lost, 1);
        loop_until(w, &running.n, 1);
        assert_int_equal(running.fault.code, FAULT_BACKEND_LOST);
        assert_int_equal(running.lost_seen, 0); /* the calls end before `lost` */
        loop_until(w, &waiting.n, 2);           /* the one from the callback ended, too */
        assert_int_equal(waiting.fault.code, FAULT_BACKEND_LOST);
        assert_int_equal(late.n, 1);
        assert_false(backend_client_is_connected(w->client[0]));
        assert_int_equal(backend_client_observe(w->client[0], &ids[0], on_observe, &late), 0);
        assert_int_equal(late.n, 1);
        loop_until(w, &late.n, 2);
        assert_int_equal(late.fault.code, FAULT_BACKEND_LOST);
        assert_non_null(strstr(late.fault.text, w->path + strlen("unix:")));

        set_hold(&w->machine, &w->machine.hold_steps, false);
        set_hold(&w->machine, &w->machine.hold_observes, false);
        wait_inside(&w->machine, 0);
        start_server(w, geteuid()); /* over the stale socket */
        loop_until(w, &w->seen[0].connected, 2);
        loop_until(w, &w->seen[1].connected, 2);
        assert_int_equal(w->seen[0].lost, 1);
        running = run_wait(w, 0, &step, 1, WAIT_USEC);
        assert_int_equal(running.fault.code, FAULT_NONE);
}

static void test_listen(void **state)
{
        struct world *w = *state;
        const char *path = w->path + strlen("unix:");
        struct stat st;
        char file[80];

        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(backend_server_listen(w->server, w->path), -EADDRINUSE);
        assert_int_equal(backend_server_listen(w->server, "unix:relative"), -EINVAL);
        assert_int_equal(backend_server_listen(w->server, "tcp:host=a"), -EINVAL);
        snprintf(file, sizeof(file), "%s/file", w->dir);
        fclose(fopen(file, "we"));
        assert_int_equal(backend_server_listen(w->server, file), -EEXIST);
        assert_int_equal(unlink(file), 0);
}

static int refuse_peer(sd_bus *bus, void *userdata)
{
        assert_non_null(bus);
        ++*(unsigned *) userdata;
        return 1;
}

static void test_on_peer(void **state)
{
        struct world *w = *state;
        unsigned asked = 0;

        backend_client_free(TAKE_PTR(w->client[0]));
        backend_server_on_peer(w->server, refuse_peer, &asked);
        assert_int_equal(
                backend_client_new(w->event, w->path, &seen_events, &w->seen[0], &w->client[0]), 0);
        loop_until(w, &asked, 2); /* and it tries again */
        assert_int_equal(w->seen[0].connected, 1);
        backend_server_on_peer(w->server, NULL, NULL);
        loop_until(w, &w->seen[0].connected, 2);
}

/* Somebody of another uid, past the socket's mode: closed without a word. */
static void test_stranger(void **state)
{
        struct world *w = *state;
        bool root = geteuid() == 0;
        struct sockaddr_un sa;
        int status = 0;
        pid_t pid;

        backend_server_free(TAKE_PTR(w->server));
        start_server(w, root ? 0 : geteuid() + 1);
        assert_int_equal(backend_address_parse(w->path, &sa), 0);
        assert_int_equal(chmod(w->dir, 0755), 0);
        assert_int_equal(chmod(sa.sun_path, 0666), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                char c;
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

                if (root && setuid(65534) < 0)
                        _exit(3);
                if (connect(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0)
                        _exit(4);
                if (write(fd, "\0AUTH EXTERNAL\r\nDATA\r\n", 22) < 0 && errno != EPIPE)
                        _exit(5);
                status = (int) read(fd, &c, 1); /* 0, or reset with what we wrote unread */
                _exit(status == 0 || (status < 0 && errno == ECONNRESET) ? 0 : 6);
        }
        while (waitpid(pid, &status, WNOHANG) == 0)
                assert_true(sd_event_run(w->event, 10000) >= 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_looks),
                TEST(test_look_refused),
                TEST(test_many_looks),
                TEST(test_too_many_looks),
                TEST(test_run),
                TEST(test_blocked),
                TEST(test_held),
                TEST(test_step_fails),
                TEST(test_gone),
                TEST(test_deadline),
                TEST(test_bad_step),
                TEST(test_touched),
                TEST(test_client_vanishes),
                TEST(test_server_restart),
                TEST(test_listen),
                TEST(test_on_peer),
                TEST(test_stranger),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
