/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people are told about an errno: code, a word of the cause, a word of the remedy, whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>

#include "model/advice.h"

#define DOWN     1u
#define LOCKDOWN 2u
#define HAD_VFS  4u

struct row {
        enum step_kind kind;
        int error;
        const char *driver;
        uint32_t value;
        unsigned what;
        enum fault_code code;
        const char *cause, *remedy;
};

static const struct row rows[] = {
        {STEP_SET_NUMVFS, ENOSPC, "ice", 64, 0, FAULT_NO_RESOURCES, "MSI-X", "ethtool -L"},
        {STEP_SET_NUMVFS, EOPNOTSUPP, "ice", 64, 0, FAULT_NOT_SUPPORTED, "safe mode", "DDP"},
        {STEP_SET_NUMVFS, EAGAIN, "ice", 64, 0, FAULT_BUSY, "in time", "firmware"},
        {STEP_SET_NUMVFS, EBUSY, "ice", 0, HAD_VFS, FAULT_BUSY, "guests", "shut"},
        {STEP_SET_NUMVFS, ERANGE, "mlx5_core", 64, 0, FAULT_INVALID_ARGS, "firmware", "NUM_OF_VFS"},
        {STEP_SET_NUMVFS, ENOSPC, "mlx5_core", 64, 0, FAULT_NO_RESOURCES, "firmware", "mlxconfig"},
        {STEP_SET_NUMVFS, EIO, "mlx5_core", 64, 0, FAULT_IO, "firmware", "mlxfwreset"},
        {STEP_SET_NUMVFS, EAGAIN, "mlx5_core", 64, 0, FAULT_NO_RESOURCES, "NO_RES", "mlxconfig"},
        {STEP_SET_NUMVFS, ETIMEDOUT, "mlx5_core", 8, 0, FAULT_TIMEOUT, "timed out", "health"},
        {STEP_SET_NUMVFS, EAGAIN, "i40e", 8, 0, FAULT_BUSY, "pending", "try again"},
        {STEP_SET_NUMVFS, EPERM, "i40e", 99, 0, FAULT_NO_RESOURCES, "self-test", "fewer"},
        {STEP_SET_NUMVFS, EINVAL, "i40e", 0, HAD_VFS, FAULT_BUSY, "guests", "shut"},
        {STEP_SET_NUMVFS, EPERM, "igb", 0, HAD_VFS, FAULT_BUSY, "assigned", "shut"},
        {STEP_SET_NUMVFS, EPERM, "igb", 8, 0, FAULT_NOT_SUPPORTED, "7 VFs", "7 or fewer"},
        {STEP_SET_NUMVFS, EPERM, "ixgbe", 0, HAD_VFS, FAULT_BUSY, "assigned", "shut"},
        {STEP_SET_NUMVFS, EPERM, "ixgbe", 63, 0, FAULT_NO_RESOURCES, "traffic classes", "DCB"},
        {STEP_SET_NUMVFS, ADVICE_SHORT, "bnxt_en", 4, DOWN, FAULT_PARTIAL_COUNT, "down", "up"},
        {STEP_SET_NUMVFS, ADVICE_SHORT, "bnxt_en", 4, 0, FAULT_PARTIAL_COUNT, "rings", "ethtool"},
        {STEP_SET_NUMVFS, 524, "cxgb4", 4, 0, FAULT_NOT_SUPPORTED, "no ARI", "BIOS"},
        {STEP_SET_NUMVFS, EINVAL, "qede", 400, 0, FAULT_NO_RESOURCES, "vports", "fewer"},
        {STEP_SET_NUMVFS, EINVAL, "nfp", 64, 0, FAULT_NOT_SUPPORTED, "firmware", "firmware"},
        {STEP_SET_NUMVFS, EBUSY, "sfc", 0, HAD_VFS, FAULT_BUSY, "guests", "shut"},
        {STEP_SET_NUMVFS, ENOENT, "vfio-pci", 4, 0, FAULT_NO_DRIVER, "vfio-pci", "enable_sriov=1"},
        {STEP_SET_NUMVFS, ENOMEM, "igb", 7, 0, FAULT_NO_RESOURCES, "MMIO", "pci=realloc"},
        {STEP_SET_NUMVFS, ENOMEM, "ice", 7, 0, FAULT_NO_RESOURCES, "bus numbers", "assign-busses"},
        {STEP_SET_NUMVFS, ENOSPC, "igb", 7, 0, FAULT_NO_RESOURCES, "queues", "RDMA"},
        {STEP_SET_NUMVFS, ERANGE, "igb", 8, 0, FAULT_INVALID_ARGS, "sriov_totalvfs", "fewer"},
        {STEP_SET_NUMVFS, EBUSY, "igb", 5, HAD_VFS, FAULT_VFS_EXIST, "destroying", "--replace"},
        {STEP_SET_NUMVFS, EBUSY, "igb", 5, 0, FAULT_BUSY, "somebody else", "doctor"},
        {STEP_SET_NUMVFS, EBUSY, "igb", 0, HAD_VFS, FAULT_BUSY, "guest", "list vf"},
        {STEP_SET_NUMVFS, ENOENT, "", 5, 0, FAULT_NO_DRIVER, "no driver", "bind"},
        {STEP_SET_NUMVFS, EPERM, "xyz", 5, 0, FAULT_NOT_SUPPORTED, "forbids", "journalctl"},
        {STEP_SET_NUMVFS, EIO, "xyz", 5, 0, FAULT_IO, "InitialVFs", "firmware"},
        {STEP_SET_NUMVFS, EINVAL, "xyz", 5, 0, FAULT_NOT_SUPPORTED, "mode", "eswitch"},
        {STEP_SET_NUMVFS, EACCES, "igb", 5, 0, FAULT_IO, "written", "root"},
        {STEP_SET_NUMVFS, EROFS, "igb", 5, 0, FAULT_IO, "read-only", "ReadWritePaths"},
        {STEP_SET_NUMVFS, ENODEV, "igb", 5, 0, FAULT_GONE, "gone", "comes back"},
        {STEP_SET_NUMVFS, ADVICE_SHORT, "igb", 5, DOWN, FAULT_PARTIAL_COUNT, "link", "link set"},
        {STEP_SET_NUMVFS, ADVICE_SHORT, "igb", 5, 0, FAULT_PARTIAL_COUNT, "more", "fewer"},
        {STEP_SET_VF, EINVAL, "igb", 0, DOWN, FAULT_INVALID_ARGS, "link is up", "link set"},
        {STEP_SET_VF, EINVAL, "igb", 0, 0, FAULT_INVALID_ARGS, "min_tx_rate", "correct"},
        {STEP_SET_VF, EOPNOTSUPP, "igb", 0, 0, FAULT_NOT_SUPPORTED, "82576", "optional"},
        {STEP_SET_VF, EINVAL, "ixgbe", 0, 0, FAULT_INVALID_ARGS, "10 Gb/s", "link"},
        {STEP_SET_VF, EAGAIN, "i40e", 0, 0, FAULT_BUSY, "reset", "second"},
        {STEP_SET_VF, EOPNOTSUPP, "ice", 0, 0, FAULT_NOT_SUPPORTED, "switchdev", "legacy"},
        {STEP_SET_VF, EOPNOTSUPP, "mlx5_core", 0, 0, FAULT_NOT_SUPPORTED, "legacy", "representor"},
        {STEP_SET_VF, EPERM, "mlx5_core", 0, 0, FAULT_NOT_SUPPORTED, "manager", "DPU"},
        {STEP_SET_VF, EINVAL, "bnxt_en", 0, 0, FAULT_INVALID_ARGS, "speed", "link"},
        {STEP_SET_VF, EINVAL, "xyz", 0, DOWN, FAULT_INVALID_ARGS, "down", "link up"},
        {STEP_SET_VF, EPROTONOSUPPORT, "igb", 0, 0, FAULT_NOT_SUPPORTED, "protocol", "802.1Q"},
        {STEP_SET_VF, EBUSY, "xyz", 0, 0, FAULT_BUSY, "resets", "again"},
        {STEP_SET_VF, EPERM, "igb", 0, 0, FAULT_IO, "permit", "CAP_NET_ADMIN"},
        {STEP_SET_MTU, EINVAL, "igb", 99, 0, FAULT_INVALID_ARGS, "range", "maxmtu"},
        {STEP_LINK_UP, EIO, "igb", 0, 0, FAULT_IO, "start", "reload"},
        {STEP_BIND, EINVAL, "vfio-pci", 0, 0, FAULT_NOT_SUPPORTED, "IOMMU", "intel_iommu=on"},
        {STEP_BIND, EINVAL, "vfio-pci", 0, 0, FAULT_NOT_SUPPORTED, "denylist", "disable_denylist"},
        {STEP_BIND, EBUSY, "igbvf", 0, 0, FAULT_BUSY, "owns its IOMMU group", "let it go"},
        {STEP_BIND, ENODEV, "nvme", 0, 0, FAULT_NOT_SUPPORTED, "id table", "choose"},
        {STEP_BIND, ENOENT, "vfio-pci", 0, 0, FAULT_NOT_SUPPORTED, "no such", "modprobe vfio-pci"},
        {STEP_BIND, EIO, "ixgbevf", 0, 0, FAULT_IO, "talk", "interface up"},
        {STEP_PROBE, ENODEV, "", 0, 0, FAULT_NOT_SUPPORTED, "autoprobe", "set it to 1"},
        {STEP_PROBE, EINVAL, "", 0, 0, FAULT_BUSY, "vfio", "let it go"},
        {STEP_UNBIND, EBUSY, "igbvf", 0, 0, FAULT_BUSY, "uses it", "list vf"},
        {STEP_SET_OVERRIDE, ENOENT, "", 0, 0, FAULT_NOT_SUPPORTED, "driver_override", "kernel"},
        {STEP_RESET, ENOTTY, "igb", 0, 0, FAULT_NOT_SUPPORTED, "no reset method", "destroy"},
        {STEP_RESET, EIO, "igb", 0, 0, FAULT_IO, "reset", "do not hand"},
        {STEP_SET_MSIX, EOVERFLOW, "mlx5_core", 999, 0, FAULT_INVALID_ARGS, "firmware",
                "mlxconfig"},
        {STEP_SET_MSIX, ENOSPC, "ice", 99, 0, FAULT_NO_RESOURCES, "pool", "another VF"},
        {STEP_SET_MSIX, EBUSY, "ice", 9, 0, FAULT_BUSY, "driver", "unbind"},
        {STEP_SET_AUTOPROBE, ENOENT, "igb", 0, 0, FAULT_NOT_SUPPORTED, "autoprobe", "4.12"},
        {STEP_SET_ESWITCH, EOPNOTSUPP, "ice", 0, 0, FAULT_NOT_SUPPORTED, "no VFs", "destroy"},
        {STEP_SET_ESWITCH, EINVAL, "mlx5_core", 0, 0, FAULT_BUSY, "locked", "again"},
        {STEP_SET_ESWITCH, EOPNOTSUPP, "igb", 0, 0, FAULT_NOT_SUPPORTED, "devlink", "eswitch out"},
        {STEP_SET_ACCESS, ENOENT, "", 1000, 0, FAULT_NO_DRIVER, "no vfio driver", "vfio-pci"},
        {STEP_SET_ACCESS, EBUSY, "", 1000, 0, FAULT_NOT_ISOLATED, "one device node", "own"},
        {STEP_SET_ACCESS, EPROTO, "", 1000, 0, FAULT_NOT_APPLIED, "udev", "05-sriovd-vfio.rules"},
        {STEP_SET_ACCESS, ETIMEDOUT, "", 1000, 0, FAULT_TIMEOUT, "in time", "systemd-udevd"},
        {STEP_MAX, EPERM, "", 0, LOCKDOWN, FAULT_IO, "locked down", "lockdown"},
        {STEP_MAX, EIO, "", 0, 0, FAULT_IO, "failed", "kernel's log"},
};

