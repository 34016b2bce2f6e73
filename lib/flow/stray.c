/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/may_unbind.h"
#include "flow/observe.h"
#include "flow/stray.h"
#include "flow/waiting.h"
#include "plan/errand.h"
#include "plan/plan.h"
#include "plan/step_node.h"
#include "policy/home.h"

struct work {
	struct stray *s;
	char name[BDF_LEN];
	struct engine en;
	struct selection sel;
	struct bdf_list all;
	struct facts facts;
	struct err *e;
};

static void work_done(struct work *w)
{
	selection_done(&w->sel);
	bdf_list_done(&w->all);
	facts_done(&w->facts);
}

static int work_open(struct work *w)
{
	int k = select_slot(w->s->root, w->s->gpu, &w->sel, w->e);

	bdf_format(w->s->gpu, w->name);
	w->s->why[0] = '\0';
	if (k == 0)
		k = selection_all(&w->sel, &w->all);
	if (k < 0)
		return k;
	engine_init(&w->en, w->s->root, w->s->settings, &w->sel);
	w->en.watch = report_step;
	w->en.watch_ctx = (void *)(uintptr_t)w->s->report;
	w->en.may_unbind = may_unbind;
	return 0;
}

static _printf_(2, 3) int stays(struct work *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->s->why, sizeof(w->s->why), fmt, ap);
	va_end(ap);
	return 0;
}

/* 1: ours now; 0: whose it is instead is said; -errno. */
static int claim(struct work *w)
{
	struct claim conflict = { 0 };
	int k = errand_claim(w->s->root, &w->all, &conflict, w->e);

	if (k == -EBUSY)
		return conflict.vmid ? stays(w, "VM %u takes it now", conflict.vmid) :
				       stays(w, "process %d is at work on it", (int)conflict.owner.pid);
	return k < 0 ? k : 1;
}

static bool answers(const struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];

		if (fn->stuck || (!fn->absent && !fn->driver_known) || fn->fn.config == PCI_CONFIG_DEAD ||
		    fn->fn.config == PCI_CONFIG_HANGS)
			return false;
	}
	return true;
}

/* Not on a driver of the host's. Who uses a function that is has it rightly. */
static bool is_out(const struct fn_facts *fn)
{
	return !fn->absent && (!fn->driver.driver[0] || str_eq(fn->driver.driver, "vfio-pci"));
}

/* Who holds a function that is out, or NULL. A descriptor of no function in particular may be of any. */
static const struct holder *held_by(const struct work *w)
{
	for (size_t i = 0; i < w->facts.holders.n; i++) {
		const struct holder *h = &w->facts.holders.v[i];

		for (size_t f = 0; f < w->facts.n; f++)
			if (!h->shared_only && is_out(&w->facts.v[f]) && (h->bdfs.n == 0 || bdf_list_has(&h->bdfs, w->facts.v[f].fn.bdf)))
				return h;
	}
	return NULL;
}

/* Is there something that keeps a card, which no VM of gpupt's has, from going home? Then it is said. */
static bool is_hindered(struct work *w)
{
	const struct gpu_settings *g = settings_gpu(w->s->settings, w->s->gpu);
	const struct holder *h = held_by(w);
	char who[192];

	if (settings_stays(g))
		stays(w, "%s", g->mode == MODE_RESERVED ? "gpupt.conf reserves it for VMs" :
							  "nobody has it, but gpupt.conf has after-stop = keep for it");
	else if (h)
		stays(w, "it is held by %s", holder_format(h, who, sizeof(who)));
	for (size_t i = 0; i < w->facts.n && !w->s->why[0]; i++)
		if (w->facts.v[i].reserved_by)
			stays(w, "Proxmox VE reserves it for VM %u", w->facts.v[i].reserved_by);
	if (!w->s->why[0] && !answers(w))
		stays(w, "it does not answer: 'gpupt-helper check' says more");
	return w->s->why[0] != '\0';
}

static bool any_out(const struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++)
		if (is_out(&w->facts.v[i]))
			return true;
	return false;
}

/* The display first: the kernel powers its companions through it (docs/architecture.md). */
static int plan_home(const struct work *w, bool displays, struct plan *ret)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		_cleanup_text_ struct text target = { 0 }, before = { 0 }, after = { 0 };
		char identity[PCI_ID_LEN];
		struct driver_value home;

		if (fn->absent || gpu_is_display(&fn->fn) != displays || !home_value(fn, w->s->settings, &home))
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

/* What is to be done by the facts: nothing, and why, if the card stays. */
static int decide(struct work *w, struct plan *ret)
{
	int k;

	if (is_hindered(w))
		return 0;
	k = plan_home(w, true, ret);
	if (k == 0)
		k = plan_home(w, false, ret);
	if (k == 0 && ret->n == 0)
		stays(w, "which driver it belongs to is not known: name it under [gpu %s] in " SETTINGS_PATH, w->name);
	return k;
}

