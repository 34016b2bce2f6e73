/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --adopt: lines of others that decide about cards are commented out. In a command line, which has no comments, and in an assignment of
 * GRUB's, which has other parameters as well, it is the parameter that goes.
 */
#include <errno.h>

#include "host/cmdline.h"
#include "plan/file.h"
#include "plan/line.h"
#include "plan/param.h"
#include "policy/pin_script.h"
#include "policy/prepare_parts.h"

#define COMMENT "#gpupt: "

bool prepare_adopts(const struct pin *pin)
{
	/* a softdep alone moves nothing, and goes with the lines that it was written for */
	return !pin->own && pin->file && (pin->effect != PIN_NOTES || pin->kind == PIN_SOFTDEP);
}

/* What a package has put there is none of the administrator's, and comes back with its next version. */
static bool is_in_etc(const char *path)
{
	return str_starts(path, "/etc/");
}

bool prepare_takes_out(const struct prepare_facts *f, const struct conf_place *at)
{
	for (size_t i = 0; f->adopt && i < f->pins->n; i++) {
		const struct pin *pin = &f->pins->v[i];

		if (prepare_adopts(pin) && pin->cards.n && !pin->others.n && is_in_etc(pin->file) && pin->line == at->line &&
		    strcmp(pin->file, at->file) == 0)
			return true;
	}
	return false;
}

static void comment_out(const char *lines, struct text *t)
{
	for (const char *p = lines;; p++) {
		size_t n = strcspn(p, "\n");

		text_add(t, COMMENT);
		text_add_n(t, p, n + (p[n] == '\n'));
		p += n;
		if (!*p)
			return;
	}
}

/* The one place in a shell's assignment where the parameter stands as a word of its own; NULL if there is none, or several. */
static const char *token_in(const char *line, const char *token)
{
	const char *found = NULL;
	size_t n = strlen(token);

	for (const char *p = line; (p = strstr(p, token)); p += n) {
		if (p == line || !strchr(" \t\"'=", p[-1]) || (p[n] && !strchr(" \t\"'", p[n])))
			continue;
		if (found)
			return NULL;
		found = p;
	}
	return found;
}

/* The line without the parameter and without the blank that set it off. NULL: it cannot be taken out. */
static char *assignment_without(const char *line, const char *token)
{
	const char *at = token_in(line, token), *behind;
	_cleanup_text_ struct text t = { 0 };

	if (!at)
		return NULL;
	behind = at + strlen(token);
	if (at[-1] == ' ')
		at--;
	else if (*behind == ' ')
		behind++;
	text_add_n(&t, line, (size_t)(at - line));
	text_add(&t, behind);
	return text_take(&t);
}

static int refuse(struct findings *found, const char *where, const char *text, const char *why)
{
	finding_add(found, FINDING_NOT_ADOPTED, "host", "take it out by hand, if it is not meant", "%s ('%s') stays: %s", where, text, why);
	return found->r;
}

/* Does the line before end in a backslash, so that this one goes on with it? */
static bool is_continued(const char *text, unsigned int line)
{
	_cleanup_free_ char *before = line > 1 ? prepare_lines(text, line - 1, line - 1) : NULL;
	size_t n = before ? strlen(before) : 0;

	return n && before[n - 1] == '\\';
}

/* The step of the plan that changes that line already, or NULL. */
static struct step *line_step(struct plan *plan, const char *target)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].kind == &step_line && strcmp(plan->steps[i].target, target) == 0)
			return &plan->steps[i];
	return NULL;
}

/* The command line as the plan leaves it so far: a parameter's place is that in what its undo will find. */
static char *command_line(const struct prepare_facts *f, const struct plan *plan)
{
	const struct prepare_file *file = prepare_file(f, LOADER_CMDLINE);
	char *text = strdup(file && file->text ? file->text : "");

	for (size_t i = 0; text && i < plan->n; i++) {
		_cleanup_free_ char *was = text;

		if (plan->steps[i].kind != &step_param)
			text = TAKE_PTR(was);
		else if (cmdline_remove(was, plan->steps[i].before, &text) < 0)
			text = NULL;
	}
	return text;
}

static int adopt_bare_param(const struct prepare_facts *f, const char *token, const char *why, struct plan *plan, struct findings *found)
{
	_cleanup_free_ char *text = command_line(f, plan);
	_cleanup_text_ struct text target = { 0 };
	int k;

	if (!text)
		return -ENOMEM;
	k = param_target_at(LOADER_CMDLINE, text, token, &target);
	/* one parameter may be about several cards, and a pin for each */
	if (k == -ENOENT)
		return 0;
	if (k == -ENOTUNIQ)
		return refuse(found, LOADER_CMDLINE, token, "it could not be put back to the byte");
	return k == 0 && target.r == 0 && plan_add(plan, &step_param, text_str(&target), token, NULL, why) ? 0 : -ENOMEM;
}

/* A parameter goes from a line of GRUB's, whose original stays above as a comment. Several of one line: one step. */
static int adopt_param(const struct prepare_facts *f, const char *path, unsigned int line, const char *token, const char *why,
		       struct plan *plan, struct findings *found)
{
	const struct prepare_file *file = prepare_file(f, path);
	_cleanup_free_ char *before = NULL, *rest = NULL;
	_cleanup_text_ struct text after = { 0 }, target = { 0 };
	char where[192];
	struct step *step;
	const char *now;

