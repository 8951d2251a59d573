/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about frames. The program's only thread. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include "base/parse.h"
#include "sim/cli_private.h"
#include "sim/frametext.h"
#include "sim/traceline.h"
#include "sim/wiring.h"

#define POLL_USEC 50000u

/* ---- arguments ---------------------------------------------------------------------------------
 */

struct place {
        char pf[64];
        char where[16]; /* wire, pf, drops or a VF's index */
};

/* PF, PF/INDEX, PF/wire, and with drops PF/drops. */
static int parse_place(const struct cli *c, bool drops, struct place *ret)
{
        const char *text = c->argv[0], *slash = strrchr(text, '/');
        const char *where = "pf";
        size_t n = strlen(text);
        uint32_t vf;

        if (slash && (streq(slash + 1, "wire") || (drops && streq(slash + 1, "drops")) ||
                             parse_u32(slash + 1, 0, VFS_MAX, &vf) == 0)) {
                where = slash + 1;
                n = (size_t) (slash - text);
        }
        if (n == 0 || n >= sizeof(ret->pf) || str_copy(ret->where, sizeof(ret->where), where) < 0)
                return cli_misused(c, "'%s' is no place; expected PF, PF/INDEX, PF/wire%s", text,
                        drops ? " or PF/drops" : "");
        memcpy(ret->pf, text, n);
        ret->pf[n] = '\0';
        return EXIT_SUCCESS;
}

static int parse_count(const struct cli *c, uint32_t otherwise, uint32_t *ret)
{
        *ret = otherwise;
        if (c->options->count && parse_u32(c->options->count, 1, 1000000, ret) < 0)
                return cli_misused(
                        c, "--count=%s refused; expected 1 to 1000000", c->options->count);
        return EXIT_SUCCESS;
}

static void hex_of(const struct frame_text *frame, char ret[static 2 * FRAME_MAX + 1])
{
        for (uint32_t i = 0; i < frame->length; i++)
                snprintf(ret + 2 * i, 3, "%02x", frame->bytes[i]);
}

/* A frame of a file is read here, where the file is: its bytes go out as hexadecimal. */
static int append_words(struct cli *c, sd_bus_message *msg)
{
        _cleanup_(freep) struct frame_text *frame = NULL;
        _cleanup_(freep) char *hex = NULL;
        struct mac nobody = {0};
        struct fault f;
        int r;

        if (c->argc == 2 && c->argv[1][0] == '@') {
                frame = malloc(sizeof(*frame));
                hex = malloc(2 * FRAME_MAX + 1);
                if (!frame || !hex)
                        return cli_failed(c, "out of memory");
                if (frame_from_words(c->argv + 1, 1, &nobody, frame, &f) < 0)
                        return cli_failed(c, f.text);
                hex_of(frame, hex);
                r = sd_bus_message_append(msg, "as", 1, hex);
        } else {
                r = sd_bus_message_open_container(msg, 'a', "s");
                for (int i = 1; r >= 0 && i < c->argc; i++)
                        r = sd_bus_message_append(msg, "s", c->argv[i]);
                if (r >= 0)
                        r = sd_bus_message_close_container(msg);
        }
        return r < 0 ? cli_failed(c, strerror(-r)) : EXIT_SUCCESS;
}

/* ---- send and trace ----------------------------------------------------------------------------
 */

int cli_send(struct cli *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *msg = NULL, *reply = NULL;
        struct place place;
        uint32_t count;
        uint64_t sent;
        int r;

        r = parse_place(c, false, &place);
        if (!r)
                r = parse_count(c, 1, &count);
        if (!r)
                r = cli_begin(c, "Send", &msg);
        if (r)
                return r;
        if (sd_bus_message_append(msg, "ss", place.pf, place.where) < 0)
                return cli_failed(c, "a name that is no text");
        r = append_words(c, msg);
        if (!r && sd_bus_message_append(msg, "u", count) < 0)
                return cli_failed(c, "out of memory");
        if (!r)
                r = cli_finish(c, msg, &reply);
        if (r)
                return r;
        if (sd_bus_message_read(reply, "t", &sent) < 0)
                return cli_failed(c, "an answer that makes no sense");
        if (sent == count)
                return EXIT_SUCCESS;
        fprintf(stderr, "sriov-sim send: %llu of %u frames found room: the sender is held back\n",
                (unsigned long long) sent, count);
        return EXIT_FAILURE;
}

static int write_svg(struct cli *c, const char *svg)
{
        FILE *file;
        bool bad;

        if (!c->options->svg)
                return EXIT_SUCCESS;
        file = fopen(c->options->svg, "we");
        if (!file)
                return cli_failed(c, "the picture's file can not be made");
        bad = fputs(svg, file) < 0;
        if (fclose(file) != 0 || bad)
                return cli_failed(c, "the picture's file can not be written");
        return EXIT_SUCCESS;
}

/* The function of a machine that nobody runs, by address or netdev. */
static struct sim_pf *pf_named(struct machine *m, const char *text)
{
        for (size_t i = 0; i < m->n_pfs; i++)
                if (streq(m->pfs[i].netdev, text) || streq(dev_id_address(&m->pfs[i].id), text))
                        return &m->pfs[i];
        return NULL;
}

