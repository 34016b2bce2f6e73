/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The containers of this node that reach a card by what their configurations give them, now or when the card is back. Nodes are
 * matched with cards by device number, never by their names: a twin's container is none of this card's. Nothing is written but by
 * sharing_remember(); nothing is decided.
 */
#ifndef GPUPT_SHARING_H
#define GPUPT_SHARING_H

#include "flow/container.h"
#include "host/holders.h"
#include "policy/sharers.h"

/*
 * Who reaches the card of these functions. A wildcard counts if one of the card's nodes is visible in the running container, or
 * held open by one of its processes: holders is what holders_find() gave for the card, or NULL. A node that all cards of a driver
 * share counts if this is the driver's only card or the container has a node of this card as well. VFIO's nodes are no use of the
 * card. 0 (also with none) or -errno (-EACCES: without root Proxmox VE's files cannot be read).
 */
int sharing_load(const struct root *r, const struct pci_list *card, const struct holder_list *holders, struct sharers *ret,
		 struct err *e);
/* The same of containers that were read before, for several cards. */
int sharing_find(const struct root *r, const struct container_list *containers, const struct pci_list *card,
		 const struct holder_list *holders, struct sharers *ret, struct err *e);
/*
 * Remembers whose the nodes are (path.h), for as long as they are away: of every use whose node is there and the card's own. A
 * wildcard names no node, but one of those in a mounted directory stands for it; and a name with the card's address needs no memory while
 * it is away. 0 or the first -errno; the rest is remembered all the same.
 */
int sharing_remember(const struct root *r, const struct pci_list *card, const struct sharers *s, struct err *e);

#endif
