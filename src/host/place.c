/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths and slots of PCI devices. Worker threads. */
#include <limits.h>
#include <stdio.h>

#include "host/place.h"

#define SYSFS_SLOTS "bus/pci/slots"

/* Adds a component of the device's path in sysfs; what is no address ("pci0000:00") is no hop. */
static int add_hop(char path[static PCI_PATH_MAX], const char *component)
{
        size_t at = strlen(path);
        struct dev_id id;
        const char *hop;

        if (dev_id_from_address(component, &id) < 0)
                return 0;
        hop = dev_id_address(&id);
        if (at > 0) {
                hop = strrchr(hop, ':') + 1; /* "1c.0" */
                path[at++] = '/';
        }
        return str_copy(path + at, PCI_PATH_MAX - at, hop);
}

void place_path(int root_fd, const char *address, char path[static PCI_PATH_MAX])
{
        char link[sizeof(SYSFS_DEVICES) + BDF_STR_MAX], target[PATH_MAX], *rest = target, *word;
        ssize_t n;

        path[0] = '\0';
        snprintf(link, sizeof(link), SYSFS_DEVICES "/%s", address);
        n = readlinkat(root_fd, link, target, sizeof(target) - 1);
        if (n < 0)
                return;
        target[n] = '\0';
        while ((word = strsep(&rest, "/")))
                if (add_hop(path, word) < 0) {
                        path[0] = '\0';
                        return;
                }
}

void place_slot(int root_fd, const char *address, char slot[static WORD_MAX])
{
        _cleanup_(closedirp) DIR *dir = NULL;
        size_t n = strlen(address) - strlen(".0");
        char path[NAME_MAX + sizeof("/address")], text[BDF_STR_MAX];
        struct dirent *entry;

        slot[0] = '\0';
        if (sysfs_open_dir(root_fd, SYSFS_SLOTS, &dir) < 0)
                return;
        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.' || strlen(entry->d_name) >= WORD_MAX ||
                        (slot[0] != '\0' && strcmp(slot, entry->d_name) < 0))
                        continue;
                snprintf(path, sizeof(path), "%s/address", entry->d_name);
                sysfs_read_text(dirfd(dir), path, text, sizeof(text));
                if (strlen(text) == n && strncmp(text, address, n) == 0 &&
                        utf8_valid(entry->d_name))
                        snprintf(slot, WORD_MAX, "%s", entry->d_name);
        }
}
