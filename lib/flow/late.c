/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/interrupt.h"
#include "flow/holding.h"
#include "flow/late.h"
#include "flow/observe.h"
#include "flow/watch.h"
#include "plan/claim.h"
#include "plan/nvidia.h"
#include "plan/turn.h"
#include "plan/undo.h"
#include "pve/cfs.h"

#define TURN_WAIT_MS   1000
#define JOB_TIMEOUT_MS 120000 /* for one service; nobody waits for us */

static bool any_due(struct record *rec)
{
	for (size_t i = 0; i < rec->n_steps; i++)
		if (record_step_open(&rec->steps[i]) && holding_late_due(rec, &rec->steps[i].step))
			return true;
	return false;
}

bool late_due(const struct root *r, unsigned int vmid)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	char path[PATH_MAX];

	return lease_path(r, vmid, path) == 0 && record_load(r, path, &rec, NULL) == 0 && any_due(&rec);
}

/* What is to be put back, and whose way it would be in. */
struct work {
	const struct release *rel;
	const struct record *rec; /* while it is our turn */
	struct engine en;
	struct undo_walk walk;
	bool halted;	       /* no more of it now */
	unsigned int taken_by; /* another VM that has one of the cards by now */
	pid_t errand;	       /* a process that does something with one of them for a moment */
	bool unready;	       /* Proxmox VE's configuration cannot be changed now */
	struct err why;	       /* why not */
};

/* Proxmox VE starts no container without quorum, nor can its configuration be written: no try, which would be on record each time. */
static bool needs_quorum(const struct step *s)
{
	return s->kind == &step_config || s->kind == &step_guest || s->kind == &step_ha;
}

static bool may_come_back(void *ctx, const struct step *s)
{
	struct work *w = ctx;
	const char *why;
	struct claim c;
	struct bdf b;

	if (!holding_late_due((void *)(uintptr_t)w->rec, s))
		return false;
	/* between one container and the next the node may have begun to go down, or whoever called us may want us to end */
	w->halted = w->halted || interrupt_pending() || node_stopping(w->rel->root, &why);
	if (w->halted)
		return false;
	if (needs_quorum(s) && (w->unready || cfs_ready(w->rel->root, &w->why) < 0)) {
		w->unready = true;
		return false;
	}
	for (size_t i = 0; step_about_next(s, i, &b); i++) {
		if (claim_find(w->rel->root, b, &c) <= 0 || c.vmid == w->rel->vmid)
			continue;
		if (c.kind == CLAIM_RESET)
			w->errand = c.owner.pid;
		else
			w->taken_by = c.vmid;
		return false;
	}
	return true;
}

/* after-stop = keep: the card has gone to vfio-pci for good, where NVIDIA's driver keeps no mode. */
static const char *goal(void *ctx, const struct step *s)
{
	const struct work *w = ctx;
	struct bdf b;

	if (s->kind != &step_persistence || !target_bdf(s->target, &b) ||
	    !settings_stays(settings_gpu(w->rel->settings, b)))
		return NULL;
	return NVIDIA_DISABLED;
}

/* What is left when nothing more can be done. */
static int conclude(struct work *w, struct record *rec, struct err *e)
{
	unsigned int vmid = w->rel->vmid;

	if (w->halted)
		return err_set(e, -EAGAIN, "what made room for VM %u comes back later: interrupted, or the node shuts down", vmid);
	if (w->taken_by)
		return err_set(e, -EAGAIN, "what made room for VM %u comes back when VM %u has given the card back", vmid, w->taken_by);
	if (w->errand)
		return err_set(e, -EAGAIN, "what made room for VM %u comes back when process %d is done with the card", vmid, (int)w->errand);
	if (w->unready)
		return err_set(e, -EAGAIN, "what made room for VM %u comes back later: %s", vmid, w->why.text);
	if (w->walk.other && any_due(rec))
		return err_set(e, -EAGAIN, "what made room for VM %u comes back when the same container is back for VM %u", vmid,
			       w->walk.other);
	if (any_due(rec))
		return err_set(e, -EUCLEAN, "not everything that made room for VM %u could be put back: see 'gpupt-helper status -v'", vmid);
	return holding_close(rec, vmid, e);
}

/* What comes next, in our turn: 1 if it is to be made. */
static int find_next(struct work *w, struct err *e)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	int k = holding_open(w->rel->root, w->rel->vmid, &rec, e);

	if (k < 0)
		return k == -ENOENT ? 0 : k;
	w->rec = &rec;
	k = undo_next(&w->walk, &rec) ? 1 : conclude(w, &rec, e);
	w->rec = NULL;
	return k;
}

/*
 * To make it takes minutes, with containers, and a start of the VM wins: neither its turn nor the lock of its record is ours meanwhile.
 * Whoever has the turn then goes by what the record says, and so do we when it is ours again.
 */
static int next_round(struct work *w, struct err *e)
{
	const struct root *r = w->rel->root;
	unsigned int vmid = w->rel->vmid;
	struct proc_id other;
	int k = turn_take(r, vmid, TURN_WAIT_MS, e);

	if (k < 0)
		return k;
	if (turn_calling(r, vmid, &other))
		k = err_set(e, -EBUSY, "process %d is bringing back what made room for VM %u", (int)other.pid, vmid);
	else
		k = find_next(w, e);
	if (k <= 0)
		turn_leave(r, vmid);
	else
		turn_call(r, vmid, NULL); /* or it stays our turn: somebody must know that it is not over */
	return k;
}

int late_run(const struct release *rel, struct undo_result *ret, struct err *e)
{
	struct report report = *rel->report;
	struct release own = *rel;
	struct work w = { .rel = &own };
	const char *why;
	int k;

	if (!late_due(rel->root, rel->vmid))
		return 0;
	if (node_stopping(rel->root, &why))
		return err_set(e, -EAGAIN, "%s", why);
	report.vmid = rel->vmid;
	own.report = &report;
	engine_init(&w.en, rel->root, rel->settings, NULL);
	w.en.job_timeout_ms = JOB_TIMEOUT_MS;
	w.en.watch = report_step;
	w.en.watch_ctx = &report;
	w.walk = (struct undo_walk){ .en = &w.en, .filter = may_come_back, .goal = goal, .ctx = &w };
	while ((k = next_round(&w, e)) > 0) {
		undo_make(&w.walk);
		turn_called(rel->root, rel->vmid);
	}
	if (ret)
		*ret = w.walk.result;
	undo_walk_done(&w.walk);
	return k;
}

int late_delegate(const struct release *rel, struct err *e)
{
	int k;

	if (rel->dry_run || !late_due(rel->root, rel->vmid))
		return 0;
	k = watch_ensure(rel->root, rel->vmid, e);
	/* one that is only slow to come up does it when it is up */
	if (k < 0 && k != -ETIME)
		k = late_run(rel, NULL, e);
	if (k == -ETIME)
		return 0;
	return k == -EAGAIN ? 0 : k;
}
