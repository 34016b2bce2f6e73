/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/cmdline.h"
#include "policy/nvidia_units.h"
#include "policy/prepare_judge.h"

/* What the step on record that set the file last has made of it; NULL: nothing, or it is not there by us. */
static const char *file_on_record(const struct prepare_steps *before, const char *path)
{
	for (size_t i = before->n; i > 0; i--) {
		const struct step *s = before->v[i - 1].step;

		if (s->kind == &step_file && str_starts(s->target, path))
			return s->after;
	}
	return NULL;
}

int prepare_options_of(const struct prepare_steps *before, struct strv *ret)
{
	const char *text = file_on_record(before, PREPARE_MODPROBE);

	return text ? prepare_options_set(text, ret) : 0;
}

int prepare_modules_of(const struct prepare_steps *before, struct strv *ret)
{
	const char *text = file_on_record(before, PREPARE_MODULES_LOAD);
	_cleanup_free_ char *copy = strdup(text ? text : "");
	char *p = copy, *line;
	int k = copy ? 0 : -ENOMEM;

	while (k == 0 && (line = str_line(&p)))
		if (*line && *line != '#')
			k = strv_add(ret, line);
	return k;
}

int prepare_units_of(const struct prepare_steps *before, struct strv *ret)
{
	char path[NVIDIA_PATH_LEN];
	int k = 0;

	for (size_t i = 0; k == 0 && i < NVIDIA_UNITS; i++)
		if (file_on_record(before, nvidia_drop_in_path(nvidia_units[i], path)))
			k = strv_add(ret, nvidia_units[i]);
	return k;
}

/* Not yet, or not at all: the same sentence with another weight. */
static void tell(const struct prepare_state *s, const char *subject, const char *remedy, const char *what, const char *why,
		 struct findings *ret)
{
	if (s->rebooted)
		finding_add(ret, FINDING_NOT_IN_FORCE, subject, remedy, "%s%s%s", what, *why ? ": " : "", why);
	else
		finding_add(ret, FINDING_REBOOT_PENDING, subject, "reboot", "%s; that comes with a reboot", what);
}

static bool is_in(const struct strv *params, const char *token)
{
	strv_foreach (param, params)
		if (cmdline_same(param, token))
			return true;
	return false;
}

enum { WHY_LEN = 320, REMEDY_LEN = 160 };

/* Why a parameter that was written to the file has not reached the kernel. */
static void explain(const struct loader *l, const char *token, const char *file, char why[static WHY_LEN], char remedy[static REMEDY_LEN])
{
	bool written = false, reads = l->file && (strcmp(l->file, LOADER_CMDLINE) == 0) == (strcmp(file, LOADER_CMDLINE) == 0);

	for (size_t i = 0; i < l->next.n; i++)
		written |= cmdline_same(l->next.v[i].text, token);
	*why = '\0';
	snprintf(remedy, REMEDY_LEN, "run 'gpupt-helper prepare' again: it writes it where it counts");
	if (written && l->refresh) {
		snprintf(why, WHY_LEN, "%.120s has it, and what the boot loader has made of that does not, or another entry was started", file);
		snprintf(remedy, REMEDY_LEN, "run '%s' and reboot", l->refresh);
	} else if (written || !l->file) {
		snprintf(remedy, REMEDY_LEN, "reboot, and choose the kernel that the boot loader has as its default");
	} else if (!reads) { /* the classic */
		snprintf(why, WHY_LEN, "it stands in %.120s, and this machine is started by %s, which reads %s", file, loader_name(l->kind), l->file);
	} else if (l->hidden_by[0]) {
		snprintf(why, WHY_LEN, "%.120s sets the parameters anew behind %.120s", l->hidden_by, file);
		snprintf(remedy, REMEDY_LEN, "have it add to $GRUB_CMDLINE_LINUX_DEFAULT, run '%s', and reboot", l->refresh);
	} else {
		snprintf(why, WHY_LEN, "somebody has taken it out of %.120s", file);
	}
}

static void judge_param(const struct prepare_state *s, const char *token, const char *file, struct findings *ret)
{
	char what[160], why[WHY_LEN], remedy[REMEDY_LEN];

	if (is_in(&s->setup->boot.cmdline, token))
		return;
	explain(&s->setup->loader, token, file, why, remedy);
	snprintf(what, sizeof(what), "the running kernel was started without %.80s", token);
	tell(s, "host", remedy, what, why, ret);
}

static void judge_params(const struct prepare_state *s, struct findings *ret)
{
	const char *drop_in = file_on_record(&s->before, PREPARE_GRUB), *p;
	struct cmdline_param param;

	for (size_t i = 0; i < s->before.n; i++) {
		const struct step *step = s->before.v[i].step;

		if (step->kind == &step_param && step->after)
			judge_param(s, step->after, LOADER_CMDLINE, ret);
	}
	/* between the opening quote and the variable's own name */
	p = drop_in ? strchr(drop_in, '"') : NULL;
	p += p != NULL;
	while (p && cmdline_next(&p, &param) && *param.at != '$') {
		_cleanup_free_ char *token = strndup(param.at, param.len);

		if (token)
			judge_param(s, token, PREPARE_GRUB, ret);
	}
}

static bool is_ruled(const struct setup *s, const struct setup_fn *fn)
{
	for (size_t i = 0; i < s->udev.n; i++)
		if (str_eq(s->udev.v[i].at.file, PREPARE_UDEV) && udev_rule_applies(&s->udev.v[i], &fn->fn) == TRI_YES)
			return true;
	return false;
}

