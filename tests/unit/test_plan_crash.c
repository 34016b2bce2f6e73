/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan of every kind of step is cut short at every call it makes, and the machine must be as it was. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/fake/steps.h"

#define CALLS_MAX 400

struct machine {
	struct fake *f;
	char *before;
};

static struct machine machine_new(void)
{
	struct machine m = { .f = fake_machine() };

	steps_prepare(m.f);
	m.before = fake_snapshot(m.f);
	return m;
}

static void machine_done(struct machine *m)
{
	free(m->before);
	fake_free(m->f);
}

/* The machine is as before, or the test says where not. */
static void assert_as_before(const struct machine *m, const char *what, unsigned int n)
{
	_cleanup_free_ char *after = fake_snapshot(m->f);

	if (strcmp(m->before, after) != 0)
		fail_msg("%s at call %u:\n  %s", what, n, fake_difference(m->before, after));
	if (fake_exists(m->f, "/etc/modprobe.d/gpupt.conf"))
		fail_msg("%s at call %u: the file is still there", what, n);
}

/* What has to be done by whoever comes next. */
static void recover(const struct machine *m, const char *what, unsigned int n)
{
	_cleanup_text_ struct text diary = { 0 };
	struct undo_result u;
	int k = steps_recover(m->f, &u, &diary);

	if (k == -ENOENT)
		return; /* killed before there was a record */
	if (k < 0 || u.foreign || !undo_complete(&u))
		fail_msg("%s at call %u: recovery %d, foreign %u, failed %u, stuck %u\n%s", what, n, k, u.foreign, u.failed,
			 u.stuck, text_str(&diary));
}

/* Kills steps_apply() at every call; returns how many there are. */
static unsigned int kill_everywhere(enum fake_fault fault, const char *what)
{
	for (unsigned int n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		struct machine m = machine_new();
		int status;

		fake_arm(m.f, FAKE_KERNEL | FAKE_STORAGE, fault, n, 0);
		status = fake_run(m.f, steps_apply, NULL);
		fake_disarm(m.f);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			machine_done(&m);
			return n - 1;
		}
		assert_int_equal(WTERMSIG(status), SIGKILL);
		recover(&m, what, n);
		assert_as_before(&m, what, n);
		machine_done(&m);
	}
	fail_msg("the plan makes no end of calls");
	return 0;
}

static void killed_before(void **state)
{
	unsigned int n = kill_everywhere(FAKE_KILL_BEFORE, "killed before");

	assert_true(n > 40);
	fake_tally("crash-points", n, "crash points of an apply, killed before");
}

static void killed_after(void **state)
{
	fake_tally("crash-points", kill_everywhere(FAKE_KILL_AFTER, "killed after"), "crash points of an apply, killed after");
}

static int apply_to_stray(struct fake *f, void *ctx)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	_cleanup_plan_ struct plan p = { 0 };
	struct engine en;
	struct err e;

	steps_engine(f, 5000, NULL, &en);
	steps_driver(f, &p, CARD, "radeon");
	if (record_create(&f->root, STEPS_RECORD, &rec, &e) < 0)
		return 2;
	return plan_apply(&en, &p, &rec, NULL, &e) < 0;
}

/* A card that was found on vfio-pci or on no driver: as it was found while nothing is on record, then home, and never between. */
static void stray_killed_everywhere(void **state)
{
	static const enum fake_fault faults[] = { FAKE_KILL_BEFORE, FAKE_KILL_AFTER };
	static const char *const found_on[] = { "vfio-pci", "" };

	for (size_t i = 0; i < 4; i++) {
		bool home = false;

		for (unsigned int n = 1; n < CALLS_MAX; n++) {
			_cleanup_fake_ struct fake *f = fake_machine();
			_cleanup_text_ struct text diary = { 0 };
			char driver[64] = "";
			struct undo_result u;
			int status, k;

			fake_new_id(f, "1002 5159");
			fake_bind(f, CARD, found_on[i % 2]);
			fake_arm(f, FAKE_KERNEL | FAKE_STORAGE, faults[i / 2], n, 0);
			status = fake_run(f, apply_to_stray, NULL);
			fake_disarm(f);
			k = steps_recover(f, &u, &diary);
			assert_true(k == -ENOENT || (undo_complete(&u) && !u.foreign));
			root_readlink_base(&f->root, "/sys/bus/pci/devices/" CARD "/driver", driver, sizeof(driver));
			if (strcmp(driver, "radeon") == 0)
				home = true;
			else if (home || strcmp(driver, found_on[i % 2]) != 0)
				fail_msg("killed at call %u: on '%s'\n%s", n, driver, text_str(&diary));
			assert_string_equal(fake_get(f, "/sys/bus/pci/devices/" CARD "/driver_override"), "(null)");
			if (WIFEXITED(status))
				break;
		}
		assert_true(home);
	}
}

/* The undo is killed, too, and a second one completes it. */
static void killed_while_undoing(enum fake_fault fault, const char *what)
{
	unsigned int n;

	for (n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		struct machine m = machine_new();
		int status;

		assert_int_equal(fake_run(m.f, steps_apply, NULL), 0);
		fake_arm(m.f, FAKE_KERNEL | FAKE_STORAGE, fault, n, 0);
		status = fake_run(m.f, steps_undo, NULL);
		fake_disarm(m.f);
		if (!WIFEXITED(status))
			recover(&m, what, n);
		else
			assert_int_equal(WEXITSTATUS(status), 0);
		assert_as_before(&m, what, n);
		machine_done(&m);
		if (WIFEXITED(status))
			break;
	}
	assert_in_range(n, 20, CALLS_MAX - 1);
	fake_tally("crash-points", n - 1, "crash points of an undo, %s", what);
}

