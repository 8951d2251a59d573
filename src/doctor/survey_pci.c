/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI devices: who they are, what memory and bus numbers their VFs got. One thread. */
#include <fnmatch.h>
#include <stdio.h>

#include "doctor/look.h"
#include "doctor/survey.h"

#define DEVICES      "sys/bus/pci/devices"
#define RESOURCE_MAX 4096u
#define ALIASES_MAX  (8u * 1024u * 1024u)

/* The bridge is the component before the device in its path: ".../0000:3a:00.0/0000:3b:00.0". */
static void read_place(struct look *l, struct survey_device *d)
{
        char target[LOOK_PATH_MAX], *last, *above;
        struct bdf bdf;

        look_link(l, target, sizeof(target), DEVICES "/%s", d->address);
        last = strrchr(target, '/');
        if (!last)
                return;
        *last = '\0';
        above = strrchr(target, '/');
        if (above && parse_bdf(above + 1, &bdf) == 0)
                look_keep(d->bridge, sizeof(d->bridge), above + 1);
}

static void read_resources(struct look *l, struct survey_device *d)
{
        _cleanup_(freep) char *text = NULL;
        char *line, *rest;

        text = look_text(l, RESOURCE_MAX, DEVICES "/%s/resource", d->address);
        for (rest = text; rest && (line = strsep(&rest, "\n")) && d->n_resources < RESOURCES;) {
                struct pci_resource *r = &d->resources[d->n_resources];
                char *end;

                r->start = strtoull(line, &end, 16);
                r->end = strtoull(end, &end, 16);
                r->flags = strtoull(end, &end, 16);
                if (end == line || *end != '\0')
                        break;
                d->n_resources++;
        }
}

static void read_links(struct look *l, struct survey_device *d)
{
        _cleanup_(look_names_done) struct look_names names = {0}, nets = {0};
        char target[LOOK_PATH_MAX], *name;

        look_link(l, target, sizeof(target), DEVICES "/%s/driver", d->address);
        name = strrchr(target, '/');
        if (name)
                look_keep(d->driver, sizeof(d->driver), name + 1);
        look_names(l, &nets, DEVICES "/%s/net", d->address);
        if (nets.n > 0 && str_copy(d->netdev, sizeof(d->netdev), nets.list[0]) == 0)
                (void) look_exists(l, DEVICES "/%s/net/%s", d->address, d->netdev);
        if (!survey_is_pf(d))
                return;
        look_names(l, &names, DEVICES "/%s", d->address);
        for (size_t i = 0; i < names.n; i++)
                if (startswith(names.list[i], "virtfn")) {
                        look_link(l, target, sizeof(target), DEVICES "/%s/%s", d->address,
                                names.list[i]);
                        d->num_vfs += target[0] != '\0';
                }
}

/* The copy does not get the serial number. */
static void read_config(struct look *l, struct survey_device *d)
{
        struct look private = {.root_fd = l->root_fd, .record_fd = -1};
        uint8_t bytes[CONFIG_SPACE_MAX];
        char path[LOOK_PATH_MAX];
        size_t n;

        snprintf(path, sizeof(path), DEVICES "/%s/config", d->address);
        n = look_bytes(&private, bytes, sizeof(bytes), "%s", path);
        pci_caps_parse(bytes, n, &d->caps);
        if (d->caps.serial_at)
                memset(bytes + d->caps.serial_at, 0, 8);
        if (n > 0)
                look_record(l, path, bytes, n);
}

static void read_device(struct look *l, struct survey_device *d)
{
        d->vendor_id = (uint16_t) look_hex(l, 0, DEVICES "/%s/vendor", d->address);
        d->device_id = (uint16_t) look_hex(l, 0, DEVICES "/%s/device", d->address);
        d->pci_class = look_hex(l, 0, DEVICES "/%s/class", d->address);
        d->total_vfs = look_number(l, -1, DEVICES "/%s/sriov_totalvfs", d->address);
        d->offset = d->stride = -1;
        if (survey_is_pf(d)) {
                d->offset = look_number(l, -1, DEVICES "/%s/sriov_offset", d->address);
                d->stride = look_number(l, -1, DEVICES "/%s/sriov_stride", d->address);
                d->vf_device_id =
                        (uint16_t) look_hex(l, 0, DEVICES "/%s/sriov_vf_device", d->address);
        }
        read_links(l, d);
        read_resources(l, d);
        read_config(l, d);
        d->secondary = look_number(l, -1, DEVICES "/%s/secondary_bus_number", d->address);
        d->subordinate = look_number(l, -1, DEVICES "/%s/subordinate_bus_number", d->address);
        if (d->caps.bridge && d->subordinate < 0) {
                d->secondary = d->caps.secondary;
                d->subordinate = d->caps.subordinate;
        }
}

/* "alias pci:v00008086d000010C9sv*sd*bc*sc*i* igb" */
static void find_module(const char *aliases, const char *modalias, struct survey_device *d)
{
        _cleanup_(freep) char *copy = strdup(aliases);
        char *line, *rest = copy;

        while (rest && (line = strsep(&rest, "\n"))) {
                char *word = strsep(&line, " "), *pattern = strsep(&line, " ");

                if (!pattern || !line || !streq(word, "alias") || !startswith(pattern, "pci:") ||
                        fnmatch(pattern, modalias, 0) != 0)
                        continue;
                if (driver_name_valid(line)) {
                        look_keep(d->module, sizeof(d->module), line);
                        return;
                }
        }
}

/* For PFs without a driver: is there a module for them? */
static void find_modules(struct look *l, struct survey *s)
{
        struct look private = {.root_fd = l->root_fd, .record_fd = -1};
        _cleanup_(freep) char *aliases = NULL;
        char modalias[128], path[LOOK_PATH_MAX], line[256];

        for (size_t i = 0; i < s->n_devices; i++) {
                struct survey_device *d = &s->devices[i];

                if (d->driver[0] || !survey_is_pf(d))
                        continue;
                if (!aliases)
                        aliases = look_text(
                                &private, ALIASES_MAX, "lib/modules/%s/modules.alias", s->release);
                look_line(l, modalias, sizeof(modalias), DEVICES "/%s/modalias", d->address);
                if (!aliases || !modalias[0])
                        continue;
                find_module(aliases, modalias, d);
                if (!d->module[0])
                        continue;
                snprintf(path, sizeof(path), "lib/modules/%s/modules.alias", s->release);
                snprintf(line, sizeof(line), "alias %s %s\n", modalias, d->module);
                look_record(l, path, line, strlen(line));
        }
}

int survey_pci(struct look *l, struct survey *s)
{
        _cleanup_(look_names_done) struct look_names names = {0};

        look_names(l, &names, DEVICES);
        for (size_t i = 0; i < names.n; i++) {
                struct survey_device d = {.secondary = -1};
                int r;

                if (parse_bdf(names.list[i], &d.bdf) < 0 ||
                        look_exists(l, DEVICES "/%s/physfn", names.list[i]) ||
                        str_copy(d.address, sizeof(d.address), names.list[i]) < 0)
                        continue;
                r = array_grow(&s->devices, &s->capacity, s->n_devices, sizeof(*s->devices));
                if (r < 0)
                        return r;
                read_place(l, &d);
                read_device(l, &d);
                s->short_config |= survey_is_pf(&d) && d.caps.seen < CAPS_ALL;
                s->devices[s->n_devices++] = d;
        }
        find_modules(l, s);
        return 0;
}
