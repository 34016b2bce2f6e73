/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stuck functions: a child of ours still waits in the kernel for this function's device lock. As long as that very process
 * lives, nothing may touch the function's attributes: whoever does hangs as well.
 */
#ifndef GPUPT_STUCK_H
#define GPUPT_STUCK_H

#include "base/bdf.h"
#include "base/proc.h"

struct stuck {
	struct bdf bdf;
	struct proc_id child;
	char what[96]; /* the write that does not return */
};

/* Remembers it, or forgets to: a failure to write is told by -errno and changes nothing. */
int stuck_remember(const struct root *r, const struct stuck *s, struct err *e);
/* 1 if the function is stuck now (ret filled), 0 if not. A child that has ended is forgotten by stuck_forget(), not here. */
int stuck_find(const struct root *r, struct bdf b, struct stuck *ret);
/* Removes the memory of children that have ended. */
void stuck_forget(const struct root *r, struct bdf b);
/* All functions that are stuck now. 0 or -errno; free *ret. */
int stuck_all(const struct root *r, struct stuck **ret, size_t *ret_n);

/* bounded_write()/bounded_read() for a function's attribute: -EBUSY if it is stuck, and remembered as stuck on -ETIMEDOUT. */
int stuck_write(const struct root *r, struct bdf b, const char *path, const char *value, unsigned int timeout_ms,
		struct err *e);
int stuck_read(const struct root *r, struct bdf b, const char *path, char *buf, size_t size, unsigned int timeout_ms,
	       struct err *e);

#endif
