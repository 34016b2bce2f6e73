/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `reset`: a card that nobody has is reset. The kernel resets a function under the feet of its driver, which few drivers survive
 * (pci_dev_save_and_disable() in drivers/pci/pci.c tells only those that ask), so the card's functions are taken off their
 * native drivers first and given back afterwards; all of it on record, like every change.
 */
#include <errno.h>

#include "flow/observe.h"
#include "helper/gpu_arg.h"
#include "helper/reset.h"
#include "plan/plan.h"
#include "plan/state.h"
#include "policy/judge.h"
#include "policy/reset_choice.h"

#define RESET_DIR STATE_RUN "/reset"

struct work {
	const struct options *o;
	const struct root *r;
	const struct settings *settings;
	struct bdf gpu;
	char name[BDF_LEN];
	struct report report;
	struct engine en;
	struct selection sel;
	struct facts facts;
	struct plan plan;
	struct reset_choice choice;
	struct err *e;
};

static void work_done(struct work *w)
{
	selection_done(&w->sel);
	facts_done(&w->facts);
	plan_done(&w->plan);
}

static char *record_path(char path[static PATH_MAX], const char *name)
{
	return path_f(path, RESET_DIR "/%s", name);
}

/* The card's own functions, without the rest of their IOMMU groups, which no reset of it concerns. */
static int select_slot(struct work *w)
{
	_cleanup_pci_list_ struct pci_list slot = { 0 };
	struct bdf b[8];
	size_t n = 0;
	int k = pci_slot_functions(w->r, w->gpu, &slot, w->e);

	if (k < 0)
		return k;
	for (size_t i = 0; i < slot.n && n < ARRAY_SIZE(b); i++)
		if (!slot.v[i].bridge)
			b[n++] = slot.v[i].bdf;
	return select_given(b, n, &w->sel);
}

/* What keeps a card from a VM and is no obstacle to its reset. */
static bool matters(enum finding_code code)
{
	return code != FINDING_IOMMU_OFF && code != FINDING_NO_GROUP && code != FINDING_IDENTITY;
}

/* -EPERM, with the reasons on stderr, if something speaks against touching the card. */
static int refuse(const struct work *w)
{
	_cleanup_findings_ struct findings found = { 0 };
	const char *remedy = NULL;
	int k = 0;

	judge(&w->facts, w->settings, &found);
	if (found.r < 0)
		return found.r;
	for (size_t i = 0; i < found.n; i++) {
		const struct finding *f = &found.v[i];

		if (f->severity != SEVERITY_BLOCK || !matters(f->code))
			continue;
		helper_complain("%s", f->message);
		remedy = remedy ? remedy : f->remedy;
		k = -EPERM;
	}
	return k < 0 ? err_set(w->e, k, "%s is not reset%s%s", w->name, remedy ? ": " : "", remedy ? remedy : "") : 0;
}

/* As for a hand-over, but on demand: reset = none does not hold, and `auto` is for any vendor. */
static int choose(struct work *w)
{
	const struct fn_facts *fn = facts_find(&w->facts, w->gpu);
	struct gpu_settings g = *settings_gpu(w->settings, w->gpu);
	struct reset_prediction p;

	if (!fn || fn->absent)
		return err_set(w->e, -ENODEV, "%s is not there any more", w->name);
	if (strcmp(g.reset, "none") == 0)
		snprintf(g.reset, sizeof(g.reset), "auto");
	reset_choose(&w->facts, fn, &g, &w->choice);
	if (!w->choice.reset && strcmp(g.reset, "auto") == 0) {
		reset_predict(&fn->fn, &p);
		w->choice.reset = p.how == RESET_HOW_FUNCTION || p.how == RESET_HOW_UNKNOWN;
		snprintf(w->choice.how, sizeof(w->choice.how), "%s",
			 p.how == RESET_HOW_FUNCTION ? reset_method_name(p.method) : "whatever the kernel has");
		snprintf(w->choice.why, sizeof(w->choice.why), "%s", p.why);
	}
	if (!w->choice.reset)
		return err_set(w->e, -EOPNOTSUPP, "%s cannot be reset by itself: %s%s", w->name, w->choice.why,
			       w->choice.works_in_guest ? "; a VM that has the whole card can reset it, by vfio's hot reset" : "");
	return 0;
}

/* Takes a function off its native driver. Off vfio-pci nothing needs to be taken: nobody has it open. */
static int plan_detach(struct work *w, const struct fn_facts *fn)
{
	_cleanup_text_ struct text target = { 0 }, before = { 0 };
	char identity[PCI_ID_LEN];

	if (!fn->driver_known || !fn->driver.driver[0] || strcmp(fn->driver.driver, "vfio-pci") == 0)
		return 0;
	driver_target(fn->fn.bdf, pci_id_format(fn->fn.id, identity), &target);
	driver_format(&fn->driver, &before);
	return plan_add(&w->plan, &step_driver, text_str(&target), text_str(&before), "none", "no driver survives the reset") ? 0 :
																-ENOMEM;
}

static int plan_console(struct work *w)
{
	const struct fn_facts *fn = facts_find(&w->facts, w->gpu);

	for (size_t i = 0; fn->console && i < w->facts.consoles.n; i++) {
		const struct vtcon *v = &w->facts.consoles.v[i];
		char target[160];

		if (!v->framebuffer || !v->bound)
			continue;
		snprintf(target, sizeof(target), "/sys/class/vtconsole/[name=%s]/bind", v->title);
		if (!plan_add(&w->plan, &step_attr, target, "1", "0", "the host's console lets go of the card"))
			return -ENOMEM;
	}
	return 0;
}

