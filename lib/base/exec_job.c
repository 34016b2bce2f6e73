/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>

#include "base/exec_child.h"
#include "base/interrupt.h"
#include "base/proc.h"

struct exec_job {
	struct exec_child child;
	int out; /* a file without a name: a program that goes on without us must not end of a pipe that nobody reads */
	unsigned int timeout_ms;
	uint64_t deadline;
	int hooked; /* what a test's stand-in answered; its result is there at once */
	struct exec_result result;
};

static int start(const struct root *r, char *const argv[], struct exec_job *job, struct err *e)
{
	_cleanup_close_ int in = exec_child_input(NULL);
	_cleanup_close_ int out = memfd_create("gpupt", MFD_CLOEXEC);
	int k;

	if (in < 0 || out < 0)
		return err_errno(e, in < 0 ? in : -errno, "cannot run %s", argv[0]);
	k = exec_child_start(r, argv, in, out, &job->child, e);
	if (k == 0)
		job->out = TAKE_FD(out);
	return k;
}

int exec_launch(const struct root *r, char *const argv[], unsigned int timeout_ms, struct exec_job **ret, struct err *e)
{
	_cleanup_free_ struct exec_job *job = calloc(1, sizeof(*job));
	int k = 0;

	if (!job)
		return -ENOMEM;
	job->timeout_ms = timeout_ms;
	job->deadline = now_ms() + timeout_ms;
	job->out = job->child.pidfd = -1;
	snprintf(job->child.path, sizeof(job->child.path), "%s", argv[0]);
	if (r->hooks && r->hooks->exec)
		job->hooked = r->hooks->exec(r->hooks->ctx, argv, &job->result);
	else
		k = start(r, argv, job, e);
	if (k == 0)
		*ret = TAKE_PTR(job);
	return k;
}

/* 0: it has ended; -ETIMEDOUT; -EINTR. */
static int wait_for(const struct exec_job *job)
{
	struct pollfd p = { .fd = job->child.pidfd, .events = POLLIN };

	for (uint64_t now = now_ms(); now < job->deadline; now = now_ms()) {
		uint64_t left = job->deadline - now;

		if (interrupt_pending())
			return -EINTR;
		if (poll(&p, 1, left < EXEC_LOOK_MS ? (int)left : EXEC_LOOK_MS) > 0)
			return 0;
	}
	return -ETIMEDOUT;
}

static int read_output(int fd, char **ret)
{
	char *buf = malloc(EXEC_OUTPUT_MAX + 1);
	ssize_t n = buf ? pread(fd, buf, EXEC_OUTPUT_MAX, 0) : -1;

	if (n < 0) {
		free(buf);
		return -ENOMEM;
	}
	buf[n] = '\0';
	*ret = buf;
	return 0;
}

int exec_finish(struct exec_job *job, struct exec_result *ret, struct err *e)
{
	int k = 0;

	if (job->child.pidfd < 0) {
		*ret = job->result;
		if (job->hooked < 0)
			k = err_errno(e, job->hooked, "cannot run %s", job->child.path);
	} else {
		k = wait_for(job);
		if (k < 0) {
			exec_child_late(&job->child, k, job->timeout_ms, e);
		} else {
			struct exec_result res = { .status = exec_child_status(&job->child) };

			k = read_output(job->out, &res.output);
			if (k == 0)
				*ret = res;
		}
		close(job->child.pidfd);
		close(job->out);
	}
	free(job);
	return k;
}
