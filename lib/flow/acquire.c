/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/acquire.h"
#include "flow/release.h"
#include "flow/sweep.h"
#include "plan/claim.h"
#include "plan/state.h"
#include "pve/reservation.h"

/* From pre-start to Proxmox VE's own reservation volumes are activated and a cloud-init image may be made; it lapses by itself. */
#define RESERVE_S 120

/*
 * An alternative is passed over exactly if Proxmox VE will pass it over, too: if it is reserved for another VM
 * (choose_hostpci_devices() in PVE/QemuServer/PCI.pm). One that only a claim of ours stands against is chosen all the same, and
 * the start refused if the claim holds: otherwise Proxmox VE would take what we did not prepare.
 */
static bool is_free(void *ctx, const struct bdf *b, size_t n)
{
	const struct acquire *a = ctx;
	unsigned int other;

	for (size_t i = 0; i < n; i++)
		if (reservation_holder(a->root, b[i], a->vmid, &other, NULL) > 0)
			return false;
	return true;
}

/* One try, under the one lock: two VMs that start together must not choose the same. */
static int try_once(const struct acquire *a, const struct vm_devices *devices, struct selection *ret, struct err *e)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 }, named = { 0 };
	_cleanup_close_ int lock = -1;
	struct claim conflict;
	int k;

	if (a->live) {
		lock = state_lock(a->root, e);
		if (lock < 0)
			return lock;
	}
	selection_done(ret);
	k = select_functions(a->root, devices, is_free, (void *)(uintptr_t)a, ret, e);
	if (k < 0 || !a->live || ret->n == 0)
		return k;
	if (selection_all(ret, &all) < 0 || selection_named(ret, &named) < 0)
		return -ENOMEM;
	k = claim_take(a->root, all.v, all.n, a->vmid, &conflict, e);
	if (k < 0)
		return k;
	/* Proxmox VE tries a mapping's alternatives in order as well: what is reserved it does not choose for another VM */
	return named.n ? reservation_reserve(a->root, named.v, named.n, a->vmid, RESERVE_S, e) : 0;
}

/* The other VMs that own a part of the selection, each once. A reset is nobody's to settle: it ends with its process. */
static size_t find_others(const struct acquire *a, const struct selection *sel, unsigned int *vms)
{
	size_t n = 0;

	for (size_t i = 0; i < sel->n; i++) {
		struct claim claim;
		size_t known = 0;

		if (claim_find(a->root, sel->v[i].bdf, &claim) <= 0 || claim.kind != CLAIM_VM || claim.vmid == a->vmid)
			continue;
		while (known < n && vms[known] != claim.vmid)
			known++;
		vms[known] = claim.vmid;
		n += known == n;
	}
	return n;
}

/* A VM whose start failed, or that was killed, keeps its claims until somebody settles it: this is somebody. */
static void settle_others(const struct acquire *a, const struct selection *sel)
{
	_cleanup_free_ unsigned int *vms = calloc(sel->n + 1, sizeof(*vms));
	size_t n = vms ? find_others(a, sel, vms) : 0;

	for (size_t i = 0; i < n; i++) {
		struct release other = { .root = a->root, .settings = a->settings, .vmid = vms[i], .report = a->report };

		reconcile_run(&other, NULL, NULL);
	}
}

int acquire_run(const struct acquire *a, const struct vm_devices *devices, struct selection *ret, struct err *e)
{
	int k;

	/* a hook that was killed before it had a lease has reserved the card for two minutes */
	if (a->live)
		sweep_run(a->root);
	k = try_once(a, devices, ret, e);
	if (k != -EBUSY)
		return k;
	settle_others(a, ret);
	return try_once(a, devices, ret, e);
}

void acquire_prolong(const struct acquire *a, const struct selection *sel, unsigned int seconds)
{
	_cleanup_bdf_list_ struct bdf_list named = { 0 };

	if (selection_named(sel, &named) == 0 && named.n > 0)
		reservation_reserve(a->root, named.v, named.n, a->vmid, seconds + RESERVE_S, NULL);
}

void acquire_drop(const struct acquire *a, const struct selection *sel, acquire_keep_fn *keep, void *ctx)
{
	_cleanup_bdf_list_ struct bdf_list named = { 0 };

	for (size_t i = 0; i < sel->n; i++)
		if (!keep(ctx, sel->v[i].bdf))
			claim_drop(a->root, sel->v[i].bdf, a->vmid);
	if (selection_named(sel, &named) == 0 && named.n > 0)
		reservation_remove(a->root, named.v, named.n, a->vmid, NULL);
}
