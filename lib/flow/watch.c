/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>

#include "base/interrupt.h"
#include "base/unit.h"
#include "flow/alarm.h"
#include "flow/watch.h"
#include "plan/claim.h"
#include "plan/lease.h"
#include "plan/state.h"
#include "plan/stuck.h"
#include "pve/guest.h"
#include "pve/lock.h"

#define WATCH_DIR STATE_RUN "/watch"

#define START_WAIT_MS	5000   /* for systemd to have the watcher running */
#define LOOK_MS		250    /* between two looks */
#define GRACE_MS	30000  /* for post-stop after QEMU's end; 'qm cleanup' itself waits this long for QEMU (PVE/CLI/qm.pm) */
#define POSTPONED_MS	600000 /* for the start that a reboot or a backup announces */

static char *watch_path(char path[static PATH_MAX], unsigned int vmid)
{
	return path_f(path, WATCH_DIR "/%u", vmid);
}

static bool watched(const struct root *r, unsigned int vmid)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long start;
	char path[PATH_MAX];
	int pid;

	return state_read(r, watch_path(path, vmid), &text) == 0 && sscanf(text, "%d %llu", &pid, &start) == 2 &&
	       proc_alive(r, (struct proc_id){ .pid = pid, .start = start });
}

int watch_ensure(const struct root *r, unsigned int vmid, struct err *e)
{
	uint64_t deadline = now_ms() + START_WAIT_MS;
	char unit[48];

	snprintf(unit, sizeof(unit), "gpupt-settle@%u.service", vmid);
	while (!watched(r, vmid)) {
		/* again and again: a watcher that was leaving when it was asked for has to go first */
		int k = unit_start(r, unit, e);

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
	_cleanup_text_ struct text t = { 0 };
	struct proc_id self;
	char path[PATH_MAX];
	int k = lock < 0 ? lock : proc_self(r, &self);

	if (k < 0)
		return k;
	text_addf(&t, "%d %llu\n", (int)self.pid, (unsigned long long)self.start);
	return state_write(r, watch_path(path, vmid), text_str(&t), e);
}

/* Leaves if there is nothing to watch over: no lease, and nobody who is about to make one. True if we are out. */
static bool sign_out(const struct root *r, unsigned int vmid)
{
	_cleanup_close_ int lock = state_lock(r, NULL);
	char path[PATH_MAX];

	if (lock < 0 || lease_path(r, vmid, path) == 0 || turn_taken(r, vmid))
		return false;
	root_unlink(r, watch_path(path, vmid));
	return true;
}

static int interrupted(struct err *e)
{
	return err_set(e, -EINTR, "interrupted: what is left to do stays on record");
}

/* Waits for QEMU's end by its pidfd: a pid could be another's by then. */
static int wait_for_qemu(pid_t pid, struct err *e)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	while (pidfd >= 0) {
		if (interrupt_pending())
			return interrupted(e);
		if (poll(&p, 1, 1000) > 0)
			break;
	}
	return 0;
}

/* Post-stop has its time, more of it if it keeps the lease for another start. 0 when it is time to settle or look again. */
static int wait_for_post_stop(const struct release *rel, struct err *e)
{
	uint64_t since = now_ms();
	char path[PATH_MAX];
	const char *why;

	while (lease_path(rel->root, rel->vmid, path) == 0) {
		uint64_t waited = now_ms() - since;

		if (interrupt_pending())
			return interrupted(e);
		if (guest_running(rel->root, GUEST_VM, rel->vmid, NULL) > 0)
			return 0;
		if (waited >= (release_postponed(rel->root, rel->vmid, &why) ? POSTPONED_MS : GRACE_MS))
			return 0;
		sleep_ms(LOOK_MS);
	}
	return 0;
}

/*
 * With Proxmox VE's lock in hand and no QEMU: nobody else will do it. A function that is stuck is waited for, since it comes free when
 * its child ends; anything else that fails is for a person.
 */
static int settle(const struct release *rel, struct err *e)
{
	struct undo_result u = { 0 };
	struct release now = *rel;
	char path[PATH_MAX];
	const char *why;
	int k;

	if (lease_path(rel->root, rel->vmid, path) < 0 || release_postponed(rel->root, rel->vmid, &why))
		return 0;
	now.called_by_pve = true; /* as far as the lock goes */
	report_complain(rel->report, "VM %u does not run and nobody gave its GPUs back: doing it now", rel->vmid);
	k = release_run(&now, &u, e);
	if (k == -ENOENT)
		return 0;
	if (k == -EUCLEAN && u.stuck > 0 && u.failed == 0)
		return 1;
	if (k < 0)
		alarm_root(rel, e->text);
	return k;
}

static bool any_stuck(const struct root *r, unsigned int vmid)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	_cleanup_free_ struct bdf *all = NULL;
	bool stuck = false;
	struct stuck which;
	char path[PATH_MAX];
	size_t n;

	if (lease_path(r, vmid, path) < 0 || record_load(r, path, &rec, NULL) < 0 || lease_functions(&rec, &all, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		stuck |= stuck_find(r, all[i], &which) > 0;
	return stuck;
}

static int wait_for_stuck(const struct release *rel, struct err *e)
{
	while (any_stuck(rel->root, rel->vmid)) {
		if (interrupt_pending())
			return interrupted(e);
		sleep_ms(1000);
	}
	return 0;
}

/* One round: from Proxmox VE's lock to a settled lease, or to the next QEMU. */
static int watch_once(const struct release *rel, struct err *e)
{
	_cleanup_close_ int lock = -1;
	pid_t pid;
	int k;

	while ((k = pve_lock_try(rel->root, GUEST_VM, rel->vmid, &lock)) == -EBUSY) {
		if (interrupt_pending())
			return interrupted(e);
		sleep_ms(LOOK_MS);
	}
	if (k < 0)
		return err_errno(e, k, "cannot take Proxmox VE's lock of VM %u", rel->vmid);
	if (guest_running(rel->root, GUEST_VM, rel->vmid, &pid) <= 0) {
		k = settle(rel, e);
		close(TAKE_FD(lock));
		return k > 0 ? wait_for_stuck(rel, e) : k;
	}
	close(TAKE_FD(lock));
	k = wait_for_qemu(pid, e);
	return k < 0 ? k : wait_for_post_stop(rel, e);
}

int watch_run(const struct release *rel, struct err *e)
{
	char path[PATH_MAX];
	int k = sign_in(rel->root, rel->vmid, e);

	if (k < 0)
		return k;
	while (!sign_out(rel->root, rel->vmid)) {
		if (interrupt_pending())
			return interrupted(e);
		k = watch_once(rel, e);
		if (k < 0)
			break;
		sleep_ms(LOOK_MS);
	}
	if (k < 0)
		root_unlink(rel->root, watch_path(path, rel->vmid));
	return k;
}
