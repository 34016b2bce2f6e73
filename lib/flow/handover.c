/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <time.h>

#include "base/log.h"
#include "flow/acquire.h"
#include "flow/handover.h"
#include "flow/holding.h"
#include "flow/observe.h"
#include "flow/watch.h"
#include "policy/handover.h"
#include "policy/judge.h"
#include "policy/reset_choice.h"
#include "pve/guest.h"

#define TURN_WAIT_MS 8000

/* One hand-over under way. */
struct work {
	const struct handover *h;
	bool live; /* changes are made, not shown */
	struct engine en;
	struct vm_devices devices;
	struct guest_flags flags;
	struct selection sel;
	struct facts facts;
	struct plan plan;
	struct record lease;
	bool has_lease, adopted; /* adopted: it was there before */
	struct acquire acquire;
	struct findings *findings;
	struct err *e;
};

static void work_done(struct work *w)
{
	vm_devices_done(&w->devices);
	selection_done(&w->sel);
	facts_done(&w->facts);
	plan_done(&w->plan);
	record_close(&w->lease);
}

static bool held(void *ctx, struct bdf b)
{
	const struct work *w = ctx;

	return w->has_lease && holding_has(&w->lease, b);
}

static int open_lease(struct work *w)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 };
	char boot_id[BOOT_ID_LEN] = "-", since[24];
	bool survives = false;
	int k = 0;

	for (size_t i = 0; i < w->plan.n; i++)
		survives |= w->plan.steps[i].kind->survives_reboot;
	if (!w->has_lease) {
		k = lease_create(w->h->root, w->h->vmid, survives, &w->lease, w->e);
		w->has_lease = k == 0;
	}
	proc_boot_id(w->h->root, boot_id);
	snprintf(since, sizeof(since), "%lld", (long long)time(NULL));
	if (k == 0)
		k = record_note(&w->lease, LEASE_BOOT, boot_id, w->e);
	if (k == 0 && !w->adopted)
		k = record_note(&w->lease, LEASE_SINCE, since, w->e);
	/* an adopted lease keeps the lock it was taken under: a stop-mode backup of a running VM adopts it on its way */
	if (k == 0 && !w->adopted)
		k = record_note(&w->lease, LEASE_LOCK, w->flags.lock[0] ? w->flags.lock : "none", w->e);
	if (k == 0)
		k = selection_all(&w->sel, &all);
	return k < 0 ? k : lease_set_functions(&w->lease, all.v, all.n, w->e);
}

/* What has a native driver now is at home. */
static int remember_homes(struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		struct home home;
		int k;

		if (!fn->driver_known || !fn->driver.driver[0] || strcmp(fn->driver.driver, "vfio-pci") == 0)
			continue;
		pci_id_format(fn->fn.id, home.identity);
		memcpy(home.driver, fn->driver.driver, sizeof(home.driver));
		k = home_remember(w->h->root, fn->fn.bdf, &home, w->e);
		if (k < 0)
			return k;
	}
	return 0;
}

/* A reset that was made has its line already; one that was wanted and is not possible deserves one. */
static void tell_no_reset(const struct work *w, const struct fn_facts *fn, const char *name)
{
	const struct gpu_settings *g = settings_gpu(w->h->settings, fn->fn.bdf);
	struct reset_choice c;

	if (!g->reset_at_start || strcmp(g->reset, "none") == 0 || (strcmp(g->reset, "auto") == 0 && !gpu_is_amd(&fn->fn)))
		return;
	reset_choose(&w->facts, fn, g, &c);
	if (!c.reset)
		report_say(w->h->report, "%s: not reset: %s%s", name, c.why, c.works_in_guest ? "; QEMU can reset the whole card" : "");
}

static void tell(const struct work *w)
{
	struct log_entry entry = { .priority = LOG_INFO, .id = LOG_ID_TAKEN, .vmid = w->h->vmid };

	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		_cleanup_text_ struct text with = { 0 };
		char name[BDF_LEN], other[BDF_LEN];

		if (!gpu_is_display(&fn->fn))
			continue;
		for (size_t j = 0; j < w->facts.n; j++)
			if (j != i && w->facts.v[j].fn.group == fn->fn.group && !gpu_is_display(&w->facts.v[j].fn))
				text_join(&with, ", ", bdf_format(w->facts.v[j].fn.bdf, other));
		entry.bdf = bdf_format(fn->fn.bdf, name);
		log_write(&entry, "%s goes to VM %u, from %s", name, w->h->vmid, fn->driver.driver[0] ? fn->driver.driver : "no driver");
		report_say(w->h->report, "%s: for VM %u, %s %s%s%s", name, w->h->vmid,
			   held((void *)(uintptr_t)w, fn->fn.bdf) && w->adopted ? "still on" : "from",
			   fn->driver.driver[0] ? fn->driver.driver : "no driver", with.len ? ", with " : "", text_str(&with));
		tell_no_reset(w, fn, name);
	}
}

/* After a failure plan_apply() has put its own steps back; a lease that was made for them goes, too. */
static int apply_failed(struct work *w, int k, const struct undo_result *u)
{
	if (!w->adopted && !record_any_open(&w->lease)) {
		struct err ignored;

		holding_close(&w->lease, w->h->vmid, &ignored);
	}
	return undo_complete(u) ? k : -EUCLEAN;
}

