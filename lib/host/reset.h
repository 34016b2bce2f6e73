/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which reset would really work. The file reset_method says what the kernel would try, decided when the
 * function was found; at that time function 0 had no siblings yet, so "bus" is listed for cards on which it
 * can only fail. All functions here are pure: the facts are in struct pci_fn.
 */
#ifndef GPUPT_HOST_RESET_H
#define GPUPT_HOST_RESET_H

#include "host/pci.h"

/* In the kernel's order and by the kernel's names: pci_reset_fn_methods[] in drivers/pci/pci.c. */
enum reset_method {
	RESET_DEVICE_SPECIFIC, /* pci_dev_specific_reset(): quirks; vendor-reset adds AMD cards here */
	RESET_ACPI,	       /* pci_dev_acpi_reset(): _RST */
	RESET_FLR,	       /* pcie_reset_flr() */
	RESET_AF_FLR,	       /* pci_af_flr() */
	RESET_PM,	       /* pci_pm_reset(): D3hot and back */
	RESET_BUS,	       /* pci_reset_bus_function(): secondary bus or hotplug slot */
	RESET_CXL_BUS,	       /* cxl_reset_bus_function() */
	RESET_METHOD_COUNT,
};

const char *reset_method_name(enum reset_method m);
/* 0 or -EINVAL. */
int reset_method_parse(const char *name, enum reset_method *ret);

struct reset_methods {
	enum reset_method v[RESET_METHOD_COUNT]; /* in the order of the file */
	unsigned int n;
	unsigned int unknown; /* names that this program does not know: a newer kernel's */
};

/* Parses the text of reset_method; a name that comes twice counts once. */
void reset_methods_parse(const char *text, struct reset_methods *ret);
bool reset_methods_has(const struct reset_methods *m, enum reset_method which);

/*
 * Would method m work on fn by itself, if the kernel lists it? NULL if so, else a clause that says why not
 * ("…: …" is the caller's to write).
 */
const char *reset_obstacle(const struct pci_fn *fn, enum reset_method m);

enum reset_how {
	RESET_HOW_NONE,	    /* nothing would work */
	RESET_HOW_FUNCTION, /* the function's own method, see method */
	RESET_HOW_HOT, /* vfio's hot reset of the whole bus, for which the whole bus has to be in the set */
	RESET_HOW_UNKNOWN, /* a kernel before 5.15 that has a reset but does not say which */
};

struct reset_prediction {
	enum reset_how how;
	enum reset_method method; /* with RESET_HOW_FUNCTION: the first of the list that would work */
	char why[192];		  /* one clause: what was chosen, or what stands in the way */
};

/* What a reset of fn alone (writing 1 to its reset file) would do. */
void reset_predict(const struct pci_fn *fn, struct reset_prediction *ret);
/*
 * What would reset fn while it is with a guest together with all of set (fn among them): its own method, else
 * vfio's hot reset. QEMU prefers the hot reset over pm (vfio_pci_compute_needs_reset() in its hw/vfio/pci.c);
 * so does this.
 */
void reset_predict_in_set(const struct pci_fn *fn, const struct pci_list *set, struct reset_prediction *ret);

/*
 * Can vfio reset fn's whole bus when exactly set goes to the guest? NULL if so, else why not
 * (VFIO_DEVICE_PCI_HOT_RESET, drivers/vfio/pci/vfio_pci_core.c).
 */
const char *reset_hot_obstacle(const struct pci_fn *fn, const struct pci_list *set);

#endif
