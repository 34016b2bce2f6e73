/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/interrupt.h"
#include "base/unit.h"
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

/* The steps that plan_apply() has made, with what each target really had when it was made. */
struct made {
	const struct record *rec;
	size_t first;
	char **found; /* by step of the record, from first */
	unsigned int pending; /* a step whose write has not returned: what reads back now is not what will be; 0: none */
};

static void made_done(struct made *m)
{
	for (size_t i = m->first; m->found && i < m->rec->n_steps; i++)
		free(m->found[i - m->first]);
	free(m->found);
}

static ssize_t made_index(const struct made *m, const struct step *s)
{
	/* steps of an adopted lease stand before those of this plan */
	for (size_t i = m->first; i < m->rec->n_steps; i++)
		if (&m->rec->steps[i].step == s)
			return (ssize_t)(i - m->first);
	return -1;
}

static bool made_has(void *ctx, const struct step *s)
{
	const struct made *m = ctx;
	ssize_t i = made_index(m, s);

	return i >= 0 && m->first + (size_t)i + 1 != m->pending && !s->kind->patient;
}

/* A plan that fails leaves the machine as it was found, which is not always what a lease would give back. */
static const char *made_found(void *ctx, const struct step *s)
{
	const struct made *m = ctx;
	ssize_t i = made_index(m, s);

	return i >= 0 ? m->found[i] : NULL;
}

/* Can the machine be as if a step that failed with k had never been begun? Then it is not kept for an undo. */
static void forget_unmade(const struct engine *en, const struct step *s, struct record *rec, unsigned int seq, int k)
{
	_cleanup_free_ char *now = NULL;

	/* a program that failed has done part of its work; one that is not there, or had nothing to show for it, has done nothing */
	if (s->kind->await || (s->kind->derives && k != -ENOENT && k != -ENODATA))
		return;
	if (s->kind->tidy)
		s->kind->tidy(en, s);
	if (s->kind->effect || (s->kind->get(en, s, &now, NULL) == 0 && step_same(s, now, s->before)))
		record_mark(rec, seq, RECORD_UNDONE, NULL);
}

static int begin_step(const struct engine *en, const struct step *s, struct made *m, struct record *rec, unsigned int *ret_seq,
		      struct err *e)
{
	_cleanup_free_ char *now = NULL;
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
	k = record_begin(rec, s, ret_seq, e);
	if (k == 0)
		m->found[*ret_seq - 1 - m->first] = TAKE_PTR(now);
	return k;
}

/* k is what came of making it. */
static int end_step(const struct engine *en, const struct step *s, struct made *m, struct record *rec, unsigned int seq, int k,
		    struct err *e)
{
	if (k > 0)
		k = -EIO; /* as far as possible is good enough for the way back, not for what was decided */
	if (k == -ETIMEDOUT && !s->kind->derives)
		m->pending = seq;
	else if (k < 0)
		forget_unmade(en, s, rec, seq, k);
	if (k < 0)
		return k;
	engine_tell(en, STEP_MADE, s, e->text[0] ? e->text : NULL);
	return record_mark(rec, seq, RECORD_DONE, e);
}

static int apply_step(const struct engine *en, const struct step *s, struct made *m, struct record *rec, struct err *e)
{
	unsigned int seq;
	int k = begin_step(en, s, m, rec, &seq, e);

	return k < 0 ? k : end_step(en, s, m, rec, seq, step_make(en, s, e), e);
}

/* An optional step may fail, but not take the card with it: dead, or hanging in the kernel. */
static bool forgivable(const struct engine *en, const struct step *s, int k)
{
	return s->optional && k != -ENXIO && k != -EINTR && k != -ETIMEDOUT && !step_is_stuck(en, s);
}

/* Tells of a failure. 0 if the plan goes on without the step. */
static int failure(const struct engine *en, const struct step *s, int k, const struct err *why, struct err *e)
{
	if (k < 0 && forgivable(en, s, k)) {
		engine_tell(en, STEP_SKIPPED, s, why->text);
		return 0;
	}
	if (k < 0) {
		err_set(e, k, "%s", why->text);
		engine_tell(en, step_is_stuck(en, s) ? STEP_STUCK : STEP_FAILED, s, why->text);
	}
	return k;
}

/* How many steps from the first on are under way at once: no two of one target, which would have to follow each other. */
static size_t side_by_side(const struct plan *p, size_t first)
{
	size_t n = 0;

	for (; first + n < p->n && p->steps[first + n].kind->launch; n++)
		for (size_t i = first; i < first + n; i++)
			if (str_eq(p->steps[i].target, p->steps[first + n].target))
				return n;
	return n;
}

struct flight {
	unsigned int seq;
	bool launched;
	void *job;
	struct err err;
};

/* Each is begun, then each is waited for, whatever became of the others: what is under way cannot be called off. */
static int apply_together(const struct engine *en, const struct step *steps, size_t n, struct made *m, struct record *rec, struct err *e)
{
	_cleanup_free_ struct flight *f = calloc(n, sizeof(*f));
	int k = f ? 0 : -ENOMEM;

	for (size_t i = 0; k == 0 && i < n; i++) {
		k = begin_step(en, &steps[i], m, rec, &f[i].seq, &f[i].err);
		if (k == 0) {
			k = steps[i].kind->launch(en, &steps[i], &f[i].job, &f[i].err);
			f[i].launched = k == 0;
			if (k < 0)
				k = end_step(en, &steps[i], m, rec, f[i].seq, k, &f[i].err);
		}
		k = failure(en, &steps[i], k, &f[i].err, e);
	}
	for (size_t i = 0; f && i < n; i++) {
		int r;

		if (!f[i].launched)
			continue;
		r = step_finish(en, &steps[i], f[i].job, &f[i].err);
		r = failure(en, &steps[i], end_step(en, &steps[i], m, rec, f[i].seq, r, &f[i].err), &f[i].err, e);
		if (k == 0)
			k = r;
	}
	return k;
}

int plan_apply(const struct engine *en, const struct plan *p, struct record *rec, struct undo_result *ret_undo,
	       struct err *e)
{
	_cleanup_(made_done) struct made made = {
		.rec = rec, .first = rec->n_steps, .found = calloc(p->n + 1, sizeof(char *)),
	};
	struct undo_result undo = { 0 };
	int k = made.found ? 0 : -ENOMEM;

	for (size_t i = 0, n; k == 0 && i < p->n; i += n) {
		const struct step *s = &p->steps[i];
		struct err why = { "" };

		n = side_by_side(p, i);
		if (n > 0) {
			k = apply_together(en, s, n, &made, rec, e);
		} else {
			n = 1;
			k = failure(en, s, apply_step(en, s, &made, rec, &why), &why, e);
		}
	}
	/* on its way down the machine forgets bindings by itself, and nothing is to be started any more */
	if (k < 0 && (k != -EINTR || !system_stopping(en->root)))
		record_undo_to(en, rec, made_has, made_found, &made, &undo);
	undo.stuck += made.pending != 0; /* for whoever reconciles */
	if (ret_undo)
		*ret_undo = undo;
	return k;
}