static int apply(struct work *w)
{
	struct undo_result u = { 0 };
	int k = remember_homes(w);

	if (k == 0)
		k = open_lease(w);
	if (k < 0)
		return w->has_lease ? apply_failed(w, k, &u) : k;
	k = plan_apply(&w->en, &w->plan, &w->lease, &u, w->e);
	if (k < 0)
		return apply_failed(w, k, &u);
	tell(w);
	return 0;
}

static int decide(struct work *w)
{
	int k = facts_load(&w->en, &w->sel, w->h->vmid, true, &w->facts, w->e);

	if (k < 0)
		return k;
	strv_foreach(s, &w->sel.warnings)
		finding_add(w->findings, FINDING_KEY_UNKNOWN, w->h->vmid ? "VM" : "", NULL, "%s", s);
	judge(&w->facts, w->h->settings, w->findings);
	if (findings_worst(w->findings) == SEVERITY_BLOCK)
		return -EPERM;
	return handover_plan(&w->facts, w->h->settings, held, w, &w->plan);
}

/* Of a lease that lives on (a reboot, a backup) only what still stands as we left it is adopted; the rest is put back first. */
static int adopt(struct work *w)
{
	int k = holding_open(w->h->root, w->h->vmid, &w->lease, w->e);

	if (k == -ENOENT)
		return 0;
	if (k < 0)
		return k;
	w->has_lease = w->adopted = true;
	return holding_mend(&w->en, &w->lease, w->h->vmid, w->e);
}

/* Functions of the adopted lease that the configuration no longer names. */
static int give_back_unnamed(struct work *w)
{
	_cleanup_bdf_list_ struct bdf_list named = { 0 };
	int k;

	if (!w->adopted)
		return 0;
	k = selection_all(&w->sel, &named);
	if (k == 0)
		k = holding_keep_only(&w->en, &w->lease, w->h->vmid, &named, w->e);
	if (k == 0 && w->sel.n == 0)
		k = holding_close(&w->lease, w->h->vmid, w->e);
	return k;
}

/* The start fails: nobody will call post-stop, so an adopted lease ends here as well. */
static int withdraw(struct work *w, int k)
{
	struct bdf_list none = { 0 };
	struct err ignored;

	if (w->adopted && w->lease.path[0]) {
		holding_keep_only(&w->en, &w->lease, w->h->vmid, &none, &ignored);
		if (record_any_open(&w->lease))
			k = -EUCLEAN;
		else
			holding_close(&w->lease, w->h->vmid, &ignored);
	}
	acquire_drop(&w->acquire, &w->sel, held, w);
	return k;
}

/* Before the first step: from here on a failed start, which calls nobody, would strand the card. */
static int ensure_watch(struct work *w)
{
	struct err e;
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
}

static int walk(struct work *w)
{
	struct err busy = { "" };
	int k = w->live ? adopt(w) : 0, acquired;

	if (k < 0)
		return k;
	acquired = acquire_run(&w->acquire, &w->devices, &w->sel, &busy);
	if (acquired < 0 && acquired != -EBUSY)
		return err_set(w->e, acquired, "%s", busy.text);
	prepare_engine(w);
	k = w->live ? give_back_unnamed(w) : 0;
	if (k < 0 || w->sel.n == 0)
		return k;
	k = decide(w);
	if (k == 0 && w->live)
		k = ensure_watch(w);
	/* it was another's, and the judgement, a moment later, did not see whose */
	if (k == 0 && acquired < 0)
		k = err_set(w->e, acquired, "%s", busy.text);
	if (k == 0 && w->live)
		k = apply(w);
	return k;
}

/* Is anything here gpupt's business? A VM of which nothing is leaves no trace in our state. */
static int concerned(struct work *w)
{
	char path[PATH_MAX];
	int k;

	if (lease_path(w->h->root, w->h->vmid, path) == 0)
		return 1;
	if (w->devices.entries.n == 0)
		return 0;
	k = select_functions(w->h->root, &w->devices, NULL, NULL, &w->sel, w->e);
	return k < 0 ? k : w->sel.n > 0;
}

int handover_run(const struct handover *h, struct findings *ret_findings, struct plan *ret_plan, struct err *e)
{
	_cleanup_(work_done) struct work w = {
		.h = h, .lease.fd = -1, .findings = ret_findings, .e = e, .live = root_is_live(h->root) && !h->dry_run,
	};
	char subject[32];
	int k;

	w.acquire = (struct acquire){ h->root, h->settings, h->report, h->vmid, w.live };
	guest_flags(h->root, h->cfg, &w.flags);
	snprintf(subject, sizeof(subject), "VM %u", h->vmid);
	/* a template is started for backups alone, without its devices (PVE/QemuServer.pm, config_to_command()) */
	k = w.flags.template ? 0 : vm_devices_load(h->root, h->cfg, &w.devices, e);
	if (k == -EINVAL) {
		finding_add(ret_findings, FINDING_CONFIG_BAD, subject, "correct it: 'qm config' shows it", "%s", e->text);
		return -EPERM;
	}
	if (k < 0)
		return k;
	k = concerned(&w);
	if (k <= 0)
		return k;
	prepare_engine(&w);
	if (w.live) {
		k = turn_take(h->root, h->vmid, TURN_WAIT_MS, e);
		if (k < 0)
			return k;
	}
	k = walk(&w);
	if (w.live) {
		if (k < 0)
			k = withdraw(&w, k);
		turn_leave(h->root, h->vmid);
	}
	if (ret_plan) {
		*ret_plan = w.plan;
		w.plan = (struct plan){ 0 };
	}
	return k;
}
