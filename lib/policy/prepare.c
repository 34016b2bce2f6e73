/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/file.h"
#include "plan/line.h"
#include "plan/rebuild.h"
#include "policy/nvidia_units.h"
#include "policy/prepare_parts.h"
#include "policy/rom_plan.h"

/* What has to be made anew when a file changes. */
enum { FEEDS_INITRAMFS = 1, FEEDS_LOADER = 2, FEEDS_UDEV = 4, FEEDS_SYSTEMD = 8, FEEDS_DRIVERS = 16 /* at the next boot, by itself */ };

static const struct own_file {
	const char *path;
	unsigned int mode;
	void (*text)(const struct prepare_facts *f, struct text *t);
	unsigned int feeds;
	const char *why;
} own_files[] = {
	{ PREPARE_MODULES_LOAD, 0644, prepare_modules_load, 0, "what passes functions to VMs is loaded at every boot" },
	/* mkinitramfs(8) copies all of modprobe.d */
	{ PREPARE_MODPROBE, 0644, prepare_modprobe, FEEDS_INITRAMFS, "vfio-pci comes before the drivers of reserved cards; options as asked for" },
	{ PREPARE_UDEV, 0644, prepare_udev, FEEDS_INITRAMFS | FEEDS_UDEV, "reserved cards go to vfio-pci when they are found" },
	{ PREPARE_RESET_RULES, 0644, prepare_reset_rules, FEEDS_UDEV, "cards that vendor-reset can reset are reset by it" },
	{ PREPARE_INIT_HOOK, 0755, prepare_init_hook, FEEDS_INITRAMFS, "the initramfs has vfio-pci and the rule for reserved cards" },
	{ PREPARE_INIT_SCRIPT, 0755, prepare_init_script, FEEDS_INITRAMFS, "reserved cards go to vfio-pci before any other driver is loaded" },
	{ PREPARE_GRUB, 0644, prepare_grub, FEEDS_LOADER, "the kernel is to use the IOMMU" },
};

/* Directories of other people's files, and what depends on them. */
static const struct {
	const char *prefix;
	unsigned int feeds;
} foreign[] = {
	{ "/etc/modprobe.d/", FEEDS_INITRAMFS },
	{ "/etc/initramfs-tools/", FEEDS_INITRAMFS },
	{ "/etc/udev/rules.d/", FEEDS_UDEV },
	{ "/etc/driverctl.d/", FEEDS_DRIVERS },
	{ "/etc/default/grub", FEEDS_LOADER },
	{ LOADER_CMDLINE, FEEDS_LOADER },
	{ "/etc/systemd/system/", FEEDS_SYSTEMD },
};

bool prepare_is_own(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_files); i++)
		if (strcmp(own_files[i].path, path) == 0)
			return true;
	return false;
}

bool prepare_is_reserved(const struct prepare_facts *f, const struct setup_fn *fn)
{
	return fn->card && settings_gpu(f->settings, fn->fn.bdf)->mode == MODE_RESERVED;
}

const struct prepare_file *prepare_file(const struct prepare_facts *f, const char *path)
{
	for (size_t i = 0; i < f->n_files; i++)
		if (strcmp(f->files[i].path, path) == 0)
			return &f->files[i];
	return NULL;
}

const char *prepare_recorded(const struct prepare_facts *f, const struct step_kind *kind, const char *target)
{
	for (size_t i = f->before.n; i > 0; i--) {
		const struct step *s = f->before.v[i - 1].step;

		if (s->kind == kind && strcmp(s->target, target) == 0)
			return s->after;
	}
	return NULL;
}

/* What a step about one of our own files feeds; -1: it is about none. */
static int feeds_own(const struct step *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_files); i++)
		if (s->kind == &step_file && str_starts(s->target, own_files[i].path))
			return (int)own_files[i].feeds;
	return -1;
}

/* A file that we have made for NVIDIA's services and rules: none of the others is anything but our own by name, and there. */
static bool is_nvidia(const struct step *s)
{
	bool there = str_starts(s->target, "/etc/systemd/system/") || str_starts(s->target, "/etc/udev/rules.d/");

	return s->kind == &step_file && s->after && there && feeds_own(s) < 0;
}

