/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/modprobe.h"

#define BLANK " \t"

static const struct {
	const char *word;
	enum modprobe_kind kind;
	bool rest; /* without it modprobe takes the line for an error */
} commands[] = {
	{ "alias", MODPROBE_ALIAS, true },     { "blacklist", MODPROBE_BLACKLIST, false },
	{ "options", MODPROBE_OPTIONS, true }, { "install", MODPROBE_INSTALL, true },
	{ "remove", MODPROBE_REMOVE, true },   { "softdep", MODPROBE_SOFTDEP, true },
	{ "weakdep", MODPROBE_WEAKDEP, true },
};

char *modprobe_name(char *name)
{
	bool brackets = false;

	for (char *p = name; *p; p++) {
		if (*p == '[')
			brackets = true;
		else if (*p == ']')
			brackets = false;
		else if (*p == '-' && !brackets)
			*p = '_';
	}
	return name;
}

static void line_done(struct modprobe_line *l)
{
	conf_place_done(&l->at);
	free(l->module);
	free(l->rest);
	*l = (struct modprobe_line){ 0 };
}

/* Cuts a word off *p, as strtok() does; NULL if there is none. */
static char *next_word(char **p)
{
	char *word = *p + strspn(*p, BLANK);

	if (!*word)
		return NULL;
	*p = word + strcspn(word, BLANK);
	if (**p)
		*(*p)++ = '\0';
	return word;
}

static int add(struct modprobe *m, enum modprobe_kind kind, const char *module, const char *rest, const char *file, unsigned int first,
	       unsigned int last, const char *text)
{
	struct modprobe_line *v = conf_grow(m->v, &m->n, sizeof(*v)), *l;

	if (!v)
		return -ENOMEM;
	m->v = v;
	l = &v[m->n - 1];
	l->kind = kind;
	l->module = strdup(module);
	l->rest = strdup(rest);
	return conf_place_set(&l->at, file, first, last, text) == 0 && l->module && l->rest ? 0 : -ENOMEM;
}

/* One logical line. */
static int parse_line(struct modprobe *m, const char *line, const char *file, unsigned int first, unsigned int last)
{
	_cleanup_free_ char *copy = strdup(line);
	char *p = copy, *word, *module;

	if (!copy)
		return -ENOMEM;
	if (!*line || *line == '#')
		return 0;
	word = next_word(&p);
	for (size_t i = 0; word && i < ARRAY_SIZE(commands); i++) {
		if (strcmp(word, commands[i].word) != 0)
			continue;
		module = next_word(&p);
		if (!module || (commands[i].rest && !*p))
			return 0;
		return add(m, commands[i].kind, modprobe_name(module), commands[i].rest ? str_trim(p) : "", file, first, last, line);
	}
	return 0;
}

int modprobe_parse(const char *text, const char *file, struct modprobe *m)
{
	unsigned int number = 0;

	while (*text) {
		_cleanup_text_ struct text line = { 0 };
		unsigned int first = number + 1;
		int k;

		for (number = first; *text && *text != '\n'; text++) {
			if (*text == '\\' && text[1] == '\n') {
				text++;
				number++;
			} else if (*text != '\\') {
				text_add_n(&line, text, 1);
			} else if (text[1]) {
				text_add_n(&line, ++text, 1);
			}
		}
		text += *text == '\n';
		k = line.r < 0 ? line.r : parse_line(m, text_str(&line), file, first, number);
		if (k < 0)
			return k;
	}
	return 0;
}

static int parse_file(void *ctx, const char *text, const char *file)
{
	return modprobe_parse(text, file, ctx);
}

int modprobe_load(const struct root *r, struct modprobe *ret)
{
	/* default_config_paths in kmod's libkmod/libkmod.c */
	static const char *const dirs[] = { "/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d",
					    "/lib/modprobe.d" };
	_cleanup_modprobe_ struct modprobe m = { 0 };
	_cleanup_strv_ struct strv files = { 0 };
	int k = conf_files(r, dirs, ARRAY_SIZE(dirs), ".conf", &files);

	if (k == 0)
		k = conf_each(r, &files, parse_file, &m, &m.unread);
	if (k < 0)
		return k;
	*ret = m;
	m = (struct modprobe){ 0 };
	return 0;
}

void modprobe_done(struct modprobe *m)
{
	for (size_t i = 0; i < m->n; i++)
		line_done(&m->v[i]);
	free(m->v);
	strv_done(&m->unread);
	*m = (struct modprobe){ 0 };
}

const struct modprobe_line *modprobe_blacklisted(const struct modprobe *m, const char *module)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].kind == MODPROBE_BLACKLIST && strcmp(m->v[i].module, module) == 0)
			return &m->v[i];
	return NULL;
}

/* A shell runs it: without a comment, and without blanks before that. */
static size_t command_len(const char *s)
{
	size_t n = 0;

	while (s[n] && !(s[n] == '#' && (!n || strchr(BLANK, s[n - 1]))))
		n++;
	while (n && strchr(BLANK, s[n - 1]))
		n--;
	return n;
}

bool modprobe_is_nothing(const struct modprobe_line *l)
{
	static const char *const idle[] = { "/bin/false", "/usr/bin/false", "false", "/bin/true", "/usr/bin/true", "true", ":" };
	size_t n = command_len(l->rest);

	for (size_t i = 0; l->kind == MODPROBE_INSTALL && i < ARRAY_SIZE(idle); i++)
		if (strlen(idle[i]) == n && strncmp(l->rest, idle[i], n) == 0)
			return true;
	return false;
}

/* Is the word of n bytes the name of this module? */
static bool same_module(const char *word, size_t n, const char *module)
{
	if (strlen(module) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((word[i] == '-' ? '_' : word[i]) != module[i])
			return false;
	return true;
}

bool modprobe_softdep_pre(const struct modprobe_line *l, const char *module)
{
	const char *p = l->kind == MODPROBE_SOFTDEP ? l->rest : "";
	bool pre = false;

	for (size_t n; *(p += strspn(p, BLANK)); p += n) {
		n = strcspn(p, BLANK);
		if (strncmp(p, "pre:", n) == 0 && n == 4)
			pre = true;
		else if (strncmp(p, "post:", n) == 0 && n == 5)
			pre = false;
		else if (pre && same_module(p, n, module))
			return true;
	}
	return false;
}
