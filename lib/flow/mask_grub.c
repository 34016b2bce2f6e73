/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GRUB's defaults as lib/host/grub.h reads them: assignments, up to the first thing that is none. Each stays on its line. Values that are
 * no command lines turn into commands whose output nobody knows, so that no reader takes something for a value that is none.
 */
#include <errno.h>

#include "flow/mask.h"
#include "host/grub_shell.h"

#define KEPT	"GRUB_CMDLINE_LINUX"
#define HIDDEN	"`?"
#define WORD_END GRUB_BLANK "\n;&|<>()"

/* In a value that quotes are removed from; bytes of the file that are the same become '?'. */
#define UNKNOWN '\001' /* a command's output */
#define VAR	'\002' /* around a variable's name */
#define LINE	'\003' /* the line goes on with the next one of the file */

struct value {
	const char *p; /* in the file */
	struct text t;
};

static void add_mark(struct text *t, char mark)
{
	text_add_n(t, &mark, 1);
}

static void put(struct value *v, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_mark(&v->t, s[i] >= UNKNOWN && s[i] <= LINE ? '?' : s[i]);
}

static void add_lines(struct text *t, const char *from, const char *to, const char *line)
{
	for (; from < to; from++)
		if (*from == '\n')
			text_add(t, line);
}

/* Behind "`…`", "$(…)" or "${…}"; NULL if there is no end. */
static const char *group_end(const char *p, char open, char close)
{
	unsigned int depth = 0;
	bool quoted = false;

	for (; *p; p++) {
		if (*p == '\\' && p[1]) {
			p++;
		} else if (*p == '"' && open != close) {
			quoted = !quoted;
		} else if (quoted) {
			continue;
		} else if (*p == '\'' && open != close) {
			p = strchr(p + 1, '\'');
			if (!p)
				return NULL;
		} else if (*p == open && (open != close || depth == 0)) {
			depth++;
		} else if (*p == close && --depth == 0) {
			return p + 1;
		}
	}
	return NULL;
}

static bool skip_group(struct value *v, char open, char close)
{
	const char *end = group_end(v->p, open, close);

	if (!end)
		return false;
	add_mark(&v->t, UNKNOWN);
	add_lines(&v->t, v->p, end, (const char[]){ LINE, '\0' });
	v->p = end;
	return true;
}

static bool expand(struct value *v)
{
	bool brace = *v->p == '$' && v->p[1] == '{';
	size_t n = *v->p == '$' ? grub_name_len(v->p + 1 + brace) : 0;

	if (*v->p == '`')
		return skip_group(v, '`', '`');
	v->p++;
	if (n && (!brace || v->p[1 + n] == '}')) {
		add_mark(&v->t, VAR);
		put(v, v->p + brace, n);
		add_mark(&v->t, VAR);
		v->p += n + 2 * brace;
	} else if (brace || *v->p == '(') {
		return skip_group(v, *v->p, brace ? '}' : ')');
	} else if (*v->p && strchr("0123456789?#@*!$-", *v->p)) {
		add_mark(&v->t, UNKNOWN);
		v->p++;
	} else {
		put(v, "$", 1);
	}
	return true;
}

static bool backslash(struct value *v, bool quoted)
{
	char c = v->p[1];
	bool itself = quoted && (!c || !strchr("$`\"\\\n", c));

	if (!c && !quoted)
		return false;
	if (itself)
		put(v, v->p, 1);
	else if (c == '\n')
		add_mark(&v->t, LINE);
	else
		put(v, v->p + 1, 1);
	v->p += itself ? 1 : 2;
	return true;
}

static void literal(struct value *v, const char *until)
{
	size_t n = strcspn(v->p, until);

	put(v, v->p, n);
	v->p += n;
}

/* At a quote. */
static bool quotes(struct value *v)
{
	char quote = *v->p++;

	while (*v->p && *v->p != quote) {
		bool closed = true;

		if (quote == '\'')
			literal(v, "'");
		else if (*v->p == '\\')
			closed = backslash(v, true);
		else if (*v->p == '$' || *v->p == '`')
			closed = expand(v);
		else
			literal(v, "\"\\$`");
		if (!closed)
			return false;
	}
	return *v->p && *v->p++ == quote;
}

/* A word without its quotes; false if one of them is not closed. */
static bool read_word(struct value *v)
{
	if (*v->p == '~')
		add_mark(&v->t, UNKNOWN);
	while (*v->p && !strchr(WORD_END, *v->p)) {
		bool closed = true;

		if (*v->p == '"' || *v->p == '\'')
			closed = quotes(v);
		else if (*v->p == '\\')
			closed = backslash(v, false);
		else if (*v->p == '$' || *v->p == '`')
			closed = expand(v);
		else
			literal(v, WORD_END "\"'\\$`");
		if (!closed)
			return false;
	}
	return true;
}

