/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/log.h"
#include "flow/giveback.h"
#include "flow/holding.h"
#include "flow/may_unbind.h"
#include "flow/newcomers.h"
#include "flow/observe.h"
#include "flow/release.h"
#include "flow/waiting.h"
#include "plan/step_node.h"
#include "policy/handover.h"
#include "pve/guest.h"

#define HURRY_MS 9000 /* of giveback.since; or a second longer than stop-timeout */

struct work {
	const struct giveback *g;
	struct engine en;
	struct record *rec;
	struct selection sel;
	struct facts facts;
	struct bdf_list all, back, home; /* asked for; of these, those that can go; of these, those that are not kept on vfio-pci */
	struct bdf_list lost;		 /* asked for, and another VM's by now */
	struct undo_result undo;
	uint64_t deadline; /* from which on nothing more is begun; 0: none */
	bool late;	   /* something was left for that */
	struct err *e;
};

static void work_done(struct work *w)
{
	selection_done(&w->sel);
	facts_done(&w->facts);
	bdf_list_done(&w->all);
	bdf_list_done(&w->back);
	bdf_list_done(&w->home);
	bdf_list_done(&w->lost);
}

static int choose(struct work *w, const struct bdf_list *which)
{
	_cleanup_free_ struct bdf *all = NULL;
	size_t n;
	int k = lease_functions(w->rec, &all, &n);

	for (size_t i = 0; k == 0 && i < n; i++)
		if (!which || bdf_list_has(which, all[i]))
			k = bdf_list_add(holding_lost_to(w->rec, w->g->vmid, all[i]) ? &w->lost : &w->all, all[i]);
	if (k == 0)
		k = select_given(w->all.v, w->all.n, &w->sel);
	return k < 0 ? err_errno(w->e, k, "cannot read the lease of VM %u", w->g->vmid) : 0;
}

static unsigned int stop_timeout_ms(const struct work *w)
{
	unsigned int s = w->sel.n ? 0 : w->g->settings->defaults.stop_timeout;

	for (size_t i = 0; i < w->sel.n; i++) {
		const struct gpu_settings *gpu = settings_gpu(w->g->settings, w->sel.v[i].bdf);

		if (gpu->stop_timeout > s)
			s = gpu->stop_timeout;
	}
	return s * 1000;
}

static uint64_t deadline_of(const struct work *w)
{
	unsigned int ms = stop_timeout_ms(w) + 1000;

	return w->g->since ? w->g->since + (ms > HURRY_MS ? ms : HURRY_MS) : 0;
}

/*
 * Is the function still out: its driver step open, the device itself there, and on no driver of the host's? One that is at home already,
 * by a way back that was cut short or by somebody's hand, is used by whoever likes; another device at its address is none of ours.
 */
static bool is_out(void *ctx, struct bdf b)
{
	const struct work *w = ctx;
	const struct fn_facts *fn = facts_find(&w->facts, b);

	if (!fn || fn->absent || !holding_same_device(w->rec, w->g->root, b))
		return false;
	return !fn->driver_known || !fn->driver.driver[0] || strcmp(fn->driver.driver, "vfio-pci") == 0;
}

/* Who still has a card open that is out, or NULL. A descriptor of no function in particular may be of any. */
static const struct holder *still_held(struct work *w)
{
	for (size_t i = 0; i < w->facts.holders.n; i++) {
		const struct holder *h = &w->facts.holders.v[i];
		bool counts = false;

		for (size_t f = 0; f < w->facts.n; f++)
			counts |= is_out(w, w->facts.v[f].fn.bdf) && (h->bdfs.n == 0 || bdf_list_has(&h->bdfs, w->facts.v[f].fn.bdf));
		if (counts && !h->shared_only)
			return h;
	}
	return NULL;
}

