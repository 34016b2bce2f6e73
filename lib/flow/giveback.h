/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one way back: functions of a lease go home, at a stop, after a failed start, when a configuration no longer names
 * them, when a crash left them half-way.
 */
#ifndef GPUPT_GIVEBACK_H
#define GPUPT_GIVEBACK_H

#include "flow/report.h"
#include "host/pci.h"
#include "plan/plan.h"
#include "policy/settings.h"

struct giveback {
	const struct root *root;
	const struct settings *settings;
	const struct report *report;
	unsigned int vmid;
	/*
	 * When whoever waits for all this began to wait; 0: nobody does. Proxmox VE's own waiters give up after 10 s (lock_config() in
	 * PVE/QemuConfig.pm), so that with time over nothing more is begun: the caller sees to it that a watcher goes on with what is left.
	 */
	uint64_t since;
	bool wait;  /* up to stop-timeout for QEMU to let go */
	bool reset; /* as reset-at = stop has it */
};

/*
 * Waits until nobody holds the functions that are out, resets AMD's cards among them, undoes their steps (after-stop = keep: to vfio-pci
 * without our override), and with the last of a function those made on its account (the console); takes what came back off the lease. A
 * card that does not answer, or has active virtual functions, stays where it is; late steps stay for late.h. which NULL: all functions of
 * the lease. 0 (ret has what was left, unless it was not begun for want of time); -EBUSY: the VM runs; -EUCLEAN: somebody else holds one;
 * -ESHUTDOWN: the node shuts down; in these nothing was changed; -errno.
 */
int giveback_run(const struct giveback *g, struct record *rec, const struct bdf_list *which, struct undo_result *ret,
		 struct err *e);

#endif
