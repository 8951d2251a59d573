/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The strict JSON reader: what it refuses and where it says that is; getters; the writer. */
#include <fcntl.h>
#include <sys/stat.h>

#include "config/json.h"
#include "unit.h"

static int parse(const char *text, unsigned flags, struct json **ret, struct fault *f)
{
        *f = FAULT_NULL;
        return json_parse("x.json", text, strlen(text), flags, ret, f);
}

static struct json *good(const char *text)
{
        struct json *json = NULL;
        struct fault f;

        assert_int_equal(parse(text, JSON_COMMENTS, &json, &f), 0);
        return json;
}

/* Every refusal has its place and what was expected. */
static void refusals(void **state)
{
        static const struct {
                const char *text, *at, *says;
        } cases[] = {
                {"", "x.json:1:1:", "the text ends here"},
                {" \n ", "x.json:2:2:", "the text ends here"},
                {"{", "x.json:1:2:", "a key or '}'"},
                {"{\"a\" 1}", "x.json:1:6:", "':' after the key"},
                {"{\"a\": 1,}", "x.json:1:9:", "a key in quotes"},
                {"{\"a\": 1\n \"b\": 2}", "x.json:2:2:", "',' or '}'"},
                {"[1 2]", "x.json:1:4:", "',' or ']'"},
                {"[1,]", "x.json:1:4:", "a value"},
                {"{a: 1}", "x.json:1:2:", "a key"},
                {"{\"a\": 1,\n  \"b\": 2,\n  \"a\": 3}", "x.json:3:3:", "\"a\" is given twice"},
                {"{\"\\u0061\": 1}", "x.json:1:2:", "a key with a backslash"},
                {"{\"a\": null}", "x.json:1:7:", "null"},
                {"[1] []", "x.json:1:5:", "nothing more"},
                {"[01]", "x.json:1:2:", "without leading zeros"},
                {"[-]", "x.json:1:2:", "not a number"},
                {"[1.]", "x.json:1:2:", "not a number"},
                {"[1e]", "x.json:1:2:", "not a number"},
                {"[+1]", "x.json:1:2:", "unexpected '+'"},
                {"[NaN]", "x.json:1:2:", "unexpected 'N'"},
                {"['a']", "x.json:1:2:", "unexpected '''"},
                {"[\"a\n\"]", "x.json:1:2:", "does not end"},
                {"[\"a", "x.json:1:2:", "does not end"},
                {"[\"a\tb\"]", "x.json:1:4:", "a control byte (0x09)"},
                {"[\"\\x\"]", "x.json:1:4:", "after a backslash"},
                {"[\"\\u12g4\"]", "x.json:1:5:", "four hex digits"},
                {"[\"\\u0000\"]", "x.json:1:3:", "not a character"},
                {"[\"\\ud800\"]", "x.json:1:3:", "not a character"},
                {"[\"\\ud800\\u0041\"]", "x.json:1:3:", "not a character"},
                {"// a\n[1, /* b", "x.json:2:5:", "this comment does not end"},
                {"[true\xff]", "x.json:1:1:", "not UTF-8"},
                {"[1,\n\"\xc3\x28\"]", "x.json:2:1:", "not UTF-8"},
                {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "x.json:1:17:", "nested too deep"},
                /* columns count characters */
                {"[\"\xc3\xa4\xe2\x82\xac\", nul]", "x.json:1:8:", "unexpected 'n'"},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct json *json = NULL;
                struct fault f;

                assert_int_equal(parse(cases[i].text, JSON_COMMENTS, &json, &f), -EINVAL);
                assert_null(json);
                assert_int_equal(f.code, FAULT_INVALID_ARGS);
                if (!startswith(f.text, cases[i].at) || !strstr(f.text, cases[i].says))
                        fail_msg("case %zu: \"%s\", wanted %s ... %s", i, f.text, cases[i].at,
                                cases[i].says);
        }
}

