/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking the bus for the uid, then polkit for permission. Loop thread. */
#include <stdio.h>

#include "daemon/authz.h"

#define UID_USEC      (10 * 1000000ull)
#define SILENT_USEC   (30 * 1000000ull)
#define DIALOGUE_USEC (120 * 1000000ull)

#define POLKIT_NAME        "org.freedesktop.PolicyKit1"
#define POLKIT_PATH        "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE   "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_INTERACTION 1u /* AllowUserInteraction */

/* An answer that is no answer. */
#define NOBODY UINT32_MAX

struct authz_check {
        struct authz *authz;
        struct authz_check *next;
        sd_bus_slot *slot; /* the call in flight */
        bool at_polkit;
        bool interactive;
        uint32_t id;
        uint32_t uid;
        enum risk risk;
        bool anybody;
        uint32_t owner;
        uint32_t vf;
        char sender[64];
        char pf[DEV_ID_MAX];
        char operation[WORD_MAX];
        authz_fn fn;
        void *userdata;
};

struct authz {
        sd_bus *bus;
        struct authz_check *checks;
        uint32_t last_id;
};

const char *authz_action(enum risk risk)
{
        static const char *const actions[RISK_MAX] = {
                [RISK_LEASE] = "org.sriovd1.lease",
                [RISK_CONFIGURE] = "org.sriovd1.configure",
                [RISK_BIND] = "org.sriovd1.bind-driver",
                [RISK_RELAX] = "org.sriovd1.relax-isolation",
                [RISK_DISRUPT] = "org.sriovd1.disrupt-in-use",
        };

        /* What nobody has thought of needs the most. */
        return (unsigned) risk < RISK_MAX ? actions[risk] : actions[RISK_DISRUPT];
}

static void cancellation_id(const struct authz_check *check, char *buf, size_t size)
{
        snprintf(buf, size, "sriovd-%u", check->id);
}

static void check_free(struct authz_check *check)
{
        struct authz_check **at = &check->authz->checks;

        while (*at != check)
                at = &(*at)->next;
        *at = check->next;
        sd_bus_slot_unref(check->slot);
        free(check);
}

/* The end of every check that is not cancelled. */
static void answer(struct authz_check *check, const struct fault *f)
{
        authz_fn fn = check->fn;
        void *userdata = check->userdata;
        uint32_t uid = check->uid;

        check_free(check);
        fn(userdata, uid, f);
}

static void take_dialogue_away(struct authz_check *check)
{
        char id[24];

        if (!check->at_polkit || !check->interactive)
                return;
        cancellation_id(check, id, sizeof(id));
        (void) sd_bus_call_method_async(check->authz->bus, NULL, POLKIT_NAME, POLKIT_PATH,
                POLKIT_INTERFACE, "CancelCheckAuthorization", NULL, NULL, "s", id);
}

void authz_cancel(struct authz_check *check)
{
        take_dialogue_away(check);
        check_free(check);
}

static int judge_reply(struct authz_check *check, sd_bus_message *reply, struct fault *f)
{
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        int authorized, challenge, r;

        if (e) {
                take_dialogue_away(check); /* a timeout of ours leaves it open */
                return fault_set(f, FAULT_NOT_AUTHORIZED, 0,
                        "refused: polkit gave no answer about %s (%s: %s)",
                        authz_action(check->risk), e->name, e->message ? e->message : "no text");
        }
        r = sd_bus_message_has_signature(reply, "(bba{ss})");
        if (r > 0)
                r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r > 0)
                r = sd_bus_message_read(reply, "bb", &authorized, &challenge);
        if (r <= 0)
                return fault_set(f, FAULT_NOT_AUTHORIZED, 0,
                        "refused: polkit's answer about %s was malformed",
                        authz_action(check->risk));
        if (authorized)
                return 0;
        if (challenge && !check->interactive)
                return fault_set(f, FAULT_AUTH_REQUIRED, 0,
                        "refused: %s needs authentication and the call did not allow to ask for it",
                        authz_action(check->risk));
        return fault_set(f, FAULT_NOT_AUTHORIZED, 0,
                "refused: uid %u is not authorized for %s; polkit decides, see polkit(8)",
                check->uid, authz_action(check->risk));
}

static int on_polkit(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        struct fault f = FAULT_NULL;

        (void) error;
        (void) judge_reply(userdata, reply, &f);
        answer(userdata, &f);
        return 0;
}

static int append_question(const struct authz_check *check, sd_bus_message *m)
{
        char id[24] = "", vf[12];
        int r;

        if (check->interactive)
                cancellation_id(check, id, sizeof(id));
        snprintf(vf, sizeof(vf), "%u", check->vf);
        r = sd_bus_message_append(m, "(sa{sv})s", "system-bus-name", 1, "name", "s", check->sender,
                authz_action(check->risk));
        if (r < 0)
                return r;
        if (check->vf == NO_VF)
                r = sd_bus_message_append(m, "a{ss}", 3, "pf", check->pf, "operation",
                        check->operation, "risk", authz_action(check->risk));
        else
                r = sd_bus_message_append(m, "a{ss}", 4, "pf", check->pf, "vf", vf, "operation",
                        check->operation, "risk", authz_action(check->risk));
        if (r < 0)
                return r;
        return sd_bus_message_append(m, "us", check->interactive ? POLKIT_INTERACTION : 0u, id);
}

