/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running other programs, bounded reads and writes, processes and signals. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/bounded.h"
#include "base/exec.h"
#include "base/interrupt.h"
#include "tests/fake/fake.h"

static struct root real;

#define ARGV(...) ((char *[]){ __VA_ARGS__, NULL })
#define S(s) ((char[]){ s })
#define SHELL(script) ARGV(S("sh"), S("-c"), S(script))

static int setup(void **state)
{
	struct err e;

	return root_open_dir(&real, "/", &e);
}

static int teardown(void **state)
{
	root_close(&real);
	return 0;
}

static void status_and_output(void **state)
{
	_cleanup_exec_ struct exec_result res = { 0 };
	struct err e;

	assert_int_equal(exec_run(&real, SHELL("echo out; echo err >&2; exit 3"), 5000, &res, &e), 0);
	assert_int_equal(res.status, 3);
	assert_string_equal(res.output, "out\nerr\n");
	exec_result_done(&res);
	assert_int_equal(exec_run(&real, SHELL("kill -9 $$"), 5000, &res, &e), 0);
	assert_int_equal(res.status, 128 + SIGKILL);
	exec_result_done(&res);
	assert_int_equal(exec_check(&real, ARGV(S("true")), 5000, &e), 0);
	assert_int_equal(exec_check(&real, SHELL("echo first; printf 'the \\033reason\\n\\n'; exit 7"), 5000, &e), -EIO);
	assert_string_equal(e.text, "sh ended with status 7: the ?reason");
	assert_int_equal(exec_run(&real, ARGV(S("no-such-program-anywhere")), 5000, &res, &e), -ENOENT);
	assert_non_null(strstr(e.text, "no-such-program-anywhere"));
	assert_int_equal(exec_run(&real, ARGV(S("/nonexistent/program")), 5000, &res, &e), -ENOENT);
	assert_int_equal(exec_feed(&real, ARGV(S("cat")), "fed\n", 5000, &res, &e), 0);
	assert_string_equal(res.output, "fed\n");
}

struct lines {
	unsigned int n, empty;
	size_t longest;
	char last[16];
	int stop_at, r;
};

static int take_line(void *ctx, const char *line)
{
	struct lines *l = ctx;

	l->n++;
	l->empty += !*line;
	if (strlen(line) > l->longest)
		l->longest = strlen(line);
	snprintf(l->last, sizeof(l->last), "%s", line);
	return l->stop_at && (int)l->n == l->stop_at ? l->r : 0;
}

static int by_line(char *const argv[], unsigned int ms, struct lines *l, struct exec_result *res, struct err *e)
{
	return exec_run_watched(&real, argv, ms, &(struct exec_watch){ .line = take_line, .ctx = l }, res, e);
}

/* Far more than a result holds; lines of any length; the end with and without a newline. */
static void lines(void **state)
{
	_cleanup_exec_ struct exec_result res = { 0 };
	struct lines l = { 0 };
	struct err e;

	assert_int_equal(by_line(SHELL("seq 100000; echo; printf end; exit 4"), 20000, &l, &res, &e), 0);
	assert_int_equal(l.n, 100002);
	assert_int_equal(l.empty, 1);
	assert_string_equal(l.last, "end");
	assert_int_equal(res.status, 4);
	assert_string_equal(res.output, "end");
	exec_result_done(&res);
	l = (struct lines){ 0 };
	assert_int_equal(by_line(SHELL("head -c 20000 /dev/zero | tr '\\0' x; echo; echo why"), 20000, &l, &res, &e), 0);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.longest, EXEC_LINE_MAX);
	assert_string_equal(res.output, "why");
	exec_result_done(&res);
	l = (struct lines){ 0 };
	assert_int_equal(by_line(ARGV(S("true")), 20000, &l, &res, &e), 0);
	assert_int_equal(l.n, 0);
	assert_string_equal(res.output, "");
	exec_result_done(&res);
	/* whoever takes them has had enough: the program is ended */
	l = (struct lines){ .stop_at = 3, .r = -ENOMEM };
	assert_int_equal(by_line(SHELL("echo 1; echo 2; echo 3; exec sleep 1000"), 20000, &l, &res, &e), -ENOMEM);
	assert_int_equal(l.n, 3);
	assert_non_null(strstr(e.text, "cannot take what"));
	l = (struct lines){ 0 };
	assert_int_equal(by_line(SHELL("echo 1; exec sleep 1000"), 300, &l, &res, &e), -ETIMEDOUT);
	assert_int_equal(l.n, 1);
	assert_null(res.output);
}

