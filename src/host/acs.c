/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities in configuration space; nothing in it is trusted. Worker threads. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "host/acs.h"

#define CONFIG_SIZE  4096u
#define EXTENDED     0x100u /* where extended capabilities begin */
#define STATUS       0x06u
#define STATUS_CAPS  0x10u
#define CAPS_POINTER 0x34u
#define CAP_EXPRESS  0x10u
#define EXT_CAP_ACS  0x000du
#define CAPS_MAX     ((EXTENDED - 0x40u) / 4u)
#define EXTENDED_MAX ((CONFIG_SIZE - EXTENDED) / 8u)

struct config {
        uint8_t bytes[CONFIG_SIZE];
        size_t n;
};

static uint32_t word_at(const struct config *c, size_t at)
{
        return at + 2 <= c->n ? (uint32_t) c->bytes[at] | (uint32_t) c->bytes[at + 1] << 8 : 0;
}

static uint32_t dword_at(const struct config *c, size_t at)
{
        return word_at(c, at) | word_at(c, at + 2) << 16;
}

static size_t find_express(const struct config *c)
{
        size_t at = word_at(c, STATUS) & STATUS_CAPS ? word_at(c, CAPS_POINTER) & 0xfc : 0;

        for (unsigned i = 0; at >= 0x40 && i < CAPS_MAX; i++) {
                uint32_t header = word_at(c, at);

                if ((header & 0xff) == CAP_EXPRESS)
                        return at;
                at = header >> 8 & 0xfc;
        }
        return 0;
}

static size_t find_acs(const struct config *c)
{
        size_t at = EXTENDED;

        for (unsigned i = 0; at >= EXTENDED && i < EXTENDED_MAX; i++) {
                uint32_t header = dword_at(c, at);

                if (header == 0 || header == UINT32_MAX)
                        return 0;
                if ((header & 0xffff) == EXT_CAP_ACS)
                        return at;
                at = header >> 20 & 0xffc;
        }
        return 0;
}

static const char *port_word(uint32_t type)
{
        switch (type) {
        case 4:
                return "root-port";
        case 5:
                return "upstream";
        case 6:
                return "downstream";
        }
        return "bridge"; /* to or from conventional PCI */
}

int32_t acs_read(int dev_fd, char kind[static WORD_MAX])
{
        struct config c = {.n = 0};
        _cleanup_(closep) int fd = -1;
        struct stat st;
        ssize_t n;
        size_t at;

        fd = openat(dev_fd, "config", O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return ACS_UNKNOWN;
        if (st.st_size > 0 && st.st_size <= (off_t) EXTENDED)
                return ACS_NONE; /* conventional, or nobody can reach the rest of it */
        n = pread(fd, c.bytes + EXTENDED, CONFIG_SIZE - EXTENDED, EXTENDED);
        if (n <= 0)
                return ACS_UNKNOWN;
        c.n = EXTENDED + (size_t) n;
        if (pread(fd, c.bytes, EXTENDED, 0) != (ssize_t) EXTENDED)
                return ACS_UNKNOWN;
        at = find_express(&c);
        if (at > 0)
                snprintf(kind, WORD_MAX, "%s", port_word(word_at(&c, at + 2) >> 4 & 0xf));
        at = find_acs(&c);
        if (at == 0 || at + 8 > c.n)
                return ACS_NONE;
        return (int32_t) (word_at(&c, at + 6) | (~word_at(&c, at + 4) & ACS_ISOLATES));
}
