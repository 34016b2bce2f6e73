/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "policy/containers.h"
#include "policy/handover.h"
#include "policy/home.h"
#include "policy/persistence.h"
#include "policy/processes.h"
#include "policy/reset_choice.h"

struct planner {
	const struct facts *f;
	const struct settings *s;
	struct plan *plan;
};

static int add(struct planner *p, const struct step_kind *kind, const char *target, const char *before,
	       const char *after, const char *why, bool optional)
{
	struct step *s = plan_add(p->plan, kind, target, before, after, why);

	if (!s)
		return -ENOMEM;
	s->optional = optional;
	return 0;
}

/* Is an earlier step about this target? Two processes of one service are one unit. */
static bool planned(const struct planner *p, const char *target)
{
	for (size_t i = 0; i < p->plan->n; i++)
		if (str_eq(p->plan->steps[i].target, target))
			return true;
	return false;
}

static int plan_processes(struct planner *p)
{
	for (size_t i = 0; i < p->f->holders.n; i++) {
		const struct holder *h = &p->f->holders.v[i];
		enum process_fate fate = process_fate(p->f, p->s, h);
		char target[64], why[48], name[BDF_LEN];
		int k = 0;

		/* the function stands in it: the service comes back when that one is home */
		snprintf(why, sizeof(why), "it holds %s", bdf_format(h->bdfs.n ? h->bdfs.v[0] : p->f->v[0].fn.bdf, name));
		snprintf(target, sizeof(target), "process-end %d %llu", (int)h->proc.pid, (unsigned long long)h->proc.start);
		if (fate == FATE_UNIT && !planned(p, h->id))
			k = add(p, &step_unit, h->id, "active", "inactive", why, false);
		else if (fate == FATE_END)
			k = add(p, &step_run, target, h->comm, "SIGTERM, then SIGKILL", why, false);
		if (k < 0)
			return k;
	}
	return 0;
}

static int plan_console(struct planner *p)
{
	const struct fn_facts *shows = NULL;
	char why[80], name[BDF_LEN];

	for (size_t i = 0; i < p->f->n; i++)
		if (p->f->v[i].console && gpu_is_display(&p->f->v[i].fn))
			shows = &p->f->v[i];
	if (shows)
		snprintf(why, sizeof(why), "the host's console lets go of %s", bdf_format(shows->fn.bdf, name));
	for (size_t i = 0; shows && i < p->f->consoles.n; i++) {
		const struct vtcon *v = &p->f->consoles.v[i];
		char target[160];

		if (!v->framebuffer || !v->bound)
			continue;
		snprintf(target, sizeof(target), "/sys/class/vtconsole/[name=%s]/bind", v->title);
		if (add(p, &step_attr, target, "1", "0", why, false) < 0)
			return -ENOMEM;
	}
	return 0;
}

void handover_value(const struct driver_value *before, struct driver_value *ret)
{
	struct driver_value v = { .driver = "vfio-pci", .override = "vfio-pci" };

	/* kept out of D3cold, from which many cards do not come back; only knobs that are there are turned */
	if (before->power[0])
		snprintf(v.power, sizeof(v.power), "on");
	if (before->d3cold[0])
		snprintf(v.d3cold, sizeof(v.d3cold), "0");
	*ret = v;
}

static int plan_driver(struct planner *p, const struct fn_facts *fn)
{
	_cleanup_text_ struct text target = { 0 }, before = { 0 }, after = { 0 };
	struct driver_value from, to;
	char identity[PCI_ID_LEN];

	if (!home_value(fn, p->s, &from))
		from = fn->driver;
	handover_value(&fn->driver, &to);
	/* ready as it is: nothing would change hands, and nothing is to be given back */
	if (strcmp(from.driver, to.driver) == 0 && strcmp(from.override, to.override) == 0)
		return 0;
	driver_target(fn->fn.bdf, pci_id_format(fn->fn.id, identity), &target);
	driver_format(&from, &before);
	driver_format(&to, &after);
	return add(p, &step_driver, text_str(&target), text_str(&before), text_str(&after),
		   fn->role == ROLE_GROUP ? "it is in the card's IOMMU group" : "the VM gets it", false);
}

static int plan_drivers(struct planner *p, bool displays, handover_held_fn *held, void *ctx)
{
	/* from the highest function down: .0 is the last, and the first to come back */
	for (size_t i = p->f->n; i > 0; i--) {
		const struct fn_facts *fn = &p->f->v[i - 1];
		int k;

		if (fn->fn.bridge || gpu_is_display(&fn->fn) != displays || (held && held(ctx, fn->fn.bdf)))
			continue;
		k = plan_driver(p, fn);
		if (k < 0)
			return k;
	}
	return 0;
}

void reset_target(const struct fn_facts *fn, char *buf, size_t size)
{
	char name[BDF_LEN], identity[PCI_ID_LEN];

	snprintf(buf, size, "pci-reset %s %s", bdf_format(fn->fn.bdf, name), pci_id_format(fn->fn.id, identity));
}

static int plan_reset(struct planner *p, const struct fn_facts *fn, const struct gpu_settings *g, bool now)
{
	struct reset_choice c;
	char target[PATH_MAX];
	int k = 0;

	reset_choose(p->f, fn, g, &c);
	if (c.method[0])
		k = add(p, &step_attr, pci_path(target, fn->fn.bdf, "reset_method"), fn->fn.reset_method, c.method,
			"the best reset that this card has, chosen before its first", true);
	if (k == 0 && c.reset && now) {
		reset_target(fn, target, sizeof(target));
		k = add(p, &step_run, target, NULL, c.how, "a clean card for the next user", true);
	}
	return k;
}

int handover_plan(const struct facts *f, const struct settings *s, handover_held_fn *held, void *ctx, struct plan *ret)
{
	struct planner p = { .f = f, .s = s, .plan = ret };
	int k = persistence_plan(f, ret);

	if (k == 0)
		k = containers_plan_stop(f, s, ret);
	if (k == 0)
		k = plan_processes(&p);
	if (k == 0)
		k = plan_console(&p);
	if (k == 0)
		k = plan_drivers(&p, false, held, ctx);
	if (k == 0)
		k = plan_drivers(&p, true, held, ctx);
	if (k == 0)
		k = containers_plan_away(f, s, ret);
	for (size_t i = 0; k == 0 && i < f->n; i++) {
		const struct gpu_settings *g = settings_gpu(s, f->v[i].fn.bdf);

		k = plan_reset(&p, &f->v[i], g, g->reset_at_start);
	}
	return k;
}

int release_reset_plan(const struct facts *f, const struct settings *s, handover_held_fn *out, void *ctx, struct plan *ret)
{
	struct planner p = { .f = f, .s = s, .plan = ret };

	for (size_t i = 0; i < f->n; i++) {
		const struct gpu_settings *g = settings_gpu(s, f->v[i].fn.bdf);
		struct reset_choice c;
		char target[80];

		if (!g->reset_at_stop || !out(ctx, f->v[i].fn.bdf))
			continue;
		reset_choose(f, &f->v[i], g, &c);
		if (!c.reset)
			continue;
		reset_target(&f->v[i], target, sizeof(target));
		if (add(&p, &step_run, target, NULL, c.how, "the VM left it as it was", true) < 0)
			return -ENOMEM;
	}
	return 0;
}