static void environment_and_descriptors(void **state)
{
	_cleanup_exec_ struct exec_result res = { 0 }, fds = { 0 };
	int fd = dup2(0, 99); /* without close-on-exec */
	struct err e;

	assert_int_equal(fd, 99);
	setenv("LD_PRELOAD_OF_A_USER", "x", 1);
	setenv("IFS", "x", 1);
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(exec_run(&real, ARGV(S("env")), 5000, &res, &e), 0);
	assert_string_equal(res.output, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
	/* 0 to 2, and the one that ls itself opens */
	assert_int_equal(exec_run(&real, ARGV(S("ls"), S("/proc/self/fd")), 5000, &fds, &e), 0);
	assert_string_equal(fds.output, "0\n1\n2\n3\n");
	exec_result_done(&res);
	/* standard input is empty, not ours */
	assert_int_equal(exec_run(&real, SHELL("readlink /proc/self/fd/0; cat"), 5000, &res, &e), 0);
	assert_string_equal(res.output, "/dev/null\n");
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	close(fd);
}

static void output_is_bounded(void **state)
{
	_cleanup_exec_ struct exec_result res = { 0 };
	struct err e;

	assert_int_equal(exec_run(&real, SHELL("dd if=/dev/zero bs=1024 count=4096 2>/dev/null | tr '\\0' x"), 20000, &res, &e), 0);
	assert_int_equal(res.status, 0);
	assert_in_range(strlen(res.output), 60000, 65536);
}

static bool pid_file_gone(const char *path)
{
	FILE *in = fopen(path, "re");
	int pid = 0;
	bool gone = false;

	assert_non_null(in);
	assert_int_equal(fscanf(in, "%d", &pid), 1);
	fclose(in);
	for (int i = 0; i < 200 && !gone; i++) {
		struct proc_id id = { .pid = pid };

		gone = proc_start(&real, pid, &id.start) < 0 || !proc_alive(&real, id);
		if (!gone)
			sleep_ms(10);
	}
	return gone;
}

/* At the deadline everybody in the group goes, also those who don't want to. */
static void deadline(void **state)
{
	static const char *const scripts[] = {
		"sleep 100 & echo $! >$0; wait",				       /* a child besides */
		"trap '' TERM; sleep 100 & echo $! >$0; while :; do sleep 1; done", /* deaf themselves, with a child */
		"sh -c 'trap \"\" TERM; while :; do sleep 1; done' & echo $! >$0; wait", /* only the child is deaf */
	};

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		_cleanup_fake_ struct fake *f = fake_new();
		_cleanup_exec_ struct exec_result res = { 0 };
		char path[PATH_MAX], script[256];
		uint64_t since = now_ms();
		struct err e;

		fake_path(f, path, "/pid");
		snprintf(script, sizeof(script), "%s", scripts[i]);
		assert_int_equal(exec_run(&real, ARGV(S("sh"), S("-c"), script, path), 500, &res, &e), -ETIMEDOUT);
		assert_in_range(now_ms() - since, 500, 30000);
		if (!pid_file_gone(path))
			fail_msg("script %zu left a process", i);
		assert_null(res.output);
	}
}

/* A daemon that a program leaves behind with its pipe open is not waited for, silent or not. */
/* Only who asks for it is disturbed by a signal to us; then the program ends with us. */
static void interruptible(void **state)
{
	_cleanup_exec_ struct exec_result res = { 0 };
	char script[96], pid[16] = "", *argv[] = { S("sh"), S("-c"), script, NULL };
	_cleanup_close_ int fd = memfd_create("pid", MFD_CLOEXEC);
	struct err e = { "" };

	interrupt_install();
	snprintf(script, sizeof(script), "kill -TERM $PPID; echo went on");
	assert_int_equal(exec_run(&real, argv, 60000, &res, &e), 0);
	assert_string_equal(res.output, "went on\n");
	assert_int_equal(interrupt_pending(), SIGTERM);
	exec_result_done(&res);
	interrupt_clear();
	assert_int_equal(exec_run_interruptible(&real, ARGV(S("true")), 60000, &res, &e), 0);
	exec_result_done(&res);
	/* the program says who it is in a file of ours, since its output is lost */
	snprintf(script, sizeof(script), "echo $$ >/proc/$PPID/fd/%d; kill -TERM $PPID; exec sleep 600", fd);
	assert_int_equal(exec_run_interruptible(&real, argv, 600000, &res, &e), -EINTR);
	assert_non_null(strstr(e.text, "interrupted"));
	assert_null(res.output);
	assert_true(pread(fd, pid, sizeof(pid) - 1, 0) > 0);
	assert_true(strtol(pid, NULL, 10) > 1);
	assert_int_equal(kill((pid_t)strtol(pid, NULL, 10), 0), -1);
	interrupt_clear();
}

static void note_tick(void *ctx, unsigned int seconds)
{
	text_addf(ctx, "%u ", seconds);
}

