/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/cmdline.h"

/* isspace() of the kernel, but for the newline, at which the line ends. */
#define BLANK " \t\v\f\r"

static size_t param_len(const char *s, bool *ret_open)
{
	bool quoted = false;
	size_t n = 0;

	for (; s[n] && s[n] != '\n' && (quoted || !strchr(BLANK, s[n])); n++)
		if (s[n] == '"')
			quoted = !quoted;
	if (ret_open)
		*ret_open = quoted;
	return n;
}

static bool is_end(const struct cmdline_param *p)
{
	return p->len == 2 && memcmp(p->at, "--", 2) == 0;
}

bool cmdline_next(const char **p, struct cmdline_param *ret)
{
	struct cmdline_param param = { .at = *p + strspn(*p, BLANK) };

	param.len = param_len(param.at, NULL);
	if (!param.len || is_end(&param))
		return false;
	*p = param.at + param.len;
	*ret = param;
	return true;
}

/* The name, without a quote that stands before it, and what follows the '=', or NULL. */
static size_t split(const struct cmdline_param *p, const char **ret_name, const char **ret_value)
{
	bool quoted = p->len > 0 && p->at[0] == '"';
	const char *end = memchr(p->at, '=', p->len);

	*ret_name = p->at + quoted;
	*ret_value = end ? end + 1 : NULL;
	if (!end) {
		end = p->at + p->len;
		/* a quote that was opened before the name is closed at its end */
		end -= quoted && end > *ret_name && end[-1] == '"';
	}
	return end > *ret_name ? (size_t)(end - *ret_name) : 0;
}

static bool same_name(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((a[i] == '-' ? '_' : a[i]) != (b[i] == '-' ? '_' : b[i]))
			return false;
	return true;
}

bool cmdline_is(const struct cmdline_param *param, const char *name)
{
	const char *is, *value;
	size_t n = split(param, &is, &value);

	return n == strlen(name) && same_name(is, name, n);
}

/* The value's bytes: one quote goes at either end, as next_arg() has it. */
static const char *value_of(const struct cmdline_param *p, size_t *ret_len)
{
	const char *name, *value, *end = p->at + p->len;
	bool quoted = p->at[0] == '"';

	split(p, &name, &value);
	if (!value) {
		*ret_len = 0;
		return "";
	}
	if (value < end && *value == '"') {
		value++;
		quoted = true;
	}
	if (quoted && value < end && end[-1] == '"')
		end--;
	*ret_len = (size_t)(end - value);
	return value;
}

char *cmdline_param_value(const struct cmdline_param *param)
{
	size_t n;
	const char *value = value_of(param, &n);

	return strndup(value, n);
}

/* Is `is` what `wanted` asks for? A name alone asks for any value, if any is given. */
static bool param_matches(const struct cmdline_param *is, const struct cmdline_param *wanted, bool any)
{
	const char *a, *b, *va, *vb;
	size_t na = split(is, &a, &va), nb = split(wanted, &b, &vb);

	if (na != nb || !same_name(a, b, na))
		return false;
	if (!vb && any)
		return true;
	if (!va != !vb)
		return false;
	va = value_of(is, &na);
	vb = value_of(wanted, &nb);
	return na == nb && memcmp(va, vb, na) == 0;
}

/* Exactly one parameter, with nothing before or behind it. */
static bool parse_one(const char *text, struct cmdline_param *ret)
{
	struct cmdline_param param = { .at = text };
	const char *name, *value;
	bool open;

	param.len = param_len(text, &open);
	if (!param.len || text[param.len] || open || is_end(&param) || !split(&param, &name, &value))
		return false;
	*ret = param;
	return true;
}

bool cmdline_same(const char *a, const char *b)
{
	struct cmdline_param x, y;

	return parse_one(a, &x) && parse_one(b, &y) && param_matches(&x, &y, false);
}

