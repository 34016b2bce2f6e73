/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In a capture: the record of a preparation, which has whole files in it, as those files are in the capture. */
#include <errno.h>
#include <fnmatch.h>

#include "flow/prepare.h"
#include "helper/capture_row.h"
#include "plan/file.h"
#include "plan/line.h"

bool capture_is_ours(const struct capture *c, const char *path, const char *text)
{
	char of[PATH_MAX];
	struct root_own own;

	for (size_t i = 0; i < c->prepared.n_steps; i++) {
		const struct record_step *rs = &c->prepared.steps[i];
		const struct step *s = &rs->step;

		if (record_step_open(rs) && s->kind == &step_file && !s->before && str_eq(s->after, text) &&
		    file_target_parse(s->target, of, &own, NULL) == 0 && str_eq(of, path))
			return true;
	}
	return false;
}

static bool is_row_of(const struct capture_row *row, const char *path)
{
	for (const char *name = row->names; *name;) {
		size_t n = strcspn(name, " ");
		char pattern[512];

		snprintf(pattern, sizeof(pattern), "%s/%.*s", row->dir, (int)n, name);
		if (fnmatch(pattern, path, FNM_PATHNAME) == 0)
			return true;
		name += n + strspn(name + n, " ");
	}
	return false;
}

/* What of a text that is, or was, in the file at path is in a capture; NULL: the file is not. */
static char *masked(struct capture *c, const char *path, const char *text)
{
	for (size_t i = 0; text && i < capture_n_rows; i++) {
		const struct capture_row *row = &capture_rows[i];
		_cleanup_free_ char *copy = is_row_of(row, path) ? strdup(text) : NULL;
		_cleanup_text_ struct text t = { 0 };

		if (!copy)
			continue;
		if (row->mask)
			row->mask(&c->names, copy, &t);
		if (row->what == GREP && !t.len)
			continue;
		return strdup(text_str(&t));
	}
	return NULL;
}

static void mask_value(struct capture *c, const char *path, bool is_line, char **value)
{
	char *now = masked(c, path, *value);

	if (now && is_line && *now && now[strlen(now) - 1] == '\n')
		now[strlen(now) - 1] = '\0';
	free(*value);
	*value = now;
}

static void mask_step(struct capture *c, struct record_step *rs)
{
	struct step *s = &rs->step;
	char path[PATH_MAX];
	struct root_own own;
	bool is_line = s->kind == &step_line;
	size_t nr;

	/* the ROM itself is its maker's and stays here */
	if (s->kind == &step_rom)
		rs->state = RECORD_LEFT;
	if (is_line ? line_target_parse(s->target, path, &nr) < 0 :
		      s->kind != &step_file || file_target_parse(s->target, path, &own, NULL) < 0)
		return;
	if (capture_is_ours(c, path, s->after))
		return;
	mask_value(c, path, is_line, &s->before);
	mask_value(c, path, is_line, &s->after);
}

void capture_record(struct capture *c)
{
	_cleanup_text_ struct text t = { 0 }, text = { 0 };
	struct err e;
	int k = record_load(c->root, PREPARE_RECORD, &c->prepared, &e);

	/* in the place of one that nobody understands stands another such */
	if (k < 0 && k != -ENOENT)
		capture_text(c, PREPARE_RECORD, "gpupt-record 1\ndamaged\n");
	if (!c->prepared.n_steps)
		return;
	for (size_t i = 0; i < c->prepared.n_steps; i++)
		mask_step(c, &c->prepared.steps[i]);
	record_format(&c->prepared, &t);
	if (t.r == 0)
		mask_boot_id(&c->names, t.s, &text);
	if (t.r < 0 || text.r < 0)
		c->r = -ENOMEM;
	capture_text(c, PREPARE_RECORD, text_str(&text));
}
