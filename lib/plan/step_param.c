/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The param step: one parameter is on the kernel's command line in a file, or is not: "/etc/kernel/cmdline intel_iommu=on". Nothing but
 * its bytes, and one blank, come and go. "/etc/kernel/cmdline@12,root quiet" is one that goes back to where it stood, behind root=, and
 * "/etc/default/grub:GRUB_CMDLINE_LINUX@6,quiet iommu=off" the same of an assignment in GRUB's defaults (param.h).
 */
#include <errno.h>

#include "plan/param.h"
#include "plan/textfile.h"

static int parse(const struct step *s, struct param *ret, struct err *e)
{
	int k = param_target_parse(s->target, ret);

	return k < 0 ? err_set(e, k, "'%s' is not a file and a kernel parameter, with or without the place where it stood", s->target) : 0;
}

static int tell(const struct param *p, int k, struct err *e)
{
	switch (k) {
	case -ENOENT:
		return err_set(e, -ENODEV, "%s does not set %s any more, where %s had its place", p->path, p->of.name, p->param);
	case -ENOTUNIQ:
		return err_set(e, k, "in %s nobody can tell which %s is meant by now", p->path, p->of.name);
	case -EBADMSG:
		return err_set(e, k, "%s of %s comes from a command", p->of.name, p->path);
	case -EINVAL:
		return err_set(e, k, "%s has a quote that is not closed, so nothing can be added to it: close it, then try again", p->path);
	default:
		return k;
	}
}

static int param_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL, *line = NULL, *value = NULL;
	const char *now = NULL;
	struct param p;
	int k = parse(s, &p, e);

	if (k == 0)
		k = textfile_read(en->root, p.path, &text, e);
	if (k == -ENOENT)
		return err_set(e, -ENODEV, "%s is not there any more", p.path);
	if (k < 0)
		return k;
	k = param_line(&p, text, &line);
	/* values of somebody else's */
	if (k == -ENOTUNIQ)
		now = "(it is set in other places by now, or by shell code)";
	else if (k == -EBADMSG)
		now = "(it comes from a command)";
	else if (k < 0)
		return tell(&p, k, e);
	else if (cmdline_has_exactly(line, p.param))
		now = p.param;
	value = now ? strdup(now) : NULL;
	if (now && !value)
		return -ENOMEM;
	*ret = TAKE_PTR(value);
	return 0;
}

struct edit {
	const struct param *p;
	bool add;
};

static int edit(const void *ctx, const char *text, struct text *ret, struct err *e)
{
	const struct edit *ed = ctx;

	return tell(ed->p, param_edit(ed->p, text, ed->add, ret), e);
}

static int param_set(const struct engine *en, const struct step *s, struct err *e)
{
	_cleanup_free_ char *now = NULL;
	struct param p;
	int k = parse(s, &p, e);

	if (k == 0)
		k = textfile_edit(en->root, p.path, edit, &(struct edit){ &p, s->after }, e);
	if (k < 0 || s->after)
		return k;
	k = param_get(en, s, &now, e);
	if (k == 0 && now)
		return err_set(e, 1, "%s has %s once more, which somebody else has written there: that one stays", p.path, p.param);
	return k;
}

static void param_tidy(const struct engine *en, const struct step *s)
{
	struct param p;

	if (param_target_parse(s->target, &p) == 0)
		root_drop_temporary(en->root, p.path);
}

const struct step_kind step_param = {
	.name = "param",
	.survives_reboot = true,
	.get = param_get,
	.set = param_set,
	.tidy = param_tidy,
};
