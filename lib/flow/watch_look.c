/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>

#include "base/interrupt.h"
#include "flow/alarm.h"
#include "flow/holding.h"
#include "flow/late.h"
#include "flow/observe.h"
#include "flow/watch_look.h"
#include "plan/stuck.h"
#include "pve/cfs.h"
#include "pve/guest.h"
#include "pve/lock.h"

#define POSTPONED_MS (RELEASE_POSTPONED_S * 1000)

/* Does Proxmox VE hold its lock of the VM? The cheap question comes first: a start or a stop is under way most of the time. */
static bool pve_is_working(const struct watcher *w)
{
	_cleanup_close_ int lock = -1;

	return pve_lock_try(w->rel.root, GUEST_VM, w->rel.vmid, &lock) < 0;
}

static void try_at_once(struct watch_retry *t)
{
	t->at = t->ms = 0;
}

static void qemu_ended(struct watcher *w)
{
	/* one that ended while Proxmox VE was still starting it has no post-stop to come */
	w->gone_since = w->started ? now_ms() : 0;
	w->qemu = 0;
	w->postponed_since = 0; /* the start that was announced has come */
	w->cards = w->late = (struct watch_retry){ 0 };
}

/* Waits for QEMU's end by its pidfd: a pid could be another's by then. What comes back late has its tries meanwhile: that may be weeks. */
static void wait_for_qemu(struct watcher *w, pid_t pid)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int n = 0;

	/* what runs is looked at once more, now that its descriptor cannot become another's */
	if (pidfd < 0 || guest_running(w->rel.root, GUEST_VM, w->rel.vmid, NULL) <= 0)
		return;
	w->started = w->started && pid == w->qemu;
	w->qemu = pid;
	while (n == 0 && !interrupt_pending()) {
		n = poll(&p, 1, 1000);
		if (n == 0)
			w->started = w->started || !pve_is_working(w);
		if (n == 0 && w->late_waits && now_ms() >= w->late.at)
			return;
	}
	if (n > 0)
		qemu_ended(w);
}

/* Is it somebody else's turn still? Post-stop has its time, more of it if the lease waits for another start. */
static bool wait_for_others(struct watcher *w)
{
	const struct root *r = w->rel.root;
	uint64_t now = now_ms();
	const char *why;

	if (w->gone_since && now - w->gone_since < WATCH_GRACE_MS)
		return true;
	if (node_stopping(r, &why))
		return true;
	if (!release_postponed(r, w->rel.vmid, &why)) {
		w->postponed_since = 0;
		return false;
	}
	if (!w->postponed_since)
		w->postponed_since = now;
	/* whoever announced the other start is not coming any more */
	return now - w->postponed_since < POSTPONED_MS;
}

/* A VM runs for weeks, and gpupt.conf(5) promises that a change counts at once. */
static void read_settings(struct watcher *w)
{
	struct settings now = { 0 };
	struct err e;

	if (settings_load(w->rel.root, &now, &e) < 0) {
		report_complain(w->rel.report, "%s; going on with the settings from before", e.text);
		return;
	}
	settings_done(&w->settings);
	w->settings = now;
}

void watcher_init(struct watcher *w, const struct release *rel)
{
	*w = (struct watcher){ .rel = *rel };
	settings_default(&w->settings);
	w->rel.settings = &w->settings;
	read_settings(w);
}

void watcher_done(struct watcher *w)
{
	settings_done(&w->settings);
}

/* What came of a try: a failure is tried again, more and more slowly, and root told once. */
static void conclude(struct watcher *w, struct watch_retry *t, int k, const struct err *e)
{
	if (k == 0) {
		*t = (struct watch_retry){ 0 };
		return;
	}
	t->ms = t->ms ? t->ms * 2 : WATCH_SLOW_MS;
	if (t->ms > WATCH_RETRY_MS)
		t->ms = WATCH_RETRY_MS;
	t->at = now_ms() + t->ms;
	if (!t->alarmed)
		alarm_root(&w->rel, e->text);
	t->alarmed = true;
}

/* Is there anything to settle but what comes back late? A lease that cannot be read, and one with nothing left on it, are. */
static bool cards_due(const struct watcher *w)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	const struct root *r = w->rel.root;
	char path[PATH_MAX];
	int k = lease_path(r, w->rel.vmid, path);

	if (k == -ENOENT)
		return false;
	return k < 0 || record_load(r, path, &rec, NULL) < 0 || holding_early(&rec) || !late_due(r, w->rel.vmid);
}

/* With Proxmox VE's lock in hand and no QEMU: nobody else will do it. The sentence is left in e for afterwards. */
static int settle(struct watcher *w, struct err *e)
{
	struct release now = w->rel;
	int k;

	now.has_lock = true;
	read_settings(w);
	if (!w->cards.alarmed)
		report_complain(w->rel.report, "VM %u does not run and nobody gave its GPUs back: doing it now", w->rel.vmid);
	k = release_run(&now, NULL, e);
	return k == -ENOENT ? 0 : k;
}

