/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the hand-over: what its files share. Nobody else includes this. */
#ifndef GPUPT_HANDOVER_WORK_H
#define GPUPT_HANDOVER_WORK_H

#include "flow/acquire.h"
#include "flow/handover.h"
#include "flow/holding.h"
#include "flow/observe.h"
#include "pve/guest.h"

/* What the start has done so that it can go on: it is tried again as long as that helps. */
struct room {
	uint64_t waiting_since; /* for processes; 0: not yet */
	struct guest_list shut; /* VMs that were shut down */
	uint64_t release_by;	/* until then they have to let go */
	bool settle;		/* it has not been tried yet whether their leases can be settled by us */
};

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
	bool renewed;		 /* adopted, but for what an earlier run has left to be put back late: it held no function any more */
	bool waited;		 /* stop-timeout, for whoever has a card of the adopted lease open */
	struct acquire acquire;
	int acquired;	    /* 0, or -EBUSY: another VM has a function, busy says which */
	struct err busy;
	struct findings *findings;
	size_t first; /* of the findings of this try */
	struct room room;
	struct err *e;
};

/* Does the lease hold b? ctx is a struct work. */
bool work_held(void *ctx, struct bdf b);

/* handover_lease.c: the lease that was there before, the one that is made, and what outlives it. 0 or -errno. */
int work_adopt(struct work *w);
int work_give_back_unnamed(struct work *w);
int work_open_lease(struct work *w);
int work_remember_homes(struct work *w);
/* After a failure: the lease ends, claims are dropped. Returns k, or -EUCLEAN if something could not be put back. */
int work_withdraw(struct work *w, int k);

/*
 * handover_room.c: what blocks is waited for or shut down, as the settings permit. 0: worth another try; in a dry run: what would be
 * done was told, and what blocked no longer does. HANDOVER_REFUSED: nothing can be done, or not any more; -errno.
 */
int work_make_room(struct work *w);

/*
 * handover_calls.c: waits for programs that another process has called to bring back what made room for this VM, or on account of a
 * function that is selected: what they leave half-way nobody could judge. What they have not been called for yet waits for us. 0,
 * -EINTR, -EBUSY (one does not end).
 */
int work_await_calls(struct work *w);

/* handover_tell.c: what a person and the journal read of a hand-over that was made. */
void work_tell(const struct work *w);

#endif
