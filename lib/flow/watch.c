/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/wait.h>

#include "base/interrupt.h"
#include "base/unit.h"
#include "flow/watch.h"
#include "flow/watch_look.h"
#include "plan/lease.h"
#include "plan/state.h"
#include "plan/turn.h"

#define WATCH_DIR STATE_RUN "/watch"

#define START_WAIT_MS 5000 /* for systemd to have the watcher running */
#define BEHIND_MS     1000 /* between two looks for the end of another watcher; of START_WAIT_MS, where a start waits for us */

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

int watch_over_rest(const struct release *rel)
{
	struct err e = { "" };
	int k = watch_ensure(rel->root, rel->vmid, &e);

	if (k < 0)
		report_complain(rel->report, "nobody watches over what is left of VM %u, try 'gpupt-helper reconcile %u' later: %s", rel->vmid,
				rel->vmid, e.text);
	return k;
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

/* A pause that a signal ends. */
static void pause_for(unsigned int ms)
{
	uint64_t deadline = now_ms() + ms;

	while (!interrupt_pending() && now_ms() < deadline)
		sleep_ms(WATCH_LOOK_MS);
}

/*
 * Somebody watches already: one that systemd could not end in time, or a person's. He may end before the lease does, and systemd would
 * start nobody in his place: so we wait for that.
 */
static int sign_in_behind(const struct release *rel, struct err *e)
{
	bool told = false;
	int k;

	while ((k = sign_in(rel->root, rel->vmid, e)) == -EEXIST) {
		if (interrupt_pending())
			return err_set(e, -EINTR, "interrupted: another process watches over VM %u", rel->vmid);
		if (!told)
			report_complain(rel->report, "%s: waiting for its end", e->text);
		told = true;
		pause_for(BEHIND_MS);
	}
	return k;
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

int watch_run(const struct release *rel, struct err *e)
{
	struct watcher w;
	int k = sign_in_behind(rel, e);

	if (k < 0)
		return k;
	watcher_init(&w, rel);
	while (!sign_out(rel->root, rel->vmid)) {
		if (interrupt_pending()) {
			k = err_set(e, -EINTR, "interrupted: what is left to do stays on record");
			break;
		}
		watch_look(&w);
		pause_for(w.pause_ms);
		/* children that were late to read something, and have ended since */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	watcher_done(&w);
	return k;
}
