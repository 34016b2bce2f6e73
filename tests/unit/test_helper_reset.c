/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `gpupt-helper reset` on a machine that answers, cut short at every call: the card has its drivers, or `reconcile` gives them back. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "helper/helper.h"
#include "helper/wrap.h"
#include "plan/claim.h"
#include "tests/fake/helper.h"
#include "tests/fake/nvidia.h"
#include "tests/fake/vm.h"

#define CALLS_MAX 400
#define RECORD "/run/gpupt/reset/" BOOT

static int reset_boot(struct fake *f, void *ctx)
{
	return fake_helper(f, "reset " BOOT, NULL, NULL);
}

struct machine {
	struct fake *f;
	char *before;
};

static struct machine machine_new(void)
{
	struct machine m = { .f = fake_machine() };

	m.before = fake_snapshot(m.f);
	return m;
}

static void machine_done(struct machine *m)
{
	free(m->before);
	fake_free(m->f);
}

static void assert_as_before(const struct machine *m, const char *what, unsigned int n)
{
	_cleanup_free_ char *after = fake_snapshot(m->f);

	if (strcmp(m->before, after) != 0)
		fail_msg("%s at call %u:\n  %s", what, n, fake_difference(m->before, after));
	if (fake_exists(m->f, RECORD) || fake_exists(m->f, "/run/gpupt/claim/" BOOT))
		fail_msg("%s at call %u: a record or a claim is left", what, n);
}

static void resets(void **state)
{
	struct machine m = machine_new();

	assert_int_equal(fake_helper(m.f, "reset 00:03.0", NULL, NULL), EXIT_DONE);
	assert_int_equal(m.f->shared->resets, 1);
	assert_as_before(&m, "a reset", 0);
	machine_done(&m);
}

static void refuses(void **state)
{
	struct machine m = machine_new();

	/* its bus holds two functions */
	assert_int_equal(fake_helper(m.f, "reset " CARD, NULL, NULL), EXIT_REFUSED);
	fake_holder(m.f, 4711, "Xorg", "0::/user.slice", "29:0", "/dev/fb0");
	assert_int_equal(fake_helper(m.f, "reset " BOOT, NULL, NULL), EXIT_REFUSED);
	fake_holder_gone(m.f, 4711);
	fake_dead(m.f, BOOT);
	assert_int_equal(fake_helper(m.f, "reset " BOOT, NULL, NULL), EXIT_REFUSED);
	assert_int_equal(m.f->shared->resets, 0);
	assert_false(fake_exists(m.f, RECORD));
	machine_done(&m);
}

/* NVIDIA's driver lets go of the card only with its persistence mode off; without an answer nothing is tried. */
static void resets_nvidia(void **state)
{
	struct machine m = { .f = fake_nvidia_machine() };

	fake_persist(m.f, NV, true);
	m.before = fake_snapshot(m.f);
	assert_int_equal(fake_helper(m.f, "reset " NV, NULL, NULL), EXIT_DONE);
	assert_int_equal(m.f->shared->resets, 1);
	assert_int_equal(m.f->shared->hung_unbinds, 0);
	assert_as_before(&m, "a reset of an NVIDIA card", 0);
	fake_smi(m.f, "fails");
	assert_int_equal(fake_helper(m.f, "reset " NV, NULL, NULL), EXIT_REFUSED);
	/* nobody is stopped for a reset, the daemon neither */
	fake_smi(m.f, "works");
	fake_holder(m.f, 800, "nvidia-persiste", "/system.slice/nvidia-persistenced.service", "195:0", "/dev/nvidia0");
	assert_int_equal(fake_helper(m.f, "reset " NV, NULL, NULL), EXIT_REFUSED);
	assert_int_equal(m.f->shared->resets, 1);
	machine_done(&m);
}

/* `check` of such a card asks; `list` and a check of another card run no program. */
static void asks_nvidia(void **state)
{
	struct machine m = { .f = fake_nvidia_machine() };

	assert_int_equal(fake_helper(m.f, "list", NULL, NULL), EXIT_DONE);
	assert_int_equal(fake_helper(m.f, "check " CARD, NULL, NULL), EXIT_DONE);
	assert_int_equal(m.f->shared->execs, 0);
	assert_int_equal(fake_helper(m.f, "check " NV, NULL, NULL), EXIT_DONE);
	assert_int_equal(m.f->shared->execs, 1);
	fake_smi(m.f, "mumbles");
	assert_int_equal(fake_helper(m.f, "check " NV, NULL, NULL), EXIT_REFUSED);
	machine_done(&m);
}

/* Whatever a killed reset has changed: `status` names the card and the remedy. Has it changed anything? */
static bool assert_shown(const struct machine *m, const char *what, unsigned int n)
{
	_cleanup_free_ char *after = fake_snapshot(m->f);
	_cleanup_text_ struct text out = { 0 };
	bool changed = strcmp(m->before, after) != 0;

	assert_int_equal(fake_helper(m->f, "status", &out, NULL), EXIT_DONE);
	if (changed && !strstr(text_str(&out), BOOT ": a reset was cut short"))
		fail_msg("%s at call %u: status says '%s'", what, n, text_str(&out));
	if (changed)
		assert_non_null(strstr(text_str(&out), "gpupt-helper reconcile"));
	return changed;
}

