/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/log.h"
#include "flow/handover_work.h"
#include "flow/may_unbind.h"
#include "flow/release.h"
#include "flow/waiting.h"
#include "flow/watch.h"
#include "plan/turn.h"
#include "policy/backup.h"
#include "policy/handover.h"
#include "policy/judge.h"

#define TURN_WAIT_MS 8000

static void work_done(struct work *w)
{
	vm_devices_done(&w->devices);
	selection_done(&w->sel);
	facts_done(&w->facts);
	plan_done(&w->plan);
	record_close(&w->lease);
	guest_list_done(&w->room.shut);
}

/* Whose the nodes are that containers name can be seen only while they are there. To forget it is no reason not to start. */
static void remember_containers(const struct work *w)
{
	struct err e = { "" };

	if (facts_remember_containers(w->h->root, &w->facts, &e) < 0)
		log_debug("which containers name the card is not remembered: %s", e.text);
}

/* The cards are home again, and what waits for others' may have been in their way. */
static void mind_others(struct work *w)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 };

	if (selection_all(&w->sel, &all) == 0)
		waiting_others_came(&w->en, w->h->report, &w->lease, &all);
}

static int apply(struct work *w)
{
	int k = work_remember_homes(w);

	if (k == 0) {
		remember_containers(w);
		k = work_open_lease(w);
	}
	if (k == 0)
		k = plan_apply(&w->en, &w->plan, &w->lease, NULL, w->e);
	if (k == 0)
		work_tell(w);
	else
		mind_others(w);
	return k;
}

static const struct holder *own_holder(const struct work *w)
{
	for (size_t i = 0; i < w->facts.holders.n; i++) {
		const struct holder *h = &w->facts.holders.v[i];

		if (h->kind == HOLDER_VM && strtoul(h->id, NULL, 10) == w->h->vmid)
			return h;
	}
	return NULL;
}

/* A QEMU of this VM that is still on its way out: it ends by itself, or the start would hang behind it in the kernel. */
static int wait_for_own(struct work *w)
{
	uint64_t deadline = now_ms() + w->h->settings->defaults.stop_timeout * 1000;
	const struct holder *h;
	int k = 0;

	while (k == 0 && (h = own_holder(w))) {
		if (now_ms() >= deadline)
			return err_set(w->e, -EBUSY, "an earlier QEMU of VM %u (process %d) still has the card open", w->h->vmid,
				       (int)h->proc.pid);
		sleep_ms(100);
		k = facts_look_for_holders(w->h->root, &w->facts, w->e);
	}
	return k;
}

/* A backup starts its VM although nobody wants it to run; one in stop mode finds it with its cards. */
static void note_backup(struct work *w)
{
	char path[PATH_MAX];

	w->facts.backup = w->h->backup || strcmp(w->flags.lock, "backup") == 0;
	w->facts.leased = lease_path(w->h->root, w->h->vmid, path) != -ENOENT;
}

static int look_for_containers(struct work *w)
{
	_cleanup_container_list_ struct container_list containers = { 0 };
	int k = container_list_load(w->h->root, &containers, w->e);

	if (k == 0)
		k = facts_look_for_containers(w->h->root, &containers, &w->facts, w->e);
	if (k == 0)
		k = facts_look_into_containers(w->h->root, &containers, &w->facts, w->e);
	return k == 0 && w->has_lease ? facts_note_stopped(&w->en, &w->lease, &w->facts) : k;
}

static int look(struct work *w)
{
	int k;

	facts_done(&w->facts);
	k = facts_load(&w->en, &w->sel, w->h->vmid, true, &w->facts, w->e);
	if (k < 0)
		return k;
	note_backup(w);
	if (w->live)
		k = wait_for_own(w);
	if (k == 0)
		k = look_for_containers(w);
	if (k == 0 && w->live)
		k = facts_look_at_units(w->h->root, w->h->settings, &w->facts);
	if (k < 0)
		return k;
	facts_ask_persistence(&w->en, &w->facts);
	strv_foreach(s, &w->sel.warnings)
		finding_add(w->findings, FINDING_KEY_UNKNOWN, w->h->vmid ? "VM" : "", NULL, "%s", s);
	judge(&w->facts, w->h->settings, w->findings);
	judge_backup(&w->facts, w->h->settings, w->findings);
	return findings_worst(w->findings) == SEVERITY_BLOCK ? HANDOVER_REFUSED : 0;
}

/* Before the first step: from here on a failed start, which calls nobody, would strand the card. */
static int ensure_watch(struct work *w)
{
	struct err e = { "" };
	int k = watch_ensure(w->h->root, w->h->vmid, &e);

	if (k == -ENOTCONN) {
		report_complain(w->h->report, "%s: nobody watches whether VM %u comes up; if its start fails, run 'gpupt-helper release %u'",
				e.text, w->h->vmid, w->h->vmid);
		return 0;
	}
	return k < 0 ? err_set(w->e, k, "%s", e.text) : 0;
}

