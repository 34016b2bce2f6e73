/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the walk tells while it goes on: the journal gets every step, the program that called decides what a person sees. */
#ifndef GPUPT_REPORT_H
#define GPUPT_REPORT_H

#include "plan/step.h"

/* How both programs end, whatever they did. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1, /* or failed, and put back */
	EXIT_USAGE = 2,
	EXIT_LEFT = 3, /* not everything could be put back */
	EXIT_INTERRUPTED = 4, /* a watcher that was told to go; gpupt-settle@.service knows this number */
};

struct report {
	/* One line without newline, for stdout: a card that moved, a reset. */
	void (*say)(void *ctx, const char *line);
	/* One line for stderr: something that is not as it should be. */
	void (*complain)(void *ctx, const char *line);
	/* Every event of a step but its program's output, for a list of steps: what it gets is said by no line. NULL: there is no list. */
	void (*step)(void *ctx, unsigned int vmid, enum step_event event, const struct step *s, const char *text);
	/* A step that a dry run would put back, or keep for that reason (NULL: none), for such a list. NULL: a line says it. */
	void (*shown)(void *ctx, unsigned int vmid, const struct step *s, const char *kept);
	void *ctx;
	bool verbose;	   /* say every step */
	unsigned int vmid; /* for the journal */
};

void report_say(const struct report *r, const char *fmt, ...) _printf_(2, 3);
void report_complain(const struct report *r, const char *fmt, ...) _printf_(2, 3);

/* A step that would be put back: nothing is done. */
void report_shown(const struct report *r, unsigned int vmid, const struct step *s);

/* One that would stay, whatever else is put back, and why. */
void report_shown_kept(const struct report *r, const struct step *s, const char *why);

/* An engine's watch: ctx is a struct report. */
void report_step(void *ctx, enum step_event event, const struct step *s, const char *text);

#endif
