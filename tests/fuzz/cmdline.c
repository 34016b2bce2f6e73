/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line and, behind a $, a parameter: what is added and removed again leaves every byte as it was. */
#include <stdio.h>

#include "host/cmdline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *line = strndup((const char *)data, size), *more = NULL, *again = NULL, *less = NULL, *out = NULL, *back = NULL;
	char *param = line ? strchr(line, '$') : NULL;
	struct cmdline_place place;
	bool had;

	if (!param)
		return 0;
	*param++ = '\0';
	had = cmdline_has(line, param);
	if (cmdline_place(line, param, &place) == 0) {
		if (cmdline_remove_first(line, param, &out) < 0 || cmdline_has_exactly(out, param))
			abort();
		if (cmdline_put(out, param, &place, &back) == 0 && strcmp(back, line) != 0)
			abort();
	}
	free(back);
	back = NULL;
	/* a place that was another line's */
	place = (struct cmdline_place){ .at = size % 64 };
	snprintf(place.behind, sizeof(place.behind), "%.*s", (int)strcspn(line, " "), size & 1 ? line : "");
	if (cmdline_put(line, param, &place, &back) == 0 && (!cmdline_has_exactly(back, param) || strlen(back) < strlen(line)))
		abort();
	if (cmdline_remove(line, param, &less) == 0 && (cmdline_has(less, param) || (!had && strcmp(less, line) != 0)))
		abort();
	if (cmdline_add(line, param, &more) < 0)
		return 0;
	if (!cmdline_has(more, param) || strlen(more) < strlen(line))
		abort();
	if (had || cmdline_remove(more, param, &again) < 0)
		return 0;
	if (strcmp(again, line) != 0)
		abort();
	return 0;
}
