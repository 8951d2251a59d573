/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the plan's JSON, and the questions to it. Loop thread. */
#include "ctl/planview.h"
#include "model/step.h"

static void pf_done(struct planview_pf *pf)
{
        free(pf->steps);
        free(pf->problems);
        free(pf->hurts);
}

void planview_done(struct planview *v)
{
        for (size_t i = 0; i < v->n_pfs; i++)
                pf_done(&v->pfs[i]);
        free(v->pfs);
        free(v->absent);
        free(v->warnings);
        json_free(v->doc);
        *v = (struct planview){0};
}

/* Fresh memory for the elements of an array that may be missing; NULL when it is empty. */
static int open_list(const struct json_value *object, const char *key, size_t size,
        const struct json_value **ret_array, void *ret_list, size_t *ret_n, struct fault *f)
{
        void *list;
        size_t n = 0;
        int r;

        r = json_opt_array(object, key, ret_array, &n, f);
        if (r < 0 || n == 0)
                return r < 0 ? r : 0;
        list = calloc(n, size);
        if (!list)
                return -ENOMEM;
        *(void **) ret_list = list;
        *ret_n = n;
        return 0;
}

static int read_text(
        const struct json_value *object, const char *key, const char **ret, struct fault *f)
{
        int r;

        *ret = "";
        r = json_opt_string(object, key, ret, f);
        return r < 0 ? r : 0;
}

static int read_texts(const struct json_value *object, const char *key, const char ***ret,
        size_t *ret_n, struct fault *f)
{
        const struct json_value *array = NULL;
        int r;

        r = open_list(object, key, sizeof(**ret), &array, ret, ret_n, f);
        for (size_t i = 0; i < *ret_n && r == 0; i++)
                r = json_as_string(json_element(array, i), &(*ret)[i], f);
        return r;
}

static int read_vf(const struct json_value *object, uint32_t *ret, struct fault *f)
{
        int r;

        *ret = NO_VF;
        r = json_opt_u32(object, "vf", 0, VFS_MAX, ret, f);
        return r < 0 ? r : 0;
}

static int read_step(const struct json_value *v, struct planview_step *step, struct fault *f)
{
        int r;

        r = json_as_object(v, f);
        if (r == 0)
                r = read_text(v, "text", &step->text, f);
        if (r == 0)
                r = read_text(v, "disruption", &step->disruption, f);
        return r < 0 ? r : read_vf(v, &step->vf, f);
}

static int read_problem(
        const struct json_value *v, struct planview_problem *problem, struct fault *f)
{
        int r;

        r = json_as_object(v, f);
        if (r == 0)
                r = read_text(v, "error", &problem->error, f);
        if (r == 0)
                r = read_text(v, "text", &problem->text, f);
        return r < 0 ? r : read_vf(v, &problem->vf, f);
}

static int read_lists(const struct json_value *v, struct planview_pf *pf, struct fault *f)
{
        const struct json_value *steps = NULL, *problems = NULL;
        int r;

        r = open_list(v, "steps", sizeof(*pf->steps), &steps, &pf->steps, &pf->n_steps, f);
        for (size_t i = 0; i < pf->n_steps && r == 0; i++)
                r = read_step(json_element(steps, i), &pf->steps[i], f);
        if (r == 0)
                r = open_list(v, "problems", sizeof(*pf->problems), &problems, &pf->problems,
                        &pf->n_problems, f);
        for (size_t i = 0; i < pf->n_problems && r == 0; i++)
                r = read_problem(json_element(problems, i), &pf->problems[i], f);
        return r < 0 ? r : read_texts(v, "hurts", &pf->hurts, &pf->n_hurts, f);
}

static int read_pf(const struct json_value *v, struct planview_pf *pf, struct fault *f)
{
        const struct {
                const char *key;
                const char **to;
        } texts[] = {
                {"pf", &pf->pf},
                {"netdev", &pf->netdev},
                {"source", &pf->source},
                {"disruption", &pf->disruption},
                {"error", &pf->error},
                {"text", &pf->text},
                {"result", &pf->result},
        };
        const struct json_value *ignored;
        int r;

        r = json_require(v, "pf", &ignored, f);
        for (size_t i = 0; i < ELEMENTSOF(texts) && r == 0; i++)
                r = read_text(v, texts[i].key, texts[i].to, f);
        return r < 0 ? r : read_lists(v, pf, f);
}

