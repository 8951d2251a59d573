/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capture files: what is written is read back, and says what pcapng wants it to say; what is cut
 * off or damaged anywhere is refused by name and place.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sim/port/port.h"
#include "unit.h"

#define NONE UINT32_MAX

struct file {
        int fd;
        char path[40];
        uint8_t *bytes;
        size_t n;
};

static struct file new_file(void)
{
        struct file f = {.fd = memfd_create("capture", MFD_CLOEXEC | MFD_ALLOW_SEALING)};

        assert_true(f.fd >= 0);
        snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", f.fd);
        return f;
}

static void file_done(struct file *f)
{
        close(f->fd);
        free(f->bytes);
}

static void set_bytes(const struct file *f, const uint8_t *bytes, size_t n)
{
        assert_int_equal(ftruncate(f->fd, 0), 0);
        assert_int_equal(pwrite(f->fd, bytes, n, 0), n);
}

static void get_bytes(struct file *f)
{
        struct stat st;

        assert_int_equal(fstat(f->fd, &st), 0);
        f->n = (size_t) st.st_size;
        free(f->bytes);
        f->bytes = malloc(f->n + 1);
        assert_int_equal(pread(f->fd, f->bytes, f->n, 0), f->n);
}

/* ---- frames that are known ---- */

static const struct {
        uint32_t interface, length;
        uint64_t time;
        bool outbound;
        const char *comment;
} known[] = {
        {0, 60, 1, false, NULL},
        {1, 61, 4294967295u, true, NULL},
        {2, 62, 4294967296u, true, "spoof_mac"},
        {0, 63, 1700000000123456789u, false, "abc"},
        {1, 14, 1700000000123456789u, true, ""},
        {0, 1518, 1700000000999999999u, false, "four"},
        {1, FRAME_MAX, 1700000001000000000u, true, NULL},
};

static void fill(uint8_t *bytes, size_t i)
{
        for (uint32_t k = 0; k < known[i].length; k++)
                bytes[k] = (uint8_t) (k * 7 + i * 31 + k / 256);
}

static void write_known(const struct file *file, size_t n)
{
        static const char *const names[] = {"wire", "vf3", "drops"};
        static uint8_t bytes[FRAME_MAX];
        struct capture *c;
        struct fault f;
        uint32_t id;

        assert_int_equal(capture_new(file->path, &c, &f), 0);
        for (uint32_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_int_equal(capture_interface(c, names[i], &id), 0);
                assert_int_equal(id, i);
        }
        for (size_t i = 0; i < n; i++) {
                fill(bytes, i);
                assert_int_equal(capture_frame(c, known[i].interface, known[i].time, bytes,
                                         known[i].length, known[i].outbound, known[i].comment),
                        0);
        }
        assert_int_equal(capture_flush(c), 0);
        capture_free(c);
}

static void expect_known(const struct port_frame *frame, size_t i)
{
        static uint8_t bytes[FRAME_MAX];

        fill(bytes, i);
        assert_int_equal(frame->length, known[i].length);
        assert_memory_equal(frame->bytes, bytes, frame->length);
}

static void round_trip(void **state)
{
        _cleanup_(file_done) struct file file = new_file();
        struct capture_reader *r;
        struct port_frame frame;
        struct fault f;
        uint64_t time;

        (void) state;
        write_known(&file, ELEMENTSOF(known));
        assert_int_equal(capture_open(file.path, &r, &f), 0);
        for (size_t i = 0; i < ELEMENTSOF(known); i++) {
                assert_int_equal(capture_next(r, &frame, &time, &f), 1);
                expect_known(&frame, i);
                assert_int_equal(time, known[i].time);
        }
        assert_int_equal(capture_next(r, &frame, &time, &f), 0);
        assert_int_equal(capture_next(r, &frame, &time, &f), 0);
        capture_reader_free(r);
}

/* ---- what is in the blocks ---- */

static uint32_t u32_at(const struct file *f, size_t at)
{
        uint32_t v;

        assert_true(at + 4 <= f->n);
        memcpy(&v, f->bytes + at, 4);
        return v;
}

