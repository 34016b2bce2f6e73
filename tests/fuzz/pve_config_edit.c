/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every line that can be taken out of a container's configuration comes back to the very bytes; and put into any other configuration
 * it changes none of the lines that are there, and is in the current section.
 */
#include "pve/config_edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX 24 /* of one input: the work grows with their square */

static void come_back(const struct config *cfg, const struct config_place *p, const char *text, size_t line)
{
	_cleanup_text_ struct text without = { 0 }, back = { 0 };
	_cleanup_config_ struct config rest = { 0 };

	config_remove(cfg, line, &without);
	if (config_parse(text_str(&without), without.len, GUEST_CT, &rest) < 0 || config_insert(&rest, p, text, &back) < 0)
		abort();
	if (back.len != cfg->raw_len || memcmp(text_str(&back), cfg->raw, back.len) != 0)
		abort();
}

/* The same line but for a newline that the last one may have got. */
static bool same_line(const struct config_line *a, const struct config_line *b)
{
	size_t n = a->raw_len - (a->raw[a->raw_len - 1] == '\n'), m = b->raw_len - (b->raw[b->raw_len - 1] == '\n');

	return n == m && memcmp(a->raw, b->raw, n) == 0 && a->section == b->section;
}

/* Is now the other configuration, but for its line j? */
static bool only_more_is(const struct config *now, const struct config *other, size_t j)
{
	for (size_t i = 0; i < other->n_lines; i++)
		if (!same_line(&other->lines[i], &now->lines[i < j ? i : i + 1]))
			return false;
	return true;
}

static void go_elsewhere(const struct config *other, const struct config_place *p, const char *text)
{
	_cleanup_config_ struct config now = { 0 };
	_cleanup_text_ struct text bytes = { 0 };

	if (config_insert(other, p, text, &bytes) < 0)
		abort();
	if (config_parse(text_str(&bytes), bytes.len, GUEST_CT, &now) < 0)
		return; /* too long by now */
	if (now.n_lines != other->n_lines + 1)
		abort();
	for (size_t j = 0; j < now.n_lines; j++) {
		_cleanup_free_ char *line = config_line_movable(&now, j) ? config_line_text(&now, j) : NULL;

		if (str_eq(line, text) && only_more_is(&now, other, j))
			return;
	}
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *cut = size ? memchr(data, '\1', size) : NULL;
	size_t first = cut ? (size_t)(cut - text) : size;
	_cleanup_config_ struct config cfg = { 0 }, other = { 0 };

	if (config_parse(text, first, GUEST_CT, &cfg) < 0)
		return 0;
	if (config_parse(cut ? cut + 1 : "", cut ? size - first - 1 : 0, GUEST_CT, &other) < 0)
		return 0;
	for (size_t line = 0; line < cfg.n_lines && line < LINES_MAX; line++) {
		_cleanup_free_ char *moved = NULL;
		struct config_place p;

		if (!config_line_movable(&cfg, line))
			continue;
		moved = config_line_text(&cfg, line);
		config_place_get(&cfg, line, &p);
		come_back(&cfg, &p, moved, line);
		go_elsewhere(&other, &p, moved);
	}
	return 0;
}
