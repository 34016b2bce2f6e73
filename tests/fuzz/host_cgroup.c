/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/holders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	char id[96];
	enum holder_kind kind;

	memcpy(text, data, size);
	kind = holder_cgroup_parse(text, id, sizeof(id));
	if ((kind == HOLDER_HOST) != (id[0] == 0))
		abort();
	for (const char *p = id; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			abort();
	return 0;
}
