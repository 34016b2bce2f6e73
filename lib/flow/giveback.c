/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/log.h"
#include "flow/giveback.h"
#include "flow/holding.h"
#include "flow/observe.h"
#include "plan/nvidia.h"
#include "policy/handover.h"
#include "pve/guest.h"

struct work {
	const struct giveback *g;
	struct engine en;
	struct record *rec;
	struct selection sel;
	struct facts facts;
	struct bdf_list all, back; /* asked for; of these, those that can go */
	struct undo_result undo;
	struct err *e;
};

static void work_done(struct work *w)
{
	selection_done(&w->sel);
	facts_done(&w->facts);
	bdf_list_done(&w->all);
	bdf_list_done(&w->back);
}

static int choose(struct work *w, const struct bdf_list *which)
{
	_cleanup_free_ struct bdf *all = NULL;
	size_t n;
	int k = lease_functions(w->rec, &all, &n);

	for (size_t i = 0; k == 0 && i < n; i++)
		if (!which || bdf_list_has(which, all[i]))
			k = bdf_list_add(&w->all, all[i]);
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

/* Who still has a card open, or NULL. */
static const struct holder *still_held(const struct facts *f)
{
	for (size_t i = 0; i < f->holders.n; i++)
		if (!f->holders.v[i].shared_only)
			return &f->holders.v[i];
	return NULL;
}

/*
 * Are all of them home already? Then something else is left of an earlier try, and whoever has them open now has them rightly;
 * nor is it the time to reset them.
 */
static bool all_home(const struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];

		if (fn->absent || !fn->driver.driver[0] || strcmp(fn->driver.driver, "vfio-pci") == 0 ||
		    holding_has(w->rec, fn->fn.bdf))
			return false;
	}
	return true;
}

