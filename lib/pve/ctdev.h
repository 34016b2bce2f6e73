/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container's configuration gives it of the host's device nodes: `devN` of Proxmox VE, and the raw lines of LXC for mounts
 * and for the device cgroup. Only the current section; what Proxmox VE or LXC would refuse or pass over is passed over here.
 * Whether a node exists, and whose it is, is for the host to say.
 */
#ifndef GPUPT_PVE_CTDEV_H
#define GPUPT_PVE_CTDEV_H

#include <sys/types.h>

#include "pve/config.h"

#define CTDEV_NODE_MAX 256 /* dev0 … dev255: $MAX_DEVICES in PVE/LXC/Config.pm */

enum ctdev_kind {
	CTDEV_NODE,  /* devN: Proxmox VE makes a copy of the node, and allows its number (PVE/LXC.pm, lxc-pve-prestart-hook) */
	CTDEV_MOUNT, /* lxc.mount.entry: a bind mount of a node or a directory; or a whole devtmpfs, which is as one of /dev */
	CTDEV_ALLOW, /* lxc.cgroup2.devices.allow, lxc.cgroup.devices.allow: a number, or many, and no node */
};

struct ctdev {
	enum ctdev_kind kind;
	size_t line;  /* index in config.lines */
	char key[32]; /* "dev0", "lxc.mount.entry" … */
	/*
	 * On the host, absolute: a node, or for CTDEV_MOUNT perhaps a directory. CTDEV_ALLOW: NULL, unless the line names a path in
	 * the place of numbers, as newer LXC allows (device_cgroup_rule_parse_devpath() in its cgfsng.c).
	 */
	char *path;
	char *target;  /* in the container, absolute, without a '/' at its end; NULL for CTDEV_ALLOW */
	bool optional; /* CTDEV_MOUNT: the container starts without it, too */
	char create;   /* CTDEV_MOUNT: 'f' or 'd' with create=file or create=dir, else 0 */
	/* CTDEV_ALLOW without a path; type 'a' is both kinds. Of access "r", "w", "m", m alone does not let it open the device */
	char type; /* 'c', 'b' or 'a' */
	bool any_major, any_minor;
	unsigned int major, minor;
	bool opens; /* reading or writing is among what is allowed */
	/* CTDEV_NODE: as the container sees them; 0660, 0 and 0 unless they are given */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool deny_write;
};

struct ctdev_list {
	struct ctdev *v; /* in the file's order */
	size_t n;
};

/* 0 (also with none) or -ENOMEM. cfg is a container's. */
int ctdev_all(const struct config *cfg, struct ctdev_list *ret);
/* A copy with strings of its own, for ctdev_done(). 0 or -ENOMEM. */
int ctdev_copy(const struct ctdev *d, struct ctdev *ret);
void ctdev_done(struct ctdev *d);
void ctdev_list_done(struct ctdev_list *l);
#define _cleanup_ctdev_list_ _cleanup_(ctdev_list_done)

/* CTDEV_ALLOW without a path: does it stand for more than one device? */
bool ctdev_is_wildcard(const struct ctdev *d);
/* CTDEV_ALLOW without a path: is that character device among those it allows? */
bool ctdev_allows(const struct ctdev *d, dev_t dev);

#endif
