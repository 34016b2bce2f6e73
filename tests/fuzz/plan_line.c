/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A target, a file and two texts, with a $ between them: what is replaced, and found again, goes back to the same bytes. */
#include "plan/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *target = strndup((const char *)data, size);
	_cleanup_text_ struct text new = { 0 }, again = { 0 }, same = { 0 };
	char path[PATH_MAX], *parts[3], *p = target;
	struct line_texts t;
	struct line_found found;
	size_t nr, len;
	const char *at;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		p = p ? strchr(p, '$') : NULL;
		if (!p)
			return 0;
		*p++ = '\0';
		parts[i] = p;
	}
	if (line_target_parse(target, path, &nr) < 0)
		return 0;
	line_target(path, nr, &same);
	if (strcmp(text_str(&same), target) != 0)
		abort();
	t = (struct line_texts){ parts[1], parts[2] };
	line_at(parts[0], nr, &at, &len);
	found = line_find(parts[0], nr, &t);
	if (!found.at)
		return 0;
	if (found.places != 1 || !str_starts(found.at, found.value) || (found.at > parts[0] && found.at[-1] != '\n'))
		abort();
	at = found.value;
	line_replace(parts[0], &found, &t, &new);
	found = line_find(text_str(&new), nr, &t);
	if (!found.at || found.value == at)
		return 0;
	line_replace(text_str(&new), &found, &t, &again);
	if (strlen(parts[0]) != again.len)
		abort();
	return 0;
}
