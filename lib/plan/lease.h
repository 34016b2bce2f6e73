/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A lease: the record of what a VM was given. Its notes say since when, by which boot, and how it was taken. */
#ifndef GPUPT_LEASE_H
#define GPUPT_LEASE_H

#include "plan/record.h"

/* The keys of its notes. */
#define LEASE_BOOT   "boot"   /* boot id: in another boot the steps that don't survive a reboot have lapsed */
#define LEASE_SINCE  "since"  /* seconds since the epoch */
#define LEASE_CARDS  "cards"  /* the functions, separated by blanks */
#define LEASE_LOCK   "lock"   /* the VM's lock: when it was taken ("backup") */
#define LEASE_QEMU   "qemu"   /* "PID START" of the QEMU that has them */

/* Where the lease of vmid is. 0, -ENOENT if there is none, -errno if that cannot be told. */
int lease_path(const struct root *r, unsigned int vmid, char ret[static PATH_MAX]);
/* A new one: in /var/lib/gpupt if a step of it survives a reboot, else in /run/gpupt. */
int lease_create(const struct root *r, unsigned int vmid, bool survives_reboot, struct record *ret, struct err *e);
/* Moves an open one to /var/lib/gpupt, for steps to come that survive a reboot. The caller has the VM's turn. 0 or -errno. */
int lease_keep(struct record *rec, unsigned int vmid, struct err *e);
/* Removes the copy in /var/lib/gpupt that a lease_keep() which was cut short has left: the one in /run/gpupt has counted since. */
void lease_drop_copy(const struct record *rec, unsigned int vmid);
/* The VMs that have one, ascending. 0 or -errno; free *ret. */
int lease_all(const struct root *r, unsigned int **ret, size_t *ret_n);
/*
 * Calls fn for each lease whose steps of this boot are in force still, as it can be read without the means to change it; one that cannot be
 * read is passed over. 0 or -errno.
 */
typedef void lease_each_fn(void *ctx, unsigned int vmid, const struct record *rec);
int lease_each(const struct root *r, lease_each_fn *fn, void *ctx);
/* Is it from an earlier boot? */
bool lease_is_old(const struct root *r, const struct record *rec);
/* The functions of a lease: those of its list, and those of its open steps. 0 or -errno; free *ret. */
int lease_functions(const struct record *rec, struct bdf **ret, size_t *ret_n);
/* Does vmid's lease name b, in its list or by an open step? An unreadable lease names everything: better refused than lost. */
bool lease_names(const struct root *r, unsigned int vmid, struct bdf b);
int lease_set_functions(struct record *rec, const struct bdf *b, size_t n, struct err *e);

#endif