/* Each second is told once, a talkative program or not, and what was said is there also of one that was ended. */
static void watched(void **state)
{
	static const char *const scripts[] = { "echo begun; sleep 2.3", "echo begun; for i in 1 2 3 4 5 6 7 8 9 10 11; do sleep .2; echo noise; done" };

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		_cleanup_text_ struct text seconds = { 0 }, said = { 0 };
		_cleanup_exec_ struct exec_result res = { 0 };
		struct exec_watch w = { .tick = note_tick, .ctx = &seconds, .output = &said };
		char script[128];
		struct err e;

		snprintf(script, sizeof(script), "%s", scripts[i]);
		assert_int_equal(exec_run_watched(&real, SHELL("exit 3"), 5000, &w, &res, &e), 0);
		assert_int_equal(res.status, 3);
		assert_string_equal(text_str(&seconds), "0 ");
		exec_result_done(&res);
		text_done(&seconds);
		assert_int_equal(exec_run_watched(&real, ARGV(S("sh"), S("-c"), script), 10000, &w, &res, &e), 0);
		/* a machine that is busy may be late, but not early, and does not tell the same twice */
		assert_true(str_starts(text_str(&seconds), "0 1 2 "));
		assert_string_equal(res.output, text_str(&said));
		exec_result_done(&res);
		text_done(&said);
		assert_int_equal(exec_run_watched(&real, ARGV(S("sh"), S("-c"), script), 1000, &w, &res, &e), -ETIMEDOUT);
		assert_null(res.output);
		assert_true(str_starts(text_str(&said), "begun\n"));
	}
}

static void watched_and_interrupted(void **state)
{
	_cleanup_text_ struct text said = { 0 };
	_cleanup_exec_ struct exec_result res = { 0 };
	struct exec_watch w = { .interruptible = true, .output = &said };
	struct err e;

	interrupt_install();
	assert_int_equal(exec_run_watched(&real, SHELL("echo begun; kill -INT $PPID; exec sleep 600"), 600000, &w, &res, &e), -EINTR);
	assert_string_equal(text_str(&said), "begun\n");
	interrupt_clear();
}

static void background_grandchild(void **state)
{
	static const char *const scripts[] = {
		"sleep 30 & echo $! >$0; echo done",
		"(while :; do echo noise; done) & echo $! >$0; echo done",
	};

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		_cleanup_fake_ struct fake *f = fake_new();
		_cleanup_exec_ struct exec_result res = { 0 };
		char path[PATH_MAX], script[256];
		uint64_t since = now_ms();
		struct err e;
		int pid;

		fake_path(f, path, "/pid");
		snprintf(script, sizeof(script), "%s", scripts[i]);
		assert_int_equal(exec_run(&real, ARGV(S("sh"), S("-c"), script, path), 10000, &res, &e), 0);
		if (now_ms() - since > 5000)
			fail_msg("script %zu was waited for", i);
		assert_non_null(strstr(res.output, "done\n"));
		pid = atoi(fake_get(f, "/pid"));
		assert_true(pid > 1);
		kill(pid, SIGKILL);
	}
}

static void in_a_tree_nothing_runs(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	_cleanup_exec_ struct exec_result res = { 0 };
	struct root plain = f->root;
	struct err e;

	plain.hooks = NULL;
	assert_int_equal(exec_run(&plain, ARGV(S("touch"), S("/tmp/never")), 1000, &res, &e), -EOPNOTSUPP);
	assert_int_equal(exec_check(&plain, ARGV(S("true")), 1000, &e), -EOPNOTSUPP);
}

/* --- bounded work --- */

