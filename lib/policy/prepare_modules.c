/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modules: which are loaded at every boot, with which options, and which only after vfio-pci. */
#include <errno.h>
#include <stddef.h>

#include "host/cmdline.h"
#include "policy/prepare_parts.h"
#include "policy/vendor_reset.h"

/* Does somebody else have it loaded at every boot? What was there before is not ours. */
static bool loaded_by_others(const struct prepare_facts *f, const char *module)
{
	const struct modload *l = &f->setup->modload;

	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].initramfs && strcmp(l->v[i].module, module) == 0 && !prepare_is_own(l->v[i].at.file) &&
		    !prepare_takes_out(f, &l->v[i].at))
			return true;
	return false;
}

static void load(const struct prepare_facts *f, const char *module, struct text *t)
{
	if (loaded_by_others(f, module))
		return;
	text_add(t, t->len ? "" : PREPARE_HEADER);
	text_addf(t, "%s\n", module);
}

void prepare_modules_load(const struct prepare_facts *f, struct text *t)
{
	/* Proxmox VE's wiki, "PCI(e) Passthrough" */
	load(f, "vfio", t);
	load(f, "vfio_iommu_type1", t);
	load(f, "vfio_pci", t);
	/* part of vfio from there on; where no kernel is known, it is a newer one */
	if (f->setup->boot.release[0] && !boot_release_at_least(&f->setup->boot, 6, 2))
		load(f, "vfio_virqfd", t);
	if (vendor_reset_wanted(f->setup, f->settings))
		load(f, "vendor_reset", t);
}

void prepare_reset_rules(const struct prepare_facts *f, struct text *t)
{
	_cleanup_text_ struct text rules = { 0 };

	if (vendor_reset_rules(f->setup, f->settings, &rules) < 0)
		t->r = -ENOMEM;
	if (rules.len)
		text_addf(t, PREPARE_HEADER "%s", text_str(&rules));
}

/* Options that are set only where an administrator asks for them; gpupt.conf(5) says what each is good and bad for. */
static const struct {
	const char *module, *option, *text, *state;
	size_t asked; /* of struct host_settings */
} options[] = {
	{ "kvm", "ignore_msrs", "options kvm ignore_msrs=1 report_ignored_msrs=0", "kvm/parameters/ignore_msrs",
	  offsetof(struct host_settings, ignore_msrs) },
	{ "vfio_iommu_type1", "allow_unsafe_interrupts", "options vfio_iommu_type1 allow_unsafe_interrupts=1",
	  "vfio_iommu_type1/parameters/allow_unsafe_interrupts", offsetof(struct host_settings, unsafe_interrupts) },
	{ "vfio_pci", "disable_idle_d3", "options vfio-pci disable_idle_d3=1", "vfio_pci/parameters/disable_idle_d3",
	  offsetof(struct host_settings, disable_idle_d3) },
};

/* Is it a line about the module that somebody else has written, and that is not taken out? */
static bool stays(const struct prepare_facts *f, const struct modprobe_line *l, const char *module)
{
	return !prepare_is_own(l->at.file) && strcmp(l->module, module) == 0 && !prepare_takes_out(f, &l->at);
}

/* Where somebody else has set it, whatever to; NULL: nobody has. */
static const struct modprobe_line *set_by_others(const struct prepare_facts *f, const char *module, const char *option)
{
	const struct modprobe *m = &f->setup->modprobe;

	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].kind == MODPROBE_OPTIONS && stays(f, &m->v[i], module) && cmdline_has(m->v[i].rest, option))
			return &m->v[i];
	return NULL;
}

int prepare_options_set(const char *modprobe, struct strv *ret)
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < ARRAY_SIZE(options); i++)
		if (strstr(modprobe, options[i].text))
			k = strv_add(ret, options[i].state);
	return k;
}

/* Y, y and 1 are what the kernel takes for yes (kstrtobool() in its lib/kstrtox.c), and what a lone name means. */
static bool is_on(const char *rest, const char *option)
{
	struct cmdline_param param;
	bool on = false;

	while (cmdline_next(&rest, &param)) {
		_cleanup_free_ char *value = cmdline_is(&param, option) ? cmdline_param_value(&param) : NULL;

		if (cmdline_is(&param, option))
			on = !value || !*value || strchr("Yy1", *value) || strcmp(value, "on") == 0;
	}
	return on;
}

void prepare_judge_options(const struct prepare_facts *f, struct findings *found)
{
	const char *host = (const char *)&f->settings->host;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct modprobe_line *l = set_by_others(f, options[i].module, options[i].option);

		if (*(const bool *)(host + options[i].asked) && l && !is_on(l->rest, options[i].option))
			finding_add(found, FINDING_NOT_IN_FORCE, "host", "take the option out of that line, or the setting out of gpupt.conf",
				    "%s line %u sets %s of the module %s otherwise than gpupt.conf asks for, and stays", l->at.file, l->at.line,
				    options[i].option, options[i].module);
	}
}

static bool waits_by_others(const struct prepare_facts *f, const char *module)
{
	const struct modprobe *m = &f->setup->modprobe;

	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].kind == MODPROBE_SOFTDEP && stays(f, &m->v[i], module) && modprobe_softdep_pre(&m->v[i], "vfio_pci"))
			return true;
	return false;
}

void prepare_modprobe(const struct prepare_facts *f, struct text *t)
{
	const char *host = (const char *)&f->settings->host;
	_cleanup_strv_ struct strv done = { 0 };
	_cleanup_text_ struct text lines = { 0 };

	/* a driver that comes first would have the card before its override is of use */
	for (size_t i = 0; i < f->setup->n; i++) {
		const struct setup_fn *fn = &f->setup->v[i];

		if (!prepare_is_reserved(f, fn))
			continue;
		strv_foreach (module, &fn->native) {
			if (strv_has(&done, module) || waits_by_others(f, module))
				continue;
			text_addf(&lines, "softdep %s pre: vfio-pci\n", module);
			if (strv_add(&done, module) < 0)
				t->r = -ENOMEM;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (*(const bool *)(host + options[i].asked) && !set_by_others(f, options[i].module, options[i].option))
			text_addf(&lines, "%s\n", options[i].text);
	if (lines.len)
		text_addf(t, PREPARE_HEADER "%s", text_str(&lines));
	t->r = t->r < 0 ? t->r : lines.r;
}