	if (strcmp(path, LOADER_CMDLINE) == 0)
		return adopt_bare_param(f, token, why, plan, found);
	snprintf(where, sizeof(where), "%s line %u", path, line);
	before = file && file->text ? prepare_lines(file->text, line, line) : NULL;
	if (!before)
		return refuse(found, where, token, "the line is not there");
	if (is_continued(file->text, line) || is_continued(file->text, line + 1))
		return refuse(found, where, token, "the assignment goes on over several lines");
	line_target(path, line, &target);
	step = line_step(plan, text_str(&target));
	/* behind the comment, which is the original's length and its newline */
	now = step ? step->after + strlen(COMMENT) + strlen(before) + 1 : before;
	rest = assignment_without(now, token);
	if (!rest)
		return refuse(found, where, token, "it does not stand there as a word of its own");
	text_addf(&after, COMMENT "%s\n%s", before, rest);
	if (after.r < 0 || target.r < 0)
		return -ENOMEM;
	if (!step)
		return plan_add(plan, &step_line, text_str(&target), before, text_str(&after), why) ? 0 : -ENOMEM;
	free(step->after);
	step->after = text_take(&after);
	return step->after ? 0 : -ENOMEM;
}

static int adopt_line(const struct prepare_facts *f, const struct pin *pin, struct plan *plan, struct findings *found)
{
	const struct prepare_file *file = prepare_file(f, pin->file);
	_cleanup_free_ char *before = NULL;
	_cleanup_text_ struct text after = { 0 }, target = { 0 };
	char where[192];

	before = file && file->text ? prepare_lines(file->text, pin->line, pin->last) : NULL;
	if (!before)
		return refuse(found, pin_where(pin, where, sizeof(where)), pin->text, "the line is not there");
	comment_out(before, &after);
	line_target(pin->file, pin->line, &target);
	if (after.r < 0 || target.r < 0)
		return -ENOMEM;
	/* one line may be about several cards, and a pin for each */
	if (line_step(plan, text_str(&target)))
		return 0;
	return plan_add(plan, &step_line, text_str(&target), before, text_str(&after), pin->what) ? 0 : -ENOMEM;
}

/* What is nothing but a pin: driverctl's file of a function, a program in the initramfs or one that makes it. */
static int adopt_file(const struct prepare_facts *f, const struct pin *pin, struct plan *plan, struct findings *found)
{
	const struct prepare_file *file = prepare_file(f, pin->file);
	_cleanup_text_ struct text target = { 0 };
	char where[192], more[96], why[200];

	if (!file || !file->text)
		return 0;
	/* with a line out of a script the rest may be no script any more */
	if (pin->kind != PIN_DRIVERCTL && !pin_script_is_all(file->text, more, sizeof(more))) {
		snprintf(why, sizeof(why), "the program does something else, too, or nobody can tell: see its %s", more);
		return refuse(found, pin_where(pin, where, sizeof(where)), pin->text, why);
	}
	file_target(pin->file, file->mode, file->uid, file->gid, &target);
	return target.r == 0 && plan_add(plan, &step_file, text_str(&target), file->text, NULL, pin->what) ? 0 : -ENOMEM;
}

static int adopt(const struct prepare_facts *f, const struct pin *pin, struct plan *plan, struct findings *found)
{
	char where[192];

	pin_where(pin, where, sizeof(where));
	if (pin->others.n)
		return refuse(found, where, pin->text, "it is about other devices, too");
	if (str_eq(pin->file, "/proc/cmdline"))
		return refuse(found, where, pin->text, "without " LOADER_CMDLINE " the next boot takes the running kernel's parameters");
	if (!is_in_etc(pin->file))
		return refuse(found, where, pin->text, "it is a package's, and a file of that name in /etc would hide it");
	if (!pin->cards.n)
		return refuse(found, where, pin->text, "which cards the program is about cannot be told");
	if (pin->kind == PIN_PARAM)
		return adopt_param(f, pin->file, pin->line, pin->text, pin->what, plan, found);
	if (pin->kind == PIN_DRIVERCTL || pin->kind == PIN_SCRIPT || pin->kind == PIN_HOOK)
		return adopt_file(f, pin, plan, found);
	return adopt_line(f, pin, plan, found);
}

/* Behind the last pin that stands in the same file, one after the other. */
static size_t end_of_file(const struct pins *pins, size_t i)
{
	const char *file = pins->v[i].file;

	while (i < pins->n && str_eq(pins->v[i].file, file))
		i++;
	return i;
}

int prepare_adopt(const struct prepare_facts *f, struct plan *plan, struct findings *found)
{
	const struct loader_params *next = &f->setup->loader.next;
	int k = 0;

	/* of one file from the last line to the first, so that each is found at its number (plan/line.h) */
	for (size_t first = 0, end; k == 0 && first < f->pins->n; first = end) {
		end = end_of_file(f->pins, first);
		for (size_t i = end; k == 0 && i > first; i--)
			if (prepare_adopts(&f->pins->v[i - 1]))
				k = adopt(f, &f->pins->v[i - 1], plan, found);
	}
	for (size_t i = f->setup->loader.file ? next->n : 0; k == 0 && i > 0; i--) {
		const struct loader_param *p = &next->v[i - 1];

		/* without a file of its own proxmox-boot-tool goes by the running kernel's: there is no line to change */
		if (strcmp(p->file, "/proc/cmdline") == 0)
			continue;
		if (prepare_is_off(p->text) && !prepare_is_own(p->file)) {
			size_t refused = found->n;

			k = adopt_param(f, p->file, p->line, p->text, "it keeps the IOMMU off", plan, found);
			/* all the rest is in vain then */
			if (found->n > refused)
				prepare_block(&found->v[refused]);
		}
		else if (cmdline_has(p->text, "pcie_acs_override") && !prepare_is_own(p->file))
			k = adopt_param(f, p->file, p->line, p->text, "it makes the IOMMU groups smaller than the hardware's isolation",
					plan, found);
	}
	return k;
}
