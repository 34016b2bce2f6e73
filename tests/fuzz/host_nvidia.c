/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/nodes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	unsigned int n;
	dev_t dev;

	memcpy(text, data, size);
	node_dev_parse(text, &dev);
	if (nodes_nvidia_minor(text, &n) == 0 && n > 0xfffff)
		abort();
	return 0;
}