/* At post-stop QEMU may be on its way out still; an unbind would wait for it in the kernel, unkillable. */
static int wait_until_free(struct work *w)
{
	uint64_t end = now_ms() + (w->g->wait ? stop_timeout_ms(w) : 0), deadline = w->deadline && w->deadline < end ? w->deadline : end;
	char who[192];
	pid_t pid = 0;

	for (;;) {
		/* a look that failed is no leave to take a card away */
		int runs = guest_running(w->g->root, GUEST_VM, w->g->vmid, &pid);
		const struct holder *h = still_held(w);
		int k;

		if (runs == 0 && !h)
			return 0;
		if (runs < 0)
			return err_errno(w->e, runs, "cannot tell whether VM %u runs", w->g->vmid);
		if (now_ms() >= deadline) {
			if (runs)
				return err_set(w->e, -EBUSY, "VM %u still runs (process %d): its GPUs stay with it", w->g->vmid, (int)pid);
			return err_set(w->e, -EUCLEAN, "%s still has a GPU of VM %u open: end it, then 'gpupt-helper release %u'",
				       holder_format(h, who, sizeof(who)), w->g->vmid, w->g->vmid);
		}
		sleep_ms(100);
		k = facts_look_for_holders(w->g->root, &w->facts, w->e);
		if (k < 0)
			return k;
	}
}

static bool answers(const struct fn_facts *fn)
{
	return fn->absent || (fn->fn.config != PCI_CONFIG_DEAD && fn->fn.config != PCI_CONFIG_HANGS);
}

/*
 * May it be reset? Virtual functions that somebody uses lose what was set in them: a reset clears VF Enable, and the kernel no more than
 * sets it again (sriov_restore_state() in drivers/pci/iov.c).
 */
static bool may_reset(void *ctx, struct bdf b)
{
	const struct work *w = ctx;

	return is_out(ctx, b) && facts_find(&w->facts, b)->fn.active_vfs == 0;
}

static int reset_cards(struct work *w)
{
	_cleanup_plan_ struct plan p = { 0 };
	int k;

	for (size_t i = 0; i < w->facts.n; i++)
		if (!answers(&w->facts.v[i]) || w->facts.v[i].stuck)
			return 0;
	k = release_reset_plan(&w->facts, w->g->settings, may_reset, w, &p);
	if (k < 0 || p.n == 0)
		return k;
	/* a card that died of it is seen below; a failure of any other kind must not keep it away */
	if (plan_apply(&w->en, &p, w->rec, NULL, w->e) < 0)
		report_complain(w->g->report, "%s", w->e->text);
	facts_done(&w->facts);
	return facts_load(&w->en, &w->sel, w->g->vmid, true, &w->facts, w->e);
}

/* It stays on vfio-pci: after-stop = keep, say. */
static bool kept(const struct work *w, struct bdf b)
{
	return settings_stays(settings_gpu(w->g->settings, b));
}

/* What speaks against taking a function from vfio-pci now; NULL: nothing. */
static const char *hindrance(struct work *w, const struct fn_facts *fn)
{
	if (!answers(fn) && holding_has(w->rec, fn->fn.bdf))
		return "does not answer (config space reads ff): it stays on vfio-pci; reboot the host";
	/* somebody switched them on meanwhile; a rebind destroys every one, whoever has them (drivers/pci/iov.c, sriov_disable()) */
	if (fn->fn.active_vfs > 0 && is_out(w, fn->fn.bdf))
		return "has active virtual functions, which a rebind would destroy: it stays on vfio-pci; write 0 to its sriov_numvfs, then 'gpupt-helper reconcile'";
	return NULL;
}

/* A dead card is not handed to a driver that would wait for it. */
static int sort_out(struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		const char *why = hindrance(w, fn);
		char name[BDF_LEN];

		if (why) {
			report_complain(w->g->report, "%s %s", bdf_format(fn->fn.bdf, name), why);
			w->undo.failed++;
		} else if (bdf_list_add(&w->back, fn->fn.bdf) < 0 || (!kept(w, fn->fn.bdf) && bdf_list_add(&w->home, fn->fn.bdf) < 0)) {
			return err_errno(w->e, -ENOMEM, "cannot give the GPUs of VM %u back", w->g->vmid);
		}
	}
	return 0;
}

static bool wanted(void *ctx, const struct step *s)
{
	struct work *w = ctx;
	struct bdf b;

	if (s->kind->late || !target_bdf(s->target, &b) || !bdf_list_has(&w->back, b))
		return false;
	w->late = w->late || (w->deadline && now_ms() >= w->deadline);
	return !w->late;
}

static bool is_placeholder(void *ctx, const struct step *s)
{
	return s->kind == &step_node && wanted(ctx, s);
}

