/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/exec_child.h"
#include "base/exec_sink.h"
#include "base/interrupt.h"
#include "base/proc.h"

#define KILL_AFTER_MS 2000

static char *const fixed_env[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, (char[]){ "LC_ALL=C" }, NULL };

void exec_result_done(struct exec_result *res)
{
	free(res->output);
	*res = (struct exec_result){ 0 };
}

static int find_program(const char *name, char path[static PATH_MAX])
{
	static const char *const dirs[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

	if (name[0] == '/')
		return access(path_f(path, "%s", name), X_OK) < 0 ? -errno : 0;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (access(path_f(path, "%s/%s", dirs[i], name), X_OK) == 0)
			return 0;
	return -ENOENT;
}

_Noreturn static void exec_in_child(const char *path, char *const argv[], int in, int out)
{
	sigset_t none;

	/* its own group, so that the deadline reaches its children too, and so that a task's SIGTERM is ours to pass on */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	close_range(3, ~0U, 0);
	execve(path, argv, fixed_env);
	_exit(127);
}

static void tick(const struct exec_watch *w, uint64_t begun, uint64_t *next)
{
	uint64_t now = now_ms();

	if (!w->tick || now < *next)
		return;
	w->tick(w->ctx, (unsigned int)((now - begun) / 1000));
	*next = now - (now - begun) % 1000 + 1000;
}

/* How long nothing but the program can be waited for. A signal that comes between the look at it and the poll is seen by the next look. */
static int patience(const struct exec_watch *w, uint64_t deadline, uint64_t next)
{
	uint64_t now = now_ms(), until = deadline;

	if (w->interruptible && until > now + EXEC_LOOK_MS)
		until = now + EXEC_LOOK_MS;
	if (w->tick && until > next)
		until = next;
	return until > now ? (int)(until - now) : 0;
}

/* Collects output until the child ends. 0, -ETIMEDOUT, what the sink returns, or, if a signal may end it early, -EINTR. */
static int collect(int pidfd, int out, unsigned int timeout_ms, const struct exec_watch *w, struct exec_sink *s)
{
	struct pollfd p[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = out, .events = POLLIN } };
	uint64_t begun = now_ms(), deadline = begun + timeout_ms, next = begun;

	for (;;) {
		char buf[4096];
		ssize_t n;

		if (now_ms() >= deadline)
			return -ETIMEDOUT;
		if (w->interruptible && interrupt_pending())
			return -EINTR;
		tick(w, begun, &next);
		if (poll(p, 2, patience(w, deadline, next)) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents) {
			int k = 0;

			n = read(out, buf, sizeof(buf));
			if (n > 0)
				k = exec_sink_take(s, buf, (size_t)n);
			if (k < 0)
				return k;
			if (n == 0)
				p[1].fd = -1;
		} else if (p[0].revents) {
			/* ended, and its pipe is empty; a grandchild that keeps the pipe open is not waited for */
			return 0;
		}
	}
}

/* SIGTERM, then SIGKILL to the whole group, also to those that outlive its leader: its id stays taken until the leader is waited for. */
static void stop_group(pid_t pid, int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	kill(-pid, SIGTERM);
	poll(&p, 1, KILL_AFTER_MS);
	kill(-pid, SIGKILL);
	poll(&p, 1, KILL_AFTER_MS);
	waitpid(pid, NULL, WNOHANG);
}

