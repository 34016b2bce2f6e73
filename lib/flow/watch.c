/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/interrupt.h"
#include "base/unit.h"
#include "flow/alarm.h"
#include "flow/late.h"
#include "flow/observe.h"
#include "flow/watch.h"
#include "plan/turn.h"
#include "plan/lease.h"
#include "plan/state.h"
#include "pve/cfs.h"
#include "pve/guest.h"
#include "pve/lock.h"

#define WATCH_DIR STATE_RUN "/watch"

#define START_WAIT_MS	5000   /* for systemd to have the watcher running */
#define LOOK_MS		250    /* between two looks while something is about to happen */
#define SLOW_MS		5000   /* and while a person has to do something first */
#define RETRY_MAX_MS	300000 /* what fails is tried again at growing intervals: each try is told in the journal */
#define GRACE_MS	30000  /* for post-stop after QEMU's end; 'qm cleanup' itself waits this long for QEMU (PVE/CLI/qm.pm) */
#define POSTPONED_MS	(RELEASE_POSTPONED_S * 1000)

static char *watch_path(char path[static PATH_MAX], unsigned int vmid)
{
	return path_f(path, WATCH_DIR "/%u", vmid);
}

static bool watched(const struct root *r, unsigned int vmid)
{
	struct proc_id watcher;
	char path[PATH_MAX];

	return state_read_who(r, watch_path(path, vmid), &watcher) == 0;
}

int watch_ensure(const struct root *r, unsigned int vmid, struct err *e)
{
	uint64_t deadline = now_ms() + START_WAIT_MS;
	char unit[48], job[UNIT_JOB_LEN];

	snprintf(unit, sizeof(unit), "gpupt-settle@%u.service", vmid);
	while (!watched(r, vmid)) {
		/* again and again: a watcher that was leaving when it was asked for has to go first */
		int k = unit_start(r, unit, job, e);

		if (k < 0)
			return k;
		if (now_ms() >= deadline)
			return err_set(e, -ETIME, "%s does not come up; 'systemctl status %s' says why", unit, unit);
		sleep_ms(20);
	}
	return 0;
}

static int sign_in(const struct root *r, unsigned int vmid, struct err *e)
{
	_cleanup_close_ int lock = state_lock(r, e);
	struct proc_id self, other;
	char path[PATH_MAX];
	int k = lock < 0 ? lock : proc_self(r, &self);

	if (k < 0)
		return k;
	watch_path(path, vmid);
	if (state_read_who(r, path, &other) == 0 && other.pid != self.pid)
		return err_set(e, -EEXIST, "process %d watches over VM %u already", (int)other.pid, vmid);
	return state_write_who(r, path, self, e);
}

/* Leaves if there is nothing to watch over: no lease, and nobody who is about to make one. True if we are out. */
static bool sign_out(const struct root *r, unsigned int vmid)
{
	_cleanup_close_ int lock = state_lock(r, NULL);
	char path[PATH_MAX];

	if (lock < 0 || lease_path(r, vmid, path) != -ENOENT || turn_taken(r, vmid))
		return false;
	root_unlink(r, watch_path(path, vmid));
	return true;
}

/* One watcher's memory between its looks. */
struct watcher {
	struct release rel;
	struct settings settings; /* as gpupt.conf was when it last made sense */
	uint64_t gone_since;	  /* when QEMU ended; 0: none was seen, or its time is over */
	uint64_t postponed_since; /* since when the lease waits for another start; 0: it does not */
	bool alarmed;		  /* root knows; what is tried again is tried in silence */
	uint64_t retry_at;	  /* not before */
	unsigned int retry_ms;	  /* how long it was put off for */
	unsigned int pause_ms;	  /* until the next look */
};

/* Does Proxmox VE hold its lock of the VM? The cheap question comes first: a start or a stop is under way most of the time. */
static bool pve_is_working(const struct watcher *w)
{
	_cleanup_close_ int lock = -1;

	return pve_lock_try(w->rel.root, GUEST_VM, w->rel.vmid, &lock) < 0;
}

/* Waits for QEMU's end by its pidfd: a pid could be another's by then. */
static void wait_for_qemu(struct watcher *w, pid_t pid)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	bool started = false;

	/* what runs is looked at once more, now that its descriptor cannot become another's */
	if (pidfd < 0 || guest_running(w->rel.root, GUEST_VM, w->rel.vmid, NULL) <= 0)
		return;
	while (!interrupt_pending() && poll(&p, 1, 1000) == 0)
		started = started || !pve_is_working(w);
	/* one that ended while Proxmox VE was still starting it has no post-stop to come */
	w->gone_since = started ? now_ms() : 0;
	w->postponed_since = 0; /* the start that was announced has come */
	w->alarmed = false;
	w->retry_at = w->retry_ms = 0;
}

