/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line step: a line of somebody else's file, or several that belong together, has one text or another: "/etc/modprobe.d/kvm.conf 3".
 * The number is where it stood when that was planned; it is found elsewhere if it is there only once (line.h). Anything else in its
 * place is somebody else's.
 */
#include <errno.h>

#include "plan/line.h"
#include "plan/textfile.h"

struct place {
	char path[PATH_MAX];
	size_t nr;
	struct line_texts texts;
};

static bool is_text(const char *s)
{
	return s && *s && s[strlen(s) - 1] != '\n';
}

static int place_of(const struct step *s, struct place *ret, struct err *e)
{
	if (line_target_parse(s->target, ret->path, &ret->nr) < 0)
		return err_set(e, -EINVAL, "'%s' is not a file and the number of a line", s->target);
	if (!is_text(s->before) || !is_text(s->after) || str_eq(s->before, s->after))
		return err_set(e, -EINVAL, "for %s there are no two texts of a line", s->target);
	ret->texts = (struct line_texts){ s->before, s->after };
	return 0;
}

/*
 * The number of the first line that is not as `text` has it, where that begins in the file: a comment of ours is not what somebody else
 * has set.
 */
static size_t first_other(const char *file, size_t nr, const char *text)
{
	_cleanup_free_ char *first = strndup(text, strcspn(text, "\n"));
	struct line_texts t = { first, first };
	struct line_found found = { NULL };
	const char *line;
	size_t len;

	if (first && text[strlen(first)])
		found = line_find(file, nr, &t);
	if (!found.at)
		return nr;
	nr = 1;
	for (const char *p = file; p < found.at; p++)
		nr += *p == '\n';
	for (; line_at(file, nr, &line, &len) && strncmp(line, text, len) == 0 && text[len] == '\n'; nr++)
		text += len + 1;
	return nr;
}

static int line_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	_cleanup_free_ char *file = NULL;
	struct line_found found;
	const char *other = "";
	size_t len = 0;
	struct place p;
	char *value;
	int k = place_of(s, &p, e);

	if (k == 0)
		k = textfile_read(en->root, p.path, &file, e);
	if (k == -ENOENT)
		return err_set(e, -ENODEV, "%s is not there any more", p.path);
	if (k < 0)
		return k;
	found = line_find(file, p.nr, &p.texts);
	if (found.at)
		value = strdup(found.value);
	else if (found.places)
		value = strdup("(in several places)");
	else if (line_at(file, first_other(file, p.nr, p.texts.before), &other, &len))
		value = strndup(other, len);
	else
		value = strdup("(end of the file)");
	if (!value)
		return -ENOMEM;
	*ret = value;
	return 0;
}

static int edit(const void *ctx, const char *file, struct text *ret, struct err *e)
{
	const struct place *p = ctx;
	struct line_found found = line_find(file, p->nr, &p->texts);

	if (!found.at)
		return err_set(e, -ESTALE, "%s has another text by now than the one that was there in line %zu", p->path, p->nr);
	if (found.value == p->texts.after)
		return 1;
	line_replace(file, &found, &p->texts, ret);
	/* what could not be told from another line afterwards could not be put back */
	found = line_find(text_str(ret), p->nr, &p->texts);
	if (found.value != p->texts.after)
		return err_set(e, -ENOTUNIQ, "%s has the text of line %zu, as it is to be, in another place already: remove one of the two",
			       p->path, p->nr);
	return 0;
}

static int line_set(const struct engine *en, const struct step *s, struct err *e)
{
	struct place p;
	int k = place_of(s, &p, e);

	return k < 0 ? k : textfile_edit(en->root, p.path, edit, &p, e);
}

static void line_tidy(const struct engine *en, const struct step *s)
{
	struct place p;

	if (place_of(s, &p, NULL) == 0)
		root_drop_temporary(en->root, p.path);
}

const struct step_kind step_line = {
	.name = "line",
	.survives_reboot = true,
	.get = line_get,
	.set = line_set,
	.tidy = line_tidy,
};
