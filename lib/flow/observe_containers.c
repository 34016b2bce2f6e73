/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/observe.h"
#include "flow/sharing.h"

/* The functions that are there, in the order of their addresses. */
static int present_functions(const struct facts *f, struct pci_list *ret)
{
	ret->v = calloc(f->n + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++)
		if (!f->v[i].absent && !f->v[i].fn.bridge)
			ret->v[ret->n++] = f->v[i].fn;
	return 0;
}

int facts_look_for_containers(const struct root *r, const struct container_list *containers, struct facts *f, struct err *e)
{
	_cleanup_pci_list_ struct pci_list fns = { 0 };
	struct sharers found = { 0 };
	int k = present_functions(f, &fns);

	if (k == 0)
		k = sharing_find(r, containers, &fns, &f->holders, &found, e);
	if (k < 0)
		return k;
	sharers_done(&f->sharers);
	f->sharers = found;
	return 0;
}

int facts_remember_containers(const struct root *r, const struct facts *f, struct err *e)
{
	_cleanup_pci_list_ struct pci_list fns = { 0 };
	int k = f->sharers.n ? present_functions(f, &fns) : 0;

	return k == 0 && f->sharers.n ? sharing_remember(r, &fns, &f->sharers, e) : k;
}
