/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/unit.h"
#include "flow/alarm.h"
#include "flow/late.h"
#include "flow/release.h"
#include "flow/sweep.h"
#include "flow/watch.h"
#include "plan/lease.h"
#include "plan/stuck.h"
#include "pve/cfs.h"
#include "pve/guest.h"

bool release_postponed(const struct root *r, unsigned int vmid, const char **ret_why)
{
	_cleanup_config_ struct config cfg = { 0 };
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct guest_flags flags = { 0 };
	char path[PATH_MAX];
	const char *taken_under;

	/* whoever announced the start has ended with its boot; the lock that a backup had set stays in the file */
	if (lease_path(r, vmid, path) == 0 && record_load(r, path, &rec, NULL) == 0 && lease_is_old(r, &rec))
		return false;
	if (root_exists(r, path_f(path, "/run/qemu-server/%u.reboot", vmid))) {
		*ret_why = "it is being rebooted";
		return true;
	}
	if (config_load(r, GUEST_VM, vmid, &cfg, NULL) < 0 || !rec.path[0])
		return false;
	guest_flags(r, &cfg, &flags);
	taken_under = record_get(&rec, LEASE_LOCK);
	*ret_why = "its backup starts it again";
	return strcmp(flags.lock, "backup") == 0 && !str_eq(taken_under, "backup");
}

bool node_stopping(const struct root *r, const char **ret_why)
{
	*ret_why = "the node shuts down, and its bindings end with it";
	return system_stopping(r);
}

static void forget_stuck(const struct root *r)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 };

	if (pci_dir_functions(r, "/sys/bus/pci/devices", &all) < 0)
		return;
	for (size_t i = 0; i < all.n; i++)
		stuck_forget(r, all.v[i]);
}

/* One lease of many: what hinders it is told and does not stop the others. */
static int reconcile_one(const struct release *rel, struct undo_result *sum)
{
	struct undo_result u = { 0 };
	const char *why;
	struct err e = { "" };
	pid_t pid;
	int k;

	k = guest_running(rel->root, GUEST_VM, rel->vmid, &pid);
	if (k != 0) {
		if (k > 0 && rel->report->verbose)
			report_say(rel->report, "VM %u runs (process %d): nothing to reconcile", rel->vmid, (int)pid);
		if (k > 0)
			return 0;
		err_errno(&e, k, "VM %u keeps its GPUs: cannot tell whether it runs", rel->vmid);
		alarm_root(rel, e.text);
		return k;
	}
	if (node_stopping(rel->root, &why) || release_postponed(rel->root, rel->vmid, &why)) {
		report_say(rel->report, "VM %u keeps its GPUs: %s", rel->vmid, why);
		return 0;
	}
	k = release_run(rel, &u, &e);
	undo_add(sum, &u);
	/* its post-stop, say, has come first since the leases were listed */
	if (k == -ENOENT)
		return 0;
	if (k == -EBUSY)
		report_say(rel->report, "%s", e.text);
	else if (k < 0)
		alarm_root(rel, e.text);
	return k == -EBUSY ? 0 : k;
}

/*
 * Lines that a power cut has left taken out of containers' configurations have to be back before Proxmox VE starts guests. That cannot be
 * without quorum, for which it waits then as well (startall in PVE/API2/Nodes.pm): who is ordered before it holds up nothing.
 */
static void wait_for_quorum(const struct release *rel, const unsigned int *vms, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!late_due(rel->root, vms[i]))
			continue;
		cfs_wait(rel->root, rel->quorum_wait_ms);
		return;
	}
}

int reconcile_run(const struct release *rel, struct undo_result *ret, struct err *e)
{
	_cleanup_free_ unsigned int *vms = NULL;
	struct undo_result sum = { 0 };
	int worst = 0, k;
	bool live;
	size_t n;

	k = lease_all(rel->root, &vms, &n);
	if (k < 0) {
		err_errno(e, k, "cannot list the leases");
		if (rel->unmailed)
			text_addf(rel->unmailed, "%s\n", e->text);
		return k;
	}
	live = root_is_live(rel->root) && !rel->dry_run;
	if (live)
		forget_stuck(rel->root);
	if (live && rel->quorum_wait_ms)
		wait_for_quorum(rel, vms, n);
	for (size_t i = 0; i < n; i++) {
		struct release one = *rel;

		if (rel->vmid && vms[i] != rel->vmid)
			continue;
		one.vmid = vms[i];
		k = reconcile_one(&one, &sum);
		if (k < 0 && worst != -EUCLEAN)
			worst = k;
		/* whatever kept it from coming back now: somebody tries again */
		if (live && rel->unattended && !rel->vmid && late_due(rel->root, one.vmid))
			watch_over_rest(&one);
	}
	if (live)
		sweep_run(rel->root);
	if (ret)
		*ret = sum;
	return worst < 0 ? err_set(e, worst, "not every lease could be settled, see above") : 0;
}
