/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A whole hand-over and a whole return, killed or failing at every call, and whoever comes next puts it right. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "plan/stuck.h"
#include "pve/reservation.h"
#include "tests/fake/vm.h"

#define DEV	  "/sys/bus/pci/devices/"
#define CALLS_MAX 600

static unsigned int vm101 = 101;

/* A card with a reset of its own, on whose frame buffer the console shows. */
static struct fake *machine(void)
{
	struct fake *f = fake_machine();

	fake_hide(f, "reset/" CARD, "device_specific pm");
	fake_put(f, DEV CARD "/reset_method", "pm\n");
	fake_mkdir(f, "/sys/module/vendor_reset");
	fake_put(f, "/proc/iomem", "e0000000-efffffff : PCI Bus\n  e0000000-e0ffffff : BOOTFB\n");
	fake_put(f, DEV CARD "/resource", "0x00000000e0000000 0x00000000efffffff 0x0000000000040200\n");
	return f;
}

/* A real process that holds the card's audio function until it is asked to end; 0: none. */
static pid_t player;
static bool player_let_go; /* the last one had ended, as it was asked to, before the machine did */

static void end_player(void)
{
	int status;

	if (player <= 0)
		return;
	player_let_go = waitpid(player, &status, WNOHANG) == player && WIFEXITED(status);
	if (!player_let_go) {
		kill(player, SIGKILL);
		waitpid(player, NULL, 0);
	}
	player = 0;
}

static _Noreturn void play(struct fake *f)
{
	sigset_t term;
	int signal;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigwait(&term, &signal);
	fake_holder_gone(f, getpid());
	_exit(0);
}

/* The same, with a service on the display and a process of no unit on the audio function, both of which may be ended. */
static struct fake *busy_machine(void)
{
	struct fake *f;
	sigset_t term, old;

	if (!fake_processes_end())
		skip();
	f = machine();
	fake_put(f, "/etc/gpupt/gpupt.conf", "[defaults]\nprocesses = terminate\n");
	fake_unit(f, "encoder.service", "active");
	fake_holder(f, 4001, "ffmpeg", "/system.slice/encoder.service", fake_dev(f, CARD, "drm"), "/dev/dri/card1");
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &old);
	player = fork();
	if (player < 0)
		fake_die("fork: %s", strerror(errno));
	if (player == 0)
		play(f);
	sigprocmask(SIG_SETMASK, &old, NULL);
	fake_holder(f, player, "player", "/user.slice", fake_dev(f, CARD1, "sound"), "/dev/snd/controlC1");
	return f;
}

typedef struct fake *machine_fn(void);

static void assert_as_before(struct fake *f, const char *before, const char *what, unsigned int n)
{
	_cleanup_free_ char *after = fake_snapshot(f);

	if (strcmp(before, after) != 0)
		fail_msg("%s at call %u:\n%s", what, n, fake_difference(before, after));
}

/* Nothing may be left open; claims of the dead without a lease are no more than files. */
static void assert_settled(struct fake *f, const char *what, unsigned int n)
{
	static const char *const dirs[] = { "/run/gpupt/lease/101", "/var/lib/gpupt/lease/101" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (fake_exists(f, dirs[i]))
			fail_msg("%s at call %u: %s is still there", what, n, dirs[i]);
}

static void reconcile(struct fake *f, const char *what, unsigned int n)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_reconcile(f, 0, &v);
	if (v.r != 0 || v.undo.foreign || !undo_complete(&v.undo))
		fail_msg("%s at call %u: reconcile %d (foreign %u, failed %u, stuck %u): %s\n%s%s", what, n, v.r, v.undo.foreign,
			 v.undo.failed, v.undo.stuck, v.e.text, text_str(&v.said), text_str(&v.complained));
}

