/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "flow/handover_work.h"
#include "plan/turn.h"

#define CALLS_MS 600000 /* far beyond any shutdown-timeout: what is called has deadlines of its own */
#define LOOK_MS	 100

/* Are containers or services on their way back that had made room on account of a function which this start wants? */
static bool is_about_ours(const struct work *w, unsigned int vmid)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	char path[PATH_MAX];

	if (lease_path(w->h->root, vmid, path) < 0 || record_load(w->h->root, path, &rec, NULL) < 0)
		return false;
	for (size_t i = 0; i < rec.n_steps; i++) {
		const struct record_step *rs = &rec.steps[i];
		struct bdf b;

		if (!rs->step.kind->late || !record_step_in_flight(rs))
			continue;
		for (size_t n = 0; step_about_next(&rs->step, n, &b); n++)
			if (selection_find(&w->sel, b))
				return true;
	}
	return false;
}

/* The process whose calls have to end first, and the VM for which it is at work. */
static bool in_our_way(const struct work *w, struct proc_id *ret_who, unsigned int *ret_vmid)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (turn_callers(w->h->root, &names) < 0)
		return false;
	strv_foreach(name, &names)
		if (parse_vmid(name, ret_vmid) == 0 && turn_calling(w->h->root, *ret_vmid, ret_who) &&
		    (*ret_vmid == w->h->vmid || is_about_ours(w, *ret_vmid)))
			return true;
	return false;
}

/* In the task's log, where somebody wonders why it takes so long, and in the journal. */
static void tell(const struct work *w, struct proc_id who, unsigned int vmid)
{
	const struct log_entry entry = { .priority = LOG_NOTICE, .vmid = w->h->vmid };
	static const char fmt[] = "what made room for VM %u is on its way back: waiting for what process %d has begun, the rest stays as it is";

	report_say(w->h->report, fmt, vmid, (int)who.pid);
	log_write(&entry, fmt, vmid, (int)who.pid);
}

int work_await_calls(struct work *w)
{
	uint64_t deadline = now_ms() + CALLS_MS;
	struct proc_id who, told = { 0 };
	unsigned int vmid;

	while (in_our_way(w, &who, &vmid)) {
		if (interrupt_pending())
			return err_set(w->e, -EINTR, "interrupted (%s)", strsignal(interrupt_pending()));
		if (now_ms() >= deadline)
			return err_set(w->e, -EBUSY, "process %d does not end: it brings back what made room for VM %u", (int)who.pid, vmid);
		if (who.pid != told.pid)
			tell(w, who, vmid);
		told = who;
		sleep_ms(LOOK_MS);
	}
	return 0;
}