/* At post-stop QEMU may be on its way out still; an unbind would wait for it in the kernel, unkillable. */
static int wait_until_free(struct work *w)
{
	uint64_t deadline = now_ms() + (w->g->wait ? stop_timeout_ms(w) : 0);
	bool home = all_home(w);
	char who[192];
	pid_t pid = 0;

	for (;;) {
		/* a look that failed is no leave to take a card away */
		int runs = guest_running(w->g->root, GUEST_VM, w->g->vmid, &pid);
		const struct holder *h = home ? NULL : still_held(&w->facts);
		int k;

		if (runs == 0 && !h)
			return 0;
		if (runs < 0)
			return err_errno(w->e, runs, "cannot tell whether VM %u runs", w->g->vmid);
		if (now_ms() >= deadline) {
			if (runs)
				return err_set(w->e, -EBUSY, "VM %u still runs (process %d): its GPUs stay with it", w->g->vmid, (int)pid);
			return err_set(w->e, -EBUSY, "%s still has a GPU of VM %u open: end it, then 'gpupt-helper release %u'",
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

static int reset_cards(struct work *w)
{
	_cleanup_plan_ struct plan p = { 0 };
	int k;

	for (size_t i = 0; i < w->facts.n; i++)
		if (!answers(&w->facts.v[i]) || w->facts.v[i].stuck)
			return 0;
	k = release_reset_plan(&w->facts, w->g->settings, &p);
	if (k < 0 || p.n == 0)
		return k;
	/* a card that died of it is seen below; a failure of any other kind must not keep it away */
	if (plan_apply(&w->en, &p, w->rec, NULL, w->e) < 0)
		report_complain(w->g->report, "%s", w->e->text);
	facts_done(&w->facts);
	return facts_load(&w->en, &w->sel, w->g->vmid, true, &w->facts, w->e);
}

/* A dead card is not handed to a driver that would wait for it. */
static int sort_out(struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		char name[BDF_LEN];

		if (!answers(fn) && holding_has(w->rec, fn->fn.bdf)) {
			report_complain(w->g->report, "%s does not answer (config space reads ff): it stays on vfio-pci; reboot the host",
					bdf_format(fn->fn.bdf, name));
			w->undo.failed++;
		} else if (bdf_list_add(&w->back, fn->fn.bdf) < 0) {
			return err_errno(w->e, -ENOMEM, "cannot give the GPUs of VM %u back", w->g->vmid);
		}
	}
	return 0;
}

/* Functions that go back. */
static bool wanted(const struct work *w, const struct step *s)
{
	struct bdf b;

	return target_bdf(s->target, &b) && bdf_list_has(&w->back, b);
}

static bool of_function(void *ctx, const struct step *s)
{
	return s->kind != &step_persistence && wanted(ctx, s);
}

/* Behind the units: as long as NVIDIA's daemon runs, the mode is its affair, and it may have set it already. */
static bool of_persistence(void *ctx, const struct step *s)
{
	return s->kind == &step_persistence && wanted(ctx, s);
}

static bool of_no_function(void *ctx, const struct step *s)
{
	struct bdf b;

	return !target_bdf(s->target, &b);
}

/* after-stop = keep: on vfio-pci, as somebody's who may take it, so without our override; all else as it was before. */
static const char *goal(void *ctx, const struct step *s)
{
	const struct work *w = ctx;
	struct bdf b;

	if (!target_bdf(s->target, &b) || settings_gpu(w->g->settings, b)->after_stop != AFTER_STOP_KEEP)
		return NULL;
	return s->kind == &step_driver ? "vfio-pci" : s->kind == &step_persistence ? NVIDIA_DISABLED : NULL;
}

static bool any_function_open(const struct record *rec)
{
	for (size_t i = 0; i < rec->n_steps; i++) {
		const struct record_step *rs = &rec->steps[i];
		struct bdf b;

		if (record_step_open(rs) && rs->step.kind != &step_persistence && target_bdf(rs->step.target, &b))
			return true;
	}
	return false;
}

static void add(struct undo_result *sum, const struct undo_result *u)
{
	sum->undone += u->undone;
	sum->foreign += u->foreign;
	sum->failed += u->failed;
	sum->stuck += u->stuck;
}

static int undo(struct work *w)
{
	struct undo_result u;

	record_undo_to(&w->en, w->rec, of_function, goal, w, &u);
	add(&w->undo, &u);
	if (!any_function_open(w->rec)) {
		record_undo(&w->en, w->rec, of_no_function, NULL, &u);
		add(&w->undo, &u);
	}
	record_undo_to(&w->en, w->rec, of_persistence, goal, w, &u);
	add(&w->undo, &u);
	return holding_forget(w->rec, w->g->vmid, &w->all, w->e);
}

/* Only of what is really back. */
static void tell(const struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		struct log_entry entry = { .priority = LOG_INFO, .id = LOG_ID_RETURNED, .vmid = w->g->vmid };
		char name[BDF_LEN], driver[PCI_NAME_LEN] = "", path[PATH_MAX];
		bool kept = settings_gpu(w->g->settings, fn->fn.bdf)->after_stop == AFTER_STOP_KEEP;

		if (fn->absent || !gpu_is_display(&fn->fn) || holding_any(w->rec, fn->fn.bdf))
			continue;
		root_readlink_base(w->g->root, pci_path(path, fn->fn.bdf, "driver"), driver, sizeof(driver));
		entry.bdf = bdf_format(fn->fn.bdf, name);
		log_write(&entry, "%s is back from VM %u, on %s", name, w->g->vmid, driver[0] ? driver : "no driver");
		report_say(w->g->report, "%s: back from VM %u, on %s%s", name, w->g->vmid, driver[0] ? driver : "no driver",
			   kept ? " (after-stop = keep)" : "");
	}
}

int giveback_run(const struct giveback *g, struct record *rec, const struct bdf_list *which, struct undo_result *ret,
		 struct err *e)
{
	_cleanup_(work_done) struct work w = { .g = g, .rec = rec, .e = e };
	int k = choose(&w, which);

	if (k < 0)
		return k;
	engine_init(&w.en, g->root, g->settings, &w.sel);
	w.en.watch = report_step;
	w.en.watch_ctx = (void *)(uintptr_t)g->report;
	k = facts_load(&w.en, &w.sel, g->vmid, true, &w.facts, e);
	if (k == 0)
		k = wait_until_free(&w);
	if (k == 0 && g->reset && !all_home(&w))
		k = reset_cards(&w);
	if (k == 0)
		k = sort_out(&w);
	if (k == 0)
		k = undo(&w);
	if (k == 0)
		tell(&w);
	if (ret)
		*ret = w.undo;
	return k;
}
