/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who else manages the VFs of a PF: what NetworkManager, systemd's .link and .network files,
 * netplan, udev rules, rc.local and driverctl have been told. Reads files below a root directory
 * and changes nothing. Loop thread; once in a while (hundreds of small files at most).
 *
 * It looks for what these files usually say and does not replace their readers: "seems to" is all
 * that a result means. Of a .link or .network file the [Match] keys Name, OriginalName, MACAddress,
 * PermanentMACAddress, Path and Driver are judged; any other is taken to fit. OriginalName is
 * compared with the name of today. netplan's YAML is read line by line, in block style: what is
 * written in flow style ({...}) is reported as unclear.
 */
#pragma once

#include "model/facts.h"

enum rival_kind {
        RIVAL_MANAGES,
        RIVAL_UNREADABLE, /* the file may not be read, so nobody knows; pf is "" */
        RIVAL_UNCLEAR,    /* it manages some PF, and does not say which in a way that we read */
};

struct rival {
        enum rival_kind kind;
        struct dev_id id;       /* of the PF */
        char pf[NETDEV_MAX];    /* its name for people: the uplink, else the address */
        char manager[WORD_MAX]; /* "NetworkManager" */
        char *path;             /* "/etc/NetworkManager/system-connections/a.nmconnection" */
};

struct rivals {
        struct rival *list; /* each PF, manager and path once */
        size_t n, capacity;
};

/* root_fd: of "/". -ENOMEM; what can not be read is in the result. */
int rivals_find(int root_fd, const struct pf_facts *const *pfs, size_t n_pfs, struct rivals *ret);
void rivals_done(struct rivals *rivals);

#define RIVAL_TEXT_MAX 600

/* "enp1s0: NetworkManager: /etc/..." */
void rival_describe(const struct rival *rival, char *buf, size_t size);