/* The console, say, when the function on whose account it was taken is back. What comes late is for flow/late.h. */
static bool of_no_function(void *ctx, const struct step *s)
{
	const struct work *w = ctx;
	struct bdf b;

	if (s->kind->late || target_bdf(s->target, &b))
		return false;
	return step_about(s, &b) ? !holding_any(w->rec, b) : !holding_functions(w->rec);
}

/*
 * after-stop = keep: on vfio-pci, as somebody's who may take it, so without our override. Placeholders stay, or no container that names the
 * card could be started; all else is as it was before.
 */
static const char *goal(void *ctx, const struct step *s)
{
	struct bdf b;

	if (!target_bdf(s->target, &b) || !kept(ctx, b))
		return NULL;
	return s->kind == &step_driver ? "vfio-pci" : s->kind == &step_node ? s->after : NULL;
}

static int undo(struct work *w)
{
	struct undo_result u;

	/* all placeholders before any driver: with two cards the first to come home may take the other's number */
	record_undo_to(&w->en, w->rec, is_placeholder, goal, w, &u);
	undo_add(&w->undo, &u);
	node_drop_kept(w->g->root, &w->home);
	record_undo_to(&w->en, w->rec, wanted, goal, w, &u);
	undo_add(&w->undo, &u);
	waiting_others_came(&w->en, w->g->report, w->rec, &w->back);
	record_undo(&w->en, w->rec, of_no_function, w, &u);
	undo_add(&w->undo, &u);
	return holding_forget(w->rec, w->g->vmid, &w->all, w->e);
}

/* Only of what is really back, and is what was lent. */
static void tell(const struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		struct log_entry entry = { .priority = LOG_INFO, .id = LOG_ID_RETURNED, .vmid = w->g->vmid };
		char name[BDF_LEN], driver[PCI_NAME_LEN] = "", path[PATH_MAX];

		if (fn->absent || !gpu_is_display(&fn->fn) || holding_any(w->rec, fn->fn.bdf) ||
		    !holding_same_device(w->rec, w->g->root, fn->fn.bdf))
			continue;
		root_readlink_base(w->g->root, pci_path(path, fn->fn.bdf, "driver"), driver, sizeof(driver));
		entry.bdf = bdf_format(fn->fn.bdf, name);
		log_write(&entry, "%s is back from VM %u, on %s", name, w->g->vmid, driver[0] ? driver : "no driver");
		report_say(w->g->report, "%s: back from VM %u, on %s%s", name, w->g->vmid, driver[0] ? driver : "no driver",
			   kept(w, fn->fn.bdf) ? " (after-stop = keep)" : "");
	}
}

int giveback_run(const struct giveback *g, struct record *rec, const struct bdf_list *which, struct undo_result *ret,
		 struct err *e)
{
	_cleanup_(work_done) struct work w = { .g = g, .rec = rec, .e = e };
	const char *why;
	int k = choose(&w, which);

	if (k < 0)
		return k;
	if (node_stopping(g->root, &why))
		return err_set(e, -ESHUTDOWN, "VM %u keeps its GPUs: %s", g->vmid, why);
	k = holding_give_up(rec, g->vmid, &w.lost, g->report, e);
	if (k < 0)
		return k;
	w.deadline = deadline_of(&w);
	engine_init(&w.en, g->root, g->settings, &w.sel);
	w.en.watch = report_step;
	w.en.watch_ctx = (void *)(uintptr_t)g->report;
	w.en.may_unbind = may_unbind;
	k = facts_load(&w.en, &w.sel, g->vmid, true, &w.facts, e);
	if (k == 0)
		k = wait_until_free(&w);
	if (k == 0 && g->reset)
		k = reset_cards(&w);
	if (k == 0)
		k = sort_out(&w);
	/* the card goes home whatever is the matter with them */
	if (k == 0 && w.back.n > 0 && newcomers_note(&w.facts, g->settings, g->root, rec, g->report, e) < 0)
		report_complain(g->report, "containers that were started while VM %u had its GPUs may be without: %s", g->vmid, e->text);
	if (k == 0)
		k = undo(&w);
	if (k == 0)
		tell(&w);
	if (k == 0 && w.late)
		report_complain(g->report, "Proxmox VE has waited long enough: no more of VM %u's GPUs is given back for now", g->vmid);
	if (ret)
		*ret = w.undo;
	return k;
}
