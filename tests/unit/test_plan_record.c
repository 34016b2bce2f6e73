/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/fake/steps.h"

static const char nasty[] = "blank ~ %41 \t\x01\x7f\xc3\xa9 line\nline =end";

static char *slurp(struct fake *f, const char *path, size_t *ret_len)
{
	char *text = NULL;

	assert_int_equal(root_read(&f->root, path, 1 << 20, &text, ret_len), 0);
	return text;
}

static void begin(struct record *rec, const char *target, const char *before, const char *after, unsigned int *seq)
{
	_cleanup_step_ struct step s = { 0 };
	struct err e;

	assert_int_equal(step_init(&s, &step_file, target, before, after, "why"), 0);
	assert_int_equal(record_begin(rec, &s, seq, &e), 0);
}

static void what_is_written_is_read(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_record_ struct record rec = { .fd = -1 }, again = { .fd = -1 };
	unsigned int a, b, c, d;
	struct err e;

	assert_int_equal(record_create(&f->root, STEPS_RECORD, &rec, &e), 0);
	assert_int_equal(record_note(&rec, "since", "1", &e), 0);
	begin(&rec, nasty, NULL, nasty, &a);
	begin(&rec, "~", "~", "", &b);
	begin(&rec, "/c", "", NULL, &c);
	begin(&rec, "/d", "x", "y", &d);
	assert_int_equal(record_mark(&rec, a, RECORD_DONE, &e), 0);
	assert_int_equal(record_mark(&rec, b, RECORD_UNDOING, &e), 0);
	assert_int_equal(record_mark(&rec, c, RECORD_UNDONE, &e), 0);
	assert_int_equal(record_mark(&rec, d, RECORD_LEFT, &e), 0);
	assert_int_equal(record_note(&rec, "since", nasty, &e), 0);
	assert_int_equal(record_mark(&rec, 99, RECORD_DONE, &e), -EINVAL);

	assert_int_equal(record_load(&f->root, STEPS_RECORD, &again, &e), 0);
	assert_int_equal(again.n_steps, 4);
	assert_string_equal(record_get(&again, "since"), nasty);
	assert_null(record_get(&again, "other"));
	assert_string_equal(again.steps[0].step.target, nasty);
	assert_null(again.steps[0].step.before);
	assert_string_equal(again.steps[0].step.after, nasty);
	assert_string_equal(again.steps[1].step.target, "~");
	assert_string_equal(again.steps[1].step.before, "~");
	assert_string_equal(again.steps[1].step.after, "");
	assert_string_equal(again.steps[2].step.before, "");
	assert_null(again.steps[2].step.after);
	assert_ptr_equal(again.steps[2].step.kind, &step_file);
	assert_int_equal(again.steps[0].state, RECORD_DONE);
	assert_int_equal(again.steps[1].state, RECORD_UNDOING);
	assert_int_equal(again.steps[2].state, RECORD_UNDONE);
	assert_int_equal(again.steps[3].state, RECORD_LEFT);
	assert_true(record_step_open(&again.steps[0]) && !record_step_in_flight(&again.steps[0]));
	assert_true(record_step_open(&again.steps[1]) && record_step_in_flight(&again.steps[1]));
	assert_false(record_step_open(&again.steps[2]));
	assert_false(record_step_open(&again.steps[3]));
	assert_true(record_any_open(&again));
	/* loaded to look at: nothing can be written */
	assert_int_equal(record_note(&again, "k", "v", &e), -EBADF);
}

