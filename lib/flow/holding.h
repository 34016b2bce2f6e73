/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a lease holds, by function. */
#ifndef GPUPT_HOLDING_H
#define GPUPT_HOLDING_H

#include "host/pci.h"
#include "plan/lease.h"
#include "plan/plan.h"

/* Opens the lease of vmid for changes. One of an earlier boot loses its lapsed steps first. 0, -ENOENT, -EBUSY, -errno. */
int holding_open(const struct root *r, unsigned int vmid, struct record *ret, struct err *e);

/* Does the lease have an open driver step for b? */
bool holding_has(const struct record *rec, struct bdf b);
/* Does it have any open step for b? */
bool holding_any(const struct record *rec, struct bdf b);

/* Functions that no longer stand as the lease left them: by a crash, or by somebody else. 0 or -ENOMEM. */
int holding_broken(const struct engine *en, const struct record *rec, struct bdf_list *ret);

/* Takes functions without an open step off the lease's list and drops their claims and reservations. 0 or -errno. */
int holding_forget(struct record *rec, unsigned int vmid, const struct bdf_list *which, struct err *e);

/* Removes a lease with nothing open: record, then claims. 0 (also if it stays) or -errno. */
int holding_close(struct record *rec, unsigned int vmid, struct err *e);

#endif
