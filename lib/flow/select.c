/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/mapping_check.h"
#include "flow/meaning.h"
#include "flow/select.h"

struct selector {
	const struct root *r;
	select_free_fn *free;
	void *ctx;
	struct meaning *meanings; /* of each entry */
	size_t n_meanings;
	struct bdf_list used;	   /* what the entries so far have */
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

/* May all of x's functions be had, as far as others are concerned? */
static bool choice_free(const struct selector *s, const struct meaning *x)
{
	_cleanup_bdf_list_ struct bdf_list l = { 0 };

	for (size_t i = 0; i < x->fns.n; i++)
		if (bdf_list_add(&l, x->fns.v[i].bdf) < 0)
			return false;
	return !s->free || s->free(s->ctx, l.v, l.n);
}

/* Does an earlier entry of this VM have one of x's functions? */
static bool choice_used(const struct selector *s, const struct meaning *x)
{
	for (size_t i = 0; i < x->fns.n; i++)
		if (bdf_list_has(&s->used, x->fns.v[i].bdf))
			return true;
	return false;
}

/* Which alternative of a mapping, by the rules of choose_hostpci_devices(): what it means into ret. */
static int choose(struct selector *s, const struct hostpci *h, const struct mapping *m, struct meaning *ret)
{
	_cleanup_meaning_ struct meaning best = { 0 };
	bool found = false, chosen = false;

	for (size_t i = 0; !chosen && i < m->n_choices; i++) {
		_cleanup_meaning_ struct meaning x = { 0 };
		int k = meaning_load(s->r, m->choices[i].devices, m->choices[i].n_devices, &x, s->e);

		if (k < 0)
			return k;
		/* a single one is not passed over: who has it already is said instead */
		if (m->n_choices > 1 && choice_used(s, &x))
			continue;
		chosen = m->n_choices == 1 || choice_free(s, &x);
		/* if others have all of them, the first is judged, to say who */
		if (found && !chosen)
			continue;
		meaning_done(&best);
		best = x;
		x = (struct meaning){ 0 };
		found = true;
	}
	if (!found)
		return err_set(s->e, -EINVAL, "could not find a free device for 'hostpci%u'", h->index);
	*ret = best;
	best = (struct meaning){ 0 };
	return 0;
}

static int invalid(const struct selector *s, const struct hostpci *h, int k, const struct err *why)
{
	return err_set(s->e, k, "hostpci%u: PCI device mapping invalid (hardware probably changed): %s", h->index, why->text);
}

static int resolve(struct selector *s, const struct vm_devices *d, const struct hostpci *h, struct meaning *ret)
{
	const struct mapping *m = NULL;
	struct err why;
	int k;

	if (h->mapping) {
		m = mapping_find(&d->mappings, h->mapping, s->e);
		if (!m)
			return -EINVAL;
		k = mapping_check(s->r, m, &why);
		if (k < 0)
			return invalid(s, h, k, &why);
	}
	/* mediated devices are shared, and chosen when they are made */
	if (h->mdev)
		return 0;
	return m ? choose(s, h, m, ret) : meaning_load(s->r, h->devices, h->n_devices, ret, s->e);
}

/* A function goes to a guest once. */
static int use(struct selector *s, const struct hostpci *h, const struct meaning *x)
{
	char name[BDF_LEN];

	for (size_t i = 0; i < x->fns.n; i++) {
		if (bdf_list_has(&s->used, x->fns.v[i].bdf))
			return err_set(s->e, -EINVAL, "hostpci%u: device '%s' assigned more than once", h->index,
				       bdf_format(x->fns.v[i].bdf, name));
		if (bdf_list_add(&s->used, x->fns.v[i].bdf) < 0)
			return -ENOMEM;
	}
	return 0;
}

/*
 * What each entry means, in Proxmox VE's order, whether it is gpupt's business or not: what Proxmox VE refuses for any of them it
 * refuses behind pre-start, when the cards are taken.
 */
static int resolve_all(struct selector *s, const struct vm_devices *d)
{
	int k = 0;

	s->meanings = calloc(d->entries.n + 1, sizeof(*s->meanings));
	if (!s->meanings)
		return -ENOMEM;
	for (; k == 0 && s->n_meanings < d->entries.n; s->n_meanings++) {
		const struct hostpci *h = &d->entries.v[s->n_meanings];

		k = resolve(s, d, h, &s->meanings[s->n_meanings]);
		if (k == 0)
			k = use(s, h, &s->meanings[s->n_meanings]);
	}
	return k;
}

static int pick_entry(struct selector *s, const struct hostpci *h, const struct meaning *x)
{
	char name[40];
	int k = 0;

	snprintf(name, sizeof(name), "hostpci%u", h->index);
	if (h->mapping)
		snprintf(name, sizeof(name), "hostpci%u, mapping %.16s", h->index, h->mapping);
	for (size_t i = 0; k == 0 && i < x->fns.n; i++)
		k = selection_pick(&s->sel, x->fns.v[i].bdf, ROLE_NAMED, name, false);
	for (size_t i = 0; k == 0 && i < x->missing.n; i++)
		k = selection_pick(&s->sel, x->missing.v[i], ROLE_NAMED, name, true);
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
			k = selection_pick(&s->sel, group.v[g].bdf, ROLE_GROUP, "", false);
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

/* What Proxmox VE would hold against a mapping once the selected functions are on vfio-pci. A VM that gets none is left to it. */
static int check_mdev(struct selector *s, const struct vm_devices *d)
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < d->entries.n; i++) {
		const struct hostpci *h = &d->entries.v[i];
		const struct mapping *m = h->mapping ? mapping_find(&d->mappings, h->mapping, s->e) : NULL;
		struct err why;

		if (m && (k = mapping_check_mdev(s->r, m, &s->sel, &why)) < 0)
			invalid(s, h, k, &why);
	}
	return k;
}

