/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config/rivals over a tree of files: who is found, who is not, what nobody may read. */
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "config/rivals.h"
#include "unit.h"

#define NM    "/NetworkManager/system-connections/"
#define LINKS "/systemd/network/"

static char root[64];
static struct pf_facts nic, second, disk;

static void put(const char *path, const char *text)
{
        char full[512];
        FILE *file;

        assert_true(snprintf(full, sizeof(full), "%s/%s", root, path) < (int) sizeof(full));
        for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                mkdir(full, 0755);
                *slash = '/';
        }
        file = fopen(full, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void put_link(const char *path, const char *target)
{
        char full[512];

        put(path, "");
        snprintf(full, sizeof(full), "%s/%s", root, path);
        assert_int_equal(unlink(full), 0);
        assert_int_equal(symlink(target, full), 0);
}

/* enp1s0 and enp2s0 of igb, and an NVMe controller without an interface. */
static int setup(void **state)
{
        (void) state;
        nic = igb_facts(0);
        nic.offset = 128;
        nic.stride = 2;
        nic.has_mac = true;
        nic.mac = (struct mac){{2, 0, 0, 0, 0, 0xaa}};
        snprintf(nic.permanent_mac, sizeof(nic.permanent_mac), "90:e2:ba:00:00:01");
        second = nic;
        snprintf(second.id.str, sizeof(second.id.str), "pci/0000:02:00.0");
        snprintf(second.netdevs[0], NETDEV_MAX, "enp2s0");
        snprintf(second.driver, sizeof(second.driver), "ixgbe");
        second.mac.b[5] = 0xbb;
        snprintf(second.permanent_mac, sizeof(second.permanent_mac), "90:e2:ba:00:00:02");
        pf_facts_init(&disk, &(struct dev_id){"pci/0000:06:00.0"});
        snprintf(disk.driver, sizeof(disk.driver), "nvme");
        disk.offset = 1;
        disk.total_vfs = 1;
        strcpy(root, "/tmp/test-rivals-XXXXXX");
        return mkdtemp(root) ? 0 : -1;
}

static int remove_one(const char *path, _unused_ const struct stat *st, _unused_ int type,
        _unused_ struct FTW *ftw)
{
        return remove(path);
}

static int teardown(void **state)
{
        (void) state;
        return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* What is found, a line each. */
static void found(char *buf, size_t size)
{
        const struct pf_facts *const pfs[] = {&nic, &second, &disk};
        int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct rivals rivals;
        char line[600];
        size_t n = 0;

        assert_true(fd >= 0);
        assert_int_equal(rivals_find(fd, pfs, ELEMENTSOF(pfs), &rivals), 0);
        close(fd);
        buf[0] = '\0';
        for (size_t i = 0; i < rivals.n; i++) {
                rival_describe(&rivals.list[i], line, sizeof(line));
                assert_int_equal(rivals.list[i].kind == RIVAL_MANAGES, rivals.list[i].pf[0] != 0);
                n += (size_t) snprintf(buf + n, size - n, "%s\n", line);
                assert_true(n < size);
        }
        rivals_done(&rivals);
}

static void assert_found(const char *wanted)
{
        char buf[4096];

        found(buf, sizeof(buf));
        assert_string_equal(buf, wanted);
}

static void nothing(void **state)
{
        (void) state;
        assert_found("");
        put("etc" NM "wifi.nmconnection", "[connection]\ninterface-name=enp1s0\n");
        put("etc" LINKS "10-a.link", "[Match]\nOriginalName=*\n[Link]\nMTUBytes=9000\n");
        put("usr/lib/systemd/network/99-default.link", "[Match]\nOriginalName=*\n");
        put("etc/netplan/50-a.yaml", "network:\n  ethernets:\n    enp1s0: {dhcp4: true}\n");
        put("etc/udev/rules.d/70-a.rules", "# sriov_numvfs\nSUBSYSTEM==\"net\", NAME=\"x\"\n");
        put("etc/driverctl.d/0000:00:1f.0", "vfio-pci\n");
        assert_found("");
}

static void networkmanager(void **state)
{
        (void) state;
        put("etc" NM "a.nmconnection", "# a comment\n[connection]\nid=a\ninterface-name = enp1s0 \n"
                                       "[sriov]\ntotal-vfs=4\nvf.0=mac=02:00:00:00:00:01\n");
        put("etc" NM "no-suffix", "[802-3-ethernet]\nmac-address=90:E2:BA:00:00:02\n"
                                  "[sriov]\ntotal-vfs=4\n");
        put("run" NM "any.nmconnection", "[connection]\ntype=ethernet\n[sriov]\ntotal-vfs=1\n");
        put("run" NM "no-suffix", "[sriov]\ntotal-vfs=4\n");
        put("etc" NM "old.nmconnection~", "[sriov]\ntotal-vfs=4\n");
        put("etc" NM "other", "[connection]\ninterface-name=enp1s0f0\n[sriov]\ntotal-vfs=4\n");
        put("usr/lib" NM "empty.nmconnection", "[sriov]\nautoprobe-drivers=1\n");
        assert_found("enp1s0: NetworkManager: /etc" NM "a.nmconnection\n"
                     "enp2s0: NetworkManager: /etc" NM "no-suffix\n"
                     "enp1s0: NetworkManager: /run" NM "any.nmconnection\n"
                     "enp2s0: NetworkManager: /run" NM "any.nmconnection\n");
}

/* The first file that fits is the one that counts; /dev/null and the same name mask. */
static void links(void **state)
{
        static const char vfs[] = "[Link]\nSR-IOVVirtualFunctions=4\n";
        char text[256];

        (void) state;
        snprintf(text, sizeof(text), "[Match]\nOriginalName=enp1s0\n%s", vfs);
        put("usr/lib" LINKS "20-b.link", text);
        snprintf(text, sizeof(text), "[Match]\nPath=pci-0000:02:*\nDriver=igb ix*\n%s", vfs);
        put("run" LINKS "30-c.link", text);
        assert_found("enp1s0: systemd-udevd: /usr/lib" LINKS "20-b.link\n"
                     "enp2s0: systemd-udevd: /run" LINKS "30-c.link\n");
        put("etc" LINKS "10-a.link", "[Match]\nMACAddress=02:00:00:00:00:aa\n");
        put_link("etc" LINKS "30-c.link", "/dev/null");
        assert_found("");
        put("etc" LINKS "10-a.link", "[Match]\nMACAddress=02:00:00:00:00:aa\nHost=other\n");
        assert_found("enp1s0: systemd-udevd: /usr/lib" LINKS "20-b.link\n");
        put("etc" LINKS "10-a.link", "[Match]\nPermanentMACAddress=90-E2-BA-00-00-01 \\\n"
                                     "   90:e2:ba:00:00:02\n[SR-IOV]\nVirtualFunction=0\n");
        assert_found("enp1s0: systemd-udevd: /etc" LINKS "10-a.link\n"
                     "enp2s0: systemd-udevd: /etc" LINKS "10-a.link\n");
        put("etc" LINKS "10-a.link",
                "[Match]\nOriginalName=!enp1s0 lo\n[SR-IOV]\nVirtualFunction=0\n");
        assert_found("enp1s0: systemd-udevd: /usr/lib" LINKS "20-b.link\n"
                     "enp2s0: systemd-udevd: /etc" LINKS "10-a.link\n");
        put("etc" LINKS "10-a.link", "[Match]\n[SR-IOV]\nVirtualFunction=0\n"); /* fits nobody */
        put("usr/lib" LINKS "20-b.link", "[Match]\nOriginalName=*\n");
        put("run" LINKS "20-b.link.d/x.conf", vfs);
        assert_found("enp1s0: systemd-udevd: /run" LINKS "20-b.link.d/x.conf\n"
                     "enp2s0: systemd-udevd: /run" LINKS "20-b.link.d/x.conf\n");
        put("etc" LINKS "20-b.link", "");
        put("usr/lib" LINKS "40-d.link", "[Match]\nDriver=igb\n[Link]\nSR-IOVVirtualFunctions=\n");
        assert_found("");
}

static void networks(void **state)
{
        (void) state;
        put("etc" LINKS "10-a.network", "[Match]\nName=enp?s0 !x\n[SR-IOV]\nVirtualFunction=3\n");
        put("etc" LINKS "20-b.network", "[Match]\nName=*\n[SR-IOV]\nVirtualFunction=3\n");
        assert_found("enp1s0: systemd-networkd: /etc" LINKS "10-a.network\n"
                     "enp2s0: systemd-networkd: /etc" LINKS "10-a.network\n");
}

static void netplan(void **state)
{
        (void) state;
        put("etc/netplan/10-a.yaml", "# virtual-function-count: a comment\n"
                                     "network:\n"
                                     "  version: 2\n"
                                     "  ethernets:\n"
                                     "    enp1s0:\n"
                                     "        virtual-function-count: 4 # some\n"
                                     "    port-b:\n"
                                     "      match:\n"
                                     "        macaddress: \"90:e2:ba:00:00:02\"\n"
                                     "      virtual-function-count: 2\n"
                                     "    elsewhere:\n"
                                     "      match: {name: enp1s0}\n"
                                     "      virtual-function-count: 2\n"
                                     "  vlans:\n"
                                     "    v1:\n"
                                     "      link: enp1s0\n");
        put("run/netplan/20-b.yaml",
                "network:\n  ethernets:\n    vf0:\n      link: port-b\n    vf1: {link: enp1s0}\n");
        assert_found("enp1s0: netplan: /etc/netplan/10-a.yaml\n"
                     "enp2s0: netplan: /etc/netplan/10-a.yaml\n"
                     "enp2s0: netplan: /run/netplan/20-b.yaml\n");
        put("etc/netplan/10-a.yaml", "network:\n"
                                     "  ethernets:\n"
                                     "    any:\n"
                                     "      match:\n"
                                     "        name: enp*\n"
                                     "        driver: 'ix*' # not igb\n"
                                     "        deep:\n"
                                     "          deeper: {}\n"
                                     "      set-name: a#b\n"
                                     "      \"virtual-function-count\": 2\n"
                                     "    a:b:\n"
                                     "      dhcp4: no\n"
                                     "    c:\n"
                                     "      match:\n"
                                     "        name: eth0\n"
                                     "      set-name: enp1s0\n"
                                     "      virtual-function-count: 2\n");
        put("run/netplan/20-b.yaml", "network:\n  ethernets:\n    vf0:\n      link: any\n");
        assert_found("enp2s0: netplan: /etc/netplan/10-a.yaml\n"
                     "enp1s0: netplan: /etc/netplan/10-a.yaml\n"
                     "enp2s0: netplan: /run/netplan/20-b.yaml\n");
        put("etc/netplan/10-a.yaml",
                "network:\n  ethernets:\n    enp1s0: {virtual-function-count: 2}\n");
        put("run/netplan/20-b.yaml", "{network: {ethernets: {a: {virtual-function-count: 2}}}}\n");
        put("run/systemd/system/netplan-sriov-rebind.service",
                "[Service]\nExecStart=/usr/sbin/netplan rebind enp2s0\n");
        put("run/systemd/system/netplan-sriov-apply.service",
                "[Service]\nExecStart=/usr/sbin/netplan apply --sriov-only\n");
        assert_found(
                "netplan: /etc/netplan/10-a.yaml does not say of which PF\n"
                "netplan: /run/netplan/20-b.yaml does not say of which PF\n"
                "netplan: /run/systemd/system/netplan-sriov-apply.service does not say of which "
                "PF\n"
                "enp2s0: netplan: /run/systemd/system/netplan-sriov-rebind.service\n");
}

static void scripts(void **state)
{
        (void) state;
        put("etc/udev/rules.d/70-a.rules", "ACTION==\"add\", KERNELS==\"0000:01:00.0\", \\\n  "
                                           "ATTR{device/sriov_numvfs}=\"4\"\n"
                                           "ACTION==\"add\", ENV{ID_NET_DRIVER}==\"ixgbe\", "
                                           "ATTR{device/sriov_numvfs}=\"4\"\n");
        put("etc/udev/rules.d/80-b.rules", "SUBSYSTEM==\"pci\", ATTR{sriov_numvfs}=\"4\"\n");
        put("etc/udev/rules.d/90-c.rulesx", "ATTR{sriov_numvfs}=\"4\"\n");
        put("etc/rc.local", "#!/bin/sh\necho 4 >/sys/class/net/enp1s0f0/device/sriov_numvfs\n"
                            "echo 4 >/sys/class/net/enp2s0/device/sriov_numvfs\n");
        put("etc/driverctl.d/0000:01:10.2", "vfio-pci\n"); /* VF 1 of enp1s0 */
        put("etc/driverctl.d/0000:01:11.6", "vfio-pci\n"); /* would be VF 7 */
        put("etc/driverctl.d/0000:01:10.1", "vfio-pci\n");
        put("etc/driverctl.d/pci-0000:06:00.1", "vfio-pci\n");
        put("etc/driverctl.d/0000:02:00.0", "vfio-pci\n");
        put("etc/driverctl.d/README", "");
        assert_found("enp1s0: udev: /etc/udev/rules.d/70-a.rules\n"
                     "enp2s0: udev: /etc/udev/rules.d/70-a.rules\n"
                     "udev: /etc/udev/rules.d/80-b.rules does not say of which PF\n"
                     "rc.local: /etc/rc.local does not say of which PF\n"
                     "enp2s0: rc.local: /etc/rc.local\n"
                     "enp1s0: driverctl: /etc/driverctl.d/0000:01:10.2\n"
                     "enp2s0: driverctl: /etc/driverctl.d/0000:02:00.0\n"
                     "0000:06:00.0: driverctl: /etc/driverctl.d/pci-0000:06:00.1\n");
}

/* Garbage, a FIFO, a loop, a name that a terminal would obey: nobody waits, nobody falls. */
static void odd_files(void **state)
{
        char full[512], *big = calloc(1, 300 * 1024);

        (void) state;
        assert_non_null(big);
        memset(big, '[', 300 * 1024 - 1);
        put("etc/netplan/big.yaml", big);
        free(big);
        put("etc" NM "garbage", "[\n]\n=\n[sriov\n[sriov]]\n==\n[]\n\\\n\xff\n[sriov]");
        put("etc" LINKS "garbage.link", "[\\\n]\\\n=\\\n\\");
        put("etc/netplan/garbage.yaml", ":\n: :\n- :\n  \t:\n#\n\"\n': '\n   a: '\n  b:\n {:\n");
        put("etc/udev/rules.d/\x1b[31m.rules", "sriov_numvfs\n");
        put_link("etc" NM "loop", "loop");
        snprintf(full, sizeof(full), "%s/etc/netplan/fifo.yaml", root);
        assert_int_equal(mkfifo(full, 0600), 0);
        assert_found("NetworkManager: /etc" NM "loop can not be read\n"
                     "netplan: /etc/netplan/big.yaml can not be read\n"
                     "udev: /etc/udev/rules.d/\\x1b[31m.rules does not say of which PF\n");
}

/* As the daemon is: not root. */
static void unreadable(void **state)
{
        char buf[4096], full[512];
        int status;
        pid_t pid;

        (void) state;
        put("etc" NM "a.nmconnection", "[sriov]\ntotal-vfs=4\n");
        snprintf(full, sizeof(full), "%s/etc" NM "a.nmconnection", root);
        assert_int_equal(chmod(full, 0), 0);
        put("etc/netplan/a.yaml", "network:\n");
        snprintf(full, sizeof(full), "%s/etc/netplan", root);
        assert_int_equal(chmod(full, 0), 0);
        assert_int_equal(chmod(root, 0755), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (geteuid() == 0 && setuid(65534) < 0)
                        _exit(2);
                found(buf, sizeof(buf));
                _exit(!streq(buf, "NetworkManager: /etc" NM "a.nmconnection can not be read\n"
                                  "netplan: /etc/netplan can not be read\n"));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(chmod(full, 0755), 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(nothing),
                CASE(networkmanager),
                CASE(links),
                CASE(networks),
                CASE(netplan),
                CASE(scripts),
                CASE(odd_files),
                CASE(unreadable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