static void bounded_reads_and_writes(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	struct root plain = f->root;
	struct proc_id child;
	char line[16] = "untouched";

	plain.hooks = NULL;
	fake_put(f, "/attr", "value\nmore\n");
	assert_int_equal(bounded_read(&plain, "/attr", line, sizeof(line), 5000, &child), 0);
	assert_string_equal(line, "value");
	assert_int_equal(bounded_read(&plain, "/attr", line, 3, 5000, &child), -EOVERFLOW);
	assert_string_equal(line, "value");
	assert_int_equal(bounded_read(&plain, "/none", line, sizeof(line), 5000, &child), -ENOENT);
	assert_int_equal(bounded_write(&plain, "/attr", "other", 5000, &child), 0);
	assert_int_equal(bounded_write(&plain, "/none", "x", 5000, &child), -ENOENT);
	assert_int_equal(bounded_write(&f->proc, "/dev/full", "x", 5000, &child), -ENOSPC);
	assert_string_equal(fake_get(f, "/attr"), "other");
	/* nobody is left behind */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void say_and_wait(const struct root *r, void *shared)
{
	*(volatile int *)shared = 1;
	for (;;)
		pause();
}

static void say_and_die(const struct root *r, void *shared)
{
	*(volatile int *)shared = 2;
	abort();
}

static void say_and_end(const struct root *r, void *shared)
{
	*(volatile int *)shared = root_exists(r, "/attr") ? 3 : 4;
}

static void bounded_calls(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	struct root_hooks hooks = { .proc = &f->proc };
	struct root plain = f->root;
	struct proc_id child = { 0 };
	struct pollfd p = { .events = POLLIN };
	uint64_t since = now_ms();
	int fds[2], *shared;

	plain.hooks = &hooks;
	fake_put(f, "/attr", "");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	assert_int_equal(bounded_call(&plain, say_and_end, shared, 5000, &child), 0);
	assert_int_equal(*shared, 3);
	assert_int_equal(bounded_call(&plain, say_and_die, shared, 5000, &child), -EIO);
	assert_int_equal(*shared, 2);
	assert_int_equal(child.pid, 0);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(bounded_call(&plain, say_and_wait, shared, 300, &child), -ETIMEDOUT);
	assert_in_range(now_ms() - since, 300, 30000);
	assert_int_equal(*shared, 1);
	assert_true(child.pid > 0 && proc_alive(&real, child));
	/* our pipe ends with us, not with the child */
	close(fds[1]);
	p.fd = fds[0];
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(p.revents & POLLHUP);
	close(fds[0]);
	/* whoever kills the task does not cut a write in half */
	kill(child.pid, SIGTERM);
	sleep_ms(50);
	assert_int_equal(waitpid(child.pid, NULL, WNOHANG), 0);
	assert_int_not_equal(getsid(child.pid), getsid(0));
	kill(child.pid, SIGKILL);
	waitpid(child.pid, NULL, 0);
	assert_false(proc_alive(&real, child));
	munmap(shared, sizeof(*shared));
}

/* --- processes --- */

static void processes(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	struct proc_id self, other = { 0 };
	struct root plain = f->root;
	char id[BOOT_ID_LEN] = "as it was";
	uint64_t start;
	pid_t pid;

	plain.hooks = NULL;
	assert_int_equal(proc_self(&real, &self), 0);
	assert_int_equal(self.pid, getpid());
	assert_true(proc_alive(&real, self));
	self.start++;
	assert_false(proc_alive(&real, self));
	pid = fork();
	if (pid == 0)
		_exit(0);
	other.pid = pid;
	while (proc_start(&real, pid, &other.start) == 0 && proc_alive(&real, other))
		sleep_ms(1);
	assert_int_equal(proc_start(&real, pid, &start), 0); /* a zombie is there, and not alive */
	waitpid(pid, NULL, 0);
	assert_int_equal(proc_start(&real, pid, &start), -ESRCH);
	/* its name may look like anything */
	fake_put(f, "/proc/7/stat", "7 (a) S (b c) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21\n");
	assert_int_equal(proc_start(&plain, 7, &start), 0);
	assert_int_equal(start, 4242);
	fake_put(f, "/proc/7/stat", "7 (a S 1 2 3");
	assert_int_equal(proc_start(&plain, 7, &start), -EBADMSG);
	fake_put(f, "/proc/7/stat", "7 (a) S 1 2 3");
	assert_int_equal(proc_start(&plain, 7, &start), -EBADMSG);
	assert_int_equal(proc_start(&plain, 8, &start), -ESRCH);
	assert_int_equal(start, 4242);
	assert_int_equal(proc_boot_id(&plain, id), -ENOENT);
	assert_string_equal(id, "as it was");
	fake_put(f, "/proc/sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n");
	assert_int_equal(proc_boot_id(&plain, id), 0);
	assert_string_equal(id, "11111111-2222-3333-4444-555555555555");
}

static void signals_are_remembered(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		interrupt_install();
		if (interrupt_pending())
			_exit(1);
		raise(SIGTERM);
		if (interrupt_pending() != SIGTERM)
			_exit(2);
		interrupt_clear();
		_exit(interrupt_pending() ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_and_output),
		cmocka_unit_test(lines),
		cmocka_unit_test(environment_and_descriptors),
		cmocka_unit_test(output_is_bounded),
		cmocka_unit_test(deadline),
		cmocka_unit_test(interruptible),
		cmocka_unit_test(watched),
		cmocka_unit_test(watched_and_interrupted),
		cmocka_unit_test(background_grandchild),
		cmocka_unit_test(in_a_tree_nothing_runs),
		cmocka_unit_test(bounded_reads_and_writes),
		cmocka_unit_test(bounded_calls),
		cmocka_unit_test(processes),
		cmocka_unit_test(signals_are_remembered),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
