/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's start brings a card home that nobody has, and is killed at every call; also the short walks of post-start and the watcher. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "flow/homecoming.h"
#include "flow/observe.h"
#include "helper/helper.h"
#include "plan/errand.h"
#include "tests/fake/ct.h"
#include "tests/fake/helper.h"
#include "tests/fake/vm.h"

#define DEV	  "/sys/bus/pci/devices/"
#define RENDER	  "/dev/dri/renderD129"
#define DEV0	  "dev0: " RENDER ",gid=104\n"
#define RECORD	  "/run/gpupt/reset/" CARD
#define CALLS_MAX 200

static unsigned int vm101 = 101;

struct machine {
	struct fake *f;
	char *before; /* with the card at home */
};

static void machine_done(struct machine *m)
{
	free(m->before);
	fake_free(m->f);
	*m = (struct machine){ 0 };
}

static const char *driver(const struct fake *f, const char *bdf)
{
	static char name[4][64];
	static unsigned int turn;
	char path[PATH_MAX], *s = name[turn++ % 4];

	if (root_readlink_base(&f->root, path_f(path, DEV "%s/driver", bdf), s, sizeof(name[0])) < 0)
		return "none";
	return s;
}

/* A hand-over teaches whose the node is; then somebody moves both functions by hand. */
static struct machine stray(void)
{
	struct machine m = { .f = fake_machine() };
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };

	fake_put(m.f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	fake_put(m.f, "/etc/gpupt/gpupt.conf", "");
	fake_ct(m.f, 200, DEV0, false);
	m.before = fake_snapshot(m.f);
	vm_start(m.f, 101, false, &v);
	vm_stop(m.f, 101, &w);
	assert_int_equal(v.r, 0);
	assert_int_equal(w.r, 0);
	fake_detach(m.f, CARD);
	fake_attach(m.f, CARD, "vfio-pci");
	fake_detach(m.f, CARD1);
	fake_attach(m.f, CARD1, "vfio-pci");
	return m;
}

/* What the container's own hook does at its start. */
static int come_home(struct fake *f, struct text *said)
{
	_cleanup_settings_ struct settings s = { 0 };
	_cleanup_config_ struct config cfg = { 0 };
	struct report report = fake_report(said);
	struct homecoming h = { .root = &f->root, .settings = &s, .report = &report, .ct = &cfg };
	struct err e;

	assert_int_equal(settings_load(&f->root, &s, &e), 0);
	assert_int_equal(config_load(&f->root, GUEST_CT, 200, &cfg, &e), 0);
	return homecoming_run(&h, &e);
}

static int come_home_run(struct fake *f, void *ctx)
{
	_cleanup_text_ struct text said = { 0 };

	return come_home(f, &said) < 0;
}

static void assert_home(const struct machine *m, const char *what, unsigned int n)
{
	_cleanup_free_ char *after = fake_snapshot(m->f);

	if (strcmp(m->before, after) != 0)
		fail_msg("%s at call %u:\n%s", what, n, fake_difference(m->before, after));
	if (fake_exists(m->f, RECORD))
		fail_msg("%s at call %u: a record is left", what, n);
}

static void reconcile(const struct machine *m, const char *what, unsigned int n, struct text *out)
{
	_cleanup_text_ struct text err = { 0 };
	int code = fake_helper(m->f, "reconcile", out, &err);

	if (code != EXIT_DONE || err.len)
		fail_msg("%s at call %u: reconcile %d: %s", what, n, code, text_str(&err));
}

/* status says of a record what it is about: never that a reset has left it. */
static unsigned int assert_shown(const struct machine *m, const char *what, unsigned int n)
{
	_cleanup_text_ struct text out = { 0 };

	assert_int_equal(fake_helper(m->f, "status", &out, NULL), EXIT_DONE);
	if (!strstr(text_str(&out), CARD ": a container's start was cut short"))
		return 0;
	if (!strstr(text_str(&out), "half-way home") || !strstr(text_str(&out), "gpupt-helper reconcile") || strstr(text_str(&out), "reset"))
		fail_msg("%s at call %u: status says '%s'", what, n, text_str(&out));
	return 1;
}

