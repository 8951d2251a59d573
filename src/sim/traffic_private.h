/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What traffic.c, traffic_guest.c and traffic_tools.c share. Held, or the round's thread. */
#pragma once

#include <pthread.h>

#include "sim/traffic.h"

#define TRAFFIC_BURST NIC_BURST

struct traffic_guest {
        struct traffic_nic *nic;
        uint32_t pool;
        char name[64];
        struct vfdrv_config setup; /* of its driver */
        struct vfdrv *driver;      /* NULL: it did not start again after a reset */
        uint32_t queues;
        struct port *port;                         /* NULL: what comes is counted and gone */
        bool watched;                              /* the port's fd is in the epoll set */
        struct vfdrv_frame waiting[TRAFFIC_BURST]; /* from the port, no room in the ring yet */
        uint32_t n_waiting, first_waiting;
        struct port_stats stats; /* without a port */
};

struct traffic_frame {
        struct traffic_frame *next;
        uint32_t length;
        uint8_t bytes[FRAME_MAX];
};

struct traffic_nic {
        struct traffic *traffic;
        struct traffic_nic_config config;
        struct nic *nic;
        struct pfdrv *pfdrv;
        uint64_t mac; /* of the PF */
        struct port *wire;
        bool wire_watched, muted;      /* muted: the wire brings injected frames alone */
        struct traffic_guest **guests; /* by pool; NULL: nobody */
        uint32_t n_pools;              /* most there can be */
        uint32_t *open;                /* the pools that are open */
        uint32_t n_open;
        struct nic_tracer drops; /* follows the NIC while somebody captures them */
        struct traffic_frame *injected, *injected_last, *in_use;
};

struct traffic_capture {
        uint32_t id, where;
        struct traffic_nic *nic;
        struct capture *file;
        uint32_t interface;
        uint64_t left, written; /* left: UINT64_MAX for no end */
};

struct traffic {
        pthread_mutex_t lock;
        uint32_t wanted; /* atomic: how many wait for the lock */
        pthread_t thread;
        bool threaded;
        bool stop; /* atomic */
        int epoll_fd, wake_fd;
        uint64_t now;
        uint64_t epoch; /* what makes it a date, for captures; 0 by a caller's clock */
        struct memory *memory;
        struct iommu *iommu;
        struct irq *irq;
        struct traffic_nic **nics;
        size_t n_nics, nics_capacity;
        struct traffic_capture *captures;
        size_t n_captures, captures_capacity;
        uint32_t next_capture;
        struct iommu_fault faults[IOMMU_FAULTS_MAX]; /* a ring */
        uint64_t n_faults;
};

/* traffic.c */
int traffic_watch(struct traffic *t, int fd, bool on);
uint64_t traffic_clock(void);

/* traffic_guest.c */
/* The guest's driver begins anew, as after a reset of its function. */
int traffic_restart_guest(struct traffic_guest *g);
uint32_t traffic_guest_round(struct traffic_guest *g, uint64_t now);

/* traffic_tools.c: a frame passed by there. Quick when nobody captures. */
void traffic_captured(struct traffic_nic *n, uint32_t where, const uint8_t *bytes, uint32_t length,
        bool outbound, const char *comment);
/* The capture of drops, if any, follows the NIC again (after a trace). */
void traffic_follow_drops(struct traffic_nic *n);
void traffic_forget_captures(struct traffic_nic *n);
