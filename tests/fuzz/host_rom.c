/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An option ROM: what is taken lies within it, image behind image, and can be looked at. */
#include "host/rom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_text_ struct text t = { 0 };
	struct err e = { "" };
	struct rom rom;
	size_t end = 0;

	if (rom_parse(data, size, &rom, &e) < 0) {
		if (!e.text[0])
			abort();
		return 0;
	}
	if (rom.n == 0 || rom.n > ROM_IMAGES_MAX || rom.len > size)
		abort();
	for (size_t i = 0; i < rom.n; i++) {
		if (rom.v[i].offset != end || rom.v[i].len == 0 || rom.v[i].list >= size)
			abort();
		end += rom.v[i].len;
	}
	if (end != rom.len || !rom_is_of(data, &rom, (struct pci_id){ rom.v[0].vendor, rom.v[0].device, 0, 0 }))
		abort();
	rom_is_of(data, &rom, (struct pci_id){ rom.v[0].vendor, 1, 0, 0 });
	rom_images(&rom, ", ", &t);
	if (t.len == 0 || rom_compare(&rom, &rom) != 0)
		abort();
	return 0;
}