/* Is it somebody else's turn still? Post-stop has its time, more of it if the lease waits for another start. */
static bool wait_for_others(struct watcher *w)
{
	const struct root *r = w->rel.root;
	uint64_t now = now_ms();
	const char *why;

	if (w->gone_since && now - w->gone_since < GRACE_MS)
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

/* With Proxmox VE's lock in hand and no QEMU: nobody else will do it. The sentence is left in e for afterwards. */
static int settle(struct watcher *w, struct err *e)
{
	struct release now = w->rel;
	char path[PATH_MAX];
	int k;

	if (lease_path(w->rel.root, w->rel.vmid, path) == -ENOENT)
		return 0;
	now.called_by_pve = true; /* as far as the lock goes */
	read_settings(w);
	if (!w->alarmed)
		report_complain(w->rel.report, "VM %u does not run and nobody gave its GPUs back: doing it now", w->rel.vmid);
	k = release_run(&now, NULL, e);
	return k == -ENOENT ? 0 : k;
}

/* What came of a try: a failure is tried again, more and more slowly, and root told once. */
static void conclude(struct watcher *w, int k, const struct err *e)
{
	if (k == 0) {
		w->retry_ms = 0;
		return;
	}
	w->pause_ms = SLOW_MS;
	w->retry_ms = w->retry_ms ? w->retry_ms * 2 : SLOW_MS;
	if (w->retry_ms > RETRY_MAX_MS)
		w->retry_ms = RETRY_MAX_MS;
	w->retry_at = now_ms() + w->retry_ms;
	if (!w->alarmed)
		alarm_root(&w->rel, e->text);
	w->alarmed = true;
}

/* Nothing is given up for good: what failed is tried again, slowly, once root knows of it. */
static void settle_if_free(struct watcher *w)
{
	_cleanup_close_ int lock = -1;
	struct err e = { "" };
	int k;

	if (now_ms() < w->retry_at) {
		w->pause_ms = SLOW_MS;
		return;
	}
	k = pve_lock_try(w->rel.root, GUEST_VM, w->rel.vmid, &lock);
	/* Proxmox VE is at it, or has just started the VM */
	if (k < 0 || guest_running(w->rel.root, GUEST_VM, w->rel.vmid, NULL) != 0)
		return;
	k = settle(w, &e);
	close(TAKE_FD(lock)); /* before any other program is called */
	if (k == 0)
		w->gone_since = w->postponed_since = 0;
	conclude(w, k, &e);
}

/* Services that made room come back as soon as the cards are home: nobody's lock is needed for it, and nobody's grace. */
static bool settle_late(struct watcher *w)
{
	struct err e = { "" };
	int k;

	if (!late_due(w->rel.root, w->rel.vmid))
		return false;
	if (now_ms() < w->retry_at) {
		w->pause_ms = SLOW_MS;
		return true;
	}
	read_settings(w);
	k = late_run(&w->rel, NULL, &e);
	/* with quorum Proxmox VE starts guests: what has waited for it is to be quicker */
	if (k == -EAGAIN && cfs_ready(w->rel.root, NULL) < 0)
		cfs_wait(w->rel.root, SLOW_MS);
	else if (k == -EAGAIN || k == -EBUSY)
		w->pause_ms = SLOW_MS / 5;
	else
		conclude(w, k, &e);
	return true;
}

static void look(struct watcher *w)
{
	pid_t pid;

	w->pause_ms = LOOK_MS;
	if (settle_late(w))
		return;
	if (guest_running(w->rel.root, GUEST_VM, w->rel.vmid, &pid) > 0)
		wait_for_qemu(w, pid);
	else if (pve_is_working(w))
		w->retry_at = w->retry_ms = 0; /* after it things stand differently */
	else if (!wait_for_others(w))
		settle_if_free(w);
}

/* A pause that a signal ends. */
static void pause_for(unsigned int ms)
{
	uint64_t deadline = now_ms() + ms;

	while (!interrupt_pending() && now_ms() < deadline)
		sleep_ms(LOOK_MS);
}

int watch_run(const struct release *rel, struct err *e)
{
	struct watcher w = { .rel = *rel };
	int k = sign_in(rel->root, rel->vmid, e);

	if (k < 0)
		return k == -EEXIST ? 0 : k;
	settings_default(&w.settings);
	w.rel.settings = &w.settings;
	read_settings(&w);
	while (!sign_out(rel->root, rel->vmid)) {
		if (interrupt_pending()) {
			k = err_set(e, -EINTR, "interrupted: what is left to do stays on record");
			break;
		}
		look(&w);
		pause_for(w.pause_ms);
		/* children that were late to read something, and have ended since */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	settings_done(&w.settings);
	return k;
}
