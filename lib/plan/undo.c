/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/state.h"
#include "plan/undo.h"

#define AT_ONCE 8 /* containers that start side by side are in each other's way on the disk */

/* A step on its way back, and what came of it. */
struct undo_flight {
	size_t at; /* its index in the record */
	struct step step;
	char *goal; /* what its target gets; NULL: absent */
	int k;
	struct err err;
	void *job; /* of one that is launched */
};

static void round_done(struct undo_walk *w)
{
	for (size_t i = 0; i < w->n; i++) {
		step_done(&w->flights[i].step);
		free(w->flights[i].goal);
	}
	w->n = 0;
}

void undo_walk_done(struct undo_walk *w)
{
	round_done(w);
	free(w->flights);
	w->flights = NULL;
}

static struct step way_back(const struct undo_flight *f)
{
	struct step back = step_swapped(&f->step);

	back.after = f->goal;
	return back;
}

/* It could not be put back, and stays open. */
static void keep(struct undo_walk *w, const struct step *s, const char *why)
{
	bool stuck = step_is_stuck(w->en, s);

	engine_tell(w->en, stuck ? STEP_STUCK : STEP_LEFT, s, why);
	w->result.stuck += stuck;
	w->result.failed += !stuck;
}

static void take_along(struct undo_walk *w, size_t at, const struct step *s, const char *goal)
{
	struct undo_flight *v = reallocarray(w->flights, w->n + 1, sizeof(*v));
	struct undo_flight f = { .at = at, .goal = goal ? strdup(goal) : NULL };

	if (v)
		w->flights = v;
	if (!v || (goal && !f.goal) || step_init(&f.step, s->kind, s->target, s->before, s->after, s->why) < 0) {
		free(f.goal);
		keep(w, s, strerror(ENOMEM));
		return;
	}
	v[w->n++] = f;
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
	unsigned int vmid = step_container(s);

	/* its nodes do not depend on each other */
	if (s->kind == &step_ctnode)
		return false;
	for (size_t later = i + 1; later < rec->n_steps; later++) {
		const struct step *other = &rec->steps[later].step;

		if (!record_step_open(&rec->steps[later]))
			continue;
		if (vmid && other->kind != &step_ctnode && step_container(other) == vmid)
			return true;
		if (s->kind == &step_dir && is_below(other->target, s->target))
			return true;
	}
	return false;
}

/* The last open step before index below that is of the kind of step at, and about the same container, which was stopped, say. Or NULL. */
static struct record_step *earlier_of_container(struct record *rec, size_t at, size_t below)
{
	const struct step *s = &rec->steps[at].step;

	for (size_t i = below; s->kind->launch && step_container(s) && i > 0; i--) {
		struct record_step *rs = &rec->steps[i - 1];

		if (record_step_open(rs) && rs->step.kind == s->kind && step_container(&rs->step) == step_container(s))
			return rs;
	}
	return NULL;
}

/*
 * Somebody else has put step at back: a container that ran without its card was stopped. That is his wish, and earlier steps, whose undo
 * would make something else of it, are none of ours any more.
 */
static void heed_wish(struct undo_walk *w, struct record *rec, size_t at, const char *now)
{
	struct record_step *rs;

	for (size_t i = at; (rs = earlier_of_container(rec, at, i)); i = (size_t)(rs - rec->steps)) {
		if (step_same(&rs->step, rs->step.before, now))
			continue;
		engine_tell(w->en, STEP_FOREIGN, &rs->step, now);
		record_mark(rec, rs->seq, RECORD_LEFT, NULL);
		w->result.foreign++;
	}
}

/* Is the step's value what it is to go back to? Or else what is the matter with it; then it is done with. False: it has to be made. */
static bool is_settled(struct undo_walk *w, struct record *rec, size_t at, const char *goal)
{
	struct record_step *rs = &rec->steps[at];
	struct step back = step_swapped(&rs->step);
	_cleanup_free_ char *now = NULL;
	struct err e = { "" };
	int k;

	if (back.kind->effect) {
		record_mark(rec, rs->seq, RECORD_UNDONE, NULL);
		return true;
	}
	if (back.kind->tidy)
		back.kind->tidy(w->en, &back);
	k = back.kind->get(w->en, &back, &now, &e);
	if (k == -ENODEV) {
		engine_tell(w->en, STEP_GONE, &rs->step, e.text);
		record_mark(rec, rs->seq, RECORD_LEFT, NULL);
	} else if (k < 0) {
		keep(w, &rs->step, e.text);
	} else if (step_same(&back, now, goal)) {
		if (rs->state == RECORD_DONE)
			heed_wish(w, rec, at, now);
		record_mark(rec, rs->seq, RECORD_UNDONE, NULL);
		w->result.undone++;
	} else if (!step_same(&back, now, back.before) && !step_transit(&rs->step, now, record_step_in_flight(rs))) {
		engine_tell(w->en, STEP_FOREIGN, &rs->step, now ? now : "(absent)");
		record_mark(rec, rs->seq, RECORD_LEFT, NULL);
		w->result.foreign++;
	} else {
		return false;
	}
	return true;
}

