/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The container that a step of a record is about: what is understood is what would be written. */
#include "plan/step_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_text_ struct text guest = { 0 }, ha = { 0 };
	struct guest_stop g;

	if (!text || guest_target_parse(text, &g, NULL) < 0)
		return 0;
	guest_target(&g, &guest);
	ha_target(&g, &ha);
	if ((!str_eq(text, text_str(&guest)) && !str_eq(text, text_str(&ha))) || (g.ident[0] && !ctident_valid(g.ident)))
		abort();
	return 0;
}
