/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bus numbers and addresses of a topology, as a kernel would give them. Pure, any thread. */
#pragma once

#include "config/json.h"
#include "sim/topology.h"

/*
 * Numbers the buses depth first, gives every function without an address one, names the netdevs.
 * bridges and pfs: the arrays of the file, for refusals: no bus left, two functions (VFs to come
 * included) at one address, two netdevs of one name.
 */
int topology_number(struct topology *t, const struct json_value *bridges,
        const struct json_value *pfs, struct fault *f);

/* cfgspace_vf_address() of a PF of this profile. */
bool sim_vf_address(
        const struct bdf *pf, const struct sim_profile *profile, uint32_t i, struct bdf *ret);

/* The name and MAC address of a netdev that was given none: from where its card is. */
void sim_name_netdev(const struct bdf *address, char netdev[static NETDEV_MAX], struct mac *mac);
