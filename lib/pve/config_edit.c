/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/hash.h"
#include "pve/config_edit.h"

/* Of a neighbour: a key's value may change meanwhile, a raw line is nothing but its key and value. Never 0. */
static uint64_t hash_line(const struct config_line *l)
{
	uint64_t h = hash_add(HASH_START, l->key, strlen(l->key) + 1);

	if (l->type == CONFIG_LXC)
		h = hash_add(h, l->value, strlen(l->value));
	return h ? h : 1;
}

static bool is_movable(const struct config_line *l)
{
	return l->section == CONFIG_CURRENT && (l->type == CONFIG_KEY || l->type == CONFIG_LXC);
}

bool config_line_movable(const struct config *cfg, size_t line)
{
	return line < cfg->n_lines && is_movable(&cfg->lines[line]);
}

char *config_line_text(const struct config *cfg, size_t line)
{
	const struct config_line *l = &cfg->lines[line];
	bool nl = l->raw_len > 0 && l->raw[l->raw_len - 1] == '\n';

	return strndup(l->raw, l->raw_len - nl);
}

/* A single line as a configuration of its own; with -EINVAL it is none that could be moved. */
static int parse_one(const char *text, struct config *ret)
{
	_cleanup_config_ struct config cfg = { 0 };
	int k = config_parse(text, strlen(text), GUEST_CT, &cfg);

	if (k < 0)
		return k;
	if (cfg.n_lines != 1 || strchr(text, '\n') || !is_movable(&cfg.lines[0]))
		return -EINVAL;
	*ret = cfg;
	cfg = (struct config){ 0 };
	return 0;
}

static bool means_same(const struct config_line *a, const struct config_line *b)
{
	return a->type == b->type && str_eq(a->key, b->key) && str_eq(a->value, b->value);
}

bool config_text_same(const char *a, const char *b)
{
	_cleanup_config_ struct config ca = { 0 }, cb = { 0 };

	if (parse_one(a, &ca) < 0 || parse_one(b, &cb) < 0)
		return str_eq(a, b);
	return means_same(&ca.lines[0], &cb.lines[0]);
}

int config_find_same(const struct config *cfg, const char *text, size_t nth, size_t *ret)
{
	_cleanup_config_ struct config one = { 0 };
	int k = parse_one(text, &one);

	if (k < 0)
		return k == -EINVAL ? -ENOENT : k;
	for (size_t i = 0; i < cfg->n_lines && cfg->lines[i].section == CONFIG_CURRENT; i++) {
		if (!is_movable(&cfg->lines[i]) || !means_same(&cfg->lines[i], &one.lines[0]) || --nth > 0)
			continue;
		*ret = i;
		return 0;
	}
	return -ENOENT;
}

/* The next line of that type behind from, or before it: an index, or n_lines if there is none. */
static size_t next_of(const struct config *cfg, enum config_type type, size_t from)
{
	for (size_t i = from; i < cfg->n_lines && cfg->lines[i].section == CONFIG_CURRENT; i++)
		if (cfg->lines[i].type == type)
			return i;
	return cfg->n_lines;
}

static size_t last_of(const struct config *cfg, enum config_type type, size_t below)
{
	for (size_t i = below; i > 0; i--)
		if (cfg->lines[i - 1].section == CONFIG_CURRENT && cfg->lines[i - 1].type == type)
			return i - 1;
	return cfg->n_lines;
}

void config_place_get(const struct config *cfg, size_t line, struct config_place *ret)
{
	const struct config_line *l = &cfg->lines[line];
	size_t prev = last_of(cfg, l->type, line), next = next_of(cfg, l->type, line + 1);
	size_t at = (size_t)(l->raw - cfg->raw);
	uint64_t rest = hash_add(HASH_START, cfg->raw, at);

	*ret = (struct config_place){
		.line = line,
		.rest = hash_add(rest, l->raw + l->raw_len, cfg->raw_len - at - l->raw_len),
		.after = prev < cfg->n_lines ? hash_line(&cfg->lines[prev]) : 0,
		.before = next < cfg->n_lines ? hash_line(&cfg->lines[next]) : 0,
		.torn = l->raw_len == 0 || l->raw[l->raw_len - 1] != '\n',
	};
}

