/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "policy/obstacles.h"
#include "policy/processes.h"

#define NAMES_MAX 4 /* in one line */

bool obstacle_is_use(enum finding_code code)
{
	return code == FINDING_HELD || code == FINDING_CLAIMED || code == FINDING_RESERVED || code == FINDING_IN_USE;
}

static bool only_uses(const struct findings *found)
{
	for (size_t i = 0; i < found->n; i++)
		if (found->v[i].severity == SEVERITY_BLOCK && !obstacle_is_use(found->v[i].code))
			return false;
	return found->r == 0;
}

/* 1: it may be shut down on account of b; 0: it may not; -ENOMEM. */
static int add_vm(struct obstacles *o, const struct settings *s, unsigned int vmid, struct bdf b, enum finding_code code)
{
	const struct gpu_settings *g = settings_gpu(s, b);
	struct obstacle_vm *v;

	if (g->vms != VMS_SHUTDOWN)
		return 0;
	for (size_t i = 0; i < o->n; i++) {
		v = &o->vms[i];
		if (v->vmid != vmid)
			continue;
		v->timeout = g->shutdown_timeout > v->timeout ? g->shutdown_timeout : v->timeout;
		v->force &= g->force_stop;
		return 1;
	}
	v = reallocarray(o->vms, o->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	o->vms = v;
	v[o->n++] = (struct obstacle_vm){ .vmid = vmid, .code = code, .bdf = b, .timeout = g->shutdown_timeout, .force = g->force_stop };
	return 1;
}

/* 1: nobody but VMs that may be shut down own it; 0; -ENOMEM. */
static int find_owner(struct obstacles *o, const struct settings *s, const struct fn_facts *fn)
{
	/* a reset by hand, which has no VM, ends soon: that is for a person to wait for */
	if (fn->claimed)
		return fn->claim.kind == CLAIM_RESET ? 0 : add_vm(o, s, fn->claim.vmid, fn->fn.bdf, FINDING_CLAIMED);
	return fn->reserved_by ? add_vm(o, s, fn->reserved_by, fn->fn.bdf, FINDING_RESERVED) : 1;
}

unsigned int obstacles_wait(const struct facts *f, const struct settings *s)
{
	unsigned int shortest = 0;

	for (size_t i = 0; i < f->holders.n; i++) {
		const struct holder *h = &f->holders.v[i];
		unsigned int wait = process_fate(f, s, h) == FATE_WAIT ? process_settings(f, s, h)->wait : 0;

		if (wait && (!shortest || wait < shortest))
			shortest = wait;
	}
	return shortest;
}

static int find_holder(struct obstacles *o, const struct facts *f, const struct settings *s, const struct holder *h)
{
	unsigned int vmid;

	switch (process_fate(f, s, h)) {
	case FATE_VM:
		if (parse_vmid(h->id, &vmid) < 0)
			return 0;
		return add_vm(o, s, vmid, h->bdfs.n ? h->bdfs.v[0] : f->v[0].fn.bdf, FINDING_IN_USE);
	case FATE_PROTECTED:
	case FATE_REFUSE:
		return 0;
	default:
		return 1;
	}
}

int obstacles_find(const struct facts *f, const struct settings *s, const struct findings *found, struct obstacles *ret)
{
	_cleanup_obstacles_ struct obstacles o = { .wait = obstacles_wait(f, s) };
	int k = !f->backup && only_uses(found);

	for (size_t i = 0; k > 0 && i < f->n; i++)
		if (!f->v[i].absent)
			k = find_owner(&o, s, &f->v[i]);
	for (size_t i = 0; k > 0 && i < f->holders.n; i++)
		k = find_holder(&o, f, s, &f->holders.v[i]);
	if (k <= 0 || (!o.wait && o.n == 0))
		return k < 0 ? k : 0;
	*ret = o;
	o = (struct obstacles){ 0 };
	return 1;
}

void obstacles_done(struct obstacles *o)
{
	free(o->vms);
	*o = (struct obstacles){ 0 };
}

void obstacles_waited(const struct facts *f, const struct settings *s, struct text *to)
{
	_cleanup_text_ struct text what = { 0 };
	unsigned int n = 0;

	for (size_t i = 0; i < f->holders.n; i++) {
		const struct holder *h = &f->holders.v[i];
		char who[192], name[BDF_LEN];

		if (process_fate(f, s, h) != FATE_WAIT)
			continue;
		if (n++ < NAMES_MAX) {
			text_add(to, n > 1 ? ", " : "");
			text_add(to, holder_format(h, who, sizeof(who)));
		}
		for (size_t b = 0; b < h->bdfs.n; b++)
			if (!strstr(text_str(&what), bdf_format(h->bdfs.v[b], name)))
				text_join(&what, ", ", name);
	}
	if (n > NAMES_MAX)
		text_addf(to, " and %u more", n - NAMES_MAX);
	text_addf(to, ": %s %s", n == 1 ? "it holds" : "they hold", what.len ? text_str(&what) : "the card");
}
