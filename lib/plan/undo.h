/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way back through a record in rounds, for whoever must not hold the record while other programs are called. undo_next() looks which
 * steps come next and says on record that they are on their way, undo_make() makes them, side by side where their kind permits. In between
 * the record may be closed, and be changed by another process: what it says when it is open again counts.
 */
#ifndef GPUPT_UNDO_H
#define GPUPT_UNDO_H

#include "plan/plan.h"

struct undo_flight;

struct undo_walk {
	/* set by the caller; what the last three mean is record_undo_to()'s */
	const struct engine *en;
	undo_filter_fn *filter;
	undo_goal_fn *goal;
	void *ctx;
	/* how it went so far */
	struct undo_result result;
	/* inside: how many steps of the record, from the first, are still to be looked at; one more of them, and which were waited for */
	bool begun;
	size_t at, awaited;
	struct undo_flight *flights; /* of this round */
	size_t n;
	bool awaiting; /* this round only waits */
	unsigned int other; /* the VM whose lease has one of the containers half-way back: it is left alone until that is done */
};

/* Notes what came of the last round, and finds the next. False: there is none. */
bool undo_next(struct undo_walk *w, struct record *rec);
/* Makes what undo_next() has found, and tells what came of it. The record is not touched. */
void undo_make(struct undo_walk *w);
/* After the last round, the record still at hand: steps that derive (undo_derived.c). */
void undo_derived(struct undo_walk *w, struct record *rec);
/* Of the open steps that derive and that filter (NULL: any) wants, each thing once: what is made again behind last; NULL: first of all. */
const struct record_step *undo_derived_next(const struct record *rec, undo_filter_fn *filter, void *ctx, const struct record_step *last);
/*
 * The VM, not that of rec, whose lease has a container half-way back now; 0: none. The caller holds state_lock() until its own step about
 * that container is announced, or both begin at the same time.
 */
unsigned int undo_other(const struct record *rec, unsigned int ct);
void undo_walk_done(struct undo_walk *w);
#define _cleanup_undo_walk_ _cleanup_(undo_walk_done)

#endif
