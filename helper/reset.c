/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `reset`: a card that nobody has is reset. The kernel resets a function under the feet of its driver, which few drivers survive
 * (pci_dev_save_and_disable() in drivers/pci/pci.c tells only those that ask), so the card's functions are taken off their
 * native drivers first and given back afterwards; all of it on record, like every change.
 */
#include <errno.h>

#include "flow/may_unbind.h"
#include "flow/observe.h"
#include "flow/stray.h"
#include "helper/gpu_arg.h"
#include "helper/reset.h"
#include "helper/reset_plan.h"
#include "helper/reset_view.h"
#include "pve/guest.h"

struct work {
	struct steps *steps;
	const struct root *r;
	const struct settings *settings;
	struct bdf gpu;
	char name[BDF_LEN];
	struct report report;
	struct engine en;
	struct selection sel;
	struct bdf_list claimed;
	struct facts facts;
	struct plan plan;
	struct err *e;
};

static void work_done(struct work *w)
{
	selection_done(&w->sel);
	bdf_list_done(&w->claimed);
	facts_done(&w->facts);
	plan_done(&w->plan);
}

static int decide(struct work *w)
{
	int k = facts_load(&w->en, &w->sel, 0, false, &w->facts, w->e);

	if (k < 0)
		return k;
	facts_ask_persistence(&w->en, &w->facts);
	return reset_plan(&w->facts, w->settings, w->gpu, &w->plan, w->e);
}

/* Applies the plan and puts its steps back, whatever came of it. */
static int apply(struct work *w)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct undo_result u = { 0 };
	int k = errand_begin(w->r, w->gpu, false, &rec, w->e);

	if (k < 0)
		return k;
	k = plan_apply(&w->en, &w->plan, &rec, &u, w->e);
	if (k == 0)
		record_undo(&w->en, &rec, NULL, NULL, &u);
	if (!record_any_open(&rec))
		record_remove(&rec, NULL);
	if (undo_complete(&u))
		return k;
	return err_set(w->e, -EUCLEAN, "%s has not got all its drivers back: 'gpupt-helper reconcile' tries again", w->name);
}

/* Owned by this process while it lives: no VM can take the card meanwhile. */
static int claim(struct work *w)
{
	struct claim conflict;
	int k = selection_all(&w->sel, &w->claimed);

	if (k == 0)
		k = errand_claim(w->r, &w->claimed, &conflict, w->e);
	if (k != -EBUSY)
		return k;
	if (conflict.kind == CLAIM_RESET)
		return err_set(w->e, k, "%s is not reset: process %d is at it now", w->name, (int)conflict.owner.pid);
	if (guest_running(w->r, GUEST_VM, conflict.vmid, NULL) != 0)
		return err_set(w->e, k, "%s is not reset: VM %u has it; shut the VM down first", w->name, conflict.vmid);
	return err_set(w->e, k, "%s is not reset: VM %u has it and does not run; 'gpupt-helper reconcile %u' gives it back, 'gpupt-helper status' says what hinders it",
		       w->name, conflict.vmid, conflict.vmid);
}

static int reset(struct work *w)
{
	int k = claim(w);

	if (k < 0)
		return k;
	k = decide(w);
	if (k == 0)
		k = apply(w);
	errand_unclaim(w->r, &w->claimed);
	return k;
}

static int show(struct work *w)
{
	_cleanup_text_ struct text t = { 0 };
	int k = decide(w);

	if (k < 0)
		return k;
	for (size_t i = 0; i < w->plan.n; i++)
		steps_would_make(w->steps, 0, &w->plan.steps[i]);
	for (size_t i = w->plan.n; w->steps->list && i > 0; i--)
		report_shown(&w->report, 0, &w->plan.steps[i - 1]);
	if (w->steps->list)
		return 0;
	plan_format(&w->plan, &t);
	printf("%sThen all steps but the reset are undone.\n", text_str(&t));
	return 0;
}

