/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "helper/steps.h"

enum { VMID, BDF, STEP, TARGET, BEFORE, AFTER, WHY, RESULT, MESSAGE };

/* All of them details: without -o or --json there is no list. */
static const struct column column_v[] = {
	[VMID] = { "vmid", "the VM that it is about", COLUMN_NUMBER, .detail = true },
	[BDF] = { "bdf", "the function that it is about", .detail = true },
	[STEP] = { "step", "kind of step", .detail = true },
	[TARGET] = { "target", "what the step changes", .detail = true },
	[BEFORE] = { "before", "value without the step", .detail = true },
	[AFTER] = { "after", "value by the step", .detail = true },
	[WHY] = { "why", "why the step is, or was, made", .detail = true, .wrap = true },
	[RESULT] = { "result", "made, skipped, failed; put back, kept, partly, left, gone, not put back; stuck; would be …", .detail = true },
	[MESSAGE] = { "message", "what there is to say about the result", .detail = true, .wrap = true },
};
const struct columns steps_columns = { "steps", column_v, ARRAY_SIZE(column_v) };

static const char *const results[] = {
	[STEP_MADE] = "made",	   [STEP_FAILED] = "failed", [STEP_SKIPPED] = "skipped",
	[STEP_UNDONE] = "put back", [STEP_GONE] = "gone",	     [STEP_PARTLY] = "partly",
	[STEP_FOREIGN] = "left",    [STEP_STUCK] = "stuck",    [STEP_LEFT] = "not put back",
	[STEP_KEPT] = "kept",
};

int steps_open(const struct options *o, struct steps *ret)
{
	*ret = (struct steps){ .o = o, .list = o->json || o->columns };
	return ret->list ? table_open(o, &steps_columns, &ret->t) : EXIT_DONE;
}

void steps_done(struct steps *s)
{
	if (s->list)
		table_done(&s->t);
}

static void add(struct steps *s, unsigned int vmid, const struct step *step, const char *result, const char *message)
{
	char name[BDF_LEN];
	struct bdf b;

	table_row(&s->t);
	if (vmid)
		table_setf(&s->t, VMID, "%u", vmid);
	if (target_bdf(step->target, &b))
		table_set(&s->t, BDF, bdf_format(b, name));
	table_set(&s->t, STEP, step->kind->name);
	table_set(&s->t, TARGET, step->target);
	table_set(&s->t, BEFORE, step->before);
	table_set(&s->t, AFTER, step->after);
	table_set(&s->t, WHY, step->why);
	table_set(&s->t, RESULT, result);
	table_set(&s->t, MESSAGE, message);
}

/* after-stop = keep: the function does not go to its before, it stays with vfio-pci. */
static bool is_kept(const struct steps *s, unsigned int vmid, const struct step *step)
{
	struct bdf b;

	return vmid && s->settings && step->kind == &step_driver && target_bdf(step->target, &b) &&
	       settings_stays(settings_gpu(s->settings, b));
}

static void on_step(void *ctx, unsigned int vmid, enum step_event event, const struct step *step, const char *text)
{
	_cleanup_text_ struct text message = { 0 };
	struct steps *s = ctx;

	if (event == STEP_FOREIGN)
		text_addf(&message, "somebody else has set it to '%s'", text);
	else
		text_add(&message, text ? text : "");
	add(s, vmid, step, event == STEP_UNDONE && is_kept(s, vmid, step) ? "kept" : results[event], text_str(&message));
}

void steps_would_make(struct steps *s, unsigned int vmid, const struct step *step)
{
	if (s->list)
		add(s, vmid, step, "would be made", NULL);
}

static void would_undo(void *ctx, unsigned int vmid, const struct step *step, const char *kept)
{
	struct steps *s = ctx;

	add(s, vmid, step, kept || is_kept(s, vmid, step) ? "would be kept" : "would be put back", kept);
}

static void say(void *ctx, const char *line)
{
	struct steps *s = ctx;

	if (s->list)
		helper_complain("%s", line);
	else
		puts(line);
}

static void complain(void *ctx, const char *line)
{
	helper_complain("%s", line);
}

struct report steps_report(struct steps *s, unsigned int vmid)
{
	return (struct report){
		.say = say, .complain = complain, .step = s->list ? on_step : NULL, .shown = s->list ? would_undo : NULL,
		.ctx = s, .verbose = s->o->verbose, .vmid = vmid,
	};
}

int steps_print(struct steps *s, int code)
{
	int printed = s->list ? table_print(&s->t) : EXIT_DONE;

	return code == EXIT_DONE ? printed : code;
}
