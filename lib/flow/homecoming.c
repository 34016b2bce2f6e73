/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/homecoming.h"
#include "flow/late.h"
#include "flow/sharing.h"
#include "flow/stray.h"
#include "flow/watch.h"
#include "host/gpu.h"
#include "plan/claim.h"
#include "plan/turn.h"
#include "pve/guest.h"
#include "pve/lock.h"

struct work {
	const struct homecoming *h;
	struct bdf gpu;
	char name[BDF_LEN];
	struct stray stray;
	struct err *e;
};

/* Why a card stays where it is, in one line of the container's task. */
static _printf_(2, 3) int stays(const struct work *w, const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	report_say(w->h->report, "CT %u starts without %s: %s", w->h->ct->vmid, w->name, why);
	return 0;
}

/* Nobody's, or so it seems. */
static int bring_stray_home(struct work *w)
{
	int k = stray_bring_home(&w->stray, w->e);

	if (k < 0)
		return k;
	if (w->stray.why[0])
		return stays(w, "%s", w->stray.why);
	if (!w->h->dry_run)
		report_say(w->h->report, "%s: nobody had it; it is home for CT %u", w->name, w->h->ct->vmid);
	return 0;
}

/*
 * A VM's: given back if that VM is not there any more, and nobody is at work on it. What made room for it is left to the watcher:
 * this very container may be among it, and its lock is held while we run.
 */
static int from_vm(struct work *w, unsigned int vmid)
{
	struct release rel = {
		.root = w->h->root, .settings = w->h->settings, .vmid = vmid, .dry_run = w->h->dry_run, .has_lock = true,
		.since = now_ms(), .report = w->h->report,
	};
	_cleanup_close_ int lock = -1;
	struct err why = { "" };
	const char *next;
	int k = guest_running(w->h->root, GUEST_VM, vmid, NULL);

	if (k != 0)
		return stays(w, "VM %u has it", vmid);
	if (release_postponed(w->h->root, vmid, &next))
		return stays(w, "VM %u keeps it: %s", vmid, next);
	if (turn_taken(w->h->root, vmid) || (!w->h->dry_run && pve_lock_try(w->h->root, GUEST_VM, vmid, &lock) < 0))
		return stays(w, "VM %u has it, and is being worked on now", vmid);
	k = release_run(&rel, NULL, &why);
	if (lock >= 0)
		close(TAKE_FD(lock));
	if (k < 0 && k != -ENOENT)
		return stays(w, "VM %u had it and does not run; %s", vmid, why.text);
	if (!w->h->dry_run && late_due(w->h->root, vmid))
		watch_ensure(w->h->root, vmid, NULL);
	return 0;
}

static int come_home(struct work *w)
{
	char path[PATH_MAX], driver[PCI_NAME_LEN] = "";
	struct claim c;
	int k = 0;

	/* what an earlier start, or a reset, has left half-way comes first */
	if (!w->h->dry_run && claim_find(w->h->root, w->gpu, &c) <= 0)
		k = stray_settle(&w->stray, w->e);
	if (k < 0)
		return k;
	root_readlink_base(w->h->root, pci_path(path, w->gpu, "driver"), driver, sizeof(driver));
	if (driver[0] && !str_eq(driver, "vfio-pci")) {
		if (w->stray.why[0])
			report_say(w->h->report, "%s is home, but not all of its functions: %s", w->name, w->stray.why);
		return 0;
	}
	if (w->stray.why[0])
		return stays(w, "%s", w->stray.why);
	if (claim_find(w->h->root, w->gpu, &c) <= 0)
		return bring_stray_home(w);
	if (c.kind == CLAIM_RESET)
		return stays(w, "process %d is at work on it", (int)c.owner.pid);
	return from_vm(w, c.vmid);
}

/* Does the container name the card of that display? 1, 0, -errno. */
static int names(const struct homecoming *h, const struct container_list *ct, struct bdf gpu, struct err *e)
{
	_cleanup_pci_list_ struct pci_list slot = { 0 };
	_cleanup_sharers_ struct sharers found = { 0 };
	int k = pci_slot_functions(h->root, gpu, &slot, e);

	if (k == 0)
		k = sharing_find(h->root, ct, &slot, NULL, &found, e);
	return k < 0 ? k : found.n > 0;
}

static int visit(const struct homecoming *h, const struct container_list *ct, struct bdf gpu, struct err *e)
{
	struct work w = { .h = h, .gpu = gpu, .e = e };
	int k = names(h, ct, gpu, e);

	if (k <= 0)
		return k;
	bdf_format(gpu, w.name);
	w.stray = (struct stray){ .root = h->root, .settings = h->settings, .report = h->report, .gpu = gpu, .dry_run = h->dry_run };
	return come_home(&w);
}

int homecoming_run(const struct homecoming *h, struct err *e)
{
	_cleanup_ctdev_list_ struct ctdev_list devices = { 0 };
	_cleanup_pci_list_ struct pci_list all = { 0 };
	struct container self;
	const char *why;
	int k = ctdev_all(h->ct, &devices), worst = 0;

	if (k < 0 || devices.n == 0)
		return k;
	if (!h->dry_run && node_stopping(h->root, &why))
		return 0;
	k = pci_scan(h->root, &all, e);
	self = (struct container){ .cfg = *h->ct, .devices = devices };
	for (size_t i = 0; k == 0 && i < all.n; i++) {
		const struct container_list ct = { .v = &self, .n = 1 };
		struct err one = { "" };

		if (!gpu_is_display(&all.v[i]) || visit(h, &ct, all.v[i].bdf, &one) >= 0)
			continue;
		report_complain(h->report, "%s", one.text);
		worst = -EUCLEAN;
	}
	return k < 0 ? k : worst;
}
