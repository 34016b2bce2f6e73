/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	_cleanup_manifest_ struct manifest m = { 0 };
	dev_t dev;
	bool block;

	memcpy(text, data, size);
	if (manifest_parse(text, &m) < 0)
		return 0;
	for (size_t i = 0; i < m.n; i++)
		if (manifest_find_any(&m, m.v[i].path, &dev, &block) < 0)
			abort();
	return 0;
}
