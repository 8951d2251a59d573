/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods about frames: sending, following, capturing, counting. Loop thread. */
#include <fcntl.h>
#include <stdio.h>

#include "sim/control_private.h"
#include "sim/frametext.h"
#include "sim/picture.h"
#include "sim/statsjson.h"
#include "sim/traceline.h"
#include "sim/wiring.h"

#define WORDS_MAX  32u
#define EVENTS_MAX 4096u
#define COUNT_MAX  1000000u

/* ---- where -------------------------------------------------------------------------------------
 */

/* A place: "wire", "pf", "drops" or a VF's index. */
static int parse_where(const char *text, uint32_t *ret)
{
        uint32_t vf;

        if (streq(text, "wire"))
                *ret = FROM_WIRE;
        else if (streq(text, "drops"))
                *ret = TRAFFIC_DROPS;
        else if (streq(text, "pf"))
                *ret = POOL_PF;
        else if (parse_u32(text, 0, VFS_MAX, &vf) == 0)
                *ret = pool_of_vf(vf);
        else
                return -EINVAL;
        return 0;
}

/* The PF with its NIC, and the place. open: somebody has to have that function open. */
static int find_place(struct machine *m, const char *name, const char *where, bool open,
        struct sim_pf **ret_pf, uint32_t *ret_where, sd_bus_error *error)
{
        uint32_t place, vf;
        struct fault f;
        int r;

        if (parse_where(where, &place) < 0 || (open && place == TRAFFIC_DROPS)) {
                fault_set(&f, FAULT_INVALID_ARGS, 0,
                        "'%s' refused: expected wire, pf%s or the index of a VF", where,
                        open ? "" : ", drops");
                return control_fault(error, &f);
        }
        if (place == FROM_WIRE || place == TRAFFIC_DROPS || place == POOL_PF) {
                vf = NO_VF;
                r = control_pf(m, name, ret_pf, error);
        } else {
                vf = place - 1;
                r = control_vf(m, name, vf, false, ret_pf, error);
        }
        if (r < 0)
                return r;
        *ret_where = place;
        if (!(*ret_pf)->nic) {
                fault_set(&f, FAULT_NOT_SUPPORTED, 0, "PF '%s' moves no frames: %s", name,
                        (*ret_pf)->profile->netdev ? "its driver is not bound"
                                                   : "it is no network card");
                return control_fault(error, &f);
        }
        if (open && place != FROM_WIRE && wiring_open_netdev(m, *ret_pf, vf, &f) < 0)
                return control_fault(error, &f);
        return 0;
}

/* ---- frames ------------------------------------------------------------------------------------
 */

static int read_words(sd_bus_message *msg, char *words[static WORDS_MAX], size_t *ret_n)
{
        const char *word;
        size_t n = 0;
        int r;

        r = sd_bus_message_enter_container(msg, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(msg, "s", &word)) > 0) {
                if (n == WORDS_MAX)
                        return -E2BIG;
                words[n++] = (char *) word;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(msg);
        *ret_n = n;
        return r;
}

static void source_of(struct sim_pf *pf, uint32_t where, struct mac *ret)
{
        struct traffic_guest *g = where == FROM_WIRE ? NULL : traffic_guest(pf->nic, where);
        uint64_t number;

        *ret = (struct mac){{0x02, 0x00, 0x00, 0xff, 0xff, 0xff}}; /* somebody on the wire */
        if (!g)
                return;
        number = vfdrv_mac(traffic_guest_driver(g));
        memcpy(ret->b, &number, sizeof(ret->b));
}

static int refuse_send(sd_bus_error *error, int r)
{
        struct fault f;

        fault_set(&f, r == -ENOBUFS ? FAULT_BUSY : FAULT_IO, -r,
                r == -ENOBUFS ? "the sender's ring is full and does not move: it is held back"
                              : "the frame can not be sent: %s",
                strerror(-r));
        return control_fault(error, &f);
}

/* What is to be sent, and by whom. */
struct letter {
        const char *name, *where;
        char *words[WORDS_MAX];
        size_t n_words;
        struct sim_pf *pf;
        uint32_t place;
        struct frame_text frame;
};

/* The arguments that Send and Trace have in common. */
static int read_letter(sd_bus_message *msg, struct letter *ret)
{
        int r = sd_bus_message_read(msg, "ss", &ret->name, &ret->where);

        return r < 0 ? r : read_words(msg, ret->words, &ret->n_words);
}

static int look_up_letter(struct machine *m, struct letter *l, sd_bus_error *error)
{
        struct mac src;
        struct fault f;
        int r;

        r = find_place(m, l->name, l->where, true, &l->pf, &l->place, error);
        if (r < 0)
                return r;
        source_of(l->pf, l->place, &src);
        r = frame_from_words(l->words, l->n_words, &src, &l->frame, &f);
        return r < 0 ? control_fault(error, &f) : 0;
}

