/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/ctnodes_look.h"

#define HANGS_MAX 2 /* nodes that are waited for; after that nobody is looked at any more */

static int look(const struct root *r, struct ctnode_fact *f, unsigned int *hangs)
{
	const struct engine en = { .root = r };
	const struct step s = { .kind = &step_ctnode, .target = f->target };
	struct err e = { "" };
	int k;

	if (*hangs >= HANGS_MAX)
		k = err_set(&e, -ETIME, "CT %u was not looked at: others do not answer", f->node.vmid);
	else
		k = step_ctnode.get(&en, &s, &f->value, &e);
	*hangs += k == -ETIME;
	if (k < 0)
		f->problem = strdup(e.text);
	return k < 0 && !f->problem ? -ENOMEM : 0;
}

int ctnodes_look(const struct root *r, const struct pci_list *card, const struct sharers *s, struct ctnode_facts *ret, struct err *e)
{
	_cleanup_ctnode_facts_ struct ctnode_facts l = { 0 };
	unsigned int hangs = 0;
	int k = 0;

	for (size_t i = 0; i < s->n && k == 0; i++)
		k = ctnodes_add(&s->v[i], card, &l);
	for (size_t i = 0; i < l.n && k == 0; i++)
		k = look(r, &l.v[i], &hangs);
	if (k < 0)
		return err_errno(e, k, "cannot look at the card's nodes in containers");
	*ret = l;
	l = (struct ctnode_facts){ 0 };
	return 0;
}
