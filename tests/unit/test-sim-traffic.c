/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine with its frames: settings as steps set them, guests that come and go, by a clock of
 * the test's. The NIC itself is tested in test-sim-nic, its drivers in test-sim-pfdrv.
 */
#include "sim/frametext.h"
#include "sim/kernel.h"
#include "sim/statsjson.h"
#include "sim/traceline.h"
#include "sim/wiring.h"
#include "unit.h"

struct world {
        struct machine *m;
        struct sim_pf *pf;
        uint64_t now;
};

static struct world world_new(const char *pf_keys)
{
        _cleanup_(topology_freep) struct topology *t = NULL;
        struct world w = {.now = 1000000000};
        struct fault f = FAULT_NULL;
        char text[2048];

        snprintf(text, sizeof(text),
                "{\"version\":1,\"host\":{\"memory_mib\":256},\"bridges\":[{\"name\":\"rp\","
                "\"type\":\"root-port\"}],\"pfs\":[{\"profile\":\"ice\",\"below\":\"rp\","
                "\"mac\":\"02:51:00:00:00:01\",\"netdev\":\"eth0\",%s}]}",
                pf_keys);
        if (topology_parse("test", text, strlen(text), &t, &f) < 0 || machine_new(t, &w.m, &f) < 0)
                fail_msg("%s", f.text);
        machine_lock(w.m);
        w.pf = &w.m->pfs[0];
        return w;
}

static void world_done(struct world *w)
{
        char why[160] = "";

        if (w->pf->nic) {
                struct nic *nic = nic_hold(traffic_nic(w->pf->nic));

                if (!nic_conserved(nic, why, sizeof(why)))
                        fail_msg("%s", why);
                nic_release(nic);
        }
        machine_unlockp(&w->m);
        machine_free(w->m);
}

static void run(struct world *w)
{
        struct traffic *t = traffic_hold(w->m->traffic);
        unsigned quiet = 0;

        while (quiet < 3) {
                w->now += 10000;
                quiet = traffic_round(t, w->now) > 0 ? 0 : quiet + 1;
        }
        traffic_release(t);
}

static struct vfdrv *driver(struct world *w, uint32_t vf)
{
        struct fault f = FAULT_NULL;

        if (wiring_open_netdev(w->m, w->pf, vf, &f) < 0)
                fail_msg("%s", f.text);
        return traffic_guest_driver(
                traffic_guest(w->pf->nic, vf == NO_VF ? POOL_PF : pool_of_vf(vf)));
}

static int64_t send_words(struct world *w, uint32_t where, size_t n, char *const words[])
{
        struct mac src = {{0x02, 0, 0, 0xff, 0xff, 0xff}};
        struct frame_text frame;
        struct fault f = FAULT_NULL;
        struct traffic *t;
        uint64_t mac;
        int64_t r;

        if (where != FROM_WIRE) {
                mac = vfdrv_mac(driver(w, where == POOL_PF ? NO_VF : where - 1));
                memcpy(src.b, &mac, 6);
        }
        if (frame_from_words(words, n, &src, &frame, &f) < 0)
                fail_msg("%s", f.text);
        t = traffic_hold(w->m->traffic);
        r = traffic_send(w->pf->nic, where, frame.bytes, frame.length, 1);
        traffic_release(t);
        run(w);
        return r;
}

/* From one VF to another, n frames; how many of them arrive. */
static uint64_t reach(struct world *w, uint32_t from, uint32_t to)
{
        struct pool_stats before, after;
        char dst[32] = "dst=", *words[] = {dst};
        uint64_t number = vfdrv_mac(driver(w, to));
        struct mac mac;

        memcpy(mac.b, &number, 6);
        format_mac(dst + 4, &mac);
        nic_pool_stats(traffic_nic(w->pf->nic), pool_of_vf(to), &before);
        assert_int_equal(send_words(w, pool_of_vf(from), 1, words), 1);
        nic_pool_stats(traffic_nic(w->pf->nic), pool_of_vf(to), &after);
        return after.rx_packets - before.rx_packets;
}

