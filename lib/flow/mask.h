/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of a file's text goes into a capture: what gpupt reads, without secrets, addresses and names. A mask takes the text (cut in
 * place) and adds what stays. None of them fails: what it does not understand it leaves out.
 */
#ifndef GPUPT_MASK_H
#define GPUPT_MASK_H

#include "base/text.h"

/* What is called something else in a capture. Zero-initialise. */
struct mask_names {
	struct strv macs;    /* "0123456789ab" of interfaces that are named by it */
	struct strv volumes; /* UUIDs of btrfs */
	struct strv nodes;   /* of the cluster; the first is this one */
	char boot_id[40];    /* "" if it is not known */
};

void mask_names_done(struct mask_names *n);

typedef void mask_fn(struct mask_names *n, char *text, struct text *ret);

mask_fn mask_cmdline;	 /* of the kernel: values of the parameters that matter, but no UUIDs; nothing for init */
mask_fn mask_first_line; /* the same of a file of which the first line counts */
mask_fn mask_grub;	 /* GRUB's defaults: values of GRUB_CMDLINE_LINUX…, as mask_cmdline has them; an end at the first shell code */
mask_fn mask_esps;	 /* one line instead of any: the UUIDs of proxmox-boot-tool's partitions */
mask_fn mask_kconfig;	 /* of a kernel's configuration what iommu.h asks for */
mask_fn mask_grub_menu;	 /* GRUB's menu: entries with their kernels, parameters as mask_cmdline has them, and the default … */
mask_fn mask_grub_env;	 /* … which may be in its environment block */
mask_fn mask_boot_entry; /* the same of an entry of systemd-boot … */
mask_fn mask_loader_conf; /* … and of its configuration the default */
mask_fn mask_releases;	 /* of a list of kernels what can be one */
mask_fn mask_mountinfo;	 /* no sources, no labels; what the network has is on /network */
mask_fn mask_route;	 /* default routes without their gateways … */
mask_fn mask_route6;	 /* … and of IPv6 */
mask_fn mask_sockets;	 /* command sockets of containers alone */
mask_fn mask_nvidia;	 /* no UUID, no version of the video BIOS */
mask_fn mask_aliases;	 /* those of PCI alone */
mask_fn mask_kmods;	 /* of a list of installed modules those that are looked for, without what they need */
mask_fn mask_modprobe;	 /* blacklists, softdeps, PCI's aliases, options and commands of the modules of cards; each on its line */
mask_fn mask_modules;	 /* modules that are to be loaded, arguments of those of cards; each on its line */
mask_fn mask_rules;	 /* udev's rules about drivers of PCI functions, without serial numbers; each on its line */
mask_fn mask_initscript; /* of a program about drivers the lines about drivers and PCI functions; each on its line */
mask_fn mask_inithook;	 /* likewise of one that makes the initramfs, and those that name udev's rules */
mask_fn mask_driverctl;	 /* a driver's name */
mask_fn mask_udev;	 /* of a block device the type of its filesystem */
mask_fn mask_settings;	 /* gpupt.conf without what its comments say */
mask_fn mask_known;	 /* known-cards likewise; each on its line */
mask_fn mask_stat;	 /* of a process as far as its start time */
mask_fn mask_status;	 /* NSpid */
mask_fn mask_fdinfo;	 /* flags and the DRM lines that say whose it is */
mask_fn mask_mapping;	 /* no descriptions */
mask_fn mask_storage;	 /* what leads to a snippet: no servers, exports, users */
mask_fn mask_ha;	 /* which guests, and their requested states */
mask_fn mask_all;	 /* nothing stays: that it is there is what counts */
mask_fn mask_boot_id;	 /* records of ours: another boot id in the place of this one */

/* Of len bytes of NUL-terminated arguments: the program, and what makes it a VM's QEMU. */
void mask_arguments(const char *args, size_t len, struct text *ret);

/*
 * A parameter of the kernel, len bytes: with its value if that is about booting or about cards, and is not one machine's own. How many
 * bytes the one at s has: up to a blank that no quotes are around (next_arg() in the kernel's lib/cmdline.c).
 */
void mask_param(const char *s, size_t len, struct text *ret);
size_t mask_param_len(const char *s);

/* A line of somebody's, with '?' for addresses of networks and UUIDs. */
void mask_line(const char *s, struct text *ret);

/* The name of a node of the cluster in a capture: "pve" is this one, "node2" the next. "" without memory. */
const char *mask_node(struct mask_names *n, const char *node, char buf[static 24]);

/* Interfaces that are named by their MAC address, and the UUID of a btrfs volume in a path, get numbers. */
void mask_text(struct mask_names *n, const char *s, size_t len, struct text *ret);

#define MASK_BLANK " \t\n\v\f\r" /* isspace() of the kernel */
#define MASK_BOOT_ID "00000000-0000-4000-8000-000000000000"

#endif
