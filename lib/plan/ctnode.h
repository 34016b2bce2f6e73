/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets and values of the ctnode step: a device node in a running container that belongs to a card of the host. */
#ifndef GPUPT_CTNODE_H
#define GPUPT_CTNODE_H

#include "plan/path.h"
#include "plan/step.h"

#define CTNODE_ALLOW_LEN 16 /* four kinds of access to one node: "r+rw+rwm" is all that is written in practice */

struct ctnode {
	unsigned int vmid;
	struct bdf bdf; /* the function, what it is, and what the node is to it */
	char identity[IDENTITY_LEN];
	char role[PATH_ROLE_LEN];
	dev_t dev; /* the number that the node has in the container now, as its device cgroup has it */
	/*
	 * The first process. A container that was started again is another one: its nodes were made at that start, of what was there then.
	 */
	struct proc_id init;
	/* How the container's rules for its device cgroup allow that number, each: "rw", "rw+rwm"; "" without such a rule. */
	char allow[CTNODE_ALLOW_LEN];
	char *path; /* in the container: the node, or the directory that is mounted there */
	char *from; /* the directory of the host that is mounted there, with the node in it; NULL for a node */
};

void ctnode_done(struct ctnode *n);
#define _cleanup_ctnode_ _cleanup_(ctnode_done)

/* "lxc/200 0000:01:00.0 1002:73bf/1da2:e438 renderD 226:128 init=4711,123456 allow=rw node=/dev/dri/renderD128", or "… dir=/dev/dri from=/dev/dri" */
void ctnode_target(const struct ctnode *n, struct text *t);
/* Only what ctnode_target() writes. 0, -EINVAL, -ENOMEM. */
int ctnode_parse(const char *target, struct ctnode *ret);
/* Adds another access to n->allow, unless it is there; what is none, or does not fit, is left out. */
void ctnode_allow(struct ctnode *n, const char *access);

/*
 * Takes n->dev from the container while that is the number of another card. The step that waits for its own puts that right. In a container
 * without privileges, too, which is allowed everything but what is denied. 0 (also if it has ended, or has no rule about it) or -errno.
 */
int ctnode_deny(const struct engine *en, const struct ctnode *n, struct err *e);

/*
 * Values. NULL: the card has no such node on the host now, so that nothing in the container is one. CTNODE_HOST: the host's own node, or
 * directory, is mounted there. "0:44 0660": a node of the container's own with the number of the card's, its owner and mode as the host
 * sees them. "stale …": it was the card's and is not any more. Everything else is somebody else's doing.
 */
#define CTNODE_HOST	 "host"
#define CTNODE_STALE	 "stale"
#define CTNODE_UNCOVERED "another directory" /* where a directory was to be mounted, and is not; of our own making only in flight */

struct ctnode_value {
	bool host;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* Of a value that a node can be given: CTNODE_HOST or "0:44 0660". 0 or -EINVAL (NULL among others). */
int ctnode_value_parse(const char *value, struct ctnode_value *ret);

#endif
