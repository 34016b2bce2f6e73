/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapping/pci.cfg: every mapping that is found has a choice, every choice a device. */
#include "pve/mapping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_mapping_ struct mappings all = { 0 };

	if (mapping_parse((const char *)data, size, "pve1", &all) < 0)
		return 0;
	for (size_t i = 0; i < all.n; i++) {
		const struct mapping *m = mapping_find(&all, all.v[i].name, NULL);

		for (size_t c = 0; m && c < m->n_choices; c++)
			if (m->choices[c].n_devices == 0 || !m->choices[c].devices)
				abort();
		if (m && m->n_choices == 0)
			abort();
	}
	return 0;
}
