/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HA's resources: whoever is in the list is found in it, once. */
#include "pve/ha.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_ha_list_ struct ha_list l = { 0 };
	enum ha_state state, again;

	if (!text || ha_parse(text, &l) < 0)
		return 0;
	for (size_t i = 0; i < l.n; i++) {
		if (ha_get(&l, l.v[i].kind, l.v[i].vmid, &state) < 0 || state != l.v[i].state)
			abort();
		if (ha_state_parse(ha_state_name(state), &again) < 0 || again != state)
			abort();
		if (i > 0 && l.v[i].vmid < l.v[i - 1].vmid)
			abort();
	}
	return 0;
}
