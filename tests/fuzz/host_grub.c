/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GRUB's defaults: each piece of a value is in its file; and a loader's name is fit for a terminal. */
#include <ctype.h>

#include "host/grub.h"
#include "host/grub_edit.h"
#include "host/loader.h"

/* Takes the first parameter out of a value and puts it back: it is there, or it is not, and so is all else. */
static void there_and_back(const char *text, const struct grub_assignment *a)
{
	_cleanup_free_ char *value = NULL, *param = NULL, *now = NULL, *again = NULL;
	_cleanup_text_ struct text without = { 0 }, with = { 0 };
	struct cmdline_place place = { 0 };
	struct cmdline_param is;
	const char *p;

	if (grub_edit_value(text, a, &value) < 0)
		return;
	p = value;
	if (!cmdline_next(&p, &is))
		return;
	param = strndup(is.at, is.len);
	if (!param || cmdline_place(value, param, &place) < 0 || grub_edit_remove(text, a, param, &without) < 0)
		return;
	if (grub_edit_value(text_str(&without), a, &now) < 0 || cmdline_has_exactly(now, param))
		abort();
	if (grub_edit_put(text_str(&without), a, param, &place, &with) < 0)
		abort();
	if (grub_edit_value(text_str(&with), a, &again) < 0 || strcmp(again, value) != 0)
		abort();
}

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
		struct grub_assignment a = { .nth = 1, .of = (unsigned int)var->n_words };

		snprintf(a.name, sizeof(a.name), "%s", var->name);
		for (; a.nth <= a.of; a.nth++)
			there_and_back(text, &a);
		if (!*var->name || strpbrk(var->name, " =\"$"))
			abort();
		for (size_t k = 0; k < var->n; k++)
			if (!*var->v[k].text || !var->v[k].line || var->v[k].line > lines)
				abort();
	}
	return 0;
}
