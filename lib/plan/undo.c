/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/plan.h"

/* Puts one step back to s.after of the swapped step; counts in u and tells. */
static void undo_step(const struct engine *en, struct record *rec, struct record_step *rs, const char *goal,
		      struct undo_result *u)
{
	struct step back = step_swapped(&rs->step);
	_cleanup_free_ char *now = NULL;
	struct err e = { "" };
	int k;

	if (goal)
		back.after = (char *)(uintptr_t)goal;
	if (back.kind->effect) {
		record_mark(rec, rs->seq, RECORD_UNDONE, NULL);
		return;
	}
	if (rs->state == RECORD_BEGUN && back.kind->await)
		back.kind->await(en, &rs->step);
	k = back.kind->get(en, &back, &now, &e);
	if (k == -ENODEV) {
		engine_tell(en, STEP_GONE, &rs->step, e.text);
		record_mark(rec, rs->seq, RECORD_LEFT, NULL);
		return;
	}
	if (k == 0 && step_same(&back, now, back.after)) {
		record_mark(rec, rs->seq, RECORD_UNDONE, NULL);
		u->undone++;
		return;
	}
	if (k == 0 && !step_same(&back, now, back.before) && !step_transit(&rs->step, now, record_step_in_flight(rs))) {
		engine_tell(en, STEP_FOREIGN, &rs->step, now ? now : "(absent)");
		record_mark(rec, rs->seq, RECORD_LEFT, NULL);
		u->foreign++;
		return;
	}
	if (k == 0) {
		/* a full disk must not keep a card away: what an unrecorded way back leaves is among the transit states of a made step */
		record_mark(rec, rs->seq, RECORD_UNDOING, NULL);
		k = step_make(en, &back, &e);
	}
	if (k >= 0) {
		engine_tell(en, k > 0 ? STEP_PARTLY : STEP_UNDONE, &rs->step, k > 0 ? e.text : NULL);
		record_mark(rec, rs->seq, RECORD_UNDONE, NULL);
		u->undone++;
	} else if (step_is_stuck(en, &back)) {
		engine_tell(en, STEP_STUCK, &rs->step, e.text);
		u->stuck++;
	} else {
		engine_tell(en, STEP_LEFT, &rs->step, e.text);
		u->failed++;
	}
}

/* The container that a step is about: "lxc/200 …" and "ct:200 …". 0: about none. */
static unsigned int container_of_step(const struct step *s)
{
	unsigned int vmid = 0;

	if (sscanf(s->target, "lxc/%9u ", &vmid) != 1 && sscanf(s->target, "ct:%9u ", &vmid) != 1)
		return 0;
	return vmid;
}

/*
 * Is a later step about the same container still open? A container that does not stop must not get its lines back and be taken for
 * started again; and where a line belongs is known as long as what was taken out after it is back.
 */
static bool has_to_wait(const struct record *rec, size_t i)
{
	unsigned int vmid = container_of_step(&rec->steps[i].step);

	/* its nodes do not depend on each other */
	if (rec->steps[i].step.kind == &step_ctnode)
		return false;
	for (size_t later = i + 1; vmid && later < rec->n_steps; later++)
		if (record_step_open(&rec->steps[later]) && rec->steps[later].step.kind != &step_ctnode &&
		    container_of_step(&rec->steps[later].step) == vmid)
			return true;
	return false;
}

void record_undo_to(const struct engine *en, struct record *rec, undo_filter_fn *filter, undo_goal_fn *goal, void *ctx,
		    struct undo_result *ret)
{
	struct undo_result u = { 0 };

	for (size_t i = rec->n_steps; i > 0; i--) {
		struct record_step *rs = &rec->steps[i - 1];

		if (!record_step_open(rs) || (filter && !filter(ctx, &rs->step)))
			continue;
		if (has_to_wait(rec, i - 1))
			u.failed++;
		else
			undo_step(en, rec, rs, goal ? goal(ctx, &rs->step) : NULL, &u);
	}
	*ret = u;
}

void record_undo(const struct engine *en, struct record *rec, undo_filter_fn *filter, void *ctx,
		 struct undo_result *ret)
{
	record_undo_to(en, rec, filter, NULL, ctx, ret);
}
