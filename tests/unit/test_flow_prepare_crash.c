/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host's preparation and its revert are killed, fail and are called off at every call, by the whole walk. What was cut off is put back
 * by `revert --unfinished` to the byte, or comes to its end by looking and preparing once more; and a revert by reverting again.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/interrupt.h"
#include "tests/fake/prepare.h"

#define CALLS_MAX 800

static const char *const programs[] = { "udevadm", "update-initramfs", "update-grub" };

/* Without the record itself and what is made anew at each boot. */
static char *files_of(const struct fake *f)
{
	static const char *const except[] = { "/dev", "/proc", "/run", "/sys", "/var/lib/gpupt", NULL };

	return fake_tree(f, except);
}

struct host {
	struct fake *f;
	char *tree, *files;
};

static struct host host_new(void)
{
	struct host h = { .f = prepare_host() };

	h.tree = prepare_tree(h.f);
	h.files = files_of(h.f);
	return h;
}

static void host_done(struct host *h)
{
	fake_free(h->f);
	free(h->tree);
	free(h->files);
}
#define _cleanup_host_ _cleanup_(host_done)

static int make(struct fake *f, void *ctx)
{
	struct prepare_walk w = { .adopt = true };
	int k = prepare_walk(f, &w);

	text_done(&w.found);
	return k < 0;
}

static int make_interruptible(struct fake *f, void *ctx)
{
	interrupt_install();
	return make(f, ctx);
}

static int back(struct fake *f, void *ctx)
{
	int k = prepare_back(f, false, NULL);

	return k < 0 && k != -ENOENT;
}

/* Everything that such a program has made is of the files that there are now. */
static void assert_built(const struct host *h, bool each, const char *what, unsigned int n)
{
	_cleanup_free_ char *now = fake_built_of(h->f);

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		_cleanup_free_ char *built = fake_built(h->f, programs[i]);

		if (each && !built)
			fail_msg("%s at call %u: %s was not run", what, n, programs[i]);
		if (built && strcmp(built, now) != 0)
			fail_msg("%s at call %u: %s has last been run on other files:\n  %s", what, n, programs[i], fake_difference(built, now));
	}
}

static void assert_as_before(const struct host *h, const char *what, unsigned int n)
{
	_cleanup_free_ char *tree = prepare_tree(h->f);

	if (strcmp(h->tree, tree) != 0)
		fail_msg("%s at call %u:\n  %s", what, n, fake_difference(h->tree, tree));
	assert_built(h, false, what, n);
}

static void put_back(const struct host *h, bool unfinished, const char *what, unsigned int n)
{
	_cleanup_text_ struct text diary = { 0 };
	int k = prepare_back(h->f, unfinished, &diary);

	if (k < 0 && k != -ENOENT)
		fail_msg("%s at call %u: %s\n%s", what, n, strerror(-k), text_str(&diary));
	if (strstr(text_str(&diary), "foreign"))
		fail_msg("%s at call %u: what is ours is taken for somebody else's:\n%s", what, n, text_str(&diary));
}

/* Nothing of the host is changed before it is known, durably, that something is under way. */
static void assert_announced(const struct host *h, const char *what, unsigned int n)
{
	_cleanup_free_ char *files = files_of(h->f);

	if (strcmp(h->files, files) != 0 && !fake_exists(h->f, PREPARE_UNFINISHED) && !fake_exists(h->f, PREPARE_RECORD))
		fail_msg("%s at call %u: nothing says so, and %s", what, n, fake_difference(h->files, files));
}

static void unfinished_is_put_back(const struct host *h, const char *what, unsigned int n)
{
	bool complete = !fake_exists(h->f, PREPARE_UNFINISHED) && fake_exists(h->f, "/etc/modprobe.d/gpupt.conf");

	/* killed behind its last call that counts it has come to its end */
	put_back(h, !complete, what, n);
	assert_as_before(h, what, n);
}

