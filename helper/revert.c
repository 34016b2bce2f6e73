/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/prepare.h"
#include "helper/confirm.h"
#include "helper/prepare_view.h"

static void say_done(const struct report *report, const struct options *o, const struct revert *v)
{
	_cleanup_text_ struct text line = { 0 };

	if (o->unfinished)
		text_add(&line, "What was cut off is put back");
	else
		text_addf(&line, "%s is as it was before it was prepared", root_is_live(o->root) ? "This host" : o->root->path);
	if (v->left)
		text_add(&line, ", but for what somebody has changed since");
	if (v->kept.len)
		text_addf(&line, "%s for %s, which had to stay", v->left ? ", and" : ", but", text_str(&v->kept));
	report_say(report, "%s.", text_str(&line));
}

static int revert(struct steps *s)
{
	_cleanup_prepare_view_ struct prepare_view view = { 0 };
	struct engine en = prepare_view_engine(&view, s);
	struct revert v = { .root = s->o->root, .unfinished = s->o->unfinished, .dry_run = true };
	struct err e = { "" };
	bool shows = prepare_view_shows_only(s->o);
	int k = 0;

	/* what would be put back is shown before it is asked for; in a list there is only what became of it */
	if (shows || !(s->list || s->o->yes))
		k = revert_run(&v, &en, &view.report, &e);
	if (k == -ENOENT) {
		report_say(&view.report, "%s", e.text);
		return EXIT_DONE;
	}
	if (k < 0 || shows)
		return helper_result(k, &e);
	if (!helper_confirm(s->o, "Put this back?"))
		return EXIT_REFUSED;
	v.dry_run = false;
	k = revert_run(&v, &en, &view.report, &e);
	if (k == -ENOENT)
		report_say(&view.report, "%s", e.text);
	else if (k == 0)
		say_done(&view.report, s->o, &v);
	if (k == 0 && !s->list && root_is_live(s->o->root))
		prepare_view_reboot(&v.reboot);
	text_done(&v.reboot);
	text_done(&v.kept);
	return k == -ENOENT ? EXIT_DONE : helper_result(k, &e);
}

static int run(const struct options *o, int argc, char **argv)
{
	_cleanup_steps_ struct steps s = { 0 };
	int code = steps_open(o, &s);

	return code != EXIT_DONE ? code : steps_print(&s, revert(&s));
}

const struct command command_revert = {
	.name = "revert",
	.args = "",
	.changes = true,
	.summary = "take back what 'prepare' has done to the host",
	.help = "Exactly that: what somebody has changed since is left and named. With --dry-run, shows what would be put\n"
		"back. With --json or -o: a list of steps, with what became of each.",
	.columns = &steps_columns,
	.run = run,
};
