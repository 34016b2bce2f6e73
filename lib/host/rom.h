/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Option ROMs: a chain of images, each with a header and a PCI data structure (PCI Firmware Specification 3.0, 5.1; PCI Local Bus
 * Specification 3.0, 6.3). Nothing that a ROM says is believed before it has been found to lie within the bytes that there are.
 */
#ifndef GPUPT_HOST_ROM_H
#define GPUPT_HOST_ROM_H

#include "host/pci.h"

#define ROM_MAX	       (16 << 20) /* the largest window that an expansion ROM register can ask for */
#define ROM_IMAGES_MAX 16	  /* real ROMs have one to four */

/* What the code of an image is for. */
enum rom_code { ROM_X86 = 0, ROM_OPEN_FIRMWARE = 1, ROM_PA_RISC = 2, ROM_EFI = 3 };

struct rom_image {
	size_t offset, len; /* in the ROM, in bytes */
	uint16_t vendor, device;
	uint8_t code; /* enum rom_code, or another */
	size_t list;  /* where further device ids are, up to a 0; 0: there are none (before revision 3 of the structure) */
};

struct rom {
	struct rom_image v[ROM_IMAGES_MAX];
	size_t n;
	size_t len;    /* of the chain: what follows belongs to no image */
	bool complete; /* its end is an image that says it is the last */
};

/*
 * Takes a ROM apart. An x86 image has to sum up to 0 over the length in its third byte, an EFI image to have its own signature; for
 * others no such rule is known. 0 also for a chain that ends without a last image, as copies in memory and in ACPI tables do; -EBADMSG
 * (e: what is wrong, and with which image).
 */
int rom_parse(const uint8_t *data, size_t len, struct rom *ret, struct err *e);

/* Does one of the images name this vendor and device? Subsystems are not in a ROM. */
bool rom_is_of(const uint8_t *data, const struct rom *rom, struct pci_id id);

/* Both in one: a ROM, and this device's. 0; -EBADMSG (no ROM, or damaged); -ESTALE (of another device). */
int rom_check(const uint8_t *data, size_t len, struct pci_id id, struct rom *ret, struct err *e);

/* Which is the better one, both being good: complete, more images, more bytes, in this order. Above 0: a is. */
int rom_compare(const struct rom *a, const struct rom *b);

/* Appends "x86, EFI", with sep between. */
void rom_images(const struct rom *rom, const char *sep, struct text *t);

#endif