static int apply(struct work *w, const struct plan *p, struct record *rec)
{
	int k;

	node_drop_kept(w->s->root, &w->all);
	k = plan_apply(&w->en, p, rec, NULL, w->e);
	waiting_others_came(&w->en, w->s->report, NULL, &w->all);
	return k;
}

static int bring_home(struct work *w)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	_cleanup_plan_ struct plan p = { 0 };
	int k = facts_load(&w->en, &w->sel, 0, true, &w->facts, w->e);

	if (k == 0)
		k = decide(w, &p);
	if (k < 0 || p.n == 0)
		return k;
	for (size_t i = 0; w->s->dry_run && i < p.n; i++)
		report_shown(w->s->report, 0, &p.steps[i]);
	if (w->s->dry_run)
		return 0;
	k = errand_begin(w->s->root, w->s->gpu, true, &rec, w->e);
	if (k < 0)
		return k;
	k = apply(w, &p, &rec);
	if (k == 0 || !record_any_open(&rec))
		record_remove(&rec, NULL);
	return k;
}

int stray_bring_home(struct stray *s, struct err *e)
{
	_cleanup_(work_done) struct work w = { .s = s, .e = e };
	int k = work_open(&w);

	if (k < 0 || s->dry_run)
		return k < 0 ? k : bring_home(&w);
	k = claim(&w);
	if (k <= 0)
		return k;
	k = bring_home(&w);
	errand_unclaim(s->root, &w.all);
	return k;
}

/* --- what an errand has left --- */

/* Steps that nobody has made yet, or whose function is a stray again, are decided about anew. */
static void drop_unmade(const struct work *w, struct record *rec)
{
	for (size_t i = 0; i < rec->n_steps; i++) {
		struct record_step *rs = &rec->steps[i];
		_cleanup_free_ char *now = NULL;

		if (record_step_open(rs) && rs->step.kind->get(&w->en, &rs->step, &now, NULL) == 0 && step_can_start(&rs->step, now))
			record_mark(rec, rs->seq, RECORD_UNDONE, NULL);
	}
}

static const char *forwards(void *ctx, const struct step *s)
{
	return s->after;
}

static int go_on_home(struct work *w, struct record *rec)
{
	_cleanup_plan_ struct plan p = { 0 };
	struct undo_result u = { 0 };
	int k;

	drop_unmade(w, rec);
	k = facts_load(&w->en, &w->sel, 0, true, &w->facts, w->e);
	if (k < 0)
		return k;
	/* a driver would wait for such a card */
	if (record_any_open(rec) && !answers(w))
		return err_set(w->e, -EUCLEAN, "%s is half-way home and does not answer: 'gpupt-helper check' says more", w->name);
	/* what is half-made is where nobody can want it: no setting keeps it there */
	if (record_any_open(rec) && any_out(w))
		node_drop_kept(w->s->root, &w->all);
	record_undo_to(&w->en, rec, NULL, forwards, w, &u);
	if (!undo_complete(&u))
		return err_set(w->e, -EUCLEAN, "%s is half-way home: 'gpupt-helper reconcile' tries again", w->name);
	facts_done(&w->facts);
	k = facts_load(&w->en, &w->sel, 0, true, &w->facts, w->e);
	if (k == 0 && any_out(w))
		k = decide(w, &p);
	if (k == 0 && p.n > 0)
		k = apply(w, &p, rec);
	else
		waiting_others_came(&w->en, w->s->report, NULL, &w->all);
	if (k < 0 && record_any_open(rec))
		return k;
	record_remove(rec, NULL);
	if (k == 0 && !w->s->why[0])
		report_say(w->s->report, "%s: it is home; what was to bring it there was cut short", w->name);
	return k;
}

static int settle_record(struct work *w)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct undo_result u = { 0 };
	char path[PATH_MAX];
	int k = record_open(w->s->root, errand_path(path, w->s->gpu), &rec, w->e);

	if (k < 0)
		return k == -ENOENT ? 0 : k;
	if (errand_is_homeward(&rec))
		return go_on_home(w, &rec);
	record_undo(&w->en, &rec, NULL, NULL, &u);
	if (!undo_complete(&u))
		return err_set(w->e, -EUCLEAN, "%s has not got all its drivers back after a reset", w->name);
	return record_remove(&rec, w->e);
}

int stray_settle(struct stray *s, struct err *e)
{
	_cleanup_(work_done) struct work w = { .s = s, .e = e };
	char path[PATH_MAX];
	int k;

	s->why[0] = '\0';
	if (!root_exists(s->root, errand_path(path, s->gpu)))
		return 0;
	k = work_open(&w);
	if (k == -ENODEV)
		return root_unlink(s->root, path);
	if (k == 0)
		k = claim(&w);
	if (k <= 0)
		return k;
	k = settle_record(&w);
	errand_unclaim(s->root, &w.all);
	return k;
}