static struct advice_case case_of(const struct row *row)
{
        struct advice_case c = {.kind = row->kind,
                .value = row->value,
                .num_vfs = row->what & HAD_VFS ? 3 : 0,
                .link_down = row->what & DOWN,
                .lockdown = row->what & LOCKDOWN};

        assert_int_equal(str_copy(c.driver, sizeof(c.driver), row->driver), 0);
        return c;
}

static void every_row(_unused_ void **state)
{
        assert_true(ELEMENTSOF(rows) >= 60);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const struct row *row = &rows[i];
                const struct advice_case c = case_of(row);
                const struct advice a = advice_find(&c, row->error);
                struct fault f = FAULT_NULL;
                int r;

                r = advice_fault(&f, &c, row->error, "this");
                if (f.code != row->code || !strstr(a.cause, row->cause) ||
                        !strstr(a.remedy, row->remedy) || !strstr(f.text, row->driver))
                        fail_msg("row %zu (%s, %s, %s): %s: %s", i, step_kind_name(row->kind),
                                strerrorname_np(row->error) ?: "-", row->driver,
                                fault_code_name(f.code), f.text);
                assert_true(startswith(f.text, "this"));
                assert_non_null(strstr(f.text, a.cause));
                assert_non_null(strstr(f.text, a.remedy));
                if (row->error != ADVICE_SHORT && row->error != 524)
                        assert_non_null(strstr(f.text, strerrordesc_np(row->error)));
                assert_int_equal(r, row->error ? -row->error : -EIO);
                assert_int_equal(f.error, -r);
        }
}

