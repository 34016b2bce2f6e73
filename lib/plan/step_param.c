/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The param step: one parameter is on the kernel's command line in a file, or is not: "/etc/kernel/cmdline intel_iommu=on". Nothing but
 * its bytes, and one blank, come and go.
 */
#include <errno.h>

#include "host/cmdline.h"
#include "plan/textfile.h"

static int split(const struct step *s, char path[static PATH_MAX], const char **ret_param, struct err *e)
{
	const char *param;

	if (textfile_split(s->target, false, path, &param) < 0 || !cmdline_same(param, param))
		return err_set(e, -EINVAL, "'%s' is not a file and a kernel parameter", s->target);
	*ret_param = param;
	return 0;
}

static int param_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL, *value = NULL;
	char path[PATH_MAX];
	const char *param;
	int k = split(s, path, &param, e);

	if (k == 0)
		k = textfile_read(en->root, path, &text, e);
	if (k == -ENOENT)
		return err_set(e, -ENODEV, "%s is not there any more", path);
	if (k < 0)
		return k;
	if (cmdline_has_exactly(text, param) && !(value = strdup(param)))
		return -ENOMEM;
	*ret = TAKE_PTR(value);
	return 0;
}

struct edit {
	const char *path, *param;
	bool add;
};

static int edit(const void *ctx, const char *text, struct text *ret, struct err *e)
{
	const struct edit *ed = ctx;
	_cleanup_free_ char *new = NULL;
	int k = ed->add ? cmdline_add(text, ed->param, &new) : cmdline_remove_exactly(text, ed->param, &new);

	if (k == -EINVAL)
		return err_set(e, k, "%s has a quote that is not closed, so nothing can be added to it: close it, then try again", ed->path);
	if (k < 0)
		return k;
	text_add(ret, new);
	return 0;
}

static int param_set(const struct engine *en, const struct step *s, struct err *e)
{
	char path[PATH_MAX];
	struct edit ed = { .path = path, .add = s->after };
	int k = split(s, path, &ed.param, e);

	return k < 0 ? k : textfile_edit(en->root, path, edit, &ed, e);
}

static void param_tidy(const struct engine *en, const struct step *s)
{
	char path[PATH_MAX];
	const char *param;

	if (split(s, path, &param, NULL) == 0)
		root_drop_temporary(en->root, path);
}

const struct step_kind step_param = {
	.name = "param",
	.survives_reboot = true,
	.get = param_get,
	.set = param_set,
	.tidy = param_tidy,
};