static unsigned int start_killed(machine_fn *make, enum fake_fault fault, const char *what)
{
	for (unsigned int n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_fake_ struct fake *f = make();
		_cleanup_free_ char *before = fake_snapshot(f);
		int status;

		fake_arm(f, FAKE_KERNEL | FAKE_STORAGE, fault, n, 0);
		status = fake_run(f, vm_start_run, &vm101);
		fake_disarm(f);
		if (WIFEXITED(status))
			assert_int_equal(WEXITSTATUS(status), 0);
		reconcile(f, what, n);
		assert_as_before(f, before, what, n);
		assert_settled(f, what, n);
		/* nothing stands in the way of the next start: of another VM, which wants the same card */
		if (n % 5 == 0 || WIFEXITED(status)) {
			unsigned int vm103 = 103;

			fake_put(f, "/etc/pve/qemu-server/103.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
			reservation_remove(&f->root, NULL, 0, 101, NULL);
			assert_int_equal(fake_run(f, vm_start_run, &vm103), 0);
		}
		end_player();
		if (WIFEXITED(status))
			return n - 1;
	}
	fail_msg("no end of calls");
	return 0;
}

static void hand_over_killed_before(void **state)
{
	unsigned int n = start_killed(machine, FAKE_KILL_BEFORE, "hand-over killed before");

	assert_true(n > 40);
	fake_tally("crash-points", n, "crash points of a hand-over, killed before");
}

static void hand_over_killed_after(void **state)
{
	fake_tally("crash-points", start_killed(machine, FAKE_KILL_AFTER, "hand-over killed after"), "crash points of a hand-over, killed after");
}

/* Killed, and started once more instead of reconciled: the lease is adopted, and its return still leads home. */
static void killed_and_started(machine_fn *make)
{
	for (unsigned int n = 1; n < CALLS_MAX; n += 2 * FAKE_EVERY) {
		_cleanup_fake_ struct fake *f = make();
		_cleanup_free_ char *before = fake_snapshot(f);
		_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };
		int status;

		fake_arm(f, FAKE_KERNEL | FAKE_STORAGE, FAKE_KILL_AFTER, n, 0);
		status = fake_run(f, vm_start_run, &vm101);
		fake_disarm(f);
		vm_start(f, 101, false, &v);
		if (v.r != 0)
			fail_msg("killed after call %u, then started again: %d %s\n%s", n, v.r, v.e.text, text_str(&v.complained));
		vm_stop(f, 101, &w);
		if (w.r != 0 || w.undo.foreign)
			fail_msg("killed after call %u, started again, stopped: %d %s\n%s", n, w.r, w.e.text, text_str(&w.complained));
		assert_as_before(f, before, "killed, started again, stopped", n);
		end_player();
		if (WIFEXITED(status))
			return;
	}
	fail_msg("no end of calls");
}

static void killed_and_started_again(void **state)
{
	killed_and_started(machine);
}

static unsigned int stop_killed(machine_fn *make, enum fake_fault fault, const char *conf, const char *what)
{
	for (unsigned int n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_fake_ struct fake *f = make();
		_cleanup_free_ char *before = fake_snapshot(f);
		int status;

		if (conf)
			fake_put(f, "/etc/gpupt/gpupt.conf", conf);
		assert_int_equal(fake_run(f, vm_start_run, &vm101), 0);
		fake_arm(f, FAKE_KERNEL | FAKE_STORAGE, fault, n, 0);
		status = fake_run(f, vm_stop_run, &vm101);
		fake_disarm(f);
		if (WIFEXITED(status))
			assert_int_equal(WEXITSTATUS(status), 0);
		reconcile(f, what, n);
		assert_settled(f, what, n);
		if (conf) {
			/* kept on vfio-pci, and nobody's: neither our override nor our lease holds it */
			char driver[64] = "none";

			root_readlink_base(&f->root, DEV CARD "/driver", driver, sizeof(driver));
			if (!str_eq(driver, "vfio-pci") || !str_eq(fake_get(f, DEV CARD "/driver_override"), "(null)"))
				fail_msg("%s at call %u: driver %s, override %s", what, n, driver, fake_get(f, DEV CARD "/driver_override"));
		} else {
			assert_as_before(f, before, what, n);
		}
		end_player();
		if (WIFEXITED(status))
			return n - 1;
	}
	fail_msg("no end of calls");
	return 0;
}

static void return_killed_before(void **state)
{
	unsigned int n = stop_killed(machine, FAKE_KILL_BEFORE, NULL, "return killed before");

	assert_true(n > 20);
	fake_tally("crash-points", n, "crash points of a return, killed before");
}

static void return_killed_after(void **state)
{
	fake_tally("crash-points", stop_killed(machine, FAKE_KILL_AFTER, NULL, "return killed after"), "crash points of a return, killed after");
}

