/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One hostpci value: accepted with a device or a mapping, or refused with a sentence of printable characters.
 */
#include <ctype.h>

#include "pve/hostpci.h"
#include "pve/property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *value = strndup((const char *)data, size);
	_cleanup_property_ struct properties props = { 0 };
	_cleanup_hostpci_ struct hostpci h = { 0 };
	struct err e = { "" };

	if (!value)
		return 0;
	property_parse(value, NULL, &props, NULL);
	if (hostpci_parse(0, value, &h, &e) == 0) {
		if ((h.n_devices > 0) == (h.mapping != NULL))
			abort();
		return 0;
	}
	if (!e.text[0])
		abort();
	for (const char *c = e.text; *c; c++)
		if (!isprint((unsigned char)*c))
			abort();
	return 0;
}
