/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Journals of PFs and the checkpoint, over one store. Loop thread. */
#include <stdio.h>

#include "base/fileio.h"
#include "base/log.h"
#include "daemon/ledger.h"

struct page {
        struct dev_id pf;
        struct journal_state state;
};

struct ledger {
        struct store *store; /* NULL: could not be opened */
        int store_error;
        struct crash *crash;
        char boot_id[BOOT_ID_MAX];
        struct page **pages;
        size_t n, capacity;
        struct checkpoint checkpoint;
};

static int find_boot_id(const char *given, char ret[static BOOT_ID_MAX])
{
        if (given[0])
                return str_copy(ret, BOOT_ID_MAX, given);
        return read_line_at(-1, "/proc/sys/kernel/random/boot_id", ret, BOOT_ID_MAX);
}

static void read_checkpoint(struct ledger *l)
{
        int r = checkpoint_read(l->store, &l->checkpoint);

        if (r < 0 && r != -ENOENT)
                log_error("state: the checkpoint of the last apply is not readable: %s; it can not "
                          "be rolled back",
                        strerror(-r));
}

int ledger_new_with(
        struct store *store, const char *boot_id, struct crash *crash, struct ledger **ret)
{
        _cleanup_(ledger_freep) struct ledger *l = calloc(1, sizeof(*l));
        int r;

        if (!l) {
                store_free(store);
                return -ENOMEM;
        }
        l->store = store;
        l->crash = crash;
        r = find_boot_id(boot_id, l->boot_id);
        if (r < 0) {
                log_error("state: the boot id is not to be had: %s", strerror(-r));
                return r;
        }
        read_checkpoint(l);
        *ret = TAKE_PTR(l);
        return 0;
}

int ledger_new(const char *dir, const char *boot_id, struct crash *crash, struct ledger **ret)
{
        struct store *store = NULL;
        struct ledger *l;
        int r;

        r = store_open(dir, crash, &store);
        if (r == 0)
                return ledger_new_with(store, boot_id, crash, ret);
        log_error("state: %s: %s; nothing will be changed until it can be written", dir,
                strerror(-r));
        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        l->store_error = r;
        l->crash = crash;
        (void) find_boot_id(boot_id, l->boot_id);
        *ret = l;
        return 0;
}

void ledger_free(struct ledger *l)
{
        for (size_t i = 0; i < l->n; i++) {
                journal_state_done(&l->pages[i]->state);
                free(l->pages[i]);
        }
        free(l->pages);
        checkpoint_done(&l->checkpoint);
        if (l->store)
                store_free(l->store);
        free(l);
}

const char *ledger_boot_id(const struct ledger *l)
{
        return l->boot_id;
}

struct crash *ledger_crash(const struct ledger *l)
{
        return l->crash;
}

struct store *ledger_store(const struct ledger *l)
{
        return l->store;
}

static void read_page(struct ledger *l, struct page *page)
{
        int r = l->store ? journal_read(l->store, &page->pf, l->boot_id, &page->state) : 0;

        if (r < 0)
                log_error("%s: its journal is not readable: %s; what is on the hardware counts",
                        dev_id_address(&page->pf), strerror(-r));
        if (page->state.damaged)
                log_warning("%s: its journal was damaged at the end, as by a power cut; what was "
                            "behind record %llu is lost",
                        dev_id_address(&page->pf), (unsigned long long) page->state.sequence);
}

static struct page *page_of(struct ledger *l, const struct dev_id *pf)
{
        struct page *page;

        for (size_t i = 0; i < l->n; i++)
                if (dev_id_equal(&l->pages[i]->pf, pf))
                        return l->pages[i];
        if (array_grow(&l->pages, &l->capacity, l->n, sizeof(*l->pages)) < 0)
                return NULL;
        page = calloc(1, sizeof(*page));
        if (!page)
                return NULL;
        page->pf = *pf;
        read_page(l, page);
        l->pages[l->n++] = page;
        return page;
}

const struct journal_state *ledger_of(struct ledger *l, const struct dev_id *pf)
{
        const struct page *page = page_of(l, pf);

        return page ? &page->state : NULL;
}

static int append(struct ledger *l, struct page *page, struct txn *txn)
{
        int r;

        if (!l->store)
                return l->store_error;
        txn->sequence = page->state.sequence + 1;
        memcpy(txn->boot_id, l->boot_id, sizeof(txn->boot_id));
        r = journal_write(l->store, &page->pf, txn);
        if (r == 0)
                page->state.sequence++;
        return r;
}

int ledger_intent(struct ledger *l, const struct dev_id *pf, struct txn *txn, struct fault *f)
{
        struct page *page = page_of(l, pf);
        int r;

        txn->type = TXN_INTENT;
        r = page ? append(l, page, txn) : -ENOMEM;
        if (r < 0)
                return fault_set(f, FAULT_NOT_DURABLE, -r,
                        "%s of %s refused: what is about to be done could not be written to the "
                        "state directory (%s), and a crash would leave nobody to finish it; make "
                        "room or mend the disk, then restart sriovd",
                        txn->kind, dev_id_address(pf), strerror(-r));
        page->state.open = true;
        crash_at(l->crash, CRASH_INTENT_DURABLE);
        return 0;
}

/* The intent is closed for this life, whatever the disk says; for the next one it may be open. */
static void close_intent(struct ledger *l, struct page *page, struct txn *txn)
{
        int r = append(l, page, txn);

        if (r < 0)
                log_error("%s: its journal can not be written: %s; a restart will look at the "
                          "hardware once more",
                        dev_id_address(&page->pf), strerror(-r));
        page->state.open = false;
        txn_done(&page->state.intent);
        page->state.intent = (struct txn){0};
}

void ledger_commit(struct ledger *l, const struct dev_id *pf, uint64_t applied)
{
        struct txn txn = {.type = TXN_COMMIT, .applied = applied};
        struct page *page = page_of(l, pf);

        if (!page || (!page->state.open && page->state.applied == applied))
                return;
        close_intent(l, page, &txn);
        page->state.applied = applied;
        crash_at(l->crash, CRASH_COMMITTED);
}

void ledger_abort(struct ledger *l, const struct dev_id *pf, const char *why)
{
        struct txn txn = {.type = TXN_ABORT};
        struct page *page = page_of(l, pf);

        if (!page || !page->state.open)
                return;
        snprintf(txn.text, sizeof(txn.text), "%s", why);
        close_intent(l, page, &txn);
}

void ledger_leave(struct ledger *l, const struct dev_id *pf)
{
        struct page *page = page_of(l, pf);

        if (!page || !page->state.open)
                return;
        journal_state_done(&page->state);
        page->state = (struct journal_state){0};
        read_page(l, page);
}

const struct checkpoint *ledger_checkpoint(const struct ledger *l)
{
        return &l->checkpoint;
}

int ledger_set_checkpoint(struct ledger *l, struct checkpoint *checkpoint, struct fault *f)
{
        int r;

        memcpy(checkpoint->boot_id, l->boot_id, sizeof(checkpoint->boot_id));
        r = l->store ? checkpoint_write(l->store, checkpoint) : l->store_error;
        if (r < 0) {
                checkpoint_done(checkpoint);
                return fault_set(f, FAULT_NOT_DURABLE, -r,
                        "refused: the way back could not be written to the state directory: %s; "
                        "make room or mend the disk, then restart sriovd",
                        strerror(-r));
        }
        checkpoint_done(&l->checkpoint);
        l->checkpoint = *checkpoint;
        *checkpoint = (struct checkpoint){0};
        return 0;
}
