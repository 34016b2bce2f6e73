/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has a card. */
#ifndef GPUPT_CARD_USERS_H
#define GPUPT_CARD_USERS_H

#include "flow/sharing.h"

/*
 * Its owner, then who has one of its functions open, then running containers that can use it: "VM 101", "CT 200",
 * "nvidia-persistenced.service", "Xorg (1234)".
 */
void card_users(const struct root *r, const struct pci_list *card, const struct holder_list *holders, const struct sharers *cts,
		struct strv *users);
/* Is a VM among them? */
bool card_users_vm(const struct strv *users);

#endif
