/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a function must not be taken from the host: the host runs on it. Looked at are the block devices and
 * network interfaces below the function's directory in sysfs, and what is stacked upon them.
 */
#ifndef GPUPT_HOST_DANGER_H
#define GPUPT_HOST_DANGER_H

#include "host/pci.h"

enum danger_kind {
	DANGER_MOUNT, /* a mounted filesystem, on the disk, a partition, or a device stacked on them */
	DANGER_SWAP,
	DANGER_CLAIMED, /* the kernel lets nobody else have it, for a reason that is not seen from here */
	DANGER_STACKED, /* member of a device-mapper or md device (LVM, dm-crypt, multipath, RAID) */
	DANGER_MEMBER,	/* a member of ZFS, LVM or md as udev knows it (ID_FS_TYPE), in use or not */
	DANGER_ROUTE,	/* the interface of a default route */
	DANGER_PORT,	/* an interface that is a port of a bridge or bond */
};

struct danger {
	enum danger_kind kind;
	char text[256]; /* one clause: "nvme0n1p2 carries the mounted filesystem /" */
};

struct danger_list {
	struct danger *v; /* the worst first */
	size_t n;
};

/* Appends what makes the function at bdf indispensable. 0 (perhaps with nothing appended) or -errno. */
int danger_find(const struct root *r, struct bdf bdf, struct danger_list *l, struct err *e);
void danger_list_done(struct danger_list *l);
#define _cleanup_danger_list_ _cleanup_(danger_list_done)

/* A mount: device number and mount point, of one line of /proc/self/mountinfo (proc(5)). 0 or -EINVAL. */
int danger_mountinfo_line(char *line, dev_t *ret_dev, char *ret_where, size_t size);

#endif
