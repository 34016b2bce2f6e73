/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernels that are installed: /boot/vmlinuz-RELEASE, as linux-base, Proxmox VE's kernel packages and GRUB's 10_linux have it. What
 * belongs to one has its release in its name: /boot/initrd.img-RELEASE, /boot/config-RELEASE, /lib/modules/RELEASE.
 */
#ifndef GPUPT_HOST_KERNELS_H
#define GPUPT_HOST_KERNELS_H

#include <time.h>

#include "host/pci.h"

#define KERNEL_RELEASE_LEN 65 /* of uname(2), with its NUL */

struct kernel {
	char release[KERNEL_RELEASE_LEN];
	bool modules;  /* it has a directory of modules */
	bool headers;  /* what modules are built with is there: /lib/modules/RELEASE/build leads to something */
	bool initrd;
	struct timespec built; /* when the initrd was written */
	ino_t initrd_ino;
	struct timespec initrd_changed; /* by its inode, which whoever writes the file cannot set */
	off_t initrd_size;     /* 0 without */
	bool vfio_builtin;     /* vfio-pci is no module (modules.builtin) */
	enum tri intel_iommu;  /* it uses Intel's IOMMU without being told to (iommu.h) */
};

struct kernels {
	struct kernel *v; /* the newest first */
	size_t n;
};

/* 0 or -ENOMEM. Without a /boot there is none. */
int kernels_load(const struct root *r, struct kernels *ret);
void kernels_done(struct kernels *l);
#define _cleanup_kernels_ _cleanup_(kernels_done)
/* NULL if it is not installed. */
const struct kernel *kernels_find(const struct kernels *l, const char *release);

/* Takes a text that can be one: letters, digits, and ".+-_~". False if it cannot. */
bool kernel_release_parse(const char *s, char ret[static KERNEL_RELEASE_LEN]);
/* The release in "/boot/vmlinuz-6.8.12-9-pve", whatever directory it is in. False if that is no kernel's image. */
bool kernel_release(const char *path, char ret[static KERNEL_RELEASE_LEN]);
/* As strcmp(3), older ones first; numbers count as such: strverscmp(3), which `sort -V` and systemd-boot agree with on releases. */
int kernel_compare(const char *a, const char *b);

/* Was the file written after the initrd was? Two seconds are no difference: that is how exactly FAT tells the time. */
bool kernel_initrd_is_older(const struct kernel *k, const struct timespec *file);

/* Is its initrd the file that it was when k was looked at, untouched? */
bool kernel_initrd_is_as_before(const struct root *r, const struct kernel *k);

/*
 * Has a kernel, an initrd, a module of one, or what DKMS has built changed since `stamp` did? By the inodes' times, which a package's own
 * date does not set. True also if there is no stamp.
 */
bool kernels_changed_since(const struct root *r, const char *stamp);

#endif
