/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/authz against a bus and a polkit of our own at the other end of a socket: whatever is not
 * a clear yes is a no.
 */
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "daemon/authz.h"
#include "unit.h"

#define SOMEBODY 4711u

enum verdict { YES, NO, CHALLENGE, MALFORMED, ERROR, SILENCE };

struct fixture {
        sd_event *event;
        sd_bus *here, *there;
        struct authz *authz;
        enum verdict verdict;
        bool uid_known;
        uint32_t uid;
        unsigned uids_asked, asked, cancelled; /* what the other end heard */
        uint32_t flags;
        char action[64], name[64], pf[32], vf[16], operation[32], cancellation[32];
        unsigned answers; /* what authz said */
        uint32_t answer_uid;
        struct fault answer;
};

static int on_uid(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct fixture *x = userdata;

        x->uids_asked++;
        if (!x->uid_known)
                return sd_bus_error_set(error, "org.freedesktop.DBus.Error.NameHasNoOwner", "gone");
        return sd_bus_reply_method_return(m, "u", x->uid);
}

static void read_details(sd_bus_message *m, struct fixture *x)
{
        const char *key, *value;

        assert_true(sd_bus_message_enter_container(m, 'a', "{ss}") > 0);
        while (sd_bus_message_read(m, "{ss}", &key, &value) > 0) {
                if (streq(key, "pf"))
                        snprintf(x->pf, sizeof(x->pf), "%s", value);
                if (streq(key, "vf"))
                        snprintf(x->vf, sizeof(x->vf), "%s", value);
                if (streq(key, "operation"))
                        snprintf(x->operation, sizeof(x->operation), "%s", value);
        }
        assert_true(sd_bus_message_exit_container(m) >= 0);
}

static int on_check(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct fixture *x = userdata;
        const char *kind, *key, *name, *action, *id;

        x->asked++;
        assert_true(sd_bus_message_read(m, "(sa{sv})s", &kind, 1, &key, "s", &name, &action) > 0);
        assert_string_equal(kind, "system-bus-name");
        assert_string_equal(key, "name");
        snprintf(x->name, sizeof(x->name), "%s", name);
        snprintf(x->action, sizeof(x->action), "%s", action);
        read_details(m, x);
        assert_true(sd_bus_message_read(m, "us", &x->flags, &id) > 0);
        snprintf(x->cancellation, sizeof(x->cancellation), "%s", id);
        switch (x->verdict) {
        case YES:
        case NO:
        case CHALLENGE:
                return sd_bus_reply_method_return(
                        m, "(bba{ss})", x->verdict == YES, x->verdict == CHALLENGE, 0);
        case MALFORMED:
                return sd_bus_reply_method_return(m, "b", 1);
        case ERROR:
                return sd_bus_error_set(error, "org.freedesktop.PolicyKit1.Error.Failed", "no");
        case SILENCE:
                break;
        }
        return 1;
}

