/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which guests name a card in their configuration. Every file is read, few are parsed: a file without the
 * word that a key must contain is done after one search.
 */
#ifndef GPUPT_PVE_USE_H
#define GPUPT_PVE_USE_H

#include "base/bdf.h"
#include "pve/config.h"

struct guest_use {
	unsigned int vmid;
	enum guest_kind kind;
	bool running; /* now */
	bool mapped;  /* VM: through mapping=, perhaps as one choice among several */
	char key[32]; /* "hostpci0", "dev1", "lxc.mount.entry" … */
	char *value;  /* CT: the line's value; VM: NULL */
};

struct guest_uses {
	struct guest_use *v; /* by vmid, then in the file's order */
	size_t n;
};

/*
 * The VMs of this node whose current hostpciN cover one of the n functions. An entry that Proxmox VE would
 * not accept is passed over, and so is a guest whose file vanishes meanwhile. 0 (also with none) or -errno.
 */
int guest_vms_naming(const struct root *r, const struct bdf *functions, size_t n, struct guest_uses *ret,
		     struct err *e);

/* A device node of the card. */
struct guest_node {
	const char *path; /* "/dev/dri/renderD128"; a symbolic link to it is a node of its own */
	char type;	  /* 'c' or 'b' */
	unsigned int major, minor;
};

/*
 * The CTs of this node with a line that lets them reach one of the n nodes: devN, lxc.mount.entry of the node
 * or of a directory above it, lxc.cgroup.devices.allow and lxc.cgroup2.devices.allow of its numbers (not
 * those that allow every device, which single nothing out). Lines are reported, not judged. 0 or -errno.
 */
int guest_cts_naming(const struct root *r, const struct guest_node *nodes, size_t n, struct guest_uses *ret,
		     struct err *e);

void guest_uses_done(struct guest_uses *u);
#define _cleanup_guest_uses_ _cleanup_(guest_uses_done)

#endif
