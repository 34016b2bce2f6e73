/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The preparation of a host fails, or is killed, at every call it makes. Afterwards every file and directory is as it was, and what
 * programs make of these was made again of them if it had been begun, and was not if not.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/interrupt.h"
#include "tests/fake/prepare.h"

#define CALLS_MAX 800

static const char *const programs[] = { "udevadm", "systemctl", "update-initramfs", "update-grub", "proxmox-boot-tool" };

struct host {
	struct fake *f;
	char *tree, *built;
};

static struct host host_new(void)
{
	struct host h = { .f = prepare_machine() };

	h.tree = prepare_tree(h.f);
	h.built = fake_built_of(h.f);
	return h;
}

static void host_done(struct host *h)
{
	fake_free(h->f);
	free(h->tree);
	free(h->built);
}
#define _cleanup_host_ _cleanup_(host_done)

static void assert_as_before(const struct host *h, const char *what, unsigned int n)
{
	_cleanup_free_ char *tree = prepare_tree(h->f);

	if (strcmp(h->tree, tree) != 0)
		fail_msg("%s at call %u:\n  %s", what, n, fake_difference(h->tree, tree));
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		_cleanup_free_ char *built = fake_built(h->f, programs[i]);

		if (built && strcmp(h->built, built) != 0)
			fail_msg("%s at call %u: %s has last been run on other files:\n  %s", what, n, programs[i],
				 fake_difference(h->built, built));
	}
}

/* What is on record as begun and not yet undone: the programs that an undo has to run, in order. */
static void derived(const struct host *h, struct text *ret)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct err e;

	if (record_load(&h->f->root, PREPARE_RECORD, &rec, &e) < 0)
		return;
	for (size_t i = 0; i < rec.n_steps; i++) {
		const struct step *s = &rec.steps[i].step;

		if (s->kind == &step_rebuild && record_step_open(&rec.steps[i]))
			text_join(ret, " ", programs[str_eq(s->target, "systemd") + 2 * str_eq(s->target, "initramfs") +
						     3 * str_eq(s->target, "grub") + 4 * str_eq(s->target, "boot-tool")]);
	}
}

static void recover(const struct host *h, const char *what, unsigned int n)
{
	_cleanup_text_ struct text diary = { 0 }, wanted = { 0 };
	struct undo_result u;
	int k;

	derived(h, &wanted);
	fake_hide(h->f, "builds", "");
	k = prepare_recover(h->f, &u, &diary);
	if ((k < 0 && k != -ENOENT) || u.foreign || !undo_complete(&u))
		fail_msg("%s at call %u: recovery %d, foreign %u, failed %u, stuck %u\n%s", what, n, k, u.foreign, u.failed, u.stuck,
			 text_str(&diary));
	if (!str_eq(fake_hidden(h->f, "builds"), text_str(&wanted)))
		fail_msg("%s at call %u: '%s' was run and not '%s'", what, n, fake_hidden(h->f, "builds"), text_str(&wanted));
	assert_as_before(h, what, n);
}

/* Kills fn, of a host that is prepared already or is not, at every call. */
static unsigned int kill_everywhere(bool undo, enum fake_fault fault, const char *what)
{
	for (unsigned int n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_host_ struct host h = host_new();
		int status;

		if (undo)
			assert_int_equal(fake_run(h.f, prepare_apply, NULL), 0);
		fake_arm(h.f, FAKE_KERNEL | FAKE_STORAGE, fault, n, 0);
		status = fake_run(h.f, undo ? prepare_revert : prepare_apply, NULL);
		fake_disarm(h.f);
		if (WIFEXITED(status))
			assert_int_equal(WEXITSTATUS(status), 0);
		recover(&h, what, n);
		if (WIFEXITED(status))
			return n - 1;
	}
	fail_msg("%s: no end of calls", what);
	return 0;
}

static void killed(void **state)
{
	unsigned int n = kill_everywhere(false, FAKE_KILL_BEFORE, "killed before");

	assert_true(n > 80);
	n += kill_everywhere(false, FAKE_KILL_AFTER, "killed after");
	fake_tally("crash-points", n, "crash points of a preparation");
}

static void undo_killed(void **state)
{
	unsigned int n = kill_everywhere(true, FAKE_KILL_BEFORE, "undo killed before");

	assert_true(n > 80);
	n += kill_everywhere(true, FAKE_KILL_AFTER, "undo killed after");
	fake_tally("crash-points", n, "crash points of the undo of a preparation");
}

