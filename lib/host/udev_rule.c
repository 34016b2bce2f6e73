/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/udev_rule.h"

#define BLANK " \t\r\n"

static void token_done(struct udev_token *t)
{
	free(t->key);
	free(t->attr);
	free(t->value);
	*t = (struct udev_token){ 0 };
}

void udev_rule_done(struct udev_rule *rule)
{
	conf_place_done(&rule->at);
	for (size_t i = 0; i < rule->n; i++)
		token_done(&rule->v[i]);
	free(rule->v);
	*rule = (struct udev_rule){ 0 };
}

static size_t op_len(const char *p)
{
	if (*p && strchr("=!+-:", *p) && p[1] == '=')
		return 2;
	return *p == '=';
}

/* "KEY{attr}" up to its operator. */
static int parse_key(const char **p, struct udev_token *t)
{
	const char *s = *p;
	size_t n = 0;

	/* all keys that there are: one that is none makes the line an error */
	while ((s[n] >= 'A' && s[n] <= 'Z') || s[n] == '_')
		n++;
	if (!n || !s[n])
		return -EINVAL;
	t->key = strndup(s, n);
	s += n;
	if (*s == '{') {
		n = strcspn(++s, "}");
		if (!s[n])
			return -EINVAL;
		t->attr = strndup(s, n);
		if (!t->attr)
			return -ENOMEM;
		s += n + 1;
	}
	*p = s + strspn(s, BLANK);
	return t->key ? 0 : -ENOMEM;
}

/* "value", i"value" or e"value", in which the backslashes stay: what we look for in one has none. */
static int parse_value(const char **p, struct udev_token *t)
{
	_cleanup_text_ struct text value = { 0 };
	const char *s = *p + strspn(*p, BLANK);

	for (; *s == 'i' || *s == 'e'; s++)
		t->nocase |= *s == 'i';
	if (*s++ != '"')
		return -EINVAL;
	for (; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1] == '"')
			s++;
		text_add_n(&value, s, 1);
	}
	if (*s != '"')
		return -EINVAL;
	*p = s + 1;
	t->value = text_take(&value);
	return t->value ? 0 : -ENOMEM;
}

static int parse_token(const char **p, struct udev_token *t)
{
	int k = parse_key(p, t);
	size_t n = k < 0 ? 0 : op_len(*p);

	if (k < 0)
		return k;
	if (!n)
		return -EINVAL;
	memcpy(t->op, *p, n);
	*p += n;
	return parse_value(p, t);
}

int udev_rule_parse(const char *line, struct udev_rule *ret)
{
	_cleanup_(udev_rule_done) struct udev_rule rule = { 0 };

	for (const char *p = line; *(p += strspn(p, BLANK ","));) {
		struct udev_token *v = conf_grow(rule.v, &rule.n, sizeof(*v));
		int k;

		if (!v)
			return -ENOMEM;
		rule.v = v;
		k = parse_token(&p, &v[rule.n - 1]);
		if (k < 0)
			return k;
	}
	*ret = rule;
	rule = (struct udev_rule){ 0 };
	return 0;
}

bool udev_is_of_drivers(const char *s)
{
	static const char *const words[] = { "driver_override", "vfio-pci", "vfio_pci", "pci-stub", "pci_stub", "new_id" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(s, words[i]))
			return true;
	return false;
}

/* A whole rule: kept if it does something about drivers. */
static int add_line(struct udev_rules *l, const char *line, const char *file, unsigned int first, unsigned int last)
{
	_cleanup_(udev_rule_done) struct udev_rule rule = { 0 };
	struct udev_rule *v;
	int k;

	if (!udev_is_of_drivers(line))
		return 0;
	k = udev_rule_parse(line, &rule);
	if (k < 0)
		return k == -EINVAL ? 0 : k;
	if (!udev_rule_override(&rule) && !udev_rule_command(&rule))
		return 0;
	v = conf_grow(l->v, &l->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->v = v;
	if (conf_place_set(&rule.at, file, first, last, line) < 0)
		return -ENOMEM;
	v[l->n - 1] = rule;
	rule = (struct udev_rule){ 0 };
	return 0;
}

int udev_rules_parse(const char *text, const char *file, struct udev_rules *l)
{
	_cleanup_free_ char *copy = strdup(text);
	_cleanup_text_ struct text rule = { 0 };
	unsigned int number = 0, first = 0;
	char *next = copy;

	if (!copy)
		return -ENOMEM;
	for (char *line; (line = str_line(&next));) {
		size_t n;

		number++;
		line += strspn(line, BLANK);
		if (*line == '#')
			continue;
		n = strlen(line);
		first = first ? first : number;
		if (n && line[n - 1] == '\\') {
			text_add_n(&rule, line, n - 1);
			continue;
		}
		text_add(&rule, line);
		if (rule.r < 0 || add_line(l, text_str(&rule), file, first, number) < 0)
			return -ENOMEM;
		text_done(&rule);
		rule = (struct text){ 0 };
		first = 0;
	}
	/* a rule that is continued beyond the end of the file is none */
	return 0;
}

static int parse_file(void *ctx, const char *text, const char *file)
{
	return udev_rules_parse(text, file, ctx);
}

int udev_rules_load(const struct root *r, struct udev_rules *ret)
{
	static const char *const dirs[] = { "/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
					    "/usr/lib/udev/rules.d", "/lib/udev/rules.d" };
	_cleanup_udev_rules_ struct udev_rules l = { 0 };
	_cleanup_strv_ struct strv files = { 0 };
	int k = conf_files(r, dirs, ARRAY_SIZE(dirs), ".rules", &files);

	if (k == 0)
		k = conf_each(r, &files, parse_file, &l, &l.unread);
	if (k < 0)
		return k;
	*ret = l;
	l = (struct udev_rules){ 0 };
	return 0;
}

void udev_rules_done(struct udev_rules *l)
{
	for (size_t i = 0; i < l->n; i++)
		udev_rule_done(&l->v[i]);
	free(l->v);
	strv_done(&l->unread);
	*l = (struct udev_rules){ 0 };
}

bool udev_token_is_match(const struct udev_token *t)
{
	return strcmp(t->op, "==") == 0 || strcmp(t->op, "!=") == 0 || strcmp(t->key, "PROGRAM") == 0 || strcmp(t->key, "IMPORT") == 0;
}

const char *udev_rule_override(const struct udev_rule *rule)
{
	const char *value = NULL;

	for (size_t i = 0; i < rule->n; i++)
		if (!udev_token_is_match(&rule->v[i]) && strcmp(rule->v[i].key, "ATTR") == 0 && str_eq(rule->v[i].attr, "driver_override"))
			value = rule->v[i].value;
	return value;
}

const char *udev_rule_command(const struct udev_rule *rule)
{
	for (size_t i = 0; i < rule->n; i++) {
		const struct udev_token *t = &rule->v[i];

		if (t->op[0] == '-' || udev_token_is_match(t) || !udev_is_of_drivers(t->value))
			continue;
		if (strcmp(t->key, "RUN") == 0)
			return t->value;
	}
	return NULL;
}
