/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A refusal or failure as a value: a closed code that programs match on, the errno it came from,
 * the step of the plan, and a text for people that names what was refused, why, what holds it and
 * what to do. Any thread.
 *
 * Code that only passes an errno on needs no fault; code that knows why fills one in.
 */
#pragma once

#include "base/util.h"

enum fault_code {
        FAULT_NONE,
        FAULT_INVALID_ARGS,  /* malformed or out of range, whatever the hardware */
        FAULT_NOT_FOUND,     /* no such PF, VF, group or job */
        FAULT_NOT_SUPPORTED, /* this device or driver can not do it */
        FAULT_IN_USE,        /* somebody has the VF open */
        FAULT_VFS_EXIST,     /* count N to M needs `replace`: the kernel destroys all VFs first */
        FAULT_PARTIAL_COUNT, /* fewer VFs came than were asked for */
        FAULT_NO_DRIVER,     /* no driver, or one without SR-IOV, is bound */
        FAULT_DRIVER_NOT_ALLOWED, /* driver name is not on the allow-list */
        FAULT_NOT_ISOLATED,       /* IOMMU group not viable for vfio, or no IOMMU */
        FAULT_BUSY,               /* another operation on this device has not returned */
        FAULT_NO_RESOURCES,       /* MMIO, bus numbers, MSI-X, memory */
        FAULT_GONE,               /* the device vanished under us */
        FAULT_IO,                 /* the kernel said EIO, or something nobody expected */
        FAULT_TIMEOUT,            /* did not come in time */
        FAULT_NOT_APPLIED,        /* the write succeeded and reading back shows another value */
        FAULT_NOT_AUTHORIZED,     /* polkit said no */
        FAULT_AUTH_REQUIRED,      /* polkit wants to ask, and the caller did not allow it */
        FAULT_BACKEND_LOST,       /* no connection to sriovd-host or sriov-sim */
        FAULT_LIMITS,             /* a limit of this service is reached */
        FAULT_CANCELLED,          /* the job was cancelled before it began */
        FAULT_PLAN_CHANGED,       /* the plan is not the one that was agreed to any more */
        FAULT_NOT_DURABLE,        /* the intent could not be written down, so nothing was begun */
        FAULT_INTERNAL,           /* a bug of ours */
        FAULT_MAX,
};

#define FAULT_TEXT_MAX 768
#define FAULT_NO_STEP  (-1)

struct fault {
        enum fault_code code;
        int error; /* positive errno, 0 when none */
        int step;  /* index into the plan, or FAULT_NO_STEP */
        char text[FAULT_TEXT_MAX];
};

#define FAULT_NULL ((struct fault){.step = FAULT_NO_STEP})

/* "InUse", as in the D-Bus error name org.sriovd1.Error.InUse. Never NULL. */
const char *fault_code_name(enum fault_code code);

/* The inverse; FAULT_MAX when unknown. */
enum fault_code fault_code_from_name(const char *name);

/*
 * Fills *f (which may be NULL) and returns the negative errno that goes with it: -error, or a fixed
 * one for the code where error is 0. Text longer than FAULT_TEXT_MAX is cut: it is for people.
 * Bytes that are not printable UTF-8 are escaped, so a text can go to any terminal or log.
 */
int fault_set(struct fault *f, enum fault_code code, int error, const char *fmt, ...)
        _printf_(4, 5);

/* Adds to the text, as far as there is room. */
void fault_append(struct fault *f, const char *text);

/* The code that an errno of a device write means when nothing better is known. */
enum fault_code fault_code_of_errno(int error);
