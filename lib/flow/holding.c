/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/holding.h"
#include "plan/claim.h"
#include "plan/stuck.h"
#include "pve/reservation.h"

/* Bindings, attributes and running units don't survive a reboot: there is nothing left to put back. */
static int lapse(struct record *rec, struct err *e)
{
	for (size_t i = 0; i < rec->n_steps; i++) {
		struct record_step *rs = &rec->steps[i];
		int k;

		if (!record_step_open(rs) || rs->step.kind->survives_reboot)
			continue;
		k = record_mark(rec, rs->seq, RECORD_LEFT, e);
		if (k < 0)
			return k;
	}
	return 0;
}

int holding_open(const struct root *r, unsigned int vmid, struct record *ret, struct err *e)
{
	char path[PATH_MAX];
	int k = lease_path(r, vmid, path);

	if (k < 0)
		return err_errno(e, k, "cannot look for the lease of VM %u", vmid);
	k = record_open(r, path, ret, e);
	if (k < 0)
		return k;
	lease_drop_copy(ret, vmid);
	if (!lease_is_old(r, ret))
		return 0;
	k = lapse(ret, e);
	if (k < 0)
		record_close(ret);
	return k;
}

static bool open_for(const struct record *rec, struct bdf b, const struct step_kind *kind)
{
	for (size_t i = 0; i < rec->n_steps; i++) {
		const struct record_step *rs = &rec->steps[i];
		struct bdf of;

		if (record_step_open(rs) && (kind ? rs->step.kind == kind : !rs->step.kind->late) && target_bdf(rs->step.target, &of) &&
		    bdf_eq(of, b))
			return true;
	}
	return false;
}

bool holding_has(const struct record *rec, struct bdf b)
{
	return open_for(rec, b, &step_driver);
}

bool holding_any(const struct record *rec, struct bdf b)
{
	return open_for(rec, b, NULL);
}

bool holding_functions(const struct record *rec)
{
	for (size_t i = 0; i < rec->n_steps; i++) {
		struct bdf b;

		if (record_step_open(&rec->steps[i]) && !rec->steps[i].step.kind->late && target_bdf(rec->steps[i].step.target, &b))
			return true;
	}
	return false;
}

unsigned int holding_lost_to(const struct record *rec, unsigned int vmid, struct bdf b)
{
	struct claim c;

	return claim_find(rec->root, b, &c) > 0 && c.kind == CLAIM_VM && c.vmid != vmid ? c.vmid : 0;
}

bool holding_same_device(const struct record *rec, const struct root *r, struct bdf b)
{
	for (size_t i = rec->n_steps; i > 0; i--) {
		const struct step *s = &rec->steps[i - 1].step;
		struct bdf of;

		if (s->kind == &step_driver && target_bdf(s->target, &of) && bdf_eq(of, b))
			return target_check_identity(r, s->target, NULL) == 0;
	}
	return false;
}

bool holding_late_due(void *ctx, const struct step *s)
{
	_cleanup_free_ struct bdf *all = NULL;
	size_t n, about = 0;
	struct bdf b;

	if (!s->kind->late)
		return false;
	/* after a reboot it waits for no card: what it restores is the configuration that guests start with */
	if (s->kind->survives_reboot && lease_is_old(((const struct record *)ctx)->root, ctx))
		return true;
	if (lease_functions(ctx, &all, &n) < 0)
		return false;
	for (; step_about_next(s, about, &b); about++)
		for (size_t i = 0; i < n; i++)
			if (bdf_eq(all[i], b))
				return false;
	return about > 0 || n == 0;
}

bool holding_early(const struct record *rec)
{
	for (size_t i = 0; i < rec->n_steps; i++)
		if (record_step_open(&rec->steps[i]) && !rec->steps[i].step.kind->late)
			return true;
	return false;
}

/* Does the step's target have the value that the step gave it? */
static bool stands(const struct engine *en, const struct record_step *rs)
{
	_cleanup_free_ char *now = NULL;

	return rs->state == RECORD_DONE && rs->step.kind->get(en, &rs->step, &now, NULL) == 0 &&
	       step_same(&rs->step, now, rs->step.after);
}

