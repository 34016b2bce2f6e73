/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "host/grub_shell.h"

size_t grub_name_len(const char *p)
{
	size_t n = 0;

	if (isdigit((unsigned char)*p))
		return 0;
	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

static int add_part(struct grub_shell *s, const char *file, unsigned int line, const char *text, size_t n)
{
	struct grub_part *v;

	if (!n)
		return 0;
	if (s->n >= GRUB_PARTS_MAX || (s->len += n) > GRUB_VALUE_MAX)
		return -E2BIG;
	v = conf_grow(s->v, &s->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	s->v = v;
	v[s->n - 1] = (struct grub_part){ .file = strdup(file), .line = line, .text = strndup(text, n) };
	return v[s->n - 1].file && v[s->n - 1].text ? 0 : -ENOMEM;
}

int grub_add_var(struct grub_shell *s, const struct grub_var *var)
{
	int k = 0;

	/* one that nobody has set is empty: grub-mkconfig's own environment sets none of GRUB's */
	s->unknown |= var && var->unknown;
	for (size_t i = 0; var && k == 0 && i < var->n; i++)
		k = add_part(s, var->v[i].file, var->v[i].line, var->v[i].text, strlen(var->v[i].text));
	return k;
}

/* Over "$(…)", "${…}" or "`…`" to behind its end; false if there is none. What is inside does not matter. */
static bool skip_group(struct grub_shell *s, char open, char close)
{
	bool quoted = false;
	unsigned int depth = 0;

	for (const char *p = s->p; *p; p++) {
		s->line += *p == '\n';
		if (*p == '\\' && p[1]) {
			s->line += *++p == '\n';
		} else if (*p == '"' && open != close) {
			quoted = !quoted;
		} else if (quoted) {
			continue;
		} else if (*p == '\'' && open != close) {
			const char *end = strchr(p + 1, '\'');

			if (!end)
				return false;
			for (; p < end; p++)
				s->line += p[1] == '\n';
		} else if (*p == open && (open != close || depth == 0)) {
			depth++;
		} else if (*p == close && --depth == 0) {
			s->p = p + 1;
			return true;
		}
	}
	return false;
}

/* At a '$' or a backquote. 0, -EBADMSG (the text ends in it), -ENOMEM. */
static int expand(struct grub_shell *s)
{
	_cleanup_free_ char *name = NULL;
	bool brace;
	size_t n;

	if (*s->p == '`') {
		s->unknown = true;
		return skip_group(s, '`', '`') ? 0 : -EBADMSG;
	}
	s->p++;
	brace = *s->p == '{';
	n = grub_name_len(s->p + brace);
	if (n && (!brace || s->p[1 + n] == '}')) {
		name = strndup(s->p + brace, n);
		s->p += n + 2 * brace;
		return name ? grub_add_var(s, grub_var(s->g, name)) : -ENOMEM;
	}
	if (brace || *s->p == '(') {
		s->unknown = true;
		return skip_group(s, *s->p, brace ? '}' : ')') ? 0 : -EBADMSG;
	}
	/* $1, $? and the like; a '$' before anything else is itself */
	if (*s->p && strchr("0123456789?#@*!$-", *s->p)) {
		s->unknown = true;
		s->p++;
		return 0;
	}
	return add_part(s, s->file, s->line, "$", 1);
}

/* Bytes up to one of these, as they are. */
static int literal(struct grub_shell *s, const char *until)
{
	size_t n = strcspn(s->p, until);
	int k = add_part(s, s->file, s->line, s->p, n);

	for (size_t i = 0; i < n; i++)
		s->line += s->p[i] == '\n';
	s->p += n;
	return k;
}

/* At a backslash; within double quotes it is one only before some characters (POSIX, Shell Command Language, 2.2.3). */
static int backslash(struct grub_shell *s, bool quoted)
{
	char c = s->p[1];
	bool itself = quoted && (!c || !strchr("$`\"\\\n", c));
	int k = 0;

	if (!c && !quoted)
		return -EBADMSG;
	if (itself)
		k = add_part(s, s->file, s->line, s->p, 1);
	else if (c != '\n')
		k = add_part(s, s->file, s->line, s->p + 1, 1);
	s->line += !itself && c == '\n';
	s->p += itself ? 1 : 2;
	return k;
}

static int double_quoted(struct grub_shell *s)
{
	s->p++;
	while (*s->p && *s->p != '"') {
		int k = *s->p == '\\' ? backslash(s, true) : *s->p == '$' || *s->p == '`' ? expand(s) : literal(s, "\"\\$`");

		if (k < 0)
			return k;
	}
	return *s->p++ == '"' ? 0 : -EBADMSG;
}

static int single_quoted(struct grub_shell *s)
{
	int k;

	s->p++;
	k = literal(s, "'");
	return k < 0 ? k : *s->p == '\'' ? (s->p++, 0) : -EBADMSG;
}

int grub_word(struct grub_shell *s)
{
	/* a home directory */
	s->unknown |= *s->p == '~';
	while (*s->p && !strchr(GRUB_BLANK "\n;&|<>()", *s->p)) {
		int k;

		switch (*s->p) {
		case '"':
			k = double_quoted(s);
			break;
		case '\'':
			k = single_quoted(s);
			break;
		case '\\':
			k = backslash(s, false);
			break;
		case '$':
		case '`':
			k = expand(s);
			break;
		default:
			k = literal(s, GRUB_BLANK "\n;&|<>()\"'\\$`");
		}
		if (k < 0)
			return k;
	}
	return 0;
}
