/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gpupt.conf as the arguments ask for. Of a file that is there only the lines that change are a step: administrators write in it
 * afterwards, which is no reason for `revert` to leave what we have written.
 */
#include <ctype.h>
#include <errno.h>

#include "plan/line.h"
#include "policy/prepare_parts.h"

#define WHY "what the arguments ask for"

/* Lines first to last of it, counted from 0; last is the one behind. */
struct part {
	const char *text;
	size_t first, last;
};

static size_t count(const char *text)
{
	size_t n = 0;

	for (const char *line; line_at(text, n + 1, &line, &(size_t){ 0 }); n++)
		;
	return n;
}

static bool same(const char *a, size_t i, const char *b, size_t j)
{
	const char *x, *y;
	size_t n, m;

	return line_at(a, i + 1, &x, &n) && line_at(b, j + 1, &y, &m) && n == m && memcmp(x, y, n) == 0;
}

static bool is_header(const char *text, size_t nr)
{
	const char *s;
	size_t n;

	return line_at(text, nr + 1, &s, &n) && *s == '[';
}

static bool is_blank(const struct part *p)
{
	const char *s;
	size_t n;

	for (size_t i = p->first; i < p->last; i++)
		for (line_at(p->text, i + 1, &s, &n); n > 0; n--)
			if (!isspace((unsigned char)*s++))
				return false;
	return true;
}

char *prepare_lines(const char *text, unsigned int first, unsigned int last)
{
	const char *from = text, *to;

	for (unsigned int i = 1; i < first; i++) {
		from = strchr(from, '\n');
		if (!from++)
			return NULL;
	}
	to = from;
	for (unsigned int i = first; i < last; i++) {
		to = strchr(to, '\n');
		if (!to++)
			return NULL;
	}
	return strndup(from, (size_t)(to - from) + strcspn(to, "\n"));
}

/* What differs, and above it what makes it find its place again: the header of the section, or whatever the new text stands behind. */
static void differing(const char *before, const char *after, struct part *a, struct part *b)
{
	size_t n = count(before), m = count(after), head = 0, tail = 0;

	while (head < n && head < m && same(before, head, after, head))
		head++;
	while (tail < n - head && tail < m - head && same(before, n - 1 - tail, after, m - 1 - tail))
		tail++;
	*a = (struct part){ before, head, n - tail };
	*b = (struct part){ after, head, m - tail };
	while (a->first > 0 && (a->first == a->last || is_blank(a) || (a->last > head && !is_header(before, a->first))))
		a->first = --b->first;
}

int prepare_settings(const struct prepare_facts *f, struct plan *plan)
{
	const struct prepare_file *conf = prepare_file(f, SETTINGS_PATH);
	const char *now = conf ? conf->text : NULL;
	_cleanup_free_ char *before = NULL, *after = NULL;
	_cleanup_text_ struct text target = { 0 };
	struct part a, b;

	if (!f->settings_text || str_eq(now, f->settings_text))
		return 0;
	if (now)
		differing(now, f->settings_text, &a, &b);
	/* nothing is in it that would be left behind */
	if (!now || is_blank(&a))
		return plan_add(plan, &step_file, SETTINGS_PATH, now, f->settings_text, WHY) ? 0 : -ENOMEM;
	before = prepare_lines(now, (unsigned int)a.first + 1, (unsigned int)a.last);
	after = prepare_lines(f->settings_text, (unsigned int)b.first + 1, (unsigned int)b.last);
	line_target(SETTINGS_PATH, a.first + 1, &target);
	if (!before || !after || target.r < 0)
		return -ENOMEM;
	/* nothing but the newline at the end, which is left to whoever left it out */
	if (strcmp(before, after) == 0)
		return 0;
	return plan_add(plan, &step_line, text_str(&target), before, after, WHY) ? 0 : -ENOMEM;
}
