/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/nvidia.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	bool on;

	memcpy(text, data, size);
	if (nvidia_persistence_parse(text, &on) == 0 && !str_starts(text, on ? NVIDIA_ENABLED : NVIDIA_DISABLED))
		abort();
	return 0;
}
