/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/prepare.h"
#include "helper/check.h"
#include "helper/confirm.h"
#include "helper/gpu_arg.h"
#include "helper/prepare_view.h"

/* "01:00.0" or "01:00.0=reserved". */
static int parse_gpu(const struct options *o, const char *arg, struct prepare_gpu *ret)
{
	const char *mode = strchr(arg, '=');
	_cleanup_free_ char *gpu = mode ? strndup(arg, (size_t)(mode - arg)) : strdup(arg);

	if (!gpu)
		return helper_result(-ENOMEM, NULL);
	*ret = (struct prepare_gpu){ .has_mode = mode };
	if (mode && strcmp(mode, "=shared") && strcmp(mode, "=reserved"))
		return helper_usage("'%s' is no mode of a card: use %s=shared or %s=reserved", mode + 1, gpu, gpu);
	ret->mode = mode && strcmp(mode, "=reserved") == 0 ? MODE_RESERVED : MODE_SHARED;
	return gpu_arg(o, gpu, &ret->gpu);
}

struct work {
	const struct options *o;
	struct prepare_gpu *gpus;
	size_t n;
	struct prepare p;
	struct findings found; /* of check, n_checked of them, then of the preparation itself */
	size_t n_checked;
	struct steps steps;
	struct table t;
};

static void work_done(struct work *w)
{
	free(w->gpus);
	prepare_done(&w->p);
	findings_done(&w->found);
	steps_done(&w->steps);
	table_done(&w->t);
}

/* Everything that there is to say comes before anything is done. */
static int gather(struct work *w, struct err *e)
{
	int k = prepare_look(&w->p, e);

	/* of all cards: also those that gpupt.conf reserves without being named now are prepared */
	if (k == 0)
		k = check_gather(w->o, &w->found, e);
	w->n_checked = w->found.n;
	for (size_t i = 0; k == 0 && i < w->p.found.n; i++) {
		const struct finding *f = &w->p.found.v[i];
		struct finding *copy = finding_add(&w->found, f->code, f->subject, f->remedy, "%s", f->message);

		if (copy)
			copy->severity = f->severity;
		k = w->found.r;
	}
	return k;
}

/* In which IOMMU group it is; -1: in none. */
static int group_of(const struct setup *s, struct bdf b)
{
	for (size_t i = 0; i < s->n; i++)
		if (bdf_eq(s->v[i].fn.bdf, b))
			return s->v[i].fn.group;
	return -1;
}

static bool is_meant(const struct work *w, struct bdf b)
{
	for (size_t i = 0; i < w->n; i++)
		if (bdf_same_slot(w->gpus[i].gpu, b))
			return true;
	return settings_gpu(&w->p.settings, b)->mode == MODE_RESERVED;
}

/* Is it about a card that is asked for, or reserved, or about a neighbour that would go along with one? */
static bool is_about(const struct work *w, const struct finding *f)
{
	const struct setup *s = &w->p.setup;
	struct bdf b;
	int group;

	if (bdf_parse(f->subject, &b) < 0)
		return false;
	if (is_meant(w, b))
		return true;
	group = group_of(s, b);
	for (size_t i = 0; group >= 0 && i < s->n; i++)
		if (s->v[i].card && s->v[i].fn.group == group && is_meant(w, s->v[i].fn.bdf))
			return true;
	return false;
}

static bool is_stopped(const struct work *w)
{
	bool stopped = false;

	for (size_t i = 0; i < w->found.n; i++) {
		const struct finding *f = &w->found.v[i];

		if (i < w->n_checked ? !prepare_is_stopped_by(f, is_about(w, f)) : f->severity != SEVERITY_BLOCK)
			continue;
		helper_complain("%s: %s%s%s", f->subject, f->message, f->remedy ? ": " : "", f->remedy ? f->remedy : "");
		stopped = true;
	}
	return stopped;
}

static int make(struct work *w, struct err *e)
{
	_cleanup_prepare_view_ struct prepare_view view = { 0 };
	struct engine en = prepare_view_engine(&view, &w->steps);

	return prepare_make(&w->p, &en, e);
}

