/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns: one process at a time works on a VM's lease. Hooks, release and reconcile meet here. */
#ifndef GPUPT_TURN_H
#define GPUPT_TURN_H

#include "base/proc.h"

/* Waits at most wait_ms for the other to end. 0; -EBUSY (err names the process); -errno. Not a lock: a dead process' turn is over. */
int turn_take(const struct root *r, unsigned int vmid, unsigned int wait_ms, struct err *e);
/* Is it somebody else's turn? */
bool turn_taken(const struct root *r, unsigned int vmid);
void turn_leave(const struct root *r, unsigned int vmid);

/*
 * Leaves the turn, with a word that programs which this process calls for the lease are under way: whoever has the turn next, and whom
 * they would be in the way of, waits for them, and others do not call them a second time. turn_called(): they have ended. 0; -errno: that
 * cannot be written down, so the turn was not left.
 */
int turn_call(const struct root *r, unsigned int vmid, struct err *e);
void turn_called(const struct root *r, unsigned int vmid);
/* Are programs under way that another process has called for the lease of vmid? ret_who may be NULL. */
bool turn_calling(const struct root *r, unsigned int vmid, struct proc_id *ret_who);
/* The VMs of which that is to be asked, perhaps in vain. 0 or -errno; free *ret. */
int turn_callers(const struct root *r, struct strv *ret);
/* Removes the turns, and words, of processes that are gone. The caller holds state_lock(). */
void turn_drop_dead(const struct root *r);

#endif
