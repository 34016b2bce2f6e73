/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "helper/helper.h"
#include "helper/reset_plan.h"
#include "policy/handover.h"
#include "policy/judge.h"
#include "policy/persistence.h"
#include "policy/reset_choice.h"

struct planner {
	const struct facts *f;
	const struct settings *s;
	struct bdf gpu;
	char name[BDF_LEN];
	struct reset_choice choice;
	struct plan *plan;
	struct err *e;
};

/* What keeps a card from a VM and is no obstacle to its reset. */
static bool matters(enum finding_code code)
{
	return code != FINDING_IOMMU_OFF && code != FINDING_NO_GROUP && code != FINDING_IDENTITY;
}

/* judge() lets processes pass that a hand-over would end; nobody is ended for a reset. */
static int refuse_holders(const struct planner *p)
{
	for (size_t i = 0; i < p->f->holders.n; i++) {
		char who[192];

		if (!p->f->holders.v[i].shared_only)
			return err_set(p->e, -EPERM, "%s is not reset: it is held by %s", p->name,
				       holder_format(&p->f->holders.v[i], who, sizeof(who)));
	}
	return 0;
}

/* -EPERM, with the reasons on stderr, if something speaks against touching the card. */
static int refuse(const struct planner *p)
{
	_cleanup_findings_ struct findings found = { 0 };
	const char *remedy = NULL;
	int k = 0;

	judge(p->f, p->s, &found);
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
	if (k < 0)
		return err_set(p->e, k, "%s is not reset%s%s", p->name, remedy ? ": " : "", remedy ? remedy : "");
	return refuse_holders(p);
}

/* As for a hand-over, but on demand: reset = none does not hold, and `auto` is for any vendor. */
static int choose(struct planner *p)
{
	const struct fn_facts *fn = facts_find(p->f, p->gpu);
	struct gpu_settings g = *settings_gpu(p->s, p->gpu);
	struct reset_prediction prediction;

	if (!fn || fn->absent)
		return err_set(p->e, -ENODEV, "%s is not there any more", p->name);
	if (strcmp(g.reset, "none") == 0)
		snprintf(g.reset, sizeof(g.reset), "auto");
	reset_choose(p->f, fn, &g, &p->choice);
	if (!p->choice.reset && strcmp(g.reset, "auto") == 0) {
		reset_predict(&fn->fn, &prediction);
		p->choice.reset = prediction.how == RESET_HOW_FUNCTION || prediction.how == RESET_HOW_UNKNOWN;
		snprintf(p->choice.how, sizeof(p->choice.how), "%s",
			 prediction.how == RESET_HOW_FUNCTION ? reset_method_name(prediction.method) : "whatever the kernel has");
		snprintf(p->choice.why, sizeof(p->choice.why), "%s", prediction.why);
	}
	if (!p->choice.reset)
		return err_set(p->e, -EOPNOTSUPP, "%s cannot be reset by itself: %s%s", p->name, p->choice.why,
			       p->choice.works_in_guest ? "; a VM that has the whole card can reset it, by vfio's hot reset" : "");
	return 0;
}

/* Takes a function off its native driver. Off vfio-pci nothing needs to be taken: nobody has it open. */
static int plan_detach(struct planner *p, const struct fn_facts *fn)
{
	_cleanup_text_ struct text target = { 0 }, before = { 0 };
	char identity[PCI_ID_LEN];

	if (!fn->driver_known || !fn->driver.driver[0] || strcmp(fn->driver.driver, "vfio-pci") == 0)
		return 0;
	driver_target(fn->fn.bdf, pci_id_format(fn->fn.id, identity), &target);
	driver_format(&fn->driver, &before);
	return plan_add(p->plan, &step_driver, text_str(&target), text_str(&before), "none", "no driver survives the reset") ? 0 :
																-ENOMEM;
}

static int plan_console(struct planner *p)
{
	const struct fn_facts *fn = facts_find(p->f, p->gpu);

	for (size_t i = 0; fn->console && i < p->f->consoles.n; i++) {
		const struct vtcon *v = &p->f->consoles.v[i];
		char target[160];

		if (!v->framebuffer || !v->bound)
			continue;
		snprintf(target, sizeof(target), "/sys/class/vtconsole/[name=%s]/bind", v->title);
		if (!plan_add(p->plan, &step_attr, target, "1", "0", "the host's console lets go of it"))
			return -ENOMEM;
	}
	return 0;
}

static int plan_steps(struct planner *p)
{
	const struct fn_facts *fn = facts_find(p->f, p->gpu);
	char target[PATH_MAX];
	int k = persistence_plan(p->f, p->plan);

	if (k == 0)
		k = plan_console(p);
	/* companions first, so that the display is the first to come back */
	for (size_t i = p->f->n; k == 0 && i > 0; i--)
		if (!bdf_eq(p->f->v[i - 1].fn.bdf, p->gpu))
			k = plan_detach(p, &p->f->v[i - 1]);
	if (k == 0)
		k = plan_detach(p, fn);
	if (k == 0 && p->choice.method[0] &&
	    !plan_add(p->plan, &step_attr, pci_path(target, p->gpu, "reset_method"), fn->fn.reset_method, p->choice.method,
		      "the method for this card"))
		k = -ENOMEM;
	reset_target(fn, target, sizeof(target));
	if (k == 0 && !plan_add(p->plan, &step_run, target, NULL, p->choice.how, "asked for"))
		k = -ENOMEM;
	return k;
}

int reset_plan(const struct facts *f, const struct settings *s, struct bdf gpu, struct plan *ret, struct err *e)
{
	struct planner w = { .f = f, .s = s, .gpu = gpu, .plan = ret, .e = e };
	int k;

	bdf_format(gpu, w.name);
	k = refuse(&w);
	if (k == 0)
		k = choose(&w);
	return k < 0 ? k : plan_steps(&w);
}
