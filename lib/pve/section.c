/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>

#include "pve/section.h"

struct section_reader section_reader(char *data)
{
	return (struct section_reader){ .next = data };
}

static char *skip_space(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* Only what Perl takes for false ends a section: white space does not, a lone "0" does. */
static bool ends_section(const char *line)
{
	return !*line || str_eq(line, "0");
}

/* "  key value": cuts the line, and points value at the rest, or at NULL. */
static void cut_property(char *line, char **ret_key, char **ret_value)
{
	char *key = str_trim(line), *end = key;

	while (*end && !isspace((unsigned char)*end))
		end++;
	*ret_key = key;
	*ret_value = NULL;
	if (*end) {
		*end++ = '\0';
		*ret_value = skip_space(end);
	}
}

bool section_next(struct section_reader *sr, enum section_event *ret, char **ret_text, char **ret_value)
{
	char *line;

	while ((line = str_line(&sr->next))) {
		sr->line++;
		if (*skip_space(line) == '#')
			continue;
		if (ends_section(line)) {
			sr->inside = false;
			continue;
		}
		*ret_text = line;
		*ret_value = NULL;
		if (!sr->inside) {
			sr->inside = true;
			*ret = SECTION_HEADER;
		} else if (isspace((unsigned char)*line) && *skip_space(line)) {
			*ret = SECTION_PROPERTY;
			cut_property(line, ret_text, ret_value);
		} else {
			*ret = SECTION_IGNORED;
		}
		return true;
	}
	return false;
}
