/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guests of all nodes: /etc/pve is the same everywhere, and has a directory for each node (pmxcfs). */
#ifndef GPUPT_PVE_CLUSTER_H
#define GPUPT_PVE_CLUSTER_H

#include "pve/config.h"
#include "pve/mapping.h"

struct cluster_guest {
	char node[NODE_NAME_MAX];
	enum guest_kind kind;
	unsigned int vmid;
};

struct cluster {
	struct cluster_guest *v; /* by id, which the whole cluster has once */
	size_t n;
};

/* No guest's file is opened. 0 (also without Proxmox VE) or -errno. */
int cluster_load(const struct root *r, struct cluster *ret, struct err *e);
void cluster_done(struct cluster *c);
#define _cleanup_cluster_ _cleanup_(cluster_done)

/* config_load() of a guest of any node. */
int cluster_config(const struct root *r, const struct cluster_guest *g, struct config *ret, struct err *e);

#endif
