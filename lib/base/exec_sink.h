/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of exec.h: where a program's output goes, into one text as far as it fits, or line by line. Nobody else includes this. */
#ifndef GPUPT_EXEC_SINK_H
#define GPUPT_EXEC_SINK_H

#include "base/exec.h"

struct exec_sink {
	struct text t;	  /* by lines: the one that has begun, then the last */
	bool whole;	  /* by lines: t is one that has had its end */
	exec_line_fn *fn; /* NULL: one text */
	void *ctx;
};

/* 0 or, by lines, what fn returned, -ENOMEM. */
int exec_sink_take(struct exec_sink *s, const char *p, size_t n);
/* The output's end: a last line without its newline is one, too. */
int exec_sink_end(struct exec_sink *s);
void exec_sink_done(struct exec_sink *s);

#endif
