/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What paths lead to, as far as it is about device nodes: many at once, of which some may lie on a filesystem that does not answer
 * (a container is given a directory of a server that is gone). Those outside /dev are looked at by a child with a deadline.
 */
#ifndef GPUPT_HOST_RDEV_H
#define GPUPT_HOST_RDEV_H

#include "host/manifest.h"

struct rdev {
	int r;	      /* 0: a character device; -ENOTTY: something else; -ENOENT; -ETIMEDOUT: no answer; -errno */
	dev_t dev;    /* its number */
	struct root_own own; /* whose it is; without a mode if that is not known */
	bool is_dir;  /* with -ENOTTY */
	bool on_dev;  /* a directory on the filesystem of /dev; in a captured tree, below /dev */
};

/* Looks at n paths, links followed. manifest as manifest_rdev() wants it. 0 with *ret (free it), or -ENOMEM. */
int rdev_load(const struct root *r, const struct manifest *manifest, const char *const paths[], size_t n, struct rdev **ret);

#endif
