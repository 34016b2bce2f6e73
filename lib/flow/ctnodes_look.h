/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a card's nodes in the containers that run are like. */
#ifndef GPUPT_CTNODES_LOOK_H
#define GPUPT_CTNODES_LOOK_H

#include "policy/ctnodes.h"

/*
 * Of all sharers of the card: sharing_load() gives them. Looks into each running container by a child with a deadline; of one that does
 * not answer, or has ended meanwhile, that is said in `problem`. Writes nothing. 0 or -errno.
 */
int ctnodes_look(const struct root *r, const struct pci_list *card, const struct sharers *s, struct ctnode_facts *ret, struct err *e);

#endif
