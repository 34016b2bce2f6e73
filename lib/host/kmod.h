/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel modules: which are installed for a kernel, by depmod's list (modules.dep(5)) and the kernel's own (modules.builtin(5)). */
#ifndef GPUPT_HOST_KMOD_H
#define GPUPT_HOST_KMOD_H

#include "host/pci.h"

#define VENDOR_RESET "vendor_reset" /* resets AMD cards that the kernel cannot: github.com/gnif/vendor-reset */

/*
 * Does a line of one of these lists name the module ('-' and '_' are the same)? "updates/dkms/vendor-reset.ko.zst: …"; what stands behind
 * the colon are modules that it needs.
 */
bool kmod_listed(const char *list, const char *module);
/* For the kernel of that release; unknown if neither list can be read. */
enum tri kmod_installed(const struct root *r, const char *release, const char *module);
/*
 * Drivers that hold a function so that no other takes it: vfio-pci for VMs, pci-stub for nobody. The driver's name, of that or of its
 * module's; NULL for any other.
 */
const char *kmod_keeper(const char *name);
/* In the running kernel, loaded or built in (/sys/module). */
bool kmod_loaded(const struct root *r, const char *module);

#endif
