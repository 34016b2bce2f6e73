/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GPUPT_DAMAGED_H
#define GPUPT_DAMAGED_H

#include "flow/release.h"

/* Where what is left of a damaged lease is kept for a person to read. */
char *damaged_kept(char path[static PATH_MAX], unsigned int vmid);

/*
 * Puts a lease that can be read in the place of one that cannot, which is kept aside: it has the functions that are the VM's by their
 * claims, and says of each that it goes home, by what is known of that without the lease. Nothing is moved: the new lease is given back
 * like any other. The caller has the VM's turn. 0; -EBUSY: the VM runs; -errno.
 */
int damaged_mend(const struct release *rel, struct err *e);

#endif
