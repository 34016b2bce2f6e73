/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What draws the host's console, and on which card. */
#ifndef GPUPT_HOST_CONSOLE_H
#define GPUPT_HOST_CONSOLE_H

#include "host/pci.h"

struct vtcon {
	char name[16];	  /* "vtcon1", below /sys/class/vtconsole */
	char title[64];	  /* "(M) frame buffer device" */
	bool framebuffer; /* the title says "frame buffer": fbcon */
	bool bound;	  /* looked at where framebuffer is set, else false */
	bool unsure; /* the kernel did not say in time whether it is bound: something hangs with the console
			lock */
};

struct vtcon_list {
	struct vtcon *v;
	size_t n;
};

/* Sorted by name; none at all is an empty list. Takes at most SLOW_MS (slow.h) for each of fbcon's. 0 or
 * -errno. */
int vtcon_scan(const struct root *r, struct vtcon_list *ret);
void vtcon_list_done(struct vtcon_list *l);
#define _cleanup_vtcon_list_ _cleanup_(vtcon_list_done)

/* Memory that a generic framebuffer driver, or the firmware's framebuffer itself, keeps reserved. */
struct bootfb {
	uint64_t start, end; /* inclusive */
	char name[32];	     /* of /proc/iomem: "BOOTFB", "efifb", "simplefb", "simpledrm", "vesafb" … */
};

struct bootfb_list {
	struct bootfb *v;
	size_t n;
	bool blind; /* the addresses read as zero: only root sees them (iomem_open() in kernel/resource.c) */
};

/* From the text of /proc/iomem, cut into lines in place. 0 or -ENOMEM. */
int bootfb_parse(char *text, struct bootfb_list *ret);
/* Reads /proc/iomem. 0 or -errno. */
int bootfb_load(const struct root *r, struct bootfb_list *ret);
void bootfb_list_done(struct bootfb_list *l);
#define _cleanup_bootfb_list_ _cleanup_(bootfb_list_done)

/* The one of l that lies in a memory BAR of the function, NULL if none does. */
const struct bootfb *bootfb_of(const struct root *r, const struct bootfb_list *l, struct bdf bdf);

/* Frame buffer devices below the function ("fb0": its native driver's, which fbcon may use). 0 or -errno. */
int console_framebuffers(const struct root *r, struct bdf bdf, struct strv *ret);
/* What its driver calls frame buffer N ("EFI VGA", "amdgpudrmfb"), or "". */
void console_fb_name(const struct root *r, unsigned int n, char *buf, size_t size);
/*
 * Platform devices of the firmware's framebuffer that a driver is bound to (efi-framebuffer.0,
 * simple-framebuffer.0, vesa-framebuffer.0): paths below /sys/bus/platform/devices by name. 0 or -errno.
 */
int console_platform_framebuffers(const struct root *r, struct strv *ret);

/*
 * Does the host's console show on this function: is it the firmware's boot display, or does fbcon draw on a
 * frame buffer of it? True also where it would if fbcon is bound and that is not known (struct vtcon's
 * unsure).
 */
bool console_on_function(const struct root *r, const struct pci_fn *fn, const struct bootfb_list *l,
			 const struct vtcon_list *v);

#endif
