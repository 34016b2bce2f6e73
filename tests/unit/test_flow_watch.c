/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watcher, look by look: what cannot come back keeps nothing else away, neither a service a card nor a card a service. Time is made
 * to pass in its memory.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "flow/watch_look.h"
#include "host_hang.h"
#include "plan/stuck.h"
#include "tests/fake/expect.h"

#define DEV	"/sys/bus/pci/devices/"
#define ENCODER "encoder.service"

static void stop(struct fake *f, unsigned int vmid, int r)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_stop(f, vmid, &v);
	if (v.r != r)
		fail_msg("post-stop of VM %u: %d %s", vmid, v.r, v.e.text);
}

static void assert_service(struct fake *f, const char *state)
{
	assert_string_equal(fake_hidden(f, "units/" ENCODER), state);
}

static unsigned int count(const struct text *t, const char *what)
{
	unsigned int n = 0;

	for (const char *s = text_str(t); (s = strstr(s, what)); s++)
		n++;
	return n;
}

/* A machine, a watcher of VM 101 on it, and what that says. */
struct scene {
	struct fake *f;
	struct report report;
	struct text said;
	struct watcher w;
};

static void scene_new(struct scene *s)
{
	*s = (struct scene){ .f = fake_machine() };
	fake_hide(s->f, "watcher", "comes");
	fake_put(s->f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	fake_put(s->f, "/etc/gpupt/gpupt.conf", "[defaults]\nprocesses = terminate\n");
}

static void scene_watch(struct scene *s)
{
	s->report = fake_report(&s->said);
	watcher_init(&s->w, &(struct release){ .root = &s->f->root, .vmid = 101, .unattended = true, .report = &s->report });
}

static void scene_done(struct scene *s)
{
	watcher_done(&s->w);
	text_done(&s->said);
	fake_free(s->f);
}
#define _cleanup_scene_ _cleanup_(scene_done)

static void look(struct scene *s)
{
	watch_look(&s->w);
	assert_in_range(s->w.pause_ms, 1, WATCH_SLOW_MS);
}

/* A service of the host's has CARD open. */
static void give_service(struct fake *f)
{
	fake_unit(f, ENCODER, "active");
	fake_holder(f, 4001, "ffmpeg", "/system.slice/" ENCODER, fake_dev(f, CARD, "drm"), "/dev/dri/card1");
}

/* VM 101 had both cards. CARD is home, and its service is still to come; TWIN was kept back by virtual functions. */
static void one_home_one_kept_back(struct scene *s)
{
	struct fake *f = s->f;

	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00\nhostpci1: 0000:02:00\n");
	give_service(f);
	vm_starts(f, 101);
	assert_service(f, "inactive");
	fake_link(f, DEV TWIN "/virtfn0", "../0000:02:00.2");
	stop(f, 101, -EUCLEAN);
	assert_driver(f, CARD, "radeon");
	assert_driver(f, TWIN, "vfio-pci");
	assert_service(f, "inactive");
}

/* --- neither waits for the other --- */

static void a_broken_service_keeps_no_card_away(void **state)
{
	_cleanup_scene_ struct scene s;

	scene_new(&s);
	one_home_one_kept_back(&s);
	fake_hide(s.f, "starts-as/" ENCODER, "failed");
	scene_watch(&s);
	look(&s);
	/* both were tried, and root hears of both */
	assert_int_equal(s.w.late.ms, WATCH_SLOW_MS);
	assert_int_equal(s.w.cards.ms, WATCH_SLOW_MS);
	assert_true(s.w.late.alarmed && s.w.cards.alarmed);
	fake_remove(s.f, DEV TWIN "/virtfn0");
	s.w.cards.at = now_ms();
	look(&s);
	assert_driver(s.f, TWIN, "radeon");
	assert_service(s.f, "failed");
	assert_true(fake_exists(s.f, "/run/gpupt/lease/101"));
	/* with nothing but that left no card is looked after, and the service comes when it can */
	s.w.late = (struct watch_retry){ .ms = WATCH_SLOW_MS, .alarmed = true };
	look(&s);
	assert_int_equal(s.w.late.ms, 2 * WATCH_SLOW_MS);
	assert_int_equal(count(&s.said, "VM 101 does not run and nobody gave its GPUs back"), 1);
	fake_hide(s.f, "starts-as/" ENCODER, "active");
	s.w.late.at = now_ms();
	look(&s);
	assert_service(s.f, "active");
	fake_remove(s.f, "/run/gpupt/watch");
	assert_string_equal(vm_leftovers(s.f), "");
}

static void another_vms_card_keeps_no_card_away(void **state)
{
	_cleanup_scene_ struct scene s;

	scene_new(&s);
	one_home_one_kept_back(&s);
	fake_remove(s.f, DEV TWIN "/virtfn0");
	vm_starts(s.f, 102);
	fake_vm_runs(s.f, 102, 5002);
	scene_watch(&s);
	look(&s);
	assert_driver(s.f, TWIN, "radeon");
	assert_driver(s.f, CARD, "vfio-pci");
	assert_service(s.f, "inactive");
	/* the service waits for VM 102 alone, and nobody is alarmed */
	assert_false(s.w.late.alarmed || s.w.cards.alarmed);
	fake_vm_ends(s.f, 102);
	stop(s.f, 102, 0);
	s.w.late.at = now_ms();
	look(&s);
	assert_service(s.f, "active");
	assert_false(fake_exists(s.f, "/run/gpupt/lease/101"));
}

static void a_card_keeps_no_service_away(void **state)
{
	_cleanup_scene_ struct scene s;

	scene_new(&s);
	one_home_one_kept_back(&s);
	scene_watch(&s);
	s.w.cards = (struct watch_retry){ .at = now_ms() + WATCH_RETRY_MS, .ms = WATCH_RETRY_MS, .alarmed = true };
	look(&s);
	assert_service(s.f, "active");
	assert_driver(s.f, TWIN, "vfio-pci");
}

/* --- with another card meanwhile --- */

/* CARD is home from an earlier run, its service is broken; VM 101 was started with TWIN alone. */
static void restarted_with_the_other(struct scene *s)
{
	give_service(s->f);
	vm_starts(s->f, 101);
	stop(s->f, 101, 0);
	fake_hide(s->f, "starts-as/" ENCODER, "failed");
	fake_put(s->f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:02:00,pcie=1\n");
	vm_starts(s->f, 101);
	assert_driver(s->f, TWIN, "vfio-pci");
	assert_service(s->f, "inactive");
}

/* The VM's QEMU, a process that really is there, for so long. */
static pid_t run_qemu(struct fake *f, unsigned int ms)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		sleep_ms(ms);
		_exit(0);
	}
	fake_vm_runs(f, 101, pid);
	return pid;
}

