/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the boot loader offers: an entry for each kernel, with its parameters, and the kernel that it boots next. GRUB's are in its
 * grub.cfg; systemd-boot's are files on the EFI system partition (type 1 of
 * https://uapi-group.org/specifications/specs/boot_loader_specification). What is on the partitions of
 * proxmox-boot-tool, which it mounts for the time of a refresh alone, is in esp.h; which kernel they boot is what zz-proxmox-boot of
 * proxmox-kernel-helper makes them boot.
 */
#ifndef GPUPT_HOST_BOOT_ENTRIES_H
#define GPUPT_HOST_BOOT_ENTRIES_H

#include "host/grub_menu.h"
#include "host/loader.h"

#define BOOT_PIN      "/etc/kernel/proxmox-boot-pin"
#define BOOT_NEXT_PIN "/etc/kernel/next-boot-pin"
#define BOOT_MANUAL   "/etc/kernel/proxmox-boot-manual-kernels"

struct boot_entry {
	char release[KERNEL_RELEASE_LEN]; /* "": it boots something else */
	char *file;   /* that it stands in */
	char *params; /* as they stand there */
	bool initrd;  /* it has one */
	off_t initrd_size; /* of the copy that proxmox-boot-tool makes for it (esp.h), 0 also if that is missing; -1: not known */
};

struct boot_entries {
	struct boot_entry *v; /* those of systemd-boot in its order, the newest first */
	size_t n;
	char why[160]; /* why they cannot be seen; "": these are all */
	char next[KERNEL_RELEASE_LEN]; /* the kernel that boots next; "": that cannot be told */
	char next_why[224];	       /* then: why */
};

/* b and l: how the machine was booted; k: its kernels. 0 or -ENOMEM; what cannot be seen is said in `why`. */
int boot_entries_load(const struct root *r, const struct boot *b, const struct loader *l, const struct kernels *k,
		      struct boot_entries *ret);
void boot_entries_done(struct boot_entries *l);
#define _cleanup_boot_entries_ _cleanup_(boot_entries_done)
/* The first of that kernel; NULL if there is none. */
const struct boot_entry *boot_entries_find(const struct boot_entries *l, const char *release);

/* Adds systemd-boot's of the partition that is at esp. 0, -ENOENT if it has none, -ENOMEM. */
int boot_entries_add_dir(struct boot_entries *l, const struct root *r, const char *esp);
/* Adds those of a menu of GRUB's, which stands in that file. 0 or -ENOMEM. */
int boot_entries_add_menu(struct boot_entries *l, const struct grub_menu *m, const char *file);

/* Takes the text of one of systemd-boot's. 0 or -ENOMEM. */
int boot_entry_parse(const char *text, const char *file, struct boot_entry *ret);
void boot_entry_done(struct boot_entry *e);

#endif
