/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/PID/status: an init says so in it. */
#include "pve/guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size), *copy = strndup((const char *)data, size);

	if (text && copy && guest_status_is_init(text) && !strstr(copy, "NSpid:"))
		abort();
	return 0;
}