bool prepare_judge_unprepared(const struct setup *s, const struct settings *set, struct findings *ret)
{
	const struct setup_fn *last = NULL; /* the first function of a card speaks for it */
	char name[BDF_LEN];

	for (size_t i = 0; i < s->n; i++) {
		const struct setup_fn *fn = &s->v[i];

		if (!fn->card || settings_gpu(set, fn->fn.bdf)->mode != MODE_RESERVED || is_ruled(s, fn) ||
		    (last && bdf_same_slot(last->fn.bdf, fn->fn.bdf)))
			continue;
		last = fn;
		finding_add(ret, FINDING_NOT_PREPARED, bdf_format(fn->fn.bdf, name), "run 'gpupt-helper prepare', then reboot",
			    "%s is to be reserved for VMs (mode = reserved), and the host is not prepared for that: it comes up as any other card",
			    name);
	}
	return last;
}

static void judge_reserved(const struct prepare_state *s, struct findings *ret)
{
	char name[BDF_LEN], what[160];

	if (!file_on_record(&s->before, PREPARE_UDEV))
		return;
	for (size_t i = 0; i < s->setup->n; i++) {
		const struct setup_fn *fn = &s->setup->v[i];

		if (!fn->card || fn->taken || settings_gpu(s->settings, fn->fn.bdf)->mode != MODE_RESERVED || !is_ruled(s->setup, fn) ||
		    strcmp(fn->fn.driver, "vfio-pci") == 0)
			continue;
		bdf_format(fn->fn.bdf, name);
		snprintf(what, sizeof(what), "%s is reserved for VMs and is on %s", name, fn->fn.driver[0] ? fn->fn.driver : "no driver");
		tell(s, name, "'gpupt-helper check --next-boot' looks into the initramfs; 'driverctl list-overrides' and 'gpupt-helper check' show who else decides",
		     what, fn->fn.driver[0] ? "its native driver came first" : "vfio-pci has not taken it: the kernel's log may say why", ret);
	}
}

/* A rule is for one function, by its address: vendor_reset.h. A VM that has it may have had another method chosen. */
static void judge_reset(const struct prepare_state *s, struct findings *ret)
{
	const char *rules = file_on_record(&s->before, PREPARE_RESET_RULES);

	for (size_t i = 0; rules && i < s->setup->n; i++) {
		const struct setup_fn *fn = &s->setup->v[i];
		char name[BDF_LEN], what[160];

		if (fn->taken || !fn->fn.has_reset_method || !strstr(rules, bdf_format(fn->fn.bdf, name)) ||
		    str_eq(fn->fn.reset_method, "device_specific"))
			continue;
		snprintf(what, sizeof(what), "%s is not reset by the module vendor-reset: its reset_method is '%.64s'", name, fn->fn.reset_method);
		tell(s, name, "'dkms status' tells whether the module is built for this kernel, 'modprobe -v vendor-reset' whether it loads", what,
		     "", ret);
	}
}

/* With its condition a service starts only if the driver has a card. */
static void judge_units(const struct prepare_state *s, struct findings *ret)
{
	for (size_t i = 0; i < s->setup->n; i++)
		if (str_starts(s->setup->v[i].fn.driver, "nvidia"))
			return;
	strv_foreach (unit, s->running) {
		char what[128], remedy[128];

		snprintf(what, sizeof(what), "%.48s runs, and NVIDIA's driver has no card", unit);
		snprintf(remedy, sizeof(remedy), "'systemctl cat %.48s' shows its conditions; stop it", unit);
		tell(s, "host", remedy, what, "", ret);
	}
}

/* Of a file or a parameter that is not as it was made. What somebody has written into gpupt.conf is his own business. */
static void judge_edited(const struct prepare_step *p, struct findings *ret)
{
	const struct step *s = p->step;
	size_t path = strcspn(s->target, " ");

	if (str_starts(s->target, SETTINGS_PATH) || (!p->changed && !p->gone))
		return;
	if (s->kind == &step_param)
		finding_add(ret, FINDING_EDITED, "host", "'gpupt-helper revert', and prepare again, writes it anew",
			    "somebody has taken %s out of %.*s, where 'prepare' had written it", s->after, (int)path, s->target);
	else
		finding_add(ret, FINDING_EDITED, "host",
			    p->gone ? "run 'gpupt-helper prepare': it is made again" : "to have it made anew, move it away and prepare again",
			    "somebody has %s %.*s, which 'prepare' had made", p->gone ? "removed" : "changed", (int)path, s->target);
}

void prepare_judge(const struct prepare_state *s, struct findings *ret)
{
	if (s->cut_off)
		finding_add(ret, FINDING_CUT_OFF, "host",
			    "'gpupt-helper prepare --resume' goes on with it, 'gpupt-helper revert --unfinished' puts back what it has made",
			    "a preparation of this host, or its revert, was begun and not finished");
	for (size_t i = 0; i < s->before.n; i++)
		judge_edited(&s->before.v[i], ret);
	judge_params(s, ret);
	strv_foreach (module, s->unloaded) {
		char what[96];

		snprintf(what, sizeof(what), "the module %.60s is not loaded", module);
		/* a hand-over loads it itself */
		if (s->rebooted)
			tell(s, "host", "'modprobe -v MODULE' and 'journalctl -b -u systemd-modules-load' tell why", what, "", ret);
	}
	strv_foreach (option, s->unset) {
		const char *value = strrchr(option, '/') + 1;
		char what[128];

		snprintf(what, sizeof(what), "%.48s is not set for the module %.*s", value, (int)strcspn(option, "/"), option);
		tell(s, "host", "'modprobe -c' and 'gpupt-helper check --next-boot' show which file decides", what, "", ret);
	}
	judge_reserved(s, ret);
	judge_reset(s, ret);
	judge_units(s, ret);
	prepare_judge_unprepared(s->setup, s->settings, ret);
}
