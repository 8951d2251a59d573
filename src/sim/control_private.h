/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the interface org.sriovd1.Sim share. Loop thread. */
#pragma once

#include "sim/control.h"

/* The simulated machine's refusal as a D-Bus error. Both return a negative errno. */
int control_fault(sd_bus_error *error, const struct fault *f);
/* The simulated kernel's refusal of something somebody else did. */
int control_errno(sd_bus_error *error, int r, const char *fmt, ...) _printf_(3, 4);

/* The slot that an address, pci/ADDRESS or the netdev of a card in it names; NULL. */
struct sim_pf *control_slot(struct machine *m, const char *text);
/* A PF that is there. */
int control_pf(struct machine *m, const char *text, struct sim_pf **ret, sd_bus_error *error);
/* A PF and a VF that its virtfn link shows (or, with or_pf, NO_VF). */
int control_vf(struct machine *m, const char *text, uint32_t vf, bool or_pf, struct sim_pf **ret,
        sd_bus_error *error);
/* For methods that take a PF alone. */
int control_read_pf(
        sd_bus_message *msg, struct machine *m, struct sim_pf **ret, sd_bus_error *error);

/* The methods, by their names: control.h says what each does. userdata is the machine. */
int control_inject_fault(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_release_fault(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_plug(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_unplug(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_open_vf(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_close_vf(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_use(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_unuse(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_harmed(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_set_vf_attr(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_set_num_vfs(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_bind_vf(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_rename_netdev(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_set_link(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_reload_driver(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_writes(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_write_log(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_devices(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_config(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_send(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_trace(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_capture(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_end_capture(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_capturing(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_stats(sd_bus_message *msg, void *userdata, sd_bus_error *error);
int control_ask(sd_bus_message *msg, void *userdata, sd_bus_error *error);