static void limits(void **state)
{
        _cleanup_(freep) char *text = malloc(JSON_SIZE_MAX + 2);
        struct json *json = NULL;
        struct fault f = FAULT_NULL;
        size_t n = 0;

        (void) state;
        assert_non_null(text);
        memset(text, ' ', JSON_SIZE_MAX + 1);
        memcpy(text, "[]", 2);
        assert_int_equal(json_parse("big", text, JSON_SIZE_MAX, 0, &json, &f), 0);
        json_free(json);
        assert_int_equal(json_parse("big", text, JSON_SIZE_MAX + 1, 0, &json, &f), -EINVAL);
        assert_non_null(strstr(f.text, "expected at most 1048576"));
        assert_int_equal(json_parse("nul", "[\0]", 3, 0, &json, &f), -EINVAL);
        assert_non_null(strstr(f.text, "nul:1:2: a NUL byte"));

        /* one key more than fits */
        n += (size_t) sprintf(text + n, "{");
        for (unsigned i = 0; i <= JSON_KEYS_MAX; i++)
                n += (size_t) sprintf(text + n, "%s\"%u\":1", i ? "," : "", i);
        n += (size_t) sprintf(text + n, "}");
        assert_int_equal(json_parse("keys", text, n, 0, &json, &f), -EINVAL);
        assert_non_null(strstr(f.text, "too many keys"));
        json = good("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]");
        json_free(json);
}

static void comments(void **state)
{
        static const char text[] = "/* a */ { // \"b\": 1\n \"url\": \"http://x/*y*/\", /* \n */ "
                                   "\"n\": 9999999999 }";
        _cleanup_(json_freep) struct json *json = good(text);
        const char *url = NULL;
        struct fault f = FAULT_NULL;
        struct json *no = NULL;
        uint32_t n = 7;

        (void) state;
        assert_int_equal(json_opt_string(json_root(json), "url", &url, &f), 1);
        assert_string_equal(url, "http://x/*y*/");
        /* places stay right behind comments */
        assert_int_equal(json_opt_u32(json_root(json), "n", 0, 100, &n, &f), -EINVAL);
        assert_true(startswith(f.text, "x.json:3:10: n: number out of range"));
        assert_int_equal(n, 7);
        assert_int_equal(parse(text, 0, &no, &f), -EINVAL);
        assert_true(startswith(f.text, "x.json:1:1: a comment is not allowed"));
}

static void getters(void **state)
{
        static const char *const keys[] = {"b", "n", "s", "a", "o", NULL};
        static const char *const fewer[] = {"b", "n", "s", NULL};
        _cleanup_(json_freep) struct json *json =
                good("{ \"b\": true, \"n\": 4294967295,\n  \"s\": \"\\u00e4\\ud83d\\ude00\\n\",\n"
                     "  \"a\": [1, \"two\", 3.5, -1],\n  \"o\": {} }");
        const struct json_value *root = json_root(json), *v = NULL;
        struct fault f = FAULT_NULL;
        const char *s = NULL, *key = NULL;
        bool b = false;
        uint32_t n = 0;
        size_t count = 0;

        (void) state;
        assert_int_equal(json_kind(root), JSON_OBJECT);
        assert_int_equal(json_check_keys(root, keys, &f), 0);
        assert_int_equal(json_check_keys(root, fewer, &f), -EINVAL);
        assert_true(startswith(f.text, "x.json:3:8: unknown key \"a\"; expected one of: b, n, s"));
        assert_int_equal(json_opt_bool(root, "b", &b, &f), 1);
        assert_true(b);
        assert_int_equal(json_opt_u32(root, "n", 0, UINT32_MAX, &n, &f), 1);
        assert_int_equal(n, UINT32_MAX);
        assert_int_equal(json_opt_string(root, "s", &s, &f), 1);
        assert_string_equal(s, "\xc3\xa4\xf0\x9f\x98\x80\n");
        assert_int_equal(json_opt_array(root, "a", &v, &count, &f), 1);
        assert_int_equal(count, 4);
        assert_int_equal(json_as_u32(json_element(v, 0), 1, 1, &n, &f), 0);
        assert_int_equal(json_as_u32(json_element(v, 1), 0, 9, &n, &f), -EINVAL);
        assert_true(startswith(f.text, "x.json:3:12: this is a string; expected a number"));
        assert_int_equal(json_as_u32(json_element(v, 2), 0, 9, &n, &f), -EINVAL);
        assert_true(startswith(f.text, "x.json:3:19: number out of range; expected a whole"));
        assert_int_equal(json_as_u32(json_element(v, 3), 0, 9, &n, &f), -EINVAL);
        assert_null(json_element(v, 4));
        assert_null(json_element(root, 0));

        /* absent is not wrong, and wrong is not absent */
        n = 5;
        assert_int_equal(json_opt_u32(root, "x", 0, 9, &n, &f), 0);
        assert_int_equal(n, 5);
        assert_int_equal(json_opt_u32(root, "s", 0, 9, &n, &f), -EINVAL);
        assert_int_equal(json_opt_string(root, "n", &s, &f), -EINVAL);
        assert_int_equal(json_opt_bool(root, "n", &b, &f), -EINVAL);
        assert_int_equal(json_opt_array(root, "o", &v, &count, &f), -EINVAL);
        assert_int_equal(json_opt_array(root, "x", &v, &count, &f), 0);
        assert_int_equal(count, 0);
        assert_int_equal(json_require(root, "o", &v, &f), 0);
        assert_int_equal(json_n_members(v), 0);
        assert_int_equal(json_require(v, "x", &v, &f), -EINVAL);
        assert_true(startswith(f.text, "x.json:4:8: key \"x\" is missing"));

        assert_int_equal(json_n_members(root), 5);
        assert_non_null(json_nth_member(root, 4, &key));
        assert_string_equal(key, "o");
        assert_null(json_nth_member(root, 5, &key));
        assert_int_equal(json_refuse(json_member(root, "n"), &f, "no %d", 1), -EINVAL);
        assert_string_equal(f.text, "x.json:1:19: no 1");
}