/* The option's value and length; NULL: it is not there. */
static const uint8_t *option_at(
        const struct file *f, size_t at, size_t end, uint32_t code, uint32_t *ret_n)
{
        while (at < end) {
                uint32_t header = u32_at(f, at), n = header >> 16;

                if ((header & 0xffff) == 0) {
                        assert_int_equal(header, 0);
                        assert_int_equal(at + 4, end);
                        return NULL;
                }
                assert_true(at + 4 + n <= end);
                if ((header & 0xffff) == code) {
                        *ret_n = n;
                        return f->bytes + at + 4;
                }
                at += 4 + (n + 3) / 4 * 4;
        }
        assert_int_equal(at, end);
        return NULL;
}

static void expect_text(
        const struct file *f, size_t at, size_t end, uint32_t code, const char *text)
{
        uint32_t n;
        const uint8_t *value = option_at(f, at, end, code, &n);

        if (!text || !*text) {
                assert_null(value);
                return;
        }
        assert_non_null(value);
        assert_int_equal(n, strlen(text));
        assert_memory_equal(value, text, n);
}

static void blocks(void **state)
{
        static const char *const names[] = {"wire", "vf3", "drops"};
        _cleanup_(file_done) struct file f = new_file();
        uint32_t interfaces = 0, frames = 0, n;
        size_t at = 0, end;

        (void) state;
        write_known(&f, ELEMENTSOF(known));
        get_bytes(&f);
        for (; at < f.n; at = end + 4) {
                uint32_t type = u32_at(&f, at), length = u32_at(&f, at + 4);

                assert_int_equal(length % 4, 0);
                end = at + length - 4;
                assert_int_equal(u32_at(&f, end), length);
                if (at == 0) {
                        assert_int_equal(type, 0x0a0d0d0au);
                        assert_int_equal(u32_at(&f, 8), 0x1a2b3c4du);
                        expect_text(&f, 24, end, 4, "sriov-sim");
                } else if (type == 1) {
                        assert_int_equal(u32_at(&f, at + 8), 1);
                        expect_text(&f, at + 16, end, 2, names[interfaces++]);
                        assert_int_equal(*option_at(&f, at + 16, end, 9, &n), 9);
                } else {
                        size_t options = at + 28 + (known[frames].length + 3) / 4 * 4;

                        assert_int_equal(type, 6);
                        assert_int_equal(u32_at(&f, at + 8), known[frames].interface);
                        assert_int_equal(u32_at(&f, at + 20), known[frames].length);
                        assert_int_equal(u32_at(&f, at + 24), known[frames].length);
                        assert_int_equal(*option_at(&f, options, end, 2, &n),
                                known[frames].outbound ? 2 : 1);
                        assert_int_equal(n, 4);
                        expect_text(&f, options, end, 1, known[frames].comment);
                        frames++;
                }
        }
        assert_int_equal(at, f.n);
        assert_int_equal(interfaces, 3);
        assert_int_equal(frames, ELEMENTSOF(known));
}

/* ---- the old format ---- */

static size_t put(uint8_t *to, uint32_t value, unsigned bytes, bool big)
{
        for (unsigned i = 0; i < bytes; i++)
                to[big ? bytes - 1 - i : i] = (uint8_t) (value >> 8 * i);
        return bytes;
}

static size_t put_pcap_header(uint8_t *to, bool big, bool nano, uint32_t link)
{
        size_t n = put(to, nano ? 0xa1b23c4d : 0xa1b2c3d4, 4, big);

        n += put(to + n, 2, 2, big);
        n += put(to + n, 4, 2, big);
        n += put(to + n, 0, 4, big);
        n += put(to + n, 0, 4, big);
        n += put(to + n, 262144, 4, big);
        return n + put(to + n, link, 4, big);
}

static size_t put_pcap_frame(
        uint8_t *to, bool big, uint32_t s, uint32_t fraction, uint32_t there, uint32_t was)
{
        size_t n = put(to, s, 4, big);

        n += put(to + n, fraction, 4, big);
        n += put(to + n, there, 4, big);
        n += put(to + n, was, 4, big);
        for (uint32_t i = 0; i < there; i++)
                to[n++] = (uint8_t) (i + s);
        return n;
}

/* Two frames; how many bytes. */
static size_t make_pcap(uint8_t *to, bool big, bool nano)
{
        size_t n = put_pcap_header(to, big, nano, 1);

        n += put_pcap_frame(to + n, big, 5, 700, 60, 60);
        return n + put_pcap_frame(to + n, big, 6, 999, 75, 75);
}

