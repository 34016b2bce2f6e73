/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in a kernel's initramfs, as far as it is about cards. lsinitramfs(8) of initramfs-tools tells it, which knows every compression
 * and the archives of microcode in front. A captured tree, below which no program is run, has its answer in a file.
 */
#ifndef GPUPT_HOST_INITRAMFS_H
#define GPUPT_HOST_INITRAMFS_H

#include "base/root.h"

#define INITRAMFS_LISTS "/gpupt-initramfs" /* at the top of a captured tree: RELEASE, with a name on each line */
#define INITRAMFS_MS	60000		   /* to list one: seconds, as it is unpacked, and copied before */

struct initramfs {
	struct strv names; /* those that count, without "/" in front: "usr/lib/modules/6.8/kernel/drivers/vfio/pci/vfio-pci.ko.zst" */
	char why[224];	   /* why they cannot be told; "": these are all */
};

/* That of /boot/initrd.img-RELEASE. 0 or -ENOMEM; what cannot be told is said in `why`. */
int initramfs_load(const struct root *r, const char *release, struct initramfs *ret);
void initramfs_done(struct initramfs *i);
#define _cleanup_initramfs_ _cleanup_(initramfs_done)

/* Does a name count? Modules of VFIO, and files with gpupt in their names. */
bool initramfs_counts(const char *name);
/* Is there a module of that name, compressed or not? '-' and '_' are the same. */
bool initramfs_has_module(const struct initramfs *i, const char *module);
/* Is there a file whose path ends in `end`, which begins with a '/': "/scripts/init-top/gpupt"? */
bool initramfs_has_file(const struct initramfs *i, const char *end);

#endif
