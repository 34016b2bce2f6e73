/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ROM of a card, from the best place that has it. */
#ifndef GPUPT_PLAN_ROM_READ_H
#define GPUPT_PLAN_ROM_READ_H

#include "host/rom_source.h"

struct rom_found {
	struct rom_copy copy;
	const char *source;	/* "card" or "VFCT" */
	struct text not_card;	/* why it is not from the card; empty if it is, or if that would be no better */
};

/*
 * Reads fn's ROM. The card itself is only asked while nobody has it, and not in a dry run: it is claimed meanwhile, as for a reset,
 * so that no VM takes it. 0; -ENOENT (none to be had: e has the reason for each place); -EUCLEAN; -errno.
 */
int rom_read(const struct root *r, bool dry_run, const struct pci_fn *fn, struct rom_found *ret, struct err *e);
void rom_found_done(struct rom_found *f);
#define _cleanup_rom_found_ _cleanup_(rom_found_done)

#endif
