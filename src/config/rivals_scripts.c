/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes to sriov_numvfs in udev rules and rc.local; driverctl's overrides. Loop thread. */
#include <stdio.h>

#include "config/rivals_private.h"

/* The line names the PF, or a udev rule its driver. */
static bool fits_line(const struct pf_facts *pf, const void *line)
{
        return pf_in_text(pf, line) || (pf->driver[0] && has_word(line, pf->driver));
}

static int scan(struct search *s, const char *manager, const char *path)
{
        _cleanup_(freep) char *text = NULL;
        char *rest, *line;
        int r;

        r = search_read(s, manager, path, &text);
        if (r < 0 || !text)
                return r;
        rest = text;
        while (r == 0 && (line = next_line(&rest, true)))
                if (has_word(line, "sriov_numvfs"))
                        r = search_add_fitting(s, fits_line, line, true, manager, path);
        return r;
}

/* Is it the address of the PF or, there or not, of one of its VFs. */
static bool has_function(const struct pf_facts *pf, const void *address)
{
        struct bdf own, other;
        uint32_t own_rid, rid;

        if (parse_bdf(dev_id_address(&pf->id), &own) < 0 || parse_bdf(address, &other) < 0 ||
                own.domain != other.domain)
                return false;
        own_rid = (uint32_t) own.bus << 8 | own.devfn;
        rid = (uint32_t) other.bus << 8 | other.devfn;
        if (rid == own_rid)
                return true;
        if (pf->offset <= 0 || rid < own_rid + (uint32_t) pf->offset)
                return false;
        rid -= own_rid + (uint32_t) pf->offset;
        if (pf->stride <= 0)
                return rid == 0 && pf->total_vfs > 0;
        return rid % (uint32_t) pf->stride == 0 && rid / (uint32_t) pf->stride < pf->total_vfs;
}

static int read_driverctl(struct search *s)
{
        static const char manager[] = "driverctl", dir[] = "etc/driverctl.d";
        _cleanup_(names_done) struct names names = {0};
        int r;

        r = search_names(s, manager, dir, "", &names);
        for (size_t i = 0; i < names.n && r == 0; i++) {
                const char *name = names.list[i]->d_name;
                _cleanup_(freep) char *path = join_path(dir, name);

                if (!path)
                        return -ENOMEM;
                if (startswith(name, "pci-"))
                        name += strlen("pci-");
                r = search_add_fitting(s, has_function, name, false, manager, path);
        }
        return r;
}

int rivals_scripts(struct search *s)
{
        static const char rules[] = "etc/udev/rules.d";
        static const char *const scripts[] = {"etc/rc.local", "etc/rc.d/rc.local"};
        _cleanup_(names_done) struct names names = {0};
        int r;

        r = search_names(s, "udev", rules, ".rules", &names);
        for (size_t i = 0; i < names.n && r == 0; i++) {
                _cleanup_(freep) char *path = join_path(rules, names.list[i]->d_name);

                r = path ? scan(s, "udev", path) : -ENOMEM;
        }
        for (size_t i = 0; i < ELEMENTSOF(scripts) && r == 0; i++)
                r = scan(s, "rc.local", scripts[i]);
        return r < 0 ? r : read_driverctl(s);
}
