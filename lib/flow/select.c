/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/select.h"

/* One possible meaning of an entry: its devices with every slot spelt out. */
struct expanded {
	struct pci_list fns;	 /* present ones */
	struct bdf_list missing; /* named, not there */
	bool display, audio_only;
};

static void expanded_done(struct expanded *x)
{
	pci_list_done(&x->fns);
	bdf_list_done(&x->missing);
	*x = (struct expanded){ 0 };
}

struct selector {
	const struct root *r;
	select_free_fn *free;
	void *ctx;
	struct selection sel;
	struct err *e;
};

void vm_devices_done(struct vm_devices *d)
{
	hostpci_list_done(&d->entries);
	mapping_done(&d->mappings);
	*d = (struct vm_devices){ 0 };
}

int vm_devices_load(const struct root *r, const struct config *cfg, struct vm_devices *ret, struct err *e)
{
	_cleanup_vm_devices_ struct vm_devices d = { 0 };
	int k = hostpci_all(cfg, &d.entries, e);

	if (k < 0)
		return k;
	for (size_t i = 0; i < d.entries.n; i++)
		d.mapped |= d.entries.v[i].mapping != NULL;
	if (d.mapped)
		k = mapping_load(r, &d.mappings, e);
	if (k < 0)
		return k;
	*ret = d;
	d = (struct vm_devices){ 0 };
	return 0;
}

static bool is_audio(const struct pci_fn *fn)
{
	/* multimedia audio device 0401, HD Audio 0403 */
	return fn->class >> 8 == 0x0401 || fn->class >> 8 == 0x0403;
}

static int add_fn(struct pci_list *l, const struct pci_fn *fn)
{
	struct pci_fn *v = reallocarray(l->v, l->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n++] = *fn;
	return 0;
}

/* Spells out what names mean on this machine. */
static int expand(const struct root *r, const struct bdf *names, size_t n, struct expanded *ret, struct err *e)
{
	_cleanup_(expanded_done) struct expanded x = { .audio_only = true };

	for (size_t i = 0; i < n; i++) {
		_cleanup_pci_list_ struct pci_list slot = { 0 };
		bool found = false;
		int k = pci_slot_outline(r, names[i], &slot, e);

		if (k < 0 && k != -ENODEV)
			return k;
		for (size_t f = 0; f < slot.n; f++) {
			if (!bdf_covers(names[i], slot.v[f].bdf))
				continue;
			found = true;
			x.display |= gpu_is_display(&slot.v[f]) && !slot.v[f].is_vf;
			x.audio_only &= is_audio(&slot.v[f]);
			if (add_fn(&x.fns, &slot.v[f]) < 0)
				return -ENOMEM;
		}
		if (!found && bdf_list_add(&x.missing, names[i]) < 0)
			return -ENOMEM;
	}
	*ret = x;
	x = (struct expanded){ 0 };
	return 0;
}

static bool choice_free(struct selector *s, const struct expanded *x)
{
	_cleanup_bdf_list_ struct bdf_list l = { 0 };

	if (x->missing.n > 0)
		return false;
	for (size_t i = 0; i < x->fns.n; i++) {
		/* another entry of this VM has it already */
		if (selection_find(&s->sel, x->fns.v[i].bdf) || bdf_list_add(&l, x->fns.v[i].bdf) < 0)
			return false;
	}
	return s->free(s->ctx, l.v, l.n);
}

/* Which alternative of a mapping: expands into ret. */
static int choose(struct selector *s, const struct mapping *m, struct expanded *ret, const struct mapping_choice **ret_choice)
{
	for (size_t i = 0; i < m->n_choices; i++) {
		const struct mapping_choice *c = &m->choices[i];
		_cleanup_(expanded_done) struct expanded x = { 0 };
		int k = expand(s->r, c->devices, c->n_devices, &x, s->e);

		if (k < 0)
			return k;
		if (!s->free || m->n_choices == 1 || choice_free(s, &x)) {
			*ret = x;
			x = (struct expanded){ 0 };
			*ret_choice = c;
			return 0;
		}
	}
	/* none is free: say about the first why */
	*ret_choice = &m->choices[0];
	return expand(s->r, m->choices[0].devices, m->choices[0].n_devices, ret, s->e);
}

static int resolve(struct selector *s, const struct vm_devices *d, const struct hostpci *h, struct expanded *ret,
		   const struct mapping_choice **ret_choice)
{
	const struct mapping *m;

	*ret_choice = NULL;
	if (!h->mapping)
		return expand(s->r, h->devices, h->n_devices, ret, s->e);
	m = mapping_find(&d->mappings, h->mapping, s->e);
	if (!m)
		return -EINVAL;
	if (m->mdev) {
		*ret = (struct expanded){ 0 };
		return 0;
	}
	return choose(s, m, ret, ret_choice);
}

/* The id that a mapping gives stands for the first function of each path (assert_valid() in PVE/Mapping/PCI.pm). */
static struct pci_id expected(const struct mapping_choice *c, struct bdf b)
{
	struct pci_id id = { 0 };