static void set(struct world *w, uint32_t vf, enum vf_attr attr, const char *value)
{
        enum vf_setting setting = vf_attr_table[attr].setting;
        struct vf_attrs attrs = {0}, wish = {0};
        struct fault f;

        assert_int_equal(vf_attrs_set_text(&wish, attr, value, &f), 0);
        vf_attrs_copy(&attrs, &vf_attrs_baseline, vf_setting_attrs(setting));
        vf_attrs_copy(&attrs, &wish, BIT(attr));
        assert_int_equal(kernel_set_vf(w->m, w->pf, vf, setting, &attrs), 0);
}

static void settings_show_in_frames(void **state)
{
        _cleanup_(world_done) struct world w = world_new("\"num_vfs\":3");
        struct pool_stats s;
        char *spoofed[] = {(char *) "src=02:ba:d0:00:00:01"};

        (void) state;
        assert_int_equal(reach(&w, 0, 1), 1);
        set(&w, 0, VF_ATTR_VLAN, "100");
        assert_int_equal(reach(&w, 0, 1), 0);
        set(&w, 1, VF_ATTR_VLAN, "100");
        assert_int_equal(reach(&w, 0, 1), 1);
        set(&w, 1, VF_ATTR_VLAN, "200");
        assert_int_equal(reach(&w, 0, 1), 0);
        set(&w, 0, VF_ATTR_VLAN, "0");
        set(&w, 1, VF_ATTR_VLAN, "0");
        assert_int_equal(reach(&w, 0, 1), 1);

        set(&w, 2, VF_ATTR_SPOOFCHK, "on");
        assert_int_equal(send_words(&w, pool_of_vf(2), 1, spoofed), 1);
        nic_pool_stats(traffic_nic(w.pf->nic), pool_of_vf(2), &s);
        assert_int_equal(s.spoofed, 1);
        set(&w, 2, VF_ATTR_SPOOFCHK, "off");
        assert_int_equal(send_words(&w, pool_of_vf(2), 1, spoofed), 1);
        nic_pool_stats(traffic_nic(w.pf->nic), pool_of_vf(2), &s);
        assert_int_equal(s.spoofed, 1);

        set(&w, 1, VF_ATTR_LINK_STATE, "disable");
        assert_int_equal(reach(&w, 0, 1), 0);
        set(&w, 1, VF_ATTR_LINK_STATE, "auto");
        assert_int_equal(reach(&w, 0, 1), 1);
}

static void a_new_mac_is_where_frames_go(void **state)
{
        _cleanup_(world_done) struct world w = world_new("\"num_vfs\":2");
        char *words[] = {(char *) "dst=02:00:00:aa:00:01"};
        struct pool_stats s;

        (void) state;
        driver(&w, 1);
        set(&w, 1, VF_ATTR_MAC, "02:00:00:aa:00:01");
        send_words(&w, FROM_WIRE, 1, words);
        nic_pool_stats(traffic_nic(w.pf->nic), pool_of_vf(1), &s);
        assert_int_equal(s.rx_packets, 1);
        assert_int_equal(reach(&w, 0, 1), 1);
}

static void drivers_decide_who_can_use_it(void **state)
{
        _cleanup_(world_done) struct world w = world_new("\"num_vfs\":2");
        struct fault f = FAULT_NULL;

        (void) state;
        assert_int_equal(reach(&w, 0, 1), 1);
        assert_int_equal(kernel_unbind(w.m, w.pf, 1, KERNEL_NOWAIT), 0);
        assert_null(traffic_guest(w.pf->nic, pool_of_vf(1)));
        assert_true(wiring_open_netdev(w.m, w.pf, 1, &f) < 0);
        assert_int_equal(f.code, FAULT_NO_DRIVER);

        snprintf(w.pf->vfs[1].driver_override, DRIVER_MAX, "vfio-pci");
        assert_int_equal(kernel_bind(w.m, w.pf, 1, "vfio-pci"), 0);
        assert_int_equal(kernel_guest_opens(w.m, w.pf, 1, "vm1"), 0);
        assert_string_equal(traffic_guest_name(traffic_guest(w.pf->nic, pool_of_vf(1))), "vm1");
        assert_int_equal(reach(&w, 0, 1), 1);
        assert_true(vfdrv_irq(driver(&w, 1))->posted);
        assert_false(vfdrv_irq(driver(&w, 0))->posted);
        assert_int_equal(kernel_guest_closes(w.m, w.pf, 1), 0);
        assert_null(traffic_guest(w.pf->nic, pool_of_vf(1)));
}

