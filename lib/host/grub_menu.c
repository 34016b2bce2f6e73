/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/conf.h"
#include "host/grub_menu.h"

#define CFG_MAX	  (4 << 20) /* an entry is 1 KiB, and there may be some of other systems */
#define DEPTH_MAX 16
#define ITEMS_MAX 1024
#define BLANK	  " \t\r"

/* The next word of a command, without its quotes; false at the line's end. Variables stay as they stand there. */
static bool next_word(const char **p, struct text *t)
{
	char quote = '\0';
	const char *s = *p + strspn(*p, BLANK);

	text_done(t);
	*t = (struct text){ 0 };
	if (!*s || *s == '#')
		return false;
	for (; *s && (quote || !strchr(BLANK, *s)); s++) {
		if (*s == quote)
			quote = '\0';
		else if (!quote && (*s == '\'' || *s == '"'))
			quote = *s;
		else if (*s == '\\' && quote != '\'' && s[1])
			text_add_n(t, ++s, 1);
		else
			text_add_n(t, s, 1);
	}
	*p = s;
	return true;
}

struct reader {
	struct grub_menu *m;
	int stack[DEPTH_MAX]; /* what the blocks are that are open: places in the list; -1: something else */
	unsigned int depth;
	struct text word;
};

/* The innermost block that is an item; -1: none. */
static int inside(const struct reader *rd)
{
	for (unsigned int i = rd->depth < DEPTH_MAX ? rd->depth : DEPTH_MAX; i > 0; i--)
		if (rd->stack[i - 1] >= 0)
			return rd->stack[i - 1];
	return -1;
}

static unsigned int members(const struct grub_menu *m, int parent)
{
	unsigned int n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->v[i].parent == parent;
	return n;
}

static void open_block(struct reader *rd, int item)
{
	if (rd->depth < DEPTH_MAX)
		rd->stack[rd->depth] = item;
	rd->depth++;
}

/* `menuentry 'TITLE' … --id ID {`; 10_linux has the option's name in a variable, as old versions lack it. */
static int add_item(struct reader *rd, const char *p, bool submenu)
{
	struct grub_item *v;
	int parent = inside(rd);
	unsigned int pos = members(rd->m, parent);

	/* an entry in an entry is none */
	if ((parent >= 0 && !rd->m->v[parent].submenu) || rd->m->n == ITEMS_MAX)
		return 0;
	v = conf_grow(rd->m->v, &rd->m->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	rd->m->v = v;
	v += rd->m->n - 1;
	v->parent = parent;
	v->pos = pos;
	v->submenu = submenu;
	for (bool id = false; next_word(&p, &rd->word);) {
		const char *word = text_str(&rd->word);
		char **into = !v->title ? &v->title : id && !v->id ? &v->id : NULL;

		id = strcmp(word, "--id") == 0 || strcmp(word, "$menuentry_id_option") == 0 || strcmp(word, "${menuentry_id_option}") == 0;
		if (into && !(*into = strdup(word)))
			return -ENOMEM;
	}
	return (v->title || (v->title = strdup(""))) && (v->id || (v->id = strdup(""))) ? 0 : -ENOMEM;
}

/* `linux /boot/vmlinuz-6.8 root=…`: the first of an entry counts. */
static int take_linux(struct reader *rd, const char *p)
{
	int at = inside(rd);
	struct grub_item *v = at >= 0 ? &rd->m->v[at] : NULL;

	if (!v || v->submenu || v->params || !next_word(&p, &rd->word) || !kernel_release(text_str(&rd->word), v->release))
		return 0;
	v->params = strdup(p + strspn(p, BLANK));
	return v->params ? 0 : -ENOMEM;
}

/* `set default="…"`. 00_header has one for next_entry, and then the one that stays. */
static int take_set(struct reader *rd, const char *p)
{
	const char *value;

	if (!next_word(&p, &rd->word) || !str_starts(text_str(&rd->word), "default="))
		return 0;
	value = text_str(&rd->word) + strlen("default=");
	if (strcmp(value, "${next_entry}") == 0)
		return 0;
	free(rd->m->fallback);
	rd->m->fallback = strdup(value);
	return rd->m->fallback ? 0 : -ENOMEM;
}

/* A block: `menuentry … {`, `submenu … {`, `function NAME {`. */
static int take_block(struct reader *rd, const char *line, const char *p)
{
	const char *word = text_str(&rd->word);
	size_t items = rd->m->n;
	int k = 0;

	if (strcmp(word, "menuentry") == 0 || strcmp(word, "submenu") == 0)
		k = add_item(rd, p, *word == 's');
	if (line[strlen(line) - 1] == '{')
		open_block(rd, rd->m->n > items ? (int)items : -1);
	return k;
}

static int take_line(struct reader *rd, char *raw)
{
	const char *line = str_trim(raw), *p = line, *word;
	int at = inside(rd), k = 0;

	if (!next_word(&p, &rd->word))
		return 0;
	word = text_str(&rd->word);
	if (strcmp(word, "}") == 0)
		rd->depth -= rd->depth > 0;
	else if (strcmp(word, "linux") == 0 || strcmp(word, "linuxefi") == 0)
		k = take_linux(rd, p);
	else if (strcmp(word, "set") == 0)
		k = take_set(rd, p);
	else if (str_starts(word, "initrd") && at >= 0)
		rd->m->v[at].initrd = true;
	else
		k = take_block(rd, line, p);
	return k < 0 ? k : rd->word.r;
}

int grub_menu_parse(const char *text, struct grub_menu *ret)
{
	_cleanup_free_ char *copy = strdup(text);
	struct reader rd = { .m = ret };
	char *next = copy, *line;
	int k = copy ? 0 : -ENOMEM;

	while (k == 0 && (line = str_line(&next)))
		k = take_line(&rd, line);
	text_done(&rd.word);
	if (k == 0 && !ret->fallback && !(ret->fallback = strdup("")))
		k = -ENOMEM;
	return k;
}

static int take_env(const char *line, const char *name, char **into)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n) != 0 || line[n] != '=')
		return 0;
	free(*into);
	*into = strdup(line + n + 1);
	return *into ? 0 : -ENOMEM;
}

