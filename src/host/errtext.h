/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults out of errnos, by model/advice.h, with what can be read of the device. Worker threads. */
#pragma once

#include "host/sysfs.h"
#include "model/advice.h"

/* A step on this PF, or (physfn) on this VF of it: its driver, and whether its link is down. */
struct advice_case errtext_of_pf(enum step_kind kind, int pf_fd);
struct advice_case errtext_of_vf(enum step_kind kind, int vf_fd);

/* A step that a VF's driver does or refuses: bind, probe, unbind. */
struct advice_case errtext_of_driver(enum step_kind kind, const char *driver);

/* As advice_fault(); c NULL: a reading. error is positive; returns -error. */
int errtext_fault(struct fault *f, const struct advice_case *c, int error, const char *fmt, ...)
        _printf_(4, 5);
