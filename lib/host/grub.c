/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/grub_shell.h"

static void parts_done(struct grub_part *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].file);
		free(v[i].text);
	}
	free(v);
}

const struct grub_var *grub_var(const struct grub *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->vars[i].name, name) == 0)
			return &g->vars[i];
	return NULL;
}

static bool lost(struct grub_shell *s, const char *why)
{
	snprintf(s->g->why, sizeof(s->g->why), "%.120s line %u %s", s->file, s->line, why);
	return false;
}

static int add_word(struct grub_var *var, const struct grub_word *word)
{
	struct grub_word *words = conf_grow(var->words, &var->n_words, sizeof(*words));

	if (!words)
		return -ENOMEM;
	var->words = words;
	words[var->n_words - 1] = *word;
	return 0;
}

/* The value that was put together goes to the variable. */
static int assign(struct grub_shell *s, const char *name, const struct grub_word *word)
{
	struct grub *g = s->g;
	struct grub_var *var = NULL;

	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->vars[i].name, name) == 0)
			var = &g->vars[i];
	if (!var) {
		struct grub_var *vars = conf_grow(g->vars, &g->n, sizeof(*vars));

		if (!vars)
			return -ENOMEM;
		g->vars = vars;
		var = &vars[g->n - 1];
		var->name = strdup(name);
		if (!var->name) {
			g->n--;
			return -ENOMEM;
		}
	}
	parts_done(var->v, var->n);
	var->v = TAKE_PTR(s->v);
	var->n = s->n;
	var->unknown = s->unknown;
	s->n = s->len = 0;
	return add_word(var, word);
}

/* One assignment. 1, 0 (it is none), -ENOMEM. */
static int assignment(struct grub_shell *s)
{
	size_t n = grub_name_len(s->p);
	_cleanup_free_ char *name = strndup(s->p, n);
	bool append = n && s->p[n] == '+' && s->p[n + 1] == '=';
	struct grub_word word;
	int k = 0;

	if (!name)
		return -ENOMEM;
	if (!n || (!append && s->p[n] != '='))
		return 0;
	if (append && !s->g->bash)
		return lost(s, "has '+=', which is no assignment for this /bin/sh");
	s->p += n + 1 + append;
	s->unknown = false;
	word = (struct grub_word){ .at = (size_t)(s->p - s->text), .line = s->line };
	if (append)
		k = grub_add_var(s, grub_var(s->g, name));
	if (k == 0)
		k = grub_word(s);
	word.len = (size_t)(s->p - s->text) - word.at;
	word.last = s->line;
	if (k == 0)
		k = assign(s, name, &word);
	if (k == -EBADMSG)
		return lost(s, "is not closed");
	return k == -E2BIG ? lost(s, "is too long") : k < 0 ? k : 1;
}

static bool at_end(const char *p)
{
	return !*p || *p == '\n' || *p == ';' || *p == '#';
}

/* A command of assignments, perhaps behind `export`, with its end. 1, 0 (understood no more), -ENOMEM. */
static int command(struct grub_shell *s)
{
	bool export = str_starts(s->p, "export") && strchr(GRUB_BLANK, s->p[6]) && s->p[6];
	unsigned int line = s->line;

	s->p += export ? 6 : 0;
	while (!at_end(s->p += strspn(s->p, GRUB_BLANK))) {
		size_t n = grub_name_len(s->p);
		int k;

		if (export && n && (strchr(GRUB_BLANK, s->p[n]) || at_end(s->p + n))) {
			s->p += n;
			continue;
		}
		k = assignment(s);
		if (k > 0 && !at_end(s->p) && !strchr(GRUB_BLANK, *s->p))
			k = 0;
		if (k <= 0) {
			if (k == 0 && !s->g->why[0]) {
				s->line = line;
				lost(s, "is shell code");
			}
			return k;
		}
	}
	return 1;
}

