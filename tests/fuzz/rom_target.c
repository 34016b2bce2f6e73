/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rom step is about, out of a record: once written anew it says the same. */
#include "plan/step_rom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_text_ struct text once = { 0 };
	struct rom_target t, again;

	if (!text || rom_target_parse(text, &t, NULL) < 0)
		return 0;
	if (*t.path != '/' || t.bdf.fn == BDF_ANY_FN)
		abort();
	rom_target_format(&(struct pci_fn){ .bdf = t.bdf, .id = t.id }, t.path, &once);
	if (rom_target_parse(text_str(&once), &again, NULL) < 0 || !bdf_eq(t.bdf, again.bdf) ||
	    memcmp(&t.id, &again.id, sizeof(t.id)) != 0 || strcmp(t.path, again.path) != 0)
		abort();
	return 0;
}
