/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `lease`: a VF for oneself for a while. `lease run` becomes the command itself, so the lease ends
 * with it, signals reach it and its exit status is its own. Loop thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "ctl/pairs.h"
#include "ctl/print.h"
#include "ctl/progress.h"
#include "ctl/table.h"

#define EXIT_NOT_FOUND   127 /* as a shell says it */
#define EXIT_CANNOT_EXEC 126

/* What AcquireVf is asked. */
struct question {
        const char *pf, *vf, *pool, *driver;
        uint32_t numa_node;
        bool has_numa;
        struct vf_attrs attrs, set;
        int pidfd; /* -1: none */
};

/* What it answers. */
struct given {
        uint64_t id;
        char pf[BDF_STR_MAX], address[BDF_STR_MAX], driver[DRIVER_MAX], netdev[NETDEV_MAX];
        char vfio[NAME_MAX_TEXT];
        uint32_t index;
        int32_t iommu_group;
};

/* --- what is asked ------------------------------------------------------------------------------
 */

static const char *after(const char *word, const char *key)
{
        size_t n = strlen(key);

        return strncmp(word, key, n) == 0 && word[n] == '=' && word[n + 1] ? word + n + 1 : NULL;
}

static int parse_selector(const char *word, struct question *q, struct fault *f)
{
        const struct {
                const char *key, **to;
        } texts[] = {{"pf", &q->pf}, {"vf", &q->vf}, {"pool", &q->pool}, {"driver", &q->driver}};
        const char *value;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                value = after(word, texts[i].key);
                if (value && *texts[i].to)
                        return fault_set(
                                f, FAULT_INVALID_ARGS, 0, "%s is given twice", texts[i].key);
                if (value) {
                        *texts[i].to = value;
                        return 0;
                }
        }
        value = after(word, "numa_node");
        if (!value)
                return pair_parse(word, &q->attrs, f);
        if (parse_u32(value, 0, INT32_MAX, &q->numa_node) < 0)
                return fault_set(f, FAULT_INVALID_ARGS, 0, "%s refused: expected 0 or more", word);
        q->has_numa = true;
        return 0;
}

static int parse_question(struct ctl *ctl, struct question *ret)
{
        struct question q = {.pidfd = -1};
        struct fault f = FAULT_NULL;
        int r = 0;

        for (size_t i = 2; i < ctl->args.n_words && r == 0; i++)
                r = parse_selector(ctl->args.words[i], &q, &f);
        for (size_t i = 0; i < ctl->args.n_sets && r == 0; i++)
                r = pair_parse(ctl->args.sets[i], &q.set, &f);
        if (r == 0)
                r = vf_attrs_check(&q.set, &f);
        if (r < 0)
                return failure_of_fault(&ctl->failure, &f, r);
        *ret = q;
        return 0;
}

static int put_text(sd_bus_message *m, int r, const char *key, const char *value)
{
        return r < 0 || !value ? r : sd_bus_message_append(m, "{sv}", key, "s", value);
}

