/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"
#include "flow/report.h"

static _printf_(3, 0) void line_v(void (*sink)(void *ctx, const char *line), void *ctx, const char *fmt, va_list ap)
{
	char line[1024];

	if (!sink)
		return;
	vsnprintf(line, sizeof(line), fmt, ap);
	sink(ctx, line);
}

void report_say(const struct report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line_v(r->say, r->ctx, fmt, ap);
	va_end(ap);
}

void report_complain(const struct report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line_v(r->complain, r->ctx, fmt, ap);
	va_end(ap);
}

void report_shown(const struct report *r, unsigned int vmid, const struct step *s)
{
	_cleanup_text_ struct text t = { 0 };
	struct step back = step_swapped(s);

	if (s->kind->effect && !s->kind->derives)
		return;
	if (r->shown) {
		r->shown(r->ctx, vmid, s, NULL);
		return;
	}
	/* why it was made is not why it goes back */
	back.why = NULL;
	step_format(&back, &t);
	report_say(r, "%s", text_str(&t));
}

void report_shown_kept(const struct report *r, const struct step *s, const char *why)
{
	report_complain(r, "%s", why);
	if (r->shown)
		r->shown(r->ctx, 0, s, why);
}

/* How an event is logged, whether a person is told even without being asked, and by which words. */
static const struct event_row {
	enum log_id id;
	int priority;
	bool complain;
	const char *words;
} events[] = {
	[STEP_MADE] = { LOG_ID_STEP, LOG_INFO, false, "done" },
	[STEP_FAILED] = { LOG_ID_FAILED, LOG_ERR, false, "failed" },
	[STEP_SKIPPED] = { LOG_ID_STEP, LOG_NOTICE, false, "skipped" },
	[STEP_UNDONE] = { LOG_ID_STEP, LOG_INFO, false, "put back" },
	[STEP_GONE] = { LOG_ID_LEFT, LOG_WARNING, true, "gone" },
	[STEP_PARTLY] = { LOG_ID_STEP, LOG_NOTICE, false, "partly" },
	[STEP_FOREIGN] = { LOG_ID_LEFT, LOG_WARNING, true, "left as somebody else set it" },
	[STEP_STUCK] = { LOG_ID_STUCK, LOG_ERR, true, "stuck" },
	[STEP_LEFT] = { LOG_ID_LEFT, LOG_ERR, true, "could not be put back" },
	[STEP_KEPT] = { LOG_ID_LEFT, LOG_WARNING, true, "kept" },
	[STEP_OUTPUT] = { LOG_ID_STEP, LOG_INFO, false, "said" },
	[STEP_ERRORS] = { LOG_ID_FAILED, LOG_ERR, true, "said" },
	[STEP_WARNED] = { LOG_ID_STEP, LOG_WARNING, true, "said" },
};

/* A reset is worth a line of its own, made or not. */
static void say_reset(const struct report *r, enum step_event event, const struct step *s, const char *bdf, const char *text)
{
	if (event == STEP_MADE)
		report_say(r, "%s: reset (%s)", bdf, text ? text : s->after);
	else if (event == STEP_SKIPPED)
		report_say(r, "%s: not reset: %s", bdf, text);
}

/* Of a program that did what it had to, only who asks for everything wants to hear this. */
static void report_output(const struct report *r, const struct event_row *row, const struct step *s, const char *text)
{
	struct log_entry entry = { .priority = row->priority, .id = row->id, .vmid = r->vmid, .step = s->kind->name };
	_cleanup_free_ char *copy = strdup(text);
	char *p = copy, *line;

	while (copy && (line = str_line(&p))) {
		str_printable(line);
		log_write(&entry, "%s %s: %s", s->kind->name, s->target, line);
		if (row->complain)
			report_complain(r, "  %s", line);
		else if (r->verbose && !r->step)
			report_say(r, "  %s", line);
	}
}

void report_step(void *ctx, enum step_event event, const struct step *s, const char *text)
{
	const struct report *r = ctx;
	const struct event_row *row = &events[event];
	_cleanup_text_ struct text line = { 0 };
	char name[BDF_LEN] = "";
	struct log_entry entry = { .priority = row->priority, .id = row->id, .vmid = r->vmid, .step = s->kind->name };
	struct bdf b;
	bool complain;

	if (event == STEP_OUTPUT || event == STEP_ERRORS || event == STEP_WARNED) {
		report_output(r, row, s, text);
		return;
	}
	if (r->step)
		r->step(r->ctx, r->vmid, event, s, text);
	if (target_bdf(s->target, &b))
		entry.bdf = bdf_format(b, name);
	if (str_starts(s->target, "pci-reset ")) {
		entry.id = LOG_ID_RESET;
		if (!r->step)
			say_reset(r, event, s, name, text);
	}
	/* what the kernel does not take back of a reset_method nobody misses; anything else does not work as before */
	complain = row->complain || (event == STEP_PARTLY && s->kind != &step_attr);
	step_format(s, &line);
	log_write(&entry, "%s: %s%s%s", row->words, text_str(&line), text ? ": " : "", text ? text : "");
	if (complain && event == STEP_FOREIGN && s->kind->patient && s->kind->launch)
		report_complain(r, "CT %u is '%s' by somebody else's doing, and is left so", step_container(s), text);
	else if (event == STEP_SKIPPED && s->kind == &step_node)
		report_complain(r, "%s, and no placeholder could be made: %s", s->why, text);
	else if (complain && event == STEP_FOREIGN)
		report_complain(r, "%s is left as somebody else set it: '%s'", s->target, text);
	else if (complain)
		report_complain(r, "%s", text);
	else if (r->verbose && !r->step)
		report_say(r, "%s: %s%s%s", row->words, text_str(&line), text ? ": " : "", text ? text : "");
}
