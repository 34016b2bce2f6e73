/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs: found in a fixed path, given a fixed environment, watched by a deadline, never by a shell. */
#ifndef GPUPT_EXEC_H
#define GPUPT_EXEC_H

#include "base/root.h"

struct exec_result {
	int status;    /* exit status; 128 + signal if one ended it */
	char *output;  /* stdout and stderr, at most 64 KiB of it; free it */
};

void exec_result_done(struct exec_result *res);
#define _cleanup_exec_ _cleanup_(exec_result_done)

/*
 * Runs argv[0] (a plain name: looked up in /usr/sbin:/usr/bin:/sbin:/bin; or an absolute path) and waits for it. At the
 * deadline its process group gets SIGTERM and, 2 s later, SIGKILL. Standard input is /dev/null.
 * 0 if it ran (see status), -ETIMEDOUT, -ENOENT (no such program), -EOPNOTSUPP (the root is a captured tree), -errno.
 */
int exec_run(const struct root *r, char *const argv[], unsigned int timeout_ms, struct exec_result *ret, struct err *e);

/* The same with input (a string) as the program's standard input. */
int exec_feed(const struct root *r, char *const argv[], const char *input, unsigned int timeout_ms,
	      struct exec_result *ret, struct err *e);

/*
 * exec_run() that a signal to us ends early, too (interrupt.h), for a program that may take minutes: it gets what it would get at
 * the deadline, and the result is -EINTR.
 */
int exec_run_interruptible(const struct root *r, char *const argv[], unsigned int timeout_ms, struct exec_result *ret,
			   struct err *e);

#define EXEC_LINE_MAX 4096 /* bytes of a line that are kept */
/* Takes a line of a program's output, without its newline, cut to EXEC_LINE_MAX. 0 or -errno, at which the program is ended. */
typedef int exec_line_fn(void *ctx, const char *line);

/* Somebody who wants to know how it goes. */
struct exec_watch {
	/* Called when it has been started (0 s) and about every second while it runs; may be NULL. */
	void (*tick)(void *ctx, unsigned int seconds);
	/*
	 * NULL, or where its output goes, however much that is; the result has its last line alone then. What it returns below 0 is the
	 * result.
	 */
	exec_line_fn *line;
	void *ctx; /* of both */
	bool interruptible;  /* as of exec_run_interruptible() */
	struct text *output; /* gets what it has said, also if it was ended early */
};

/* exec_run() that is watched; with a test's stand-in for programs there is the first call of tick alone. */
int exec_run_watched(const struct root *r, char *const argv[], unsigned int timeout_ms, const struct exec_watch *watch,
		     struct exec_result *ret, struct err *e);

struct exec_job;
/*
 * A program that is started now and waited for later, beside others. 0 with the job, which exec_finish() takes; else as exec_run().
 * exec_finish(): 0; -ETIMEDOUT at the deadline, which counts from the start; -EINTR at a signal to us (interrupt.h). In both the
 * program goes on: what it is about cannot be taken back by ending it.
 */
int exec_launch(const struct root *r, char *const argv[], unsigned int timeout_ms, struct exec_job **ret, struct err *e);
int exec_finish(struct exec_job *job, struct exec_result *ret, struct err *e);

/* What an exit status comes to: 0, or -EIO with the program's last line in the sentence. Its output is cut in place. */
int exec_verdict(const char *name, struct exec_result *res, struct err *e);

/* exec_run() that takes every exit status but 0 as a failure: -EIO, the program's last line in the sentence. */
int exec_check(const struct root *r, char *const argv[], unsigned int timeout_ms, struct err *e);

#endif