static int trace_in(struct cli *c, struct machine *m, const struct place *place)
{
        _cleanup_(machine_unlockp) struct machine *locked = machine_lock(m);
        _cleanup_(trace_lines_done) struct trace_lines lines = {0};
        _cleanup_(freep) char *text = NULL, *svg = NULL;
        struct mac src = {{0x02, 0, 0, 0xff, 0xff, 0xff}};
        struct sim_pf *pf = pf_named(locked, place->pf);
        uint32_t where = FROM_WIRE, vf = NO_VF;
        struct frame_text frame;
        uint64_t number;
        struct fault f;
        int r;

        if (!pf || !pf->nic)
                return cli_failed(c, "no such network card in the topology");
        if (!streq(place->where, "wire")) {
                if (!streq(place->where, "pf"))
                        parse_u32(place->where, 0, VFS_MAX, &vf);
                if (vf != NO_VF && (vf >= pf->hw_total_vfs || !pf->vfs[vf].exists))
                        return cli_failed(c, "no such VF; expected one of num_vfs");
                if (wiring_open_netdev(m, pf, vf, &f) < 0)
                        return cli_failed(c, f.text);
                where = vf == NO_VF ? POOL_PF : pool_of_vf(vf);
                number = vfdrv_mac(traffic_guest_driver(traffic_guest(pf->nic, where)));
                memcpy(src.b, &number, sizeof(src.b));
        }
        if (frame_from_words(c->argv + 1, (size_t) c->argc - 1, &src, &frame, &f) < 0)
                return cli_failed(c, f.text);
        r = trace_lines_of(pf->nic, where, frame.bytes, frame.length, &lines);
        if (r >= 0)
                r = trace_lines_text(&lines, &text);
        if (r >= 0)
                r = trace_lines_svg(&lines, &svg);
        if (r < 0)
                return cli_failed(c, strerror(-r));
        fputs(text, stdout);
        return write_svg(c, svg);
}

int cli_trace(struct cli *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *msg = NULL, *reply = NULL;
        _cleanup_(machine_freep) struct machine *machine = NULL;
        const char *text, *svg;
        struct place place;
        int r;

        r = parse_place(c, false, &place);
        if (!r && c->options->topology) {
                r = cli_machine(c, c->options->topology, &machine);
                return r ? r : trace_in(c, machine, &place);
        }
        if (!r)
                r = cli_begin(c, "Trace", &msg);
        if (r)
                return r;
        if (sd_bus_message_append(msg, "ss", place.pf, place.where) < 0)
                return cli_failed(c, "a name that is no text");
        r = append_words(c, msg);
        if (!r)
                r = cli_finish(c, msg, &reply);
        if (r)
                return r;
        if (sd_bus_message_read(reply, "ss", &text, &svg) < 0)
                return cli_failed(c, "an answer that makes no sense");
        fputs(text, stdout);
        return write_svg(c, svg);
}

/* ---- capture -----------------------------------------------------------------------------------
 */

static void wait_a_little(const sigset_t *set, bool *ret_stop)
{
        struct timespec ts = {.tv_nsec = POLL_USEC * 1000L};

        *ret_stop = sigtimedwait(set, NULL, &ts) > 0;
}

/* Until it has its frames, or somebody ends us; an own signal mask so that the file is whole. */
static int follow_capture(struct cli *c, uint32_t id)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *end = NULL;
        uint64_t frames = 0;
        int going = 1, r = EXIT_SUCCESS;
        bool stop = false;
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, NULL);
        while (!r && going && !stop) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

                wait_a_little(&set, &stop);
                r = cli_call(c, "Capturing", &reply, "u", id);
                if (!r && sd_bus_message_read(reply, "b", &going) < 0)
                        return cli_failed(c, "an answer that makes no sense");
        }
        if (!r)
                r = cli_call(c, "EndCapture", &end, "u", id);
        if (!r && sd_bus_message_read(end, "t", &frames) >= 0)
                fprintf(stderr, "%llu frames\n", (unsigned long long) frames);
        return r;
}

int cli_capture(struct cli *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(closep) int owned = -1;
        int fd = STDOUT_FILENO, r;
        struct place place;
        uint32_t count, id;

        r = parse_place(c, true, &place);
        if (!r)
                r = parse_count(c, 0, &count);
        if (r)
                return r;
        if (c->options->file) {
                owned = fd = open(c->options->file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
                if (fd < 0)
                        return cli_failed(c, strerror(errno));
        } else if (isatty(fd)) {
                return cli_misused(c, "a capture is not for a terminal; expected --file=FILE or a "
                                      "pipe, such as | tcpdump -r -");
        }
        r = cli_call(c, "Capture", &reply, "ssht", place.pf, place.where, fd, (uint64_t) count);
        if (r)
                return r;
        if (sd_bus_message_read(reply, "u", &id) < 0)
                return cli_failed(c, "an answer that makes no sense");
        return follow_capture(c, id);
}

/* ---- stats and ask -----------------------------------------------------------------------------
 */

int cli_stats(struct cli *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *json, *text;
        int r;

        r = cli_call(c, "Stats", &reply, "s", c->argv[0]);
        if (r)
                return r;
        if (sd_bus_message_read(reply, "ss", &json, &text) < 0)
                return cli_failed(c, "an answer that makes no sense");
        fputs(c->options->json ? json : text, stdout);
        return EXIT_SUCCESS;
}

int cli_ask(struct cli *c)
{
        struct target t;
        int r = cli_target_any(c, &t);

        for (int i = 1; !r && i < c->argc; i++) {
                const char *equals = strchr(c->argv[i], '=');
                char key[32];

                if (!equals || (size_t) (equals - c->argv[i]) >= sizeof(key))
                        return cli_misused(c, "'%s' refused; expected KEY=VALUE", c->argv[i]);
                snprintf(key, sizeof(key), "%.*s", (int) (equals - c->argv[i]), c->argv[i]);
                r = cli_call(c, "Ask", NULL, "suss", t.pf, t.vf, key, equals + 1);
        }
        return r;
}