/* Each call fails once, or all from one on: the preparation fails and is put back at once, as far as the machine lets it be. */
static void fail_everywhere(unsigned int kinds, enum fake_fault fault, int error, bool at_once, const char *what)
{
	unsigned int failed = 0, n;
	bool reached = true;

	for (n = 1; reached && n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_host_ struct host h = host_new();
		_cleanup_text_ struct text left = { 0 };
		int status;

		fake_arm(h.f, kinds, fault, n, error);
		status = fake_run(h.f, prepare_apply, NULL);
		reached = fake_count(h.f) >= n;
		fake_disarm(h.f);
		assert_true(WIFEXITED(status));
		failed += WEXITSTATUS(status) != 0;
		derived(&h, &left);
		if (at_once && WEXITSTATUS(status) != 0 && left.len > 0)
			fail_msg("%s at call %u: it was not undone at once: '%s' is left", what, n, text_str(&left));
		recover(&h, what, n);
	}
	assert_in_range(n, 5, CALLS_MAX);
	assert_true(failed > 0);
	fake_tally("faults", n - 1, "%s: calls that fail (%u of them fail the preparation)", what, failed);
}

static void program_fails(void **state)
{
	fail_everywhere(FAKE_KERNEL, FAKE_ERROR_BEFORE, EIO, true, "a program does not start");
	fail_everywhere(FAKE_KERNEL, FAKE_ERROR_AFTER, EIO, true, "a program fails when all is done");
}

static void disk_fails(void **state)
{
	fail_everywhere(FAKE_STORAGE, FAKE_ERROR_BEFORE, EIO, false, "a write to disk fails");
	fail_everywhere(FAKE_STORAGE, FAKE_ERROR_AFTER, EIO, false, "a write to disk fails after its effect");
	fail_everywhere(FAKE_STORAGE, FAKE_SHORT, ENOSPC, false, "a short write to disk");
}

static void disk_full(void **state)
{
	fail_everywhere(FAKE_STORAGE, FAKE_ERROR_FROM, ENOSPC, false, "the disk is full");
}

static void read_only(void **state)
{
	fail_everywhere(FAKE_STORAGE, FAKE_ERROR_FROM, EROFS, false, "the disk has become read-only");
}

/* Each program dies half-way, with what it makes half made: all is put back, and it is run again. */
static void half_made(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		_cleanup_host_ struct host h = host_new();
		_cleanup_text_ struct text diary = { 0 }, twice = { 0 };
		_cleanup_free_ char *built = NULL;
		char path[PATH_MAX], line[160];

		fake_hide(h.f, path_f(path, "build-fails/%s", programs[i]), "1");
		assert_int_equal(prepare_apply(h.f, &diary), 1);
		snprintf(line, sizeof(line), "%s ended with status 1: gzip: stdout: No space left on device", programs[i]);
		assert_non_null(strstr(text_str(&diary), line));
		assert_non_null(strstr(text_str(&diary), ": working\ngzip: stdout: No space left on device\n"));
		/* those before it and itself, once forward and once back; it has failed again */
		for (size_t round = 0; round < 2; round++)
			for (size_t j = 0; j <= i; j++)
				text_join(&twice, " ", programs[j]);
		assert_string_equal(fake_hidden(h.f, "builds"), text_str(&twice));
		built = fake_built(h.f, programs[i]);
		assert_string_equal(built, "half of it");
		/* and is tried again by the next undo, alone */
		unlink(fake_hidden_path(h.f, path, "build-fails/%s", programs[i]));
		recover(&h, "half made", (unsigned int)i);
	}
}

static void interrupt_at(struct fake *f, void *ctx)
{
	raise(SIGINT);
}

/* Ctrl-C at every call: nothing stays, and it does not cut the way back short. */
static int apply_interruptible(struct fake *f, void *ctx)
{
	interrupt_install();
	return prepare_apply(f, ctx);
}

static void interrupted(void **state)
{
	unsigned int n, failed = 0;
	bool reached = true;

	for (n = 1; reached && n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_host_ struct host h = host_new();
		_cleanup_text_ struct text left = { 0 };
		int status;

		h.f->at = interrupt_at;
		fake_arm(h.f, FAKE_KERNEL | FAKE_STORAGE, FAKE_CALL, n, 0);
		status = fake_run(h.f, apply_interruptible, NULL);
		reached = fake_count(h.f) >= n;
		fake_disarm(h.f);
		assert_true(WIFEXITED(status));
		failed += WEXITSTATUS(status) != 0;
		derived(&h, &left);
		if (WEXITSTATUS(status) != 0)
			assert_string_equal(text_str(&left), "");
		recover(&h, "interrupted", n);
	}
	assert_in_range(failed, 20 / FAKE_EVERY, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed),	 cmocka_unit_test(undo_killed), cmocka_unit_test(program_fails),
		cmocka_unit_test(disk_fails), cmocka_unit_test(disk_full),   cmocka_unit_test(read_only),
		cmocka_unit_test(half_made),	 cmocka_unit_test(interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
