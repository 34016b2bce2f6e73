/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a command does, or would do, to steps: lines for people; with --json or -o a list, one row for a step. */
#ifndef GPUPT_HELPER_STEPS_H
#define GPUPT_HELPER_STEPS_H

#include "helper/output.h"

struct steps {
	const struct options *o;
	const struct settings *settings; /* may be NULL */
	bool list;			 /* else lines */
	struct table t;
};

extern const struct columns steps_columns;

/* EXIT_DONE, EXIT_USAGE (said) for a column that there is not, or EXIT_REFUSED (said). */
int steps_open(const struct options *o, struct steps *ret);
void steps_done(struct steps *s);
#define _cleanup_steps_ _cleanup_(steps_done)

/*
 * What the walk tells, put where it belongs. In a list there are steps and nothing else: whatever is said besides goes to stderr.
 * What is about vmid 0 is about no VM.
 */
struct report steps_report(struct steps *s, unsigned int vmid);

/* A step that a dry run would make. Nothing without a list. */
void steps_would_make(struct steps *s, unsigned int vmid, const struct step *step);

/* Prints the list, if there is one. Returns code, or EXIT_REFUSED (said) if all was well until then. */
int steps_print(struct steps *s, int code);

#endif