/* Nothing is given up for good: what failed is tried again, slowly, once root knows of it. */
static void settle_if_free(struct watcher *w)
{
	_cleanup_close_ int lock = -1;
	struct err e = { "" };
	int k;

	if (now_ms() < w->cards.at) {
		w->pause_ms = WATCH_SLOW_MS;
		return;
	}
	k = pve_lock_try(w->rel.root, GUEST_VM, w->rel.vmid, &lock);
	/* Proxmox VE is at it, or has just started the VM */
	if (k < 0 || guest_running(w->rel.root, GUEST_VM, w->rel.vmid, NULL) != 0)
		return;
	k = cards_due(w) ? settle(w, &e) : 0;
	close(TAKE_FD(lock)); /* before any other program is called */
	if (k == 0) {
		w->gone_since = w->postponed_since = 0;
		try_at_once(&w->late); /* more of it is due now */
	} else {
		w->pause_ms = WATCH_SLOW_MS;
	}
	conclude(w, &w->cards, k, &e);
}

/*
 * Services that made room come back as soon as the cards are home: nobody's lock is needed for it, and nobody's grace. True if that was of
 * use, and things stand differently now.
 */
static bool settle_late(struct watcher *w)
{
	struct undo_result u = { 0 };
	struct err e = { "" };
	int k;

	w->late_waits = late_due(w->rel.root, w->rel.vmid);
	if (!w->late_waits || now_ms() < w->late.at)
		return false;
	read_settings(w);
	k = late_run(&w->rel, &u, &e);
	/* with quorum Proxmox VE starts guests: what has waited for it is to be quicker */
	if (k == -EAGAIN && cfs_ready(w->rel.root, NULL) < 0)
		cfs_wait(w->rel.root, WATCH_SLOW_MS);
	else if (k == -EAGAIN || k == -EBUSY)
		w->late.at = now_ms() + WATCH_SLOW_MS / 5;
	else
		conclude(w, &w->late, k, &e);
	return k == 0 || u.undone > 0;
}

/* The end of a child that hangs may come at any time, and for nothing else the rest has waited. */
static void look_for_stuck(struct watcher *w)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	_cleanup_free_ struct bdf *all = NULL;
	const struct root *r = w->rel.root;
	char path[PATH_MAX];
	bool stuck = false;
	struct stuck s;
	size_t n = 0;

	if (lease_path(r, w->rel.vmid, path) == 0 && record_load(r, path, &rec, NULL) == 0 && lease_functions(&rec, &all, &n) == 0)
		for (size_t i = 0; i < n; i++)
			stuck |= stuck_find(r, all[i], &s) > 0;
	if (w->stuck && !stuck) {
		try_at_once(&w->cards);
		try_at_once(&w->late);
	}
	w->stuck = stuck;
}

/* No card is taken from a VM of which that cannot be told, nor will anybody miss it: so root has to hear of it. */
static void note_unread(struct watcher *w, int error)
{
	uint64_t now = now_ms();
	struct err e;

	w->pause_ms = WATCH_SLOW_MS;
	if (!w->unread_since)
		w->unread_since = now;
	if (w->unread_told || now - w->unread_since < WATCH_UNREAD_MS)
		return;
	err_errno(&e, error, "VM %u keeps its GPUs: cannot tell whether it runs", w->rel.vmid);
	alarm_root(&w->rel, e.text);
	w->unread_told = true;
}

/* No QEMU runs. */
static void look_after_cards(struct watcher *w)
{
	if (w->qemu)
		qemu_ended(w);
	if (pve_is_working(w))
		try_at_once(&w->cards); /* after it things stand differently */
	else if (!cards_due(w))
		w->pause_ms = w->late_waits ? WATCH_SLOW_MS : WATCH_LOOK_MS;
	else if (!wait_for_others(w))
		settle_if_free(w);
}

/* Not longer than until the next try of what comes back late. */
static void shorten_pause(struct watcher *w)
{
	uint64_t now = now_ms();

	if (w->late_waits && w->late.at < now + w->pause_ms)
		w->pause_ms = w->late.at > now + WATCH_LOOK_MS ? (unsigned int)(w->late.at - now) : WATCH_LOOK_MS;
}

void watch_look(struct watcher *w)
{
	pid_t pid;
	int runs;

	w->pause_ms = WATCH_LOOK_MS;
	look_for_stuck(w);
	if (settle_late(w))
		return;
	runs = guest_running(w->rel.root, GUEST_VM, w->rel.vmid, &pid);
	if (runs < 0) {
		note_unread(w, runs);
		return;
	}
	w->unread_since = 0;
	w->unread_told = false;
	if (runs > 0)
		wait_for_qemu(w, pid);
	else
		look_after_cards(w);
	shorten_pause(w);
}
