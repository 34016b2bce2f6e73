/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/log.h"
#include "flow/holding.h"
#include "flow/observe.h"
#include "flow/release.h"
#include "plan/claim.h"
#include "policy/handover.h"
#include "pve/guest.h"
#include "pve/lock.h"

#define TURN_WAIT_MS 8000 /* with stop-timeout below the 10 s that Proxmox VE waits for a VM's lock, as long as nobody is in our way */

/* One release under way. */
struct work {
	const struct release *rel;
	struct engine en;
	struct record rec;
	struct selection sel; /* the lease's functions */
	struct facts facts;
	struct bdf_list back; /* to be given back */
	struct undo_result undo;
	struct err *e;
};

static void work_done(struct work *w)
{
	record_close(&w->rec);
	selection_done(&w->sel);
	facts_done(&w->facts);
	bdf_list_done(&w->back);
}

static int work_open(struct work *w)
{
	_cleanup_free_ struct bdf *all = NULL;
	size_t n;
	int k = holding_open(w->rel->root, w->rel->vmid, &w->rec, w->e);

	if (k == 0)
		k = lease_functions(&w->rec, &all, &n);
	if (k == 0)
		k = select_given(all, n, &w->sel);
	engine_init(&w->en, w->rel->root, w->rel->settings, &w->sel);
	w->en.watch = report_step;
	w->en.watch_ctx = (void *)(uintptr_t)w->rel->report;
	return k;
}

/* Who still has the card open, or NULL. */
static const struct holder *still_held(const struct facts *f)
{
	for (size_t i = 0; i < f->holders.n; i++)
		if (!f->holders.v[i].shared_only)
			return &f->holders.v[i];
	return NULL;
}

static unsigned int stop_timeout_ms(const struct work *w)
{
	unsigned int s = w->sel.n ? 0 : w->rel->settings->defaults.stop_timeout;

	for (size_t i = 0; i < w->sel.n; i++) {
		const struct gpu_settings *g = settings_gpu(w->rel->settings, w->sel.v[i].bdf);

		if (g->stop_timeout > s)
			s = g->stop_timeout;
	}
	return s * 1000;
}

/* At post-stop QEMU may be on its way out still; an unbind would wait for it in the kernel, unkillable. */
static int wait_until_free(struct work *w)
{
	uint64_t deadline = now_ms() + (w->rel->called_by_pve ? stop_timeout_ms(w) : 0);
	const struct holder *h;
	char who[192];
	pid_t pid;

	for (;;) {
		bool runs = guest_running(w->rel->root, GUEST_VM, w->rel->vmid, &pid) > 0;
		int k;

		facts_done(&w->facts);
		k = facts_load(&w->en, &w->sel, w->rel->vmid, true, &w->facts, w->e);
		if (k < 0)
			return k;
		h = still_held(&w->facts);
		if (!runs && !h)
			return 0;
		if (now_ms() >= deadline) {
			if (runs)
				return err_set(w->e, -EBUSY, "VM %u still runs (process %d): its GPUs stay with it", w->rel->vmid, (int)pid);
			return err_set(w->e, -EBUSY, "%s still has a GPU of VM %u open: end it, then 'gpupt-helper release %u'",
				       holder_format(h, who, sizeof(who)), w->rel->vmid, w->rel->vmid);
		}
		sleep_ms(100);
	}
}

/* A dead card is not handed to a driver that would wait for it; it stays where it is until the host is rebooted. */
static bool dead(const struct fn_facts *fn)
{
	return !fn->absent && fn->fn.config == PCI_CONFIG_DEAD;
}

static int sort_out(struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		char name[BDF_LEN];
		int k = 0;

		if (dead(fn) && holding_has(&w->rec, fn->fn.bdf)) {
			report_complain(w->rel->report, "%s does not answer (config space reads ff): it stays on vfio-pci; reboot the host",
					bdf_format(fn->fn.bdf, name));
			w->undo.failed++;
		} else {
			k = bdf_list_add(&w->back, fn->fn.bdf);
		}
		if (k < 0)
			return k;
	}
	return 0;
}

static int reset_cards(struct work *w)
{
	_cleanup_plan_ struct plan p = { 0 };
	int k;

	for (size_t i = 0; i < w->facts.n; i++)
		if (dead(&w->facts.v[i]) || w->facts.v[i].stuck)
			return 0;
	k = release_reset_plan(&w->facts, w->rel->settings, &p);
	if (k == 0)
		k = plan_apply(&w->en, &p, &w->rec, NULL, w->e);
	/* the card is as alive as it is: what follows looks again */
	if (k < 0)
		report_complain(w->rel->report, "%s", w->e->text);
	facts_done(&w->facts);
	return facts_load(&w->en, &w->sel, w->rel->vmid, true, &w->facts, w->e);
}

/* Takes our override off a function that stays on vfio-pci. */
static int drop_override(struct work *w, const struct fn_facts *fn)
{
	_cleanup_text_ struct text target = { 0 }, before = { 0 }, after = { 0 };
	_cleanup_plan_ struct plan p = { 0 };
	struct driver_value v = fn->driver;
	char identity[PCI_ID_LEN];

	if (strcmp(v.driver, "vfio-pci") || strcmp(v.override, "vfio-pci"))
		return 0;
	driver_target(fn->fn.bdf, pci_id_format(fn->fn.id, identity), &target);
	driver_format(&v, &before);
	v.override[0] = '\0';
	driver_format(&v, &after);
	if (!plan_add(&p, &step_driver, text_str(&target), text_str(&before), text_str(&after), "after-stop = keep"))
		return -ENOMEM;
	return plan_apply(&w->en, &p, &w->rec, NULL, w->e);
}

