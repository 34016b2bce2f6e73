/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The param step: one parameter is on the kernel's command line in a file, or is not: "/etc/kernel/cmdline intel_iommu=on". Nothing but
 * its bytes, and one blank, come and go. "/etc/kernel/cmdline@12 quiet" is one that goes back to where it stood.
 */
#include <errno.h>

#include "host/cmdline.h"
#include "plan/param.h"
#include "plan/textfile.h"

#define AT_END SIZE_MAX
#define PLACE_MAX 65536

struct edit {
	char path[PATH_MAX];
	const char *param;
	size_t place; /* for cmdline_put(), or AT_END */
	bool add;
};

void param_target(const char *path, const char *param, struct text *ret)
{
	text_addf(ret, "%s %s", path, param);
}

int param_target_at(const char *path, const char *text, const char *param, struct text *ret)
{
	size_t place;
	int k = cmdline_place(text, param, &place);

	if (k == 0)
		text_addf(ret, "%s@%zu %s", path, place, param);
	return k;
}

static int split(const struct step *s, struct edit *ret, struct err *e)
{
	char *at;
	uint64_t place = AT_END;

	if (textfile_split(s->target, false, ret->path, &ret->param) < 0 || !cmdline_same(ret->param, ret->param))
		return err_set(e, -EINVAL, "'%s' is not a file and a kernel parameter", s->target);
	at = strrchr(ret->path, '@');
	if (at && parse_uint(at + 1, PLACE_MAX, &place) < 0)
		return err_set(e, -EINVAL, "'%s' does not say where the parameter stood", s->target);
	if (at)
		*at = '\0';
	ret->place = (size_t)place;
	ret->add = s->after;
	return 0;
}

static int param_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL, *value = NULL;
	struct edit ed;
	int k = split(s, &ed, e);

	if (k == 0)
		k = textfile_read(en->root, ed.path, &text, e);
	if (k == -ENOENT)
		return err_set(e, -ENODEV, "%s is not there any more", ed.path);
	if (k < 0)
		return k;
	if (cmdline_has_exactly(text, ed.param) && !(value = strdup(ed.param)))
		return -ENOMEM;
	*ret = TAKE_PTR(value);
	return 0;
}

static int edit(const void *ctx, const char *text, struct text *ret, struct err *e)
{
	const struct edit *ed = ctx;
	_cleanup_free_ char *new = NULL;
	int k;

	if (!ed->add)
		k = cmdline_remove_exactly(text, ed->param, &new);
	else if (ed->place == AT_END)
		k = cmdline_add(text, ed->param, &new);
	else
		k = cmdline_put(text, ed->param, ed->place, &new);
	if (k == -EINVAL)
		return err_set(e, k, "%s has a quote that is not closed, so nothing can be added to it: close it, then try again", ed->path);
	if (k < 0)
		return k;
	text_add(ret, new);
	return 0;
}

static int param_set(const struct engine *en, const struct step *s, struct err *e)
{
	struct edit ed;
	int k = split(s, &ed, e);

	return k < 0 ? k : textfile_edit(en->root, ed.path, edit, &ed, e);
}

static void param_tidy(const struct engine *en, const struct step *s)
{
	struct edit ed;

	if (split(s, &ed, NULL) == 0)
		root_drop_temporary(en->root, ed.path);
}

const struct step_kind step_param = {
	.name = "param",
	.survives_reboot = true,
	.get = param_get,
	.set = param_set,
	.tidy = param_tidy,
};
