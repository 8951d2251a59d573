/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host that outlives the daemon. One thread, and the server's workers in the gate. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "serving.h"
#include "shapes.h"
#include "sim/simops.h"
#include "world.h"

const char *const world_addresses[WORLD_PFS] = {
        "pci/0000:01:00.0", "pci/0000:02:00.0", "pci/0000:03:00.0", "pci/0000:04:00.0"};

static const char topology_text[] =
        "{ 'version': 1, 'host': { 'iommu': true, 'latency': 'none', 'memory_mib': 64 },"
        "  'bridges': [ { 'name': 'rp1', 'type': 'root-port' }, { 'name': 'rp2', 'type': "
        "'root-port' },"
        "    { 'name': 'rp3', 'type': 'root-port' }, { 'name': 'rp4', 'type': 'root-port' } ],"
        "  'pfs': ["
        "    { 'profile': 'ice', 'below': 'rp1', 'address': '0000:01:00.0', 'total_vfs': 8 },"
        "    { 'profile': 'mlx5', 'below': 'rp2', 'address': '0000:02:00.0', 'total_vfs': 4 },"
        "    { 'profile': 'nvme', 'below': 'rp3', 'address': '0000:03:00.0', 'total_vfs': 4 },"
        "    { 'profile': 'igb', 'below': 'rp4', 'address': '0000:04:00.0', 'num_vfs': 2 } ] }";

_Noreturn void die(const char *what, int error)
{
        fprintf(stderr, "crash: %s%s%s\n", what, error < 0 ? ": " : "",
                error < 0 ? strerror(-error) : "");
        _exit(70);
}

/* ' is easier to read than \" */
static char *quoted(const char *text)
{
        char *copy = strdup(text);

        if (!copy)
                die("out of memory", 0);
        for (char *at = copy; (at = strchr(at, '\''));)
                *at = '"';
        return copy;
}

/* ---- the gate in front of the hardware ---------------------------------------------------------
 */

/* Worker. Whether the step is to be done. */
static bool gate_pass(struct gate *g)
{
        bool deny;

        pthread_mutex_lock(&g->lock);
        g->waiting++;
        if (!g->open)
                (void) !write(g->knock, &(uint64_t){1}, sizeof(uint64_t));
        while (!g->open && g->tickets == 0)
                pthread_cond_wait(&g->changed, &g->lock);
        g->waiting--;
        deny = g->open && g->deny;
        if (!g->open)
                g->tickets--;
        pthread_mutex_unlock(&g->lock);
        return !deny;
}

static void gate_set(struct gate *g, bool open, bool deny, unsigned tickets)
{
        pthread_mutex_lock(&g->lock);
        g->open = open;
        g->deny = deny;
        g->tickets += tickets;
        pthread_cond_broadcast(&g->changed);
        pthread_mutex_unlock(&g->lock);
}

/* A new life listens for knocks of its own. Returns how many steps wait since the one before. */
static unsigned gate_set_knock(struct gate *g, int fd)
{
        unsigned waiting;

        pthread_mutex_lock(&g->lock);
        g->knock = fd;
        waiting = g->waiting;
        pthread_mutex_unlock(&g->lock);
        return waiting;
}

static void gate_init(struct gate *g)
{
        *g = (struct gate){.knock = -1};
        pthread_mutex_init(&g->lock, NULL);
        pthread_cond_init(&g->changed, NULL);
}

/* ---- the backend: the simulator's behind the gate ----------------------------------------------
 */

static int op_list(void *p, struct dev_id **ret, size_t *ret_n, struct fault *f)
{
        return sim_backend_ops.list(((struct world *) p)->machine, ret, ret_n, f);
}

static int op_observe(void *p, const struct dev_id *pf, struct pf_facts *ret, struct fault *f)
{
        return sim_backend_ops.observe(((struct world *) p)->machine, pf, ret, f);
}

static int op_groups(void *p, struct groups *ret, struct fault *f)
{
        return sim_backend_ops.groups(((struct world *) p)->machine, ret, f);
}

static int op_step(void *p, const struct pf_ref *ref, const struct step *step, struct fault *f)
{
        struct world *w = p;

        if (!gate_pass(&w->gate))
                return fault_set(f, FAULT_CANCELLED, ECANCELED, "not begun");
        return sim_backend_ops.step(w->machine, ref, step, f);
}

