/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Methods that ask the backend before they answer: who holds a VF, and its counters. Everybody may
 * call them, so one question about one device is in flight at a time, whoever asks waits for its
 * answer, and counters not older than a second are not read again. Loop thread.
 */
#include "daemon/bus_internal.h"
#include "daemon/look.h"

#define FRESH_USEC  1000000ull
#define ASKED_MAX   64   /* questions in flight */
#define WAITERS_MAX 1024 /* callers of one question */
#define WHOLE_PF    (NO_VF - 1)

struct reading {
        struct bus *bus;
        struct reading *next;
        struct dev_id pf;
        uint32_t vf; /* NO_VF: counters of the whole PF; WHOLE_PF: its and its VFs' holders */
        bool asked;
        uint64_t read_usec; /* counters: when they came */
        sd_bus_message **waiters;
        size_t n, capacity;
};

static struct reading *reading_find(struct bus *bus, const struct dev_id *pf, uint32_t vf)
{
        for (struct reading *r = bus->readings; r; r = r->next)
                if (r->vf == vf && dev_id_equal(&r->pf, pf))
                        return r;
        return NULL;
}

static void reading_free(struct reading *reading)
{
        struct reading **at = &reading->bus->readings;

        while (*at != reading)
                at = &(*at)->next;
        *at = reading->next;
        for (size_t i = 0; i < reading->n; i++)
                sd_bus_message_unref(reading->waiters[i]);
        free(reading->waiters);
        free(reading);
}

void bus_readings_free(struct bus *bus)
{
        while (bus->readings)
                reading_free(bus->readings);
}

/* Answers that nobody will be given any more; says how many questions are in flight. */
static unsigned tidy(struct bus *bus)
{
        unsigned asked = 0;

        for (struct reading *r = bus->readings, *next; r; r = next) {
                next = r->next;
                if (r->asked)
                        asked++;
                else if (now_usec() - r->read_usec > FRESH_USEC)
                        reading_free(r);
        }
        return asked;
}

/* The reading that m waits for from now on; the caller asks the backend when it is not `asked`. */
static int wait_for(struct bus *bus, sd_bus_message *m, const struct dev_id *pf, uint32_t vf,
        struct reading **ret, struct fault *f)
{
        unsigned asked = tidy(bus);
        struct reading *reading = reading_find(bus, pf, vf);

        if (reading ? reading->n >= WAITERS_MAX : asked >= ASKED_MAX)
                return fault_set(f, FAULT_LIMITS, 0,
                        "refused: too many are asking already; at most %d devices at a time and %d "
                        "callers each",
                        ASKED_MAX, WAITERS_MAX);
        if (!reading) {
                reading = calloc(1, sizeof(*reading));
                if (!reading)
                        return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
                *reading = (struct reading){.bus = bus, .next = bus->readings, .pf = *pf, .vf = vf};
                bus->readings = reading;
        }
        if (array_grow(&reading->waiters, &reading->capacity, reading->n,
                    sizeof(*reading->waiters)) < 0)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        reading->waiters[reading->n++] = sd_bus_message_ref(m);
        *ret = reading;
        return 0;
}

/* f: why there is nothing to tell; FAULT_NONE when only the reply could not be written. */
static void reply_fault(sd_bus_message *m, const struct fault *f)
{
        struct fault own = *f;

        if (own.code == FAULT_NONE)
                fault_set(&own, FAULT_INTERNAL, 0, "the reply could not be written");
        (void) bus_reply_fault(m, &own);
}

static int not_asked(struct reading *reading, int error, struct fault *f)
{
        reading_free(reading);
        return fault_set(f, FAULT_BACKEND_LOST, -error, "refused: the backend can not be asked");
}

