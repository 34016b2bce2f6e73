/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a lease holds: its open steps by function, and giving some or all of them back. */
#ifndef GPUPT_HOLDING_H
#define GPUPT_HOLDING_H

#include "host/pci.h"
#include "plan/lease.h"
#include "plan/plan.h"

/* Opens the lease of vmid for changes. One of an earlier boot loses its lapsed steps first. 0, -ENOENT, -errno. */
int holding_open(const struct root *r, unsigned int vmid, struct record *ret, struct err *e);

/* Does the lease have an open driver step for b? */
bool holding_has(const struct record *rec, struct bdf b);

/*
 * Puts back what no longer stands as the lease left it: steps that a crash cut in half, functions that somebody else has moved
 * (these are left, and off the lease). 0 or -errno.
 */
int holding_mend(const struct engine *en, struct record *rec, unsigned int vmid, struct err *e);

/* Puts back all functions of the lease that are not in `keep`. 0 or -errno. */
int holding_keep_only(const struct engine *en, struct record *rec, unsigned int vmid, const struct bdf_list *keep, struct err *e);

/*
 * Puts back the functions of which: their own steps, and with the last of them the steps that belong to no function (console,
 * units). Drops the claims of those that have nothing open any more and takes them off the lease's list.
 */
int holding_give_back(const struct engine *en, struct record *rec, unsigned int vmid, const struct bdf_list *which,
		      struct undo_result *ret, struct err *e);

/* Removes a lease with nothing open: claims, then record. 0 (also if it stays) or -errno. */
int holding_close(struct record *rec, unsigned int vmid, struct err *e);

#endif
