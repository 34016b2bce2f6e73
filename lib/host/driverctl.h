/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Overrides that driverctl(8) saved: /etc/driverctl.d/pci-0000:01:00.0 holds the name of a driver. */
#ifndef GPUPT_HOST_DRIVERCTL_H
#define GPUPT_HOST_DRIVERCTL_H

#include "host/conf.h"
#include "host/pci.h"

#define DRIVERCTL_DIR "/etc/driverctl.d"

struct driverctl_override {
	struct conf_place at;
	struct bdf bdf;
	char driver[PCI_NAME_LEN]; /* "none" keeps every driver off */
};

struct driverctl {
	struct driverctl_override *v; /* by address */
	size_t n;
	bool installed; /* without its udev rule nobody reads the files */
	struct strv unread;
};

/* The address in a file's name; other buses have other prefixes. 0 or -EINVAL. */
int driverctl_name_parse(const char *name, struct bdf *ret);
/*
 * The driver in a file's text: what the shell's $(< FILE) gives, which loses the newlines at the end. 0 or -EINVAL: not a name that the
 * kernel takes for a driver.
 */
int driverctl_parse(const char *text, char ret[static PCI_NAME_LEN]);
/* All of the machine. 0 or -ENOMEM. */
int driverctl_load(const struct root *r, struct driverctl *ret);
void driverctl_done(struct driverctl *d);
#define _cleanup_driverctl_ _cleanup_(driverctl_done)

#endif
