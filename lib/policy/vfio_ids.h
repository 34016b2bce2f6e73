/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of vfio-pci's option ids=. Pure. */
#ifndef GPUPT_POLICY_VFIO_IDS_H
#define GPUPT_POLICY_VFIO_IDS_H

#include "host/pci.h"

/*
 * Does a member of the list take the function? "10de:2484,1002:73bf:1da2:e438": vendor:device[:subvendor[:subdevice[:class[:mask]]]], in
 * hexadecimal, what is left out being any; members that are none are passed over (vfio_pci_fill_ids() in drivers/vfio/pci/vfio_pci.c).
 */
bool vfio_ids_take(const char *list, const struct pci_fn *fn);

#endif