int control_send(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        struct letter l;
        struct fault f;
        uint32_t count;
        int64_t sent;
        int r;

        r = read_letter(msg, &l);
        if (r >= 0)
                r = sd_bus_message_read(msg, "u", &count);
        if (r < 0)
                return r;
        if (count == 0 || count > COUNT_MAX) {
                fault_set(&f, FAULT_INVALID_ARGS, 0, "count %u refused: expected 1 to %u", count,
                        COUNT_MAX);
                return control_fault(error, &f);
        }
        m = machine_lock(userdata);
        r = look_up_letter(m, &l, error);
        if (r < 0)
                return r;
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);

        sent = traffic_send(l.pf->nic, l.place, l.frame.bytes, l.frame.length, count);
        if (sent < 0)
                return refuse_send(error, (int) sent);
        return sd_bus_reply_method_return(msg, "t", (uint64_t) sent);
}

int control_trace(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        _cleanup_(trace_lines_done) struct trace_lines lines = {0};
        _cleanup_(freep) char *text = NULL, *svg = NULL;
        struct letter l;
        int r;

        r = read_letter(msg, &l);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        r = look_up_letter(m, &l, error);
        if (r < 0)
                return r;
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);

        r = trace_lines_of(l.pf->nic, l.place, l.frame.bytes, l.frame.length, &lines);
        if (r < 0)
                return refuse_send(error, r);
        r = trace_lines_text(&lines, &text);
        if (r >= 0)
                r = trace_lines_svg(&lines, &svg);
        return r < 0 ? r : sd_bus_reply_method_return(msg, "ss", text, svg);
}

/* ---- captures ----------------------------------------------------------------------------------
 */

int control_capture(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const char *name, *where;
        struct sim_pf *pf;
        uint32_t place, id;
        uint64_t count;
        struct fault f;
        int fd, r;

        r = sd_bus_message_read(msg, "ssht", &name, &where, &fd, &count);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        r = find_place(m, name, where, false, &pf, &place, error);
        if (r < 0)
                return r;
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);

        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        r = fd < 0 ? -errno : traffic_capture(pf->nic, place, fd, count, &id);
        if (r < 0) {
                fault_set(&f, FAULT_IO, -r, "the file for the capture can not be written: %s",
                        strerror(-r));
                return control_fault(error, &f);
        }
        return sd_bus_reply_method_return(msg, "u", id);
}

int control_end_capture(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        uint64_t frames;
        struct fault f;
        uint32_t id;
        int r;

        r = sd_bus_message_read(msg, "u", &id);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);

        if (traffic_end_capture(held, id, &frames) < 0) {
                fault_set(&f, FAULT_NOT_FOUND, 0, "no capture %u: it is over", id);
                return control_fault(error, &f);
        }
        return sd_bus_reply_method_return(msg, "t", frames);
}

int control_capturing(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        uint32_t id;
        int r;

        (void) error;
        r = sd_bus_message_read(msg, "u", &id);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);

        return sd_bus_reply_method_return(msg, "b", traffic_capturing(held, id));
}

/* ---- counters ----------------------------------------------------------------------------------
 */

int control_stats(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(userdata);
        _cleanup_(freep) char *json = NULL, *text = NULL;
        struct sim_pf *pf;
        struct fault f;
        int r;

        r = control_read_pf(msg, m, &pf, error);
        if (r < 0)
                return r;
        if (!pf->nic) {
                fault_set(&f, FAULT_NOT_SUPPORTED, 0, "PF '%s' moves no frames", pf->id.str);
                return control_fault(error, &f);
        }
        r = stats_json(m, pf, &json);
        if (r >= 0)
                r = stats_text(m, pf, &text);
        return r < 0 ? r : sd_bus_reply_method_return(msg, "ss", json, text);
}

/* ---- what a guest asks of the PF ---------------------------------------------------------------
 */

static int ask_mac(struct vfdrv *d, const char *value)
{
        struct mac mac;

        return parse_mac(value, &mac) < 0 ? -EINVAL : vfdrv_set_mac(d, mac_number(mac.b));
}

static int ask_macvlan(struct vfdrv *d, const char *value)
{
        struct mac mac;

        if (streq(value, "none"))
                return vfdrv_add_macvlan(d, 0);
        return parse_mac(value, &mac) < 0 ? -EINVAL : vfdrv_add_macvlan(d, mac_number(mac.b));
}

/* Addresses with commas between them; "none". */
static int parse_groups(
        const char *value, uint64_t groups[static MBX_MULTICAST_MAX], uint32_t *ret_n)
{
        uint32_t n = 0;

        for (const char *at = streq(value, "none") ? NULL : value; at; n++) {
                size_t length = strcspn(at, ",");
                char text[MAC_STR_MAX];
                struct mac mac;

                if (n == MBX_MULTICAST_MAX || length >= sizeof(text))
                        return -EINVAL;
                memcpy(text, at, length);
                text[length] = '\0';
                if (parse_mac(text, &mac) < 0 || !mac_is_multicast(&mac))
                        return -EINVAL;
                groups[n] = mac_number(mac.b);
                at = at[length] == ',' ? at + length + 1 : NULL;
        }
        *ret_n = n;
        return 0;
}

static int ask_multicast(struct vfdrv *d, const char *value)
{
        uint64_t groups[MBX_MULTICAST_MAX];
        uint32_t n;

        return parse_groups(value, groups, &n) < 0 ? -EINVAL : vfdrv_set_multicast(d, groups, n);
}