/* Whatever comes from wherever: a code, a cause, and something to do, whole. */
static void every_errno_of_every_step(_unused_ void **state)
{
        static const char *const drivers[] = {"", "igb", "ixgbe", "i40e", "ice", "mlx5_core",
                "bnxt_en", "cxgb4", "qede", "nfp", "sfc", "be2net", "nvme", "vfio-pci", "zzz"};

        for (unsigned kind = 0; kind <= STEP_MAX; kind++)
                for (int error = 0; error < 530; error++)
                        for (size_t i = 0; i < ELEMENTSOF(drivers) * 8; i++) {
                                const struct row row = {.kind = kind,
                                        .driver = drivers[i / 8],
                                        .value = i & 1 ? 4 : 0,
                                        .what = (unsigned) (i & 6) | (i & 1 ? DOWN : 0)};
                                const struct advice_case c = case_of(&row);
                                const struct advice a = advice_find(&c, error);

                                assert_true(a.code > FAULT_NONE && a.code < FAULT_MAX);
                                assert_true(strlen(a.cause) > 8);
                                assert_true(strlen(a.remedy) > 6);
                                assert_true(strlen(a.cause) + strlen(a.remedy) < 400);
                                assert_false(isupper((unsigned char) a.cause[0]) &&
                                             islower((unsigned char) a.cause[1]));
                        }
}

