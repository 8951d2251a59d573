/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes pcapng (IETF draft-ietf-opsawg-pcapng): libpcap can not write it, with names of interfaces
 * and comments. In the byte order of the machine, as the format has it. One thread at a time.
 *
 * Nobody waits for a reader: what a full pipe does not take stays in the buffer, what that has no
 * room for is left out, and the file says at its end how much that was.
 */
#include <fcntl.h>
#include <poll.h>

#include "sim/port/port_private.h"

#define BUFFER_SIZE      (256u * 1024)
#define BLOCK_SECTION    0x0a0d0d0au
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define BLOCK_INTERFACE  1u
#define BLOCK_STATISTICS 5u
#define BLOCK_PACKET     6u
#define LINK_ETHERNET    1u
#define OPT_END          0u
#define OPT_COMMENT      1u
#define OPT_APPLICATION  4u /* of a section */
#define OPT_NAME         2u /* of an interface */
#define OPT_TIME_UNIT    9u /* of an interface: 10^-n s */
#define OPT_FLAGS        2u /* of a packet */
#define OPT_LOST         5u /* of statistics */
#define CLOSE_WAITS      10u
#define CLOSE_WAIT_MS    100
#define TEXT_MAX         1024u

struct capture {
        int fd;
        int error; /* of the first write that failed: the file ends there */
        uint8_t *buffer;
        size_t n, block; /* in the buffer; where the block that is being made begins */
        uint64_t time;   /* the latest */
        uint64_t *lost;  /* of each interface */
        size_t n_interfaces, lost_capacity;
};

/* ---- blocks: whoever makes one has seen to it that there is room -------------------------------
 */

static void put(struct capture *c, const void *data, size_t n)
{
        memcpy(c->buffer + c->n, data, n);
        c->n += n;
        while ((c->n - c->block) % 4 != 0)
                c->buffer[c->n++] = 0;
}

static void put_u32(struct capture *c, uint32_t value)
{
        put(c, &value, sizeof(value));
}

/* High half first, whatever the byte order. */
static void put_time(struct capture *c, uint64_t time)
{
        put_u32(c, (uint32_t) (time >> 32));
        put_u32(c, (uint32_t) time);
}

static void put_option(struct capture *c, uint16_t code, const void *value, size_t n)
{
        const uint16_t header[2] = {code, (uint16_t) n};

        put(c, header, sizeof(header));
        if (n > 0)
                put(c, value, n);
}

static void begin_block(struct capture *c, uint32_t type)
{
        c->block = c->n;
        put_u32(c, type);
        put_u32(c, 0); /* its length, when it is known */
}

static void end_block(struct capture *c)
{
        uint32_t length;

        put_option(c, OPT_END, NULL, 0);
        length = (uint32_t) (c->n - c->block + sizeof(length));
        memcpy(c->buffer + c->block + 4, &length, sizeof(length));
        put_u32(c, length);
}

/* A block with so many bytes of data and text. 0: no room now. */
static bool room(struct capture *c, size_t bytes)
{
        const size_t most = bytes + 128; /* header, fixed options and what fills up to 4 */

        if (c->n + most > BUFFER_SIZE)
                capture_flush(c);
        return c->n + most <= BUFFER_SIZE;
}

/* ---- the file ----------------------------------------------------------------------------------
 */

static void put_section(struct capture *c)
{
        const uint16_t version[2] = {1, 0};
        const int64_t length = -1; /* not known */

        begin_block(c, BLOCK_SECTION);
        put_u32(c, BYTE_ORDER_MAGIC);
        put(c, version, sizeof(version));
        put(c, &length, sizeof(length));
        put_option(c, OPT_APPLICATION, "sriov-sim", strlen("sriov-sim"));
        end_block(c);
}

