/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of installed modules: a name that is found in one is in it, however its dashes are written. */
#include "host/kmod.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *list = strndup((const char *)data, size);
	_cleanup_free_ char *longer = NULL;

	if (!list || asprintf(&longer, "%s\nx/vendor-reset.ko.zst: y.ko\n", list) < 0)
		return 0;
	if (kmod_listed(list, VENDOR_RESET) != kmod_listed(list, "vendor-reset") || !kmod_listed(longer, VENDOR_RESET))
		abort();
	if (kmod_listed(list, VENDOR_RESET) && !strstr(list, "vendor_reset.ko") && !strstr(list, "vendor-reset.ko"))
		abort();
	return 0;
}