int grub_parse(const char *text, const char *file, struct grub *g)
{
	struct grub_shell s = { .g = g, .file = file, .text = text, .p = text, .line = 1 };
	int k = 1;

	while (k > 0 && !g->why[0] && *(s.p += strspn(s.p, GRUB_BLANK))) {
		if (*s.p == '#') {
			s.p += strcspn(s.p, "\n");
		} else if (*s.p == '\n') {
			s.p++;
			s.line++;
		} else if (s.p[0] == '\\' && s.p[1] == '\n') {
			s.p += 2;
			s.line++;
		} else if ((k = command(&s)) > 0 && *s.p == ';') {
			s.p++;
		}
	}
	parts_done(s.v, s.n);
	return k < 0 ? k : 0;
}

static int parse_file(void *ctx, const char *text, const char *file)
{
	struct grub *g = ctx;

	return g->why[0] ? 0 : grub_parse(text, file, g);
}

/* Only a shell that is known not to is taken for one without +=: Debian's dash, busybox's ash. */
static bool sh_is_bash(const struct root *r)
{
	static const char *const without[] = { "dash", "busybox", "ash", "posh", "mksh" };
	char base[32];

	if (root_readlink_base(r, "/bin/sh", base, sizeof(base)) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(without); i++)
		if (strcmp(base, without[i]) == 0)
			return false;
	return true;
}

static int list_files(const struct root *r, struct strv *ret)
{
	static const char *const dirs[] = { GRUB_DEFAULTS ".d" };
	int k = strv_add(ret, GRUB_DEFAULTS);

	return k < 0 ? k : conf_files(r, dirs, ARRAY_SIZE(dirs), ".cfg", ret);
}

int grub_load(const struct root *r, struct grub *ret)
{
	_cleanup_grub_ struct grub g = { .bash = sh_is_bash(r) };
	_cleanup_strv_ struct strv files = { 0 }, unread = { 0 };
	int k = list_files(r, &files);

	if (k == 0)
		k = conf_each(r, &files, parse_file, &g, &unread);
	if (k < 0)
		return k;
	if (unread.n && !g.why[0])
		snprintf(g.why, sizeof(g.why), "%.120s cannot be read", unread.v[0]);
	*ret = g;
	g = (struct grub){ 0 };
	return 0;
}

struct probe {
	struct grub g;
	const char *path, *name;
	bool put;
	char *by;
};

/* Is what was put into the variable still in it, as far as can be told? */
static bool is_in(const struct probe *p)
{
	const struct grub_var *var = grub_var(&p->g, p->name);

	for (size_t i = 0; var && i < var->n; i++)
		if (strcmp(var->v[i].file, p->path) == 0)
			return true;
	return p->g.why[0] || (var && var->unknown);
}

static int probe_file(void *ctx, const char *text, const char *file)
{
	struct probe *p = ctx;
	int k = 0;

	if (p->by || p->g.why[0])
		return 0;
	if (!p->put && strcmp(file, p->path) >= 0) {
		char line[128];

		snprintf(line, sizeof(line), "%.32s=\"here $%.32s\"\n", p->name, p->name);
		k = grub_parse(line, p->path, &p->g);
		p->put = true;
	}
	if (k == 0 && strcmp(file, p->path) != 0)
		k = grub_parse(text, file, &p->g);
	if (k == 0 && p->put && !is_in(p) && !(p->by = strdup(file)))
		k = -ENOMEM;
	return k;
}

int grub_hides(const struct root *r, const char *path, const char *name, char **ret)
{
	struct probe p = { .g.bash = sh_is_bash(r), .path = path, .name = name };
	_cleanup_strv_ struct strv files = { 0 };
	int k = list_files(r, &files);

	if (k == 0)
		k = conf_each(r, &files, probe_file, &p, NULL);
	grub_done(&p.g);
	if (k < 0)
		free(p.by);
	else
		*ret = p.by;
	return k;
}

void grub_done(struct grub *g)
{
	for (size_t i = 0; i < g->n; i++) {
		parts_done(g->vars[i].v, g->vars[i].n);
		free(g->vars[i].words);
		free(g->vars[i].name);
	}
	free(g->vars);
	*g = (struct grub){ 0 };
}
