/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever a program is, where it does more is one of its lines. */
#include "base/text.h"
#include "policy/pin_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	char where[96] = "";

	if (text && !pin_script_is_all(text, where, sizeof(where)) && !str_starts(where, "line "))
		abort();
	return 0;
}