static void end_qemu(struct fake *f, pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	fake_vm_ends(f, 101);
}

/* No QEMU, no post-stop. */
static void never_came_up(void **state)
{
	_cleanup_scene_ struct scene s;

	scene_new(&s);
	restarted_with_the_other(&s);
	scene_watch(&s);
	look(&s);
	assert_true(s.w.late.alarmed);
	assert_driver(s.f, TWIN, "radeon");
}

static void qemu_dies_and_post_stop_does_not_come(void **state)
{
	_cleanup_scene_ struct scene s;
	pid_t qemu;

	scene_new(&s);
	restarted_with_the_other(&s);
	qemu = run_qemu(s.f, 2500);
	scene_watch(&s);
	look(&s);
	assert_int_equal(waitpid(qemu, NULL, WNOHANG), qemu); /* its end was waited for */
	fake_vm_ends(s.f, 101);
	assert_true(s.w.gone_since > 0);
	look(&s);
	assert_driver(s.f, TWIN, "vfio-pci");
	s.w.gone_since -= WATCH_GRACE_MS;
	look(&s);
	assert_driver(s.f, TWIN, "radeon");
}

/* The service has its tries while QEMU runs; and an end that comes meanwhile is an end like any other. */
static void a_service_comes_back_while_qemu_runs(void **state)
{
	_cleanup_scene_ struct scene s;
	pid_t qemu;

	scene_new(&s);
	restarted_with_the_other(&s);
	qemu = run_qemu(s.f, 30000);
	scene_watch(&s);
	s.w.late = (struct watch_retry){ .at = now_ms() + 1500, .ms = WATCH_SLOW_MS, .alarmed = true };
	look(&s);
	assert_int_equal(waitpid(qemu, NULL, WNOHANG), 0);
	assert_int_equal(s.w.qemu, qemu);
	assert_int_equal(s.w.gone_since, 0);
	s.w.late.at = now_ms();
	fake_hide(s.f, "starts-as/" ENCODER, "active");
	look(&s);
	assert_service(s.f, "active");
	assert_int_equal(waitpid(qemu, NULL, WNOHANG), 0);
	end_qemu(s.f, qemu);
	look(&s);
	assert_true(s.w.gone_since > 0);
	assert_driver(s.f, TWIN, "vfio-pci");
	stop(s.f, 101, 0);
	assert_driver(s.f, TWIN, "radeon");
}

/* --- what hangs --- */

