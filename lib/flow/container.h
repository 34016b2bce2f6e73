/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The containers of this node whose configurations give them any device of the host, whichever. */
#ifndef GPUPT_CONTAINER_H
#define GPUPT_CONTAINER_H

#include "pve/ctdev.h"
#include "pve/guest.h"

struct container {
	struct config cfg; /* cfg.vmid is its id */
	struct ctdev_list devices; /* never empty */
};

struct container_list {
	struct container *v; /* by vmid */
	size_t n;
};

/*
 * Reads each container's file once; one without a word that such a line must have is not parsed. A file that vanishes meanwhile,
 * or that nobody can use, gives nothing. 0 (also with none, also without Proxmox VE) or -errno.
 */
int container_list_load(const struct root *r, struct container_list *ret, struct err *e);
/* Leaves out what is mounted from outside /dev, which may be a filesystem that does not answer. */
void container_list_keep_dev(struct container_list *l);
void container_list_done(struct container_list *l);
#define _cleanup_container_list_ _cleanup_(container_list_done)

#endif
