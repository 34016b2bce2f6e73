/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the hand-over: what its files share. Nobody else includes this. */
#ifndef GPUPT_HANDOVER_WORK_H
#define GPUPT_HANDOVER_WORK_H

#include "flow/acquire.h"
#include "flow/handover.h"
#include "flow/holding.h"
#include "flow/observe.h"
#include "pve/guest.h"

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

/* Does the lease hold b? ctx is a struct work. */
bool work_held(void *ctx, struct bdf b);

/* handover_lease.c: the lease that was there before, the one that is made, and what outlives it. 0 or -errno. */
int work_adopt(struct work *w);
int work_give_back_unnamed(struct work *w);
int work_open_lease(struct work *w);
int work_remember_homes(struct work *w);
void work_remember_sharers(struct work *w);
/* After a failure: the lease ends, claims are dropped. Returns k, or -EUCLEAN if something could not be put back. */
int work_withdraw(struct work *w, int k);

/* handover_tell.c: what a person and the journal read of a hand-over that was made. */
void work_tell(const struct work *w);

#endif
