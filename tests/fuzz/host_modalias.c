/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/modalias.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	_cleanup_strv_ struct strv l = { 0 }, native = { 0 };
	const struct pci_fn fn = { .id = { 0x1002, 0x73bf, 0x1da2, 0xe438 }, .class = 0x030000 };

	memcpy(text, data, size);
	modalias_match_text(text, "pci:v00001002d000073BFsv00001DA2sd0000E438bc03sc00i00", &l);
	strv_foreach (s, &l)
		if (!*s || (strchr(s, '-') && !strchr(s, '[')) || strchr(s, '\n'))
			abort();
	memcpy(text, data, size);
	if (modalias_native_text(text, &fn, 1, &native) == 0)
		strv_foreach (s, &native)
			if (!strv_has(&l, s))
				abort();
	return 0;
}