/* Notes what came of the last round, of steps that are still the record's: it may have been out of our hands. */
static void land(struct undo_walk *w, struct record *rec)
{
	for (size_t i = 0; i < w->n && !w->awaiting; i++) {
		const struct undo_flight *f = &w->flights[i];
		struct record_step *rs = f->at < rec->n_steps ? &rec->steps[f->at] : NULL;

		if (f->k >= 0 && rs && record_step_open(rs) && rs->step.kind == f->step.kind && str_eq(rs->step.target, f->step.target))
			record_mark(rec, rs->seq, RECORD_UNDONE, NULL);
	}
	round_done(w);
}

/*
 * Has something to be waited for before the value of a step can be believed? What became of one that was cut short; and that nobody is at
 * work on a container of which it is concluded that somebody wants it stopped: he may be restarting it.
 */
static bool needs_wait(const struct undo_walk *w, struct record *rec, size_t at)
{
	const struct record_step *rs = &rec->steps[at];

	return rs->step.kind->await && at < w->awaited &&
	       (rs->state == RECORD_BEGUN || (rs->state == RECORD_DONE && earlier_of_container(rec, at, at)));
}

/*
 * Says on record that a step is on its way back. A full disk must not keep a card away: what an unrecorded way back leaves is among the
 * transit states of a made step. But a container must not be stopped, to be started again, if the next try knows nothing of it: it would
 * do the same, and so on.
 */
static bool announce(struct undo_walk *w, struct record *rec, size_t at)
{
	struct record_step *rs = &rec->steps[at];
	struct err e = { "" };

	if (record_mark(rec, rs->seq, RECORD_UNDOING, &e) == 0 || !earlier_of_container(rec, at, at))
		return true;
	keep(w, &rs->step, e.text);
	return false;
}

/* One step. False: it is none of this round. */
static bool look(struct undo_walk *w, struct record *rec, size_t at)
{
	struct record_step *rs = &rec->steps[at];
	_cleanup_close_ int lock = -1;
	const char *goal;
	bool wait;

	if (!record_step_open(rs) || rs->step.kind->derives || (w->filter && !w->filter(w->ctx, &rs->step)))
		return true;
	wait = needs_wait(w, rec, at);
	if (w->n > 0 && (w->n == AT_ONCE || wait != w->awaiting || !rs->step.kind->launch || has_to_wait(rec, at)))
		return false;
	if (has_to_wait(rec, at)) {
		w->result.failed++;
		return true;
	}
	/* no program is run below, since what is looked at is a container */
	if (!wait && rs->step.kind->launch && step_container(&rs->step)) {
		unsigned int other;

		lock = state_lock(w->en->root, NULL);
		other = undo_other(rec, step_container(&rs->step));
		if (other) {
			w->other = other;
			return true;
		}
	}
	goal = w->goal ? w->goal(w->ctx, &rs->step) : NULL;
	if (!goal)
		goal = rs->step.before;
	if (!wait && (is_settled(w, rec, at, goal) || !announce(w, rec, at)))
		return true;
	w->awaiting = wait;
	take_along(w, at, &rs->step, goal);
	return true;
}

bool undo_next(struct undo_walk *w, struct record *rec)
{
	size_t at;

	land(w, rec);
	if (!w->begun)
		w->at = w->awaited = SIZE_MAX;
	w->begun = true;
	w->awaiting = false;
	if (w->at > rec->n_steps)
		w->at = rec->n_steps;
	for (at = w->at; at > 0 && look(w, rec, at - 1);) {
		at--;
		/* alone, unless others can be under way beside it */
		if (w->n > 0 && !w->flights[w->n - 1].step.kind->launch)
			break;
	}
	/* what was only waited for is looked at once more */
	if (w->awaiting)
		w->awaited = at;
	else
		w->at = at;
	return w->n > 0;
}

static void finish(struct undo_walk *w, struct undo_flight *f)
{
	struct step back = way_back(f);

	if (back.kind->launch && f->k == 0)
		f->k = step_finish(w->en, &back, f->job, &f->err);
	if (f->k < 0) {
		keep(w, &f->step, f->err.text);
		return;
	}
	engine_tell(w->en, f->k > 0 ? STEP_PARTLY : STEP_UNDONE, &f->step, f->k > 0 ? f->err.text : NULL);
	w->result.undone++;
}

void undo_make(struct undo_walk *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct undo_flight *f = &w->flights[i];
		struct step back = way_back(f);

		if (w->awaiting)
			f->step.kind->await(w->en, &f->step);
		else if (back.kind->launch)
			f->k = back.kind->launch(w->en, &back, &f->job, &f->err);
		else
			f->k = step_make(w->en, &back, &f->err);
	}
	for (size_t i = 0; i < w->n && !w->awaiting; i++)
		finish(w, &w->flights[i]);
}

void record_undo_to(const struct engine *en, struct record *rec, undo_filter_fn *filter, undo_goal_fn *goal, void *ctx,
		    struct undo_result *ret)
{
	_cleanup_undo_walk_ struct undo_walk w = { .en = en, .filter = filter, .goal = goal, .ctx = ctx };

	while (undo_next(&w, rec))
		undo_make(&w);
	undo_derived(&w, rec);
	*ret = w.result;
}

void record_undo(const struct engine *en, struct record *rec, undo_filter_fn *filter, void *ctx, struct undo_result *ret)
{
	record_undo_to(en, rec, filter, NULL, ctx, ret);
}