static void both_orders_and_units(void **state)
{
        (void) state;
        for (unsigned i = 0; i < 4; i++) {
                _cleanup_(file_done) struct file file = new_file();
                uint64_t unit = i & 2 ? 1 : 1000, time;
                struct capture_reader *r;
                struct port_frame frame;
                uint8_t bytes[512];
                struct fault f;

                set_bytes(&file, bytes, make_pcap(bytes, i & 1, i & 2));
                assert_int_equal(capture_open(file.path, &r, &f), 0);
                assert_int_equal(capture_next(r, &frame, &time, &f), 1);
                assert_int_equal(frame.length, 60);
                assert_int_equal(frame.bytes[59], 64);
                assert_int_equal(time, 5000000000u + 700 * unit);
                assert_int_equal(capture_next(r, &frame, &time, &f), 1);
                assert_int_equal(frame.length, 75);
                assert_int_equal(time, 6000000000u + 999 * unit);
                assert_int_equal(capture_next(r, &frame, &time, &f), 0);
                capture_reader_free(r);
        }
}

/* ---- cut off and damaged ---- */

/* Reads what there is. Refused: says where. Returns how many frames came; -1: no file at all. */
static int read_all(const struct file *file, bool *ret_refused, bool compare)
{
        struct capture_reader *r;
        struct port_frame frame;
        struct fault f = FAULT_NULL;
        uint64_t time;
        int e, n = 0;

        e = capture_open(file->path, &r, &f);
        *ret_refused = true;
        if (e < 0) {
                assert_int_equal(e, -EBADMSG);
                assert_int_equal(f.code, FAULT_INVALID_ARGS);
                assert_non_null(strstr(f.text, file->path));
                return -1;
        }
        while ((e = capture_next(r, &frame, &time, &f)) > 0) {
                assert_true(frame.length <= FRAME_MAX);
                if (compare)
                        expect_known(&frame, (size_t) n);
                n++;
        }
        *ret_refused = e < 0;
        if (e < 0) {
                assert_int_equal(e, -EBADMSG);
                assert_int_equal(f.code, FAULT_INVALID_ARGS);
                assert_non_null(strstr(f.text, file->path));
                assert_non_null(strstr(f.text, "at offset "));
        }
        capture_reader_free(r);
        return n;
}

/* The first frames only: the others are longer than anybody wants to wait for. */
#define SHORT_FRAMES 4

static void cut_off_anywhere(void **state)
{
        _cleanup_(file_done) struct file file = new_file();
        int whole = 0;

        (void) state;
        write_known(&file, SHORT_FRAMES);
        get_bytes(&file);
        for (size_t n = 0; n < file.n; n++) {
                bool refused;
                int frames;

                set_bytes(&file, file.bytes, n);
                frames = read_all(&file, &refused, true);
                assert_true(frames < SHORT_FRAMES);
                whole += !refused;
        }
        /* Not refused: what ends behind an interface or a frame. */
        assert_int_equal(whole, 3 + SHORT_FRAMES - 1);
}

static void old_format_cut_off_anywhere(void **state)
{
        uint8_t bytes[512];
        size_t length = make_pcap(bytes, true, false);
        int whole = 0;

        (void) state;
        for (size_t n = 0; n < length; n++) {
                _cleanup_(file_done) struct file file = new_file();
                bool refused;

                set_bytes(&file, bytes, n);
                read_all(&file, &refused, false);
                whole += !refused;
        }
        assert_int_equal(whole, 2);
}

static void damaged_anywhere(void **state)
{
        static const uint8_t damage[] = {0xff, 0x01, 0x80};
        struct file files[2] = {new_file(), new_file()};
        uint8_t bytes[512];
        int seen = 0;

        (void) state;
        write_known(&files[0], SHORT_FRAMES);
        get_bytes(&files[0]);
        set_bytes(&files[1], bytes, make_pcap(bytes, false, true));
        get_bytes(&files[1]);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                for (size_t at = 0; at < files[i].n; at++)
                        for (size_t d = 0; d < ELEMENTSOF(damage); d++) {
                                bool refused;

                                files[i].bytes[at] ^= damage[d];
                                set_bytes(&files[i], files[i].bytes, files[i].n);
                                files[i].bytes[at] ^= damage[d];
                                read_all(&files[i], &refused, false);
                                seen += refused;
                        }
        assert_true(seen > 200);
        file_done(&files[0]);
        file_done(&files[1]);
}

