/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps that bring a card's ROM into its file. */
#ifndef GPUPT_STEP_ROM_H
#define GPUPT_STEP_ROM_H

#include "host/rom_file.h"
#include "plan/plan.h"
#include "plan/rom_read.h"

/*
 * The value that a step is to set as long as nobody has read the ROM: a plan is shown before a card is touched, and to read its ROM is to
 * switch something at it. Such a step cannot be made; roms_read() of flow/roms.h puts in its place what the card has.
 */
#define ROM_UNREAD "the card's ROM"

struct rom_target {
	struct bdf bdf;
	struct pci_id id;
	const char *path; /* in the target */
};

/* "0000:03:00.0 1002:73bf/1da2:e438 /usr/share/kvm/vbios_1002_73bf_1da2_e438.bin", appended. */
void rom_target_format(const struct pci_fn *fn, const char *path, struct text *ret);
/* The reverse. 0 or -EINVAL. */
int rom_target_parse(const char *target, struct rom_target *ret, struct err *e);
/* Reads the ROM of that card, if it is still the one there. 0, -ENODEV (it is not), or as rom_read(). */
int rom_target_read(const struct root *r, const char *target, struct rom_found *ret, struct err *e);

#endif