int planview_parse(const char *text, struct planview *ret, struct fault *f)
{
        _cleanup_(planview_done) struct planview v = {0};
        const struct json_value *root, *pfs = NULL;
        int r;

        r = json_parse("plan", text, strlen(text), JSON_LARGE, &v.doc, f);
        if (r < 0)
                return r;
        root = json_root(v.doc);
        r = json_as_object(root, f);
        if (r == 0)
                r = read_text(root, "hash", &v.hash, f);
        if (r == 0)
                r = json_opt_bool(root, "changes", &v.changes, f) < 0 ? -EINVAL : 0;
        if (r == 0)
                r = open_list(root, "pfs", sizeof(*v.pfs), &pfs, &v.pfs, &v.n_pfs, f);
        for (size_t i = 0; i < v.n_pfs && r == 0; i++)
                r = read_pf(json_element(pfs, i), &v.pfs[i], f);
        if (r == 0)
                r = read_texts(root, "absent", &v.absent, &v.n_absent, f);
        if (r == 0)
                r = read_texts(root, "warnings", &v.warnings, &v.n_warnings, f);
        if (r < 0)
                return r;
        *ret = v;
        v = (struct planview){0};
        return 0;
}

/* Calls itself for what is inside; the reader's limit of depth bounds that. */
static void copy_value(struct json_writer *w, const char *key, const struct json_value *v)
{
        const char *text = "", *name;
        bool yes = false;
        uint32_t n = 0;
        size_t count;

        switch (json_kind(v)) {
        case JSON_OBJECT:
                json_open_object(w, key);
                for (size_t i = 0; i < json_n_members(v); i++) {
                        const struct json_value *member = json_nth_member(v, i, &name);

                        copy_value(w, name, member);
                }
                json_close(w);
                break;
        case JSON_ARRAY:
                json_open_array(w, key);
                if (json_as_array(v, &count, NULL) == 0)
                        for (size_t i = 0; i < count; i++)
                                copy_value(w, NULL, json_element(v, i));
                json_close(w);
                break;
        case JSON_BOOL:
                (void) json_as_bool(v, &yes, NULL);
                json_put_bool(w, key, yes);
                break;
        case JSON_NUMBER:
                (void) json_as_u32(v, 0, UINT32_MAX, &n, NULL);
                json_put_u64(w, key, n);
                break;
        case JSON_STRING:
        case JSON_KIND_MAX:
                (void) json_as_string(v, &text, NULL);
                json_put_string(w, key, text);
                break;
        }
}

void json_copy(struct json_writer *w, const struct json *doc)
{
        copy_value(w, NULL, json_root(doc));
}

bool planview_has_errors(const struct planview *v)
{
        for (size_t i = 0; i < v->n_pfs; i++)
                if (*v->pfs[i].error || v->pfs[i].n_problems > 0)
                        return true;
        return false;
}

bool planview_pf_failed(const struct planview_pf *pf)
{
        return !streq(pf->result, "done") || pf->n_problems > 0;
}

bool planview_touches_pf(const struct planview_pf *pf)
{
        static const enum step_kind harmless[] = {STEP_SET_AUTOPROBE, STEP_LINK_UP};

        for (size_t i = 0; i < pf->n_steps; i++) {
                bool touches = pf->steps[i].vf == NO_VF;

                for (size_t k = 0; k < ELEMENTSOF(harmless); k++)
                        touches = touches &&
                                  !startswith(pf->steps[i].text, step_kind_name(harmless[k]));
                if (touches)
                        return true;
        }
        return false;
}

const char *planview_pf_name(const struct planview_pf *pf)
{
        return *pf->netdev ? pf->netdev : pf->pf;
}
