/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "host/cmdline.h"

#define BLANK " \t\v\f\r"

static bool quotes_closed(const char *line)
{
	bool open = false;

	for (; *line && *line != '\n'; line++)
		open ^= *line == '"';
	return !open;
}

/* Behind the first parameter: the end of the line, or a blank that something follows. */
static bool is_plain_gap(const char *p)
{
	return p[0] == '\n' || (p[0] == ' ' && p[1] && p[1] != '\n');
}

/* The name alone: its value may be nobody's business, and may change without its being another one. */
static void name_of(const struct cmdline_param *p, char *ret, size_t size)
{
	const char *end = memchr(p->at, '=', p->len);
	size_t n = end ? (size_t)(end - p->at) : p->len;

	ret[0] = '\0';
	if (n >= size)
		return;
	for (size_t i = 0; i < n; i++)
		if (!isgraph((unsigned char)p->at[i]) || strchr("\"@", p->at[i]))
			return;
	memcpy(ret, p->at, n);
	ret[n] = '\0';
}

int cmdline_place(const char *line, const char *param, struct cmdline_place *ret)
{
	struct cmdline_place place = { 0 };
	struct cmdline_param is, before = { 0 };
	size_t n = strlen(param), at, len;
	_cleanup_free_ char *rest = NULL;
	const char *p = line;

	if (cmdline_span(line, param, &at, &len) < 0)
		return -ENOENT;
	while (cmdline_next(&p, &is) && is.at < line + at)
		before = is;
	if (is.len != n || memcmp(is.at, param, n) != 0)
		return -ENOENT;
	if (cmdline_remove_first(line, param, &rest) < 0)
		return -ENOMEM;
	if (!quotes_closed(line) || cmdline_has_exactly(rest, param))
		return -ENOTUNIQ;
	if (is.at > line ? is.at[-1] != ' ' : is.at[n] && !is_plain_gap(is.at + n))
		return -ENOTUNIQ;
	place.at = (size_t)(is.at - line);
	if (before.at)
		name_of(&before, place.behind, sizeof(place.behind));
	*ret = place;
	return 0;
}

/* Behind the last parameter that has the name, before "--"; with "" behind the last of all. 0 without any. */
static size_t end_of(const char *line, const char *name)
{
	struct cmdline_param is;
	const char *p = line;
	size_t end = 0;

	while (cmdline_next(&p, &is))
		if (!*name || cmdline_is(&is, name))
			end = (size_t)(p - line);
	return end;
}

/* Is this between two parameters, or at either end of them, and, with a name, behind one that has it? */
static bool is_between(const char *line, size_t at, const char *name)
{
	struct cmdline_param is, before = { 0 };
	const char *p = line, *end;

	while (cmdline_next(&p, &is)) {
		if (line + at > is.at && line + at < is.at + is.len)
			return false;
		if (line + at >= is.at + is.len)
			before = is;
	}
	end = p + strspn(p, BLANK);
	if (*name && (!before.at || !cmdline_is(&before, name)))
		return false;
	return line + at <= end && (line[at] == '\0' || line[at] == '\n' || strchr(BLANK, line[at]));
}

int cmdline_gap(const char *line, const struct cmdline_place *place, struct cmdline_gap *ret)
{
	/* with it the blank went that stood before it; at the start, the one behind it */
	struct cmdline_gap gap = { .at = place->at ? place->at - 1 : 0, .first = !place->at };

	if (!quotes_closed(line))
		return -EINVAL;
	if (place->at && !is_between(line, gap.at, place->behind)) {
		gap.at = end_of(line, place->behind);
		if (!gap.at)
			gap.at = end_of(line, "");
		gap.first = !gap.at;
	}
	*ret = gap;
	return 0;
}

void cmdline_fill(const char *line, const struct cmdline_gap *gap, const char *param, struct text *ret)
{
	text_add(ret, gap->first ? "" : " ");
	text_add(ret, param);
	text_add(ret, gap->first && *line && *line != '\n' ? " " : "");
}

int cmdline_put(const char *line, const char *param, const struct cmdline_place *place, char **ret)
{
	_cleanup_text_ struct text t = { 0 };
	struct cmdline_gap gap;
	int k;

	if (!cmdline_same(param, param))
		return -EINVAL;
	if (cmdline_has_exactly(line, param))
		return cmdline_add(line, param, ret);
	k = cmdline_gap(line, place, &gap);
	if (k < 0)
		return k;
	text_add_n(&t, line, gap.at);
	cmdline_fill(line, &gap, param, &t);
	text_add(&t, line + gap.at);
	*ret = text_take(&t);
	return *ret ? 0 : -ENOMEM;
}
