/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which VMs name a card: what their configurations say, not who has it. */
#ifndef GPUPT_NAMING_H
#define GPUPT_NAMING_H

#include "host/pci.h"
#include "pve/use.h"

/* The VMs with an entry that covers one of fns. 0 or -errno. */
int naming_vms(const struct root *r, const struct pci_list *fns, struct guest_uses *ret, struct err *e);

/* Is use the first of its VM? A VM may name a card by several entries. */
bool naming_first(const struct guest_uses *uses, size_t i);

#endif
