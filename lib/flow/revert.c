/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/prepare_record.h"
#include "flow/revert_keep.h"
#include "plan/state.h"
#include "plan/undo.h"

/* Of one that was cut off: the steps from its first on. */
struct since {
	const struct record *rec;
	unsigned int first;
	bool roms_wait; /* these are left out */
};

static bool is_since(void *ctx, const struct step *s)
{
	const struct since *since = ctx;

	if (since->roms_wait && s->kind == &step_rom)
		return false;
	for (size_t i = 0; i < since->rec->n_steps; i++)
		if (&since->rec->steps[i].step == s)
			return since->rec->steps[i].seq >= since->first;
	return false;
}

/* A boot has come since, so what was prepared may be in force. */
static bool has_booted(const struct root *r, const struct record *rec)
{
	const char *then = record_get(rec, PREPARE_BOOT), *last = record_get(rec, PREPARE_LAST_BOOT);
	char now[BOOT_ID_LEN];

	/* of an image that has been booted nobody can tell, unless it was prepared once more there */
	if (!root_is_live(r) && then && str_eq(then, PREPARE_NO_BOOT) && str_eq(last, then) && proc_boot_id(r, now) == -ENOENT)
		return false;
	return !then || proc_boot_id(r, now) < 0 || strcmp(then, now) != 0;
}

/* What was put back before that was cut off, too, is in force until the next boot, and may be longer: the initramfs is made last. */
static bool undone_before_cut(const struct record_step *rs, unsigned int cut)
{
	return cut && rs->seq >= cut && rs->state == RECORD_UNDONE;
}

/* In the order in which record_undo() goes: what is derived comes last, and once. */
static void show(const struct report *report, struct record *rec, struct since *since)
{
	const struct record_step *derived = NULL;

	for (size_t i = rec->n_steps; i > 0; i--) {
		const struct record_step *rs = &rec->steps[i - 1];

		if (record_step_open(rs) && !rs->step.kind->derives && is_since(since, &rs->step))
			report_shown(report, 0, &rs->step);
	}
	while ((derived = undo_derived_next(rec, is_since, since, derived)))
		report_shown(report, 0, &derived->step);
}

/* What is left of one that was cut off before its first step, or behind its last. Nobody misses it, so it is no failure if it stays. */
static void sweep(const struct root *r)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct err e = { "" };

	if (!root_exists(r, PREPARE_DIR))
		state_rmdir(r, PREPARE_DIR, &e);
	else if (prepare_record_open(r, &rec, &e) == 0 && !record_any_open(&rec))
		prepare_record_end(&rec, &e);
}

int revert_run(struct revert *v, const struct engine *en, const struct report *report, struct err *e)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct since since = { .rec = &rec };
	struct undo_result u = { 0 };
	struct revert_keep keep;
	unsigned int cut;
	bool adopt;
	int k = prepare_record_load(v->root, &rec, &since.first, &adopt, e);

	if (k < 0)
		return k;
	if (!since.first && !v->dry_run && !record_any_open(&rec))
		sweep(v->root);
	if (!since.first && (v->unfinished || !record_any_open(&rec)))
		return err_set(e, -ENOENT, v->unfinished ? "No preparation has been cut off." : "This host is not prepared.");
	cut = since.first;
	if (!v->unfinished)
		since.first = 0;
	keep = (struct revert_keep){
		.root = v->root, .en = en, .report = report, .rec = &rec, .has_booted = has_booted(v->root, &rec), .kept = &v->kept,
	};
	if (v->dry_run) {
		keep.dry_run = true;
		k = revert_keep(&keep, is_since, &since, e);
		since.roms_wait = keep.roms_wait;
		if (k == 0)
			show(report, &rec, &since);
		return k;
	}
	record_close(&rec);
	k = prepare_record_open(v->root, &rec, e);
	if (k < 0)
		return k;
	for (size_t i = 0; i < rec.n_steps && has_booted(v->root, &rec); i++)
		if ((record_step_open(&rec.steps[i]) && is_since(&since, &rec.steps[i].step)) || undone_before_cut(&rec.steps[i], cut))
			prepare_reboot_reason(&rec.steps[i].step, &v->reboot);
	/* one that is cut off goes on at the next boot; on a disk that is full it goes without */
	if (!v->unfinished)
		prepare_record_mark(v->root, 1, false, &(struct err){ "" });
	k = revert_keep(&keep, is_since, &since, e);
	if (k < 0)
		return k;
	since.roms_wait = keep.roms_wait;
	record_undo(en, &rec, is_since, &since, &u);
	v->left = u.foreign > 0;
	if (!undo_complete(&u) || since.roms_wait)
		return err_set(e, -EUCLEAN, "not everything could be put back; what could not stays on record: run it again when the cause is gone");
	/* a host that was not booted since has never been anything but what it is again */
	if (!v->unfinished && !v->left && record_get(&rec, PREPARE_MARKED) && !has_booted(v->root, &rec))
		prepare_reboot_unmark(v->root);
	prepare_reboot_mark(v->root, &v->reboot);
	return prepare_record_end(&rec, e);
}
