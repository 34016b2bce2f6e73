/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/bounded.h"

#define LINE_MAX_LEN 1024

/* What the child has to say, on a page that both share: no descriptor stays open for it. */
struct answer {
	int r;
	char line[LINE_MAX_LEN];
};

struct work {
	const struct root *root;
	const char *path, *value; /* value NULL: read */
	bounded_fn *fn;		  /* instead of these */
	void *shared;
	struct answer *answer;
};

static void work_do(struct work *w)
{
	if (w->fn) {
		w->fn(w->root, w->shared);
		w->answer->r = 0;
	} else if (w->value) {
		w->answer->r = root_write_attr(w->root, w->path, w->value);
	} else {
		w->answer->r = root_read_line(w->root, w->path, w->answer->line, sizeof(w->answer->line));
	}
}

/* Closes all but the directory that the attribute's path starts from (O_PATH: it keeps no pipe and no lock alive). */
_Noreturn static void work_child(struct work *w, pid_t parent)
{
	struct root root = *w->root;
	int fd = root.fd;

	/* out of the task's process group: whoever kills the task must not cut a bind in half */
	setsid();
	signal(SIGTERM, SIG_IGN);
	if (fd > 0)
		close_range(0, (unsigned int)fd - 1, 0);
	close_range((unsigned int)fd + 1, ~0U, 0);
	w->root = &root;
	/* nobody would learn of a write that begins now, and whoever settles after our parent's end may have looked already */
	if (getppid() != parent)
		_exit(0);
	work_do(w);
	_exit(0);
}

/* Waits for a child by its pidfd, or by looking again where there is none to be had (too many open files). True if it ended. */
static bool wait_child(pid_t pid, unsigned int timeout_ms)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	uint64_t deadline = now_ms() + timeout_ms, now;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	do {
		now = now_ms();
		if (pidfd >= 0)
			poll(&p, 1, now < deadline ? (int)(deadline - now) : 0);
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return true;
		if (pidfd < 0)
			sleep_ms(2);
	} while (now < deadline);
	return false;
}

static int work_bounded(struct work *w, unsigned int timeout_ms, struct proc_id *ret_child)
{
	pid_t self = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		work_child(w, self);
	if (wait_child(pid, timeout_ms))
		return w->answer->r;
	*ret_child = (struct proc_id){ .pid = pid };
	proc_start(w->root, pid, &ret_child->start);
	return -ETIMEDOUT;
}

static int work_run(struct work *w, char *buf, size_t size, unsigned int timeout_ms, struct proc_id *ret_child)
{
	int k;

	w->answer = mmap(NULL, sizeof(*w->answer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->answer == MAP_FAILED)
		return -errno;
	w->answer->r = -EIO; /* unless the child says otherwise */
	k = work_bounded(w, timeout_ms, ret_child);
	if (k == 0 && buf) {
		if (strlen(w->answer->line) >= size)
			k = -EOVERFLOW;
		else
			memcpy(buf, w->answer->line, strlen(w->answer->line) + 1);
	}
	munmap(w->answer, sizeof(*w->answer));
	return k;
}

int bounded_write(const struct root *r, const char *path, const char *value, unsigned int timeout_ms,
		  struct proc_id *ret_child)
{
	struct work w = { .root = r, .path = path, .value = value };

	return work_run(&w, NULL, 0, timeout_ms, ret_child);
}

int bounded_read(const struct root *r, const char *path, char *buf, size_t size, unsigned int timeout_ms,
		 struct proc_id *ret_child)
{
	struct work w = { .root = r, .path = path };

	return work_run(&w, buf, size, timeout_ms, ret_child);
}

int bounded_call(const struct root *r, bounded_fn *fn, void *shared, unsigned int timeout_ms, struct proc_id *ret_child)
{
	struct work w = { .root = r, .fn = fn, .shared = shared };

	return work_run(&w, NULL, 0, timeout_ms, ret_child);
}