static void destroying_and_making_again(void **state)
{
        _cleanup_(world_done) struct world w = world_new("\"num_vfs\":4");

        (void) state;
        for (unsigned i = 0; i < 5; i++) {
                assert_int_equal(reach(&w, 0, 3), 1);
                assert_int_equal(kernel_set_numvfs(w.m, w.pf, 0, -1, KERNEL_NOWAIT), 0);
                assert_int_equal(kernel_set_numvfs(w.m, w.pf, 4, -1, KERNEL_NOWAIT), 0);
        }
        machine_unplug(w.m, w.pf);
        assert_null(w.pf->nic);
        assert_int_equal(machine_plug(w.m, w.pf, NULL), 0);
        assert_non_null(w.pf->nic);
}

static void a_reset_keeps_what_the_administrator_set(void **state)
{
        _cleanup_(world_done) struct world w = world_new("\"num_vfs\":2");

        (void) state;
        set(&w, 0, VF_ATTR_VLAN, "7");
        set(&w, 1, VF_ATTR_VLAN, "7");
        assert_int_equal(reach(&w, 0, 1), 1);
        assert_int_equal(kernel_reset(w.m, w.pf, 1, 0), 0);
        assert_int_equal(reach(&w, 0, 1), 1);
        set(&w, 1, VF_ATTR_VLAN, "8");
        assert_int_equal(kernel_reset(w.m, w.pf, 1, 0), 0);
        assert_int_equal(reach(&w, 0, 1), 0);
}

static void faults_are_seen(void **state)
{
        _cleanup_(world_done) struct world w = world_new("\"num_vfs\":2");
        struct iommu_fault faults[IOMMU_FAULTS_MAX];
        struct sim_fault fault;
        struct fault f = FAULT_NULL;
        uint32_t id;

        (void) state;
        driver(&w, 0);
        assert_int_equal(sim_fault_parse("dma vf=0 count=3", &fault, &f), 0);
        assert_int_equal(machine_inject(w.m, w.pf, &fault, &id), 0);
        assert_true(traffic_dma_faults(w.m->traffic, faults) > 0);
        assert_int_equal(faults[0].rid, nic_rid(traffic_nic(w.pf->nic), pool_of_vf(0)));
        assert_int_equal(nic_mdd(traffic_nic(w.pf->nic), pool_of_vf(0)).cause, MDD_DMA_READ);
        assert_int_equal(nic_mdd(traffic_nic(w.pf->nic), pool_of_vf(1)).cause, MDD_NONE);
        assert_int_equal(reach(&w, 1, 1), 0); /* nothing else is hurt: it may still send */
        assert_int_equal(kernel_reset(w.m, w.pf, 0, 0), 0);
        assert_int_equal(nic_mdd(traffic_nic(w.pf->nic), pool_of_vf(0)).cause, MDD_NONE);
        assert_int_equal(reach(&w, 0, 1), 1);

        assert_int_equal(sim_fault_parse("mailbox", &fault, &f), 0);
        assert_int_equal(machine_inject(w.m, w.pf, &fault, &id), 0);
        assert_int_equal(kernel_reset(w.m, w.pf, 1, 0), 0);
        assert_null(traffic_guest_driver(traffic_guest(w.pf->nic, pool_of_vf(1))));
        assert_int_equal(machine_release(w.m, id), 0);
        assert_int_equal(kernel_reset(w.m, w.pf, 1, 0), 0);
        assert_int_equal(reach(&w, 0, 1), 1);
}

/* ---- determinism -------------------------------------------------------------------------------
 */

static char *run_story(void)
{
        _cleanup_(world_done) struct world w =
                world_new("\"num_vfs\":3,\"wire\":{\"kind\":\"generator\",\"seed\":7,\"rate\":"
                          "100000,\"count\":500,\"size\":200},\"guests\":[{\"vf\":0,\"name\":\"a\","
                          "\"kind\":\"container\",\"port\":{\"kind\":\"generator\",\"seed\":9,"
                          "\"count\":300,\"vlan\":0}}]");
        _cleanup_(trace_lines_done) struct trace_lines lines = {0};
        _cleanup_(freep) char *way = NULL, *json = NULL;
        uint8_t frame[60] = {0x02, 0x51, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x88, 0xb5};
        struct traffic *t;
        char *story = NULL;

        driver(&w, 1);
        for (unsigned i = 0; i < 2000; i++) {
                t = traffic_hold(w.m->traffic);
                traffic_round(t, w.now += 5000);
                traffic_release(t);
        }
        t = traffic_hold(w.m->traffic);
        assert_int_equal(trace_lines_of(w.pf->nic, FROM_WIRE, frame, sizeof(frame), &lines), 0);
        traffic_release(t);
        assert_int_equal(trace_lines_text(&lines, &way), 0);
        assert_int_equal(stats_json(w.m, w.pf, &json), 0);
        assert_true(asprintf(&story, "%s\n%s", way, json) > 0);
        return story;
}