static void work_init(struct work *w)
{
	bdf_format(w->gpu, w->name);
	engine_init(&w->en, w->r, w->settings, &w->sel);
	w->report = steps_report(w->steps, 0);
	w->en.watch = report_step;
	w->en.watch_ctx = &w->report;
	w->en.may_unbind = may_unbind;
}

/* In the manner of a reset: whoever claims the functions works on them. */
static int settle(const struct work *w)
{
	struct stray stray = { .root = w->r, .settings = w->settings, .report = &w->report, .gpu = w->gpu };
	int k = stray_settle(&stray, w->e);

	if (k == 0 && stray.why[0])
		report_say(&w->report, "%s is not brought home: %s", w->name, stray.why);
	return k;
}

/* What settle() would put back; what is on its way home goes on, and that is no step that is put back. */
static void show_left(struct work *w)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	char path[PATH_MAX];

	if (helper_result(record_load(w->r, errand_path(path, w->gpu), &rec, w->e), w->e) != EXIT_DONE)
		return;
	if (errand_is_homeward(&rec))
		report_say(&w->report, "%s: it is brought home, as a container's start was about to", w->name);
	else if (!w->steps->list)
		printf("%s: what its reset left is put back\n", w->name);
	else
		for (size_t i = rec.n_steps; i > 0; i--)
			if (record_step_open(&rec.steps[i - 1]))
				report_shown(&w->report, 0, &rec.steps[i - 1].step);
}

int reset_settle(struct steps *steps, const struct settings *s, struct text *left)
{
	const struct options *o = steps->o;
	_cleanup_free_ struct bdf *all = NULL;
	int code = EXIT_DONE;
	size_t n = 0;

	if (reset_view_all(o->root, &all, &n) < 0)
		return EXIT_DONE;
	for (size_t i = 0; i < n; i++) {
		struct err e = { "" };
		_cleanup_(work_done) struct work w = { .steps = steps, .r = o->root, .settings = s, .gpu = all[i], .e = &e };

		work_init(&w);
		if (o->dry_run || !root_is_live(o->root)) {
			show_left(&w);
			continue;
		}
		if (helper_result(settle(&w), &e) == EXIT_DONE)
			continue;
		code = EXIT_LEFT;
		if (left)
			text_addf(left, "%s\n", e.text);
	}
	return code;
}

static int reset_or_show(struct steps *steps, struct bdf gpu)
{
	_cleanup_settings_ struct settings settings = { 0 };
	const struct options *o = steps->o;
	struct err e = { "" };
	_cleanup_(work_done) struct work w = { .steps = steps, .r = o->root, .settings = &settings, .gpu = gpu, .e = &e };
	bool shows_only;
	int code;

	if (!helper_settings(o, &settings))
		return EXIT_REFUSED;
	work_init(&w);
	shows_only = helper_shows_only(o);
	code = shows_only ? EXIT_DONE : reset_settle(steps, &settings, NULL);
	if (code != EXIT_DONE)
		return code;
	code = select_slot(w.r, w.gpu, &w.sel, w.e);
	if (code == 0)
		code = shows_only ? show(&w) : reset(&w);
	return helper_result(code, &e);
}

static int run(const struct options *o, int argc, char **argv)
{
	_cleanup_steps_ struct steps steps = { 0 };
	struct bdf gpu;
	int code = steps_open(o, &steps);

	if (code == EXIT_DONE)
		code = gpu_arg(o, argv[0], &gpu);
	return code != EXIT_DONE ? code : steps_print(&steps, reset_or_show(&steps, gpu));
}

const struct command command_reset = {
	.name = "reset",
	.args = "GPU",
	.min = 1,
	.max = 1,
	.changes = true,
	.summary = "reset a card that no VM and no process uses",
	.help = "By the method that 'reset' in gpupt.conf names, else the first that the kernel has and that can work\n"
		"on the card by itself. Its functions are taken off their drivers for it and given back.\n"
		"Refused while a VM has the card or a process has it open. With --dry-run, shows the steps.\n"
		"With --json or -o: a list of steps, with what became of each.",
	.columns = &steps_columns,
	.run = run,
};