static void prepare_engine(struct work *w)
{
	engine_init(&w->en, w->h->root, w->h->settings, &w->sel);
	w->en.watch = report_step;
	w->en.watch_ctx = (void *)(uintptr_t)w->h->report;
	w->en.may_unbind = may_unbind;
}

static int acquire(struct work *w)
{
	w->acquired = acquire_run(&w->acquire, &w->devices, &w->sel, &w->busy);
	if (w->acquired < 0 && w->acquired != -EBUSY)
		return err_set(w->e, w->acquired, "%s", w->busy.text);
	prepare_engine(w);
	return w->live ? work_give_back_unnamed(w) : 0;
}

/* Looks and judges, and again whenever something that was in the way could be got out of it. */
static int decide(struct work *w)
{
	bool again;
	int k;

	w->first = w->findings->n;
	do {
		findings_drop(w->findings, w->first, SEVERITY_OK);
		k = acquire(w);
		if (k < 0 || w->sel.n == 0)
			return k;
		k = w->live ? work_await_calls(w) : 0;
		if (k < 0)
			return k;
		k = look(w);
		again = k == HANDOVER_REFUSED;
		if (again)
			k = work_make_room(w);
	} while (k == 0 && again && w->live);
	return k == 0 ? handover_plan(&w->facts, w->h->settings, work_held, w, &w->plan) : k;
}

static int walk(struct work *w)
{
	int k = w->live ? work_await_calls(w) : 0;

	if (k == 0 && w->live)
		k = work_adopt(w);
	if (k == 0)
		k = decide(w);
	if (k != 0 || w->sel.n == 0)
		return k;
	if (w->live)
		k = ensure_watch(w);
	/* it was another's, and the judgement, a moment later, did not see whose */
	if (k == 0 && w->acquired < 0)
		k = err_set(w->e, w->acquired, "%s", w->busy.text);
	if (k == 0 && w->live)
		k = apply(w);
	return k;
}

/* A VM of which nothing is gpupt's business leaves no trace in our state. 1, 0, -errno. */
static int concerned(const struct root *r, unsigned int vmid, const struct vm_devices *d, struct err *e)
{
	_cleanup_selection_ struct selection sel = { 0 };
	char path[PATH_MAX];
	int k = lease_path(r, vmid, path);

	if (k != -ENOENT)
		return k == 0 ? 1 : err_errno(e, k, "cannot look for the lease of VM %u", vmid);
	if (d->entries.n == 0)
		return 0;
	k = select_functions(r, d, NULL, NULL, &sel, e);
	return k < 0 ? k : sel.n > 0;
}

bool handover_concerns(const struct root *r, const struct config *cfg, unsigned int vmid)
{
	_cleanup_vm_devices_ struct vm_devices d = { 0 };
	struct guest_flags flags = { 0 };

	guest_flags(r, cfg, &flags);
	if (!flags.template && vm_devices_load(r, cfg, &d, NULL) < 0)
		return true;
	return concerned(r, vmid, &d, NULL) != 0;
}

int handover_run(const struct handover *h, struct findings *ret_findings, struct plan *ret_plan, struct err *e)
{
	_cleanup_(work_done) struct work w = {
		.h = h, .lease.fd = -1, .findings = ret_findings, .e = e, .live = root_is_live(h->root) && !h->dry_run,
	};
	char subject[32];
	const char *why;
	int k;

	w.acquire = (struct acquire){ h->root, h->settings, h->report, h->vmid, w.live };
	guest_flags(h->root, h->cfg, &w.flags);
	snprintf(subject, sizeof(subject), "VM %u", h->vmid);
	/* a template is started for backups alone, without its devices (PVE/QemuServer.pm, config_to_command()) */
	k = w.flags.template ? 0 : vm_devices_load(h->root, h->cfg, &w.devices, e);
	if (k == -EINVAL) {
		finding_add(ret_findings, FINDING_CONFIG_BAD, subject, "correct it: 'qm config' shows it", "%s", e->text);
		return HANDOVER_REFUSED;
	}
	if (k < 0)
		return k;
	k = concerned(h->root, h->vmid, &w.devices, e);
	if (k == -EINVAL) { /* a mapping that is not there, in Proxmox VE's words */
		finding_add(ret_findings, FINDING_CONFIG_BAD, subject, "correct the mapping under Datacenter, or the VM's hostpci entry",
			    "%s", e->text);
		return HANDOVER_REFUSED;
	}
	if (k <= 0)
		return k;
	prepare_engine(&w);
	if (w.live && node_stopping(h->root, &why))
		return err_set(e, -ESHUTDOWN, "VM %u does not get its GPUs now: %s", h->vmid, why);
	if (w.live) {
		k = turn_take(h->root, h->vmid, TURN_WAIT_MS, e);
		if (k < 0)
			return k;
	}
	k = walk(&w);
	if (w.live) {
		if (k != 0)
			k = work_withdraw(&w, k);
		turn_leave(h->root, h->vmid);
	}
	if (ret_plan) {
		*ret_plan = w.plan;
		w.plan = (struct plan){ 0 };
	}
	return k;
}
