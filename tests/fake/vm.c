/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/late.h"
#include "flow/observe.h"
#include "flow/watch.h"
#include "plan/claim.h"
#include "plan/lease.h"
#include "plan/state.h"
#include "pve/reservation.h"
#include "tests/fake/vm.h"

static void say(void *ctx, const char *line)
{
	struct vm_result *v = ctx;

	text_addf(&v->said, "%s\n", line);
}

static void complain(void *ctx, const char *line)
{
	struct vm_result *v = ctx;

	text_addf(&v->complained, "%s\n", line);
}

static void add_line(void *ctx, const char *line)
{
	text_addf(ctx, "%s\n", line);
}

struct report fake_report(struct text *to)
{
	return (struct report){ .say = add_line, .complain = add_line, .ctx = to };
}

static struct report report_to(struct vm_result *v, unsigned int vmid)
{
	return (struct report){ .say = say, .complain = complain, .ctx = v, .vmid = vmid };
}

void vm_result_done(struct vm_result *v)
{
	findings_done(&v->findings);
	plan_done(&v->plan);
	text_done(&v->said);
	text_done(&v->complained);
	*v = (struct vm_result){ 0 };
}

static struct release as_release(struct fake *f, const struct settings *s, const struct report *report)
{
	return (struct release){ .root = &f->root, .settings = s, .vmid = report->vmid, .report = report };
}

/* come_back_late() of the hook. */
static void come_back_late(struct fake *f, const struct settings *s, const struct report *report, bool dry_run)
{
	struct release rel = as_release(f, s, report);
	struct err e = { "" };

	rel.dry_run = dry_run;
	if (late_delegate(&rel, &e) < 0)
		report_complain(report, "%s", e.text);
}

void vm_start(struct fake *f, unsigned int vmid, bool dry_run, struct vm_result *ret)
{
	_cleanup_settings_ struct settings s = { 0 };
	_cleanup_config_ struct config cfg = { 0 };
	struct report report = report_to(ret, vmid);
	struct handover h = {
		.root = &f->root, .settings = &s, .cfg = &cfg, .vmid = vmid, .dry_run = dry_run, .report = &report,
	};

	ret->r = settings_load(&f->root, &s, &ret->e);
	if (ret->r == 0)
		ret->r = config_load(&f->root, GUEST_VM, vmid, &cfg, &ret->e);
	if (ret->r < 0)
		return;
	ret->r = handover_run(&h, &ret->findings, &ret->plan, &ret->e);
	if (ret->r != 0)
		come_back_late(f, &s, &report, dry_run);
}

void vm_stop(struct fake *f, unsigned int vmid, struct vm_result *ret)
{
	_cleanup_settings_ struct settings s = { 0 };
	struct report report = report_to(ret, vmid);
	struct release rel = as_release(f, &s, &report);
	char path[PATH_MAX];
	const char *why;

	ret->r = settings_load(&f->root, &s, &ret->e);
	if (ret->r < 0 || lease_path(&f->root, vmid, path) < 0)
		return;
	rel.has_lock = true;
	rel.since = now_ms();
	if (node_stopping(&f->root, &why) || release_postponed(&f->root, vmid, &why)) {
		text_addf(&ret->said, "%s\n", why);
		release_keep(&f->root, vmid);
		ret->r = 1;
	} else {
		ret->r = release_run(&rel, &ret->undo, &ret->e);
	}
	come_back_late(f, &s, &report, false);
}

/* By hand, or at boot. */
static void by_hand(struct fake *f, unsigned int vmid, bool reconcile, struct vm_result *ret)
{
	_cleanup_settings_ struct settings s = { 0 };
	struct report report = report_to(ret, vmid);
	struct release rel = as_release(f, &s, &report);

	rel.mend = true;
	ret->r = settings_load(&f->root, &s, &ret->e);
	if (ret->r == 0)
		ret->r = reconcile ? reconcile_run(&rel, &ret->undo, &ret->e) : release_run(&rel, &ret->undo, &ret->e);
}

void vm_release(struct fake *f, unsigned int vmid, struct vm_result *ret)
{
	by_hand(f, vmid, false, ret);
}

void vm_reconcile(struct fake *f, unsigned int vmid, struct vm_result *ret)
{
	by_hand(f, vmid, true, ret);
}

void vm_late(struct fake *f, unsigned int vmid, struct vm_result *ret)
{
	_cleanup_settings_ struct settings s = { 0 };
	struct report report = report_to(ret, vmid);
	struct release rel = as_release(f, &s, &report);

	ret->r = settings_load(&f->root, &s, &ret->e);
	if (ret->r == 0)
		ret->r = late_run(&rel, &ret->undo, &ret->e);
}

int vm_start_run(struct fake *f, void *ctx)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_start(f, *(unsigned int *)ctx, false, &v);
	return v.r != 0;
}

int vm_stop_run(struct fake *f, void *ctx)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_stop(f, *(unsigned int *)ctx, &v);
	return v.r != 0;
}

int vm_watch_run(struct fake *f, void *ctx)
{
	_cleanup_settings_ struct settings s = { 0 };
	unsigned int vmid = *(unsigned int *)ctx;
	struct report report = { .vmid = vmid };
	struct release rel = { .root = &f->root, .settings = &s, .vmid = vmid, .unattended = true, .report = &report };
	struct err e;

	settings_default(&s);
	return watch_run(&rel, &e) < 0;
}

static void reserved(const struct fake *f, const char *bdf, void *ctx)
{
	unsigned int vmid;

	if (reservation_holder(&f->root, fake_bdf(bdf), 0, &vmid, NULL) > 0)
		text_addf(ctx, "%s is reserved for VM %u\n", bdf, vmid);
}

const char *vm_leftovers(struct fake *f)
{
	static const char *const dirs[] = { STATE_RUN "/lease", STATE_VAR "/lease", STATE_RUN "/claim", STATE_RUN "/turn",
					    STATE_RUN "/call", STATE_RUN "/stuck" };
	static char message[1024];
	_cleanup_text_ struct text t = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_strv_ struct strv names = { 0 };

		state_list(&f->root, dirs[i], &names);
		strv_foreach(name, &names)
			text_addf(&t, "%s/%s\n", dirs[i], name);
	}
	fake_each(f, reserved, &t);
	snprintf(message, sizeof(message), "%s", text_str(&t));
	return message;
}

bool vm_found(const struct vm_result *v, enum finding_code code)
{
	for (size_t i = 0; i < v->findings.n; i++)
		if (v->findings.v[i].code == code)
			return true;
	return false;
}
