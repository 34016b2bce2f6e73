/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What comes back late: services and containers that made room for a VM. Each is put back when the card that it was in the way of is
 * home, and not by whoever holds Proxmox VE's lock of the VM: the watcher does it, or release and reconcile. What survives a reboot is
 * put back after one wherever the card is: by gpupt-reconcile.service before the first guest starts, else by the watcher.
 */
#ifndef GPUPT_LATE_H
#define GPUPT_LATE_H

#include "flow/release.h"

/* Has the lease of vmid anything to put back now? False also without a lease, and if it cannot be read. */
bool late_due(const struct root *r, unsigned int vmid);

/*
 * Puts back what is due, in reverse order, and ends a lease that has nothing else. 0 (also if there is nothing to do); -EAGAIN: another
 * VM has the card by now, or a process that resets it, say; the node shuts down; or the cluster has no quorum, without which nothing of
 * a container can be changed (err says which): so it waits; -EBUSY: another process is at work on the lease; -EUCLEAN: something could
 * not be put back and stays on record; -errno. ret (may be NULL) counts.
 */
int late_run(const struct release *rel, struct undo_result *ret, struct err *e);

/* The same for a hook, which must not take long: the watcher does it; the hook itself only where none can be had. */
int late_delegate(const struct release *rel, struct err *e);

#endif
