/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/unit.h"
#include "flow/alarm.h"
#include "flow/release.h"
#include "flow/sweep.h"
#include "plan/lease.h"
#include "plan/stuck.h"
#include "pve/guest.h"

bool release_postponed(const struct root *r, unsigned int vmid, const char **ret_why)
{
	_cleanup_config_ struct config cfg = { 0 };
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct guest_flags flags = { 0 };
	char path[PATH_MAX];
	const char *taken_under;

	if (root_exists(r, path_f(path, "/run/qemu-server/%u.reboot", vmid))) {
		*ret_why = "it is being rebooted";
		return true;
	}
	if (config_load(r, GUEST_VM, vmid, &cfg, NULL) < 0 || lease_path(r, vmid, path) < 0 || record_load(r, path, &rec, NULL) < 0)
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
		return k < 0 ? k : 0;
	}
	if (node_stopping(rel->root, &why) || release_postponed(rel->root, rel->vmid, &why)) {
		report_say(rel->report, "VM %u keeps its GPUs: %s", rel->vmid, why);
		return 0;
	}
	k = release_run(rel, &u, &e);
	sum->undone += u.undone;
	sum->foreign += u.foreign;
	sum->failed += u.failed;
	sum->stuck += u.stuck;
	if (k == -EBUSY)
		report_say(rel->report, "%s", e.text);
	else if (k < 0)
		alarm_root(rel, e.text);
	return k == -EBUSY ? 0 : k;
}

int reconcile_run(const struct release *rel, struct undo_result *ret, struct err *e)
{
	_cleanup_free_ unsigned int *vms = NULL;
	struct undo_result sum = { 0 };
	int worst = 0, k;
	size_t n;

	k = lease_all(rel->root, &vms, &n);
	if (k < 0)
		return err_errno(e, k, "cannot list the leases");
	if (root_is_live(rel->root) && !rel->dry_run)
		forget_stuck(rel->root);
	for (size_t i = 0; i < n; i++) {
		struct release one = *rel;

		if (rel->vmid && vms[i] != rel->vmid)
			continue;
		one.vmid = vms[i];
		k = reconcile_one(&one, &sum);
		if (k < 0 && worst != -EUCLEAN)
			worst = k;
	}
	if (root_is_live(rel->root) && !rel->dry_run)
		sweep_run(rel->root);
	if (ret)
		*ret = sum;
	return worst < 0 ? err_set(e, worst, "not every lease could be settled, see above") : 0;
}