static void keeping_killed_before(void **state)
{
	unsigned int n = stop_killed(machine, FAKE_KILL_BEFORE, "[gpu 01:00]\nafter-stop = keep\n", "keeping killed before");

	fake_tally("crash-points", n, "crash points of a return that keeps the card");
}

/* Every call fails once: refused with everything put back, or, where nothing depends on it, done all the same. */
static void start_fails(machine_fn *make, unsigned int kinds, enum fake_fault fault, int error, const char *what)
{
	unsigned int failed = 0, n;

	for (n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_fake_ struct fake *f = make();
		_cleanup_free_ char *before = fake_snapshot(f);
		bool reached;
		int status;

		fake_arm(f, kinds, fault, n, error);
		status = fake_run(f, vm_start_run, &vm101);
		assert_true(WIFEXITED(status));
		/* who cannot even begin makes no call that counts */
		reached = fake_count(f) >= n || WEXITSTATUS(status);
		fake_disarm(f);
		failed += WEXITSTATUS(status);
		/* "failed and put back" is meant at once, without anybody's help */
		if (WEXITSTATUS(status))
			assert_as_before(f, before, what, n);
		reconcile(f, what, n);
		assert_as_before(f, before, what, n);
		assert_settled(f, what, n);
		end_player();
		if (!reached)
			break;
	}
	assert_true(n < CALLS_MAX && failed > 0);
	fake_tally("faults", n - 1, "%s: calls that fail (%u of them fail the start)", what, failed);
}

static void start_write_fails(void **state)
{
	start_fails(machine, FAKE_KERNEL, FAKE_ERROR_BEFORE, EIO, "hand-over, a write fails");
}

static void start_write_fails_with_effect(void **state)
{
	start_fails(machine, FAKE_KERNEL, FAKE_ERROR_AFTER, EIO, "hand-over, a write fails after its effect");
}

static void start_disk_fails(void **state)
{
	start_fails(machine, FAKE_STORAGE, FAKE_SHORT, ENOSPC, "hand-over, a short write to disk");
}

static void start_disk_full(void **state)
{
	start_fails(machine, FAKE_STORAGE, FAKE_ERROR_FROM, ENOSPC, "hand-over, the disk is full from here");
}

static void start_read_only(void **state)
{
	start_fails(machine, FAKE_STORAGE, FAKE_READ_ONLY, EROFS, "hand-over, /run is read-only from here");
}

/* The same on the way home: what did not go home is on record and goes at the next try. */
static void return_fails(void **state)
{
	static const struct {
		unsigned int kinds;
		enum fake_fault fault;
		int error;
		const char *what;
	} ways[] = {
		{ FAKE_KERNEL, FAKE_ERROR_BEFORE, EIO, "return, a write fails" },
		{ FAKE_KERNEL, FAKE_ERROR_AFTER, EIO, "return, a write fails after its effect" },
		{ FAKE_STORAGE, FAKE_ERROR_BEFORE, EIO, "return, the disk fails" },
		{ FAKE_STORAGE, FAKE_ERROR_FROM, ENOSPC, "return, the disk is full from here" },
		{ FAKE_STORAGE, FAKE_READ_ONLY, EROFS, "return, /run is read-only from here" },
	};

	for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
		unsigned int n;

		for (n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
			_cleanup_fake_ struct fake *f = machine();
			_cleanup_free_ char *before = fake_snapshot(f);
			bool reached;

			assert_int_equal(fake_run(f, vm_start_run, &vm101), 0);
			fake_arm(f, ways[w].kinds, ways[w].fault, n, ways[w].error);
			assert_true(WIFEXITED(fake_run(f, vm_stop_run, &vm101)));
			reached = fake_count(f) >= n;
			fake_disarm(f);
			/* a full disk alone keeps no card away */
			if (ways[w].kinds == FAKE_STORAGE && ways[w].fault == FAKE_ERROR_FROM && n > 12)
				assert_as_before(f, before, ways[w].what, n);
			if (ways[w].fault == FAKE_READ_ONLY)
				assert_as_before(f, before, ways[w].what, n);
			reconcile(f, ways[w].what, n);
			assert_as_before(f, before, ways[w].what, n);
			assert_settled(f, ways[w].what, n);
			if (!reached)
				break;
		}
		assert_true(n > 5 && n < CALLS_MAX);
		fake_tally("faults", n - 1, "%s: calls that fail", ways[w].what);
	}
}

/* --- the same with a service and a process that make room: one more kind of step, and one that comes back by itself --- */