int prepare_paths(const struct prepare_facts *f, struct strv *ret)
{
	const struct loader_params *next = &f->setup->loader.next;
	struct nvidia_plan nvidia;
	int k = strv_add(ret, SETTINGS_PATH);

	for (size_t i = 0; k == 0 && i < ARRAY_SIZE(own_files); i++)
		k = strv_add(ret, own_files[i].path);
	if (k == 0)
		k = strv_add(ret, LOADER_CMDLINE);
	nvidia_plan(f->setup, f->settings, &nvidia);
	for (size_t i = 0; k == 0 && i < nvidia.n; i++)
		k = strv_add(ret, nvidia.v[i].path);
	for (size_t i = 0; k == 0 && i < f->before.n; i++)
		if (is_nvidia(f->before.v[i].step) && !strv_has(ret, f->before.v[i].step->target))
			k = strv_add(ret, f->before.v[i].step->target);
	for (size_t i = 0; k == 0 && f->adopt && i < f->pins->n; i++)
		if (prepare_adopts(&f->pins->v[i]) && !strv_has(ret, f->pins->v[i].file))
			k = strv_add(ret, f->pins->v[i].file);
	for (size_t i = 0; k == 0 && f->adopt && i < next->n; i++)
		if (!strv_has(ret, next->v[i].file))
			k = strv_add(ret, next->v[i].file);
	return k;
}

/* The file gets that text, NULL: it goes; unless somebody else has had it since, or before. */
static int plan_file(const struct prepare_facts *f, const char *path, unsigned int mode, const char *after, const char *why,
		     struct plan *plan, struct findings *found)
{
	const struct prepare_file *file = prepare_file(f, path);
	const char *now = file ? file->text : NULL, *ours;
	_cleanup_text_ struct text target = { 0 };

	file_target(path, mode, 0, 0, &target);
	if (target.r < 0)
		return -ENOMEM;
	ours = prepare_recorded(f, &step_file, text_str(&target));
	if (str_eq(now, after))
		return 0;
	if (now && !str_eq(now, ours)) {
		finding_add(found, FINDING_EDITED, "host", "to have it made anew, move it away and prepare again",
			    ours ? "somebody has changed %s: it stays as it is" :
				   "%s has the name of a file of gpupt's, and is none that it has made: it stays as it is",
			    path);
		return found->r;
	}
	if (!now && ours)
		why = "somebody has removed it since";
	return plan_add(plan, &step_file, text_str(&target), now, after, after ? why : "it is not needed any more") ? 0 : -ENOMEM;
}

static int plan_own(const struct prepare_facts *f, const struct own_file *own, struct plan *plan, struct findings *found)
{
	_cleanup_text_ struct text wanted = { 0 };

	own->text(f, &wanted);
	return wanted.r < 0 ? wanted.r : plan_file(f, own->path, own->mode, wanted.len ? text_str(&wanted) : NULL, own->why, plan, found);
}

static int plan_nvidia(const struct prepare_facts *f, struct plan *plan, struct findings *found)
{
	struct nvidia_plan wanted;
	int k = 0;

	nvidia_plan(f->setup, f->settings, &wanted);
	for (size_t i = 0; k == 0 && i < wanted.n; i++)
		k = plan_file(f, wanted.v[i].path, 0644, wanted.v[i].text, wanted.v[i].why, plan, found);
	for (size_t i = 0; k == 0 && i < f->before.n; i++) {
		const struct step *s = f->before.v[i].step;
		bool stays = !is_nvidia(s);

		for (size_t n = 0; n < wanted.n; n++)
			stays |= strcmp(wanted.v[n].path, s->target) == 0;
		if (!stays && prepare_recorded(f, &step_file, s->target))
			k = plan_file(f, s->target, 0644, NULL, "", plan, found);
	}
	return k;
}

static unsigned int feeds(const struct step *s)
{
	int own = feeds_own(s);

	if (own >= 0)
		return (unsigned int)own;
	if (s->kind != &step_file && s->kind != &step_line && s->kind != &step_param)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		if (str_starts(s->target, foreign[i].prefix))
			return foreign[i].feeds;
	return 0;
}

/* What a rebuild is for: one that was cut off may have read files that are others now. */
static unsigned int feeds_of_rebuild(const struct step *s)
{
	static const struct {
		const char *target;
		unsigned int feeds;
	} rebuilds[] = {
		{ "initramfs", FEEDS_INITRAMFS }, { "grub", FEEDS_LOADER }, { "boot-tool", FEEDS_LOADER }, { "udev", FEEDS_UDEV },
		{ "systemd", FEEDS_SYSTEMD },
	};

	for (size_t i = 0; s->kind == &step_rebuild && i < ARRAY_SIZE(rebuilds); i++)
		if (strcmp(s->target, rebuilds[i].target) == 0)
			return rebuilds[i].feeds;
	return 0;
}

/* A line of a rule that a hook copies. Files of ours hide rules that are none of those, or have a hook of ours. */
static unsigned int feeds_by_hook(const struct setup *s, const struct step *step)
{
	char path[PATH_MAX];
	size_t nr;

	return step->kind == &step_line && line_target_parse(step->target, path, &nr) == 0 && inithooks_take(&s->inithooks, path) ?
		       FEEDS_INITRAMFS : 0;
}