static void the_same_again_is_the_same(void **state)
{
        _cleanup_(freep) char *first = run_story(), *second = run_story();

        (void) state;
        assert_string_equal(first, second);
        assert_non_null(strstr(first, "\"rx_packets\": 500"));
}

static void captures_hold_what_passed(void **state)
{
        _cleanup_(world_done) struct world w = world_new("\"num_vfs\":2");
        _cleanup_(capture_reader_freep) struct capture_reader *reader = NULL;
        char path[] = "/tmp/test-traffic.XXXXXX";
        struct port_frame frame;
        struct fault f = FAULT_NULL;
        uint64_t frames, time;
        struct traffic *t;
        uint32_t id;
        int fd = mkstemp(path);

        (void) state;
        assert_true(fd >= 0);
        t = traffic_hold(w.m->traffic);
        assert_int_equal(traffic_capture(w.pf->nic, pool_of_vf(1), fd, 2, &id), 0);
        assert_true(traffic_capturing(t, id));
        traffic_release(t);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(reach(&w, 0, 1), 1);
        t = traffic_hold(w.m->traffic);
        assert_false(traffic_capturing(t, id));
        assert_int_equal(traffic_end_capture(t, id, &frames), 0);
        assert_int_equal(frames, 2);
        assert_int_equal(traffic_end_capture(t, id, &frames), -ENOENT);
        traffic_release(t);
        assert_int_equal(capture_open(path, &reader, &f), 0);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(capture_next(reader, &frame, &time, &f), 1);
                assert_int_equal(frame.length, 60);
        }
        assert_int_equal(capture_next(reader, &frame, &time, &f), 0);
        unlink(path);
}

/* ---- frames as words ---------------------------------------------------------------------------
 */

static void words_make_frames(void **state)
{
        static const struct {
                const char *words[4];
                const char *refused; /* NULL: not */
        } cases[] = {
                {{"dst=02:00:00:00:00:01", "vlan=100:3", "text=hello"}, NULL},
                {{"svlan=5", "vlan=6", "size=9728"}, NULL},
                {{"020000000001020000000002088b5"}, "hexadecimal"},
                {{"02:00:00:00:00:01 020000000002 88b5"}, NULL},
                {{"vlan=4096"}, "0 to 4095"},
                {{"vlan=1", "vlan=2", "vlan=3"}, "two tags"},
                {{"size=9729"}, "14 to 9728"},
                {{"type=8"}, "four digits"},
                {{"colour=red"}, "dst="},
                {{"@/does/not/exist"}, "/does/not/exist"},
        };
        const struct mac src = {{2, 0, 0, 0, 0, 9}};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct frame_text frame;
                struct fault f = FAULT_NULL;
                size_t n = 0;
                int r;

                while (n < 4 && cases[i].words[n])
                        n++;
                r = frame_from_words((char *const *) cases[i].words, n, &src, &frame, &f);
                if (!cases[i].refused) {
                        assert_int_equal(r, 0);
                        continue;
                }
                assert_true(r < 0);
                if (!strstr(f.text, cases[i].refused))
                        fail_msg("'%s' does not say '%s'", f.text, cases[i].refused);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(settings_show_in_frames),
                cmocka_unit_test(a_new_mac_is_where_frames_go),
                cmocka_unit_test(drivers_decide_who_can_use_it),
                cmocka_unit_test(destroying_and_making_again),
                cmocka_unit_test(a_reset_keeps_what_the_administrator_set),
                cmocka_unit_test(faults_are_seen),
                cmocka_unit_test(the_same_again_is_the_same),
                cmocka_unit_test(captures_hold_what_passed),
                cmocka_unit_test(words_make_frames),
        };

        return cmocka_run_group_tests_name("sim-traffic", tests, NULL, NULL);
}
