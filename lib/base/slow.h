/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that make their reader wait, in the kernel and perhaps for ever: for a driver's lock, for hardware,
 * for the firmware, for a process's memory map (/proc/PID/cmdline). A child with a deadline reads them; one
 * that is late is killed, which takes effect when the kernel lets go of it.
 */
#ifndef GPUPT_SLOW_H
#define GPUPT_SLOW_H

#include "base/bounded.h"

#define SLOW_MS 4000 /* to read one file: microseconds, but the child has to get a turn on a busy host first */

/* Zeroed memory for slow_call(), which parent and child both see; NULL without memory. */
void *slow_map(size_t size);
void slow_unmap(void *shared, size_t size);

/* bounded_call() for an fn that only reads. 0, -ETIMEDOUT (given up), -errno. */
int slow_call(const struct root *r, bounded_fn *fn, void *shared, unsigned int timeout_ms);

/* root_read() within SLOW_MS. 0, -ETIMEDOUT (given up), -errno. */
int slow_read(const struct root *r, const char *path, size_t max, char **ret, size_t *ret_len);
/* root_read_line() within SLOW_MS. 0, -ETIMEDOUT (given up), -errno. */
int slow_read_line(const struct root *r, const char *path, char *buf, size_t size);

#endif
