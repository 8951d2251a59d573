/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsing the command line by a table of options. Pure, any thread. */
#include "ctl/args.h"
#include "base/parse.h"
#include "base/suggest.h"

static const struct option_info {
        const char *name;
        char letter; /* 0: none */
        bool takes_value;
} options[OPTION_MAX] = {
        [OPTION_JSON] = {"--json", 'j', false},
        [OPTION_NO_COLOR] = {"--no-color", 0, false},
        [OPTION_HELP] = {"--help", 'h', false},
        [OPTION_VERSION] = {"--version", 'V', false},
        [OPTION_BUS] = {"--bus", 0, true},
        [OPTION_HOST] = {"--host", 'H', true},
        [OPTION_FORCE] = {"--force", 'f', false},
        [OPTION_REPLACE] = {"--replace", 0, false},
        [OPTION_DRIVER] = {"--driver", 0, true},
        [OPTION_CONFIRM] = {"--confirm", 0, true},
        [OPTION_PLAN] = {"--plan", 0, true},
        [OPTION_YES] = {"--yes", 'y', false},
        [OPTION_TIMEOUT] = {"--timeout", 0, true},
        [OPTION_SHARED_GROUP] = {"--shared-group", 0, false},
        [OPTION_ROOT] = {"--root", 0, true},
        [OPTION_RECORD] = {"--record", 0, true},
        [OPTION_SET] = {"--set", 0, true},
        [OPTION_LABEL] = {"--label", 0, true},
        [OPTION_PID] = {"--pid", 0, true},
};

const char *option_name(enum option o)
{
        return (unsigned) o < OPTION_MAX ? options[o].name : "?";
}

static int unknown(const char *word, size_t n, struct fault *f)
{
        const char *names[OPTION_MAX + 1] = {NULL};
        char typed[64] = "";
        const char *near;

        for (unsigned i = 0; i < OPTION_MAX; i++)
                names[i] = options[i].name;
        if (n < sizeof(typed))
                memcpy(typed, word, n);
        near = suggest(typed, names);
        return fault_set(f, FAULT_INVALID_ARGS, 0, "unknown option '%.*s'%s%s%s", (int) n, word,
                near ? ": did you mean " : "; sriovctl --help lists them", near ? near : "",
                near ? "?" : "");
}

/* The option at word: its number, and what follows "=" or the letter in *ret_value, else NULL. */
static enum option find(const char *word, const char **ret_value)
{
        size_t n = strcspn(word, "=");

        *ret_value = NULL;
        for (unsigned i = 0; i < OPTION_MAX; i++) {
                const struct option_info *o = &options[i];

                if (word[1] == '-' && strlen(o->name) == n && strncmp(word, o->name, n) == 0) {
                        *ret_value = word[n] ? word + n + 1 : NULL;
                        return i;
                }
                if (word[1] != '-' && o->letter == word[1] && (!word[2] || o->takes_value)) {
                        *ret_value = word[2] ? word + 2 : NULL;
                        return i;
                }
        }
        return OPTION_MAX;
}

static int add_option(char *const argv[], int argc, int *at, struct args *a, struct fault *f)
{
        const char *word = argv[*at], *value;
        enum option o = find(word, &value);

        if (o == OPTION_MAX)
                return unknown(word, word[1] == '-' ? strcspn(word, "=") : strlen(word), f);
        if (options[o].takes_value && !value && *at + 1 < argc)
                value = argv[++*at];
        if (options[o].takes_value && (!value || !*value))
                return fault_set(f, FAULT_INVALID_ARGS, 0, "%s needs a value", options[o].name);
        if (!options[o].takes_value && value)
                return fault_set(f, FAULT_INVALID_ARGS, 0, "%s takes no value", options[o].name);
        if (o == OPTION_SET) {
                if (a->n_sets == ARGS_WORDS_MAX)
                        return fault_set(f, FAULT_INVALID_ARGS, 0, "too many --set: at most %u",
                                ARGS_WORDS_MAX);
                a->sets[a->n_sets++] = value;
        } else if (options[o].takes_value && args_has(a, o))
                return fault_set(f, FAULT_INVALID_ARGS, 0, "%s is given twice", options[o].name);
        a->given |= OPTION_BIT(o);
        a->value[o] = value;
        return 0;
}

int args_parse(int argc, char *const argv[], struct args *ret, struct fault *f)
{
        bool options_end = false;
        int r;

        *ret = (struct args){0};
        for (int i = 1; i < argc && !streq(argv[i], "--"); i++)
                /* An error on the way is to be told as --json asks, wherever that stands. */
                if (streq(argv[i], "--json"))
                        ret->given |= OPTION_BIT(OPTION_JSON);
        for (int i = 1; i < argc; i++) {
                if (!utf8_valid(argv[i]))
                        return fault_set(f, FAULT_INVALID_ARGS, 0,
                                "'%s' refused: it is not UTF-8 text", argv[i]);
                if (!options_end && streq(argv[i], "--")) {
                        options_end = true;
                        if (ret->n_words > 0 && streq(ret->words[0], "lease")) {
                                ret->rest = &argv[i + 1];
                                return 0;
                        }
                } else if (!options_end && argv[i][0] == '-' && argv[i][1]) {
                        r = add_option(argv, argc, &i, ret, f);
                        if (r < 0)
                                return r;
                } else if (ret->n_words == ARGS_WORDS_MAX)
                        return fault_set(f, FAULT_INVALID_ARGS, 0, "too many words: at most %u",
                                ARGS_WORDS_MAX);
                else
                        ret->words[ret->n_words++] = argv[i];
        }
        return 0;
}