static int plan_reset(struct work *w)
{
	const struct fn_facts *fn = facts_find(&w->facts, w->gpu);
	char target[PATH_MAX];
	int k = plan_console(w);

	/* companions first, so that the display is the first to come back */
	for (size_t i = w->facts.n; k == 0 && i > 0; i--)
		if (!bdf_eq(w->facts.v[i - 1].fn.bdf, w->gpu))
			k = plan_detach(w, &w->facts.v[i - 1]);
	if (k == 0)
		k = plan_detach(w, fn);
	if (k == 0 && w->choice.method[0] &&
	    !plan_add(&w->plan, &step_attr, pci_path(target, w->gpu, "reset_method"), fn->fn.reset_method, w->choice.method,
		      "the method for this card"))
		k = -ENOMEM;
	snprintf(target, sizeof(target), "pci-reset %s", w->name);
	if (k == 0 && !plan_add(&w->plan, &step_run, target, NULL, w->choice.how, "asked for"))
		k = -ENOMEM;
	return k;
}

static int decide(struct work *w)
{
	int k = facts_load(&w->en, &w->sel, 0, false, &w->facts, w->e);

	if (k == 0)
		k = refuse(w);
	if (k == 0)
		k = choose(w);
	return k < 0 ? k : plan_reset(w);
}

/* Applies the plan and puts its steps back, whatever came of it. */
static int apply(struct work *w)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct undo_result u = { 0 };
	char path[PATH_MAX];
	int k = record_create(w->r, record_path(path, w->name), &rec, w->e);

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
	_cleanup_close_ int lock = state_lock(w->r, w->e);
	_cleanup_bdf_list_ struct bdf_list all = { 0 };
	struct claim conflict;

	if (lock < 0)
		return lock;
	if (selection_all(&w->sel, &all) < 0)
		return -ENOMEM;
	return claim_take(w->r, all.v, all.n, 0, &conflict, w->e);
}

static void unclaim(const struct work *w)
{
	for (size_t i = 0; i < w->sel.n; i++)
		claim_drop(w->r, w->sel.v[i].bdf, 0);
}

static int reset(struct work *w)
{
	int k = claim(w);

	if (k < 0)
		return k;
	k = decide(w);
	if (k == 0)
		k = apply(w);
	unclaim(w);
	return k;
}

static int show(struct work *w)
{
	_cleanup_text_ struct text t = { 0 };
	int k = decide(w);

	if (k < 0)
		return k;
	plan_format(&w->plan, &t);
	printf("%sThen all steps but the reset are undone.\n", text_str(&t));
	return 0;
}

static void work_init(struct work *w)
{
	bdf_format(w->gpu, w->name);
	engine_init(&w->en, w->r, w->settings, &w->sel);
	w->report = helper_report(w->o, 0);
	w->en.watch = report_step;
	w->en.watch_ctx = &w->report;
}

/* One record that a reset left behind. */
static int settle_one(struct work *w)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct undo_result u = { 0 };
	char path[PATH_MAX];
	int k = record_open(w->r, record_path(path, w->name), &rec, w->e);

	if (k < 0)
		return k == -ENOENT ? 0 : k;
	record_undo(&w->en, &rec, NULL, NULL, &u);
	if (!undo_complete(&u))
		return err_set(w->e, -EUCLEAN, "%s has not got all its drivers back after a reset", w->name);
	return record_remove(&rec, w->e);
}

/* In the manner of a reset: whoever claims the functions works on them. */
static int settle(struct work *w)
{
	int k = select_slot(w);

	if (k == -ENODEV) {
		char path[PATH_MAX];

		return root_unlink(w->r, record_path(path, w->name));
	}
	if (k == 0)
		k = claim(w);
	if (k < 0)
		return k == -EBUSY ? 0 : k;
	k = settle_one(w);
	unclaim(w);
	return k;
}

int reset_settle(const struct options *o, const struct settings *s)
{
	_cleanup_strv_ struct strv names = { 0 };
	int code = EXIT_DONE;

	if (state_list(o->root, RESET_DIR, &names) < 0)
		return EXIT_DONE;
	strv_foreach(name, &names) {
		struct err e = { "" };
		_cleanup_(work_done) struct work w = { .o = o, .r = o->root, .settings = s, .e = &e };

		if (bdf_parse_full(name, &w.gpu) < 0)
			continue;
		work_init(&w);
		if (o->dry_run || !root_is_live(o->root)) {
			printf("%s: what its reset left is put back\n", w.name);
			continue;
		}
		if (helper_result(settle(&w), &e) != EXIT_DONE)
			code = EXIT_LEFT;
	}
	return code;
}

static int run(const struct options *o, int argc, char **argv)
{
	_cleanup_settings_ struct settings settings = { 0 };
	struct err e = { "" };
	_cleanup_(work_done) struct work w = { .o = o, .r = o->root, .settings = &settings, .e = &e };
	int code = gpu_arg(o, argv[0], &w.gpu);

	if (code != EXIT_DONE)
		return code;
	if (!helper_settings(o, &settings))
		return EXIT_REFUSED;
	work_init(&w);
	if (!helper_shows_only(o))
		code = reset_settle(o, &settings);
	if (code != EXIT_DONE)
		return code;
	code = select_slot(&w);
	if (code == 0)
		code = helper_shows_only(o) ? show(&w) : reset(&w);
	return helper_result(code, &e);
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
		"Refused while a VM has the card or a process has it open. With --dry-run, shows the steps.",
	.run = run,
};
