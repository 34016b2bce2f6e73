/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ACPI table VFCT: what is found of a card lies within the table. */
#include <errno.h>

#include "host/vfct.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pci_id ids[] = { { 0x1002, 0x73bf, 0x1da2, 0xe438 }, { 0x1002, 0x1638, 0, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		size_t offset = 77, len = 77;
		struct err e = { "" };
		int k = vfct_find(data, size, (struct bdf){ 0, 3, 0, 0 }, ids[i], &offset, &len, &e);

		if (k == 0 ? len == 0 || offset > size || len > size - offset : !e.text[0] || offset != 77 || len != 77)
			abort();
	}
	return 0;
}
