/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel modules that are loaded by name at every boot: modules-load.d(5), and the list of initramfs-tools(7). */
#ifndef GPUPT_HOST_MODLOAD_H
#define GPUPT_HOST_MODLOAD_H

#include "host/conf.h"

struct modload_line {
	struct conf_place at;
	char *module;	/* with '_' for '-' */
	char *args;	/* "": none; only the initramfs takes any */
	bool initramfs; /* loaded there, before the root filesystem is mounted */
};

struct modload {
	struct modload_line *v;
	size_t n;
	struct strv unread;
};

/*
 * Adds a file's lines. '#' and, but for the initramfs's list, ';' begin a comment. Debian's /etc/modules-load.d/modules.conf is a link to
 * /etc/modules, under whose name its lines are given. 0 or -ENOMEM.
 */
int modload_parse(const char *text, const char *file, bool initramfs, struct modload *l);
/* All of the machine. 0 or -ENOMEM. */
int modload_load(const struct root *r, struct modload *ret);
void modload_done(struct modload *l);
#define _cleanup_modload_ _cleanup_(modload_done)

#endif
