/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/line.h"
#include "plan/textfile.h"

#define NR_MAX 1000000 /* a text file of 1 MiB has no more */

static const char *next_line(const char *p)
{
	const char *end = strchr(p, '\n');

	return end ? end + 1 : p + strlen(p);
}

static bool at_end(const char *p)
{
	if (p[0] == '\r')
		p++;
	return p[0] == '\n' || p[0] == '\0';
}

static bool stands(const char *at, const char *text)
{
	return *text && str_starts(at, text) && at_end(at + strlen(text));
}

/* Which of them begins here. */
static const char *which(const char *at, const struct line_texts *t)
{
	bool before = stands(at, t->before), after = stands(at, t->after);

	if (before && after)
		return strlen(t->before) > strlen(t->after) ? t->before : t->after;
	return before ? t->before : after ? t->after : NULL;
}

struct line_found line_find(const char *file, size_t nr, const struct line_texts *t)
{
	struct line_found found = { NULL };
	size_t line = 1;

	for (const char *p = file; *p;) {
		const char *value = which(p, t), *end;

		if (value && line == nr)
			return (struct line_found){ p, value, 1 };
		if (value)
			found = (struct line_found){ p, value, found.places + 1 };
		end = value ? next_line(p + strlen(value)) : next_line(p);
		for (; p < end; p = next_line(p))
			line++;
	}
	return found.places == 1 ? found : (struct line_found){ .places = found.places };
}

bool line_at(const char *file, size_t nr, const char **ret, size_t *ret_len)
{
	for (; nr > 1 && *file; nr--)
		file = next_line(file);
	if (!*file)
		return false;
	*ret = file;
	for (*ret_len = 0; !at_end(file + *ret_len);)
		++*ret_len;
	return true;
}

void line_replace(const char *file, const struct line_found *found, const struct line_texts *t, struct text *ret)
{
	text_add_n(ret, file, (size_t)(found->at - file));
	text_add(ret, found->value == t->before ? t->after : t->before);
	text_add(ret, found->at + strlen(found->value));
}

void line_target(const char *path, size_t nr, struct text *ret)
{
	text_addf(ret, "%s %zu", path, nr);
}

int line_target_parse(const char *target, char ret_path[static PATH_MAX], size_t *ret_nr)
{
	const char *rest;
	uint64_t nr;

	if (textfile_split(target, true, ret_path, &rest) < 0 || parse_uint(rest, NR_MAX, &nr) < 0 || nr == 0)
		return -EINVAL;
	*ret_nr = (size_t)nr;
	return 0;
}
