/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/grub_edit.h"
#include "host/grub_shell.h"

/* How a byte of a value is written: these bytes of the file, within these quotes or 0. */
struct piece {
	size_t at, len;
	char quote;
};

struct value {
	struct grub_word word;
	struct text t;
	struct piece *v;
	size_t n;
};

static void value_done(struct value *v)
{
	text_done(&v->t);
	free(v->v);
}

static int push(struct value *v, const char *c, size_t at, size_t len, char quote)
{
	struct piece *p = conf_grow(v->v, &v->n, sizeof(*p));

	if (!p)
		return -ENOMEM;
	v->v = p;
	p[v->n - 1] = (struct piece){ at, len, quote };
	text_add_n(&v->t, *c == '\n' ? " " : c, 1);
	return v->t.r;
}

/* "$(", a backquote, or a "${" that is more than a name. */
static bool is_command(const char *p)
{
	size_t n = p[0] == '$' && p[1] == '{' ? grub_name_len(p + 2) : 0;

	return *p == '`' || (p[0] == '$' && (p[1] == '(' || (p[1] == '{' && (!n || p[2 + n] != '}'))));
}

/* The word once more, which grub_word() has understood: backslashes and quotes go. */
static int take_apart(const char *text, struct value *v)
{
	const size_t end = v->word.at + v->word.len;
	char quote = 0;
	int k = 0;

	for (size_t i = v->word.at, len; k == 0 && i < end; i += len) {
		const char *p = text + i;
		bool escape = *p == '\\' && quote != '\'' && (!quote || (p[1] && strchr("$`\"\\\n", p[1])));

		len = 1 + escape;
		if (escape)
			k = p[1] == '\n' ? 0 : push(v, p + 1, i, 2, quote);
		else if (*p == quote)
			quote = 0;
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
		else
			k = quote != '\'' && is_command(p) ? -EBADMSG : push(v, p, i, 1, quote);
	}
	return k;
}

static int find(const char *text, const struct grub_assignment *a, struct value *ret)
{
	/* += is for the shell that runs it; that it is an assignment to this variable can be seen */
	_cleanup_grub_ struct grub g = { .bash = true };
	const struct grub_var *var;
	size_t n;

	if (grub_parse(text, "", &g) < 0)
		return -ENOMEM;
	var = grub_var(&g, a->name);
	n = var ? var->n_words : 0;
	if (n != a->of)
		return n || g.why[0] ? -ENOTUNIQ : -ENOENT;
	*ret = (struct value){ .word = var->words[a->nth - 1] };
	return take_apart(text, ret);
}

int grub_assignment_at(const char *text, unsigned int line, const char *param, struct grub_assignment *ret)
{
	_cleanup_grub_ struct grub g = { .bash = true };
	struct grub_assignment found = { "" };

	if (grub_parse(text, "", &g) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < g.n; i++)
		for (size_t n = 0; n < g.vars[i].n_words; n++) {
			_cleanup_(value_done) struct value v = { .word = g.vars[i].words[n] };

			if (line < v.word.line || line > v.word.last || strlen(g.vars[i].name) >= sizeof(found.name))
				continue;
			if (take_apart(text, &v) < 0 || !cmdline_has_exactly(text_str(&v.t), param))
				continue;
			if (found.of)
				return -ENOTUNIQ;
			snprintf(found.name, sizeof(found.name), "%s", g.vars[i].name);
			found.nth = (unsigned int)n + 1;
			found.of = (unsigned int)g.vars[i].n_words;
		}
	if (!found.of)
		return -ENOENT;
	*ret = found;
	return 0;
}

int grub_edit_value(const char *text, const struct grub_assignment *a, char **ret)
{
	_cleanup_(value_done) struct value v = { 0 };
	char *value;
	int k = find(text, a, &v);

	if (k < 0)
		return k;
	value = text_take(&v.t);
	if (!value)
		return -ENOMEM;
	*ret = value;
	return 0;
}

int grub_edit_remove(const char *text, const struct grub_assignment *a, const char *param, struct text *ret)
{
	_cleanup_(value_done) struct value v = { 0 };
	size_t at, len;
	int k = find(text, a, &v);

	if (k < 0)
		return k;
	k = cmdline_span(text_str(&v.t), param, &at, &len);
	if (k == -ENOENT)
		text_add(ret, text);
	if (k < 0)
		return k == -ENOENT ? 0 : k;
	for (size_t i = at; i + 1 < at + len; i++)
		if (v.v[i + 1].at != v.v[i].at + v.v[i].len)
			return -ENOTUNIQ;
	text_add_n(ret, text, v.v[at].at);
	text_add(ret, text + v.v[at + len - 1].at + v.v[at + len - 1].len);
	return 0;
}

/* As it has to be written within these quotes. */
static void add_quoted(struct text *t, const char *s, char quote)
{
	for (; *s; s++) {
		if (quote == '\'' && *s == '\'')
			text_add(t, "'\\'");
		else if (quote == '"' && strchr("\"\\$`", *s))
			text_add(t, "\\");
		text_add_n(t, s, 1);
	}
}

/* Needs a word no quotes, alone in an assignment? */
static bool is_bare(const char *s)
{
	return !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,:=/+%-")];
}

static void insert(const char *text, const struct value *v, const struct cmdline_gap *gap, const char *param, struct text *ret)
{
	const size_t at = gap->at, first = v->word.at, last = first + v->word.len;
	const struct piece *near = at ? &v->v[at - 1] : v->n ? &v->v[0] : NULL;
	bool empty_quotes = !near && v->word.len && strchr("\"'", text[first]);
	char quote = near ? near->quote : empty_quotes ? text[first] : 0;
	size_t here = near ? near->at + (at ? near->len : 0) : first + empty_quotes, from, to;
	_cleanup_text_ struct text what = { 0 };
	bool plain, bare;

	/* quotes that are opened right there are used */
	if (at && !quote && here < last && strchr("\"'", text[here])) {
		quote = text[here];
		here++;
	}
	/* of a word without quotes and backslashes all gets quotes, and of another what is put there */
	plain = !quote && v->n == v->word.len;
	bare = plain && !v->n && is_bare(param);
	from = plain ? first : here;
	to = plain ? last : here;
	cmdline_fill(text_str(&v->t), gap, param, &what);
	text_add_n(ret, text, from);
	text_add(ret, quote || bare ? "" : "\"");
	text_add_n(ret, text + from, here - from);
	add_quoted(ret, text_str(&what), quote ? quote : bare ? 0 : '"');
	text_add_n(ret, text + here, to - here);
	text_add(ret, quote || bare ? "" : "\"");
	text_add(ret, text + to);
	if (what.r < 0)
		ret->r = what.r;
}

int grub_edit_put(const char *text, const struct grub_assignment *a, const char *param, const struct cmdline_place *place,
		  struct text *ret)
{
	_cleanup_(value_done) struct value v = { 0 };
	struct cmdline_gap gap;
	int k = find(text, a, &v);

	if (k == 0 && cmdline_has_exactly(text_str(&v.t), param)) {
		text_add(ret, text);
		return 0;
	}
	if (k == 0)
		k = cmdline_gap(text_str(&v.t), place, &gap);
	if (k == 0)
		insert(text, &v, &gap, param, ret);
	return k;
}
