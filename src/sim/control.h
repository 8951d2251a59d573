/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done to the simulated machine from outside the service: by its guests, by other
 * administrators, by hands at the slots, and by whoever wants something to go wrong. Loop thread;
 * nothing here ever waits, what would have to is refused with Busy.
 *
 * Interface org.sriovd1.Sim on /org/sriovd1/sim of every connection of the backend's socket. `pf`
 * is an address, pci/ADDRESS or a netdev; vf 4294967295 the PF itself.
 *
 *   InjectFault(s pf, s fault) -> u id   "errno step=set_vf vf=3 error=EBUSY" (fault.h)
 *   ReleaseFault(u id)                   0: all
 *   Plug(s pf, s profile)                into the empty slot; "": the card that was there
 *   Unplug(s pf)
 *   OpenVf(s pf, u vf, s guest)          a guest opens the vfio device
 *   CloseVf(s pf, u vf)
 *   SetVfAttr(s pf, u vf, s name, s value)   somebody else's `ip link set`
 *   SetNumVfs(s pf, u count)                 somebody else's write to sriov_numvfs
 *   BindVf(s pf, u vf, s driver)             somebody else's driver_override and bind; "": unbind
 *   RenameNetdev(s pf, u vf, s name)
 *   SetLink(s pf, s state)               up, down (ip link set), unplugged, plugged (the cable)
 *   ReloadDriver(s pf)                   rmmod and modprobe
 *   Writes(s pf) -> t                    steps that changed something, or tried to, since the start
 *   WriteLog() -> as                     the last of them, oldest first
 *   Devices() -> a(ss)                   address and title of everything on the bus
 *   Config(s device) -> s                configuration space as `lspci -F` reads it
 *   Send(s pf, s where, as frame, u count) -> t   how many were taken; where: wire, pf or a VF's
 *                                                 index; frame: frametext.h
 *   Trace(s pf, s where, as frame) -> ss          one frame's way: lines, and an SVG picture
 *   Capture(s pf, s where, h file, t count) -> u id   pcapng; where also: drops; count 0: no end
 *   EndCapture(u id) -> t                         how many frames it has
 *   Capturing(u id) -> b                          is it still going on
 *   Stats(s pf) -> ss                             counters as JSON, and as a table
 *   Ask(s pf, u vf, s key, s value)               what a guest's driver asks of the PF's: mac,
 *                                                 vlan (+VID, -VID), macvlan, mode, mtu
 *
 * Errors are org.sriovd1.Error.NAME with the text of a fault, as on the daemon's bus.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "sim/machine.h"

#define SIM_INTERFACE "org.sriovd1.Sim"
#define SIM_PATH      "/org/sriovd1/sim"

/* A backend_peer_fn (backend/server.h); userdata is the machine. */
int control_add(sd_bus *bus, void *machine);
