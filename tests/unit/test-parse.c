/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict parsers, escaping, faults, whole-file I/O. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/fileio.h"
#include "base/parse.h"
#include "unit.h"

static void numbers(void **state)
{
        static const struct {
                const char *text;
                int r;
                uint32_t value;
        } cases[] = {
                {"0", 0, 0},
                {"7", 0, 7},
                {"4094", 0, 4094},
                {"4095", -ERANGE, 0},
                {"18446744073709551616", -ERANGE, 0},
                {"", -EINVAL, 0},
                {"-1", -EINVAL, 0},
                {"+1", -EINVAL, 0},
                {" 1", -EINVAL, 0},
                {"1 ", -EINVAL, 0},
                {"010", -EINVAL, 0}, /* the kernel would read octal */
                {"0x10", -EINVAL, 0},
                {"1e3", -EINVAL, 0},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint32_t v = 99;

                assert_int_equal(parse_u32(cases[i].text, 0, 4094, &v), cases[i].r);
                assert_int_equal(v, cases[i].r ? 99 : cases[i].value);
        }
}

static void addresses(void **state)
{
        static const char *const bad_macs[] = {"", "02:00:00:00:00", "02:00:00:00:00:0g",
                "2:0:0:0:0:1", "02-00-00-00-00-01", "02:00:00:00:00:01:02", "02:00:00:00:00:01 ",
                "+2:00:00:00:00:01"};
        static const char *const bad_bdfs[] = {"", "3b:00.0", "0000:3b:20.0", "0000:3b:00.8",
                "0000:3b:00", "00000000000:3b:00.0", "0000:3b:00.0/..", "zzzz:3b:00.0",
                "0000-3b:00.0", "../../../etc"};
        char text[GUID_STR_MAX];
        struct mac mac;
        struct bdf bdf;
        uint64_t guid;

        (void) state;
        assert_int_equal(parse_mac("02:00:00:aA:bB:0c", &mac), 0);
        format_mac(text, &mac);
        assert_string_equal(text, "02:00:00:aa:bb:0c");
        assert_false(mac_is_multicast(&mac));
        assert_int_equal(parse_mac("01:00:5e:00:00:01", &mac), 0);
        assert_true(mac_is_multicast(&mac));
        for (size_t i = 0; i < ELEMENTSOF(bad_macs); i++)
                assert_int_equal(parse_mac(bad_macs[i], &mac), -EINVAL);
        assert_int_equal(parse_bdf("10000:3B:1f.7", &bdf), 0);
        assert_int_equal(bdf.domain, 0x10000);
        assert_int_equal(bdf.devfn, 0xff);
        format_bdf(text, &bdf);
        assert_string_equal(text, "10000:3b:1f.7");
        for (size_t i = 0; i < ELEMENTSOF(bad_bdfs); i++)
                assert_true(parse_bdf(bad_bdfs[i], &bdf) < 0);
        assert_int_equal(parse_guid("00:11:22:33:44:55:66:77", &guid), 0);
        assert_true(guid == 0x0011223344556677);
        format_guid(text, guid);
        assert_string_equal(text, "00:11:22:33:44:55:66:77");
        assert_int_equal(parse_guid("00:11:22:33:44:55:66", &guid), -EINVAL);
}

static void names(void **state)
{
        (void) state;
        assert_true(ifname_valid("enp1s0f0np0"));
        assert_false(ifname_valid(""));
        assert_false(ifname_valid("."));
        assert_false(ifname_valid("a/b"));
        assert_false(ifname_valid("a b"));
        assert_false(ifname_valid("\x1b[31m"));
        assert_false(ifname_valid("\xff\xfe"));
        assert_false(ifname_valid("sixteen-bytes-ok"));
        assert_true(driver_name_valid("vfio-pci"));
        assert_false(driver_name_valid("../vfio-pci"));
        assert_false(driver_name_valid("vfio pci"));
        assert_true(utf8_valid("Zürich €"));
        assert_false(utf8_valid("\xc0\xaf"));     /* overlong */
        assert_false(utf8_valid("\xed\xa0\x80")); /* surrogate */
        assert_false(utf8_valid("\xf4\x90\x80\x80"));
        assert_false(utf8_valid("\xe2\x82"));
}

static void escaping(void **state)
{
        char text[16];
        struct fault f = FAULT_NULL;

        (void) state;
        escape_text(text, sizeof(text), "a\x1b[2Jü\xff");
        assert_string_equal(text, "a\\x1b[2Jü\\xff");
        escape_text(text, sizeof(text), "0123456789abcd€"); /* would end inside the character */
        assert_string_equal(text, "0123456789abcd");
        escape_text(text, sizeof(text),
                "\xc2\x9b"
                "1m"); /* CSI as C1 */
        assert_string_equal(text, "\\xc2\\x9b"
                                  "1m");
        assert_int_equal(fault_set(&f, FAULT_IN_USE, 0, "VF %d\n", 3), -EBUSY);
        assert_string_equal(f.text, "VF 3\\x0a");
        assert_int_equal(f.step, FAULT_NO_STEP);
        assert_int_equal(fault_set(NULL, FAULT_IO, ERANGE, "x"), -ERANGE);
        for (unsigned i = 0; i < FAULT_MAX; i++)
                assert_int_equal(fault_code_from_name(fault_code_name(i)), i);
        assert_int_equal(fault_code_from_name("nonsense"), FAULT_MAX);
}

static void files(void **state)
{
        _cleanup_(freep) char *text = NULL;
        char dir[] = "/tmp/sriovd-test-XXXXXX", line[8];
        struct stat st;
        size_t n;
        int fd;

        (void) state;
        assert_non_null(mkdtemp(dir));
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write_file_atomic_at(fd, "a", "one\n", 4, 0640), 0);
        assert_int_equal(write_file_atomic_at(fd, "a", "two\n", 4, 0640), 0);
        assert_int_equal(write_file_atomic_at(fd, "../a", "x", 1, 0640), -EINVAL);
        assert_int_equal(read_file_at(fd, "a", 100, &text, &n), 0);
        assert_string_equal(text, "two\n");
        assert_int_equal(n, 4);
        assert_int_equal(fstatat(fd, ".a.new", &st, 0), -1);
        free(TAKE_PTR(text));
        assert_int_equal(read_file_at(fd, "a", 3, &text, &n), -EFBIG);
        assert_null(text);
        assert_int_equal(read_line_at(fd, "a", line, sizeof(line)), 0);
        assert_string_equal(line, "two");
        assert_int_equal(write_file_atomic_at(fd, "a", "two\nlines", 9, 0640), 0);
        assert_int_equal(read_line_at(fd, "a", line, sizeof(line)), -EINVAL);
        assert_int_equal(write_file_atomic_at(fd, "a", "far too long", 12, 0640), 0);
        assert_int_equal(read_line_at(fd, "a", line, sizeof(line)), -ENAMETOOLONG);
        assert_int_equal(write_attr_at(fd, "none", "1"), -ENOENT);
        assert_int_equal(write_attr_at(fd, "a", "1"), 0);
        assert_int_equal(symlinkat("../x/igb", fd, "driver"), 0);
        assert_int_equal(readlink_name_at(fd, "driver", line, sizeof(line)), 0);
        assert_string_equal(line, "igb");
        assert_int_equal(write_attr_at(fd, "driver", "1"), -ELOOP);
        assert_int_equal(unlinkat(fd, "driver", 0) | unlinkat(fd, "a", 0), 0);
        close(fd);
        assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers),
                cmocka_unit_test(addresses),
                cmocka_unit_test(names),
                cmocka_unit_test(escaping),
                cmocka_unit_test(files),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
