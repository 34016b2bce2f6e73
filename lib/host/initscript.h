/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scripts that an administrator has put into the initramfs, /etc/initramfs-tools/scripts (initramfs-tools(7)), and that have to do with
 * vfio-pci. They are programs: what is found here is what they mention, not what they do.
 */
#ifndef GPUPT_HOST_INITSCRIPT_H
#define GPUPT_HOST_INITSCRIPT_H

#include "host/conf.h"
#include "host/pci.h"

#define INITSCRIPT_DIR "/etc/initramfs-tools/scripts"

struct initscript {
	struct conf_place at;	 /* the first line that mentions driver_override, vfio-pci, pci-stub, drivers_probe or new_id */
	struct bdf_list bdfs;	 /* addresses in the whole script; a slot alone has fn BDF_ANY_FN */
	struct pci_id *ids;	 /* "10de:2484", "10de 2484", likewise; without subsystem */
	size_t n_ids;
};

struct initscripts {
	struct initscript *v; /* by name */
	size_t n;
	struct strv unread;
};

/* Adds all that the text of a script names, comments excepted. 0 or -ENOMEM. */
int initscript_scan(const char *text, struct initscript *s);
void initscript_done(struct initscript *s);
#define _cleanup_initscript_ _cleanup_(initscript_done)
/* Adds it to the list, which takes it over. 0 or -ENOMEM. */
int initscripts_add(struct initscripts *l, struct initscript *s);

/* Adds the script if it has to do with vfio-pci; comments count for nothing. 0 or -ENOMEM. */
int initscript_parse(const char *text, const char *file, struct initscripts *l);
/* All of the machine. Only names that mkinitramfs(8) takes: letters, digits, '.', '_', '-'. 0 or -ENOMEM. */
int initscripts_load(const struct root *r, struct initscripts *ret);
void initscripts_done(struct initscripts *l);
#define _cleanup_initscripts_ _cleanup_(initscripts_done)

#endif
