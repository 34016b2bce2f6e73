/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claims: which VM owns a function, or that it is being reset. One file per function in /run/gpupt/claim, made for all
 * functions of a hand-over or for none, under the one short lock; the claim outlives the lock and the process that made it.
 */
#ifndef GPUPT_CLAIM_H
#define GPUPT_CLAIM_H

#include "base/proc.h"
#include "host/pci.h"

enum claim_kind { CLAIM_VM, CLAIM_RESET };

/* In the place of a VMID: the claim is for a reset. It belongs to the process that makes it, and ends with it. */
#define CLAIM_FOR_RESET 0u

struct claim {
	struct bdf bdf;
	enum claim_kind kind;
	unsigned int vmid; /* of CLAIM_VM; else 0 */
	struct proc_id owner; /* who made it; a claim that no lease stands behind lives as long as its owner */
	char boot_id[BOOT_ID_LEN];
};

/* 1 if somebody owns b now (ret filled), 0 if not: claims of an earlier boot and of a dead process without a lease don't count. */
int claim_find(const struct root *r, struct bdf b, struct claim *ret);
/* What vmid owns now. 0 or -errno. */
int claim_all(const struct root *r, unsigned int vmid, struct bdf_list *ret);
/* Is it vmid's? With CLAIM_FOR_RESET: is it for a reset by this very process? */
bool claim_is_of(const struct root *r, const struct claim *c, unsigned int vmid);
/*
 * Claims n functions for vmid, or CLAIM_FOR_RESET, all or none. The caller holds state_lock(). 0; -EBUSY with the first conflict in
 * ret; -errno. What vmid owns already stays its own.
 */
int claim_take(const struct root *r, const struct bdf *b, size_t n, unsigned int vmid, struct claim *ret_conflict,
	       struct err *e);
/*
 * Gives b up if vmid owns it, or, with CLAIM_FOR_RESET, a reset by this process. Takes state_lock(), without which it drops nothing:
 * such a claim ends with its lease or its maker.
 */
void claim_drop(const struct root *r, struct bdf b, unsigned int vmid);
/* Removes the claims that count no more and returns them. The caller holds state_lock(). 0 or -errno; free *ret. */
int claim_drop_dead(const struct root *r, struct claim **ret, size_t *ret_n);

#endif
