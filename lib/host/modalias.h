/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which kernel modules want a PCI function: what finds the home of a card that is found on vfio-pci or on no
 * driver.
 */
#ifndef GPUPT_HOST_MODALIAS_H
#define GPUPT_HOST_MODALIAS_H

#include "host/pci.h"

#define MODALIAS_LEN 64
/*
 * "pci:v00001002d000073BFsv00001DA2sd0000E438bc03sc00i00", as modalias_show() in drivers/pci/pci-sysfs.c;
 * returns out.
 */
char *modalias_format(const struct pci_fn *fn, char out[static MODALIAS_LEN]);

/*
 * Adds the modules whose aliases match fn, in the order of /lib/modules/RELEASE/modules.alias, each once,
 * with
 * '_' for '-'; without those that a `blacklist` line of modprobe.d(5) names, and without vfio-pci and its
 * variants. 0 or -errno (-ENOENT: no modules.alias for the running kernel).
 */
int modalias_modules(const struct root *r, const struct pci_fn *fn, struct strv *ret, struct err *e);

/*
 * The PCI drivers that a loaded module registers (/sys/module/NAME/drivers/pci:…). 0 (perhaps none) or
 * -errno.
 */
int module_pci_drivers(const struct root *r, const char *module, struct strv *ret);

/*
 * The modules that are native to each of n functions, blacklisted or not, into n zeroed lists: those whose aliases name the very device;
 * where there are none, its class; and where there are none either, old frame buffer drivers (nvidiafb, radeonfb). Without vfio-pci. 0 or
 * -errno as modalias_modules().
 */
int modalias_native(const struct root *r, const struct pci_fn *fns, size_t n, struct strv ret[], struct err *e);

/* The two parsers, text cut in place: the modules of modules.alias lines that match modalias; modalias_native(). 0 or -ENOMEM. */
int modalias_match_text(char *text, const char *modalias, struct strv *ret);
int modalias_native_text(char *text, const struct pci_fn *fns, size_t n, struct strv ret[]);

#endif