/* ---- what is no capture of a NIC's frames ---- */

static void expect_refused(const uint8_t *bytes, size_t n, const char *text)
{
        _cleanup_(file_done) struct file file = new_file();
        struct capture_reader *r = NULL;
        struct port_frame frame;
        struct fault f = FAULT_NULL;
        uint64_t time;
        int e;

        set_bytes(&file, bytes, n);
        e = capture_open(file.path, &r, &f);
        while (e >= 0) {
                e = capture_next(r, &frame, &time, &f);
                assert_int_not_equal(e, 0);
        }
        capture_reader_free(r);
        assert_int_equal(e, -EBADMSG);
        if (!strstr(f.text, text))
                fail_msg("\"%s\" does not say \"%s\"", f.text, text);
}

static void foreign(void **state)
{
        static uint8_t bytes[20000];
        size_t n;

        (void) state;
        expect_refused(bytes, 0, "truncated");
        expect_refused((const uint8_t *) "{ \"version\": 1 }\n and so on, and so on", 36,
                "unknown file format");
        expect_refused(bytes, put_pcap_header(bytes, false, false, 127),
                "link type 127 (IEEE802_11_RADIO), not Ethernet");
        n = put_pcap_header(bytes, false, false, 1);
        n += put_pcap_frame(bytes + n, false, 1, 1, 60, 60);
        n += put_pcap_frame(bytes + n, false, 1, 2, 96, 1514);
        expect_refused(bytes, n, "frame 2, at offset 100: 96 of its 1514 bytes were captured");
        n = put_pcap_header(bytes, false, false, 1);
        n += put_pcap_frame(bytes + n, false, 1, 1, 9729, 9729);
        expect_refused(bytes, n, "frame 1, at offset 24: 9729 bytes, and a NIC takes 9728");
}

static void no_file(void **state)
{
        char directory[] = "/tmp/test-sim-capture-XXXXXX", path[64], far[400];
        struct capture_reader *r;
        struct capture *c;
        struct fault f;

        (void) state;
        assert_non_null(mkdtemp(directory));
        snprintf(path, sizeof(path), "%s/none", directory);
        assert_int_equal(capture_open(path, &r, &f), -ENOENT);
        assert_int_equal(f.code, FAULT_NOT_FOUND);
        assert_non_null(strstr(f.text, path));
        assert_int_equal(capture_open(directory, &r, &f), -EBADMSG);
        assert_non_null(strstr(f.text, "no regular file"));
        assert_int_equal(capture_new(directory, &c, &f), -EISDIR);
        snprintf(path, sizeof(path), "%s/none/none", directory);
        assert_int_equal(capture_new(path, &c, &f), -ENOENT);
        assert_int_equal(f.code, FAULT_NOT_FOUND);

        snprintf(path, sizeof(path), "%s/pipe", directory);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(capture_open(path, &r, &f), -EBADMSG);
        assert_int_equal(capture_new(path, &c, &f), -ENXIO);
        assert_non_null(strstr(f.text, "nobody reads"));
        unlink(path);
        rmdir(directory);

        memset(far, 'a', sizeof(far) - 1);
        far[sizeof(far) - 1] = '\0';
        assert_int_equal(capture_open(far, &r, &f), -ENAMETOOLONG);
}

/* ---- the writer's edges ---- */

static void limits(void **state)
{
        _cleanup_(file_done) struct file file = new_file();
        static uint8_t bytes[FRAME_MAX + 1];
        char text[1026];
        struct capture *c;
        struct fault f;
        uint32_t id;

        (void) state;
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(capture_new(file.path, &c, &f), 0);
        assert_int_equal(capture_interface(c, text, &id), -EINVAL);
        assert_int_equal(capture_frame(c, 0, 0, bytes, 60, false, NULL), -EINVAL);
        assert_int_equal(capture_interface(c, "wire", &id), 0);
        assert_int_equal(capture_frame(c, 1, 0, bytes, 60, false, NULL), -EINVAL);
        assert_int_equal(capture_frame(c, 0, 0, bytes, 60, false, text), -EINVAL);
        assert_int_equal(capture_frame(c, 0, 0, bytes, FRAME_MAX + 1, false, NULL), -EMSGSIZE);
        assert_int_equal(capture_frame(c, 0, 0, bytes, FRAME_MAX, false, text + 1), 0);
        capture_free(c);
}

