/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capture files of arbitrary bytes: nothing crashes, no frame is longer than a NIC takes, a refusal
 * names the file; and what was read, written by ourselves, reads back the same. One thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "sim/port/port.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        abort();                                                                   \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int open_memory(char path[static 40])
{
        int fd = memfd_create("capture", MFD_CLOEXEC);

        CHECK(fd >= 0);
        snprintf(path, 40, "/proc/self/fd/%d", fd);
        return fd;
}

static struct capture_reader *open_good(const char *path)
{
        struct capture_reader *r;
        struct fault f;

        return capture_open(path, &r, &f) == 0 ? r : NULL;
}

static void refused(const struct fault *f, int e, const char *path)
{
        CHECK(e == -EBADMSG && f->error == EBADMSG && f->code == FAULT_INVALID_ARGS);
        CHECK(strstr(f->text, path));
}

/* All frames up to the first bad one, to a file of ours. How many. */
static unsigned copy(const char *from, const char *to)
{
        struct capture_reader *r;
        struct port_frame frame;
        struct capture *c;
        struct fault f;
        uint32_t id;
        unsigned n = 0;
        uint64_t time;
        int e;

        e = capture_open(from, &r, &f);
        if (e < 0) {
                refused(&f, e, from);
                return 0;
        }
        CHECK(capture_new(to, &c, &f) == 0);
        CHECK(capture_interface(c, "wire", &id) == 0);
        while ((e = capture_next(r, &frame, &time, &f)) > 0) {
                CHECK(frame.length <= FRAME_MAX);
                CHECK(capture_frame(c, id, time, frame.bytes, frame.length, n & 1,
                              n & 2 ? "comment" : NULL) == 0);
                n++;
        }
        if (e < 0)
                refused(&f, e, from);
        CHECK(capture_flush(c) == 0);
        capture_free(c);
        capture_reader_free(r);
        return n;
}

static void compare(const char *one, const char *two, unsigned n)
{
        struct capture_reader *a = open_good(one), *b = open_good(two);
        struct port_frame x, y;
        struct fault f;
        uint64_t at, bt;

        CHECK(a && b);
        for (unsigned i = 0; i < n; i++) {
                CHECK(capture_next(a, &x, &at, &f) == 1 && capture_next(b, &y, &bt, &f) == 1);
                CHECK(at == bt && x.length == y.length);
                CHECK(memcmp(x.bytes, y.bytes, x.length) == 0);
        }
        CHECK(capture_next(b, &y, &bt, &f) == 0);
        capture_reader_free(a);
        capture_reader_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char in[40], out[40];
        int in_fd = open_memory(in), out_fd = open_memory(out);
        unsigned n;

        CHECK(pwrite(in_fd, data, size, 0) == (ssize_t) size);
        n = copy(in, out);
        if (n > 0)
                compare(in, out, n);
        close(in_fd);
        close(out_fd);
        return 0;
}
