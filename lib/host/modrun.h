/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands that modprobe runs instead of loading vfio-pci or pci-stub, "install vfio-pci /usr/local/bin/vfio-pci-override.sh": the way of
 * twins, of which one is to be kept. What is found here is what the command and the scripts in it name, not what they do.
 */
#ifndef GPUPT_HOST_MODRUN_H
#define GPUPT_HOST_MODRUN_H

#include "host/initscript.h"
#include "host/modprobe.h"

/* One for each such line, with its place, in their order; none for a command that does nothing. 0 or -ENOMEM. */
int modrun_load(const struct root *r, const struct modprobe *m, struct initscripts *ret);
/* That of this line; NULL if it has none. */
const struct initscript *modrun_find(const struct initscripts *l, const struct modprobe_line *line);

#endif
