/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which nodes of a card are in a container: a look at its directories from outside, below /proc/PID/root of its init. What is there
 * is the container's, so nothing is followed and nothing waited for: a child with a deadline looks, by device number, through no
 * symbolic link, so deep and at so many entries.
 */
#ifndef GPUPT_HOST_INSIDE_H
#define GPUPT_HOST_INSIDE_H

#include "base/proc.h"
#include "host/manifest.h"
#include "host/nodes.h"

#define INSIDE_PATH_LEN 192

struct inside_place {
	struct proc_id init;   /* of the container */
	const struct strv *in; /* the directories, absolute: "/dev" */
};

struct inside {
	struct inside_node {
		size_t place; /* index of the place that was asked for */
		dev_t dev;
		char path[INSIDE_PATH_LEN]; /* in the container; cut if it is longer */
	} * v; /* by place; no more than INSIDE_EACH of one number at one place */
	size_t n;
	bool *unsure; /* of each place: it did not answer in time, has too much, or cannot be looked at */
};

#define INSIDE_EACH 4

/*
 * Looks at n places for the numbers of nodes. manifest stands for device numbers in a captured tree. A container that has ended
 * has nothing. 0 or -errno.
 */
int inside_find(const struct root *r, const struct manifest *manifest, const struct inside_place *places, size_t n,
		const struct node_list *nodes, struct inside *ret);
void inside_done(struct inside *l);
#define _cleanup_inside_ _cleanup_(inside_done)

#endif