static int op_holders(void *p, const struct dev_id *pf, uint32_t vf, struct holder **ret,
        size_t *ret_n, struct fault *f)
{
        return sim_backend_ops.holders(((struct world *) p)->machine, pf, vf, ret, ret_n, f);
}

static int op_event_fd(void *p)
{
        return sim_backend_ops.event_fd(((struct world *) p)->machine);
}

static int op_next_event(void *p, struct dev_id *ret_pf)
{
        return sim_backend_ops.next_event(((struct world *) p)->machine, ret_pf);
}

static const struct backend_ops ops = {
        .name = "sim",
        .list = op_list,
        .observe = op_observe,
        .groups = op_groups,
        .step = op_step,
        .holders = op_holders,
        .event_fd = op_event_fd,
        .next_event = op_next_event,
};

/* ---- making one --------------------------------------------------------------------------------
 */

static void add_faults(struct world *w)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(w->machine);
        struct fault f = FAULT_NULL;

        for (size_t i = 0; i < ELEMENTSOF(w->shape->faults) && w->shape->faults[i]; i++) {
                struct sim_fault fault;
                uint32_t id;

                if (sim_fault_parse(w->shape->faults[i], &fault, &f) < 0)
                        die(f.text, 0);
                if (machine_inject(m, machine_slot(m, world_addresses[PF_ICE]), &fault, &id) < 0)
                        die("a fault can not be injected", 0);
        }
}

static void new_machine(struct world *w)
{
        _cleanup_(topology_freep) struct topology *t = NULL;
        _cleanup_(freep) char *text = quoted(topology_text);
        struct fault f = FAULT_NULL;

        if (topology_parse("crash", text, strlen(text), &t, &f) < 0 ||
                machine_new(t, &w->machine, &f) < 0)
                die(f.text, 0);
        add_faults(w);
}

static void new_boot_id(struct world *w)
{
        snprintf(w->boot_id, sizeof(w->boot_id), "00000000-0000-4000-8000-%012u", ++w->boots);
}

static void enter(struct world *w, const char *dir)
{
        snprintf(w->dir, sizeof(w->dir), "%s", dir);
        snprintf(w->config_dir, sizeof(w->config_dir), "%s/etc", dir);
        snprintf(w->address, sizeof(w->address), "unix:%s/socket", dir);
        if ((mkdir(w->dir, 0700) < 0 && errno != EEXIST) ||
                (mkdir(w->config_dir, 0700) < 0 && errno != EEXIST))
                die(w->config_dir, -errno);
}

struct world *world_new(const struct shape *shape, const char *dir)
{
        struct world *w = calloc(1, sizeof(*w));