/* Nobody waits for a slow reader; the file says what it missed. */
static void slow_reader(void **state)
{
        static uint8_t bytes[FRAME_MAX], file[4 << 20];
        size_t n = 0, at, frames = 0, length;
        char path[40];
        struct capture *c;
        struct fault f;
        uint32_t id, value;
        uint64_t lost = 0;
        int fds[2];
        ssize_t r;

        (void) state;
        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[1]);
        assert_int_equal(capture_new(path, &c, &f), 0);
        close(fds[1]);
        assert_int_equal(capture_interface(c, "wire", &id), 0);
        for (unsigned i = 0; i < 300; i++)
                assert_int_equal(capture_frame(c, 0, i, bytes, FRAME_MAX, false, NULL), 0);
        do {
                at = n;
                while ((r = read(fds[0], file + n, sizeof(file) - n)) > 0)
                        n += (size_t) r;
                assert_int_equal(capture_flush(c), 0);
        } while (n > at);
        capture_free(c);
        while ((r = read(fds[0], file + n, sizeof(file) - n)) > 0)
                n += (size_t) r;
        close(fds[0]);
        for (at = 0; at < n; at += length) {
                memcpy(&value, file + at, 4);
                memcpy(&id, file + at + 4, 4);
                length = id;
                frames += value == 6;
                if (value == 5)
                        memcpy(&lost, file + at + 24, 8);
        }
        assert_int_equal(at, n);
        assert_true(frames > 20 && lost > 0);
        assert_int_equal(frames + lost, 300);
}

/* A reader that went away is an error, for good. */
static void reader_gone(void **state)
{
        uint8_t bytes[60] = {0};
        char path[40];
        struct capture *c;
        struct fault f;
        uint32_t id;
        int fds[2];

        (void) state;
        signal(SIGPIPE, SIG_IGN);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[1]);
        assert_int_equal(capture_new(path, &c, &f), 0);
        close(fds[1]);
        assert_int_equal(capture_interface(c, "wire", &id), 0);
        assert_int_equal(capture_flush(c), 0);
        close(fds[0]);
        assert_int_equal(capture_frame(c, 0, 0, bytes, sizeof(bytes), false, NULL), 0);
        assert_int_equal(capture_flush(c), -EPIPE);
        assert_int_equal(capture_flush(c), -EPIPE);
        assert_int_equal(capture_frame(c, 0, 0, bytes, sizeof(bytes), false, NULL), -EPIPE);
        capture_free(c);
}

/* ---- as a port ---- */

static struct port_config pcap_config(const char *in, const char *out)
{
        struct port_config c = {.kind = PORT_PCAP};

        snprintf(c.in, sizeof(c.in), "%s", in);
        snprintf(c.out, sizeof(c.out), "%s", out);
        return c;
}

static void replayed_at_once(void **state)
{
        _cleanup_(file_done) struct file in = new_file(), out = new_file();
        struct port_config config = pcap_config(in.path, out.path);
        const struct mac mac = {{2}};
        struct port_frame frames[32];
        struct port_stats stats;
        struct port *p;
        struct fault f;
        bool refused;

        (void) state;
        write_known(&in, ELEMENTSOF(known));
        assert_int_equal(port_open(&config, &mac, 1500, &p, &f), 0);
        assert_int_equal(port_fd(p), -1);
        port_set_time(p, 77);
        assert_false(port_finished(p));
        assert_int_equal(port_next(p, 77), 77);
        assert_int_equal(port_ops.receive(p, frames, 3), 3);
        assert_false(port_finished(p));
        for (size_t i = 0; i < 3; i++)
                expect_known(&frames[i], i);
        assert_int_equal(port_ops.transmit(p, frames, 3), 3);
        assert_int_equal(port_ops.receive(p, frames, 32), ELEMENTSOF(known) - 3);
        for (size_t i = 3; i < ELEMENTSOF(known); i++)
                expect_known(&frames[i - 3], i);
        assert_true(port_finished(p));
        assert_int_equal(port_next(p, 77), UINT64_MAX);
        assert_int_equal(port_ops.receive(p, frames, 32), 0);
        port_stats(p, &stats);
        assert_int_equal(stats.received, ELEMENTSOF(known));
        assert_int_equal(stats.transmitted, 3);

        /* After a round without frames it is in the file. */
        port_set_time(p, 78);
        port_set_time(p, 79);
        assert_int_equal(read_all(&out, &refused, true), 3);
        assert_false(refused);
        port_close(p);
}

