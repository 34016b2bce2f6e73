/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Known cards: of a text with an error nothing is taken; of one without, each line that says something, with its place. */
#include <ctype.h>

#include "host/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_known_ struct known_cards k = { 0 };
	struct err e = { "" };
	unsigned int before = 0;
	int r = text ? known_parse(text, "f", &k, &e) : 0;

	if ((r < 0) != (e.text[0] != '\0') || (r < 0 && k.n))
		abort();
	for (size_t i = 0; i < k.n; i++) {
		const struct known_line *l = &k.v[i];
		const char *bad = known_bad(&k, l->id), *family = known_vendor_reset(&k, l->id);

		if (l->at.line <= before || !known_find(&k, l->id, l->about) || strpbrk(l->text, "\n\t"))
			abort();
		if ((bad && !*bad) || (family && !*family) || strlen(l->text) > KNOWN_TEXT_MAX)
			abort();
		before = l->at.line;
	}
	return 0;
}
