/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NetworkManager's connection profiles (nm-settings-keyfile(5)) with an [sriov] section. Loop
 * thread. */
#include <stdio.h>

#include "config/rivals_private.h"

#define MANAGER "NetworkManager"

struct profile {
        const char *interface, *mac; /* NULL: not said */
        bool sriov;
};

static bool fits(const struct pf_facts *pf, const void *userdata)
{
        const struct profile *p = userdata;

        if (pf->n_netdevs == 0)
                return false;
        if (p->interface && !pf_has_name(pf, p->interface))
                return false;
        return !p->mac || pf_has_mac(pf, p->mac);
}

static void take(struct profile *p, const char *section, const char *key, const char *value)
{
        bool ethernet = streq(section, "ethernet") || streq(section, "802-3-ethernet");

        if (*value == '\0')
                return;
        if (streq(section, "sriov"))
                p->sriov = p->sriov || streq(key, "total-vfs") || startswith(key, "vf.");
        else if (streq(section, "connection") && streq(key, "interface-name"))
                p->interface = value;
        else if (ethernet && streq(key, "mac-address"))
                p->mac = value;
}

static int read_profile(struct search *s, const char *path)
{
        _cleanup_(freep) char *text = NULL;
        const char *section = "";
        struct profile profile = {0};
        char *rest, *line, *key, *value;
        int r;

        r = search_read(s, MANAGER, path, &text);
        if (r < 0 || !text)
                return r;
        rest = text;
        while ((line = next_line(&rest, false))) {
                size_t n = strlen(line);

                if (line[0] == '[' && line[n - 1] == ']') {
                        line[n - 1] = '\0';
                        section = line + 1;
                } else if (split_setting(line, &key, &value)) {
                        take(&profile, section, key, value);
                }
        }
        return profile.sriov ? search_add_fitting(s, fits, &profile, false, MANAGER, path) : 0;
}

int rivals_networkmanager(struct search *s)
{
        /* In /etc a profile needs no suffix: nm_keyfile_utils_ignore_filename(). */
        static const struct {
                const char *dir, *suffix;
        } dirs[] = {
                {"etc/NetworkManager/system-connections", ""},
                {"run/NetworkManager/system-connections", ".nmconnection"},
                {"usr/lib/NetworkManager/system-connections", ".nmconnection"},
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(dirs) && r == 0; i++) {
                _cleanup_(names_done) struct names names = {0};

                r = search_names(s, MANAGER, dirs[i].dir, dirs[i].suffix, &names);
                for (size_t k = 0; k < names.n && r == 0; k++) {
                        const char *name = names.list[k]->d_name;
                        _cleanup_(freep) char *path = join_path(dirs[i].dir, name);

                        if (!path)
                                return -ENOMEM;
                        if (name[strlen(name) - 1] != '~')
                                r = read_profile(s, path);
                }
        }
        return r;
}