static int put_attrs(sd_bus_message *m, int r, const char *key, const struct vf_attrs *a)
{
        if (r < 0 || (a->present | a->reset) == 0)
                return r;
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a{sv}");
        if (r >= 0)
                r = pairs_append(m, a);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_question(const struct ctl *ctl, sd_bus_message *m, const struct question *q)
{
        const struct args *a = &ctl->args;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        r = put_text(m, r, "pf", q->pf);
        r = put_text(m, r, "vf", q->vf);
        r = put_text(m, r, "pool", q->pool);
        r = put_text(m, r, "driver", q->driver);
        if (r >= 0 && q->has_numa)
                r = sd_bus_message_append(m, "{sv}", "numa_node", "i", (int32_t) q->numa_node);
        r = put_attrs(m, r, "attributes", &q->attrs);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        r = put_text(m, r, "driver", a->value[OPTION_DRIVER]);
        r = put_text(m, r, "label", a->value[OPTION_LABEL]);
        r = put_attrs(m, r, "set", &q->set);
        if (r >= 0 && q->pidfd >= 0)
                r = sd_bus_message_append(m, "{sv}", "pidfd", "h", q->pidfd);
        else if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "persistent", "b", true);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* --- what is answered ---------------------------------------------------------------------------
 */

static int read_info(sd_bus_message *m, struct given *g)
{
        const char *key, *contents, *text;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0)
                        r = sd_bus_message_peek_type(m, NULL, &contents);
                if (r >= 0 && streq(contents, "s")) {
                        r = sd_bus_message_read(m, "v", "s", &text);
                        if (r >= 0 && streq(key, "address"))
                                r = str_copy(g->address, sizeof(g->address), text);
                        else if (r >= 0 && streq(key, "driver"))
                                r = str_copy(g->driver, sizeof(g->driver), text);
                        else if (r >= 0 && streq(key, "netdev"))
                                r = str_copy(g->netdev, sizeof(g->netdev), text);
                        else if (r >= 0 && streq(key, "vfio"))
                                r = str_copy(g->vfio, sizeof(g->vfio), text);
                } else if (r >= 0 && streq(key, "iommu_group"))
                        r = sd_bus_message_read(m, "v", "i", &g->iommu_group);
                else if (r >= 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static int acquire(struct ctl *ctl, const struct question *q, struct given *ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        struct given g = {.iommu_group = -1};
        const char *lease, *vf;
        int r;

        r = sd_bus_message_new_method_call(ctl->bus, &m, BUS_NAME, BUS_ROOT,
                object_table[OBJECT_MANAGER].interface, "AcquireVf");
        if (r >= 0)
                r = append_question(ctl, m, q);
        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "make a message");
        r = progress_call_all(ctl, m, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "oo", &lease, &vf);
        if (r >= 0)
                r = path_kind(lease) == OBJECT_LEASE && path_kind(vf) == OBJECT_VF
                            ? parse_u64(strrchr(lease, '/') + 1, &g.id)
                            : -EBADMSG;
        if (r >= 0)
                r = read_info(reply, &g);
        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "read the lease");
        path_address(vf, g.pf);
        g.index = path_number(vf);
        *ret = g;
        return 0;
}

static int say_given(struct ctl *ctl, const struct given *g)
{
        _cleanup_(json_writer_freep) struct json_writer *w = NULL;

        if (!ctl_json(ctl)) {
                printf("lease %" PRIu64 ": %s/%u  %s  %s%s%s%s%s\n", g->id, g->pf, g->index,
                        g->address, g->driver[0] ? g->driver : "no driver",
                        g->netdev[0] ? "  " : "", g->netdev, g->vfio[0] ? "  " : "", g->vfio);
                return EXIT_DONE;
        }
        w = json_writer_new();
        if (!w)
                return failure_of_errno(&ctl->failure, -ENOMEM, "print");
        json_open_object(w, NULL);
        json_put_u64(w, "lease", g->id);
        json_put_string(w, "pf", g->pf);
        json_put_u64(w, "index", g->index);
        json_put_string(w, "address", g->address);
        json_put_string(w, "driver", g->driver);
        json_put_string(w, "netdev", g->netdev);
        json_put_i64(w, "iommu_group", g->iommu_group);
        json_put_string(w, "vfio", g->vfio);
        json_close(w);
        return print_json(w, false, &ctl->failure);
}

static int pidfd_of(struct ctl *ctl, uint32_t pid, int *ret)
{
        int fd = (int) syscall(SYS_pidfd_open, (pid_t) pid, 0);

        if (fd < 0)
                return errno == ESRCH ? ctl_refuse(ctl, "there is no process %u", pid)
                                      : failure_of_errno(&ctl->failure, -errno, "open the process");
        *ret = fd;
        return 0;
}

static int lease_acquire(struct ctl *ctl)
{
        _cleanup_(closep) int pidfd = -1;
        struct question q;
        struct given g;
        uint32_t pid;
        int r;

        r = parse_question(ctl, &q);
        if (r >= 0 && args_has(&ctl->args, OPTION_PID)) {
                if (parse_u32(ctl->args.value[OPTION_PID], 1, INT32_MAX, &pid) < 0)
                        return ctl_refuse(ctl, "--pid=%s refused: expected the number of a process",
                                ctl->args.value[OPTION_PID]);
                r = pidfd_of(ctl, pid, &pidfd);
        }
        if (r < 0)
                return r;
        q.pidfd = pidfd;
        r = acquire(ctl, &q, &g);
        return r < 0 ? r : say_given(ctl, &g);
}

/* --- run ----------------------------------------------------------------------------------------
 */

