/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work that can hang in the kernel, done by a child with a deadline. An unbind waits in the kernel for whoever holds the
 * device, unkillable; a read of driver_override waits for the same device lock (drivers/pci/pci-sysfs.c,
 * driver_override_show). The child holds no descriptor of ours, so that a caller waiting for EOF on our pipes gets it.
 */
#ifndef GPUPT_BOUNDED_H
#define GPUPT_BOUNDED_H

#include "base/proc.h"

/* Writes value to an attribute. 0, -errno of the write, or -ETIMEDOUT: then the child lives on and *ret_child names it. */
int bounded_write(const struct root *r, const char *path, const char *value, unsigned int timeout_ms,
		  struct proc_id *ret_child);

/* Reads an attribute's first line into buf. 0, -errno, or -ETIMEDOUT with *ret_child as above. */
int bounded_read(const struct root *r, const char *path, char *buf, size_t size, unsigned int timeout_ms,
		 struct proc_id *ret_child);

/*
 * Runs fn in a child of that kind. What it finds it writes to shared: memory that both see, mapped with MAP_SHARED by
 * the caller, and the only thing that comes back. 0, -ETIMEDOUT with *ret_child, -EIO (the child died), -errno.
 */
typedef void bounded_fn(const struct root *r, void *shared);
int bounded_call(const struct root *r, bounded_fn *fn, void *shared, unsigned int timeout_ms, struct proc_id *ret_child);

#endif