static void undo_killed_before(void **state)
{
	killed_while_undoing(FAKE_KILL_BEFORE, "killed before");
}

static void undo_killed_after(void **state)
{
	killed_while_undoing(FAKE_KILL_AFTER, "killed after");
}

/* An apply killed anywhere, its recovery killed anywhere, and a second recovery: every seventh call of the first, every fifth of the other. */
static void killed_twice(void **state)
{
	unsigned int pairs = 0;

	for (unsigned int n = 2; n < CALLS_MAX; n += 7 * FAKE_EVERY) {
		for (unsigned int undo_n = 1; undo_n < CALLS_MAX; undo_n += 5) {
			struct machine m = machine_new();
			bool killed;

			fake_arm(m.f, FAKE_KERNEL | FAKE_STORAGE, FAKE_KILL_BEFORE, n, 0);
			killed = WIFSIGNALED(fake_run(m.f, steps_apply, NULL));
			fake_arm(m.f, FAKE_KERNEL | FAKE_STORAGE, FAKE_KILL_AFTER, undo_n, 0);
			if (WIFEXITED(fake_run(m.f, steps_undo, NULL)))
				undo_n = CALLS_MAX;
			fake_disarm(m.f);
			recover(&m, "killed twice", n * 1000 + undo_n);
			assert_as_before(&m, "killed twice", n * 1000 + undo_n);
			machine_done(&m);
			pairs++;
			if (!killed && undo_n >= CALLS_MAX)
				n = CALLS_MAX;
		}
	}
	fake_tally("crash-points", pairs, "pairs of crash points");
}

/*
 * A write that fails: the plan fails and is undone at once, or, for an optional step and for writes that nothing depends on,
 * is made all the same. One that had its effect must not be believed undone.
 */
static void fail_everywhere(unsigned int kinds, enum fake_fault fault, int error, const char *what)
{
	unsigned int failed = 0, n;

	for (n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		struct machine m = machine_new();
		int status;
		bool reached;

		fake_arm(m.f, kinds, fault, n, error);
		status = fake_run(m.f, steps_apply, NULL);
		reached = fake_count(m.f) >= n;
		fake_disarm(m.f);
		assert_true(WIFEXITED(status));
		failed += WEXITSTATUS(status) != 0;
		if (WEXITSTATUS(status) != 0)
			assert_as_before(&m, what, n);
		recover(&m, what, n);
		assert_as_before(&m, what, n);
		machine_done(&m);
		if (!reached)
			break;
	}
	assert_in_range(n, 10, CALLS_MAX);
	assert_true(failed > 0);
	fake_tally("faults", n - 1, "%s: calls that fail (%u of them fail the plan)", what, failed);
}

static void write_fails(void **state)
{
	fail_everywhere(FAKE_KERNEL, FAKE_ERROR_BEFORE, EIO, "a write fails");
}

static void write_fails_with_effect(void **state)
{
	fail_everywhere(FAKE_KERNEL, FAKE_ERROR_AFTER, EIO, "a write fails after its effect");
}

static void disk_fails_once(void **state)
{
	fail_everywhere(FAKE_STORAGE, FAKE_ERROR_BEFORE, EIO, "a write to disk fails");
}

static void disk_writes_short(void **state)
{
	fail_everywhere(FAKE_STORAGE, FAKE_SHORT, ENOSPC, "a short write to disk");
}

/* The disk is full from the Nth call on: no step may be made that is not on record, and what was made is put back. */
static void disk_full(void **state)
{
	for (unsigned int n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		struct machine m = machine_new();
		bool reached;

		fake_arm(m.f, FAKE_STORAGE, FAKE_ERROR_FROM, n, ENOSPC);
		assert_true(WIFEXITED(fake_run(m.f, steps_apply, NULL)));
		reached = fake_count(m.f) >= n;
		fake_disarm(m.f);
		recover(&m, "disk full", n);
		assert_as_before(&m, "disk full", n);
		machine_done(&m);
		if (!reached)
			return;
	}
	fail_msg("the plan makes no end of calls");
}

/* An undo on a full disk: a card must come home all the same. */
static void undo_on_a_full_disk(void **state)
{
	struct machine m = machine_new();

	assert_int_equal(fake_run(m.f, steps_apply, NULL), 0);
	fake_remove(m.f, "/etc/modprobe.d/gpupt.conf"); /* the one step that needs the disk */
	fake_arm(m.f, FAKE_STORAGE, FAKE_ERROR_FROM, 1, ENOSPC);
	fake_run(m.f, steps_undo, NULL);
	fake_disarm(m.f);
	assert_as_before(&m, "undo on a full disk", 0);
	recover(&m, "undo on a full disk", 0);
	assert_as_before(&m, "undo on a full disk", 0);
	machine_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_before),
		cmocka_unit_test(killed_after),
		cmocka_unit_test(stray_killed_everywhere),
		cmocka_unit_test(undo_killed_before),
		cmocka_unit_test(undo_killed_after),
		cmocka_unit_test(killed_twice),
		cmocka_unit_test(write_fails),
		cmocka_unit_test(write_fails_with_effect),
		cmocka_unit_test(disk_fails_once),
		cmocka_unit_test(disk_writes_short),
		cmocka_unit_test(disk_full),
		cmocka_unit_test(undo_on_a_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
