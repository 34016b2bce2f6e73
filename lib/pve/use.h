/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which VMs name a card in their configuration. (Containers name device nodes: ctdev.h.) */
#ifndef GPUPT_PVE_USE_H
#define GPUPT_PVE_USE_H

#include "base/bdf.h"
#include "pve/config.h"

struct guest_use {
	unsigned int vmid;
	bool running; /* now */
	bool mapped;  /* through mapping=, perhaps as one choice among several */
	char key[16]; /* "hostpci0" */
};

struct guest_uses {
	struct guest_use *v; /* by vmid, then by key */
	size_t n;
};

/*
 * The VMs of this node whose current hostpciN cover one of the n functions. An entry that Proxmox VE would
 * not accept is passed over, and so is a guest whose file vanishes meanwhile. 0 (also with none) or -errno.
 */
int guest_vms_naming(const struct root *r, const struct bdf *functions, size_t n, struct guest_uses *ret,
		     struct err *e);

void guest_uses_done(struct guest_uses *u);
#define _cleanup_guest_uses_ _cleanup_(guest_uses_done)

#endif