static void replayed_in_time(void **state)
{
        static const uint32_t at[] = {1, 1, 3, 2, 10};
        _cleanup_(file_done) struct file in = new_file();
        struct port_config config = pcap_config(in.path, "");
        const struct mac mac = {{2}};
        struct port_frame frames[32];
        uint8_t bytes[1024];
        size_t n = put_pcap_header(bytes, false, true, 1);
        struct port *p;
        struct fault f;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(at); i++)
                n += put_pcap_frame(bytes + n, false, 1000, at[i], 60, 60);
        set_bytes(&in, bytes, n);
        config.original_times = true;
        assert_int_equal(port_open(&config, &mac, 1500, &p, &f), 0);
        port_set_time(p, 500);
        assert_int_equal(port_ops.receive(p, frames, 32), 2);
        assert_int_equal(port_next(p, 500), 502);
        port_set_time(p, 501);
        assert_int_equal(port_ops.receive(p, frames, 32), 0);
        port_set_time(p, 502);
        /* The one that was earlier than its predecessor comes with it. */
        assert_int_equal(port_ops.receive(p, frames, 32), 2);
        assert_int_equal(port_next(p, 502), 510);
        assert_int_equal(port_next(p, 600), 600);
        port_set_time(p, 600);
        assert_int_equal(port_ops.receive(p, frames, 32), 1);
        assert_true(port_finished(p));
        port_close(p);
}

static void ports_refused(void **state)
{
        _cleanup_(file_done) struct file file = new_file();
        struct port_config config = pcap_config(file.path, file.path);
        const struct mac mac = {{2}};
        struct port *p;
        struct fault f;

        (void) state;
        write_known(&file, 2);
        assert_int_equal(port_open(&config, &mac, 1500, &p, &f), -EINVAL);
        assert_non_null(strstr(f.text, "would be overwritten"));
        get_bytes(&file);
        assert_true(file.n > 200);

        /* Cut off in its last frame: now, not when the first has been sent. */
        config.out[0] = '\0';
        set_bytes(&file, file.bytes, file.n - 8);
        assert_int_equal(port_open(&config, &mac, 1500, &p, &f), -EBADMSG);
        assert_non_null(strstr(f.text, "frame 2, at offset"));
        config = pcap_config("", "/no/such/directory/file");
        assert_int_equal(port_open(&config, &mac, 1500, &p, &f), -ENOENT);
}

/* What can not be written is counted as refused; nothing stops. */
static void full_disk(void **state)
{
        _cleanup_(file_done) struct file file = new_file();
        struct port_config config = pcap_config("", "/dev/full");
        uint8_t bytes[60] = {0};
        const struct port_frame frame = {bytes, sizeof(bytes)};
        const struct mac mac = {{2}};
        struct port_stats stats;
        struct port *p;
        struct fault f;

        (void) state;
        assert_int_equal(port_open(&config, &mac, 1500, &p, &f), -ENOSPC);
        assert_non_null(strstr(f.text, "/dev/full"));

        config = pcap_config("", file.path);
        assert_int_equal(port_open(&config, &mac, 1500, &p, &f), 0);
        assert_true(port_finished(p));
        assert_int_equal(fcntl(file.fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
        for (uint64_t now = 0; now < 10; now++) {
                port_set_time(p, now);
                assert_int_equal(now % 2 ? 0 : port_ops.transmit(p, &frame, 1), now % 2 ? 0 : 1);
        }
        port_stats(p, &stats);
        assert_int_equal(stats.transmitted, 1);
        assert_int_equal(stats.refused, 4);
        port_close(p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(blocks),
                cmocka_unit_test(both_orders_and_units),
                cmocka_unit_test(cut_off_anywhere),
                cmocka_unit_test(old_format_cut_off_anywhere),
                cmocka_unit_test(damaged_anywhere),
                cmocka_unit_test(foreign),
                cmocka_unit_test(no_file),
                cmocka_unit_test(limits),
                cmocka_unit_test(slow_reader),
                cmocka_unit_test(reader_gone),
                cmocka_unit_test(replayed_at_once),
                cmocka_unit_test(replayed_in_time),
                cmocka_unit_test(ports_refused),
                cmocka_unit_test(full_disk),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