void config_remove(const struct config *cfg, size_t line, struct text *ret)
{
	for (size_t i = 0; i < cfg->n_lines; i++)
		if (i != line)
			text_add_n(ret, cfg->lines[i].raw, cfg->lines[i].raw_len);
}

/* How many lines the current section has, from the file's first on. */
static size_t section_end(const struct config *cfg)
{
	size_t n = 0;

	while (n < cfg->n_lines && cfg->lines[n].section == CONFIG_CURRENT)
		n++;
	return n;
}

/* The same without the blank lines that set it off from a header. */
static size_t content_end(const struct config *cfg)
{
	size_t n = section_end(cfg);

	while (n > 0 && cfg->lines[n - 1].type == CONFIG_BLANK)
		n--;
	return n;
}

static bool keys_are_sorted(const struct config *cfg)
{
	const char *prev = "";

	for (size_t i = next_of(cfg, CONFIG_KEY, 0); i < cfg->n_lines; i = next_of(cfg, CONFIG_KEY, i + 1)) {
		if (strcmp(prev, cfg->lines[i].key) > 0)
			return false;
		prev = cfg->lines[i].key;
	}
	return true;
}

/* Behind the last key that sorts before it; else before the first; else where the keys would start, behind the description. */
static size_t sorted_place(const struct config *cfg, const char *key)
{
	size_t first = next_of(cfg, CONFIG_KEY, 0), end = content_end(cfg), at = 0;

	for (size_t i = first; i < cfg->n_lines; i = next_of(cfg, CONFIG_KEY, i + 1))
		if (strcmp(cfg->lines[i].key, key) < 0)
			at = i + 1;
	if (at > 0 || first < cfg->n_lines)
		return at > 0 ? at : first;
	while (at < end && cfg->lines[at].type == CONFIG_COMMENT)
		at++;
	return at;
}

/* Between the neighbours it had if they still are neighbours, else at the one that is left. */
static size_t neighbours_place(const struct config *cfg, enum config_type type, const struct config_place *p)
{
	size_t none = cfg->n_lines, after = none, before = none, first = next_of(cfg, type, 0), last = none;

	for (size_t i = first; i < none; i = next_of(cfg, type, i + 1)) {
		uint64_t h = hash_line(&cfg->lines[i]);
		bool between = last < none ? hash_line(&cfg->lines[last]) == p->after : p->after == 0;

		if (between && h == p->before)
			return last < none ? last + 1 : i;
		if (h == p->after)
			after = i;
		if (h == p->before && before == none)
			before = i;
		last = i;
	}
	if (after < none)
		return after + 1;
	if (before < none)
		return before;
	if (p->after == 0 && first < none)
		return first;
	if (last < none)
		return last + 1;
	/* none of its kind: raw lines stand behind the keys, keys behind the description */
	return type == CONFIG_LXC ? content_end(cfg) : sorted_place(cfg, "");
}

static size_t place_in(const struct config *cfg, const struct config_place *p, const struct config_line *l, bool same_rest)
{
	if (same_rest)
		return p->line;
	if (l->type == CONFIG_KEY && keys_are_sorted(cfg))
		return sorted_place(cfg, l->key);
	return neighbours_place(cfg, l->type, p);
}

int config_insert(const struct config *cfg, const struct config_place *p, const char *text, struct text *ret)
{
	_cleanup_config_ struct config one = { 0 };
	bool same_rest = hash_add(HASH_START, cfg->raw, cfg->raw_len) == p->rest && p->line <= section_end(cfg);
	int k = parse_one(text, &one);
	size_t at;

	if (k < 0)
		return k;
	at = place_in(cfg, p, &one.lines[0], same_rest);
	for (size_t i = 0; i < at; i++)
		text_add_n(ret, cfg->lines[i].raw, cfg->lines[i].raw_len);
	if (at > 0 && cfg->lines[at - 1].raw[cfg->lines[at - 1].raw_len - 1] != '\n')
		text_add(ret, "\n");
	text_add(ret, text);
	if (!same_rest || !p->torn)
		text_add(ret, "\n");
	for (size_t i = at; i < cfg->n_lines; i++)
		text_add_n(ret, cfg->lines[i].raw, cfg->lines[i].raw_len);
	return 0;
}
