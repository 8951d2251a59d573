/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binding and unbinding, checked by the driver link. Worker threads. */
#include <fcntl.h>
#include <stdio.h>

#include "host/driver.h"
#include "host/errtext.h"

int driver_unbind(int vf_fd, const char *address, struct fault *f)
{
        struct advice_case c;
        char driver[DRIVER_MAX];
        int r;

        sysfs_read_link(vf_fd, "driver", driver, sizeof(driver));
        if (driver[0] == '\0')
                return 0;
        c = errtext_of_driver(STEP_UNBIND, driver);
        r = sysfs_write(vf_fd, "driver/unbind", address);
        sysfs_read_link(vf_fd, "driver", driver, sizeof(driver));
        if (driver[0] == '\0' && faccessat(vf_fd, "vendor", F_OK, 0) == 0)
                return 0; /* whoever did it */
        if (r < 0)
                return errtext_fault(f, &c, -r, "unbind of %s from %s", address, driver);
        return fault_set(f, FAULT_NOT_APPLIED, 0,
                "unbind of %s was taken, and it is on driver %s still or again", address, driver);
}

int driver_bind(int root_fd, int vf_fd, const char *address, const char *name, struct fault *f)
{
        char path[sizeof("bus/pci/drivers//bind") + DRIVER_MAX], driver[DRIVER_MAX];
        const struct advice_case c = errtext_of_driver(STEP_BIND, name);
        int r;

        if (!driver_name_valid(name))
                return fault_set(f, FAULT_INVALID_ARGS, 0, "'%s' is not a driver's name", name);
        sysfs_read_link(vf_fd, "driver", driver, sizeof(driver));
        if (streq(driver, name))
                return 0;
        if (driver[0] != '\0')
                return fault_set(f, FAULT_BUSY, 0,
                        "bind of %s to %s refused: it is on driver %s, unbind it first", address,
                        name, driver);
        snprintf(path, sizeof(path), "bus/pci/drivers/%s/bind", name);
        if (faccessat(root_fd, path, F_OK, 0) < 0)
                return errtext_fault(f, &c, ENOENT, "bind of %s to %s", address, name);
        /*
         * The driver's own bind file, not drivers_probe: that one reports success whatever came of
         * it, and this one the errno of the probe.
         */
        r = write_attr_at(root_fd, path, address);
        sysfs_read_link(vf_fd, "driver", driver, sizeof(driver));
        if (streq(driver, name))
                return 0;
        if (faccessat(vf_fd, "vendor", F_OK, 0) < 0)
                return errtext_fault(f, NULL, ENODEV, "bind of %s to %s failed", address, name);
        if (r < 0)
                return errtext_fault(f, &c, -r, "bind of %s to %s", address, name);
        return fault_set(f, FAULT_NOT_APPLIED, 0,
                "bind of %s to %s was taken, and it is on %s: the kernel's log says why", address,
                name, driver[0] ? driver : "no driver");
}

int driver_probe(int root_fd, int pf_fd, int vf_fd, const char *address, struct fault *f)
{
        char driver[DRIVER_MAX], override[DRIVER_MAX] = "";
        char path[sizeof("bus/pci/drivers/") + DRIVER_MAX];
        uint32_t autoprobe = 1; /* as it is where the file is missing */
        struct advice_case c;
        int r;

        sysfs_read_link(vf_fd, "driver", driver, sizeof(driver));
        if (driver[0] != '\0')
                return 0;
        sysfs_read_override(vf_fd, override);
        c = errtext_of_driver(STEP_PROBE, override);
        sysfs_read_u32(pf_fd, "sriov_drivers_autoprobe", &autoprobe);
        if (autoprobe == 0 && override[0] == '\0')
                return errtext_fault(f, &c, ENODEV, "probe of %s", address);
        r = write_attr_at(root_fd, "bus/pci/drivers_probe", address);
        sysfs_read_link(vf_fd, "driver", driver, sizeof(driver));
        if (driver[0] != '\0')
                return 0;
        if (faccessat(vf_fd, "vendor", F_OK, 0) < 0)
                return errtext_fault(f, NULL, ENODEV, "probe of %s failed", address);
        if (r < 0)
                return errtext_fault(f, &c, -r, "probe of %s", address);
        snprintf(path, sizeof(path), "bus/pci/drivers/%s", override);
        if (override[0] != '\0' && faccessat(root_fd, path, F_OK, 0) == 0)
                return fault_set(f, FAULT_NOT_APPLIED, 0,
                        "probe of %s was taken, and its driver_override %s did not take it: the "
                        "kernel's log says why",
                        address, override);
        return 0;
}

static int write_override(int vf_fd, const char *address, const char *name, struct fault *f)
{
        const struct advice_case c = errtext_of_driver(STEP_SET_OVERRIDE, "");
        char text[DRIVER_MAX + 1], now[DRIVER_MAX] = "";
        int r;

        snprintf(text, sizeof(text), "%s\n", name);
        r = sysfs_write(vf_fd, "driver_override", text);
        if (r == 0)
                r = sysfs_read_override(vf_fd, now);
        if (r < 0)
                return errtext_fault(f, &c, -r, "driver_override of %s", address);
        if (!streq(now, name))
                return fault_set(f, FAULT_NOT_APPLIED, 0,
                        "driver_override of %s: wrote '%s' and read '%s'", address, name, now);
        return 0;
}

int driver_set_override(int vf_fd, const char *address, const char *name, struct fault *f)
{
        if (!driver_name_valid(name))
                return fault_set(f, FAULT_INVALID_ARGS, 0, "'%s' is not a driver's name", name);
        return write_override(vf_fd, address, name, f);
}

int driver_clear_override(int vf_fd, const char *address, struct fault *f)
{
        return write_override(vf_fd, address, "", f);
}
