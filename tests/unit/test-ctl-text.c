/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sriovctl's pure parts that print: tables, bars, widths, the status tree, the progress line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "ctl/print.h"
#include "ctl/progress.h"
#include "ctl/table.h"
#include "ctl/tree.h"

static const struct term plain = {0};
static const struct term colored = {.tty = true, .color = true, .utf8 = true};

struct output {
        FILE *file;
        char *text;
        size_t n;
};

static void begin(struct output *o)
{
        *o = (struct output){0};
        o->file = open_memstream(&o->text, &o->n);
        assert_non_null(o->file);
}

static void expect(struct output *o, const char *text)
{
        fclose(o->file);
        assert_string_equal(o->text, text);
        free(o->text);
}

static void test_table(void **state)
{
        static const char *const headers[] = {"NAME", ">COUNT", "?NOTE", "?EMPTY", NULL};
        _cleanup_(table_freep) struct table *t = table_new(headers, true);
        struct output o;

        (void) state;
        assert_non_null(t);
        table_cell(t, STYLE_PLAIN, "é");
        table_cell(t, STYLE_PLAIN, "%d", 7);
        table_cell(t, STYLE_PLAIN, "%s", "");
        table_cell(t, STYLE_PLAIN, "%s", "");
        table_line(t, "a line");
        table_cell(t, STYLE_PLAIN, "longer\033[31m");
        table_cell(t, STYLE_PLAIN, "%d", 123456);
        table_cell(t, STYLE_PLAIN, "x");
        table_cell(t, STYLE_PLAIN, "%s", "");
        begin(&o);
        assert_int_equal(table_print(t, o.file, &plain), 0);
        expect(&o, "NAME             COUNT  NOTE\n"
                   "é                    7\n"
                   "a line\n"
                   "longer\\x1b[31m  123456  x\n");
}

static void test_table_half_row(void **state)
{
        static const char *const headers[] = {"A", "B", NULL};
        _cleanup_(table_freep) struct table *t = table_new(headers, true);

        (void) state;
        table_cell(t, STYLE_PLAIN, "one");
        assert_int_equal(table_print(t, stdout, &plain), -EINVAL);
}

static void test_color(void **state)
{
        static const char *const headers[] = {"A", NULL};
        _cleanup_(table_freep) struct table *t = table_new(headers, false);
        struct output o;

        (void) state;
        table_cell(t, STYLE_GOOD, "up");
        begin(&o);
        assert_int_equal(table_print(t, o.file, &colored), 0);
        expect(&o, "\033[32mup\033[0m\n");
        begin(&o);
        assert_int_equal(table_print(t, o.file, &plain), 0);
        expect(&o, "up\n");
}

static void test_bar(void **state)
{
        static const struct {
                uint32_t done, total;
                const char *bar;
        } cases[] = {
                {0, 7, "......."},
                {3, 7, "###...."},
                {7, 7, "#######"},
                {0, 0, "......."},
                {1, 4096, "#......"},
                {4095, 4096, "######."},
                {9, 7, "#######"},
                {UINT32_MAX - 1, UINT32_MAX, "######."},
        };
        char buf[BAR_SIZE];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                bar_format(buf, cases[i].done, cases[i].total, 7, false);
                assert_string_equal(buf, cases[i].bar);
        }
        bar_format(buf, 3, 7, 7, true);
        assert_string_equal(buf, "███░░░░");
        assert_int_equal(text_width(buf), 7);
        bar_format(buf, 1, 1, 1000, true);
        assert_int_equal(text_width(buf), BAR_CELLS_MAX);
}

#define PF_PATH "/org/sriovd1/pf/pci_0000_3b_00_0"

static void make_vf(struct view_vf *vf, uint32_t index, const char *driver)
{
        char path[PATH_SIZE];

        snprintf(path, sizeof(path), PF_PATH "/vf/%u", index);
        assert_int_equal(object_init(OBJECT_VF, vf, path), 0);
        assert_int_equal(str_copy(vf->pf, sizeof(vf->pf), PF_PATH), 0);
        assert_int_equal(str_copy(vf->driver, sizeof(vf->driver), driver), 0);
        vf->index = index;
        vf->attributes_known = true;
        vf->attrs.present = BIT(VF_ATTR_MAC) | BIT(VF_ATTR_VLAN);
        vf->attrs.mac.b[5] = (uint8_t) index;
}

