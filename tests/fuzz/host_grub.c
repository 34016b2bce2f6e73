/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GRUB's defaults: each piece of a value is in its file; and a loader's name is fit for a terminal. */
#include <ctype.h>

#include "host/grub.h"
#include "host/loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_grub_ struct grub g = { .bash = size & 1 };
	unsigned int lines = 1;
	char info[32];

	if (loader_info_parse(data, size, info, sizeof(info)) == 0)
		for (const char *p = info; *p || p == info; p++)
			if (!isprint((unsigned char)*p))
				abort();
	if (!text || grub_parse(text, "f", &g) < 0)
		return 0;
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	for (size_t i = 0; i < g.n; i++) {
		const struct grub_var *var = &g.vars[i];

		if (!*var->name || strpbrk(var->name, " =\"$"))
			abort();
		for (size_t k = 0; k < var->n; k++)
			if (!*var->v[k].text || !var->v[k].line || var->v[k].line > lines)
				abort();
	}
	return 0;
}
