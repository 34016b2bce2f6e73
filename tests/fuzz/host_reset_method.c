/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/reset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	struct reset_prediction p;
	struct reset_methods m;
	struct pci_fn fn = { .has_reset_method = true, .has_upstream = size & 1, .on_bus = size & 3 };

	memcpy(text, data, size);
	reset_methods_parse(text, &m);
	if (m.n > RESET_METHOD_COUNT)
		abort();
	snprintf(fn.reset_method, sizeof(fn.reset_method), "%s", text);
	reset_predict_in_set(&fn, &(struct pci_list){ .v = &fn, .n = 1 }, &p);
	if (!p.why[0] || (p.how == RESET_HOW_FUNCTION) != (p.method < RESET_METHOD_COUNT))
		abort();
	return 0;
}