int capture_new(const char *path, struct capture **ret, struct fault *f)
{
        _cleanup_(capture_freep) struct capture *c = calloc(1, sizeof(*c));

        if (!c)
                return port_no_memory(f);
        c->buffer = malloc(BUFFER_SIZE);
        c->fd = -1;
        if (!c->buffer)
                return port_no_memory(f);
        c->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
        if (c->fd < 0)
                return fault_set(f, port_fault_code(errno), errno,
                        "capture file %s can not be written: %s%s", path, strerror(errno),
                        errno == ENXIO ? " (a pipe that nobody reads)" : "");
        fcntl(c->fd, F_SETPIPE_SZ, (int) (4 * BUFFER_SIZE)); /* a file is no pipe: no matter */
        put_section(c);
        *ret = TAKE_PTR(c);
        return 0;
}

int capture_interface(struct capture *c, const char *name, uint32_t *ret_id)
{
        const uint16_t link[2] = {LINK_ETHERNET, 0};
        const uint8_t nanoseconds = 9;
        int r;

        if (strlen(name) > TEXT_MAX)
                return -EINVAL;
        r = array_grow(&c->lost, &c->lost_capacity, c->n_interfaces, sizeof(*c->lost));
        if (r < 0)
                return r;
        if (!room(c, strlen(name)))
                return c->error ? c->error : -EAGAIN;
        begin_block(c, BLOCK_INTERFACE);
        put(c, link, sizeof(link));
        put_u32(c, 0); /* frames of any length */
        put_option(c, OPT_NAME, name, strlen(name));
        put_option(c, OPT_TIME_UNIT, &nanoseconds, sizeof(nanoseconds));
        end_block(c);
        c->lost[c->n_interfaces] = 0;
        *ret_id = (uint32_t) c->n_interfaces++;
        return 0;
}

int capture_frame(struct capture *c, uint32_t interface, uint64_t time_ns, const uint8_t *bytes,
        uint32_t length, bool outbound, const char *comment)
{
        const uint32_t flags = outbound ? 2 : 1;
        size_t text = comment ? strlen(comment) : 0;

        if (interface >= c->n_interfaces || text > TEXT_MAX)
                return -EINVAL;
        if (length > FRAME_MAX)
                return -EMSGSIZE;
        if (c->error)
                return c->error;
        c->time = time_ns > c->time ? time_ns : c->time;
        if (!room(c, length + text)) {
                c->lost[interface]++;
                return c->error;
        }
        begin_block(c, BLOCK_PACKET);
        put_u32(c, interface);
        put_time(c, time_ns);
        put_u32(c, length); /* as captured, */
        put_u32(c, length); /* and as it was */
        put(c, bytes, length);
        put_option(c, OPT_FLAGS, &flags, sizeof(flags));
        if (text > 0)
                put_option(c, OPT_COMMENT, comment, text);
        end_block(c);
        return 0;
}

int capture_flush(struct capture *c)
{
        size_t done = 0;

        while (!c->error && done < c->n) {
                ssize_t r = write(c->fd, c->buffer + done, c->n - done);

                if (r >= 0)
                        done += (size_t) r;
                else if (errno == EAGAIN)
                        break;
                else if (errno != EINTR)
                        c->error = -errno;
        }
        memmove(c->buffer, c->buffer + done, c->n - done);
        c->n -= done;
        return c->error;
}

static void put_statistics(struct capture *c, uint32_t interface)
{
        begin_block(c, BLOCK_STATISTICS);
        put_u32(c, interface);
        put_time(c, c->time);
        put_option(c, OPT_LOST, &c->lost[interface], sizeof(c->lost[interface]));
        end_block(c);
}

/* The end of a file is worth a moment to a reader that is alive. */
static void finish(struct capture *c)
{
        struct pollfd poll_fd = {.fd = c->fd, .events = POLLOUT};

        for (uint32_t i = 0; i < c->n_interfaces; i++)
                if (c->lost[i] > 0 && room(c, 0))
                        put_statistics(c, i);
        for (unsigned i = 0; i < CLOSE_WAITS && capture_flush(c) == 0 && c->n > 0; i++)
                poll(&poll_fd, 1, CLOSE_WAIT_MS);
}

void capture_free(struct capture *c)
{
        if (!c)
                return;
        if (c->fd >= 0)
                finish(c);
        closep(&c->fd);
        free(c->buffer);
        free(c->lost);
        free(c);
}
