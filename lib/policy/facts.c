/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/facts.h"

void facts_done(struct facts *f)
{
	for (size_t i = 0; i < f->n; i++)
		danger_list_done(&f->v[i].dangers);
	free(f->v);
	known_done(&f->known);
	boot_done(&f->boot);
	loader_done(&f->loader);
	pci_list_done(&f->slots);
	holder_list_done(&f->holders);
	sharers_done(&f->sharers);
	ctnode_facts_done(&f->ctnodes);
	plan_done(&f->stopped);
	vtcon_list_done(&f->consoles);
	strv_done(&f->own_units);
	strv_done(&f->batch_units);
	*f = (struct facts){ 0 };
}

const struct fn_facts *facts_find(const struct facts *f, struct bdf b)
{
	for (size_t i = 0; i < f->n; i++)
		if (bdf_eq(f->v[i].fn.bdf, b))
			return &f->v[i];
	return NULL;
}
