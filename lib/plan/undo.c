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
	if (back.kind->tidy)
		back.kind->tidy(en, &back);
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

/* Is a path, perhaps with more behind a blank, below a directory? */
static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

/*
 * Is a later step about the same container still open? A container that does not stop must not get its lines back and be taken for
 * started again; and where a line belongs is known as long as what was taken out after it is back. A directory goes when all is out of
 * it that was put there.
 */
static bool has_to_wait(const struct record *rec, size_t i)
{
	const struct step *s = &rec->steps[i].step;
	unsigned int vmid = container_of_step(s);

	/* its nodes do not depend on each other */
	if (s->kind == &step_ctnode)
		return false;
	for (size_t later = i + 1; later < rec->n_steps; later++) {
		const struct step *other = &rec->steps[later].step;

		if (!record_step_open(&rec->steps[later]))
			continue;
		if (vmid && other->kind != &step_ctnode && container_of_step(other) == vmid)
			return true;
		if (s->kind == &step_dir && is_below(other->target, s->target))
			return true;
	}
	return false;
}

/* An undo, and which steps it is about. */
struct undo {
	const struct engine *en;
	struct record *rec;
	undo_filter_fn *filter;
	void *ctx;
	struct undo_result result;
};

static bool is_wanted(const struct undo *u, const struct record_step *rs, bool derived)
{
	return record_step_open(rs) && rs->step.kind->derives == derived && (!u->filter || u->filter(u->ctx, &rs->step));
}

static bool any_wanted(const struct undo *u, bool derived)
{
	for (size_t i = 0; i < u->rec->n_steps; i++)
		if (is_wanted(u, &u->rec->steps[i], derived))
			return true;
	return false;
}

static bool is_twin(const struct step *a, const struct step *b)
{
	return a->kind == b->kind && str_eq(a->target, b->target);
}

/* Several preparations may have derived the same thing, which is done again once: for the first of them. */
static bool is_twin_of_earlier(const struct undo *u, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (is_wanted(u, &u->rec->steps[j], true) && is_twin(&u->rec->steps[j].step, &u->rec->steps[i].step))
			return true;
	return false;
}

static void mark_twins(const struct undo *u, const struct step *s, enum record_state state)
{
	for (size_t i = 0; i < u->rec->n_steps; i++)
		if (is_wanted(u, &u->rec->steps[i], true) && is_twin(&u->rec->steps[i].step, s))
			record_mark(u->rec, u->rec->steps[i].seq, state, NULL);
}

static void derive_again(struct undo *u, const struct step *s)
{
	struct step back = step_swapped(s);
	struct err e = { "" };
	int k;

	mark_twins(u, s, RECORD_UNDOING);
	k = s->kind->set(u->en, &back, &e);
	if (k < 0 && k != -ENODEV) {
		engine_tell(u->en, STEP_LEFT, s, e.text);
		u->result.failed++;
		return;
	}
	engine_tell(u->en, k < 0 ? STEP_GONE : STEP_UNDONE, s, e.text[0] ? e.text : NULL);
	mark_twins(u, s, k < 0 ? RECORD_LEFT : RECORD_UNDONE);
	u->result.undone += k == 0;
}

/* What would be derived of values that are half put back is not what was there before: it waits for the rest. */
static void undo_derived(struct undo *u)
{
	bool wait = any_wanted(u, false);

	for (size_t i = 0; i < u->rec->n_steps; i++) {
		const struct step *s = &u->rec->steps[i].step;
		struct err e;

		if (!is_wanted(u, &u->rec->steps[i], true) || is_twin_of_earlier(u, i))
			continue;
		if (!wait) {
			derive_again(u, s);
			continue;
		}
		err_set(&e, 0, "'%s' is run again when all that it reads is put back", s->after);
		engine_tell(u->en, STEP_LEFT, s, e.text);
		u->result.failed++;
	}
}

void record_undo_to(const struct engine *en, struct record *rec, undo_filter_fn *filter, undo_goal_fn *goal, void *ctx,
		    struct undo_result *ret)
{
	struct undo u = { .en = en, .rec = rec, .filter = filter, .ctx = ctx };

	for (size_t i = rec->n_steps; i > 0; i--) {
		struct record_step *rs = &rec->steps[i - 1];

		if (!is_wanted(&u, rs, false))
			continue;
		if (has_to_wait(rec, i - 1))
			u.result.failed++;
		else
			undo_step(en, rec, rs, goal ? goal(ctx, &rs->step) : NULL, &u.result);
	}
	undo_derived(&u);
	*ret = u.result;
}

void record_undo(const struct engine *en, struct record *rec, undo_filter_fn *filter, void *ctx,
		 struct undo_result *ret)
{
	record_undo_to(en, rec, filter, NULL, ctx, ret);
}
