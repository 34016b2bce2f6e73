/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --adopt: lines of others that decide about cards are commented out. In a command line and in an assignment of GRUB's, which have other
 * parameters as well, and in which others go on writing, it is the parameter alone that goes.
 */
#include <errno.h>

#include "host/cmdline.h"
#include "plan/file.h"
#include "plan/line.h"
#include "plan/param.h"
#include "policy/pin_script.h"
#include "policy/prepare_parts.h"

#define COMMENT "#gpupt: "
#define LINK	"the file is a link, and what it leads to is not replaced"

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

/* Of a line that gives ids to vfio-pci: what it does beside that, as a line. NULL: nothing. */
static char *other_options(const struct pin *pin, const char *line)
{
	size_t words = pin->kind == PIN_OPTIONS ? 2 : 1, n = 0;
	_cleanup_free_ char *rest = NULL;
	struct cmdline_param param;
	const char *p;

	if (pin->kind != PIN_OPTIONS && pin->kind != PIN_MODULE)
		return NULL;
	/* of one that is continued, in one; a comment goes on behind a backslash as well */
	if (pin->last > pin->line)
		line = pin->text;
	if (strchr(line, '\\') || cmdline_remove(line, "ids", &rest) < 0)
		return NULL;
	for (p = rest; cmdline_next(&p, &param) && *param.at != '#';)
		n++;
	return n > words ? TAKE_PTR(rest) : NULL;
}

bool prepare_takes_out(const struct prepare_facts *f, const struct conf_place *at)
{
	for (size_t i = 0; f->adopt && i < f->pins->n; i++) {
		const struct pin *pin = &f->pins->v[i];
		const struct prepare_file *file = pin->file ? prepare_file(f, pin->file) : NULL;

		if (prepare_adopts(pin) && pin->cards.n && !pin->others.n && is_in_etc(pin->file) && !(file && file->link) &&
		    pin->line == at->line && strcmp(pin->file, at->file) == 0) {
			_cleanup_free_ char *rest = other_options(pin, pin->text);

			return !rest;
		}
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

static int refuse(struct findings *found, const char *where, const char *text, const char *why)
{
	finding_add(found, FINDING_NOT_ADOPTED, "host", "take it out by hand, if it is not meant", "%s ('%s') stays: %s", where, text, why);
	return found->r;
}

/* The step of the plan that changes that line already, or NULL. */
static struct step *line_step(struct plan *plan, const char *target)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].kind == &step_line && strcmp(plan->steps[i].target, target) == 0)
			return &plan->steps[i];
	return NULL;
}

/* The file's text as the plan leaves it so far: a parameter's place is that in what its undo will find. NULL without memory. */
static char *text_by_then(const struct prepare_file *file, const struct plan *plan)
{
	char *text = strdup(file->text);

	for (size_t i = 0; text && i < plan->n; i++) {
		const struct step *s = &plan->steps[i];
		_cleanup_text_ struct text t = { 0 };
		_cleanup_free_ char *was = NULL;
		struct param p;

		if (s->kind != &step_param || param_target_parse(s->target, &p) < 0 || strcmp(p.path, file->path) != 0)
			continue;
		was = TAKE_PTR(text);
		if (param_edit(&p, was, s->after, &t) == 0)
			text = text_take(&t);
	}
	return text;
}

static int param_at(const char *path, const char *text, unsigned int line, const char *token, struct text *ret)
{
	if (strcmp(path, LOADER_CMDLINE) == 0)
		return param_target_at(path, text, token, ret);
	return param_target_grub(path, text, line, token, ret);
}

/* It is a parameter that goes, from the command line itself or from an assignment of GRUB's. */
static int adopt_param(const struct prepare_facts *f, const char *path, unsigned int line, const char *token, const char *why,
		       struct plan *plan, struct findings *found)
{
	const struct prepare_file *file = prepare_file(f, path);
	_cleanup_text_ struct text target = { 0 }, once = { 0 };
	_cleanup_free_ char *text = NULL;
	char where[192];
	int k;

	snprintf(where, sizeof(where), strcmp(path, LOADER_CMDLINE) == 0 ? "%s" : "%s line %u", path, line);
	if (!file || !file->text)
		return refuse(found, where, token, "the file is not there");
	if (file->link)
		return refuse(found, where, token, LINK);
	text = text_by_then(file, plan);
	if (!text)
		return -ENOMEM;
	k = param_at(path, text, line, token, &target);
	/* one parameter may be about several cards, and a pin for each */
	if (k == -ENOENT && param_at(path, file->text, line, token, &once) == 0)
		return 0;
	if (k == -ENOENT || k == -EINVAL)
		return refuse(found, where, token, k == -EINVAL ? "the file's name has a blank" : "it does not stand there as a word of its own");
	if (k == -ENOTUNIQ)
		return refuse(found, where, token, "it could not be put back to the byte");
	return k == 0 && plan_add(plan, &step_param, text_str(&target), token, NULL, why) ? 0 : -ENOMEM;
}

static int adopt_line(const struct prepare_facts *f, const struct pin *pin, struct plan *plan, struct findings *found)
{
	const struct prepare_file *file = prepare_file(f, pin->file);
	_cleanup_free_ char *before = NULL, *rest = NULL;
	_cleanup_text_ struct text after = { 0 }, target = { 0 };
	char where[192];

	before = file && file->text ? prepare_lines(file->text, pin->line, pin->last) : NULL;
	if (!before)
		return refuse(found, pin_where(pin, where, sizeof(where)), pin->text, "the line is not there");
	comment_out(before, &after);
	rest = other_options(pin, before);
	if (rest)
		text_addf(&after, "\n%s", rest);
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
	const struct prepare_file *file = prepare_file(f, pin->file);
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
	if (file && file->link)
		return refuse(found, where, pin->text, LINK);
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
	size_t n = 0;
	int k = 0;

	/* of one file from the last line to the first, so that each is found at its number (plan/line.h) */
	for (size_t first = 0, end; k == 0 && first < f->pins->n; first = end) {
		end = end_of_file(f->pins, first);
		for (size_t i = end; k == 0 && i > first; i--)
			if (prepare_adopts(&f->pins->v[i - 1]))
				k = adopt(f, &f->pins->v[i - 1], plan, found);
	}
	/* init's from there on */
	while (f->setup->loader.file && n < next->n && strcmp(next->v[n].text, "--") != 0)
		n++;
	for (size_t i = n; k == 0 && i > 0; i--) {
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
		} else if (cmdline_has(p->text, "pcie_acs_override") && !prepare_is_own(p->file)) {
			k = adopt_param(f, p->file, p->line, p->text, "it makes the IOMMU groups smaller than the hardware's isolation",
					plan, found);
		}
	}
	return k;
}
