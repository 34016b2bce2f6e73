/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/select.h"

void selection_done(struct selection *s)
{
	free(s->v);
	strv_done(&s->warnings);
	*s = (struct selection){ 0 };
}

struct picked *selection_find(const struct selection *s, struct bdf b)
{
	for (size_t i = 0; i < s->n; i++)
		if (bdf_eq(s->v[i].bdf, b))
			return &s->v[i];
	return NULL;
}

int selection_pick(struct selection *s, struct bdf b, enum fn_role role, const char *entry, bool absent)
{
	struct picked *p = selection_find(s, b), *v;

	/* what is named and also in the group of another is named */
	if (p) {
		if (role == ROLE_NAMED && p->role == ROLE_GROUP) {
			p->role = role;
			snprintf(p->entry, sizeof(p->entry), "%s", entry);
		}
		return 0;
	}
	v = reallocarray(s->v, s->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	s->v = v;
	p = &v[s->n++];
	*p = (struct picked){ .bdf = b, .role = role, .absent = absent };
	snprintf(p->entry, sizeof(p->entry), "%s", entry);
	return 0;
}

int select_given(const struct bdf *b, size_t n, struct selection *ret)
{
	_cleanup_selection_ struct selection s = { 0 };

	for (size_t i = 0; i < n; i++)
		if (selection_pick(&s, b[i], ROLE_NAMED, "", false) < 0)
			return -ENOMEM;
	*ret = s;
	s = (struct selection){ 0 };
	return 0;
}

int selection_named(const struct selection *s, struct bdf_list *ret)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].role == ROLE_NAMED && !s->v[i].absent && bdf_list_add(ret, s->v[i].bdf) < 0)
			return -ENOMEM;
	return 0;
}

int selection_all(const struct selection *s, struct bdf_list *ret)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].absent && bdf_list_add(ret, s->v[i].bdf) < 0)
			return -ENOMEM;
	return 0;
}

int select_slot(const struct root *r, struct bdf b, struct selection *ret, struct err *e)
{
	_cleanup_pci_list_ struct pci_list slot = { 0 };
	struct bdf fns[8]; /* a slot has no more */
	size_t n = 0;
	int k = pci_slot_functions(r, b, &slot, e);

	if (k < 0)
		return k;
	for (size_t i = 0; i < slot.n && n < ARRAY_SIZE(fns); i++)
		if (!slot.v[i].bridge)
			fns[n++] = slot.v[i].bdf;
	return select_given(fns, n, ret);
}
