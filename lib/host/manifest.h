/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A captured tree's list of device numbers (NODE_MANIFEST of nodes.h): it can hold neither nodes nor
 * descriptors.
 */
#ifndef GPUPT_HOST_MANIFEST_H
#define GPUPT_HOST_MANIFEST_H

#include <sys/types.h>

#include "base/root.h"

struct manifest {
	struct manifest_entry {
		dev_t dev;
		bool block;
		char *path;
	} * v; /* by path */
	size_t n;
};

/* From its text, cut in place; lines that are neither `c` nor `b` lines are left out. 0 or -ENOMEM. */
int manifest_parse(char *text, struct manifest *ret);
/* A tree without the list has an empty one. 0 or -errno. */
int manifest_load(const struct root *r, struct manifest *ret);
void manifest_done(struct manifest *m);
#define _cleanup_manifest_ _cleanup_(manifest_done)
/* The number of the character device at path ("/dev/dri/card0", "/proc/7/fd/3"). 0 or -ENOENT. */
int manifest_find(const struct manifest *m, const char *path, dev_t *ret);
/* The same of a character or block device. */
int manifest_find_any(const struct manifest *m, const char *path, dev_t *ret, bool *ret_block);
/* node_rdev() of nodes.h for whoever asks about many paths: with the list loaded before, which a real root does not need. */
int manifest_rdev(const struct root *r, const struct manifest *m, const char *path, dev_t *ret);

#endif