/* The end of the child is what the card waits for, not a pause that has grown meanwhile. */
static void the_end_of_a_child_that_hung(void **state)
{
	_cleanup_scene_ struct scene s;
	struct stuck stuck = { .bdf = fake_bdf(CARD), .what = "writing unbind" };
	pid_t child;

	scene_new(&s);
	vm_starts(s.f, 101);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		pause();
		_exit(0);
	}
	stuck.child.pid = child;
	assert_int_equal(proc_start(&s.f->root, child, &stuck.child.start), 0);
	assert_int_equal(stuck_remember(&s.f->root, &stuck, NULL), 0);
	scene_watch(&s);
	s.w.cards = (struct watch_retry){ .ms = WATCH_RETRY_MS, .alarmed = true };
	s.w.late = (struct watch_retry){ .at = now_ms() + WATCH_RETRY_MS, .ms = WATCH_RETRY_MS, .alarmed = true };
	for (int i = 0; i < 2; i++) {
		look(&s);
		assert_driver(s.f, CARD, "vfio-pci");
		assert_int_equal(s.w.cards.ms, WATCH_RETRY_MS);
		assert_int_equal(s.w.pause_ms, WATCH_SLOW_MS);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	look(&s);
	assert_driver(s.f, CARD, "radeon");
	assert_int_equal(s.w.late.ms, 0);
	assert_false(fake_exists(s.f, "/run/gpupt/lease/101"));
	assert_false(fake_exists(s.f, "/run/gpupt/stuck/" CARD));
}

/* Whether the VM runs cannot be told: after a minute root hears of it, once. */
static void a_vm_that_cannot_be_read(void **state)
{
	_cleanup_scene_ struct scene s;
	struct tree t;
	char path[PATH_MAX];
	int fd;

	scene_new(&s);
	vm_starts(s.f, 101);
	fake_put(s.f, "/run/qemu-server/101.pid", "7001\n");
	fake_put(s.f, "/proc/7001/cmdline", "kvm");
	snprintf(t.dir, sizeof(t.dir), "%.63s", fake_path(s.f, path, ""));
	fd = hang_at(&t, "/proc/7001/cmdline");
	scene_watch(&s);
	if (fd < 0)
		skip();
	look(&s);
	assert_string_equal(text_str(&s.said), "");
	assert_int_equal(s.w.pause_ms, WATCH_SLOW_MS);
	s.w.unread_since -= WATCH_UNREAD_MS;
	look(&s);
	hang_over(fd);
	assert_int_equal(count(&s.said, "VM 101 keeps its GPUs: cannot tell whether it runs: Connection timed out"), 1);
	fake_remove(s.f, "/proc/7001/cmdline");
	fake_mkdir(s.f, "/proc/7001/cmdline");
	look(&s);
	assert_int_equal(count(&s.said, "cannot tell"), 1);
	assert_driver(s.f, CARD, "vfio-pci");
	/* and once it can be told that it does not run the card comes home */
	fake_remove(s.f, "/proc/7001");
	look(&s);
	assert_int_equal(s.w.unread_since, 0);
	assert_driver(s.f, CARD, "radeon");
}

/* The way back takes its time: so long that post-stop would begin nothing more. */
static int slow_to_tell(void *ctx, const char *unit, const char *verb, char *ret_state)
{
	static unsigned int asked;

	/* the second question is that of the way back */
	if (str_eq(verb, "system-state") && ++asked == 2)
		sleep_ms(9100);
	return fake_unit_call(ctx, unit, verb, ret_state);
}

/* Nobody waits for the watcher as somebody does for post-stop. */
static void the_watcher_is_in_no_hurry(void **state)
{
	_cleanup_scene_ struct scene s;

	scene_new(&s);
	vm_starts(s.f, 101);
	s.f->hooks.unit = slow_to_tell;
	scene_watch(&s);
	look(&s);
	assert_driver(s.f, CARD, "radeon");
	assert_driver(s.f, CARD1, "snd_hda_intel");
	assert_false(s.w.cards.alarmed);
	assert_null(strstr(text_str(&s.said), "waited long enough"));
	assert_false(fake_exists(s.f, "/run/gpupt/lease/101"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broken_service_keeps_no_card_away),
		cmocka_unit_test(another_vms_card_keeps_no_card_away),
		cmocka_unit_test(a_card_keeps_no_service_away),
		cmocka_unit_test(never_came_up),
		cmocka_unit_test(qemu_dies_and_post_stop_does_not_come),
		cmocka_unit_test(a_service_comes_back_while_qemu_runs),
		cmocka_unit_test(the_end_of_a_child_that_hung),
		cmocka_unit_test(a_vm_that_cannot_be_read),
		cmocka_unit_test(the_watcher_is_in_no_hurry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