int exec_child_input(const char *input)
{
	_cleanup_close_ int fd = -1;

	if (!input)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	else
		fd = memfd_create("gpupt", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (input && (write(fd, input, strlen(input)) != (ssize_t)strlen(input) || lseek(fd, 0, SEEK_SET) < 0))
		return -EIO;
	return TAKE_FD(fd);
}

int exec_child_late(const struct exec_child *c, int k, unsigned int timeout_ms, struct err *e)
{
	if (k == -EINTR)
		return err_set(e, k, "interrupted (%s) while %s was running", strsignal(interrupt_pending()), c->path);
	return err_errno(e, k, "%s did not end within %u s", c->path, timeout_ms / 1000);
}

int exec_child_start(const struct root *r, char *const argv[], int in, int out, struct exec_child *ret, struct err *e)
{
	int k;

	if (!root_is_real(r))
		return err_set(e, -EOPNOTSUPP, "%s is not run below %s", argv[0], r->path);
	k = find_program(argv[0], ret->path);
	if (k < 0)
		return err_errno(e, k, "cannot run %s", argv[0]);
	ret->pid = fork();
	if (ret->pid < 0)
		return err_errno(e, -errno, "cannot run %s", ret->path);
	if (ret->pid == 0)
		exec_in_child(ret->path, argv, in, out);
	ret->pidfd = (int)syscall(SYS_pidfd_open, ret->pid, 0);
	if (ret->pidfd >= 0)
		return 0;
	k = -errno;
	kill(-ret->pid, SIGKILL);
	waitpid(ret->pid, NULL, 0);
	return err_errno(e, k, "cannot watch %s", ret->path);
}

int exec_child_status(const struct exec_child *c)
{
	int status = 0;

	waitpid(c->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_hook(const struct root *r, char *const argv[], const struct exec_watch *w, struct exec_sink *s,
		    struct exec_result *ret, struct err *e)
{
	struct exec_result res = { 0 };
	int k;

	if (w->tick)
		w->tick(w->ctx, 0);
	k = r->hooks->exec(r->hooks->ctx, argv, &res);
	if (k < 0)
		return err_errno(e, k, "cannot run %s", argv[0]);
	if (s->fn && res.output) {
		k = exec_sink_take(s, res.output, strlen(res.output));
		k = k < 0 ? k : exec_sink_end(s);
		free(res.output);
		res.output = text_take(&s->t);
	}
	if (w->output)
		text_add(w->output, res.output ? res.output : "");
	*ret = res;
	return k;
}

static int run(const struct root *r, char *const argv[], const char *input, unsigned int timeout_ms, const struct exec_watch *w,
	       struct exec_result *ret, struct err *e)
{
	_cleanup_close_ int out = -1, feed = -1;
	_cleanup_(exec_sink_done) struct exec_sink s = { .fn = w->line, .ctx = w->ctx };
	struct exec_child c;
	int fds[2], k;

	if (r->hooks && r->hooks->exec)
		return run_hook(r, argv, w, &s, ret, e);
	feed = exec_child_input(input);
	if (feed < 0)
		return err_errno(e, feed, "cannot run %s", argv[0]);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "cannot run %s", argv[0]);
	out = fds[0];
	k = exec_child_start(r, argv, feed, fds[1], &c, e);
	close(fds[1]);
	if (k < 0)
		return k;
	k = collect(c.pidfd, out, timeout_ms, w, &s);
	k = k < 0 ? k : exec_sink_end(&s);
	if (w->output)
		text_add(w->output, text_str(&s.t));
	if (k < 0) {
		stop_group(c.pid, c.pidfd);
		if (k == -ETIMEDOUT || k == -EINTR)
			exec_child_late(&c, k, timeout_ms, e);
		else
			err_errno(e, k, "cannot take what %s says", c.path);
	} else {
		*ret = (struct exec_result){ .status = exec_child_status(&c), .output = text_take(&s.t) };
	}
	close(c.pidfd);
	return k;
}

int exec_run(const struct root *r, char *const argv[], unsigned int timeout_ms, struct exec_result *ret, struct err *e)
{
	return run(r, argv, NULL, timeout_ms, &(struct exec_watch){ 0 }, ret, e);
}

int exec_feed(const struct root *r, char *const argv[], const char *input, unsigned int timeout_ms,
	      struct exec_result *ret, struct err *e)
{
	return run(r, argv, input, timeout_ms, &(struct exec_watch){ 0 }, ret, e);
}

int exec_run_interruptible(const struct root *r, char *const argv[], unsigned int timeout_ms, struct exec_result *ret,
			   struct err *e)
{
	return run(r, argv, NULL, timeout_ms, &(struct exec_watch){ .interruptible = true }, ret, e);
}

int exec_run_watched(const struct root *r, char *const argv[], unsigned int timeout_ms, const struct exec_watch *watch,
		     struct exec_result *ret, struct err *e)
{
	return run(r, argv, NULL, timeout_ms, watch, ret, e);
}

int exec_verdict(const char *name, struct exec_result *res, struct err *e)
{
	char *last = NULL, *line, *p = res->output;

	if (res->status == 0)
		return 0;
	while ((line = str_line(&p)))
		if (*str_trim(line))
			last = str_printable(str_trim(line));
	return err_set(e, -EIO, "%s ended with status %d%s%s", name, res->status, last ? ": " : "", last ? last : "");
}

int exec_check(const struct root *r, char *const argv[], unsigned int timeout_ms, struct err *e)
{
	_cleanup_exec_ struct exec_result res = { 0 };
	int k = exec_run(r, argv, timeout_ms, &res, e);

	return k < 0 ? k : exec_verdict(argv[0], &res, e);
}