static void show_plan(struct work *w)
{
	for (size_t i = 0; i < w->p.plan.n; i++)
		steps_would_make(&w->steps, 0, &w->p.plan.steps[i]);
	if (w->steps.list)
		return;
	putchar('\n');
	prepare_view_plan(&w->p.plan);
	fflush(stdout);
}

/* Is there anything that a preparation would do, and leaves to others? */
static bool any_left(const struct work *w)
{
	for (size_t i = 0; i < w->p.found.n; i++)
		if (w->p.found.v[i].code == FINDING_EDITED)
			return true;
	return false;
}

static int decide(struct work *w, struct err *e)
{
	bool shows = prepare_view_shows_only(w->o);
	int code;

	if (!w->steps.list)
		code = table_print(&w->t);
	if (is_stopped(w)) {
		helper_complain("nothing was done");
		return EXIT_REFUSED;
	}
	if (w->p.unfinished && !w->o->resume && !shows) {
		helper_complain("an earlier preparation was cut off: 'gpupt-helper prepare --resume' goes on with it, "
				"'gpupt-helper revert --unfinished' puts back what it has made");
		return EXIT_REFUSED;
	}
	if (!w->p.plan.n && !w->p.unfinished) {
		if (!w->steps.list)
			puts(any_left(w) ? "\nThere is nothing to do but what is said above." : "\nThis host is prepared already.");
		return EXIT_DONE;
	}
	if (shows || !w->steps.list)
		show_plan(w);
	if (shows) {
		if (!w->steps.list)
			prepare_view_reboot(&w->p.reboot);
		return EXIT_DONE;
	}
	if (!helper_confirm(w->o, "Make these changes?"))
		return EXIT_REFUSED;
	code = helper_result(make(w, e), e);
	if (code == EXIT_DONE && !w->steps.list && !root_is_live(w->o->root)) {
		printf("%s is prepared. 'gpupt-helper --root %s revert' takes it back.\n", w->o->root->path, w->o->root->path);
	} else if (code == EXIT_DONE && !w->steps.list) {
		puts("This host is prepared. 'gpupt-helper revert' takes it back.");
		prepare_view_reboot(&w->p.reboot);
	}
	return code;
}

static int run(const struct options *o, int argc, char **argv)
{
	_cleanup_(work_done) struct work w = { .o = o, .gpus = calloc((size_t)argc + 1, sizeof(*w.gpus)), .p = { .record.fd = -1 } };
	struct options all = *o;
	struct err e = { "" };
	int code;

	if (!w.gpus)
		return helper_result(-ENOMEM, &e);
	for (; w.n < (size_t)argc; w.n++)
		if ((code = parse_gpu(o, argv[w.n], &w.gpus[w.n])) != EXIT_DONE)
			return code;
	/* in JSON two lists, as with `check`; -o is about the steps */
	all.columns = NULL;
	code = steps_open(o, &w.steps);
	if (code == EXIT_DONE)
		code = table_open(&all, &check_columns, &w.t);
	if (code != EXIT_DONE)
		return code;
	w.p.root = o->root;
	w.p.gpus = w.gpus;
	w.p.n_gpus = w.n;
	w.p.adopt = o->adopt;
	code = helper_result(gather(&w, &e), &e);
	if (code != EXIT_DONE)
		return code;
	check_show(&w.found, &w.t);
	code = decide(&w, &e);
	if (o->json)
		return table_print_both(&w.t, &w.steps.t) == EXIT_DONE ? code : EXIT_REFUSED;
	return steps_print(&w.steps, code);
}

const struct command command_prepare = {
	.name = "prepare",
	.args = "[GPU[=shared|reserved] ...]",
	.max = -1,
	.changes = true,
	.summary = "make the host ready for what gpupt.conf asks for, once and reversibly",
	.help = "Compares the host with gpupt.conf and shows the difference, with the reason for each step, before it asks\n"
		"whether to make it. A GPU that is named gets a section there; with =reserved it is on vfio-pci from the\n"
		"first moment of boot, with =shared (the default) it boots on its native driver and moves when a VM starts.\n"
		"All that is done is on record, and 'revert' takes it back. What others have written stays, unless --adopt\n"
		"is given. With --json or -o: a list of steps; in JSON after the findings of 'check'.\n"
		"Exit code 1 if something keeps the host from being prepared.",
	.columns = &steps_columns,
	.run = run,
};