        if (!w)
                die("out of memory", 0);
        w->shape = shape;
        enter(w, dir);
        gate_init(&w->gate);
        new_machine(w);
        new_boot_id(w);
        w->disk = testdisk_new();
        w->report = mmap(NULL, sizeof(*w->report), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (w->report == MAP_FAILED)
                die("mmap", -errno);
        return w;
}

void world_free(struct world *w)
{
        if (w->server)
                world_stop(w);
        machine_free(w->machine);
        testdisk_free(w->disk);
        munmap(w->report, sizeof(*w->report));
        free(w);
}

void world_branch(struct world *w, const char *dir)
{
        struct told *mine = mmap(
                NULL, sizeof(*mine), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        char file[128];
        struct stat st;

        if (mine == MAP_FAILED)
                die("mmap", -errno);
        snprintf(file, sizeof(file), "%s/10.json", w->config_dir);
        enter(w, dir);
        if (stat(file, &st) == 0) {
                _cleanup_(freep) char *text = calloc(1, (size_t) st.st_size + 1);
                _cleanup_(closep) int fd = open(file, O_RDONLY | O_CLOEXEC);

                if (!text || fd < 0 || read(fd, text, (size_t) st.st_size) != st.st_size)
                        die(file, -errno);
                world_configure(w, text);
        } else
                world_configure(w, NULL);
        w->report = mine;
        w->disk = testdisk_clone(w->disk);
        w->machine->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        gate_init(&w->gate);
}

void world_configure(struct world *w, const char *text)
{
        char file[128];
        FILE *f;

        snprintf(file, sizeof(file), "%s/10.json", w->config_dir);
        if (!text) {
                (void) unlink(file);
                return;
        }
        _cleanup_(freep) char *json = quoted(text);
        f = fopen(file, "we");
        if (!f || fputs(json, f) < 0 || fclose(f) != 0)
                die(file, -errno);
}

/* ---- the server --------------------------------------------------------------------------------
 */

/* A process that will be a life. Made before the server has threads: see world.h. */
static void lay_to_sleep(struct world *w, struct sleeper *sleeper)
{
        const pid_t parent = getpid();
        int wake[2], words[2];
        struct life life;

        sleeper->knock = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
        if (sleeper->knock < 0 || pipe2(wake, O_CLOEXEC) < 0 || pipe2(words, O_CLOEXEC) < 0)
                die("pipe", -errno);
        sleeper->pid = fork();
        if (sleeper->pid < 0)
                die("fork", -errno);
        if (sleeper->pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent)
                        _exit(0);
                close(words[0]);
                if (read(wake[0], &life, sizeof(life)) != sizeof(life))
                        _exit(0);
                w->gate.knock = sleeper->knock;
                life_live(w, &life, words[1]);
        }
        close(wake[0]);
        close(words[1]);
        sleeper->wake = wake[1];
        sleeper->words = words[0];
}

static void wake_nobody(struct world *w)
{
        for (size_t i = 0; i < ELEMENTSOF(w->sleepers); i++) {
                struct sleeper *sleeper = &w->sleepers[i];

                if (sleeper->pid > 0) {
                        kill(sleeper->pid, SIGKILL);
                        (void) waitpid(sleeper->pid, NULL, 0);
                }
                close(sleeper->wake);
                close(sleeper->words);
                close(sleeper->knock);
        }
}

void world_serve(struct world *w)
{
        int r;

        w->n_lived = 0;
        for (size_t i = 0; i < ELEMENTSOF(w->sleepers); i++)
                lay_to_sleep(w, &w->sleepers[i]);
        (void) unlink(w->address + strlen("unix:"));
        r = sd_event_new(&w->event);
        if (r >= 0)
                r = backend_server_new(w->event, &ops, w, getuid(), &w->server);
        if (r >= 0)
                r = backend_server_listen(w->server, w->address);
        if (r < 0)
                die("the backend does not serve", r);
}

/* The next thing that happens. */
static void turn(struct world *w, const char *what)
{
        int r = sd_event_run(w->event, WORLD_LIFE_USEC);

        if (r <= 0)
                die(what, r);
}

/* Nobody is connected; what was in the kernel has come out of it. */
static void let_out(struct world *w)
{
        gate_set(&w->gate, true, w->deny, 0);
        while (serving_work(w->server))
                turn(w, "a step does not end");
        gate_set(&w->gate, false, false, 0);
}

void world_stop(struct world *w)
{
        let_out(w);
        backend_server_free(w->server);
        wake_nobody(w);
        w->server = NULL;
        sd_event_unref(w->event);
        w->event = NULL;
}

void world_reboot(struct world *w, bool lose, uint64_t seed)
{
        if (w->server)
                world_stop(w);
        machine_free(w->machine);
        new_machine(w);
        new_boot_id(w);
        testdisk_killed(w->disk);
        if (lose)
                testdisk_power_loss(w->disk, seed);
        world_serve(w);
}

/* ---- lives -------------------------------------------------------------------------------------
 */

struct child {
        struct world *w;
        pid_t pid;
        bool ended;
        unsigned held; /* steps of the life before that wait for this one to be ready */
};

static void on_word(struct child *c, char word)
{
        struct world *w = c->w;

        switch (word) {
        case TELL_STEP:
                gate_set(&w->gate, false, false, 1);
                break;
        case TELL_READY:
                gate_set(&w->gate, false, false, c->held);
                c->held = 0;
                break;
        case TELL_MEDDLE: {
                _cleanup_(machine_unlockp) struct machine *m = machine_lock(w->machine);

                w->shape->meddle(m);
                break;
        }
        default:
                die("a word that nobody knows", 0);
        }
}

static int on_child(sd_event_source *source, int fd, _unused_ uint32_t revents, void *userdata)
{
        struct child *c = userdata;
        char words[16];
        ssize_t n = read(fd, words, sizeof(words));

        for (ssize_t i = 0; i < n; i++)
                on_word(c, words[i]);
        if (n == 0) {
                c->ended = true;
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
        }
        return 0;
}

static struct sleeper *start(struct world *w, const struct life *life, struct child *c)
{
        struct sleeper *sleeper;

