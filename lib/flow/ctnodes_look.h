/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a card's nodes in the containers that run are like. */
#ifndef GPUPT_CTNODES_LOOK_H
#define GPUPT_CTNODES_LOOK_H

#include "flow/container.h"
#include "policy/ctnodes.h"

/*
 * Of all running containers among those of this node (container_list_load()): of the sharers of the card, which sharing_find() gives, and
 * of others in which one of its nodes is at a place that a line of theirs names. Looks into them by a child with a deadline; of one that
 * does not answer, or has ended meanwhile, that is said in `problem`. Writes nothing. 0 or -errno.
 */
int ctnodes_look(const struct root *r, const struct container_list *containers, const struct pci_list *card, const struct sharers *s,
		 struct ctnode_facts *ret, struct err *e);

#endif
