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
	bool wait;  /* up to stop-timeout for QEMU to let go */
	bool reset; /* as reset-at = stop has it */
};

/*
 * Waits until nobody holds the functions, resets AMD's cards, undoes their steps (after-stop = keep: to vfio-pci without our
 * override), with the last of them those that belong to no function (console, units), then NVIDIA's persistence mode; takes what
 * came back off the lease. A card that
 * does not answer stays where it is. which NULL: all functions of the lease. 0 (ret has what was left); -EBUSY: somebody
 * holds one, and nothing was changed; -errno.
 */
int giveback_run(const struct giveback *g, struct record *rec, const struct bdf_list *which, struct undo_result *ret,
		 struct err *e);

#endif
