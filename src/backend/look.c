/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readings on behalf of a peer: List, Observe, Groups, Holders. Loop thread, but for the functions
 * that say worker. */
#include "backend/codec.h"
#include "backend/server_private.h"

struct look;

struct look_kind {
        const char *name;
        int (*read)(struct look *look);                       /* worker: ops, into the look */
        int (*put)(struct look *look, sd_bus_message *reply); /* loop: into the answer */
};

struct look {
        struct request rq; /* first */
        const struct look_kind *kind;
        uint32_t vf;
        struct dev_id *ids;
        struct holder *holders;
        size_t n;
        struct pf_facts facts;
        struct groups groups;
};

static void look_drop(struct lane_work *work)
{
        struct look *look = (struct look *) work;

        free(look->ids);
        free(look->holders);
        pf_facts_done(&look->facts);
        groups_done(&look->groups);
        free(look);
}

/* Worker. */
static void look_run(struct lane_work *work)
{
        struct look *look = (struct look *) work;

        look->rq.result = look->kind->read(look);
        request_complete(&look->rq, look->kind->name);
}

static int answer(struct look *look)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        if (look->rq.result < 0)
                return server_refuse(look->rq.call, &look->rq.fault);
        r = sd_bus_message_new_method_return(look->rq.call, &reply);
        if (r < 0)
                return r;
        r = look->kind->put(look, reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void look_done(struct lane_work *work)
{
        struct look *look = (struct look *) work;
        struct fault f = FAULT_NULL;
        int r;

        if (request_has_peer(&look->rq)) {
                r = answer(look);
                if (r < 0) {
                        fault_set(&f, FAULT_INTERNAL, -r, "%s: the answer can not be sent: %s",
                                look->kind->name, strerror(-r));
                        server_refuse(look->rq.call, &f);
                }
        }
        request_end(&look->rq);
        look_drop(work);
}

static int look_begin(sd_bus_message *m, struct backend_server *server,
        const struct look_kind *kind, const struct dev_id *pf, uint32_t vf)
{
        struct look *look = calloc(1, sizeof(*look));
        struct fault f = FAULT_NULL;
        int r;

        if (!look)
                return -ENOMEM;
        look->rq.work = (struct lane_work){look_run, look_done, look_drop, NULL};
        look->kind = kind;
        look->vf = vf;
        if (pf)
                look->rq.pf = *pf;
        r = request_begin(&look->rq, server, m);
        if (r < 0) {
                look_drop(&look->rq.work);
                fault_set(&f, FAULT_LIMITS, 0,
                        "%s refused: %u readings wait already; ask again when some have ended",
                        kind->name, REQUESTS_LIMIT);
                return server_refuse(m, &f);
        }
        r = lanes_submit(server->lanes, &look->rq.pf, LANE_LOOK, &look->rq.work);
        if (r < 0) {
                request_end(&look->rq);
                look_drop(&look->rq.work);
                return r;
        }
        return 1;
}

/* Worker. */
static int read_list(struct look *look)
{
        return look->rq.ops->list(look->rq.backend, &look->ids, &look->n, &look->rq.fault);
}

static int put_list(struct look *look, sd_bus_message *reply)
{
        return codec_put_dev_ids(reply, look->ids, look->n);
}

/* Worker. */
static int read_observe(struct look *look)
{
        return look->rq.ops->observe(look->rq.backend, &look->rq.pf, &look->facts, &look->rq.fault);
}

static int put_observe(struct look *look, sd_bus_message *reply)
{
        run_describe_busy(look->rq.server, &look->facts);
        return codec_put_pf(reply, &look->facts);
}

/* Worker. */
static int read_groups(struct look *look)
{
        return look->rq.ops->groups(look->rq.backend, &look->groups, &look->rq.fault);
}

static int put_groups(struct look *look, sd_bus_message *reply)
{
        return codec_put_groups(reply, &look->groups);
}

/* Worker. */
static int read_holders(struct look *look)
{
        return look->rq.ops->holders(look->rq.backend, &look->rq.pf, look->vf, &look->holders,
                &look->n, &look->rq.fault);
}

static int put_holders(struct look *look, sd_bus_message *reply)
{
        return codec_put_holders(reply, look->holders, look->n);
}

static const struct look_kind list_kind = {"List", read_list, put_list};
static const struct look_kind observe_kind = {"Observe", read_observe, put_observe};
static const struct look_kind groups_kind = {"Groups", read_groups, put_groups};
static const struct look_kind holders_kind = {"Holders", read_holders, put_holders};

static int refuse_args(sd_bus_message *m, const char *what, const char *expected)
{
        struct fault f = FAULT_NULL;

        fault_set(&f, FAULT_INVALID_ARGS, 0, "%s refused: expected %s", what, expected);
        return server_refuse(m, &f);
}

int look_on_list(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_)
{
        return look_begin(m, userdata, &list_kind, NULL, NO_VF);
}

int look_on_groups(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_)
{
        return look_begin(m, userdata, &groups_kind, NULL, NO_VF);
}

int look_on_observe(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_)
{
        struct dev_id pf;

        if (codec_get_dev_id(m, false, &pf) < 0)
                return refuse_args(m, "Observe", "a PF such as pci/0000:3b:00.0");
        return look_begin(m, userdata, &observe_kind, &pf, NO_VF);
}

int look_on_holders(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_)
{
        struct dev_id pf;
        uint32_t vf;

        if (codec_get_dev_id(m, false, &pf) < 0 || sd_bus_message_read_basic(m, 'u', &vf) <= 0 ||
                (vf != NO_VF && vf >= VFS_MAX))
                return refuse_args(m, "Holders",
                        "a PF such as pci/0000:3b:00.0 and a VF's index, or 4294967295 for all");
        return look_begin(m, userdata, &holders_kind, &pf, vf);
}
