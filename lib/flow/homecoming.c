/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/homecoming.h"
#include "flow/late.h"
#include "flow/observe.h"
#include "flow/sharing.h"
#include "flow/waiting.h"
#include "flow/watch.h"
#include "plan/errand.h"
#include "plan/plan.h"
#include "plan/step_node.h"
#include "plan/turn.h"
#include "policy/home.h"
#include "pve/guest.h"
#include "pve/lock.h"

struct work {
	const struct homecoming *h;
	struct bdf gpu;
	char name[BDF_LEN];
	struct engine en;
	struct selection sel;
	struct facts facts;
	struct err *e;
};

static void work_done(struct work *w)
{
	selection_done(&w->sel);
	facts_done(&w->facts);
}

/* Why a card stays where it is, in one line of the container's task. */
static _printf_(2, 3) int stays(const struct work *w, const char *fmt, ...)
{
	char why[320];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	report_say(w->h->report, "CT %u starts without %s: %s", w->h->ct->vmid, w->name, why);
	return 0;
}

/* What keeps a card that no VM of gpupt's has from going home; NULL: nothing. */
static const char *hindrance(const struct work *w, char buf[static 240])
{
	const struct gpu_settings *g = settings_gpu(w->h->settings, w->gpu);
	char who[192];

	if (settings_stays(g))
		return g->mode == MODE_RESERVED ? "gpupt.conf reserves it for VMs" : "nobody has it, but gpupt.conf has after-stop = keep for it";
	for (size_t i = 0; i < w->facts.holders.n; i++) {
		snprintf(buf, 240, "it is held by %s", holder_format(&w->facts.holders.v[i], who, sizeof(who)));
		return buf;
	}
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];

		if (fn->reserved_by) {
			snprintf(buf, 240, "Proxmox VE reserves it for VM %u", fn->reserved_by);
			return buf;
		}
		if (fn->stuck || !fn->driver_known || fn->fn.config == PCI_CONFIG_DEAD || fn->fn.config == PCI_CONFIG_HANGS)
			return "it does not answer: 'gpupt-helper check' says more";
	}
	return NULL;
}

/* The display first: the kernel powers its companions through it (docs/architecture.md). */
static int plan_home(const struct work *w, bool displays, struct plan *ret)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		_cleanup_text_ struct text target = { 0 }, before = { 0 }, after = { 0 };
		char identity[PCI_ID_LEN];
		struct driver_value home;

		if (fn->absent || gpu_is_display(&fn->fn) != displays || !home_value(fn, w->h->settings, &home))
			continue;
		driver_target(fn->fn.bdf, pci_id_format(fn->fn.id, identity), &target);
		driver_format(&fn->driver, &before);
		driver_format(&home, &after);
		if (!str_eq(text_str(&before), text_str(&after)) &&
		    !plan_add(ret, &step_driver, text_str(&target), text_str(&before), text_str(&after), "a container names it"))
			return -ENOMEM;
	}
	return 0;
}

static int apply(struct work *w, const struct plan *p)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 };
	_cleanup_record_ struct record rec = { .fd = -1 };
	char path[PATH_MAX];
	int k = record_create(w->h->root, errand_path(path, w->gpu), &rec, w->e);

	if (k == 0 && selection_all(&w->sel, &all) == 0)
		node_drop_kept(w->h->root, &all);
	if (k == 0)
		k = plan_apply(&w->en, p, &rec, NULL, w->e);
	waiting_others_came(&w->en, w->h->report, NULL, &all);
	if (k == 0 || (rec.path[0] && !record_any_open(&rec)))
		record_remove(&rec, NULL);
	if (k == 0)
		report_say(w->h->report, "%s: nobody had it; it is home for CT %u", w->name, w->h->ct->vmid);
	return k;
}

static int bring_home(struct work *w)
{
	_cleanup_plan_ struct plan p = { 0 };
	char buf[240];
	const char *why;
	int k = facts_load(&w->en, &w->sel, 0, true, &w->facts, w->e);

	if (k < 0)
		return k;
	why = hindrance(w, buf);
	if (why)
		return stays(w, "%s", why);
	k = plan_home(w, true, &p);
	if (k == 0)
		k = plan_home(w, false, &p);
	if (k < 0)
		return k;
	if (p.n == 0)
		return stays(w, "which driver it belongs to is not known: name it under [gpu %s] in " SETTINGS_PATH, w->name);
	if (!w->h->dry_run)
		return apply(w, &p);
	for (size_t i = 0; i < p.n; i++)
		report_shown(w->h->report, 0, &p.steps[i]);
	return 0;
}

/* Nobody's: claimed while it is on its way, as for a reset, so that no VM takes it in between. */
static int bring_stray_home(struct work *w)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 };
	struct claim conflict = { 0 };
	int k = selection_all(&w->sel, &all);

	if (k < 0 || w->h->dry_run)
		return k < 0 ? k : bring_home(w);
	k = errand_claim(w->h->root, &all, &conflict, w->e);
	if (k == -EBUSY)
		return conflict.vmid ? stays(w, "VM %u takes it now", conflict.vmid) :
				       stays(w, "process %d is at work on it", (int)conflict.owner.pid);
	if (k < 0)
		return k;
	k = bring_home(w);
	errand_unclaim(w->h->root, &all);
	return k;
}

/*
 * A VM's: given back if that VM is not there any more, and nobody is at work on it. What made room for it is left to the watcher:
 * this very container may be among it, and its lock is held while we run.
 */
static int from_vm(struct work *w, unsigned int vmid)
{
	struct release rel = {
		.root = w->h->root, .settings = w->h->settings, .vmid = vmid, .dry_run = w->h->dry_run, .called_by_pve = true,
		.report = w->h->report,
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

	root_readlink_base(w->h->root, pci_path(path, w->gpu, "driver"), driver, sizeof(driver));
	if (driver[0] && !str_eq(driver, "vfio-pci"))
		return 0;
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
	_cleanup_(work_done) struct work w = { .h = h, .gpu = gpu, .e = e };
	int k = names(h, ct, gpu, e);

	if (k <= 0)
		return k;
	bdf_format(gpu, w.name);
	k = select_slot(h->root, gpu, &w.sel, e);
	if (k < 0)
		return k;
	engine_init(&w.en, h->root, h->settings, &w.sel);
	w.en.watch = report_step;
	w.en.watch_ctx = (void *)(uintptr_t)h->report;
	w.en.may_unbind = may_unbind;
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
