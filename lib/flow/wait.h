/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for processes that hold a card (processes = wait): until they have ended, or their time is up. */
#ifndef GPUPT_WAIT_H
#define GPUPT_WAIT_H

#include "flow/report.h"
#include "policy/facts.h"

struct wait {
	const struct root *root;
	const struct settings *settings;
	const struct report *report; /* is told who is waited for, and when that changes */
	uint64_t since;		     /* now_ms() when the start began to wait: its time is counted from there */
};

/*
 * Looks again and again for who holds the functions of f, as long as there is somebody who is waited for and whose time is not up.
 * Nothing is held meanwhile. 0: it is time to judge anew, by fresh facts; -EINTR: a signal asked to stop (base/interrupt.h); -errno.
 */
int wait_for_processes(const struct wait *w, struct facts *f, struct err *e);

/* Seconds that are left of limit; 0: time is up. */
unsigned int wait_left(const struct wait *w, unsigned int limit);

#endif
