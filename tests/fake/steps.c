/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "policy/handover.h"
#include "tests/fake/steps.h"

static void write_diary(void *ctx, enum step_event event, const struct step *s, const char *text)
{
	static const char *const names[] = {
		[STEP_MADE] = "made",	    [STEP_FAILED] = "failed",	[STEP_SKIPPED] = "skipped",
		[STEP_UNDONE] = "undone",   [STEP_GONE] = "gone",	[STEP_PARTLY] = "partly",
		[STEP_FOREIGN] = "foreign", [STEP_STUCK] = "stuck",	[STEP_LEFT] = "left",
		[STEP_KEPT] = "kept",
		[STEP_OUTPUT] = "output",   [STEP_ERRORS] = "errors",	[STEP_WARNED] = "warned",
	};

	if (ctx)
		text_addf(ctx, "%s %s %s: %s\n", names[event], s->kind->name, s->target, text ? text : "");
}

void steps_engine(struct fake *f, unsigned int timeout_ms, struct text *diary, struct engine *ret)
{
	*ret = (struct engine){
		.root = &f->root,
		.driver_timeout_ms = timeout_ms,
		.job_timeout_ms = 5000,
		.watch = write_diary,
		.watch_ctx = diary,
	};
}

static const char *identity(struct fake *f, const char *bdf, char buf[static 32])
{
	static const char *const attrs[] = { "vendor", "device", "subsystem_vendor", "subsystem_device" };
	unsigned int id[4];
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
		id[i] = (unsigned int)strtoul(fake_get(f, path_f(path, "/sys/bus/pci/devices/%s/%s", bdf, attrs[i])), NULL, 16);
	snprintf(buf, 32, "%04x:%04x/%04x:%04x", id[0], id[1], id[2], id[3]);
	return buf;
}

struct step *steps_driver(struct fake *f, struct plan *p, const char *bdf, const char *home)
{
	struct text target = { 0 }, before = { 0 }, after = { 0 };
	struct driver_value now, vm;
	struct engine en;
	struct step *s;
	struct err e;
	char id[32];

	steps_engine(f, 5000, NULL, &en);
	if (driver_read(&en, fake_bdf(bdf), &now, &e) < 0)
		fake_die("%s", e.text);
	handover_value(&now, &vm);
	driver_target(fake_bdf(bdf), identity(f, bdf, id), &target);
	if (home)
		text_add(&before, home);
	else
		driver_format(&now, &before);
	driver_format(&vm, &after);
	s = plan_add(p, &step_driver, text_str(&target), text_str(&before), text_str(&after), "the VM gets it");
	text_done(&target);
	text_done(&before);
	text_done(&after);
	return s;
}

void steps_prepare(struct fake *f)
{
	fake_unit(f, "nvidia-persistenced.service", "active");
	fake_hide(f, "reset/" CARD, "device_specific pm");
	fake_put(f, "/sys/bus/pci/devices/" CARD "/reset_method", "pm\n");
	fake_mkdir(f, "/etc/modprobe.d");
}

void steps_whole(struct fake *f, struct plan *p)
{
	plan_add(p, &step_unit, "nvidia-persistenced.service", "active", "inactive", "it holds the card");
	plan_add(p, &step_attr, "/sys/class/vtconsole/[name=(M) frame buffer device]/bind", "1", "0", "");
	plan_add(p, &step_file, "/etc/modprobe.d/gpupt.conf", NULL, "# text\noptions vfio-pci disable_vga=1\n", "");
	steps_driver(f, p, CARD1, NULL);
	steps_driver(f, p, CARD, NULL);
	plan_add(p, &step_attr, "/sys/bus/pci/devices/" CARD "/reset_method", "pm", "device_specific", "")->optional = true;
	plan_add(p, &step_run, "pci-reset " CARD " " AMD_ID, NULL, "device_specific", "")->optional = true;
}

int steps_apply(struct fake *f, void *ctx)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	_cleanup_plan_ struct plan p = { 0 };
	struct engine en;
	struct err e;

	steps_engine(f, 5000, NULL, &en);
	steps_whole(f, &p);
	if (record_create(&f->root, STEPS_RECORD, &rec, &e) < 0)
		return 2;
	return plan_apply(&en, &p, &rec, NULL, &e) < 0;
}

int steps_recover(struct fake *f, struct undo_result *ret, struct text *diary)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct engine en;
	struct err e;
	int k = record_open(&f->root, STEPS_RECORD, &rec, &e);

	*ret = (struct undo_result){ 0 };
	if (k < 0)
		return k;
	steps_engine(f, 5000, diary, &en);
	record_undo(&en, &rec, NULL, NULL, ret);
	return 0;
}

int steps_undo(struct fake *f, void *ctx)
{
	struct undo_result u;

	if (steps_recover(f, &u, NULL) < 0)
		return 2;
	return !undo_complete(&u) || u.foreign;
}
