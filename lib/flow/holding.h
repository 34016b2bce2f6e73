/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a lease holds, by function. */
#ifndef GPUPT_HOLDING_H
#define GPUPT_HOLDING_H

#include "flow/report.h"
#include "host/pci.h"
#include "plan/lease.h"
#include "plan/plan.h"

/*
 * Opens the lease of vmid for changes. One of an earlier boot loses its lapsed steps first, and one in two places its copy. 0, -ENOENT,
 * -EBUSY, -errno.
 */
int holding_open(const struct root *r, unsigned int vmid, struct record *ret, struct err *e);

/* Does the lease have an open driver step for b? */
bool holding_has(const struct record *rec, struct bdf b);
/* Does it have any open step for b but late ones? */
bool holding_any(const struct record *rec, struct bdf b);

/* Does it have an open step for any function, but late ones? */
bool holding_functions(const struct record *rec);
/* Is what the lease took from b the device that is there now? By the last driver step for it, open or not; false without one. */
bool holding_same_device(const struct record *rec, const struct root *r, struct bdf b);

/* The VM that has b by now, by its claim, and is not vmid; 0: none. What the lease says about b is out of date then. */
unsigned int holding_lost_to(const struct record *rec, unsigned int vmid, struct bdf b);

/*
 * Is s a late step whose time has come: the function on whose account it was made is off the lease? One of no function in particular
 * waits for all, and one that survives a reboot after one for none. ctx is the record: an undo_filter_fn.
 */
bool holding_late_due(void *ctx, const struct step *s);
/* Is anything open that is not late? */
bool holding_early(const struct record *rec);

/* Functions that no longer stand as the lease left them: by a crash, or by somebody else. 0 or -ENOMEM. */
int holding_broken(const struct engine *en, const struct record *rec, struct bdf_list *ret);

/* Takes functions without an open step off the lease's list and drops their claims and reservations. 0 or -errno. */
int holding_forget(struct record *rec, unsigned int vmid, const struct bdf_list *which, struct err *e);

/*
 * Functions that are another VM's by now: their steps, and those on their account, are left as that one has set them, but for late
 * ones, and they go off the list. Told. 0 or -errno.
 */
int holding_give_up(struct record *rec, unsigned int vmid, const struct bdf_list *lost, const struct report *report, struct err *e);

/*
 * Reserves the lease's functions for vmid in Proxmox VE's own list for that long: it drops its own reservation before post-stop, and of a
 * mapping's alternatives would then choose one for another VM that this one still has. holding_forget() takes it off. Best effort.
 */
void holding_reserve(const struct record *rec, unsigned int vmid, unsigned int seconds);

/* Removes a lease with nothing open: record, then claims. 0 (also if it stays) or -errno. */
int holding_close(struct record *rec, unsigned int vmid, struct err *e);

#endif