/* Either the marks of a text, or what else is in it. */
static void add_part(struct text *t, const char *s, size_t n, bool marks)
{
	bool var = false;

	for (size_t i = 0; i < n; i++) {
		bool mark = var || (s[i] >= UNKNOWN && s[i] <= LINE);

		if (s[i] == VAR)
			var = !var;
		if (mark == marks)
			text_add_n(t, s + i, 1);
	}
}

/* The parameters in a word; of what is left out the marks stay. */
static void mask_word(const char *s, struct text *ret)
{
	bool init = false;

	while (*s) {
		_cleanup_text_ struct text one = { 0 };
		size_t n = strspn(s, MASK_BLANK "\003");

		text_add_n(ret, s, n);
		s += n;
		n = mask_param_len(s);
		init |= n == 2 && strncmp(s, "--", n) == 0;
		if (!init)
			mask_param(s, n, &one);
		if (one.r < 0)
			ret->r = one.r;
		if (one.len == n && strncmp(text_str(&one), s, n) == 0) {
			text_add_n(ret, s, n);
		} else {
			add_part(ret, text_str(&one), one.len, false);
			add_part(ret, s, n, true);
		}
		s += n;
	}
}

/* In double quotes. */
static void write_word(const char *s, struct text *ret)
{
	bool var = false;

	text_add(ret, "\"");
	for (; *s; s++) {
		if (*s == VAR) {
			text_add(ret, var ? "}" : "${");
			var = !var;
		} else if (*s == UNKNOWN) {
			text_add(ret, HIDDEN "`");
		} else if (*s == LINE) {
			text_add(ret, "\\\n");
		} else {
			text_add(ret, strchr("\"\\$`", *s) ? "\\" : "");
			text_add_n(ret, s, 1);
		}
	}
	text_add(ret, "\"");
}

/* "NAME=value". False if nothing behind it is to be taken. */
static bool assignment(const char **p, struct text *ret)
{
	_cleanup_text_ struct text masked = { 0 };
	size_t n = grub_name_len(*p);
	size_t op = !n ? 0 : (*p)[n] == '=' ? 1 : (*p)[n] == '+' && (*p)[n + 1] == '=' ? 2 : 0;
	struct value v = { .p = *p + n + op };
	bool closed = op && read_word(&v);

	if (op)
		text_add_n(ret, *p, n + op);
	if (op && !closed) {
		/* it is told with the line in which the file ends */
		text_add(ret, "'?");
		add_lines(ret, *p, *p + strlen(*p), "\n");
	} else if (closed && strncmp(*p, KEPT, strlen(KEPT)) == 0) {
		mask_word(text_str(&v.t), &masked);
		write_word(text_str(&masked), ret);
	} else if (closed) {
		text_add(ret, HIDDEN);
		add_lines(ret, *p, v.p, "\n");
		text_add(ret, "`");
	} else {
		text_add(ret, "?\n");
	}
	if (v.t.r < 0 || masked.r < 0)
		ret->r = -ENOMEM;
	text_done(&v.t);
	*p = v.p;
	return closed;
}

static bool at_end(const char *p)
{
	return !*p || *p == '\n' || *p == ';' || *p == '#';
}

/* Assignments, perhaps behind `export`. False behind the first thing that is none. */
static bool command(const char **p, struct text *ret)
{
	bool export = str_starts(*p, "export") && (*p)[6] && strchr(GRUB_BLANK, (*p)[6]);
	const char *sep = "";

	*p += export ? 6 : 0;
	text_add(ret, export ? "export " : "");
	for (; !at_end(*p += strspn(*p, GRUB_BLANK)); sep = " ") {
		size_t n = grub_name_len(*p);

		text_add(ret, sep);
		if (export && n && (strchr(GRUB_BLANK, (*p)[n]) || at_end(*p + n))) {
			text_add_n(ret, *p, n);
			*p += n;
			continue;
		}
		if (!assignment(p, ret))
			return false;
		if (!at_end(*p) && !strchr(GRUB_BLANK, **p)) {
			text_add(ret, " ?\n");
			return false;
		}
	}
	return true;
}

void mask_grub(struct mask_names *n, char *text, struct text *ret)
{
	const char *p = text;

	while (*(p += strspn(p, GRUB_BLANK))) {
		if (*p == '#') {
			p += strcspn(p, "\n");
		} else if (*p == '\n' || (p[0] == '\\' && p[1] == '\n')) {
			text_add(ret, "\n");
			p += *p == '\n' ? 1 : 2;
		} else if (!command(&p, ret)) {
			return;
		} else if (*p == ';') {
			text_add(ret, ";");
			p++;
		}
	}
}