/* A PF with 7 VFs given out of order: 0 to 2 alike, 3 in a VLAN, 4 and 6 alike but 5 held. */
static void make_view(struct view *v)
{
        struct view_vf *held;

        *v = (struct view){.n_pfs = 1, .n_vfs = 7, .n_jobs = 1};
        v->pfs = calloc(1, sizeof(*v->pfs));
        v->vfs = calloc(7, sizeof(*v->vfs));
        v->jobs = calloc(1, sizeof(*v->jobs));
        assert_true(v->pfs && v->vfs && v->jobs);
        assert_int_equal(object_init(OBJECT_PF, v->pfs, PF_PATH), 0);
        strcpy(v->pfs->address, "0000:3b:00.0");
        strcpy(v->pfs->netdevs, "enp59s0f0 enp59s0f0r0");
        strcpy(v->pfs->driver, "igb");
        strcpy(v->pfs->device, "82576");
        strcpy(v->pfs->link_state, "up");
        strcpy(v->pfs->state, "busy");
        v->pfs->total_vfs = v->pfs->num_vfs = 7;
        v->pfs->iommu_group = 12;
        for (uint32_t i = 0; i < 7; i++)
                make_vf(&v->vfs[i], 6 - i, i == 1 ? "vfio-pci" : i < 3 ? "" : "igbvf");
        v->vfs[3].attrs.vlan = 100;
        held = &v->vfs[1];
        held->in_use = true;
        held->holders = calloc(1, sizeof(*held->holders));
        assert_non_null(held->holders);
        *held->holders = (struct holder){.kind = "vfio", .pid = 42, .name = "qemu"};
        held->n_holders = 1;
        assert_int_equal(object_init(OBJECT_JOB, v->jobs, "/org/sriovd1/job/9"), 0);
        strcpy(v->jobs->pf, PF_PATH);
        strcpy(v->jobs->description, "reset VF 1");
        strcpy(v->jobs->state, "stuck");
        strcpy(v->jobs->step, "reset");
        v->jobs->id = 9;
        v->jobs->total = 2;
        view_arrange(v);
}

static void test_tree(void **state)
{
        _cleanup_(view_done) struct view v = {0};
        struct output o;

        (void) state;
        make_view(&v);
        begin(&o);
        assert_int_equal(tree_print(&v, o.file, &plain), 0);
        expect(&o, "enp59s0f0  0000:3b:00.0  82576  igb  up  #######  7/7  group 12  busy\n"
                   "|- 0-2  igbvf\n"
                   "|- 3    igbvf  vlan=100\n"
                   "|- 4    no driver\n"
                   "|- 5    vfio-pci  in use by qemu (pid 42)\n"
                   "|- 6    no driver\n"
                   "`- job 9  reset VF 1: stuck: reset 0/2\n");
}

/* What the configuration makes of a PF is told when somebody should look. */
static void test_tree_config(void **state)
{
        static const struct {
                const char *state, *told;
                enum style style;
        } cases[] = {
                {"", "", STYLE_PLAIN},
                {"unmanaged", "", STYLE_PLAIN},
                {"applied", "", STYLE_GOOD},
                {"applying", "  applying", STYLE_WARN},
                {"drift", "  drift", STYLE_WARN},
                {"failed", "  failed", STYLE_BAD},
                {"alarm", "  alarm", STYLE_BAD},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(view_done) struct view v = {0};
                char line[128];
                struct output o;

                make_view(&v);
                v.n_jobs = 0;
                v.pfs->n_vfs = 0;
                strcpy(v.pfs->config_state, cases[i].state);
                begin(&o);
                assert_int_equal(tree_print(&v, o.file, &plain), 0);
                snprintf(line, sizeof(line),
                        "enp59s0f0  0000:3b:00.0  82576  igb  up  #######  7/7  group 12  busy%s\n",
                        cases[i].told);
                expect(&o, line);
                assert_int_equal(config_style(cases[i].state), cases[i].style);
        }
}

