/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "flow/observe.h"
#include "flow/wait.h"
#include "policy/obstacles.h"

#define LOOK_MS 500 /* a look at ten thousand processes takes a tenth of that */

unsigned int wait_left(const struct wait *w, unsigned int limit)
{
	uint64_t gone = (now_ms() - w->since) / 1000;

	return gone < limit ? limit - (unsigned int)gone : 0;
}

/* Told once, and again when it is somebody else. */
static void tell(const struct wait *w, const char *who, unsigned int left, struct text *told)
{
	const struct log_entry entry = { .priority = LOG_INFO, .vmid = w->report->vmid };

	if (told->len && strcmp(text_str(told), who) == 0)
		return;
	text_done(told);
	*told = (struct text){ 0 };
	text_add(told, who);
	report_say(w->report, "VM %u waits, %u s at most, for %s", w->report->vmid, left, who);
	log_write(&entry, "VM %u waits, %u s at most, for %s", w->report->vmid, left, who);
}

int wait_for_processes(const struct wait *w, struct facts *f, struct err *e)
{
	_cleanup_text_ struct text told = { 0 };

	for (;;) {
		_cleanup_text_ struct text who = { 0 };
		unsigned int left = wait_left(w, obstacles_wait(f, w->settings));
		int k;

		/* nobody any more, or for too long */
		if (left == 0)
			return 0;
		obstacles_waited(f, w->settings, &who);
		tell(w, text_str(&who), left, &told);
		sleep_ms(LOOK_MS);
		if (interrupt_pending())
			return err_set(e, -EINTR, "interrupted (%s) while VM %u waited for %s", strsignal(interrupt_pending()),
				       w->report->vmid, text_str(&who));
		k = facts_look_for_holders(w->root, f, e);
		if (k < 0)
			return k;
	}
}
