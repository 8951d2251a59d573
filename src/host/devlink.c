/* SPDX-License-Identifier: GPL-2.0-or-later */
/* devlink's eswitch mode, on a socket per call. Worker threads. */
#include <linux/devlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "host/devlink.h"
#include "host/errtext.h"

#define REPLY_SECONDS 5

DEFINE_CLEANUP(struct nl_sock *, nl_socket_free)
DEFINE_CLEANUP(struct nl_msg *, nlmsg_free)

static const char *const mode_words[] = {
        [DEVLINK_ESWITCH_MODE_LEGACY] = "legacy",
        [DEVLINK_ESWITCH_MODE_SWITCHDEV] = "switchdev",
};

/* An acknowledged request about one device, attributes still to be added. */
static int new_request(
        struct nl_sock *sock, uint8_t command, const char *address, struct nl_msg **ret)
{
        const struct timeval timeout = {.tv_sec = REPLY_SECONDS};
        _cleanup_(nlmsg_freep) struct nl_msg *msg = NULL;
        int family;

        if (genl_connect(sock) < 0)
                return -EIO;
        setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        family = genl_ctrl_resolve(sock, DEVLINK_GENL_NAME);
        if (family < 0)
                return -EOPNOTSUPP;
        msg = nlmsg_alloc();
        if (!msg ||
                !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_REQUEST | NLM_F_ACK,
                        command, DEVLINK_GENL_VERSION) ||
                nla_put_string(msg, DEVLINK_ATTR_BUS_NAME, "pci") < 0 ||
                nla_put_string(msg, DEVLINK_ATTR_DEV_NAME, address) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(msg);
        return 0;
}

struct answer {
        int mode;
        int error; /* positive errno of the kernel's refusal */
};

static int on_valid(struct nl_msg *msg, void *userdata)
{
        static const struct nla_policy policy[DEVLINK_ATTR_ESWITCH_MODE + 1] = {
                [DEVLINK_ATTR_ESWITCH_MODE] = {.type = NLA_U16},
        };
        struct nlattr *attrs[DEVLINK_ATTR_ESWITCH_MODE + 1];
        struct answer *answer = userdata;

        if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, DEVLINK_ATTR_ESWITCH_MODE, policy) == 0 &&
                attrs[DEVLINK_ATTR_ESWITCH_MODE])
                answer->mode = nla_get_u16(attrs[DEVLINK_ATTR_ESWITCH_MODE]);
        return NL_OK;
}

static int on_error(_unused_ struct sockaddr_nl *who, struct nlmsgerr *e, void *userdata)
{
        struct answer *answer = userdata;

        answer->error = e->error < 0 ? -e->error : EIO;
        return NL_STOP;
}

static int exchange(struct nl_sock *sock, struct nl_msg *msg, struct answer *answer)
{
        int r;

        nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_valid, answer);
        nl_socket_modify_err_cb(sock, NL_CB_CUSTOM, on_error, answer);
        r = nl_send_auto(sock, msg);
        if (r >= 0)
                r = nl_wait_for_ack(sock);
        if (answer->error > 0)
                return -answer->error;
        if (r == -NLE_AGAIN)
                return -ETIMEDOUT;
        return r < 0 ? -EIO : 0;
}

void devlink_get_eswitch(const char *address, char mode[static WORD_MAX])
{
        _cleanup_(nl_socket_freep) struct nl_sock *sock = nl_socket_alloc();
        _cleanup_(nlmsg_freep) struct nl_msg *msg = NULL;
        struct answer answer = {.mode = -1};

        mode[0] = '\0';
        if (!sock || new_request(sock, DEVLINK_CMD_ESWITCH_GET, address, &msg) < 0 ||
                exchange(sock, msg, &answer) < 0)
                return;
        if (answer.mode >= 0 && (size_t) answer.mode < ELEMENTSOF(mode_words))
                snprintf(mode, WORD_MAX, "%s", mode_words[answer.mode]);
}

int devlink_set_eswitch(
        const struct advice_case *c, const char *address, const char *mode, struct fault *f)
{
        _cleanup_(nl_socket_freep) struct nl_sock *sock = nl_socket_alloc();
        _cleanup_(nlmsg_freep) struct nl_msg *msg = NULL;
        uint16_t value = streq(mode, "switchdev") ? DEVLINK_ESWITCH_MODE_SWITCHDEV
                                                  : DEVLINK_ESWITCH_MODE_LEGACY;
        struct answer answer = {.mode = -1};
        char now[WORD_MAX];
        int r;

        r = sock ? new_request(sock, DEVLINK_CMD_ESWITCH_SET, address, &msg) : -ENOMEM;
        if (r == 0 && nla_put_u16(msg, DEVLINK_ATTR_ESWITCH_MODE, value) < 0)
                r = -ENOMEM;
        if (r == 0)
                r = exchange(sock, msg, &answer);
        if (r < 0)
                return errtext_fault(f, c, -r, "eswitch mode %s of %s", mode, address);
        devlink_get_eswitch(address, now);
        if (!streq(now, mode))
                return fault_set(f, FAULT_NOT_APPLIED, 0,
                        "eswitch mode of %s: set %s and read '%s'", address, mode, now);
        return 0;
}