	for (size_t i = 0; c && i < c->n_devices; i++) {
		struct bdf first = c->devices[i];

		if (first.fn == BDF_ANY_FN)
			first.fn = 0;
		if (bdf_eq(first, b))
			id = (struct pci_id){ c->vendor, c->device, c->has_subsystem ? c->sub_vendor : 0,
					      c->has_subsystem ? c->sub_device : 0 };
	}
	return id;
}

static int pick_entry(struct selector *s, const struct hostpci *h, const struct expanded *x, const struct mapping_choice *c)
{
	char name[40];
	int k = 0;

	snprintf(name, sizeof(name), "hostpci%u", h->index);
	if (h->mapping)
		snprintf(name, sizeof(name), "hostpci%u, mapping %.16s", h->index, h->mapping);
	for (size_t i = 0; k == 0 && i < x->fns.n; i++)
		k = selection_pick(&s->sel, x->fns.v[i].bdf, ROLE_NAMED, name, expected(c, x->fns.v[i].bdf), false);
	for (size_t i = 0; k == 0 && i < x->missing.n; i++)
		k = selection_pick(&s->sel, x->missing.v[i], ROLE_NAMED, name, (struct pci_id){ 0 }, true);
	strv_foreach(u, &h->unknown) {
		char text[128];

		snprintf(text, sizeof(text), "hostpci%u has the key '%.40s', which this version does not know", h->index, u);
		if (k == 0)
			k = strv_add(&s->sel.warnings, text);
	}
	return k;
}

static int pick_group(struct selector *s, const struct pci_fn *fn)
{
	_cleanup_pci_list_ struct pci_list group = { 0 };
	int k = iommu_group_functions(s->r, fn->group, &group, s->e);

	for (size_t g = 0; k == 0 && g < group.n; g++)
		if (!group.v[g].bridge)
			k = selection_pick(&s->sel, group.v[g].bdf, ROLE_GROUP, "", (struct pci_id){ 0 }, false);
	return k;
}

static int pick_groups(struct selector *s)
{
	_cleanup_bdf_list_ struct bdf_list named = { 0 };
	_cleanup_pci_list_ struct pci_list fns = { 0 };
	int k = selection_all(&s->sel, &named);

	if (k == 0)
		k = pci_outline_list(s->r, &named, &fns, s->e);
	for (size_t i = 0; k == 0 && i < fns.n; i++)
		if (fns.v[i].group >= 0)
			k = pick_group(s, &fns.v[i]);
	return k;
}

static int cmp_picked(const void *a, const void *b)
{
	return bdf_cmp(((const struct picked *)a)->bdf, ((const struct picked *)b)->bdf);
}

static int finish(struct selector *s, struct selection *ret)
{
	int k = s->sel.n ? pick_groups(s) : 0;

	if (k < 0)
		return k;
	if (s->sel.n > 1)
		qsort(s->sel.v, s->sel.n, sizeof(*s->sel.v), cmp_picked);
	*ret = s->sel;
	s->sel = (struct selection){ 0 };
	return 0;
}

static void selector_done(struct selector *s)
{
	selection_done(&s->sel);
}

int select_functions(const struct root *r, const struct vm_devices *d, select_free_fn *is_free, void *ctx,
		     struct selection *ret, struct err *e)
{
	_cleanup_(selector_done) struct selector s = { .r = r, .free = is_free, .ctx = ctx, .e = e };

	/* displays first: audio by itself is ours only beside a display */
	for (int audio = 0; audio <= 1; audio++) {
		for (size_t i = 0; i < d->entries.n; i++) {
			_cleanup_(expanded_done) struct expanded x = { 0 };
			const struct hostpci *h = &d->entries.v[i];
			const struct mapping_choice *c;
			int k;

			if (h->mdev || h->driver == HOSTPCI_KEEP)
				continue;
			k = resolve(&s, d, h, &x, &c);
			/* a device that is not there may have been a card: who asked for gpupt wants to know */
			if (k == 0 && (audio ? !x.display && x.fns.n && x.audio_only && s.sel.n :
					       x.display || (!x.fns.n && x.missing.n)))
				k = pick_entry(&s, h, &x, c);
			if (k < 0)
				return k;
		}
	}
	return finish(&s, ret);
}

int select_card(const struct root *r, struct bdf b, struct selection *ret, struct err *e)
{
	_cleanup_(selector_done) struct selector s = { .r = r, .e = e };
	_cleanup_pci_list_ struct pci_list slot = { 0 };
	int k = pci_slot_outline(r, b, &slot, e);

	for (size_t i = 0; k == 0 && i < slot.n; i++)
		if (!slot.v[i].bridge && !slot.v[i].is_vf)
			k = selection_pick(&s.sel, slot.v[i].bdf, ROLE_NAMED, "", (struct pci_id){ 0 }, false);
	return k < 0 ? k : finish(&s, ret);
}

