/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/rom.h"

#define UNIT	   512u /* of lengths */
#define HEADER_LEN 0x1a
#define PCIR_LEN   0x18 /* of revision 0; later ones only add to it */
#define LAST_IMAGE 0x80

/* Where things are in the header of an image … */
enum { INIT_SIZE = 2, EFI_SIGNATURE = 4, PCIR_POINTER = 0x18 };
/* … and in its PCI data structure. */
enum {
	PCIR_VENDOR = 4, PCIR_DEVICE = 6, PCIR_DEVICE_LIST = 8, PCIR_STRUCTURE_LEN = 0x0a, PCIR_REVISION = 0x0c,
	PCIR_IMAGE_LEN = 0x10, PCIR_CODE = 0x14, PCIR_INDICATOR = 0x15,
};

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static bool has_signature(const uint8_t *p, size_t left)
{
	return left >= 2 && p[0] == 0x55 && p[1] == 0xaa;
}

/* Revision 3: ids of 16 bits, relative to the structure, behind the last a 0. */
static int parse_list(const uint8_t *image, size_t len, size_t pcir, struct rom_image *im)
{
	size_t at = pcir + le16(image + pcir + PCIR_DEVICE_LIST);

	if (image[pcir + PCIR_REVISION] < 3 || at == pcir)
		return 0;
	im->list = im->offset + at;
	for (; at + 2 <= len; at += 2)
		if (le16(image + at) == 0)
			return 0;
	return -EBADMSG;
}

/* What the kind of code asks for. NULL, or what is wrong. */
static const char *check_code(const uint8_t *image, const struct rom_image *im)
{
	size_t n = image[INIT_SIZE] * UNIT;
	uint8_t sum = 0;

	if (im->code == ROM_EFI && (le16(image + EFI_SIGNATURE) != 0x0ef1 || le16(image + EFI_SIGNATURE + 2) != 0))
		return "is of EFI and lacks EFI's signature";
	if (im->code != ROM_X86)
		return NULL;
	if (n == 0 || n > im->len)
		return "has a code size that does not fit its length";
	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + image[i]);
	return sum ? "has a wrong checksum" : NULL;
}

/* One image at data + im->offset, which has the signature. NULL, or what is wrong. */
static const char *parse_image(const uint8_t *data, size_t len, struct rom_image *im, bool *ret_last)
{
	const uint8_t *image = data + im->offset, *pcir;
	size_t left = len - im->offset, at = left >= HEADER_LEN ? le16(image + PCIR_POINTER) : 0;

	if (left < HEADER_LEN)
		return "is cut off";
	if (at < HEADER_LEN || at + PCIR_LEN > left || memcmp(image + at, "PCIR", 4) != 0)
		return "has no PCI data structure";
	pcir = image + at;
	im->vendor = le16(pcir + PCIR_VENDOR);
	im->device = le16(pcir + PCIR_DEVICE);
	im->code = pcir[PCIR_CODE];
	im->len = le16(pcir + PCIR_IMAGE_LEN) * (size_t)UNIT;
	*ret_last = pcir[PCIR_INDICATOR] & LAST_IMAGE;
	if (im->len == 0)
		return "has no length";
	if (im->len > left)
		return "is cut off";
	if (le16(pcir + PCIR_STRUCTURE_LEN) < PCIR_LEN || at + le16(pcir + PCIR_STRUCTURE_LEN) > im->len)
		return "has a PCI data structure of a wrong length";
	if (parse_list(image, im->len, at, im) < 0)
		return "has a list of devices without an end";
	return check_code(image, im);
}

int rom_parse(const uint8_t *data, size_t len, struct rom *ret, struct err *e)
{
	struct rom rom = { 0 };

	if (!has_signature(data, len))
		return err_set(e, -EBADMSG, "there is no ROM: it does not begin with 55 aa");
	while (!rom.complete && has_signature(data + rom.len, len - rom.len)) {
		struct rom_image im = { .offset = rom.len };
		const char *wrong;

		if (rom.n == ROM_IMAGES_MAX)
			return err_set(e, -EBADMSG, "the ROM has more than %d images", ROM_IMAGES_MAX);
		wrong = parse_image(data, len, &im, &rom.complete);
		if (wrong)
			return err_set(e, -EBADMSG, "image %zu of the ROM %s", rom.n + 1, wrong);
		rom.v[rom.n++] = im;
		rom.len += im.len;
	}
	*ret = rom;
	return 0;
}

bool rom_is_of(const uint8_t *data, const struct rom *rom, struct pci_id id)
{
	for (size_t i = 0; i < rom->n; i++) {
		const struct rom_image *im = &rom->v[i];

		if (im->vendor != id.vendor)
			continue;
		if (im->device == id.device)
			return true;
		for (size_t at = im->list; at && le16(data + at) != 0; at += 2)
			if (le16(data + at) == id.device)
				return true;
	}
	return false;
}

int rom_check(const uint8_t *data, size_t len, struct pci_id id, struct rom *ret, struct err *e)
{
	struct rom rom;
	int k = rom_parse(data, len, &rom, e);

	if (k < 0)
		return k;
	if (!rom_is_of(data, &rom, id))
		return err_set(e, -ESTALE, "the ROM is of another device: %04x:%04x instead of %04x:%04x", rom.v[0].vendor, rom.v[0].device,
			       id.vendor, id.device);
	*ret = rom;
	return 0;
}

int rom_compare(const struct rom *a, const struct rom *b)
{
	if (a->complete != b->complete)
		return a->complete ? 1 : -1;
	if (a->n != b->n)
		return a->n > b->n ? 1 : -1;
	return (a->len > b->len) - (a->len < b->len);
}

void rom_images(const struct rom *rom, const char *sep, struct text *t)
{
	static const char *const names[] = {
		[ROM_X86] = "x86", [ROM_OPEN_FIRMWARE] = "Open Firmware", [ROM_PA_RISC] = "PA-RISC", [ROM_EFI] = "EFI",
	};

	for (size_t i = 0; i < rom->n; i++) {
		uint8_t code = rom->v[i].code;

		text_add(t, i ? sep : "");
		if (code < ARRAY_SIZE(names))
			text_add(t, names[code]);
		else
			text_addf(t, "type %u", code);
	}
}
