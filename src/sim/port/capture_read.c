/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads pcap and pcapng by libpcap, and adds where a file is wrong. Blocks on the file. One thread
 * at a time.
 */
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <sys/stat.h>

#include "sim/port/port_private.h"

struct capture_reader {
        pcap_t *pcap;
        char path[PORT_PATH_MAX];
        uint64_t frames;
};

static int refuse_file(struct fault *f, const char *path, const char *why)
{
        return fault_set(f, FAULT_INVALID_ARGS, EBADMSG, "capture file %s refused: %s", path, why);
}

static int open_file(const char *path, FILE **ret, struct fault *f)
{
        /* Not blocking, for a moment: a pipe without a writer would keep us here. */
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return fault_set(f, port_fault_code(errno), errno,
                        "capture file %s can not be read: %s", path, strerror(errno));
        if (!S_ISREG(st.st_mode))
                return refuse_file(f, path, "it is no regular file");
        *ret = fdopen(fd, "r");
        if (!*ret)
                return port_no_memory(f);
        fd = -1;
        return 0;
}

int capture_open(const char *path, struct capture_reader **ret, struct fault *f)
{
        _cleanup_(capture_reader_freep) struct capture_reader *r = calloc(1, sizeof(*r));
        char why[PCAP_ERRBUF_SIZE], other[128];
        FILE *file = NULL;
        int e, link;

        if (!r)
                return port_no_memory(f);
        if (str_copy(r->path, sizeof(r->path), path) < 0)
                return fault_set(f, FAULT_INVALID_ARGS, ENAMETOOLONG,
                        "capture file %s refused: expected a path of at most %zu bytes", path,
                        sizeof(r->path) - 1);
        e = open_file(path, &file, f);
        if (e < 0)
                return e;
        r->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
        if (!r->pcap) {
                fclose(file);
                return refuse_file(f, path, why);
        }
        link = pcap_datalink(r->pcap);
        if (link != DLT_EN10MB) {
                snprintf(other, sizeof(other), "its frames are of link type %d (%s), not Ethernet",
                        link, pcap_datalink_val_to_name(link) ?: "unknown");
                return refuse_file(f, path, other);
        }
        *ret = TAKE_PTR(r);
        return 0;
}

static int refuse_frame(
        struct fault *f, const struct capture_reader *r, int64_t offset, const char *why)
{
        return fault_set(f, FAULT_INVALID_ARGS, EBADMSG,
                "capture file %s refused: frame %llu, at offset %lld: %s", r->path,
                (unsigned long long) r->frames + 1, (long long) offset, why);
}

int capture_next(
        struct capture_reader *r, struct port_frame *ret, uint64_t *ret_time_ns, struct fault *f)
{
        int64_t offset = ftello(pcap_file(r->pcap));
        struct pcap_pkthdr *h;
        const u_char *bytes;
        char why[128];
        int e;

        e = pcap_next_ex(r->pcap, &h, &bytes);
        if (e == PCAP_ERROR_BREAK)
                return 0;
        if (e != 1)
                return refuse_frame(f, r, offset, pcap_geterr(r->pcap));
        if (h->caplen != h->len) {
                snprintf(why, sizeof(why),
                        "%u of its %u bytes were captured; capture whole frames (tcpdump -s 0)",
                        h->caplen, h->len);
                return refuse_frame(f, r, offset, why);
        }
        if (h->caplen > FRAME_MAX) {
                snprintf(why, sizeof(why),
                        "%u bytes, and a NIC takes %u; captured with offloads on (ethtool -K ... "
                        "gro off tso off)?",
                        h->caplen, FRAME_MAX);
                return refuse_frame(f, r, offset, why);
        }
        r->frames++;
        *ret = (struct port_frame){(uint8_t *) bytes, h->caplen};
        /* With that precision microseconds are nanoseconds. */
        *ret_time_ns = (uint64_t) h->ts.tv_sec * 1000000000u + (uint64_t) h->ts.tv_usec;
        return 1;
}

void capture_reader_free(struct capture_reader *r)
{
        if (r && r->pcap)
                pcap_close(r->pcap); /* and the file */
        free(r);
}