/* whole: of a PF, so that each says which VF it is about. */
static int reply_holders(sd_bus_message *m, bool whole, const struct holder *holders, size_t n)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', whole ? "(ussis)" : "(ssis)");
        for (size_t i = 0; r >= 0 && i < n; i++) {
                const struct holder *h = &holders[i];

                r = whole ? sd_bus_message_append(
                                    reply, "(ussis)", h->vf, h->kind, h->name, h->pid, h->path)
                          : sd_bus_message_append(
                                    reply, "(ssis)", h->kind, h->name, h->pid, h->path);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static void on_holders(
        void *userdata, const struct holder *holders, size_t n, const struct fault *f)
{
        _cleanup_(freep) struct holder *all = NULL;
        struct reading *reading = userdata;
        bool whole = reading->vf == WHOLE_PF;

        if (n > 0 && (all = reallocarray(NULL, n, sizeof(*all))))
                memcpy(all, holders, n * sizeof(*all));
        if (!all)
                n = 0;
        (void) leases_add_holders(
                reading->bus->daemon->leases, &reading->pf, whole ? NO_VF : reading->vf, &all, &n);
        for (size_t i = 0; i < reading->n; i++)
                if (f->code != FAULT_NONE || reply_holders(reading->waiters[i], whole, all, n) < 0)
                        reply_fault(reading->waiters[i], f);
        reading_free(reading);
}

int bus_get_holders(struct bus *bus, sd_bus_message *m, struct fault *f)
{
        struct reading *reading;
        const struct pf_facts *pf;
        const struct vf_facts *vf;
        int r;

        r = bus_find_device(bus, sd_bus_message_get_path(m), &pf, &vf, f);
        if (r == 0)
                r = wait_for(bus, m, &pf->id, vf ? vf->index : WHOLE_PF, &reading, f);
        if (r < 0 || reading->asked)
                return r;
        reading->asked = true;
        r = backend_client_holders(
                bus->daemon->backend, &reading->pf, vf ? vf->index : NO_VF, on_holders, reading);
        return r < 0 ? not_asked(reading, r, f) : 0;
}

static int reply_statistics(struct bus *bus, sd_bus_message *m, struct fault *f)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const struct pf_facts *pf;
        const struct vf_facts *vf;
        int r;

        r = bus_find_device(bus, sd_bus_message_get_path(m), &pf, &vf, f);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{st}");
        for (unsigned i = 0; r >= 0 && vf->stats_known && i < VF_STAT_MAX; i++)
                r = sd_bus_message_append(reply, "{st}", vf_stat_name(i), vf->stats[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_send(reply);
        return r < 0 ? fault_set(f, FAULT_INTERNAL, -r, "the reply could not be written") : 0;
}

static void on_observed(
        void *userdata, const struct dev_id *pf, struct pf_facts *facts, const struct fault *why)
{
        struct reading *reading = userdata;
        struct daemon *daemon = reading->bus->daemon;
        struct fault f = *why;

        if (f.code == FAULT_NONE)
                daemon_take_facts(daemon, facts);
        else
                look_at(daemon->look, pf);
        for (size_t i = 0; i < reading->n; i++) {
                if (why->code != FAULT_NONE ||
                        reply_statistics(reading->bus, reading->waiters[i], &f) < 0)
                        (void) bus_reply_fault(reading->waiters[i], &f);
                sd_bus_message_unref(reading->waiters[i]);
        }
        reading->n = 0;
        reading->asked = false;
        reading->read_usec = now_usec();
        if (why->code != FAULT_NONE)
                reading_free(reading);
}

int bus_get_statistics(struct bus *bus, sd_bus_message *m, struct fault *f)
{
        struct reading *reading;
        const struct pf_facts *pf;
        int r;

        r = bus_find_device(bus, sd_bus_message_get_path(m), &pf, NULL, f);
        if (r < 0)
                return r;
        (void) tidy(bus);
        reading = reading_find(bus, &pf->id, NO_VF);
        if (reading && !reading->asked)
                return reply_statistics(bus, m, f);
        r = wait_for(bus, m, &pf->id, NO_VF, &reading, f);
        if (r < 0 || reading->asked)
                return r;
        reading->asked = true;
        r = backend_client_observe(bus->daemon->backend, &reading->pf, on_observed, reading);
        return r < 0 ? not_asked(reading, r, f) : 0;
}
