/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Option ROMs and VFCT tables for tests, put together byte by byte. */
#ifndef GPUPT_TESTS_OPTION_ROM_H
#define GPUPT_TESTS_OPTION_ROM_H

#include "host/rom.h"
#include "tests/fake/fake.h"

struct option_rom {
	uint8_t v[4096];
	size_t len;
};

/* Adds an image of so many units of 512 bytes, with a right checksum. */
void option_rom_add(struct option_rom *rom, uint8_t code, struct pci_id id, unsigned int units, bool last);
/* Makes the sum of its code right again, after a change. */
void option_rom_sum(struct option_rom *rom, size_t offset);

/* The PCI data structure of an image that option_rom_add() made lies at this offset. */
#define OPTION_ROM_PCIR 0x40

/* Adds a block to a table, which is begun if it is empty. */
void option_rom_vfct(struct option_rom *table, struct bdf b, struct pci_id id, const struct option_rom *image);

/* What the machine's kernel gives out as the ROM of a function while that is switched on. */
void option_rom_hide(struct fake *f, const char *bdf, const struct option_rom *rom);

/* of CARD in fake_machine() */
#define OPTION_ROM_ID ((struct pci_id){ 0x1002, 0x5159, 0x1af4, 0x1100 })
/* That machine; CARD has a ROM of two images, the firmware the first of them, and there is a directory for ROMs. */
struct fake *option_rom_machine(struct option_rom *ret);

#endif
