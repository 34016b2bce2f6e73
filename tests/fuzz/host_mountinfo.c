/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/danger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	char where[64] = "";
	dev_t dev;

	memcpy(text, data, size);
	if (danger_mountinfo_line(text, &dev, where, sizeof(where)) == 0 && strlen(where) >= sizeof(where))
		abort();
	return 0;
}