/*
 * after-stop = keep: the function stays on vfio-pci, as somebody's who may take it, so without our override. Only then are its
 * steps no longer ours to undo: a crash in between leaves them for the next try.
 */
static int keep_function(struct work *w, const struct fn_facts *fn)
{
	int k = drop_override(w, fn);

	for (size_t i = 0; k == 0 && i < w->rec.n_steps; i++) {
		struct bdf b;

		if (record_step_open(&w->rec.steps[i]) && target_bdf(w->rec.steps[i].step.target, &b) && bdf_eq(b, fn->fn.bdf))
			k = record_mark(&w->rec, w->rec.steps[i].seq, RECORD_LEFT, w->e);
	}
	return k;
}

static bool kept(const struct work *w, const struct fn_facts *fn)
{
	return !fn->absent && !fn->stuck && settings_gpu(w->rel->settings, fn->fn.bdf)->after_stop == AFTER_STOP_KEEP;
}

static int keep_cards(struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		int k = 0;

		if (kept(w, fn) && holding_has(&w->rec, fn->fn.bdf))
			k = keep_function(w, fn);
		if (k < 0)
			return k;
	}
	return 0;
}

static void tell(const struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		struct log_entry entry = { .priority = LOG_INFO, .id = LOG_ID_RETURNED, .vmid = w->rel->vmid };
		char name[BDF_LEN], driver[PCI_NAME_LEN] = "", path[PATH_MAX];

		if (fn->absent || !gpu_is_display(&fn->fn))
			continue;
		root_readlink_base(w->rel->root, pci_path(path, fn->fn.bdf, "driver"), driver, sizeof(driver));
		entry.bdf = bdf_format(fn->fn.bdf, name);
		log_write(&entry, "%s is back from VM %u, on %s", name, w->rel->vmid, driver[0] ? driver : "no driver");
		report_say(w->rel->report, "%s: back from VM %u, on %s%s", name, w->rel->vmid, driver[0] ? driver : "no driver",
			   kept(w, fn) ? " (after-stop = keep)" : "");
	}
}

static void show(const struct work *w)
{
	for (size_t i = w->rec.n_steps; i > 0; i--) {
		_cleanup_text_ struct text t = { 0 };
		struct step back = step_swapped(&w->rec.steps[i - 1].step);

		if (!record_step_open(&w->rec.steps[i - 1]) || back.kind->effect)
			continue;
		back.why = NULL;
		step_format(&back, &t);
		report_say(w->rel->report, "%s", text_str(&t));
	}
}

static int release_work(struct work *w)
{
	int k = wait_until_free(w);

	if (k == 0)
		k = reset_cards(w);
	if (k == 0)
		k = keep_cards(w);
	if (k == 0)
		k = sort_out(w);
	if (k == 0) {
		struct undo_result u;

		k = holding_give_back(&w->en, &w->rec, w->rel->vmid, &w->back, &u, w->e);
		w->undo.undone += u.undone;
		w->undo.foreign += u.foreign;
		w->undo.failed += u.failed;
		w->undo.stuck += u.stuck;
	}
	if (k == 0)
		k = holding_close(&w->rec, w->rel->vmid, w->e);
	if (k < 0)
		return k;
	tell(w);
	if (!undo_complete(&w->undo))
		return err_set(w->e, -EUCLEAN, "not everything of VM %u could be put back: 'gpupt-helper status' shows what is left, 'gpupt-helper reconcile' tries again",
			       w->rel->vmid);
	return 0;
}

/* The steps of a lease, without turning anything: for --dry-run, which must not even cut a torn line off. */
static int release_show(const struct release *rel, struct err *e)
{
	_cleanup_(work_done) struct work w = { .rel = rel, .rec.fd = -1, .e = e };
	char path[PATH_MAX];
	int k = lease_path(rel->root, rel->vmid, path);

	if (k == 0)
		k = record_load(rel->root, path, &w.rec, e);
	if (k == 0 && !lease_is_old(rel->root, &w.rec))
		show(&w);
	return k;
}

static int release_in_turn(const struct release *rel, struct undo_result *ret, struct err *e)
{
	_cleanup_(work_done) struct work w = { .rel = rel, .rec.fd = -1, .e = e };
	int k = work_open(&w);

	if (k == 0)
		k = release_work(&w);
	if (ret)
		*ret = w.undo;
	return k;
}

int release_run(const struct release *rel, struct undo_result *ret, struct err *e)
{
	_cleanup_close_ int lock = -1;
	char path[PATH_MAX];
	int k = lease_path(rel->root, rel->vmid, path);

	if (k < 0)
		return err_set(e, k, "VM %u has no GPU of gpupt's", rel->vmid);
	if (rel->dry_run || !root_is_live(rel->root))
		return release_show(rel, e);
	if (!rel->called_by_pve) {
		k = pve_lock_try(rel->root, GUEST_VM, rel->vmid, &lock);
		if (k < 0)
			return err_set(e, k, k == -EBUSY ? "Proxmox VE is working on VM %u: try again when its task has ended" :
							   "cannot take Proxmox VE's lock of VM %u", rel->vmid);
	}
	/* nobody waits for long for a VM that is not its own business */
	k = turn_take(rel->root, rel->vmid, rel->called_by_pve ? TURN_WAIT_MS : 1000, e);
	if (k < 0)
		return k;
	k = release_in_turn(rel, ret, e);
	turn_leave(rel->root, rel->vmid);
	return k == -ENOENT ? 0 : k; /* whose turn it was before us has done it */
}
