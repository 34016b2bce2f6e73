/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nodes of a card in the containers that run, as steps: each one dies with the card's leaving and is renewed when it is back. */
#ifndef GPUPT_CTNODES_H
#define GPUPT_CTNODES_H

#include "plan/ctnode.h"
#include "plan/plan.h"
#include "policy/sharers.h"

/* One node, or one directory of nodes, at one place in one container, and what it is like now. flow/ctnodes_look.h finds that out. */
struct ctnode_fact {
	struct ctnode node;
	char *target; /* of the step: ctnode_target() */
	char *value;  /* of the step; NULL: the card is away, or it is not known */
	char *problem; /* why it is not known; NULL if it is */
};

struct ctnode_facts {
	struct ctnode_fact *v; /* by container */
	size_t n;
};

void ctnode_facts_done(struct ctnode_facts *l);
#define _cleanup_ctnode_facts_ _cleanup_(ctnode_facts_done)

/*
 * Adds the places in a container at which its lines put nodes of the card: a devN and a mounted node where it says; a mounted directory
 * itself, once for each of the card's nodes in it; a node that only a number with a '*' allows where it was seen. Each place has the
 * access that the container's lines allow to its number. Only of uses whose node is there; none of a container that does not run. The
 * values stay open. 0 or -ENOMEM.
 */
int ctnodes_add(const struct sharer *s, const struct pci_list *card, struct ctnode_facts *l);

/* Is it a working node now, that can be put back as it is? Its step would be { target, value, absent }. */
bool ctnode_fact_works(const struct ctnode_fact *f);

/* Adds the steps of those that work, of one container. To be made before the card's own. 0 or -ENOMEM. */
int ctnodes_plan(const struct ctnode_facts *l, unsigned int vmid, struct plan *p);

#endif