static int finish(struct selector *s, const struct vm_devices *d, struct selection *ret)
{
	int k = s->sel.n ? pick_groups(s) : 0;

	if (k == 0 && d && s->sel.n)
		k = check_mdev(s, d);
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
	for (size_t i = 0; i < s->n_meanings; i++)
		meaning_done(&s->meanings[i]);
	free(s->meanings);
	bdf_list_done(&s->used);
	selection_done(&s->sel);
}

int select_functions(const struct root *r, const struct vm_devices *d, select_free_fn *is_free, void *ctx,
		     struct selection *ret, struct err *e)
{
	_cleanup_(selector_done) struct selector s = { .r = r, .free = is_free, .ctx = ctx, .e = e };

	int k = resolve_all(&s, d);

	/* displays first: audio by itself is ours only beside a display */
	for (int audio = 0; audio <= 1; audio++) {
		for (size_t i = 0; k == 0 && i < d->entries.n; i++) {
			const struct hostpci *h = &d->entries.v[i];
			const struct meaning *x = &s.meanings[i];

			if (h->mdev || h->driver == HOSTPCI_KEEP)
				continue;
			/* a device that is not there may have been a card: who asked for gpupt wants to know */
			if (audio ? !x->display && x->fns.n && x->audio_only && s.sel.n : x->display || (!x->fns.n && x->missing.n))
				k = pick_entry(&s, h, x);
		}
	}
	return k < 0 ? k : finish(&s, d, ret);
}

int select_card(const struct root *r, struct bdf b, struct selection *ret, struct err *e)
{
	_cleanup_(selector_done) struct selector s = { .r = r, .e = e };
	_cleanup_pci_list_ struct pci_list slot = { 0 };
	int k = pci_slot_outline(r, b, &slot, e);

	for (size_t i = 0; k == 0 && i < slot.n; i++)
		if (!slot.v[i].bridge && !slot.v[i].is_vf)
			k = selection_pick(&s.sel, slot.v[i].bdf, ROLE_NAMED, "", false);
	return k < 0 ? k : finish(&s, NULL, ret);
}

