/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hookscripts of the cluster's guests, each file looked at once. */
#ifndef GPUPT_HOOK_FINDER_H
#define GPUPT_HOOK_FINDER_H

#include "helper/hook_script.h"
#include "pve/cluster.h"

struct hook_finder {
	const struct root *r;
	char here[NODE_NAME_MAX]; /* this node, "" if that cannot be told */
	struct hook_seen *seen;
	size_t n_seen;
};

void hook_finder_init(const struct root *r, struct hook_finder *ret);
void hook_finder_done(struct hook_finder *f);
#define _cleanup_hook_finder_ _cleanup_(hook_finder_done)

/* Is the guest on this node? */
bool hook_finder_here(const struct hook_finder *f, const struct cluster_guest *g);

/*
 * What volid (NULL: none) is where the guest is. What storage.cfg says holds for every node; what is in a directory does only if that
 * is shared with this one. 0 or -ENOMEM.
 */
int hook_find(struct hook_finder *f, const struct cluster_guest *g, const char *volid, struct hook_script *ret);

#endif
