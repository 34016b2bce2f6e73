/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What processes of ours that were killed have left in /run/gpupt besides leases. */
#ifndef GPUPT_SWEEP_H
#define GPUPT_SWEEP_H

#include "base/root.h"

/*
 * Removes claims that count no more, with Proxmox VE's reservation of their function if nobody works on that VM and it does not
 * run; turns of processes that are gone; temporary files of theirs. What cannot be removed stays: it counts for nothing.
 */
void sweep_run(const struct root *r);

#endif