int grub_env_parse(const char *text, struct grub_menu *m)
{
	_cleanup_free_ char *copy = strdup(text);
	char *next = copy, *line;
	int k = copy ? 0 : -ENOMEM;

	while (k == 0 && (line = str_line(&next))) {
		k = take_env(line, "next_entry", &m->next);
		if (k == 0)
			k = take_env(line, "saved_entry", &m->saved);
	}
	return k;
}

int grub_menu_load(const struct root *r, const char *dir, struct grub_menu *ret)
{
	_cleanup_grub_menu_ struct grub_menu m = { 0 };
	_cleanup_free_ char *cfg = NULL, *env = NULL;
	char path[PATH_MAX];
	int k = root_read(r, path_f(path, "%s/grub/grub.cfg", dir), CFG_MAX, &cfg, NULL);

	if (k < 0)
		return k;
	k = grub_menu_parse(cfg, &m);
	if (k == 0 && conf_read(r, path_f(path, "%s/grub/grubenv", dir), &env) == 0)
		k = grub_env_parse(env, &m);
	if (k < 0)
		return k;
	*ret = m;
	m = (struct grub_menu){ 0 };
	return 0;
}

void grub_menu_done(struct grub_menu *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].title);
		free(m->v[i].id);
		free(m->v[i].params);
	}
	free(m->v);
	free(m->fallback);
	free(m->next);
	free(m->saved);
	*m = (struct grub_menu){ 0 };
}

/* Is name, whose '>' are doubled in what names an entry, what the first n bytes of spec say? */
static bool same_name(const char *name, const char *spec, size_t n)
{
	size_t i = 0;

	for (; *name && i < n; name++, i++) {
		if (*name != spec[i])
			return false;
		i += *name == '>';
	}
	return !*name && i == n;
}

/* Up to a '>' that stands alone. */
static size_t part_len(const char *spec)
{
	size_t n = 0;

	for (; spec[n] && !(spec[n] == '>' && spec[n + 1] != '>'); n++)
		n += spec[n] == '>';
	return n;
}

static int find_in(const struct grub_menu *m, int parent, const char *spec, size_t n)
{
	bool number = n > 0 && n < 6 && strspn(spec, "0123456789") == n;
	unsigned long pos = number ? strtoul(spec, NULL, 10) : 0;
	int first = -1;

	for (size_t i = 0; i < m->n; i++) {
		if (m->v[i].parent != parent)
			continue;
		if (first < 0)
			first = (int)i;
		if (number ? m->v[i].pos == pos : n && (same_name(m->v[i].title, spec, n) || same_name(m->v[i].id, spec, n)))
			return (int)i;
	}
	return first;
}

const struct grub_item *grub_menu_next(const struct grub_menu *m)
{
	const char *spec = m->next && *m->next ? m->next : m->fallback ? m->fallback : "";
	int at = -1;

	if (strcmp(spec, "${saved_entry}") == 0)
		spec = m->saved ? m->saved : "";
	else if (strchr(spec, '$'))
		return NULL;
	do {
		size_t n = part_len(spec);

		at = find_in(m, at, spec, n);
		spec += n + (spec[n] == '>');
	} while (at >= 0 && m->v[at].submenu);
	return at < 0 ? NULL : &m->v[at];
}
