/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the simulated kernel to the datapath: what a driver that comes or goes, a count, a setting
 * and a guest mean to the NIC of a PF. Storage has none, and all of this does nothing there. Any
 * thread, machine locked; holds the traffic meanwhile, never waits for anything else.
 */
#pragma once

#include "sim/machine.h"

/* The PF's driver takes the card: its NIC begins to work (or it leaves it). What goes wrong, such
 * as a tap that may not be made, is logged and kept in m->trouble; the PF has no datapath then. */
void wiring_attach(struct machine *m, struct sim_pf *pf);
void wiring_detach(struct machine *m, struct sim_pf *pf);

/* So many VFs are enabled; 0: none. */
int wiring_set_count(struct machine *m, struct sim_pf *pf, uint32_t count);

/* A VF's host driver has it: its netdev, if somebody uses it. */
void wiring_probed(struct machine *m, struct sim_pf *pf, uint32_t vf);
/* Nobody has it any more: driver gone, guest gone. */
void wiring_left(struct machine *m, struct sim_pf *pf, uint32_t vf);
/* A virtual machine opened it. */
void wiring_opened(struct machine *m, struct sim_pf *pf, uint32_t vf, const char *guest);

int wiring_set_vf(struct machine *m, struct sim_pf *pf, uint32_t vf, enum vf_setting setting,
        const struct vf_attrs *attrs);
void wiring_reset(struct machine *m, struct sim_pf *pf, uint32_t vf);
/* Scenarios: the PF's driver leaves its mailboxes alone; a guest's driver sends descriptors with
 * addresses that are not its own. -ENOTCONN: nobody has that function open. */
void wiring_set_deaf(struct machine *m, struct sim_pf *pf, bool deaf);
int wiring_wild_dma(struct machine *m, struct sim_pf *pf, uint32_t vf, uint32_t count);
void wiring_set_mtu(struct machine *m, struct sim_pf *pf);
void wiring_set_link(struct machine *m, struct sim_pf *pf);

/* Opens the netdev of a function that is on its host driver, if nobody uses it yet: 0 it is open,
 * -ENODEV it is on another driver or on none, -EOPNOTSUPP no datapath. */
int wiring_open_netdev(struct machine *m, struct sim_pf *pf, uint32_t vf, struct fault *f);

/* Counters of a VF as its PF's driver reports them. False: none. */
bool wiring_vf_stats(struct machine *m, struct sim_pf *pf, uint32_t vf, struct pool_stats *ret);
