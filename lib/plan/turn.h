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
/* Removes the turns of processes that are gone. The caller holds state_lock(). */
void turn_drop_dead(const struct root *r);

#endif
