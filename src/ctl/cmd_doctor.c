/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `doctor`: can this host do SR-IOV, and what to do where not. Asks no daemon. The only thread. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/parse.h"
#include "ctl/print.h"
#include "doctor/doctor.h"

#define LINE_WIDTH 100
#define INDENT     10 /* of evidence and remedy */
#define TEXT_MAX   (REMEDY_MAX * 4)

static const struct {
        enum style style;
        const char *utf8, *ascii;
} marks[FINDING_LEVELS] = {
        [FINDING_OK] = {STYLE_GOOD, "✓", "+"},
        [FINDING_NOTE] = {STYLE_DIM, "·", "-"},
        [FINDING_WARNING] = {STYLE_WARN, "!", "!"},
        [FINDING_PROBLEM] = {STYLE_BAD, "✗", "x"},
};

int check_doctor(struct ctl *ctl)
{
        if (args_has(&ctl->args, OPTION_HOST))
                return ctl_refuse(ctl,
                        "--host is not for doctor, which looks at the machine it runs on: ssh %s "
                        "sriovctl doctor",
                        ctl->args.value[OPTION_HOST]);
        if (args_has(&ctl->args, OPTION_BUS))
                return ctl_refuse(ctl, "--bus is not for doctor: it asks no daemon");
        return 0;
}

static int open_directory(struct ctl *ctl, const char *path, int *ret)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return failure_own(&ctl->failure, EXIT_ERROR, fault_code_name(FAULT_NOT_FOUND),
                        -errno, "%s refused: %s; expected a directory", path, strerror(errno));
        *ret = fd;
        return 0;
}

/* A new directory, so that nothing of an older record or of somebody else is in it. */
static int make_record(struct ctl *ctl, const char *path, int *ret)
{
        if (mkdir(path, 0777) < 0)
                return failure_own(&ctl->failure, EXIT_ERROR, fault_code_name(FAULT_IO), -errno,
                        "--record=%s refused: %s; expected a directory that is to be made", path,
                        strerror(errno));
        return open_directory(ctl, path, ret);
}

static int examine(struct ctl *ctl, struct findings *ret)
{
        const char *root = ctl->args.value[OPTION_ROOT], *record = ctl->args.value[OPTION_RECORD];
        _cleanup_(survey_done) struct survey survey = {0};
        _cleanup_(closep) int root_fd = -1, record_fd = -1;
        int r;

        r = open_directory(ctl, root ? root : "/", &root_fd);
        if (r >= 0 && record)
                r = make_record(ctl, record, &record_fd);
        if (r < 0)
                return r;
        r = survey_read(root_fd, record_fd, !root, &survey);
        if (r < 0)
                return failure_of_errno(
                        &ctl->failure, r, record ? "write all of the record" : "look at this host");
        r = doctor_judge(&survey, ret);
        return r < 0 ? failure_of_errno(&ctl->failure, r, "judge this host") : 0;
}

static int print_as_json(struct ctl *ctl, const struct findings *findings)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();

        if (!w)
                return failure_of_errno(&ctl->failure, -ENOMEM, "write JSON");
        json_open_array(w, NULL);
        for (size_t i = 0; i < findings->n; i++) {
                const struct finding *f = &findings->list[i];

                json_open_object(w, NULL);
                json_put_string(w, "id", f->id);
                json_put_string(w, "level", finding_level_name(f->level));
                json_put_string(w, "group", finding_group_name(f->group));
                if (f->device[0])
                        json_put_string(w, "device", f->device);
                json_put_string(w, "what", f->what);
                json_put_string(w, "evidence", f->evidence);
                if (f->remedy[0])
                        json_put_string(w, "remedy", f->remedy);
                json_close(w);
        }
        json_close(w);
        return print_json(w, false, &ctl->failure);
}

/* Breaks lines at blanks; what comes first is already at column `at`. */
static void print_wrapped(const char *text, size_t at, size_t indent)
{
        char escaped[TEXT_MAX], *word, *rest = escaped;
        bool first = true;

        escape_text(escaped, sizeof(escaped), text);
        while ((word = strsep(&rest, " "))) {
                size_t width = text_width(word);

                if (!first && at + 1 + width > LINE_WIDTH) {
                        printf("\n%*s", (int) indent, "");
                        at = indent;
                } else if (!first) {
                        putchar(' ');
                        at++;
                }
                fputs(word, stdout);
                at += width;
                first = false;
        }
        putchar('\n');
}

/* above: the finding printed before, or NULL. */
static void print_finding(
        const struct term *term, const struct finding *f, const struct finding *above)
{
        enum style style = marks[f->level].style;

        printf("  %s%s%s ", style_begin(term, style),
                term->utf8 ? marks[f->level].utf8 : marks[f->level].ascii, style_end(term, style));
        print_wrapped(f->what, 4, 4);
        if (f->level == FINDING_OK)
                return;
        if (f->evidence[0]) {
                printf("    seen: %s", style_begin(term, STYLE_DIM));
                print_wrapped(f->evidence, INDENT, INDENT);
                printf("%s", style_end(term, STYLE_DIM));
        }
        if (f->remedy[0]) {
                printf("    do:   ");
                print_wrapped(above && streq(f->remedy, above->remedy) ? "the same" : f->remedy,
                        INDENT, INDENT);
        }
}

static void print_verdict(const struct term *term, const struct findings *findings)
{
        enum style style = marks[findings_worst(findings)].style;
        unsigned n[FINDING_LEVELS] = {0};

        for (size_t i = 0; i < findings->n; i++)
                n[findings->list[i].level]++;
        if (n[FINDING_PROBLEM] + n[FINDING_WARNING] == 0) {
                printf("\n%sThis host is ready for SR-IOV.%s\n", style_begin(term, STYLE_GOOD),
                        style_end(term, STYLE_GOOD));
                return;
        }
        printf("\n%s%u problem%s, %u warning%s%s\n", style_begin(term, style), n[FINDING_PROBLEM],
                n[FINDING_PROBLEM] == 1 ? "" : "s", n[FINDING_WARNING],
                n[FINDING_WARNING] == 1 ? "" : "s", style_end(term, style));
}

static void print_as_text(const struct term *term, const struct findings *findings)
{
        static const char *const titles[FINDING_GROUPS] = {
                "Firmware", "Processor", "IOMMU", "Kernel", "Devices", "Others"};

        for (size_t i = 0; i < findings->n; i++) {
                const struct finding *f = &findings->list[i];

                if (i == 0 || f->group != f[-1].group)
                        printf("%s%s%s%s\n", i > 0 ? "\n" : "", style_begin(term, STYLE_BOLD),
                                titles[f->group], style_end(term, STYLE_BOLD));
                print_finding(term, f, i > 0 ? f - 1 : NULL);
        }
        print_verdict(term, findings);
}

int cmd_doctor(struct ctl *ctl)
{
        _cleanup_(findings_done) struct findings findings = {0};
        int r;

        r = examine(ctl, &findings);
        if (r >= 0 && ctl_json(ctl))
                r = print_as_json(ctl, &findings);
        if (r < 0)
                return r;
        if (!ctl_json(ctl))
                print_as_text(&ctl->out, &findings);
        switch (findings_worst(&findings)) {
        case FINDING_PROBLEM:
                return EXIT_ERROR;
        case FINDING_WARNING:
                return EXIT_CHANGES;
        case FINDING_OK:
        case FINDING_NOTE:
        case FINDING_LEVELS:
                break;
        }
        return EXIT_DONE;
}