static void test_moment(void **state)
{
        struct timespec now;
        char buf[MOMENT_SIZE];

        (void) state;
        clock_gettime(CLOCK_BOOTTIME, &now);
        moment_text((uint64_t) (now.tv_sec + 100) * 1000000, false, buf);
        assert_true(streq(buf, " within 100 s") || streq(buf, " within 99 s"));
        moment_text((uint64_t) (now.tv_sec + 100) * 1000000, true, buf);
        assert_string_equal(buf, "");
        moment_text(1, false, buf);
        assert_string_equal(buf, " within 0 s");
}

static void test_tree_escapes(void **state)
{
        _cleanup_(view_done) struct view v = {0};
        struct output o;

        (void) state;
        make_view(&v);
        v.n_jobs = 0;
        v.pfs->n_vfs = 0;
        strcpy(v.pfs->device, "evil\033]0;title\a");
        begin(&o);
        assert_int_equal(tree_print(&v, o.file, &plain), 0);
        fclose(o.file);
        assert_null(strchr(o.text, '\033'));
        assert_null(strchr(o.text, '\a'));
        assert_non_null(strstr(o.text, "evil\\x1b]0;title\\x07"));
        free(o.text);
}

static void test_progress(void **state)
{
        struct view_job job = {.description = "create 8 VFs",
                .state = "running",
                .step = "set_numvfs",
                .done = 3,
                .total = 8,
                .started_usec = 1000000};
        char buf[256];

        (void) state;
        progress_text(&job, 3500000, false, 100, buf, sizeof(buf));
        assert_string_equal(buf, "create 8 VFs #######............. 3/8  set_numvfs, 2 s");
        progress_text(&job, 0, true, 13, buf, sizeof(buf));
        assert_string_equal(buf, "create 8 VFs ");
        strcpy(job.state, "stuck");
        progress_text(&job, 61000000, false, 200, buf, sizeof(buf));
        assert_non_null(strstr(buf, "STUCK in set_numvfs 3/8, 60 s: the kernel"));
        strcpy(job.state, "waiting");
        strcpy(job.step, "job 3\n");
        progress_text(&job, 1000000, false, 200, buf, sizeof(buf));
        assert_string_equal(buf, "create 8 VFs: waits for job 3\\x0a, 0 s");
}

static void test_paths(void **state)
{
        char address[BDF_STR_MAX];

        (void) state;
        path_address("/org/sriovd1/pf/pci_10000_3b_00_1/vf/3", address);
        assert_string_equal(address, "10000:3b:00.1");
        path_address("/org/sriovd1/group/3", address);
        assert_string_equal(address, "");
        path_address("/org/sriovd1/pf/pci_0", address);
        assert_string_equal(address, "");
        path_address("/org/sriovd1/pf/pci_0000000000000000000000_3b_00_1", address);
        assert_string_equal(address, "");
        assert_int_equal(path_number("/org/sriovd1/pf/pci_10000_3b_00_1/vf/3"), 3);
        assert_int_equal(path_number("/org/sriovd1/job/x"), UINT32_MAX);
        assert_int_equal(path_kind("/org/sriovd1/pf/pci_0000_3b_00_1/vf/3"), OBJECT_VF);
        assert_int_equal(path_kind("/org/sriovd1/pf/pci_0000_3b_00_1"), OBJECT_PF);
        assert_int_equal(path_kind("/org/sriovd1/job/1"), OBJECT_JOB);
        assert_int_equal(path_kind("/org/other"), OBJECT_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_table_half_row),
                cmocka_unit_test(test_color),
                cmocka_unit_test(test_bar),
                cmocka_unit_test(test_tree),
                cmocka_unit_test(test_tree_config),
                cmocka_unit_test(test_moment),
                cmocka_unit_test(test_tree_escapes),
                cmocka_unit_test(test_progress),
                cmocka_unit_test(test_paths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
