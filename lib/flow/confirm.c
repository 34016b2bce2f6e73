/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Post-start: does QEMU have what the lease says, and nothing else of the kind? */
#include <errno.h>

#include "flow/handover.h"
#include "flow/holding.h"
#include "host/gpu.h"
#include "plan/turn.h"
#include "pve/cmdline.h"
#include "pve/guest.h"

#define TURN_WAIT_MS 1000

static bool on_cmdline(const struct cmdline_devices *l, struct bdf b)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].mdev && bdf_eq(l->v[i].bdf, b))
			return true;
	return false;
}

static bool in_lease(const struct bdf *all, size_t n, struct bdf b)
{
	for (size_t i = 0; i < n; i++)
		if (bdf_eq(all[i], b))
			return true;
	return false;
}

static void compare(const struct root *r, unsigned int vmid, const struct bdf *all, size_t n,
		    const struct cmdline_devices *l, const struct report *report)
{
	char name[BDF_LEN];
	struct pci_fn fn;

	for (size_t i = 0; i < n; i++)
		if (!on_cmdline(l, all[i]) && pci_fn_load(r, all[i], &fn, NULL) == 0 && gpu_is_display(&fn))
			report_complain(report, "%s was prepared for VM %u, but its QEMU runs without it", bdf_format(all[i], name), vmid);
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].mdev && !in_lease(all, n, l->v[i].bdf) && pci_fn_load(r, l->v[i].bdf, &fn, NULL) == 0 &&
		    gpu_is_display(&fn) && !fn.is_vf)
			report_complain(report, "VM %u runs with %s, which gpupt did not prepare and will not give back", vmid,
					bdf_format(l->v[i].bdf, name));
}

static int note_qemu(const struct root *r, unsigned int vmid, struct proc_id id, struct err *e)
{
	_cleanup_record_ struct record lease = { .fd = -1 };
	char qemu[48];
	int k = turn_take(r, vmid, TURN_WAIT_MS, e);

	if (k < 0)
		return k;
	snprintf(qemu, sizeof(qemu), "%d %llu", (int)id.pid, (unsigned long long)id.start);
	k = holding_open(r, vmid, &lease, e);
	if (k == 0)
		k = record_note(&lease, LEASE_QEMU, qemu, e);
	turn_leave(r, vmid);
	return k;
}

int handover_confirm(const struct root *r, unsigned int vmid, bool dry_run, const struct report *report, struct err *e)
{
	_cleanup_cmdline_devices_ struct cmdline_devices devices = { 0 };
	_cleanup_record_ struct record lease = { .fd = -1 };
	_cleanup_free_ struct bdf *all = NULL;
	struct proc_id id = { 0 };
	char path[PATH_MAX];
	size_t n;
	int k = lease_path(r, vmid, path);

	if (k < 0)
		return k == -ENOENT ? 0 : err_errno(e, k, "cannot look for the lease of VM %u", vmid);
	k = guest_running(r, GUEST_VM, vmid, &id.pid);
	if (k <= 0)
		return err_set(e, k < 0 ? k : -ESRCH, "VM %u has GPUs, but does not run", vmid);
	k = guest_cmdline_hostpci(r, id.pid, &devices, e);
	if (k == 0)
		k = record_load(r, path, &lease, e);
	if (k == 0 && (k = lease_functions(&lease, &all, &n)) < 0)
		err_errno(e, k, "cannot read the lease of VM %u", vmid);
	if (k < 0)
		return k;
	compare(r, vmid, all, n, &devices, report);
	if (dry_run || !root_is_live(r))
		return 0;
	k = proc_start(r, id.pid, &id.start);
	return k < 0 ? err_errno(e, k, "cannot examine process %d", (int)id.pid) : note_qemu(r, vmid, id, e);
}
