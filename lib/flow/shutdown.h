/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMs that take turns (vms = shutdown): the one that has a card is shut down by Proxmox VE, and its own post-stop, or whoever
 * settles it, gives the card back. Nothing of its lease is touched here. It is no step of the start, and is not undone with it.
 */
#ifndef GPUPT_SHUTDOWN_H
#define GPUPT_SHUTDOWN_H

#include "flow/report.h"
#include "policy/obstacles.h"

struct shutdown {
	const struct root *root;
	const struct report *report;
	unsigned int for_vmid;	      /* that starts */
	bool dry_run;		      /* Proxmox VE's lock is not even tried: the file might be made by it */
	const struct obstacle_vm *vm; /* that has the card */
	struct findings *found;	      /* gets the reason of a refusal */
};

#define SHUTDOWN_REFUSED 1 /* no errno: a finding has why */

/*
 * May it be shut down for another? Not if it does not run, or HA manages it, or its configuration is locked. So of two VMs that
 * start at once neither is shut down for the other, and nobody waits for a lock that waits for him. 0 or SHUTDOWN_REFUSED.
 */
int shutdown_allowed(const struct shutdown *s);

/*
 * `qm shutdown`, and after its time, only if that is permitted, `qm stop`. 0: it runs no more; SHUTDOWN_REFUSED; -EINTR: a signal
 * asked us to stop (base/interrupt.h), and the VM is as it is by then; -errno.
 */
int shutdown_run(const struct shutdown *s, struct err *e);

#define SHUTDOWN_RELEASE_S 30 /* gpupt-settle@ gives post-stop as long (GRACE_MS in watch.c) */

/*
 * Waits until a VM that was shut down has let go of the functions of f, at most until now_ms() is deadline: QEMU is gone, and claims
 * and reservations with it. *settle: it is enough that nobody works on the VM, so that who acquires the functions can settle its
 * lease; cleared if that is why it is over, since it helps once or never. 0: try; SHUTDOWN_REFUSED; -EINTR; -errno.
 */
int shutdown_wait(const struct shutdown *s, struct facts *f, uint64_t deadline, bool *settle, struct err *e);

#endif
