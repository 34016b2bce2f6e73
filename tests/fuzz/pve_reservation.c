/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pci-id-reservations: what is written back reads back as the same. */
#include "pve/reservation_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rewrite(const char *in, struct text *out)
{
	_cleanup_reservation_table_ struct reservation_table t = { .data = strdup(in) };

	if (!t.data || reservation_table_parse(t.data, 0, &t) < 0)
		abort();
	reservation_table_text(&t, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *in = strndup((const char *)data, size);
	_cleanup_text_ struct text once = { 0 }, twice = { 0 };

	if (!in)
		return 0;
	rewrite(in, &once);
	rewrite(text_str(&once), &twice);
	if (strcmp(text_str(&once), text_str(&twice)) != 0)
		abort();
	return 0;
}
