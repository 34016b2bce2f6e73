/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/reset_choice.h"

/* What QEMU can do by itself while it has exactly these functions. */
static void predict_in_guest(const struct facts *f, const struct fn_facts *fn, struct reset_choice *c)
{
	_cleanup_free_ struct pci_fn *v = calloc(f->n + 1, sizeof(*v));
	struct pci_list set = { .v = v };
	struct reset_prediction p;

	if (!v)
		return;
	for (size_t i = 0; i < f->n; i++)
		if (!f->v[i].absent)
			v[set.n++] = f->v[i].fn;
	reset_predict_in_set(&fn->fn, &set, &p);
	c->works_in_guest = p.how != RESET_HOW_NONE;
	snprintf(c->guest_why, sizeof(c->guest_why), "%s", p.why);
	snprintf(c->why, sizeof(c->why), "%s", p.why);
	c->remedy = known_vendor_reset(&f->known, fn->fn.id) && !f->vendor_reset ?
			    "pass the whole slot, or load the module vendor-reset, which can reset this card" : "pass the whole slot";
}

/* Methods the kernel would try once `select` has been written; what a module added since is known to it alone. */
static bool selectable(const struct facts *f, const struct fn_facts *fn, enum reset_method m)
{
	struct reset_methods listed;

	reset_methods_parse(fn->fn.reset_method, &listed);
	return reset_methods_has(&listed, m) || (m == RESET_DEVICE_SPECIFIC && f->vendor_reset && gpu_is_amd(&fn->fn));
}

static void choose_named(const struct facts *f, const struct fn_facts *fn, enum reset_method m, struct reset_choice *c)
{
	const char *name = reset_method_name(m), *obstacle = reset_obstacle(&fn->fn, m);

	if (!selectable(f, fn, m)) {
		snprintf(c->why, sizeof(c->why), "the kernel does not list %s for it (reset_method: %s)", name,
			 fn->fn.reset_method[0] ? fn->fn.reset_method : "none");
		return;
	}
	if (strcmp(fn->fn.reset_method, name) != 0)
		snprintf(c->method, sizeof(c->method), "%s", name);
	c->reset = !obstacle;
	snprintf(c->how, sizeof(c->how), "%s", name);
	snprintf(c->why, sizeof(c->why), "%s", obstacle ? obstacle : name);
}

static void choose_auto(const struct facts *f, const struct fn_facts *fn, struct reset_choice *c)
{
	struct reset_prediction p;

	if (selectable(f, fn, RESET_DEVICE_SPECIFIC)) {
		choose_named(f, fn, RESET_DEVICE_SPECIFIC, c);
		return;
	}
	reset_predict(&fn->fn, &p);
	c->reset = p.how == RESET_HOW_FUNCTION;
	snprintf(c->how, sizeof(c->how), "%s", c->reset ? reset_method_name(p.method) : "");
	snprintf(c->why, sizeof(c->why), "%s", p.why);
}

void reset_choose(const struct facts *f, const struct fn_facts *fn, const struct gpu_settings *g, struct reset_choice *ret)
{
	struct reset_choice c = { .works_in_guest = true };
	enum reset_method m;

	predict_in_guest(f, fn, &c);
	if (strcmp(g->reset, "none") != 0 && gpu_is_display(&fn->fn)) {
		if (reset_method_parse(g->reset, &m) == 0)
			choose_named(f, fn, m, &c);
		else if (gpu_is_amd(&fn->fn))
			choose_auto(f, fn, &c);
	}
	*ret = c;
}
