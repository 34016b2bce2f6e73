/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which boot loader started this machine, and the file that holds the kernel parameters of the next boot. Proxmox VE has three ways
 * (proxmox-kernel-helper: src/proxmox-boot/zz-proxmox-boot and functions): GRUB as Debian has it; proxmox-boot-tool with systemd-boot,
 * which takes the first line of /etc/kernel/cmdline; and proxmox-boot-tool with GRUB on its own partitions, for which GRUB's defaults
 * count. A file that is there says nothing: /etc/kernel/cmdline may be left over, and /etc/default/grub comes with a package.
 */
#ifndef GPUPT_HOST_LOADER_H
#define GPUPT_HOST_LOADER_H

#include "host/boot.h"
#include "host/conf.h"

#define LOADER_CMDLINE	 "/etc/kernel/cmdline"
#define LOADER_ESP_LIST	 "/etc/kernel/proxmox-boot-uuids"
/* A file of ours among GRUB's: the last by name, as whoever sets the variable anew comes before. */
#define LOADER_GRUB_OURS "/etc/default/grub.d/zz-gpupt.cfg"

enum loader_kind {
	LOADER_UNKNOWN,	     /* another one, or none: what it reads is not known */
	LOADER_GRUB,	     /* GRUB_DEFAULTS, put in force by update-grub */
	LOADER_PROXMOX_GRUB, /* GRUB_DEFAULTS, put in force by proxmox-boot-tool refresh */
	LOADER_PROXMOX_SYSTEMD, /* LOADER_CMDLINE, put in force by proxmox-boot-tool refresh */
	LOADER_SYSTEMD,	     /* systemd-boot without proxmox-boot-tool: LOADER_CMDLINE for kernels that kernel-install(8) installs */
};

/* A parameter as it is written in a file. */
struct loader_param {
	char *text; /* with its quotes */
	char *file;
	unsigned int line;
	bool recovery; /* GRUB's recovery entries have it, too: of GRUB_CMDLINE_LINUX, in front of all of GRUB_CMDLINE_LINUX_DEFAULT */
};

struct loader_params {
	struct loader_param *v;
	size_t n;
	char why[224]; /* why they cannot be told; "": they can */
};

struct loader {
	enum loader_kind kind;
	char info[64]; /* what the loader told the firmware (LoaderInfo): "systemd-boot 257.7-1"; "" without */
	const char *file;    /* the file that it takes its parameters from: LOADER_CMDLINE, GRUB_DEFAULTS, or NULL */
	const char *refresh; /* the command that puts the file in force, or NULL */
	struct loader_params next;   /* what stands in its file, for the next boot */
	struct loader_params unread; /* what stands in the other file, to no effect */
	char hidden_by[128]; /* GRUB: what comes behind LOADER_GRUB_OURS and sets the parameters anew; "": nothing */
};

/* b is how the machine was booted. 0 or -ENOMEM; what cannot be told is said in `why`. */
int loader_load(const struct root *r, const struct boot *b, struct loader *ret);
void loader_done(struct loader *l);
#define _cleanup_loader_ _cleanup_(loader_done)

/* "GRUB", "systemd-boot by proxmox-boot-tool", … */
const char *loader_name(enum loader_kind kind);

/* The kind, from what the loader says, the parameters, and whether proxmox-boot-tool has partitions. Pure. */
enum loader_kind loader_kind_of(const char *info, const struct boot *b, bool has_esps);
/* The text of an EFI variable as efivarfs gives it: 4 bytes of attributes, then UTF-16, of which only ASCII counts. 0 or -EINVAL. */
int loader_info_parse(const void *data, size_t len, char *buf, size_t size);

#endif