/* Killed at each call, shown, then reconciled. */
static void killed(enum fake_fault fault, const char *what)
{
	unsigned int shown = 0, n;

	for (n = 1; n < CALLS_MAX; n++) {
		struct machine m = machine_new();
		int status;

		fake_arm(m.f, FAKE_KERNEL | FAKE_STORAGE, fault, n, 0);
		status = fake_run(m.f, reset_boot, NULL);
		fake_disarm(m.f);
		if (WIFSIGNALED(status))
			shown += assert_shown(&m, what, n);
		if (WIFSIGNALED(status) && fake_helper(m.f, "reconcile", NULL, NULL) != EXIT_DONE)
			fail_msg("%s at call %u: reconcile failed", what, n);
		/* a claim without its maker counts for nothing */
		if (WIFSIGNALED(status))
			fake_remove(m.f, "/run/gpupt/claim");
		assert_as_before(&m, what, n);
		machine_done(&m);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), EXIT_DONE);
			break;
		}
	}
	assert_in_range(n, 15, CALLS_MAX - 1);
	assert_true(shown > 5);
	fake_tally("crash-points", n - 1, "crash points of a reset, %s", what);
}

static void killed_before(void **state)
{
	killed(FAKE_KILL_BEFORE, "killed before");
}

static void killed_after(void **state)
{
	killed(FAKE_KILL_AFTER, "killed after");
}

/* A call fails: it is reported, and the machine is as before, or the exit code says that it is not and reconcile mends it. */
static void call_fails(void **state)
{
	unsigned int failed = 0, n;

	for (n = 1; n < CALLS_MAX; n++) {
		struct machine m = machine_new();
		bool reached;
		int code;

		fake_arm(m.f, FAKE_KERNEL | FAKE_STORAGE, FAKE_ERROR_BEFORE, n, EIO);
		code = WEXITSTATUS(fake_run(m.f, reset_boot, NULL));
		reached = fake_count(m.f) >= n;
		fake_disarm(m.f);
		failed += code != EXIT_DONE;
		if (code == EXIT_LEFT)
			assert_int_equal(fake_helper(m.f, "reconcile", NULL, NULL), EXIT_DONE);
		fake_remove(m.f, "/run/gpupt/claim");
		if (code == EXIT_DONE || code == EXIT_REFUSED)
			fake_helper(m.f, "reconcile", NULL, NULL); /* a record that could not be removed */
		assert_as_before(&m, "a call fails", n);
		machine_done(&m);
		if (!reached)
			break;
	}
	assert_in_range(n, 15, CALLS_MAX - 1);
	assert_true(failed > 5);
	fake_tally("faults", n - 1, "failing calls of a reset (%u of them fail it)", failed);
}

/* A process that resets the card for as long as the test wants: it has claimed it, and waits. */
static pid_t another_resets(struct fake *f)
{
	struct bdf card[] = { fake_bdf(CARD), fake_bdf(CARD1) };
	struct claim conflict;
	int ready[2];
	char done;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ready[0]);
		if (claim_take(&f->root, card, 2, CLAIM_FOR_RESET, &conflict, NULL) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &done, 1), 1);
	close(ready[0]);
	return pid;
}

/* A reset is no VM: who wants its card is refused, and nobody else's lease is settled for it. */
static void a_start_during_a_reset(void **state)
{
	struct machine m = machine_new();
	_cleanup_vm_ struct vm_result other = { 0 }, v = { 0 };
	_cleanup_free_ char *before = NULL, *after = NULL;
	pid_t pid;

	/* a lease that anybody who reconciles all would give back: its VM does not run */
	vm_start(m.f, 102, false, &other);
	assert_int_equal(other.r, 0);
	pid = another_resets(m.f);
	before = fake_snapshot(m.f);
	vm_start(m.f, 101, false, &v);
	assert_int_equal(v.r, HANDOVER_REFUSED);
	assert_true(vm_found(&v, FINDING_CLAIMED));
	assert_non_null(strstr(v.findings.v[0].message, "is being reset"));
	assert_string_equal(text_str(&v.said), "");
	after = fake_snapshot(m.f);
	if (strcmp(before, after) != 0)
		fail_msg("%s", fake_difference(before, after));
	assert_true(fake_exists(m.f, "/run/gpupt/lease/102"));
	/* nor is it nobody: a card that is asked about for no VM in particular is not free, and not reset twice */
	assert_int_equal(fake_helper(m.f, "check 01:00", NULL, NULL), EXIT_REFUSED);
	assert_int_equal(fake_helper(m.f, "reset " CARD, NULL, NULL), EXIT_REFUSED);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(fake_helper(m.f, "check 01:00", NULL, NULL), EXIT_DONE);
	machine_done(&m);
}

static void assert_wrapped(const char *s, size_t width, const char *want)
{
	_cleanup_text_ struct text t = { 0 };

	wrap_words(s, width, &t);
	assert_string_equal(text_str(&t), want);
}

static void wraps(void **state)
{
	size_t natural[] = { 100, 50 }, widths[2];

	assert_wrapped("", 10, "");
	assert_wrapped("one", 10, "one");
	assert_wrapped("one two three", 7, "one two\nthree");
	assert_wrapped("one two three", 6, "one\ntwo\nthree");
	assert_wrapped("overlong word", 4, "overlong\nword");
	assert_wrapped("a  b", 10, "a b");
	wrap_widths(natural, 2, 200, widths);
	assert_int_equal(widths[0], 100);
	assert_int_equal(widths[1], 50);
	wrap_widths(natural, 2, 75, widths);
	assert_int_equal(widths[0], 50);
	assert_int_equal(widths[1], 25);
	wrap_widths(natural, 2, 0, widths);
	assert_int_equal(widths[0], 20);
	assert_int_equal(widths[1], 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resets),
		cmocka_unit_test(refuses),
		cmocka_unit_test(a_start_during_a_reset),
		cmocka_unit_test(resets_nvidia),
		cmocka_unit_test(asks_nvidia),
		cmocka_unit_test(killed_before),
		cmocka_unit_test(killed_after),
		cmocka_unit_test(call_fails),
		cmocka_unit_test(wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
