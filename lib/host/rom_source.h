/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the ROM of a card can be had: from the card itself, or from what the firmware left of it in memory. */
#ifndef GPUPT_HOST_ROM_SOURCE_H
#define GPUPT_HOST_ROM_SOURCE_H

#include "host/rom.h"

struct rom_copy {
	uint8_t *data; /* rom.len bytes of it are the ROM */
	struct rom rom;
};

void rom_copy_done(struct rom_copy *c);
#define _cleanup_rom_copy_ _cleanup_(rom_copy_done)

/*
 * From the card: its `rom` in sysfs is switched on, read by a child with a deadline, and switched off again, whatever came of it
 * (Documentation/PCI/sysfs-pci.rst; pci_write_rom() and pci_read_rom() in drivers/pci/pci-sysfs.c). Nobody else may be at the card
 * meanwhile: on some its other memory is not reachable while the ROM is. In a captured tree the file is read if it holds something.
 * 0; -ENOENT (it has none); -EAGAIN (the card sleeps: not read, since it would read ff); -EBADMSG (no ROM, or damaged); -ESTALE (of
 * another card); -ETIMEDOUT; -EUCLEAN (could not be switched off); -errno.
 */
int rom_from_card(const struct root *r, const struct pci_fn *fn, struct rom_copy *ret, struct err *e);

/* From the ACPI table VFCT. 0; -ENOENT (no table, or nothing of this card in it); otherwise as vfct_find() and above. */
int rom_from_vfct(const struct root *r, const struct pci_fn *fn, struct rom_copy *ret, struct err *e);

/* A file that is to be, or became, a card's romfile. 0; -ENOENT; -EBADMSG (no ROM, or damaged), -ESTALE (of another card); -errno. */
int rom_from_file(const struct root *r, const char *path, struct pci_id id, struct rom_copy *ret, struct err *e);

#endif