static void a_record_is_ours_alone(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_record_ struct record rec = { .fd = -1 }, second = { .fd = -1 };
	char path[PATH_MAX];
	struct stat st;
	struct err e;

	assert_int_equal(record_create(&f->root, STEPS_RECORD, &rec, &e), 0);
	assert_int_equal(record_create(&f->root, STEPS_RECORD, &second, &e), -EEXIST);
	assert_int_equal(stat(fake_path(f, path, STEPS_RECORD), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(fake_path(f, path, "/run/gpupt"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(record_remove(&rec, &e), 0);
	assert_int_equal(record_load(&f->root, STEPS_RECORD, &second, &e), -ENOENT);
	/* a link in its place is not followed */
	fake_put(f, "/etc/victim", "gpupt-record 1\n");
	fake_link(f, STEPS_RECORD, "/etc/victim");
	assert_int_equal(record_open(&f->root, STEPS_RECORD, &second, &e), -ELOOP);
	assert_true(record_create(&f->root, STEPS_RECORD, &second, &e) < 0);
	fake_remove(f, "/run/gpupt");
	fake_mkdir(f, "/tmp/evil");
	fake_link(f, "/run/gpupt", "/tmp/evil");
	assert_true(record_create(&f->root, STEPS_RECORD, &second, &e) < 0);
	assert_false(fake_exists(f, "/tmp/evil/lease"));
}

static unsigned int newlines(const char *text, size_t n)
{
	unsigned int lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

/* Cut at every byte the record reads as what its whole lines say, and goes on from there. */
static void torn_at_every_byte(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *text = NULL;
	size_t len;

	steps_prepare(f);
	assert_int_equal(fake_run(f, steps_apply, NULL), 0);
	text = slurp(f, STEPS_RECORD, &len);
	for (size_t cut = 0; cut <= len; cut++) {
		_cleanup_record_ struct record rec = { .fd = -1 }, again = { .fd = -1 };
		unsigned int events = 0, lines = newlines(text, cut), seq;
		struct err e;

		fake_put_bytes(f, STEPS_RECORD, text, cut);
		assert_int_equal(record_open(&f->root, STEPS_RECORD, &rec, &e), 0);
		for (size_t i = 0; i < rec.n_steps; i++)
			events += 1 + (rec.steps[i].state == RECORD_DONE);
		assert_int_equal(events, lines ? lines - 1 : 0);
		begin(&rec, "/next", NULL, "x", &seq);
		assert_int_equal(seq, rec.n_steps);
		record_close(&rec);
		if (record_load(&f->root, STEPS_RECORD, &again, &e) < 0)
			fail_msg("cut at %zu: %s", cut, e.text);
		assert_string_equal(again.steps[again.n_steps - 1].step.target, "/next");
	}
}

/* A crash at the moment a line is written leaves part of it: wherever it is cut, the recovery is complete. */
static void torn_and_recovered(void **state)
{
	unsigned int cuts = 0;

	for (unsigned int n = 1; n < 40; n++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_free_ char *before = NULL, *text = NULL;
		size_t len, last;
		int status;

		steps_prepare(f);
		before = fake_snapshot(f);
		/* killed at a write to the machine: the last line announced it */
		fake_arm(f, FAKE_KERNEL, FAKE_KILL_BEFORE, n, 0);
		status = fake_run(f, steps_apply, NULL);
		fake_disarm(f);
		if (!WIFSIGNALED(status))
			break;
		text = slurp(f, STEPS_RECORD, &len);
		for (last = len - 1; last > 0 && text[last - 1] != '\n'; last--)
			;
		/* in the midst of a step of several writes the line was long there: then only the whole record is honest */
		for (size_t cut = len; cut > last; cut = cut > last + 23 * FAKE_EVERY ? cut - 23 * FAKE_EVERY : last) {
			_cleanup_free_ char *after = NULL;
			struct undo_result u;

			if (cut < len && newlines(text, len) != newlines(text, last) + 1)
				break;
			fake_put_bytes(f, STEPS_RECORD, text, cut);
			if (steps_recover(f, &u, NULL) < 0 || !undo_complete(&u) || u.foreign)
				fail_msg("killed at write %u, cut at %zu: not recovered", n, cut);
			after = fake_snapshot(f);
			assert_string_equal(before, after);
			cuts++;
		}
	}
	assert_true(cuts > 10);
	fake_tally("crash-points", cuts, "torn records that were recovered from");
}

static void damage_is_told(void **state)
{
	static const char *const bad[] = {
		"gpupt-record 2\n",
		"\n",
		"gpupt-record 1\nbegin 2 file /x ~ ~ ~\n",
		"gpupt-record 1\nbegin 1 nosuchkind /x ~ ~ ~\n",
		"gpupt-record 1\nbegin 1 file ~ ~ ~ ~\n",
		"gpupt-record 1\nbegin 1 file /x ~ ~\n",
		"gpupt-record 1\nbegin 1 file /x ~ ~ ~ more\n",
		"gpupt-record 1\nbegin 1 file /x%4 ~ ~ ~\n",
		"gpupt-record 1\nbegin 1 file /x%zz ~ ~ ~\n",
		"gpupt-record 1\nbegin 1 file /x%00 ~ ~ ~\n",
		"gpupt-record 1\ndone 1\n",
		"gpupt-record 1\nbegin 1 file /x ~ ~ ~\ndone 0\n",
		"gpupt-record 1\nbegin 1 file /x ~ ~ ~\ndone 1 1\n",
		"gpupt-record 1\nbegin 1 file /x ~ ~ ~\ndone -1\n",
		"gpupt-record 1\nbegin 1 file /x ~ ~ ~\nmade 1\n",
		"gpupt-record 1\nnote k\n",
		"gpupt-record 1\nnote ~ v\n",
		"gpupt-record 1\n\n",
	};
	_cleanup_fake_ struct fake *f = fake_machine();

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_record_ struct record rec = { .fd = -1 };
		struct err e = { "" };
		int k;

		fake_put(f, STEPS_RECORD, bad[i]);
		k = record_load(&f->root, STEPS_RECORD, &rec, &e);
		if (k != -EBADMSG || !strstr(e.text, "line ") || !strstr(e.text, STEPS_RECORD))
			fail_msg("'%s': %d, %s", bad[i], k, e.text);
	}
}

/* A limit of the file's size stands for a full disk: the first part of a line is written, the rest is not. */
static int apply_in_little_room(struct fake *f, void *ctx)
{
	struct rlimit limit = { .rlim_cur = *(rlim_t *)ctx, .rlim_max = RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	return steps_apply(f, NULL);
}

static void no_room_for_the_record(void **state)
{
	unsigned int failed = 0;

	for (rlim_t room = 1; room < 1000; room += 43 * FAKE_EVERY) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_free_ char *before = NULL, *after = NULL;
		struct undo_result u;
		int status, k;

		steps_prepare(f);
		before = fake_snapshot(f);
		status = fake_run(f, apply_in_little_room, &room);
		assert_true(WIFEXITED(status));
		failed += WEXITSTATUS(status) != 0;
		k = steps_recover(f, &u, NULL);
		if (k != -ENOENT && (k < 0 || !undo_complete(&u) || u.foreign))
			fail_msg("with %lu bytes: %d", (unsigned long)room, k);
		after = fake_snapshot(f);
		assert_string_equal(before, after);
		assert_false(fake_exists(f, "/etc/modprobe.d/gpupt.conf"));
	}
	if (failed < 10 / FAKE_EVERY)
		fail_msg("only %u sizes were too small", failed);
}

/* After a short write that cannot be taken back nothing more is appended to the torn line. */
static void nothing_is_appended_to_a_torn_line(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_record_ struct record rec = { .fd = -1 }, again = { .fd = -1 };
	unsigned int a;
	struct err e;

	assert_int_equal(record_create(&f->root, STEPS_RECORD, &rec, &e), 0);
	begin(&rec, "/a", NULL, "x", &a);
	fake_arm(f, FAKE_STORAGE, FAKE_SHORT, 1, ENOSPC);
	assert_int_equal(record_mark(&rec, a, RECORD_DONE, &e), -ENOSPC);
	assert_non_null(strstr(e.text, STEPS_RECORD));
	fake_disarm(f);
	/* taken back: the next line is whole */
	assert_int_equal(record_mark(&rec, a, RECORD_UNDONE, &e), 0);
	/* one process at a time changes it; everybody may read it */
	assert_int_equal(record_open(&f->root, STEPS_RECORD, &again, &e), -EBUSY);
	assert_int_equal(record_load(&f->root, STEPS_RECORD, &again, &e), 0);
	assert_int_equal(again.steps[0].state, RECORD_UNDONE);
}

/* Another process has the record for a moment, changes it or ends it, and goes. Back when it has it. */
static pid_t somebody(struct fake *f, bool ends_it)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	int ready[2];
	struct err e;
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid != 0) {
		close(ready[1]);
		assert_int_equal(read(ready[0], &c, 1), 1);
		close(ready[0]);
		return pid;
	}
	if (record_open(&f->root, STEPS_RECORD, &rec, &e) < 0 || write(ready[1], "", 1) != 1)
		_exit(1);
	sleep_ms(50);
	_exit(ends_it ? root_unlink(&f->root, STEPS_RECORD) < 0 : record_mark(&rec, 1, RECORD_UNDONE, &e) < 0);
}

/* What counts is what the record says when it is ours, and whether it is there at all by then. */
static void read_when_it_is_ours(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_record_ struct record rec = { .fd = -1 }, again = { .fd = -1 }, none = { .fd = -1 };
	unsigned int a;
	int status;
	struct err e;
	pid_t pid;

	assert_int_equal(record_create(&f->root, STEPS_RECORD, &rec, &e), 0);
	begin(&rec, "/a", NULL, "x", &a);
	record_close(&rec);
	pid = somebody(f, false);
	assert_int_equal(record_open(&f->root, STEPS_RECORD, &again, &e), 0);
	assert_int_equal(again.steps[0].state, RECORD_UNDONE);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	record_close(&again);
	pid = somebody(f, true);
	assert_int_equal(record_open(&f->root, STEPS_RECORD, &none, &e), -ENOENT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_record_is_ours_alone),
		cmocka_unit_test(torn_at_every_byte),
		cmocka_unit_test(torn_and_recovered),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(no_room_for_the_record),
		cmocka_unit_test(nothing_is_appended_to_a_torn_line),
		cmocka_unit_test(read_when_it_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
