/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libpci, tamed. Any thread. */
#include <pci/pci.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>

#include "host/pciinfo.h"

struct pci_names {
        pthread_mutex_t lock;
        struct pci_access *access;
        bool broken; /* an error left libpci's tables in an unknown state: never called again */
};

/* libpci's error handler gets no pointer of ours; it runs on the thread that called libpci. */
static _Thread_local jmp_buf *on_error;

static void __attribute__((noreturn, format(printf, 1, 2))) jump(_unused_ char *msg, ...)
{
        longjmp(*on_error, 1);
}

static void __attribute__((format(printf, 1, 2))) ignore(_unused_ char *msg, ...)
{
}

int pci_names_new(struct pci_names **ret)
{
        struct pci_names *names;

        names = calloc(1, sizeof(*names));
        if (!names)
                return -ENOMEM;
        names->access = pci_alloc();
        if (!names->access) {
                free(names);
                return -ENOMEM;
        }
        pthread_mutex_init(&names->lock, NULL);
        names->access->error = jump;
        names->access->warning = ignore;
        names->access->debug = ignore;
        *ret = names;
        return 0;
}

void pci_names_free(struct pci_names *names)
{
        jmp_buf here;

        if (!names)
                return;
        if (setjmp(here) == 0) {
                on_error = &here;
                if (!names->broken)
                        pci_cleanup(names->access);
        }
        on_error = NULL;
        pthread_mutex_destroy(&names->lock);
        free(names);
}

static void lookup(struct pci_access *access, char *buf, int flags, int vendor_id, int device_id)
{
        char name[1024];

        if (pci_lookup_name(access, name, sizeof(name), flags | PCI_LOOKUP_NO_NUMBERS, vendor_id,
                    device_id) == name)
                escape_text(buf, NAME_MAX_TEXT, name);
}

void pci_names_lookup(struct pci_names *names, uint16_t vendor_id, uint16_t device_id,
        char vendor[static NAME_MAX_TEXT], char device[static NAME_MAX_TEXT])
{
        jmp_buf here;

        vendor[0] = device[0] = '\0';
        pthread_mutex_lock(&names->lock);
        if (!names->broken) {
                on_error = &here;
                if (setjmp(here) == 0) {
                        lookup(names->access, vendor, PCI_LOOKUP_VENDOR, vendor_id, 0);
                        lookup(names->access, device, PCI_LOOKUP_DEVICE, vendor_id, device_id);
                } else {
                        names->broken = true;
                }
                on_error = NULL;
        }
        pthread_mutex_unlock(&names->lock);
}