/* The errnos that issue 5 names mean something everywhere: never just "the kernel gives no reason".
 */
static void no_common_errno_is_unexplained(_unused_ void **state)
{
        static const int errors[] = {ENOSPC, ENOMEM, EBUSY, ENOENT, EIO, EPERM, EACCES, ERANGE,
                EINVAL, EOPNOTSUPP, ENODEV, ENOTTY, ETIMEDOUT, EAGAIN};

        for (unsigned kind = 0; kind <= STEP_MAX; kind++)
                for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                        const struct advice_case c = {.kind = kind, .driver = "igb"};

                        assert_null(strstr(advice_find(&c, errors[i]).cause, "no other reason"));
                }
}

static void the_kernels_own_words_are_kept(_unused_ void **state)
{
        struct advice_case c = {.kind = STEP_SET_VF, .driver = "ice", .words = "VF 3 is in reset"};
        struct fault f = FAULT_NULL;

        advice_fault(&f, &c, EBUSY, "PF %s", "X");
        assert_true(startswith(f.text, "PF X refused by driver ice (\"VF 3 is in reset\"): "));
        c.driver[0] = c.words[0] = '\0';
        advice_fault(&f, &c, EIO, "PF %s", "X");
        assert_true(startswith(f.text, "PF X failed: "));
        c.kind = STEP_MAX;
        advice_fault(&f, &c, EIO, "PF %s", "X");
        assert_true(startswith(f.text, "PF X: "));
        assert_int_equal(advice_fault(NULL, &c, EIO, "PF"), -EIO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_row),
                cmocka_unit_test(every_errno_of_every_step),
                cmocka_unit_test(no_common_errno_is_unexplained),
                cmocka_unit_test(the_kernels_own_words_are_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
