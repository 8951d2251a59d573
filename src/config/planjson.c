/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans as JSON. Loop thread. */
#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "config/planjson.h"

#define STEP_TEXT_MAX 256

static size_t texts_count(char *const *texts)
{
        size_t n = 0;

        while (texts && texts[n])
                n++;
        return n;
}

int texts_add(char ***texts, const char *text)
{
        size_t n = texts_count(*texts);
        char **grown, *copy;

        copy = strdup(text);
        grown = copy ? reallocarray(*texts, n + 2, sizeof(*grown)) : NULL;
        if (!grown) {
                free(copy);
                return -ENOMEM;
        }
        grown[n] = copy;
        grown[n + 1] = NULL;
        *texts = grown;
        return 0;
}

void texts_free(char **texts)
{
        for (size_t i = 0; texts && texts[i]; i++)
                free(texts[i]);
        free(texts);
}

void report_done(struct report *report)
{
        for (size_t i = 0; i < report->n; i++) {
                desired_done(&report->list[i].wish);
                plan_done(&report->list[i].plan);
                problems_done(&report->list[i].problems);
                texts_free(report->list[i].hurts);
        }
        free(report->list);
        texts_free(report->absent);
        texts_free(report->warnings);
        *report = (struct report){0};
}

uint64_t report_hash(const struct report *report)
{
        uint64_t hash = HASH_INIT;
        char text[STEP_TEXT_MAX];

        for (size_t i = 0; i < report->n; i++) {
                const struct planned *p = &report->list[i];

                hash = hash_text(hash, p->wish.pf.str);
                hash = hash_bytes(hash, &p->fault.code, sizeof(p->fault.code));
                for (size_t k = 0; k < p->plan.n; k++) {
                        step_describe(&p->plan.steps[k], text, sizeof(text));
                        hash = hash_text(hash, text);
                }
                for (size_t k = 0; k < p->problems.n; k++) {
                        hash = hash_bytes(hash, &p->problems.list[k].vf, sizeof(uint32_t));
                        hash = hash_bytes(hash, &p->problems.list[k].fault.code,
                                sizeof(p->problems.list[k].fault.code));
                }
        }
        return hash;
}

void report_hash_format(uint64_t hash, char buf[static REPORT_HASH_SIZE])
{
        snprintf(buf, REPORT_HASH_SIZE, "%016" PRIx64, hash);
}

int report_hash_parse(const char *text, uint64_t *ret)
{
        if (strlen(text) != REPORT_HASH_SIZE - 1 ||
                strspn(text, "0123456789abcdef") != REPORT_HASH_SIZE - 1)
                return -EINVAL;
        *ret = strtoull(text, NULL, 16);
        return 0;
}

bool report_changes(const struct report *report)
{
        for (size_t i = 0; i < report->n; i++)
                if (report->list[i].plan.n > 0)
                        return true;
        return false;
}

static void put_texts(struct json_writer *w, const char *key, char *const *texts)
{
        json_open_array(w, key);
        for (size_t i = 0; texts && texts[i]; i++)
                json_put_string(w, NULL, texts[i]);
        json_close(w);
}

static void put_steps(struct json_writer *w, const struct plan *plan)
{
        char text[STEP_TEXT_MAX];
        bool made = false;

        json_put_string(w, "disruption", disruption_name(plan->disruption));
        json_open_array(w, "steps");
        for (size_t i = 0; i < plan->n; i++) {
                const struct step *step = &plan->steps[i];

                step_describe(step, text, sizeof(text));
                json_open_object(w, NULL);
                json_put_string(w, "text", text);
                if (step->vf != NO_VF)
                        json_put_u64(w, "vf", step->vf);
                json_put_string(w, "disruption", disruption_name(plan_disruption_of(step, made)));
                made |= step->kind == STEP_SET_NUMVFS && step->value > 0;
                json_close(w);
        }
        json_close(w);
}

static void put_problems(struct json_writer *w, const struct problems *problems)
{
        json_open_array(w, "problems");
        for (size_t i = 0; i < problems->n; i++) {
                const struct problem *p = &problems->list[i];

                json_open_object(w, NULL);
                json_put_u64(w, "vf", p->vf);
                json_put_string(w, "error", fault_code_name(p->fault.code));
                json_put_string(w, "text", p->fault.text);
                json_close(w);
        }
        json_close(w);
}

static void put_planned(struct json_writer *w, const struct planned *p)
{
        const struct fault *f = p->ended ? &p->result : &p->fault;

        json_open_object(w, NULL);
        json_put_string(w, "pf", dev_id_address(&p->wish.pf));
        if (p->netdev[0])
                json_put_string(w, "netdev", p->netdev);
        if (p->wish.where[0])
                json_put_string(w, "source", p->wish.where);
        put_steps(w, &p->plan);
        put_texts(w, "hurts", p->hurts);
        put_problems(w, &p->problems);
        if (p->ended)
                json_put_string(w, "result", f->code == FAULT_NONE ? "done" : "failed");
        if (f->code != FAULT_NONE) {
                json_put_string(w, "error", fault_code_name(f->code));
                json_put_string(w, "text", f->text);
        }
        json_close(w);
}

int report_write(const struct report *report, char **ret)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();
        char hash[REPORT_HASH_SIZE];

        if (!w)
                return -ENOMEM;
        report_hash_format(report_hash(report), hash);
        json_open_object(w, NULL);
        json_put_string(w, "hash", hash);
        json_put_bool(w, "changes", report_changes(report));
        json_open_array(w, "pfs");
        for (size_t i = 0; i < report->n; i++)
                put_planned(w, &report->list[i]);
        json_close(w);
        put_texts(w, "absent", report->absent);
        put_texts(w, "warnings", report->warnings);
        json_close(w);
        return json_writer_text(w, ret);
}