        if (w->n_lived >= ELEMENTSOF(w->sleepers))
                die("too many lives without a new server", 0);
        sleeper = &w->sleepers[w->n_lived++];
        memset(w->report, 0, sizeof(*w->report));
        *c = (struct child){
                .w = w, .pid = sleeper->pid, .held = gate_set_knock(&w->gate, sleeper->knock)};
        if (write(sleeper->wake, life, sizeof(*life)) != sizeof(*life))
                die("a life does not begin", -errno);
        return sleeper;
}

static enum ending judge_end(struct world *w, const struct life *life, int status)
{
        struct told *r = w->report;

        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && r->crashed)
                return LIFE_CRASHED;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && r->settled)
                return LIFE_SETTLED;
        if (!r->trouble[0])
                snprintf(r->trouble, sizeof(r->trouble), "the daemon ended by itself: %s %d%s",
                        WIFSIGNALED(status) ? "signal" : "status",
                        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                        life->deed ? ", in the deed" : "");
        return LIFE_BROKEN;
}

enum ending world_live(struct world *w, const struct life *life)
{
        _cleanup_(sd_event_source_unrefp) sd_event_source *source = NULL;
        struct sleeper *sleeper;
        enum ending ending;
        struct child c;
        int status;

        sleeper = start(w, life, &c);
        if (sd_event_add_io(w->event, &source, sleeper->words, EPOLLIN, on_child, &c) < 0)
                die("out of memory", 0);
        while (!c.ended)
                turn(w, "a life without an end");
        if (waitpid(c.pid, &status, 0) != c.pid)
                die("waitpid", -errno);
        sleeper->pid = 0;
        while (serving_anybody(w->server))
                turn(w, "a connection without an end");
        ending = judge_end(w, life, status);
        if (!w->slow)
                let_out(w);
        if (ending == LIFE_CRASHED)
                testdisk_killed(w->disk);
        return ending;
}

/* ---- looking -----------------------------------------------------------------------------------
 */

static void show_vf(
        const struct sim_vf *vf, uint32_t index, enum lease_state lease, char *buf, size_t size)
{
        char value[VF_ATTR_STR_MAX];
        size_t n;

        n = (size_t) snprintf(buf, size, "VF %u: driver '%s', guest '%s', msix %u%s%s", index,
                vf->driver, vf->guest, vf->msix, vf->dying ? ", dying" : "",
                vf->locked ? ", locked" : "");
        if (lease ==
                LEASE_FREE) /* else it may be what a crash left of a bind: the scrub's matter */
                n += (size_t) snprintf(buf + n, size - n, ", override '%s'", vf->driver_override);
        if (vf->access_uid >= 0)
                n += (size_t) snprintf(
                        buf + n, size - n, ", access %lld", (long long) vf->access_uid);
        if (lease != LEASE_FREE)
                n += (size_t) snprintf(buf + n, size - n, ", lease %s", lease_state_name(lease));
        for (unsigned a = 0; a < VF_ATTR_MAX && n < size; a++)
                if (vf_attrs_has(&vf->attrs, a)) {
                        vf_attrs_format(&vf->attrs, a, value);
                        n += (size_t) snprintf(
                                buf + n, size - n, ", %s %s", vf_attr_table[a].name, value);
                }
        if (n < size)
                snprintf(buf + n, size - n, "\n");
}

void world_look(struct world *w, struct snapshot *ret)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(w->machine);

        *ret = (struct snapshot){.netdevs = m->next_eth, .harmed = m->harmed};
        for (size_t i = 0; i < WORLD_PFS; i++) {
                const struct sim_pf *pf = machine_slot(m, world_addresses[i]);
                char *at = ret->pfs[i], *end = at + SNAPSHOT_MAX;

                ret->writes += pf->writes;
                snprintf(at, SNAPSHOT_MAX,
                        "PF: %u VFs, autoprobe %d, mtu %u, eswitch '%s', driver '%s'%s\n",
                        pf->num_vfs, pf->autoprobe, pf->mtu, pf->eswitch, pf->driver,
                        pf->locked ? ", locked" : "");
                for (uint32_t v = 0; v < pf->hw_total_vfs; v++) {
                        at += strlen(at);
                        if (pf->vfs[v].exists)
                                show_vf(&pf->vfs[v], v, w->report->pfs[i].leases[v], at,
                                        (size_t) (end - at));
                }
                for (uint32_t v = 0; i == PF_ICE && v < pf->hw_total_vfs; v++) {
                        ret->vfs[v].access_uid = pf->vfs[v].access_uid;
                        ret->vfs[v].resets = pf->vfs[v].resets;
                        ret->vfs[v].lease = w->report->pfs[i].leases[v];
                }
        }
}
