/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/diff.h"
#include "helper/prepare_view.h"

/* For a unit's job and a driver's write, which a preparation has none of; its programs have deadlines of their own. */
#define TIMEOUT_MS 60000

/* A line's value has no newline at its end, which the file has. */
static char *whole(const struct step *s, const char *value)
{
	char *t = NULL;

	if (value && asprintf(&t, "%s%s", value, s->kind == &step_line ? "\n" : "") < 0)
		return NULL;
	return t;
}

static void show_step(const struct step *s)
{
	_cleanup_free_ char *before = whole(s, s->before), *after = whole(s, s->after);
	_cleanup_text_ struct text t = { 0 };

	step_format(s, &t);
	text_add(&t, "\n");
	if (s->kind == &step_file || s->kind == &step_line)
		diff_unified(before, after, "    ", &t);
	fputs(text_str(&t), stdout);
}

bool prepare_view_shows_only(const struct options *o)
{
	return (o->dry_run || !o->yes) && helper_shows_only(o);
}

void prepare_view_plan(const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		show_step(&p->steps[i]);
}

void prepare_view_reboot(const struct text *reasons)
{
	_cleanup_free_ char *copy = strdup(text_str(reasons));
	char *p = copy, *line;

	if (!reasons->len || !copy)
		return;
	puts("A reboot is needed for:");
	while ((line = str_line(&p)))
		printf("    %s\n", line);
}

static void end_ticks(struct prepare_view *v)
{
	if (v->ticking)
		fputs("\r\033[K", stderr);
	v->ticking = false;
}

/* On the way back it is what the step came from. */
static const char *command_of(const struct step *s)
{
	return s->after ? s->after : s->before ? s->before : s->target;
}

static void tick(void *ctx, const struct step *s, unsigned int seconds)
{
	struct prepare_view *v = ctx;

	if (isatty(STDERR_FILENO)) {
		fprintf(stderr, "\r\033[K%s: %u s", command_of(s), seconds);
		v->ticking = true;
	} else if (seconds == 0) {
		/* for a log: when it began is enough */
		fprintf(stderr, "%s …\n", command_of(s));
	}
}

static void show_output(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	char *p = copy, *line;

	while (copy && (line = str_line(&p)))
		fprintf(stderr, "    %s\n", str_printable(line));
}

static void watch(void *ctx, enum step_event event, const struct step *s, const char *text)
{
	struct prepare_view *v = ctx;

	/* below a copy that is all that comes of a program */
	bool all = v->o->verbose || !root_is_live(v->o->root);

	end_ticks(v);
	if (event == STEP_ERRORS || event == (all ? STEP_OUTPUT : STEP_WARNED))
		show_output(text);
	if (event != STEP_ERRORS && event != STEP_WARNED && event != STEP_OUTPUT)
		report_step(&v->report, event, s, text);
}

struct engine prepare_view_engine(struct prepare_view *v, struct steps *s)
{
	*v = (struct prepare_view){ .o = s->o, .report = steps_report(s, 0) };
	return (struct engine){
		.root = s->o->root, .driver_timeout_ms = TIMEOUT_MS, .job_timeout_ms = TIMEOUT_MS,
		.watch = watch, .watch_ctx = v, .tick = tick,
	};
}

void prepare_view_done(struct prepare_view *v)
{
	end_ticks(v);
}
