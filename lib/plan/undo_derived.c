/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of an undo: what was derived of what is put back is derived again. */
#include <errno.h>

#include "plan/undo.h"

struct derived {
	const struct undo_walk *walk;
	struct record *rec;
};

static bool any_wanted(const struct derived *d)
{
	const struct undo_walk *w = d->walk;

	for (size_t i = 0; i < d->rec->n_steps; i++) {
		const struct record_step *rs = &d->rec->steps[i];

		if (record_step_open(rs) && !rs->step.kind->derives && (!w->filter || w->filter(w->ctx, &rs->step)))
			return true;
	}
	return false;
}

static bool is_twin(const struct step *a, const struct step *b)
{
	return a->kind == b->kind && str_eq(a->target, b->target);
}

static bool comes_before(const struct record_step *a, const struct record_step *b)
{
	unsigned int x = a->step.kind->rank ? a->step.kind->rank(&a->step) : 0, y = b->step.kind->rank ? b->step.kind->rank(&b->step) : 0;

	return x != y ? x < y : a->seq < b->seq;
}

/* Several preparations may have derived the same thing, which is done again once: for the first of them. */
const struct record_step *undo_derived_next(const struct record *rec, undo_filter_fn *filter, void *ctx, const struct record_step *last)
{
	const struct record_step *best = NULL;

	for (size_t i = 0; i < rec->n_steps; i++) {
		const struct record_step *rs = &rec->steps[i];
		bool again = !record_step_open(rs) || !rs->step.kind->derives || (filter && !filter(ctx, &rs->step)) ||
			     (last && (is_twin(&last->step, &rs->step) || !comes_before(last, rs)));

		for (size_t j = 0; j < i && !again; j++)
			again = record_step_open(&rec->steps[j]) && is_twin(&rec->steps[j].step, &rs->step) &&
				(!filter || filter(ctx, &rec->steps[j].step));
		if (!again && (!best || comes_before(rs, best)))
			best = rs;
	}
	return best;
}

static void mark_twins(const struct derived *d, const struct step *s, enum record_state state)
{
	const struct undo_walk *w = d->walk;

	for (size_t i = 0; i < d->rec->n_steps; i++) {
		const struct record_step *rs = &d->rec->steps[i];

		if (record_step_open(rs) && is_twin(&rs->step, s) && (!w->filter || w->filter(w->ctx, &rs->step)))
			record_mark(d->rec, rs->seq, state, NULL);
	}
}

static void derive_again(const struct derived *d, const struct step *s, struct undo_result *u)
{
	const struct engine *en = d->walk->en;
	struct step back = step_swapped(s);
	struct err e = { "" };
	int k;

	mark_twins(d, s, RECORD_UNDOING);
	k = s->kind->set(en, &back, &e);
	if (k < 0 && k != -ENODEV) {
		engine_tell(en, STEP_LEFT, s, e.text);
		u->failed++;
		return;
	}
	engine_tell(en, k < 0 ? STEP_GONE : STEP_UNDONE, s, e.text[0] ? e.text : NULL);
	mark_twins(d, s, k < 0 ? RECORD_LEFT : RECORD_UNDONE);
	u->undone += k == 0;
}

/* What would be derived of values that are half put back is not what was there before: it waits for the rest. */
void undo_derived(struct undo_walk *w, struct record *rec)
{
	const struct derived d = { .walk = w, .rec = rec };
	const struct record_step *rs = NULL;
	bool wait = any_wanted(&d);

	while ((rs = undo_derived_next(rec, w->filter, w->ctx, rs))) {
		struct err e;

		if (!wait) {
			derive_again(&d, &rs->step, &w->result);
			continue;
		}
		err_set(&e, 0, "'%s' is run again when all that it reads is put back", rs->step.after);
		engine_tell(w->en, STEP_LEFT, &rs->step, e.text);
		w->result.failed++;
	}
}