static int on_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct fixture *x = userdata;
        const char *id;

        (void) error;
        assert_true(sd_bus_message_read(m, "s", &id) > 0);
        assert_string_equal(id, x->cancellation);
        x->cancelled++;
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable driver[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("GetConnectionUnixUser", "s", "u", on_uid, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* Not a vtable: sd-bus would not let the malformed answer out. */
static int on_polkit(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        if (sd_bus_message_is_method_call(m, NULL, "CheckAuthorization") > 0)
                return on_check(m, userdata, error);
        assert_true(sd_bus_message_is_method_call(m, NULL, "CancelCheckAuthorization") > 0);
        return on_cancel(m, userdata, error);
}

static int set_up(void **state)
{
        struct fixture *x = calloc(1, sizeof(*x));
        sd_id128_t id = {.qwords = {1, 2}};
        int fds[2];

        x->uid_known = true;
        x->uid = SOMEBODY;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_true(sd_event_new(&x->event) >= 0);
        assert_true(sd_bus_new(&x->there) >= 0);
        assert_true(sd_bus_set_fd(x->there, fds[0], fds[0]) >= 0);
        assert_true(sd_bus_set_server(x->there, true, id) >= 0);
        assert_true(sd_bus_start(x->there) >= 0);
        assert_true(sd_bus_attach_event(x->there, x->event, 0) >= 0);
        assert_true(sd_bus_add_object_vtable(x->there, NULL, "/org/freedesktop/DBus",
                            "org.freedesktop.DBus", driver, x) >= 0);
        assert_true(sd_bus_add_object(x->there, NULL, "/org/freedesktop/PolicyKit1/Authority",
                            on_polkit, x) >= 0);
        assert_true(sd_bus_new(&x->here) >= 0);
        assert_true(sd_bus_set_fd(x->here, fds[1], fds[1]) >= 0);
        assert_true(sd_bus_start(x->here) >= 0);
        assert_true(sd_bus_attach_event(x->here, x->event, 0) >= 0);
        assert_int_equal(authz_new(x->here, &x->authz), 0);
        *state = x;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *x = *state;

        authz_free(x->authz);
        sd_bus_close_unref(x->here);
        sd_bus_close_unref(x->there);
        sd_event_unref(x->event);
        free(x);
        return 0;
}

static void on_answer(void *userdata, uint32_t uid, const struct fault *f)
{
        struct fixture *x = userdata;

        x->answers++;
        x->answer_uid = uid;
        x->answer = *f;
}

static struct authz_check *ask_as(
        struct fixture *x, const struct authz_question *question, bool interactive)
{
        struct authz_check *check = NULL;
        struct fault f = FAULT_NULL;
        sd_bus_message *m;

        assert_true(sd_bus_message_new_method_call(x->here, &m, "a.b", "/", "a.b", "C") >= 0);
        assert_true(sd_bus_message_set_sender(m, ":1.42") >= 0);
        assert_true(sd_bus_message_set_allow_interactive_authorization(m, interactive) >= 0);
        assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        assert_int_equal(authz_begin(x->authz, m, question, on_answer, x, &check, &f), 0);
        sd_bus_message_unref(m);
        return check;
}

static struct authz_check *ask(struct fixture *x, enum risk risk, uint32_t vf, bool interactive)
{
        const struct authz_question question = {
                .risk = risk, .pf = "0000:3b:00.0", .vf = vf, .operation = "set_attributes"};

        return ask_as(x, &question, interactive);
}

/* Until both ends are quiet. */
static void settle(struct fixture *x)
{
        while (sd_event_run(x->event, 20000) > 0)
                ;
}

static enum fault_code verdict_of(struct fixture *x, enum verdict verdict, bool interactive)
{
        x->verdict = verdict;
        x->answers = 0;
        ask(x, RISK_CONFIGURE, 3, interactive);
        assert_int_equal(x->answers, 0); /* never from inside */
        settle(x);
        assert_int_equal(x->answers, 1);
        return x->answer.code;
}

static void test_verdicts(void **state)
{
        struct fixture *x = *state;

        assert_int_equal(verdict_of(x, YES, false), FAULT_NONE);
        assert_int_equal(x->answer_uid, SOMEBODY);
        assert_int_equal(verdict_of(x, NO, false), FAULT_NOT_AUTHORIZED);
        assert_int_equal(verdict_of(x, CHALLENGE, false), FAULT_AUTH_REQUIRED);
        assert_int_equal(verdict_of(x, CHALLENGE, true), FAULT_NOT_AUTHORIZED);
        assert_int_equal(verdict_of(x, MALFORMED, false), FAULT_NOT_AUTHORIZED);
        assert_int_equal(verdict_of(x, ERROR, false), FAULT_NOT_AUTHORIZED);
        assert_int_equal(x->asked, 6);
}

static void test_question(void **state)
{
        static const char *const actions[RISK_MAX] = {"org.sriovd1.lease", "org.sriovd1.configure",
                "org.sriovd1.bind-driver", "org.sriovd1.relax-isolation",
                "org.sriovd1.disrupt-in-use"};
        struct fixture *x = *state;

        for (unsigned risk = 0; risk < RISK_MAX; risk++) {
                ask(x, risk, 3, false);
                settle(x);
                assert_string_equal(x->action, actions[risk]);
        }
        assert_string_equal(x->name, ":1.42");
        assert_string_equal(x->pf, "0000:3b:00.0");
        assert_string_equal(x->vf, "3");
        assert_string_equal(x->operation, "set_attributes");
        assert_int_equal(x->flags, 0);
        assert_string_equal(x->cancellation, "");
        x->vf[0] = '\0';
        ask(x, RISK_CONFIGURE, NO_VF, true);
        settle(x);
        assert_string_equal(x->vf, "");
        assert_int_equal(x->flags, 1);
        assert_string_not_equal(x->cancellation, "");
}

static void test_who_is_not_asked_about(void **state)
{
        struct fixture *x = *state;

        x->uid = 0;
        assert_int_equal(verdict_of(x, NO, false), FAULT_NONE);
        x->uid = geteuid();
        assert_int_equal(verdict_of(x, NO, false), FAULT_NONE);
        assert_int_equal(x->asked, 0);
        x->uid = UINT32_MAX;
        assert_int_equal(verdict_of(x, YES, false), FAULT_NOT_AUTHORIZED);
        x->uid_known = false; /* the sender has left */
        assert_int_equal(verdict_of(x, YES, false), FAULT_NOT_AUTHORIZED);
        assert_int_equal(x->asked, 0);
        assert_int_equal(x->uids_asked, 4);
}

/* What is his he may give back; what does nothing everybody may. */
static void test_owner(void **state)
{
        struct authz_question question = {
                .risk = RISK_DISRUPT, .pf = "", .vf = NO_VF, .operation = "ReleaseVf"};
        struct fixture *x = *state;

        x->verdict = NO;
        question.owner = SOMEBODY;
        ask_as(x, &question, false);
        settle(x);
        assert_int_equal(x->answer.code, FAULT_NONE);
        assert_int_equal(x->answer_uid, SOMEBODY);
        assert_int_equal(x->asked, 0);
        question.owner = SOMEBODY + 1;
        ask_as(x, &question, false);
        settle(x);
        assert_int_equal(x->answer.code, FAULT_NOT_AUTHORIZED);
        assert_string_equal(x->action, "org.sriovd1.disrupt-in-use");
        question.anybody = true;
        ask_as(x, &question, false);
        settle(x);
        assert_int_equal(x->answer.code, FAULT_NONE);
        assert_int_equal(x->asked, 1);
        x->uid = UINT32_MAX; /* nobody is not anybody */
        ask_as(x, &question, false);
        settle(x);
        assert_int_equal(x->answer.code, FAULT_NOT_AUTHORIZED);
}

static void test_limits(void **state)
{
        struct authz_check *checks[AUTHZ_PER_UID_MAX];
        struct fixture *x = *state;

        x->verdict = SILENCE;
        for (unsigned i = 0; i < AUTHZ_PER_UID_MAX; i++) {
                checks[i] = ask(x, RISK_CONFIGURE, 3, false);
                settle(x);
        }
        assert_int_equal(x->answers, 0);
        assert_int_equal(verdict_of(x, SILENCE, false), FAULT_LIMITS);
        assert_int_equal(x->asked, AUTHZ_PER_UID_MAX);
        /* Others are not kept out by that, until there are too many of them. */
        for (unsigned i = AUTHZ_PER_UID_MAX; i < AUTHZ_MAX; i++) {
                x->uid = SOMEBODY + i;
                ask(x, RISK_CONFIGURE, 3, false);
                while (x->asked <= i)
                        assert_true(sd_event_run(x->event, UINT64_MAX) >= 0);
        }
        x->uid = 1;
        assert_int_equal(verdict_of(x, SILENCE, false), FAULT_LIMITS);
        x->uid = 0; /* needs no polkit */
        assert_int_equal(verdict_of(x, SILENCE, false), FAULT_NONE);
        authz_cancel(checks[0]);
        x->uid = SOMEBODY;
        assert_int_equal(verdict_of(x, YES, false), FAULT_NONE);
}

static void test_cancel(void **state)
{
        struct fixture *x = *state;

        x->verdict = SILENCE;
        authz_cancel(ask(x, RISK_CONFIGURE, 3, true)); /* before the uid is known */
        settle(x);
        assert_int_equal(x->asked, 0);
        for (int interactive = 0; interactive < 2; interactive++) {
                struct authz_check *check = ask(x, RISK_CONFIGURE, 3, interactive);

                settle(x);
                authz_cancel(check);
                settle(x);
                assert_int_equal(x->asked, 1 + interactive);
                assert_int_equal(x->cancelled, interactive); /* a dialogue is taken away */
        }
        assert_int_equal(x->answers, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_verdicts, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_question, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_who_is_not_asked_about, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_owner, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