/* Is there a record that says so? Before that it is a stray as before, which only a start brings home. */
static bool is_homeward(const struct fake *f)
{
	_cleanup_record_ struct record rec = { .fd = -1 };

	return record_load(&f->root, RECORD, &rec, NULL) == 0 && errand_is_homeward(&rec);
}

/* Whoever comes next, and how the card is used by then. */
enum next { NEXT_RECONCILE, NEXT_START, NEXT_IN_USE };

/* What a container has open by then is not taken from it, and the rest of the card comes home all the same. */
static void use_and_reconcile(const struct machine *m, const char *what, unsigned int n)
{
	bool home = str_eq(driver(m->f, CARD), "radeon");
	_cleanup_text_ struct text said = { 0 };

	fake_ct_set(m->f, 200, true);
	if (home)
		fake_ct_holder(m->f, 200, 4500, "jellyfin", fake_dev(m->f, CARD, "drm"), RENDER);
	reconcile(m, what, n, &said);
	if (home && (!str_eq(driver(m->f, CARD), "radeon") || m->f->shared->hung_unbinds))
		fail_msg("%s at call %u: reconcile took the card from its user:\n%s", what, n, text_str(&said));
	if (home)
		fake_holder_gone(m->f, 4500);
	fake_ct_set(m->f, 200, false);
}

static unsigned int killed(enum fake_fault fault, enum next next, const char *what)
{
	unsigned int shown = 0;

	for (unsigned int n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		struct machine m = stray();
		_cleanup_text_ struct text said = { 0 };
		bool begun;
		int status;

		fake_arm(m.f, FAKE_KERNEL | FAKE_STORAGE, fault, n, 0);
		status = fake_run(m.f, come_home_run, NULL);
		fake_disarm(m.f);
		shown += assert_shown(&m, what, n);
		begun = is_homeward(m.f);
		if (next == NEXT_START && (come_home(m.f, &said) != 0 || strstr(text_str(&said), "without")))
			fail_msg("%s at call %u: the next start: %s", what, n, text_str(&said));
		if (next == NEXT_IN_USE)
			use_and_reconcile(&m, what, n);
		if (next == NEXT_RECONCILE)
			reconcile(&m, what, n, &said);
		if (!begun)
			assert_int_equal(come_home(m.f, &said), 0);
		assert_home(&m, what, n);
		machine_done(&m);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			assert_true(n > 15);
			assert_true(shown > 5 / FAKE_EVERY);
			return n - 1;
		}
	}
	fail_msg("%s: no end of calls", what);
	return 0;
}

static void killed_and_reconciled(void **state)
{
	unsigned int n = killed(FAKE_KILL_BEFORE, NEXT_RECONCILE, "homecoming killed before, reconcile");

	n += killed(FAKE_KILL_AFTER, NEXT_RECONCILE, "homecoming killed after, reconcile");
	fake_tally("crash-points", n, "crash points of a container's homecoming, then reconcile");
}

static void killed_and_started_again(void **state)
{
	unsigned int n = killed(FAKE_KILL_BEFORE, NEXT_START, "homecoming killed before, started again");

	n += killed(FAKE_KILL_AFTER, NEXT_START, "homecoming killed after, started again");
	fake_tally("crash-points", n, "crash points of a container's homecoming, then its next start");
}

static void killed_and_in_use(void **state)
{
	unsigned int n = killed(FAKE_KILL_BEFORE, NEXT_IN_USE, "homecoming killed before, card in use");

	n += killed(FAKE_KILL_AFTER, NEXT_IN_USE, "homecoming killed after, card in use");
	fake_tally("crash-points", n, "crash points of a container's homecoming, then somebody uses the card");
}

