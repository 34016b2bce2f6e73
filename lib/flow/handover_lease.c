/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <time.h>

#include "base/log.h"
#include "flow/giveback.h"
#include "flow/handover_work.h"

bool work_held(void *ctx, struct bdf b)
{
	const struct work *w = ctx;

	return w->has_lease && holding_has(&w->lease, b);
}

static struct giveback as_giveback(const struct work *w)
{
	return (struct giveback){
		.root = w->h->root, .settings = w->h->settings, .report = w->h->report, .vmid = w->h->vmid, .wait = true,
	};
}

/* Of a lease that lives on (a reboot, a backup) only what still stands as we left it is adopted; the rest is put back first. */
int work_adopt(struct work *w)
{
	_cleanup_bdf_list_ struct bdf_list broken = { 0 };
	_cleanup_free_ struct bdf *held = NULL;
	struct giveback g = as_giveback(w);
	struct undo_result u = { 0 };
	size_t n;
	int k = holding_open(w->h->root, w->h->vmid, &w->lease, w->e);

	if (k == -ENOENT)
		return 0;
	if (k < 0)
		return k;
	w->has_lease = w->adopted = true;
	w->renewed = lease_functions(&w->lease, &held, &n) == 0 && n == 0;
	k = holding_broken(&w->en, &w->lease, &broken);
	if (k < 0 || broken.n == 0)
		return k;
	k = giveback_run(&g, &w->lease, &broken, &u, w->e);
	w->waited = true;
	for (size_t i = 0; k == 0 && i < broken.n; i++)
		if (holding_any(&w->lease, broken.v[i]))
			k = err_set(w->e, -EUCLEAN, "what an earlier start of VM %u left could not be put back: see 'gpupt-helper status'",
				    w->h->vmid);
	return k;
}

/* Functions of the adopted lease that the configuration no longer names. What cannot go is told, and no reason not to start. */
int work_give_back_unnamed(struct work *w)
{
	_cleanup_bdf_list_ struct bdf_list named = { 0 }, gone = { 0 };
	_cleanup_free_ struct bdf *all = NULL;
	struct giveback g = as_giveback(w);
	size_t n;
	int k;

	if (!w->adopted)
		return 0;
	k = selection_all(&w->sel, &named);
	if (k == 0)
		k = lease_functions(&w->lease, &all, &n);
	for (size_t i = 0; k == 0 && i < n; i++)
		if (!bdf_list_has(&named, all[i]))
			k = bdf_list_add(&gone, all[i]);
	if (k == 0 && gone.n > 0)
		k = giveback_run(&g, &w->lease, &gone, NULL, w->e);
	if (k == 0 && w->sel.n == 0)
		k = holding_close(&w->lease, w->h->vmid, w->e);
	return k;
}

/* The start fails: nobody will call post-stop, so an adopted lease ends here as well. */
int work_withdraw(struct work *w, int k)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 };
	struct giveback g = as_giveback(w);
	struct err e = { "" };

	/* whoever did not let go in that time is not waited for once more: the start's caller waits, too */
	g.wait = !w->waited;
	if (w->has_lease && w->lease.path[0]) {
		if (w->adopted && giveback_run(&g, &w->lease, NULL, NULL, &e) < 0)
			report_complain(w->h->report, "%s", e.text);
		/* what made room comes back when its function is off the lease */
		if (selection_all(&w->sel, &all) == 0)
			holding_forget(&w->lease, w->h->vmid, &all, NULL);
		if (holding_early(&w->lease))
			k = -EUCLEAN;
		else if (holding_close(&w->lease, w->h->vmid, &e) < 0)
			report_complain(w->h->report, "%s", e.text);
	}
	acquire_drop(&w->acquire, &w->sel, work_held, w);
	return k;
}

int work_open_lease(struct work *w)
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
	} else if (survives) {
		k = lease_keep(&w->lease, w->h->vmid, w->e);
	}
	proc_boot_id(w->h->root, boot_id);
	snprintf(since, sizeof(since), "%lld", (long long)time(NULL));
	if (k == 0)
		k = record_note(&w->lease, LEASE_BOOT, boot_id, w->e);
	if (k == 0 && (!w->adopted || w->renewed))
		k = record_note(&w->lease, LEASE_SINCE, since, w->e);
	/* an adopted lease keeps the lock it was taken under: a stop-mode backup of a running VM adopts it on its way */
	if (k == 0 && (!w->adopted || w->renewed))
		k = record_note(&w->lease, LEASE_LOCK, w->flags.lock[0] ? w->flags.lock : "none", w->e);
	if (k == 0)
		k = selection_all(&w->sel, &all);
	return k < 0 ? k : lease_set_functions(&w->lease, all.v, all.n, w->e);
}

/* What has a native driver now is at home. The identity is kept of every function, so that an exchanged card is noticed. */
int work_remember_homes(struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		struct home home = { .driver = HOME_UNKNOWN };
		int k;

		pci_id_format(fn->fn.id, home.identity);
		if (fn->driver_known && fn->driver.driver[0] && strcmp(fn->driver.driver, "vfio-pci") != 0)
			memcpy(home.driver, fn->driver.driver, sizeof(home.driver));
		else if (fn->has_home && strcmp(fn->home.identity, home.identity) == 0)
			memcpy(home.driver, fn->home.driver, sizeof(home.driver));
		k = home_remember(w->h->root, fn->fn.bdf, &home, w->e);
		if (k < 0)
			return k;
	}
	return 0;
}
