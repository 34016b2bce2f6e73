/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/console.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	_cleanup_bootfb_list_ struct bootfb_list l = { 0 };

	memcpy(text, data, size);
	bootfb_parse(text, &l);
	for (size_t i = 0; i < l.n; i++)
		if (l.v[i].end < l.v[i].start || l.blind)
			abort();
	return 0;
}