/* A write fails: said, and the card is where it was; the next start brings it home. */
static void calls_fail(void **state)
{
	unsigned int failed = 0, n;

	for (n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		struct machine m = stray();
		_cleanup_text_ struct text said = { 0 };
		bool reached;

		fake_arm(m.f, FAKE_KERNEL, FAKE_ERROR_BEFORE, n, EIO);
		failed += fake_run(m.f, come_home_run, NULL) != 0;
		reached = fake_count(m.f) >= n;
		fake_disarm(m.f);
		assert_false(fake_exists(m.f, RECORD));
		assert_int_equal(come_home(m.f, &said), 0);
		assert_home(&m, "a call fails", n);
		machine_done(&m);
		if (!reached)
			break;
	}
	assert_true(failed > 5 / FAKE_EVERY);
	assert_true(n < CALLS_MAX);
}

/* Stops at the nth call with the display half-way: on no driver, and aimed at home. */
static struct machine half_way(void)
{
	for (unsigned int n = 1; n < CALLS_MAX; n++) {
		struct machine m = stray();

		fake_arm(m.f, FAKE_KERNEL, FAKE_KILL_AFTER, n, 0);
		fake_run(m.f, come_home_run, NULL);
		fake_disarm(m.f);
		if (str_eq(driver(m.f, CARD), "none"))
			return m;
		machine_done(&m);
	}
	fail_msg("the display is never half-way");
	return (struct machine){ 0 };
}

/* after-stop = keep came meanwhile: what is half-made goes home, since nobody can want it there; nothing else is begun. */
static void kept_meanwhile(void **state)
{
	struct machine m = half_way();
	_cleanup_text_ struct text said = { 0 };

	fake_put(m.f, "/etc/gpupt/gpupt.conf", "[gpu 01:00]\nafter-stop = keep\n");
	reconcile(&m, "kept", 0, &said);
	assert_non_null(strstr(text_str(&said), "after-stop = keep"));
	assert_string_equal(driver(m.f, CARD), "radeon");
	assert_string_equal(fake_get(m.f, DEV CARD "/driver_override"), "(null)");
	assert_string_equal(driver(m.f, CARD1), "vfio-pci");
	assert_false(fake_exists(m.f, RECORD));
	machine_done(&m);
}

/* A driver would wait for it. */
static void dead_meanwhile(void **state)
{
	struct machine m = half_way();
	_cleanup_text_ struct text err = { 0 };

	fake_dead(m.f, CARD);
	assert_int_not_equal(fake_helper(m.f, "reconcile", NULL, &err), EXIT_DONE);
	assert_non_null(strstr(text_str(&err), "does not answer"));
	assert_string_equal(driver(m.f, CARD), "none");
	assert_true(fake_exists(m.f, RECORD));
	machine_done(&m);
}

/* A VM has it by now: it is none of the record's business until that VM has given it back, and then the record is out of date. */
static void a_vm_has_it_by_now(void **state)
{
	for (unsigned int n = 12; n < CALLS_MAX; n++) {
		struct machine m = stray();
		_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };
		_cleanup_text_ struct text said = { 0 };
		int status;

		fake_arm(m.f, FAKE_KERNEL | FAKE_STORAGE, FAKE_KILL_AFTER, n, 0);
		status = fake_run(m.f, come_home_run, NULL);
		fake_disarm(m.f);
		vm_start(m.f, 101, false, &v);
		assert_int_equal(v.r, 0);
		fake_vm_runs(m.f, 101, 7001);
		reconcile(&m, "a VM has it", n, &said);
		assert_string_equal(driver(m.f, CARD), "vfio-pci");
		fake_vm_ends(m.f, 101);
		vm_stop(m.f, 101, &w);
		assert_int_equal(w.r, 0);
		reconcile(&m, "a VM had it", n, &said);
		if (!str_eq(driver(m.f, CARD), "radeon") || !str_eq(fake_get(m.f, DEV CARD "/driver_override"), "(null)") ||
		    !str_eq(driver(m.f, CARD1), "snd_hda_intel") || fake_exists(m.f, RECORD))
			fail_msg("a VM had it, killed at call %u: %s", n, text_str(&said));
		machine_done(&m);
		if (WIFEXITED(status))
			return;
	}
	fail_msg("no end of calls");
}

/* What a reset has left is put back by a container's start, too. */
static int reset_run(struct fake *f, void *ctx)
{
	return fake_helper(f, "reset " BOOT, NULL, NULL);
}

