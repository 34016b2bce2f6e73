/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of pci.c that reads config space; for pci.c alone. */
#ifndef GPUPT_HOST_PCI_CONFIG_H
#define GPUPT_HOST_PCI_CONFIG_H

#include "host/pci.h"

/* Fills in config and no_soft_reset of each, by way of libpci in a bounded child. 0 or -errno. */
int pci_config_load(const struct root *r, struct pci_fn *v, size_t n);

#endif