static int ask_polkit(struct authz_check *check)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(check->authz->bus, &m, POLKIT_NAME, POLKIT_PATH,
                POLKIT_INTERFACE, "CheckAuthorization");
        if (r >= 0)
                r = append_question(check, m);
        if (r < 0)
                return r;
        check->slot = sd_bus_slot_unref(check->slot);
        check->at_polkit = true;
        return sd_bus_call_async(check->authz->bus, &check->slot, m, on_polkit, check,
                check->interactive ? DIALOGUE_USEC : SILENT_USEC);
}

static int admit_to_polkit(const struct authz_check *check, struct fault *f)
{
        unsigned mine = 0, all = 0;

        for (const struct authz_check *c = check->authz->checks; c; c = c->next) {
                all += c->at_polkit;
                mine += c->at_polkit && c->uid == check->uid;
        }
        if (mine >= AUTHZ_PER_UID_MAX || all >= AUTHZ_MAX)
                return fault_set(f, FAULT_LIMITS, 0,
                        "refused: polkit is being asked for %u calls of uid %u and %u in all; at "
                        "most %d and %d: wait for their answers",
                        mine, check->uid, all, AUTHZ_PER_UID_MAX, AUTHZ_MAX);
        return 0;
}

static int on_uid(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        struct authz_check *check = userdata;
        struct fault f = FAULT_NULL;
        uint32_t uid = NOBODY;

        (void) error;
        if (sd_bus_message_is_method_error(reply, NULL) > 0 ||
                sd_bus_message_read(reply, "u", &uid) <= 0 || uid == NOBODY)
                fault_set(&f, FAULT_NOT_AUTHORIZED, 0,
                        "refused: the message bus does not say whose connection %s is",
                        check->sender);
        check->uid = uid;
        if (f.code != FAULT_NONE || uid == 0 || uid == geteuid() || uid == check->owner ||
                check->anybody || admit_to_polkit(check, &f) < 0)
                answer(check, &f);
        else if (ask_polkit(check) < 0) {
                fault_set(&f, FAULT_NOT_AUTHORIZED, 0, "refused: polkit could not be asked");
                answer(check, &f);
        }
        return 0;
}

static int ask_uid(struct authz_check *check)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(check->authz->bus, &m, "org.freedesktop.DBus",
                "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", check->sender);
        if (r < 0)
                return r;
        return sd_bus_call_async(check->authz->bus, &check->slot, m, on_uid, check, UID_USEC);
}

static int admit_to_bus(const struct authz *authz, struct fault *f)
{
        unsigned n = 0;

        for (const struct authz_check *c = authz->checks; c; c = c->next)
                n += !c->at_polkit;
        if (n >= AUTHZ_UIDS_MAX)
                return fault_set(f, FAULT_LIMITS, 0,
                        "refused: %u calls wait for the message bus to say who sent them", n);
        return 0;
}

int authz_begin(struct authz *authz, sd_bus_message *m, const struct authz_question *q, authz_fn fn,
        void *userdata, struct authz_check **ret, struct fault *f)
{
        const char *sender = sd_bus_message_get_sender(m);
        struct authz_check *check;
        int r;

        r = admit_to_bus(authz, f);
        if (r < 0)
                return r;
        check = calloc(1, sizeof(*check));
        if (!check)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        check->authz = authz;
        check->id = ++authz->last_id;
        check->uid = NOBODY;
        check->risk = q->risk;
        check->anybody = q->anybody;
        check->owner = q->owner;
        check->vf = q->vf;
        check->interactive = sd_bus_message_get_allow_interactive_authorization(m) > 0;
        check->fn = fn;
        check->userdata = userdata;
        check->next = authz->checks;
        authz->checks = check;
        if (!sender || str_copy(check->sender, sizeof(check->sender), sender) < 0 ||
                str_copy(check->pf, sizeof(check->pf), q->pf) < 0 ||
                str_copy(check->operation, sizeof(check->operation), q->operation) < 0 ||
                ask_uid(check) < 0) {
                check_free(check);
                return fault_set(f, FAULT_NOT_AUTHORIZED, 0,
                        "refused: the message bus can not be asked who sent the call");
        }
        *ret = check;
        return 0;
}

int authz_new(sd_bus *bus, struct authz **ret)
{
        struct authz *authz = calloc(1, sizeof(*authz));

        if (!authz)
                return -ENOMEM;
        authz->bus = sd_bus_ref(bus);
        *ret = authz;
        return 0;
}

void authz_free(struct authz *authz)
{
        while (authz->checks)
                authz_cancel(authz->checks);
        sd_bus_unref(authz->bus);
        free(authz);
}
