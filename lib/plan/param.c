/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "plan/param.h"
#include "plan/textfile.h"

#define PLACE_MAX 65536

void param_target(const char *path, const char *param, struct text *ret)
{
	text_addf(ret, "%s %s", path, param);
}

static void add_place(const struct cmdline_place *place, const char *param, struct text *ret)
{
	text_addf(ret, "@%zu%s%s %s", place->at, *place->behind ? "," : "", place->behind, param);
}

int param_target_at(const char *path, const char *text, const char *param, struct text *ret)
{
	struct cmdline_place place;
	int k = cmdline_place(text, param, &place);

	if (k < 0)
		return k;
	text_add(ret, path);
	add_place(&place, param, ret);
	return ret->r;
}

/* Does the way there and back lead to this very text? */
static int check_way_back(const char *target, const char *text)
{
	_cleanup_text_ struct text without = { 0 }, with = { 0 };
	struct param p;
	int k = param_target_parse(target, &p);

	if (k == 0)
		k = param_edit(&p, text, false, &without);
	if (k == 0)
		k = param_edit(&p, text_str(&without), true, &with);
	if (without.r < 0 || with.r < 0)
		return -ENOMEM;
	return k < 0 ? k : strcmp(text_str(&with), text) == 0 ? 0 : -ENOTUNIQ;
}

int param_target_grub(const char *path, const char *text, unsigned int line, const char *param, struct text *ret)
{
	_cleanup_free_ char *value = NULL;
	_cleanup_text_ struct text target = { 0 };
	struct cmdline_place place;
	struct grub_assignment of;
	int k = strchr(path, ' ') ? -EINVAL : grub_assignment_at(text, line, param, &of);

	if (k == 0)
		k = grub_edit_value(text, &of, &value);
	if (k == 0)
		k = cmdline_place(value, param, &place);
	if (k < 0)
		return k;
	text_addf(&target, "%s:%s", path, of.name);
	if (of.of > 1)
		text_addf(&target, "#%u/%u", of.nth, of.of);
	add_place(&place, param, &target);
	k = check_way_back(text_str(&target), text);
	if (k == 0)
		text_add(ret, text_str(&target));
	return k < 0 ? k : ret->r;
}

/* "12,quiet" */
static int parse_place(char *s, struct cmdline_place *ret)
{
	char *behind = strchr(s, ',');
	uint64_t at;

	if (behind)
		*behind++ = '\0';
	if (parse_uint(s, PLACE_MAX, &at) < 0 || (behind && (!*behind || strlen(behind) >= sizeof(ret->behind))))
		return -EINVAL;
	ret->at = (size_t)at;
	snprintf(ret->behind, sizeof(ret->behind), "%s", behind ? behind : "");
	return 0;
}

/* "NAME" or "NAME#2/3"; 1: it is neither. */
static int parse_assignment(const char *s, struct grub_assignment *ret)
{
	size_t n = 0;
	int end = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	if (!n || n >= sizeof(ret->name) || isdigit((unsigned char)*s) || (s[n] && s[n] != '#'))
		return 1;
	*ret = (struct grub_assignment){ .nth = 1, .of = 1 };
	memcpy(ret->name, s, n);
	if (!s[n])
		return 0;
	if (sscanf(s + n, "#%4u/%4u%n", &ret->nth, &ret->of, &end) != 2 || s[n + (size_t)end] || !ret->nth || ret->nth > ret->of)
		return -EINVAL;
	return 0;
}

int param_target_parse(const char *target, struct param *ret)
{
	struct param p = { .taken_out = false };
	char *at, *name;
	int k = 0;

	if (textfile_split(target, false, p.path, &p.param) < 0 || !cmdline_same(p.param, p.param))
		return -EINVAL;
	at = strrchr(p.path, '@');
	if (!at) {
		*ret = p;
		return 0;
	}
	*at++ = '\0';
	p.taken_out = true;
	name = strrchr(p.path, ':');
	if (name)
		k = parse_assignment(name + 1, &p.of);
	if (name && k == 0)
		*name = '\0';
	if (k < 0 || parse_place(at, &p.place) < 0)
		return -EINVAL;
	*ret = p;
	return 0;
}

int param_line(const struct param *p, const char *text, char **ret)
{
	char *line;

	if (*p->of.name)
		return grub_edit_value(text, &p->of, ret);
	line = strdup(text);
	if (!line)
		return -ENOMEM;
	*ret = line;
	return 0;
}

int param_edit(const struct param *p, const char *text, bool add, struct text *ret)
{
	_cleanup_free_ char *new = NULL;
	int k;

	if (*p->of.name)
		return add ? grub_edit_put(text, &p->of, p->param, &p->place, ret) : grub_edit_remove(text, &p->of, p->param, ret);
	if (!add)
		k = cmdline_remove_first(text, p->param, &new);
	else if (p->taken_out)
		k = cmdline_put(text, p->param, &p->place, &new);
	else
		k = cmdline_add(text, p->param, &new);
	if (k == 0)
		text_add(ret, new);
	return k;
}