static int set_environment(const struct given *g)
{
        char id[24], group[16] = "";
        int r;

        snprintf(id, sizeof(id), "%" PRIu64, g->id);
        if (g->iommu_group >= 0)
                snprintf(group, sizeof(group), "%d", g->iommu_group);
        r = setenv("SRIOV_LEASE", id, true);
        if (r == 0)
                r = setenv("SRIOV_VF_ADDRESS", g->address, true);
        if (r == 0)
                r = setenv("SRIOV_VF_NETDEV", g->netdev, true);
        if (r == 0)
                r = setenv("SRIOV_IOMMU_GROUP", group, true);
        return r == 0 ? setenv("SRIOV_VFIO", g->vfio, true) : r;
}

static int lease_run(struct ctl *ctl)
{
        _cleanup_(closep) int pidfd = -1;
        struct question q;
        struct given g;
        int r;

        r = parse_question(ctl, &q);
        if (r >= 0)
                r = pidfd_of(ctl, (uint32_t) getpid(), &pidfd);
        if (r < 0)
                return r;
        q.pidfd = pidfd;
        r = acquire(ctl, &q, &g);
        if (r < 0)
                return r;
        if (set_environment(&g) < 0)
                return failure_of_errno(&ctl->failure, -errno, "set the environment");
        fflush(stdout);
        execvp(ctl->args.rest[0], ctl->args.rest);
        r = errno;
        fprintf(stderr, "sriovctl: %s can not be run: %s\n", ctl->args.rest[0], strerror(r));
        return r == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC; /* the lease ends with us */
}

/* --- release, retry, list -----------------------------------------------------------------------
 */

static int lease_end(struct ctl *ctl, bool retry)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(json_writer_freep) struct json_writer *w = NULL;
        char path[PATH_SIZE];
        uint64_t id;
        int r;

        r = parse_u64(ctl_word(ctl, 1), &id);
        if (r >= 0 && retry) {
                snprintf(path, sizeof(path), BUS_ROOT "/lease/%" PRIu64, id);
                r = sd_bus_message_new_method_call(ctl->bus, &m, BUS_NAME, path,
                        object_table[OBJECT_LEASE].interface, "Retry");
        } else if (r >= 0) {
                r = sd_bus_message_new_method_call(ctl->bus, &m, BUS_NAME, BUS_ROOT,
                        object_table[OBJECT_MANAGER].interface, "ReleaseVf");
                if (r >= 0)
                        r = sd_bus_message_append(m, "t", id);
        }
        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "make a message");
        r = progress_call_all(ctl, m, &reply);
        if (r < 0)
                return r;
        if (!ctl_json(ctl)) {
                printf("lease %" PRIu64 ": %s\n", id, retry ? "clean" : "released");
                return EXIT_DONE;
        }
        w = json_writer_new();
        if (!w)
                return failure_of_errno(&ctl->failure, -ENOMEM, "print");
        json_open_object(w, NULL);
        json_put_string(w, "result", "done");
        json_put_u64(w, "lease", id);
        json_close(w);
        return print_json(w, false, &ctl->failure);
}

static int lease_release(struct ctl *ctl)
{
        return lease_end(ctl, false);
}

static int lease_retry(struct ctl *ctl)
{
        return lease_end(ctl, true);
}

static int list_json(struct ctl *ctl, const struct view *v)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();
        char pf[BDF_STR_MAX];

        if (!w)
                return failure_of_errno(&ctl->failure, -ENOMEM, "print");
        json_open_array(w, NULL);
        for (size_t i = 0; i < v->n_leases; i++) {
                path_address(v->leases[i].pf, pf);
                json_open_object(w, NULL);
                json_put_string(w, "pf", pf);
                object_json(w, OBJECT_LEASE, &v->leases[i], ALL_FIELDS);
                json_close(w);
        }
        json_close(w);
        return print_json(w, false, &ctl->failure);
}

static void since_text(uint64_t usec, char *buf, size_t size)
{
        time_t seconds = (time_t) (usec / 1000000);
        struct tm tm;

        buf[0] = '\0';
        if (localtime_r(&seconds, &tm))
                (void) strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm);
}