static bool has(const char *line, const char *param, bool any)
{
	struct cmdline_param wanted, is;

	if (!parse_one(param, &wanted))
		return false;
	while (cmdline_next(&line, &is))
		if (param_matches(&is, &wanted, any))
			return true;
	return false;
}

bool cmdline_has(const char *line, const char *param)
{
	return has(line, param, true);
}

bool cmdline_has_exactly(const char *line, const char *param)
{
	return has(line, param, false);
}

int cmdline_value(const char *line, const char *name, char **ret)
{
	struct cmdline_param is, last = { 0 };

	while (cmdline_next(&line, &is))
		if (cmdline_is(&is, name))
			last = is;
	if (!last.at)
		return -ENOENT;
	name = cmdline_param_value(&last);
	if (!name)
		return -ENOMEM;
	*ret = (char *)(uintptr_t)name;
	return 0;
}

static bool quotes_closed(const char *line)
{
	bool open = false;

	for (; *line && *line != '\n'; line++)
		open ^= *line == '"';
	return !open;
}

/* The text that was put together is the result. 0 or -ENOMEM. */
static int hand_over(struct text *t, char **ret)
{
	char *s = text_take(t);

	if (!s)
		return -ENOMEM;
	*ret = s;
	return 0;
}

int cmdline_add(const char *line, const char *param, char **ret)
{
	struct cmdline_param wanted, is;
	_cleanup_text_ struct text t = { 0 };
	const char *p = line, *end = line;

	if (!parse_one(param, &wanted) || !quotes_closed(line))
		return -EINVAL;
	for (; cmdline_next(&p, &is); end = p) {
		if (!param_matches(&is, &wanted, false))
			continue;
		text_add(&t, line);
		return hand_over(&t, ret);
	}
	text_add_n(&t, line, (size_t)(end - line));
	if (end > line)
		text_add(&t, " ");
	text_add(&t, param);
	/* before the first one there is no blank to take: what follows keeps its own */
	if (end == line && *line && *line != '\n')
		text_add(&t, " ");
	text_add(&t, end);
	return hand_over(&t, ret);
}

/* With the blank that sets it off: the one before it, if that is not gone already, else the one behind. */
static struct cmdline_param with_blank(const char *kept, struct cmdline_param p)
{
	if (p.at > kept && strchr(BLANK, p.at[-1])) {
		p.at--;
		p.len++;
	} else if (p.at[p.len] && strchr(BLANK, p.at[p.len])) {
		p.len++;
	}
	return p;
}

int cmdline_remove(const char *line, const char *param, char **ret)
{
	struct cmdline_param wanted, is;
	_cleanup_text_ struct text t = { 0 };
	const char *p = line, *kept = line;

	if (!parse_one(param, &wanted))
		return -EINVAL;
	while (cmdline_next(&p, &is)) {
		if (!param_matches(&is, &wanted, true))
			continue;
		is = with_blank(kept, is);
		text_add_n(&t, kept, (size_t)(is.at - kept));
		kept = p = is.at + is.len;
	}
	text_add(&t, kept);
	return hand_over(&t, ret);
}

int cmdline_span(const char *line, const char *param, size_t *ret, size_t *ret_len)
{
	struct cmdline_param wanted, is;
	const char *p = line;

	if (!parse_one(param, &wanted))
		return -EINVAL;
	while (cmdline_next(&p, &is)) {
		if (!param_matches(&is, &wanted, false))
			continue;
		is = with_blank(line, is);
		*ret = (size_t)(is.at - line);
		*ret_len = is.len;
		return 0;
	}
	return -ENOENT;
}

int cmdline_remove_first(const char *line, const char *param, char **ret)
{
	_cleanup_text_ struct text t = { 0 };
	size_t at, len;
	int k = cmdline_span(line, param, &at, &len);

	if (k == -EINVAL)
		return k;
	if (k == 0)
		text_add_n(&t, line, at);
	text_add(&t, k == 0 ? line + at + len : line);
	return hand_over(&t, ret);
}
