/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A simulated machine behind a backend server, with people who use VFs and come at the moment that
 * is asked for. What runs on the server's worker threads is said; all else is the test's thread.
 */
#pragma once

#include <pthread.h>
#include <systemd/sd-event.h>

#include "backend/client.h"
#include "backend/server.h"
#include "sim/machine.h"

#define IGB  "pci/0000:01:00.0"
#define NVME "pci/0000:06:00.0"

struct stage {
        struct machine *machine;
        sd_event *event;
        struct backend_server *server;
        struct backend_client *client;
        char dir[32], address[64];
        bool connected;
        uint64_t random;

        /* Worker threads write these while a Run is under way. */
        unsigned handed; /* destructive steps that reached the implementation */
        struct {
                bool wanted; /* right before the next destructive step... */
                char pf[DEV_ID_MAX];
                uint32_t vf; /* ...somebody takes this VF into use */
                bool came;
        } late;

        /* The crowd: a thread that uses VFs and lets them go, while it may. */
        pthread_t crowd;
        bool crowd_runs, crowd_ends; /* by the machine's mutex */
        uint64_t crowd_came;

        /* The latest answer. */
        bool answered;
        struct fault fault;
        struct pf_facts facts;
        struct groups groups;
        struct holder *holders;
        size_t n_holders;
        uint32_t done;
};

_Noreturn void stage_die(const char *what, const char *why);

/* 0 to below - 1. */
uint32_t stage_random(uint64_t *state, uint32_t below);

void stage_open(struct stage *s);
void stage_close(struct stage *s);

/* The PF with count VFs, each on the driver that is given or on a random one, used by nobody. */
void stage_set(struct stage *s, const char *pf, uint32_t count);

/* Somebody begins to use the VF in a way that its driver allows. */
void stage_hold(struct stage *s, const char *pf, uint32_t vf);
bool stage_is_held(struct stage *s, const char *pf, uint32_t vf);

/* They let everything go. */
void stage_release(struct stage *s);

void stage_crowd(struct stage *s, bool runs);
uint64_t stage_harmed(struct stage *s);

/* Through the seam; each waits for the answer. */
void stage_look(struct stage *s, const char *pf, uint32_t vf);
void stage_run(struct stage *s, const char *pf, const struct step *steps, size_t n);
