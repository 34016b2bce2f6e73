/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/modalias.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	_cleanup_strv_ struct strv l = { 0 }, black = { 0 };

	memcpy(text, data, size);
	modalias_match_text(text, "pci:v00001002d000073BFsv00001DA2sd0000E438bc03sc00i00", &l);
	strv_foreach (s, &l)
		if (!*s || strchr(s, '-') || strchr(s, '\n'))
			abort();
	memcpy(text, data, size);
	modalias_blacklist_text(text, &black);
	strv_foreach (s, &black)
		if (!*s || strchr(s, ' '))
			abort();
	return 0;
}
