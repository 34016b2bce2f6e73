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

/* A running container: its first process, and its lines. */
struct ctnode_container {
	struct proc_id init;
	const struct config *cfg;
	const struct ctdev_list *devices; /* of cfg */
};

/*
 * Adds the places at which a container's lines put nodes of the card: a devN and a mounted node where it says; a mounted directory
 * itself, once for each of the card's nodes in it; a node that only a number with a '*' allows where it was seen. Of uses whose node is
 * there. The values stay open. 0 or -ENOMEM.
 */
int ctnodes_add(const struct sharer *s, const struct ctnode_container *c, const struct pci_list *card, struct ctnode_facts *l);
/*
 * Adds a place at which a node of the card was seen, if a line puts a node there and the place is not among l. In a container that has
 * run through a change of numbers its nodes have followed their card, and the names in its lines, by which it was a sharer, have not.
 */
int ctnodes_add_seen(const struct ctnode_container *c, const struct pci_list *card, const struct node *node, const char *path,
		     struct ctnode_facts *l);

/*
 * Adds the nodes that a container has mounted while the card was away, which are placeholders: whoever brings the card home takes them away
 * on the host, and what is left in the container leads nowhere. Their value is to be the host's node, mounted. 0 or -ENOMEM.
 */
int ctnodes_add_placeholders(const struct sharer *s, const struct ctnode_container *c, const struct pci_list *card, struct ctnode_facts *l);

/* Is it a working node now, that can be put back as it is? Its step would be { target, value, absent }. */
bool ctnode_fact_works(const struct ctnode_fact *f);

/* Adds the steps of those that work, of one container. To be made before the card's own. 0 or -ENOMEM. */
int ctnodes_plan(const struct ctnode_facts *l, unsigned int vmid, struct plan *p);

#endif
