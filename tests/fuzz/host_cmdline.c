/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	_cleanup_boot_ struct boot b = { 0 };

	memcpy(text, data, size);
	if (boot_cmdline_parse(text, &b.cmdline) == 0) {
		boot_param(&b, "vfio-pci.ids");
		strv_foreach (s, &b.cmdline)
			if (strchr(s, '"'))
				abort();
	}
	snprintf(b.release, sizeof(b.release), "%s", text);
	boot_release_at_least(&b, 6, 8);
	return 0;
}