static void unfinished_is_resumed(const struct host *h, const char *done, const char *what, unsigned int n)
{
	_cleanup_free_ char *files = NULL;
	int status = fake_run(h->f, make, NULL);

	if (status != 0)
		fail_msg("%s at call %u: to resume it fails", what, n);
	files = files_of(h->f);
	if (strcmp(files, done) != 0)
		fail_msg("%s at call %u: resumed, it is not the same:\n  %s", what, n, fake_difference(done, files));
	assert_built(h, true, what, n);
	assert_false(fake_exists(h->f, PREPARE_UNFINISHED));
	put_back(h, false, what, n);
	assert_as_before(h, what, n);
}

static char *files_when_done(void)
{
	_cleanup_host_ struct host h = host_new();

	assert_int_equal(fake_run(h.f, make, NULL), 0);
	assert_built(&h, true, "no fault", 0);
	return files_of(h.f);
}

/* True: it was not killed any more. */
static bool kill_at(struct host *h, int (*fn)(struct fake *f, void *ctx), enum fake_fault fault, unsigned int n)
{
	int status;

	fake_arm(h->f, FAKE_KERNEL | FAKE_STORAGE, fault, n, 0);
	status = fake_run(h->f, fn, NULL);
	fake_disarm(h->f);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFEXITED(status);
}

/* Behind a call is before the next one: each end is tried once at each. */
static unsigned int kill_everywhere(enum fake_fault fault, bool resume, const char *what)
{
	_cleanup_free_ char *done = files_when_done();

	for (unsigned int n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_host_ struct host h = host_new();
		bool end = kill_at(&h, make, fault, n);

		assert_announced(&h, what, n);
		if (resume)
			unfinished_is_resumed(&h, done, what, n);
		else
			unfinished_is_put_back(&h, what, n);
		if (end)
			return n - 1;
	}
	fail_msg("%s: no end of calls", what);
	return 0;
}

static void killed(void **state)
{
	unsigned int n = kill_everywhere(FAKE_KILL_BEFORE, false, "killed before");

	assert_true(n > 80);
	n += kill_everywhere(FAKE_KILL_AFTER, true, "killed after");
	fake_tally("crash-points", n, "crash points of a host's preparation, put back and resumed");
}

/* By the same command, and as the unit does it at the next boot. */
static unsigned int kill_revert(enum fake_fault fault, bool unfinished, const char *what)
{
	for (unsigned int n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_host_ struct host h = host_new();
		bool end;

		assert_int_equal(fake_run(h.f, make, NULL), 0);
		end = kill_at(&h, back, fault, n);
		/* before it has said so, nothing was begun */
		put_back(&h, unfinished && fake_exists(h.f, PREPARE_UNFINISHED), what, n);
		assert_as_before(&h, what, n);
		if (end)
			return n - 1;
	}
	fail_msg("%s: no end of calls", what);
	return 0;
}

static void revert_killed(void **state)
{
	unsigned int n = kill_revert(FAKE_KILL_BEFORE, false, "revert killed before");

	assert_true(n > 50);
	n += kill_revert(FAKE_KILL_AFTER, true, "revert killed after, mended at boot");
	fake_tally("crash-points", n, "crash points of a host's revert");
}

/* In force since the boot, and the boot behind the cut was still with the initramfs of then. */
static void cut_and_booted(void **state)
{
	unsigned int tried = 0;

	for (unsigned int n = 1; n < CALLS_MAX; n += 4 * FAKE_EVERY + 1) {
		_cleanup_host_ struct host h = host_new();

		assert_int_equal(fake_run(h.f, make, NULL), 0);
		fake_reboot(h.f);
		if (kill_at(&h, back, FAKE_KILL_BEFORE, n))
			break;
		if (!fake_exists(h.f, PREPARE_UNFINISHED))
			continue;
		fake_reboot(h.f);
		assert_false(fake_exists(h.f, "/run/reboot-required"));
		put_back(&h, true, "revert cut by a boot", n);
		if (!fake_exists(h.f, "/run/reboot-required"))
			fail_msg("revert killed at call %u: no reboot is said to be needed", n);
		tried++;
	}
	assert_true(tried > 0);
}

