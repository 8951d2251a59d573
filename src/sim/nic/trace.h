/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the datapath tells of one frame's way, when somebody asks (nic_trace): one event per step
 * of the two walks. trace.c prints them; ports capture at them. Called in the datapath thread.
 */
#pragma once

#include "sim/nic/nic.h"

enum trace_step {
        TRACE_GUEST_MEMORY,   /* 1 out: the packet in guest memory: address, length */
        TRACE_DRIVER,         /* 2 out: what its driver wrote; told by who knows, not by the NIC */
        TRACE_TX_DESCRIPTORS, /* 3 out: ring address, index, pieces */
        TRACE_TRANSLATE,      /* an IOVA: before and after, page size, or why it was blocked */
        TRACE_STORE,          /* in packet memory: cell */
        TRACE_SENDER,         /* anti-spoof and port VLAN: reason, tag inserted */
        TRACE_SHAPER,         /* had to wait until */
        TRACE_PORT_IN,        /* 1 in */
        TRACE_RULE,           /* one sorter rule and the pool set after it */
        TRACE_VERDICT,
        TRACE_RX_DESCRIPTORS, /* 3 in: pool, queue, ring address, index */
        TRACE_DMA,            /* 4 in: bytes written, physical address */
        TRACE_WRITE_BACK,     /* 5 in: index, status, length, tag stripped */
        TRACE_INTERRUPT,      /* 6 in: vector, remapping entry, result, posted or host */
        TRACE_PORT_OUT,       /* 7 out */
        TRACE_HELD,           /* no receive descriptor: the sender waits */
        TRACE_DROP,           /* end of one replica, and why */
        TRACE_STEP_MAX
};

struct trace_event {
        enum trace_step step;
        uint32_t pool; /* whose step; FROM_WIRE: the port's */
        uint32_t from; /* where the frame came from */
        uint32_t queue, index;
        uint32_t length, cell, tag, status;
        uint32_t vector, irte;
        uint16_t rid;
        uint64_t iova, address, page_size, time;
        uint32_t access;
        enum iommu_reason blocked;
        enum drop_reason reason;
        enum sorter_rule rule;
        const struct pool_set *set;
        const struct verdict *verdict;
        const char *note;     /* msix result, RSS hash, ...; NULL */
        const uint8_t *bytes; /* the frame (its first FRAME_HEADER bytes at least), or NULL */
};

struct nic_tracer {
        void (*event)(void *userdata, const struct trace_event *e);
        void *userdata;
};

/* One line for people, without its end: walk, number and function of the step, whose it is, and
 * what happened: "out 4 translate_tx          VF 3     01:10.6 reads IOVA 0x10000 -> ...". Cut off
 * at size. */
void trace_describe(const struct trace_event *e, uint32_t n_pools, char *buf, size_t size);

/* "wire", "PF", "VF 3". */
void trace_pool_name(uint32_t pool, char buf[static 16]);

/* "nobody", "PF, VF 0-3,6"; what does not fit: "VF 0,2,4,... (2048)". At least 40 bytes are needed
 * for that. Returns the length. */
size_t trace_pools(const struct pool_set *set, uint32_t n_pools, char *buf, size_t size);

/* "02:00:00:00:00:01 to ff:ff:ff:ff:ff:ff, VLAN 5, type 0806"; "" for less than a header. Of the
 * bytes FRAME_HEADER are looked at, or length if that is less. Returns the length. */
size_t trace_frame(const uint8_t *bytes, uint32_t length, char *buf, size_t size);