static void files(void **state)
{
        char dir[] = "/tmp/test-json.XXXXXX";
        struct fault f = FAULT_NULL;
        struct json *json = NULL;
        int dirfd, fd;

        (void) state;
        assert_non_null(mkdtemp(dir));
        dirfd = open(dir, O_DIRECTORY | O_CLOEXEC);
        assert_true(dirfd >= 0);
        assert_int_equal(json_read_file(dirfd, "none.json", 0, &json, &f), -ENOENT);
        assert_int_equal(f.code, FAULT_NOT_FOUND);
        assert_non_null(strstr(f.text, "none.json"));
        fd = openat(dirfd, "a.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, "{\"a\": 1}\n", 9), 9);
        assert_int_equal(json_read_file(dirfd, "a.json", 0, &json, &f), 0);
        assert_int_equal(json_n_members(json_root(json)), 1);
        json_free(json);
        assert_int_equal(ftruncate(fd, JSON_SIZE_MAX + 1), 0);
        assert_int_equal(json_read_file(dirfd, "a.json", 0, &json, &f), -EINVAL);
        assert_true(startswith(f.text, "a.json:1:1: too big"));
        close(fd);
        unlinkat(dirfd, "a.json", 0);
        close(dirfd);
        rmdir(dir);
}

/* What is written is read again. */
static void writer(void **state)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();
        _cleanup_(json_freep) struct json *json = NULL;
        _cleanup_(freep) char *text = NULL;
        const struct json_value *list = NULL;
        const char *s = NULL;
        struct fault f;
        size_t n = 0;

        (void) state;
        assert_non_null(w);
        json_open_object(w, NULL);
        json_put_string(w, "name", "quote \" and \xff");
        json_open_array(w, "list");
        json_put_u64(w, NULL, 7);
        json_put_i64(w, NULL, -7);
        json_put_bool(w, NULL, true);
        json_close(w);
        json_close(w);
        assert_int_equal(json_writer_text(w, &text), 0);
        assert_int_equal(text[strlen(text) - 1], '\n');
        json = good(text);
        assert_int_equal(json_opt_string(json_root(json), "name", &s, &f), 1);
        assert_string_equal(s, "quote \" and \\xff");
        assert_int_equal(json_opt_array(json_root(json), "list", &list, &n, &f), 1);
        assert_int_equal(n, 3);
}

static void writer_misuse(void **state)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();
        char *text = NULL;

        (void) state;
        assert_non_null(w);
        json_open_object(w, NULL);
        assert_int_equal(json_writer_text(w, &text), -EINVAL);
        assert_null(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refusals),
                cmocka_unit_test(limits),
                cmocka_unit_test(comments),
                cmocka_unit_test(getters),
                cmocka_unit_test(files),
                cmocka_unit_test(writer),
                cmocka_unit_test(writer_misuse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
