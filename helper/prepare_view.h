/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `prepare` and `revert` show: the plan before it is made, what runs meanwhile, and what is left to do. */
#ifndef GPUPT_PREPARE_VIEW_H
#define GPUPT_PREPARE_VIEW_H

#include "helper/steps.h"
#include "plan/plan.h"

/* Is nothing to be made? In the copy of a host only what --yes asks for is: most copies are there to be looked at. */
bool prepare_view_shows_only(const struct options *o);
/* A person reads the steps: each with what of its file changes. */
void prepare_view_plan(const struct plan *p);
/* "A reboot is needed for: …" */
void prepare_view_reboot(const struct text *reasons);

struct prepare_view {
	const struct options *o;
	struct report report;
	bool ticking; /* a line of progress stands on the terminal */
};

/* An engine whose steps are told to steps' report, with what runs meanwhile. The view has to outlive it. */
struct engine prepare_view_engine(struct prepare_view *v, struct steps *s);
void prepare_view_done(struct prepare_view *v);
#define _cleanup_prepare_view_ _cleanup_(prepare_view_done)

#endif