static void after_a_reset(void **state)
{
	for (unsigned int n = 1; n < CALLS_MAX; n++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_free_ char *before = NULL, *after = NULL;
		_cleanup_text_ struct text said = { 0 };
		int status;

		/* udev's link has the address, so that it is known whose the node was */
		fake_ct(f, 200, "dev0: /dev/dri/by-path/pci-" BOOT "-card\n", false);
		before = fake_snapshot(f);
		fake_arm(f, FAKE_KERNEL | FAKE_STORAGE, FAKE_KILL_AFTER, n, 0);
		status = fake_run(f, reset_run, NULL);
		fake_disarm(f);
		if (fake_exists(f, "/run/gpupt/reset/" BOOT)) {
			assert_int_equal(come_home(f, &said), 0);
			after = fake_snapshot(f);
			if (strcmp(before, after) != 0 || fake_exists(f, "/run/gpupt/reset/" BOOT))
				fail_msg("at call %u: %s\n%s", n, fake_difference(before, after), text_str(&said));
		}
		if (WIFEXITED(status))
			return;
	}
	fail_msg("no end of calls");
}

/* --- short walks of a VM --- */

static int confirm_run(struct fake *f, void *ctx)
{
	struct err e;

	return handover_confirm(&f->root, 101, false, &(struct report){ 0 }, &e) < 0;
}

/* Killed at each call; then the VM ends, if it runs, and somebody settles it. */
static unsigned int vm_walk_killed(int (*walk)(struct fake *f, void *ctx), bool runs, unsigned int every, const char *what)
{
	for (unsigned int n = 1; n < CALLS_MAX; n += every) {
		struct machine m = { .f = fake_machine() };
		_cleanup_vm_ struct vm_result v = { 0 };
		_cleanup_text_ struct text said = { 0 };
		int status;

		m.before = fake_snapshot(m.f);
		assert_int_equal(fake_run(m.f, vm_start_run, &vm101), 0);
		if (runs)
			fake_vm_runs(m.f, 101, getpid()); /* whose start time is looked up where processes really are */
		fake_arm(m.f, FAKE_KERNEL | FAKE_STORAGE, n % 2 ? FAKE_KILL_AFTER : FAKE_KILL_BEFORE, n, 0);
		status = fake_run(m.f, walk, &vm101);
		fake_disarm(m.f);
		if (runs)
			fake_vm_ends(m.f, 101);
		vm_stop(m.f, 101, &v);
		if (v.r != 0 || v.undo.foreign || !undo_complete(&v.undo))
			fail_msg("%s at call %u: post-stop %d %s", what, n, v.r, v.e.text);
		reconcile(&m, what, n, &said);
		assert_home(&m, what, n);
		if (fake_exists(m.f, "/run/gpupt/lease/101"))
			fail_msg("%s at call %u: the lease is still there", what, n);
		machine_done(&m);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return n - 1;
		}
	}
	fail_msg("%s: no end of calls", what);
	return 0;
}

static void post_start_killed(void **state)
{
	unsigned int n = vm_walk_killed(confirm_run, true, 1, "post-start killed");

	assert_true(n > 4);
	fake_tally("crash-points", n, "crash points of post-start");
}

static void watcher_killed(void **state)
{
	/* it looks four times a second; what it does then is post-stop's way back, which test_flow_crash.c has call by call */
	unsigned int n = vm_walk_killed(vm_watch_run, false, 5, "the watcher killed as it settles");

	assert_true(n > 20);
	fake_tally("crash-points", n, "crash points of the watcher as it settles");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_and_reconciled),
		cmocka_unit_test(killed_and_started_again),
		cmocka_unit_test(killed_and_in_use),
		cmocka_unit_test(calls_fail),
		cmocka_unit_test(kept_meanwhile),
		cmocka_unit_test(dead_meanwhile),
		cmocka_unit_test(a_vm_has_it_by_now),
		cmocka_unit_test(after_a_reset),
		cmocka_unit_test(post_start_killed),
		cmocka_unit_test(watcher_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