static int lease_list(struct ctl *ctl)
{
        static const char *const columns[] = {
                ">LEASE", "VF", "STATE", "OWNER", ">UID", "?LABEL", "SINCE", "?WHY", NULL};
        _cleanup_(view_done) struct view view = {0};
        _cleanup_(table_freep) struct table *t = NULL;
        char pf[BDF_STR_MAX], since[32];
        int r;

        r = view_load(ctl->bus, &view, &ctl->failure);
        if (r < 0)
                return r;
        if (ctl_json(ctl))
                return list_json(ctl, &view);
        t = table_new(columns, true);
        if (!t)
                return failure_of_errno(&ctl->failure, -ENOMEM, "print");
        for (size_t i = 0; i < view.n_leases; i++) {
                const struct view_lease *l = &view.leases[i];

                path_address(l->pf, pf);
                since_text(l->since_usec, since, sizeof(since));
                table_cell(t, STYLE_BOLD, "%" PRIu64, l->id);
                table_cell(t, STYLE_PLAIN, "%s/%u", pf, l->vf);
                table_cell(t, lease_style(l->state), "%s", l->state);
                table_cell(t, STYLE_PLAIN, "%s", l->owner);
                table_cell(t, STYLE_PLAIN, "%u", l->uid);
                table_cell(t, STYLE_PLAIN, "%s", l->label);
                table_cell(t, STYLE_DIM, "%s", since);
                table_cell(t, STYLE_PLAIN, "%s", l->why);
        }
        r = table_print(t, stdout, &ctl->out);
        return r < 0 ? failure_of_errno(&ctl->failure, r, "print") : EXIT_DONE;
}

/* --- the words ----------------------------------------------------------------------------------
 */

#define WISH (OPTION_BIT(OPTION_DRIVER) | OPTION_BIT(OPTION_SET) | OPTION_BIT(OPTION_LABEL))
#define ALL  (WISH | OPTION_BIT(OPTION_PID))

static const struct verb {
        const char *name;
        int (*run)(struct ctl *ctl);
        uint32_t options;
        bool selects, has_command, takes_id;
} verbs[] = {
        {"acquire", lease_acquire, ALL, true, false, false},
        {"run", lease_run, WISH, true, true, false},
        {"release", lease_release, 0, false, false, true},
        {"retry", lease_retry, 0, false, false, true},
        {"list", lease_list, 0, false, false, false},
};

static const struct verb *verb_of(const struct ctl *ctl)
{
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verbs[i].name, ctl_word(ctl, 0)))
                        return &verbs[i];
        return NULL;
}

static int check_options(struct ctl *ctl, const struct verb *verb)
{
        for (unsigned i = 0; i < OPTION_MAX; i++)
                if (args_has(&ctl->args, i) && (ALL & ~verb->options & OPTION_BIT(i)))
                        return ctl_refuse(ctl, "%s is not for lease %s; see sriovctl help lease",
                                option_name(i), verb->name);
        if (args_has(&ctl->args, OPTION_HOST) &&
                (verb->has_command || args_has(&ctl->args, OPTION_PID)))
                return ctl_refuse(ctl,
                        "lease %s refused: a process of this machine can not have a VF of another",
                        verb->name);
        return 0;
}

int check_lease(struct ctl *ctl)
{
        const struct verb *verb = verb_of(ctl);
        size_t n = ctl->args.n_words - 2;
        struct question q;
        uint64_t id;
        int r;

        if (!verb)
                return ctl_refuse(ctl, "lease '%s': expected acquire, run, release, retry or list",
                        ctl_word(ctl, 0));
        r = check_options(ctl, verb);
        if (r < 0)
                return r;
        if (verb->has_command && (!ctl->args.rest || !ctl->args.rest[0]))
                return ctl_refuse(ctl, "lease run: expected -- and a command behind it");
        if (!verb->has_command && ctl->args.rest)
                return ctl_refuse(ctl, "lease %s: takes no command", verb->name);
        if (verb->selects)
                return parse_question(ctl, &q);
        if (n != verb->takes_id)
                return ctl_refuse(ctl, "lease %s: expected %s", verb->name,
                        verb->takes_id ? "the number of one lease" : "nothing more");
        if (verb->takes_id && parse_u64(ctl_word(ctl, 1), &id) < 0)
                return ctl_refuse(ctl, "lease %s '%s': expected the number of a lease", verb->name,
                        ctl_word(ctl, 1));
        return 0;
}

int cmd_lease(struct ctl *ctl)
{
        return verb_of(ctl)->run(ctl);
}