static int ask_vlan(struct vfdrv *d, const char *value)
{
        uint32_t vid;

        if ((value[0] != '+' && value[0] != '-') || parse_u32(value + 1, 0, 4095, &vid) < 0)
                return -EINVAL;
        return vfdrv_set_vlan(d, (uint16_t) vid, value[0] == '+');
}

static int ask_mode(struct vfdrv *d, const char *value)
{
        static const char *const modes[] = {
                [XCAST_NONE] = "none",
                [XCAST_MULTI] = "multicast",
                [XCAST_ALLMULTI] = "allmulticast",
                [XCAST_PROMISC] = "promiscuous",
        };

        for (unsigned i = 0; i < ELEMENTSOF(modes); i++)
                if (streq(modes[i], value))
                        return vfdrv_set_xcast(d, i);
        return -EINVAL;
}

static int ask_mtu(struct vfdrv *d, const char *value)
{
        uint32_t mtu;

        return parse_u32(value, 68, 9710, &mtu) < 0 ? -EINVAL : vfdrv_set_mtu(d, mtu);
}

static const struct {
        const char *key;
        int (*ask)(struct vfdrv *d, const char *value);
        const char *expected;
} requests[] = {
        {"mac", ask_mac, "mac=ADDRESS"},
        {"macvlan", ask_macvlan, "macvlan=ADDRESS or macvlan=none"},
        {"multicast", ask_multicast, "multicast=ADDRESS,ADDRESS... (up to 30) or multicast=none"},
        {"vlan", ask_vlan, "vlan=+VID or vlan=-VID"},
        {"mode", ask_mode, "mode=none, multicast, allmulticast or promiscuous"},
        {"mtu", ask_mtu, "mtu=68 to 9710"},
};

static int refuse_ask(sd_bus_error *error, const char *key, const char *value, int r)
{
        const char *expected = "mac=, macvlan=, multicast=, vlan=, mode= or mtu=";
        struct fault f;

        for (size_t i = 0; i < ELEMENTSOF(requests); i++)
                if (streq(requests[i].key, key))
                        expected = requests[i].expected;
        if (r == -EINVAL)
                fault_set(&f, FAULT_INVALID_ARGS, 0, "%s=%s refused: expected %s", key, value,
                        expected);
        else
                fault_set(&f,
                        r == -EPERM       ? FAULT_NOT_SUPPORTED
                        : r == -ETIMEDOUT ? FAULT_TIMEOUT
                                          : FAULT_NOT_SUPPORTED,
                        -r, "%s=%s: %s", key, value,
                        r == -EPERM       ? "the PF's driver refused it (NACK); trust, an "
                                            "administrator's MAC and a port VLAN decide that"
                        : r == -ETIMEDOUT ? "the PF does not answer its mailbox"
                                          : strerror(-r));
        return control_fault(error, &f);
}

/* The PF's own netdev needs no mailbox: promiscuous or not, and which groups. */
static int ask_pf(struct pfdrv *d, const char *key, const char *value)
{
        uint64_t groups[MBX_MULTICAST_MAX];
        bool promisc = streq(value, "promiscuous");
        uint32_t n;

        if (streq(key, "mode") && (promisc || streq(value, "multicast"))) {
                pfdrv_set_promisc(d, promisc);
                return 0;
        }
        if (!streq(key, "multicast") || parse_groups(value, groups, &n) < 0)
                return -EINVAL;
        pfdrv_set_multicast(d, groups, n);
        return 0;
}

static int refuse_ask_pf(sd_bus_error *error, const char *key, const char *value)
{
        struct fault f;

        fault_set(&f, FAULT_INVALID_ARGS, 0,
                "%s=%s refused: expected, of a PF, mode=promiscuous or mode=multicast, or "
                "multicast=ADDRESS,ADDRESS... (up to 30) or multicast=none",
                key, value);
        return control_fault(error, &f);
}

int control_ask(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const char *name, *key, *value;
        struct sim_pf *pf;
        struct fault f;
        uint32_t vf;
        int r;

        r = sd_bus_message_read(msg, "suss", &name, &vf, &key, &value);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        r = control_vf(m, name, vf, true, &pf, error);
        if (r < 0)
                return r;
        if (wiring_open_netdev(m, pf, vf, &f) < 0)
                return control_fault(error, &f);
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);
        _cleanup_(nic_releasep) _unused_ struct nic *nic = nic_hold(traffic_nic(pf->nic));

        if (vf == NO_VF)
                return ask_pf(traffic_pfdrv(pf->nic), key, value) < 0
                               ? refuse_ask_pf(error, key, value)
                               : sd_bus_reply_method_return(msg, NULL);
        r = -EINVAL;
        for (size_t i = 0; i < ELEMENTSOF(requests); i++)
                if (streq(requests[i].key, key))
                        r = requests[i].ask(
                                traffic_guest_driver(traffic_guest(pf->nic, pool_of_vf(vf))),
                                value);
        return r < 0 ? refuse_ask(error, key, value, r) : sd_bus_reply_method_return(msg, NULL);
}
