/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/interrupt.h"
#include "plan/plan.h"

struct step *plan_add(struct plan *p, const struct step_kind *kind, const char *target, const char *before,
		      const char *after, const char *why)
{
	struct step *steps = reallocarray(p->steps, p->n + 1, sizeof(*steps));

	if (!steps)
		return NULL;
	p->steps = steps;
	if (step_init(&steps[p->n], kind, target, before, after, why) < 0)
		return NULL;
	return &steps[p->n++];
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		step_done(&p->steps[i]);
	free(p->steps);
	*p = (struct plan){ 0 };
}

void plan_format(const struct plan *p, struct text *t)
{
	for (size_t i = 0; i < p->n; i++) {
		step_format(&p->steps[i], t);
		text_add(t, "\n");
	}
}

/* What the plan itself makes of a target before step i: the after of the last earlier step on it. */
static const char *simulated(const struct plan *p, size_t i, bool *ret_found)
{
	const struct step *s = &p->steps[i];

	for (; i > 0; i--) {
		const struct step *earlier = &p->steps[i - 1];

		if (earlier->kind == s->kind && str_eq(earlier->target, s->target)) {
			*ret_found = true;
			return earlier->after;
		}
	}
	*ret_found = false;
	return NULL;
}

int plan_check(const struct engine *en, const struct plan *p, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct step *s = &p->steps[i];
		_cleanup_free_ char *real = NULL;
		bool found;
		const char *now = simulated(p, i, &found);

		if (s->kind->effect)
			continue;
		if (!found) {
			int k = s->kind->get(en, s, &real, e);

			if (k < 0)
				return k;
			now = real;
		}
		if (!step_can_start(s, now))
			return err_set(e, -ESTALE, "%s %s is '%s' now, not '%s': look again", s->kind->name, s->target,
				       now ? now : "(absent)", s->before ? s->before : "(absent)");
	}
	return 0;
}

/* Only what reads back counts. */
static int verify(const struct engine *en, const struct step *s, struct err *e)
{
	_cleanup_free_ char *now = NULL;
	int k;

	if (s->kind->effect)
		return 0;
	k = s->kind->get(en, s, &now, e);
	if (k < 0)
		return k;
	if (step_same(s, now, s->after))
		return 0;
	return err_set(e, -EIO, "%s %s reads '%s' after '%s' was set", s->kind->name, s->target, now ? now : "(absent)",
		       s->after ? s->after : "(absent)");
}

/* Sets and reads back. 0, 1 (partly; said in err), -errno. */
static int make(const struct engine *en, const struct step *s, struct err *e)
{
	int k = s->kind->set(en, s, e);

	return k != 0 ? k : verify(en, s, e);
}

static int apply_step(const struct engine *en, const struct step *s, struct record *rec, struct err *e)
{
	_cleanup_free_ char *now = NULL;
	unsigned int seq;
	int k;

	if (interrupt_pending())
		return err_set(e, -EINTR, "interrupted (%s)", strsignal(interrupt_pending()));
	/* look once more: between deciding and now somebody may have been here */
	k = s->kind->get(en, s, &now, e);
	if (k < 0)
		return k;
	if (!s->kind->effect && !step_can_start(s, now))
		return err_set(e, -ESTALE, "%s %s has changed to '%s' meanwhile", s->kind->name, s->target,
			       now ? now : "(absent)");
	k = record_begin(rec, s, &seq, e);
	if (k < 0)
		return k;
	k = make(en, s, e);
	if (k > 0)
		k = -EIO; /* as far as possible is good enough for the way back, not for what was decided */
	if (k < 0) {
		/* the undo that follows finds it begun; an effect that failed leaves nothing behind */
		if (s->kind->effect)
			record_mark(rec, seq, RECORD_UNDONE, NULL);
		return k;
	}
	engine_tell(en, STEP_MADE, s, NULL);
	return record_mark(rec, seq, RECORD_DONE, e);
}

struct only_from {
	const struct record *rec;
	size_t first;
};

static bool added_by_plan(void *ctx, const struct step *s)
{
	const struct only_from *o = ctx;

	/* steps of an adopted lease stand before those of this plan */
	for (size_t i = o->first; i < o->rec->n_steps; i++)
		if (&o->rec->steps[i].step == s)
			return true;
	return false;
}

/* An optional step may fail, but not take the card with it: dead, or hanging in the kernel. */
static bool forgivable(const struct step *s, int k)
{
	return s->optional && k != -ENXIO && k != -ETIMEDOUT && k != -EBUSY && k != -EINTR;
}

int plan_apply(const struct engine *en, const struct plan *p, struct record *rec, struct undo_result *ret_undo,
	       struct err *e)
{
	struct only_from mine = { .rec = rec, .first = rec->n_steps };
	struct undo_result undo = { 0 };
	struct err local;
	int k = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct step *s = &p->steps[i];

		k = apply_step(en, s, rec, &local);
		if (k < 0 && forgivable(s, k)) {
			engine_tell(en, STEP_SKIPPED, s, local.text);
			k = 0;
		}
		if (k < 0) {
			err_set(e, k, "%s", local.text);
			engine_tell(en, k == -ETIMEDOUT ? STEP_STUCK : STEP_FAILED, s, local.text);
			record_undo(en, rec, added_by_plan, &mine, &undo);
			break;
		}
	}
	if (ret_undo)
		*ret_undo = undo;
	return k;
}

/* Puts one step back; counts in u and tells. */
static void undo_step(const struct engine *en, struct record *rec, struct record_step *rs, struct undo_result *u)
{
	struct step back = step_swapped(&rs->step);
	_cleanup_free_ char *now = NULL;
	struct err e = { "" };
	bool ours;
	int k;

	if (back.kind->effect) {
		record_mark(rec, rs->seq, RECORD_UNDONE, NULL);
		return;
	}
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
	ours = k == 0 && (step_same(&back, now, back.before) ||
			  step_transit(&rs->step, now, record_step_in_flight(rs)));
	if (k == 0 && !ours) {
		engine_tell(en, STEP_FOREIGN, &rs->step, now ? now : "(absent)");
		record_mark(rec, rs->seq, RECORD_LEFT, NULL);
		u->foreign++;
		return;
	}
	if (k == 0) {
		/* a full disk must not keep a card away: the record still has the step as made, which is what a crash needs */
		record_mark(rec, rs->seq, RECORD_UNDOING, NULL);
		k = make(en, &back, &e);
	}
	if (k >= 0) {
		engine_tell(en, k > 0 ? STEP_PARTLY : STEP_UNDONE, &rs->step, k > 0 ? e.text : NULL);
		record_mark(rec, rs->seq, RECORD_UNDONE, NULL);
		u->undone++;
	} else if (k == -ETIMEDOUT || k == -EBUSY) {
		engine_tell(en, STEP_STUCK, &rs->step, e.text);
		u->stuck++;
	} else {
		engine_tell(en, STEP_LEFT, &rs->step, e.text);
		u->failed++;
	}
}

void record_undo(const struct engine *en, struct record *rec, undo_filter_fn *filter, void *ctx,
		 struct undo_result *ret)
{
	struct undo_result u = { 0 };

	for (size_t i = rec->n_steps; i > 0; i--) {
		struct record_step *rs = &rec->steps[i - 1];

		if (record_step_open(rs) && (!filter || filter(ctx, &rs->step)))
			undo_step(en, rec, rs, &u);
	}
	*ret = u;
}