static int plan_rebuilds(const struct prepare_facts *f, struct plan *plan)
{
	const struct loader *l = &f->setup->loader;
	bool boot_tool = l->kind == LOADER_PROXMOX_GRUB || l->kind == LOADER_PROXMOX_SYSTEMD, ok = true;
	unsigned int changed = 0;

	for (size_t i = 0; i < plan->n; i++)
		changed |= feeds(&plan->steps[i]) | feeds_by_hook(f->setup, &plan->steps[i]);
	/* one that was cut off may have changed a file and not come to this */
	for (size_t i = 0; i < f->before.n; i++)
		if (f->before.v[i].cut_off)
			changed |= feeds(f->before.v[i].step) | feeds_by_hook(f->setup, f->before.v[i].step) |
				   feeds_of_rebuild(f->before.v[i].step);
	if (changed & FEEDS_UDEV)
		ok = rebuild_add(plan, "udev", "udev takes the changed rules");
	if (ok && changed & FEEDS_SYSTEMD)
		ok = rebuild_add(plan, "systemd", "systemd takes the changed units");
	if (ok && changed & FEEDS_INITRAMFS && f->initramfs_tools)
		ok = rebuild_add(plan, "initramfs", "what has changed is in it, too");
	/* proxmox-boot-tool has copies of the initramfs as well */
	if (ok && boot_tool && changed & (FEEDS_LOADER | (f->initramfs_tools ? FEEDS_INITRAMFS : 0)))
		ok = rebuild_add(plan, "boot-tool", "the boot loader's partitions have copies of what has changed");
	else if (ok && l->kind == LOADER_GRUB && changed & FEEDS_LOADER)
		ok = rebuild_add(plan, "grub", "the kernel's parameters have changed");
	return ok ? 0 : -ENOMEM;
}

static void judge_tools(const struct prepare_facts *f, const struct plan *plan, struct findings *found)
{
	bool reserved = false, params = false;

	for (size_t i = 0; i < plan->n; i++)
		params |= feeds(&plan->steps[i]) & FEEDS_LOADER;
	if (f->lacking && params)
		prepare_block(finding_add(found, FINDING_TOOL_MISSING, "host", "install its package, or write the parameters yourself",
					  "%s is not there, which puts the boot loader's configuration in force", f->lacking));
	for (size_t i = 0; i < f->setup->n; i++)
		reserved |= prepare_is_reserved(f, &f->setup->v[i]);
	if (reserved && !f->initramfs_tools)
		finding_add(found, FINDING_TOOL_MISSING, "host", "install initramfs-tools, or build the rule and vfio-pci in yourself",
			    "this host's initramfs is not made by initramfs-tools: reserved cards go to vfio-pci only by udev's rule, "
			    "which a driver in the initramfs may forestall");
}

int prepare_decide(const struct prepare_facts *f, struct plan *plan, struct findings *found)
{
	int k = prepare_settings(f, plan);

	if (k == 0 && f->adopt)
		k = prepare_adopt(f, plan, found);
	for (size_t i = 0; k == 0 && i < ARRAY_SIZE(own_files); i++)
		k = plan_own(f, &own_files[i], plan, found);
	if (k == 0)
		k = plan_nvidia(f, plan, found);
	if (k == 0)
		k = prepare_params(f, plan, found);
	if (k == 0)
		k = rom_plan(f->setup, NULL, plan);
	if (k == 0)
		k = plan_rebuilds(f, plan);
	if (k < 0)
		return k;
	prepare_judge_params(f, found);
	prepare_judge_options(f, found);
	judge_tools(f, plan, found);
	return found->r;
}

void prepare_reboot_reason(const struct step *s, struct text *t)
{
	unsigned int f = feeds(s);
	/* udev's rules about PCI functions have their say when the functions are found, units when they start */
	const unsigned int drivers = FEEDS_INITRAMFS | FEEDS_DRIVERS | FEEDS_UDEV | FEEDS_SYSTEMD;
	const char *reason = f & FEEDS_LOADER ? "the kernel's parameters" :
			     f & drivers ? "which driver a card has from the start, and the options of modules" : NULL;

	if (reason && !strstr(text_str(t), reason))
		text_addf(t, "%s\n", reason);
}

bool prepare_is_stopped_by(const struct finding *f, bool about)
{
	/* what no preparation mends: of the host, and of a card that is meant. What keeps a card from a VM only now is none of these */
	static const enum finding_code host[] = { FINDING_IOMMU_OFF };
	static const enum finding_code card[] = {
		FINDING_IDENTITY, FINDING_SRIOV_ACTIVE, FINDING_D3COLD, FINDING_DEAD, FINDING_GROUP_DANGER,
		FINDING_KNOWN_BAD,
	};

	if (f->severity != SEVERITY_BLOCK)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(host); i++)
		if (f->code == host[i])
			return true;
	for (size_t i = 0; about && i < ARRAY_SIZE(card); i++)
		if (f->code == card[i])
			return true;
	return false;
}