static void busy_hand_over_killed(void **state)
{
	unsigned int n = start_killed(busy_machine, FAKE_KILL_BEFORE, "busy hand-over killed before");

	assert_true(n > 40);
	n += start_killed(busy_machine, FAKE_KILL_AFTER, "busy hand-over killed after");
	fake_tally("crash-points", n, "crash points of a hand-over that ends a service and a process");
	assert_true(player_let_go);
}

static void busy_killed_and_started_again(void **state)
{
	killed_and_started(busy_machine);
	assert_true(player_let_go);
}

static void busy_return_killed(void **state)
{
	unsigned int n = stop_killed(busy_machine, FAKE_KILL_BEFORE, NULL, "busy return killed before");

	assert_true(n > 20);
	n += stop_killed(busy_machine, FAKE_KILL_AFTER, NULL, "busy return killed after");
	fake_tally("crash-points", n, "crash points of a return that starts a service");
	assert_true(player_let_go);
}

static void busy_start_fails(void **state)
{
	start_fails(busy_machine, FAKE_KERNEL, FAKE_ERROR_BEFORE, EIO, "busy hand-over, a write fails");
	start_fails(busy_machine, FAKE_KERNEL, FAKE_ERROR_AFTER, EIO, "busy hand-over, a write fails after its effect");
	assert_true(player_let_go);
}

/* An unbind that hangs in a hand-over: bounded, told, refused to others, and reconciled when it returns. */
static void hand_over_hangs(void **state)
{
	unsigned int hung = 0;

	for (unsigned int n = 1; n < 20; n += FAKE_EVERY) {
		_cleanup_fake_ struct fake *f = machine();
		_cleanup_free_ char *before = NULL;
		_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 }, again = { 0 };
		struct stuck *stuck;
		uint64_t since = now_ms();
		size_t n_stuck;

		fake_put(f, "/etc/gpupt/gpupt.conf", "[defaults]\ndriver-timeout = 1\n");
		before = fake_snapshot(f);
		fake_arm(f, FAKE_KERNEL, FAKE_HANG, n, 0);
		vm_start(f, 101, false, &v);
		if (fake_count(f) < n) {
			assert_int_equal(v.r, 0);
			fake_disarm(f);
			break;
		}
		hung++;
		assert_int_not_equal(v.r, 0);
		assert_in_range(now_ms() - since, 1000, 40000);
		assert_int_equal(f->shared->touched_stuck, 0);
		assert_int_equal(stuck_all(&f->root, &stuck, &n_stuck), 0);
		free(stuck);
		if (n_stuck) {
			/* whoever wants it now is refused at once, and told why */
			fake_put(f, "/etc/pve/qemu-server/103.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
			since = now_ms();
			vm_start(f, 103, false, &w);
			assert_int_equal(w.r, HANDOVER_REFUSED);
			assert_true(vm_found(&w, FINDING_STUCK));
			vm_reconcile(f, 0, &again);
			assert_in_range(now_ms() - since, 0, 20000);
			assert_int_equal(f->shared->touched_stuck, 0);
		}
		fake_disarm(f);
		fake_release(f);
		reconcile(f, "hung", n);
		assert_as_before(f, before, "hung", n);
		assert_settled(f, "hung", n);
		assert_false(fake_exists(f, "/run/gpupt/stuck/" CARD));
	}
	assert_in_range(hung, 8 / FAKE_EVERY, 19);
	fake_tally("faults", hung, "writes of a hand-over that hung");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hand_over_killed_before),
		cmocka_unit_test(hand_over_killed_after),
		cmocka_unit_test(killed_and_started_again),
		cmocka_unit_test(return_killed_before),
		cmocka_unit_test(return_killed_after),
		cmocka_unit_test(keeping_killed_before),
		cmocka_unit_test(start_write_fails),
		cmocka_unit_test(start_write_fails_with_effect),
		cmocka_unit_test(start_disk_fails),
		cmocka_unit_test(start_disk_full),
		cmocka_unit_test(start_read_only),
		cmocka_unit_test(return_fails),
		cmocka_unit_test(busy_hand_over_killed),
		cmocka_unit_test(busy_killed_and_started_again),
		cmocka_unit_test(busy_return_killed),
		cmocka_unit_test(busy_start_fails),
		cmocka_unit_test(hand_over_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
