/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan is a list of steps: printed, checked, applied in order, undone in reverse. */
#ifndef GPUPT_PLAN_H
#define GPUPT_PLAN_H

#include "plan/record.h"
#include "plan/step.h"

struct plan {
	struct step *steps;
	size_t n;
};

/* Adds a step; copies its arguments. Returns it for further settings, or NULL without memory. */
struct step *plan_add(struct plan *p, const struct step_kind *kind, const char *target, const char *before,
		      const char *after, const char *why);
void plan_done(struct plan *p);
#define _cleanup_plan_ _cleanup_(plan_done)

/* One line per step. */
void plan_format(const struct plan *p, struct text *t);

/*
 * Has every target still the value that the plan starts from (earlier steps of the plan taken as made)? 0, or -ESTALE and
 * the first that has not in err; -errno.
 */
int plan_check(const struct engine *en, const struct plan *p, struct err *e);

/* How an undo went. */
struct undo_result {
	unsigned int undone;
	unsigned int foreign; /* left as somebody else set them */
	unsigned int failed;  /* could not be put back: the record keeps them */
	unsigned int stuck;   /* wait for the kernel: the record keeps them */
};

/*
 * Makes the steps in order, each recorded before it is made and read back afterwards. If one fails, all of this plan's are
 * undone, to what was found, but for patient ones, which stay on record; a signal asks for the same (base/interrupt.h), but while the
 * node shuts down all stay on record.
 * 0, or -errno of the failed step (err says which), with what happened to the others in ret_undo (may be NULL).
 */
int plan_apply(const struct engine *en, const struct plan *p, struct record *rec, struct undo_result *ret_undo,
	       struct err *e);

/* Which steps of a record an undo is about; NULL: all. */
typedef bool undo_filter_fn(void *ctx, const struct step *s);

/*
 * Undoes the open steps of a record, last first: a step whose target has neither its value nor one of our half-way values is
 * somebody else's now and is left. What fails stays open, the others are undone all the same, but for earlier steps about the same
 * container, which wait for it.
 */
void record_undo(const struct engine *en, struct record *rec, undo_filter_fn *filter, void *ctx,
		 struct undo_result *ret);

/* Another value than its before that a step shall go back to; NULL: its before. */
typedef const char *undo_goal_fn(void *ctx, const struct step *s);

/* record_undo() with a goal for each step; both functions get ctx. */
void record_undo_to(const struct engine *en, struct record *rec, undo_filter_fn *filter, undo_goal_fn *goal, void *ctx,
		    struct undo_result *ret);

/* What several of them came to. */
static inline void undo_add(struct undo_result *sum, const struct undo_result *u)
{
	sum->undone += u->undone;
	sum->foreign += u->foreign;
	sum->failed += u->failed;
	sum->stuck += u->stuck;
}

/* Nothing is open any more. */
static inline bool undo_complete(const struct undo_result *u)
{
	return u->failed == 0 && u->stuck == 0;
}

#endif
