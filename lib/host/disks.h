/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disks below a PCI function, for who holds one of them: a VM that has it raw, say, which no mount tells of. */
#ifndef GPUPT_HOST_DISKS_H
#define GPUPT_HOST_DISKS_H

#include "host/nodes.h"

/* Names of the block devices below the function, partitions and what multipath NVMe makes of its paths included. 0 or -errno. */
int disks_below(const struct root *r, struct bdf bdf, struct strv *ret);

/*
 * Adds the nodes of these to a list for holders_find(). They are none of nodes_add()'s: a disk is not what anybody shares a card by. A
 * bridge has none, since it stays with the host. 0 or -errno.
 */
int nodes_add_disks(const struct root *r, const struct pci_fn *fn, struct node_list *l);

#endif
