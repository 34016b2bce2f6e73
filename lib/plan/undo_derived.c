/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of an undo: what was derived of what is put back is derived again. */
#include <errno.h>

#include "plan/undo.h"

struct derived {
	const struct undo_walk *walk;
	struct record *rec;
};

static bool is_wanted(const struct derived *d, const struct record_step *rs, bool derived)
{
	const struct undo_walk *w = d->walk;

	return record_step_open(rs) && rs->step.kind->derives == derived && (!w->filter || w->filter(w->ctx, &rs->step));
}

static bool any_wanted(const struct derived *d, bool derived)
{
	for (size_t i = 0; i < d->rec->n_steps; i++)
		if (is_wanted(d, &d->rec->steps[i], derived))
			return true;
	return false;
}

static bool is_twin(const struct step *a, const struct step *b)
{
	return a->kind == b->kind && str_eq(a->target, b->target);
}

/* Several preparations may have derived the same thing, which is done again once: for the first of them. */
static bool is_twin_of_earlier(const struct derived *d, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (is_wanted(d, &d->rec->steps[j], true) && is_twin(&d->rec->steps[j].step, &d->rec->steps[i].step))
			return true;
	return false;
}

static void mark_twins(const struct derived *d, const struct step *s, enum record_state state)
{
	for (size_t i = 0; i < d->rec->n_steps; i++)
		if (is_wanted(d, &d->rec->steps[i], true) && is_twin(&d->rec->steps[i].step, s))
			record_mark(d->rec, d->rec->steps[i].seq, state, NULL);
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
	bool wait = any_wanted(&d, false);

	for (size_t i = 0; i < rec->n_steps; i++) {
		const struct step *s = &rec->steps[i].step;
		struct err e;

		if (!is_wanted(&d, &rec->steps[i], true) || is_twin_of_earlier(&d, i))
			continue;
		if (!wait) {
			derive_again(&d, s, &w->result);
			continue;
		}
		err_set(&e, 0, "'%s' is run again when all that it reads is put back", s->after);
		engine_tell(w->en, STEP_LEFT, s, e.text);
		w->result.failed++;
	}
}
