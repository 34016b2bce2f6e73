/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of exec.h: a program on its way. Nobody else includes this. */
#ifndef GPUPT_EXEC_CHILD_H
#define GPUPT_EXEC_CHILD_H

#include "base/exec.h"

#define EXEC_OUTPUT_MAX 65536
#define EXEC_LOOK_MS	500 /* how soon a signal is noticed that ends a wait */

struct exec_child {
	char path[PATH_MAX];
	pid_t pid;
	int pidfd;
};

/* A descriptor to read input (NULL: nothing) from; a file without a name, so that nobody has to feed a pipe. -errno. */
int exec_child_input(const char *input);
/* Starts argv with these descriptors, which it leaves to the caller. 0, -ENOENT, -EOPNOTSUPP, -errno. */
int exec_child_start(const struct root *r, char *const argv[], int in, int out, struct exec_child *ret, struct err *e);
/* Waits for it. Its exit status, or 128 + signal. */
int exec_child_status(const struct exec_child *c);
/* The sentence for one that was not waited for to the end: k, with why. */
int exec_child_late(const struct exec_child *c, int k, unsigned int timeout_ms, struct err *e);

#endif