/* A power cut while a line is written. */
static void torn(void **state)
{
	static const char *const ends[] = { "begin 9", "begin 99 file /etc/modprobe.d/x ~ a", "done", "undo 1", "note boot" };
	char path[PATH_MAX];

	for (unsigned int n = 6, i = 0; n < 120; n += 5, i++) {
		_cleanup_host_ struct host h = host_new();
		FILE *record;

		kill_at(&h, make, FAKE_KILL_BEFORE, n);
		record = fopen(fake_path(h.f, path, PREPARE_RECORD), "ae");
		if (!record)
			continue;
		fputs(ends[i % ARRAY_SIZE(ends)], record);
		fclose(record);
		unfinished_is_put_back(&h, "torn", n);
	}
}

static void fail_everywhere(enum fake_fault fault, int error, const char *what)
{
	unsigned int failed = 0, n;
	bool reached = true;

	for (n = 1; reached && n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_host_ struct host h = host_new();
		int status;

		fake_arm(h.f, FAKE_KERNEL | FAKE_STORAGE, fault, n, error);
		status = fake_run(h.f, make, NULL);
		reached = fake_count(h.f) >= n;
		fake_disarm(h.f);
		assert_true(WIFEXITED(status));
		failed += WEXITSTATUS(status) != 0;
		assert_announced(&h, what, n);
		unfinished_is_put_back(&h, what, n);
	}
	assert_in_range(failed, 5, n);
	fake_tally("faults", n - 1, "%s: calls of a host's preparation (%u of them fail it)", what, failed);
}

static void fails(void **state)
{
	fail_everywhere(FAKE_ERROR_BEFORE, EIO, "a call fails");
	fail_everywhere(FAKE_ERROR_AFTER, EIO, "a call fails after its effect");
	fail_everywhere(FAKE_ERROR_FROM, ENOSPC, "the disk is full");
	fail_everywhere(FAKE_ERROR_FROM, EROFS, "the disk has become read-only");
}

static void interrupt_at(struct fake *f, void *ctx)
{
	raise(SIGINT);
}

/* Ctrl-C puts all back at once; while the node shuts down nothing is begun any more, and the rest is for the next boot. */
static void interrupt_everywhere(bool stopping)
{
	unsigned int failed = 0, left = 0, n;
	bool reached = true;

	for (n = 1; reached && n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_host_ struct host h = host_new();
		int status;

		if (stopping)
			fake_hide(h.f, "system-state", "stopping");
		h.f->at = interrupt_at;
		fake_arm(h.f, FAKE_KERNEL | FAKE_STORAGE, FAKE_CALL, n, 0);
		status = fake_run(h.f, make_interruptible, NULL);
		reached = fake_count(h.f) >= n;
		fake_disarm(h.f);
		assert_true(WIFEXITED(status));
		failed += WEXITSTATUS(status) != 0;
		left += fake_exists(h.f, PREPARE_UNFINISHED);
		if (WEXITSTATUS(status) != 0 && !stopping)
			assert_as_before(&h, "interrupted", n);
		unfinished_is_put_back(&h, "interrupted", n);
	}
	assert_in_range(failed, 20 / FAKE_EVERY, n);
	assert_int_equal(left > 0, stopping);
}

static void interrupted(void **state)
{
	interrupt_everywhere(false);
}

static void shut_down(void **state)
{
	interrupt_everywhere(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed), cmocka_unit_test(revert_killed), cmocka_unit_test(cut_and_booted), cmocka_unit_test(torn),
		cmocka_unit_test(fails),  cmocka_unit_test(interrupted),   cmocka_unit_test(shut_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
