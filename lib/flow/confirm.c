/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Post-start: does QEMU have what the lease says, and nothing else of the kind? */
#include <errno.h>

#include "flow/handover.h"
#include "host/gpu.h"
#include "plan/lease.h"
#include "pve/cmdline.h"
#include "pve/guest.h"

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

int handover_confirm(const struct root *r, unsigned int vmid, const struct report *report, struct err *e)
{
	_cleanup_cmdline_devices_ struct cmdline_devices devices = { 0 };
	_cleanup_record_ struct record lease = { .fd = -1 };
	_cleanup_free_ struct bdf *all = NULL;
	char path[PATH_MAX], qemu[48];
	struct proc_id id = { 0 };
	size_t n;
	int k;

	if (lease_path(r, vmid, path) < 0)
		return 0;
	if (guest_running(r, GUEST_VM, vmid, &id.pid) <= 0)
		return err_set(e, -ESRCH, "VM %u has GPUs, but does not run", vmid);
	k = guest_cmdline_hostpci(r, id.pid, &devices, e);
	if (k == 0)
		k = proc_start(r, id.pid, &id.start);
	if (k == 0)
		k = record_open(r, path, &lease, e);
	if (k < 0)
		return k;
	snprintf(qemu, sizeof(qemu), "%d %llu", (int)id.pid, (unsigned long long)id.start);
	k = record_note(&lease, LEASE_QEMU, qemu, e);
	if (k == 0)
		k = lease_functions(&lease, &all, &n);
	if (k == 0)
		compare(r, vmid, all, n, &devices, report);
	return k;
}
