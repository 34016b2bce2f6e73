/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which guests name a card: what their configurations say, not who has it. */
#ifndef GPUPT_NAMING_H
#define GPUPT_NAMING_H

#include "host/pci.h"
#include "pve/use.h"

/* The VMs with an entry that covers one of fns. 0 or -errno. */
int naming_vms(const struct root *r, const struct pci_list *fns, struct guest_uses *ret, struct err *e);
/* The CTs with a line for a device node of one of fns; nodes that all cards of a driver share don't count. 0 or -errno. */
int naming_cts(const struct root *r, const struct pci_list *fns, struct guest_uses *ret, struct err *e);

/* Is use the first of its guest? A guest may name a card by several lines. */
bool naming_first(const struct guest_uses *uses, size_t i);
/* "VM 101", "CT 200"; returns buf. */
char *naming_guest(const struct guest_use *use, char buf[static 24]);
/* The keys by which the guest of use i names the card: "dev0, lxc.mount.entry". */
void naming_keys(const struct guest_uses *uses, size_t i, struct text *ret);

#endif
