/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arbitrary texts in the files that decide about a card, and --adopt: what a planned step is to change is there, and what the steps make
 * of each file is undone to the very bytes. The first byte chooses the boot loader.
 */
#include <errno.h>

#include "host/grub.h"
#include "plan/line.h"
#include "plan/param.h"
#include "policy/prepare.h"

#define MODPROBE "/etc/modprobe.d/theirs.conf"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct prepare_file files[] = {
	{ .path = (char[]){ MODPROBE } }, { .path = (char[]){ "/etc/initramfs-tools/modules" } },
	{ .path = (char[]){ "/etc/udev/rules.d/theirs.rules" } }, { .path = (char[]){ LOADER_CMDLINE } },
	{ .path = (char[]){ GRUB_DEFAULTS } },
};
static char *now[ARRAY_SIZE(files)];

static size_t index_of(const char *target, const char *behind)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		size_t n = strlen(files[i].path);

		if (strncmp(target, files[i].path, n) == 0 && strchr(behind, target[n]))
			return i;
	}
	abort();
}

/* Takes the other text for the one, as step_line does. */
static void set_line(const struct step *s, const char *from, const char *to)
{
	struct line_texts t = { s->before, s->after };
	size_t i = index_of(s->target, " "), nr;
	_cleanup_text_ struct text new = { 0 };
	char path[PATH_MAX];
	struct line_found found;

	if (line_target_parse(s->target, path, &nr) < 0)
		abort();
	found = line_find(now[i], nr, &t);
	if (!found.at || strcmp(found.value, from) != 0)
		abort();
	line_replace(now[i], &found, &t, &new);
	found = line_find(text_str(&new), nr, &t);
	if (!found.at || strcmp(found.value, to) != 0)
		abort();
	free(now[i]);
	now[i] = strdup(text_str(&new));
}

/* The same of step_param. False: it cannot be made, which fails the plan. */
static bool set_param(const struct step *s, const char *from, const char *to)
{
	_cleanup_text_ struct text new = { 0 };
	_cleanup_free_ char *line = NULL;
	struct param p;
	size_t i;
	int k;

	if (param_target_parse(s->target, &p) < 0)
		abort();
	i = index_of(p.path, "");
	if (param_line(&p, now[i], &line) < 0 || cmdline_has_exactly(line, p.param) != !!from)
		abort();
	k = param_edit(&p, now[i], to, &new);
	/* a quote that is not closed */
	if (k == -EINVAL && !from)
		return false;
	if (k < 0)
		abort();
	free(now[i]);
	now[i] = strdup(text_str(&new));
	return true;
}

static bool set(const struct step *s, const char *from, const char *to)
{
	if (s->kind == &step_line)
		set_line(s, from, to);
	return s->kind != &step_param || set_param(s, from, to);
}

static void there_and_back(const struct plan *plan)
{
	size_t made = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		now[i] = strdup(files[i].text);
	while (made < plan->n && set(&plan->steps[made], plan->steps[made].before, plan->steps[made].after))
		made++;
	for (size_t i = made; i > 0; i--)
		if (!set(&plan->steps[i - 1], plan->steps[i - 1].after, plan->steps[i - 1].before))
			abort();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (strcmp(now[i], files[i].text) != 0)
			abort();
		free(now[i]);
	}
}

/* A parameter of the command line's first line, or a word of a line of GRUB's defaults. */
static int add_params(struct setup *s, const char *text, const char *file, bool each_line)
{
	_cleanup_free_ char *copy = strdup(text);
	char *p = copy, *line;

	for (unsigned int nr = 1; copy && (line = str_line(&p)); nr++) {
		_cleanup_strv_ struct strv params = { 0 };

		if (boot_cmdline_parse(line, &params) < 0)
			return -ENOMEM;
		strv_foreach (param, &params) {
			struct loader_param *v = conf_grow(s->loader.next.v, &s->loader.next.n, sizeof(*v));

			if (!v)
				return -ENOMEM;
			s->loader.next.v = v;
			v[s->loader.next.n - 1] = (struct loader_param){ strdup(param), strdup(file), nr };
		}
		if (!each_line)
			break;
	}
	return copy ? 0 : -ENOMEM;
}

static int fill(struct setup *s, const char *text, bool grub)
{
	s->v = calloc(1, sizeof(*s->v));
	if (!s->v || strv_add(&s->v[0].native, "nouveau") < 0)
		return -ENOMEM;
	s->n = 1;
	s->v[0].card = true;
	s->v[0].fn = (struct pci_fn){ .bdf = { 0, 1, 0, 0 }, .id = { 0x10de, 0x2484, 0x1458, 0x403b }, .class = 0x030000 };
	s->loader.kind = grub ? LOADER_GRUB : LOADER_PROXMOX_SYSTEMD;
	s->loader.file = grub ? GRUB_DEFAULTS : LOADER_CMDLINE;
	s->loader.refresh = "true";
	snprintf(s->iommu.firmware, sizeof(s->iommu.firmware), "DMAR");
	s->iommu.intel_default = TRI_NO;
	if (modprobe_parse(text, files[0].path, &s->modprobe) < 0 || modload_parse(text, files[1].path, true, &s->modload) < 0 ||
	    udev_rules_parse(text, files[2].path, &s->udev) < 0)
		return -ENOMEM;
	return add_params(s, text, s->loader.file, grub);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = size ? strndup((const char *)data + 1, size - 1) : NULL;
	_cleanup_setup_ struct setup s = { 0 };
	_cleanup_pins_ struct pins pins = { 0 };
	_cleanup_findings_ struct findings found = { 0 };
	_cleanup_settings_ struct settings settings = { 0 };
	_cleanup_plan_ struct plan plan = { 0 };
	struct prepare_facts f = { .setup = &s, .pins = &pins, .settings = &settings, .files = files, .n_files = ARRAY_SIZE(files), .adopt = true };

	if (!text || fill(&s, text, data[0] & 1) < 0 || pins_find(&s, &pins) < 0)
		return 0;
	settings_default(&settings);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		files[i].text = text;
	if (prepare_decide(&f, &plan, &found) == 0)
		there_and_back(&plan);
	return 0;
}
