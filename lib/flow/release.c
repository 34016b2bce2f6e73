/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/damaged.h"
#include "flow/giveback.h"
#include "flow/holding.h"
#include "flow/late.h"
#include "flow/release.h"
#include "flow/watch.h"
#include "plan/turn.h"
#include "pve/lock.h"

#define RESERVE_S    30   /* longer than any post-stop: Proxmox VE's own waiters give up after 10 s */
#define TURN_WAIT_MS 8000 /* with stop-timeout below the 10 s that Proxmox VE waits for a VM's lock, as long as nobody is in our way */

/* The steps of a lease, without turning anything: for --dry-run, which must not even cut a torn line off. */
static int release_show(const struct release *rel, const char *path, struct err *e)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	int k = record_load(rel->root, path, &rec, e);
	bool old = k == 0 && lease_is_old(rel->root, &rec);

	if (k < 0)
		return k;
	for (size_t i = rec.n_steps; i > 0; i--)
		if (record_step_open(&rec.steps[i - 1]) && (!old || rec.steps[i - 1].step.kind->survives_reboot))
			report_shown(rel->report, rel->vmid, &rec.steps[i - 1].step);
	return 0;
}

static int release_in_turn(const struct release *rel, struct undo_result *ret, struct err *e)
{
	struct giveback g = {
		.root = rel->root, .settings = rel->settings, .report = rel->report, .vmid = rel->vmid,
		.since = rel->since, .wait = rel->has_lock, .reset = true,
	};
	_cleanup_record_ struct record rec = { .fd = -1 };
	char kept[PATH_MAX];
	int k = holding_open(rel->root, rel->vmid, &rec, e);
	/* there is no knowing what else was changed, so it is for a person who asks for it, and who is told */
	bool damaged = k == -EBADMSG && rel->mend;

	if (damaged) {
		report_complain(rel->report, "%s", e->text);
		k = damaged_mend(rel, e);
		if (k == 0)
			k = holding_open(rel->root, rel->vmid, &rec, e);
	}
	/* whose turn it was before us has done it */
	if (k == -ENOENT)
		return 0;
	if (k == 0 && rel->has_lock)
		holding_reserve(&rec, rel->vmid, RESERVE_S);
	if (k == 0)
		k = giveback_run(&g, &rec, NULL, ret, e);
	if (k == 0)
		k = holding_close(&rec, rel->vmid, e);
	if (k == 0 && holding_early(&rec))
		k = err_set(e, -EUCLEAN,
			    "not everything of VM %u could be put back: 'gpupt-helper status' shows what is left, 'gpupt-helper reconcile' tries again",
			    rel->vmid);
	if (k == 0 && damaged)
		k = err_set(e, -EUCLEAN,
			    "the GPUs of VM %u are back, by what is known of their homes; what else was changed for it (services, containers, consoles) is not known: see %s for what is left of its lease",
			    rel->vmid, damaged_kept(kept, rel->vmid));
	return k;
}

/* What made room for the VM, when its cards are home. That it has to wait for another VM is told, and no failure. */
static int release_late(const struct release *rel, int k, struct undo_result *sum, struct err *e)
{
	struct undo_result u = { 0 };
	struct err late = { "" };
	int l = late_run(rel, &u, &late);

	undo_add(sum, &u);
	if (l == -EAGAIN)
		report_say(rel->report, "%s", late.text);
	if (l == 0 || l == -EAGAIN || k < 0)
		return k;
	return err_set(e, l, "%s", late.text);
}

void release_keep(const struct root *r, unsigned int vmid)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	char path[PATH_MAX];

	if (root_is_live(r) && lease_path(r, vmid, path) == 0 && record_load(r, path, &rec, NULL) == 0)
		holding_reserve(&rec, vmid, RELEASE_POSTPONED_S);
}

/* Somebody waits, so that this was the last try of ours: who watches goes on, and he may be gone by now. */
static void leave_to_watcher(const struct release *rel)
{
	char path[PATH_MAX];

	if (lease_path(rel->root, rel->vmid, path) == 0 && watch_over_rest(rel) == 0)
		report_say(rel->report, "gpupt-settle@%u.service goes on in the background with what is left of VM %u", rel->vmid, rel->vmid);
}

static int release_live(const struct release *rel, struct undo_result *sum, struct err *e)
{
	_cleanup_close_ int lock = -1;
	int k;

	if (!rel->has_lock) {
		k = pve_lock_try(rel->root, GUEST_VM, rel->vmid, &lock);
		if (k == -EBUSY)
			return err_set(e, k, "Proxmox VE is working on VM %u: try again when its task has ended", rel->vmid);
		if (k < 0)
			return err_errno(e, k, "cannot take Proxmox VE's lock of VM %u", rel->vmid);
	}
	/* nobody waits for long for a VM that is not its own business */
	k = turn_take(rel->root, rel->vmid, rel->has_lock ? TURN_WAIT_MS : 1000, e);
	if (k < 0)
		return k;
	k = release_in_turn(rel, sum, e);
	turn_leave(rel->root, rel->vmid);
	if (lock >= 0)
		close(TAKE_FD(lock)); /* before a service is waited for */
	return rel->has_lock ? k : release_late(rel, k, sum, e);
}

int release_run(const struct release *rel, struct undo_result *ret, struct err *e)
{
	struct report report = *rel->report;
	struct release own = *rel;
	struct undo_result undo = { 0 };
	char path[PATH_MAX];
	int k = lease_path(rel->root, rel->vmid, path);

	if (k == -ENOENT)
		return err_set(e, k, "VM %u has no GPU of gpupt's", rel->vmid);
	if (k < 0)
		return err_errno(e, k, "cannot look for the lease of VM %u", rel->vmid);
	if (rel->dry_run || !root_is_live(rel->root))
		return release_show(rel, path, e);
	/* what is done for this VM is logged under its name, whoever asked */
	report.vmid = rel->vmid;
	own.report = &report;
	k = release_live(&own, &undo, e);
	/* on its way down the node starts no watcher, and needs none */
	if (k < 0 && k != -ESHUTDOWN && rel->since)
		leave_to_watcher(&own);
	if (ret)
		*ret = undo;
	return k;
}