int holding_broken(const struct engine *en, const struct record *rec, struct bdf_list *ret)
{
	for (size_t i = 0; i < rec->n_steps; i++) {
		const struct record_step *rs = &rec->steps[i];
		struct bdf b;

		/* a container that was restarted meanwhile, or whose placeholder is gone, is no fault of the card's */
		if (record_step_open(rs) && !rs->step.kind->effect && !rs->step.kind->late && rs->step.kind != &step_node &&
		    target_bdf(rs->step.target, &b) && !stands(en, rs) && bdf_list_add(ret, b) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Best effort: Proxmox VE drops its own, and one by time lapses. */
static void unreserve(const struct record *rec, unsigned int vmid, struct bdf b)
{
	struct bdf one[1] = { b };

	reservation_remove(rec->root, one, 1, vmid, NULL);
}

/* A function that is home; if a child of ours hung on it, that is over, too. */
static void let_go(const struct record *rec, unsigned int vmid, struct bdf b)
{
	stuck_forget(rec->root, b);
	claim_drop(rec->root, b, vmid);
	unreserve(rec, vmid, b);
}

void holding_reserve(const struct record *rec, unsigned int vmid, unsigned int seconds)
{
	_cleanup_free_ struct bdf *all = NULL;
	size_t n;

	if (lease_functions(rec, &all, &n) == 0 && n > 0)
		reservation_reserve(rec->root, all, n, vmid, seconds, NULL);
}

int holding_forget(struct record *rec, unsigned int vmid, const struct bdf_list *which, struct err *e)
{
	_cleanup_bdf_list_ struct bdf_list stay = { 0 };
	_cleanup_free_ struct bdf *all = NULL;
	size_t n;
	int k = lease_functions(rec, &all, &n);

	for (size_t i = 0; k == 0 && i < n; i++) {
		if (bdf_list_has(which, all[i]) && !holding_any(rec, all[i])) {
			let_go(rec, vmid, all[i]);
		} else {
			k = bdf_list_add(&stay, all[i]);
		}
	}
	if (k < 0)
		return err_errno(e, k, "cannot read the lease of VM %u", vmid);
	return lease_set_functions(rec, stay.v, stay.n, e);
}

/* Leaves the steps of b, and those on its account, as the other VM has set them. Late ones wait for it in any case. */
static int leave_steps(struct record *rec, struct bdf b, struct err *e)
{
	for (size_t i = 0; i < rec->n_steps; i++) {
		struct record_step *rs = &rec->steps[i];
		struct bdf of;
		int k;

		if (!record_step_open(rs) || rs->step.kind->late || (!target_bdf(rs->step.target, &of) && !step_about(&rs->step, &of)) ||
		    !bdf_eq(of, b))
			continue;
		k = record_mark(rec, rs->seq, RECORD_LEFT, e);
		if (k < 0)
			return k;
	}
	return 0;
}

int holding_give_up(struct record *rec, unsigned int vmid, const struct bdf_list *lost, const struct report *report, struct err *e)
{
	for (size_t i = 0; i < lost->n; i++) {
		char name[BDF_LEN];
		int k = leave_steps(rec, lost->v[i], e);

		if (k < 0)
			return k;
		report_complain(report, "%s is VM %u's by now: what the lease of VM %u says about it does not count any more",
				bdf_format(lost->v[i], name), holding_lost_to(rec, vmid, lost->v[i]), vmid);
	}
	return lost->n > 0 ? holding_forget(rec, vmid, lost, e) : 0;
}

int holding_close(struct record *rec, unsigned int vmid, struct err *e)
{
	_cleanup_free_ struct bdf *all = NULL;
	size_t n;
	int k;

	if (record_any_open(rec))
		return 0;
	k = lease_functions(rec, &all, &n);
	if (k < 0)
		return err_errno(e, k, "cannot read the lease of VM %u", vmid);
	/* the record first: a claim without lease is over with its maker, a lease without claims would not be safe */
	k = record_remove(rec, e);
	for (size_t i = 0; k == 0 && i < n; i++)
		let_go(rec, vmid, all[i]);
	return k;
}
