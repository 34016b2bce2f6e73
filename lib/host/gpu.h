/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which PCI functions are display cards, and what else sits on a card. */
#ifndef GPUPT_HOST_GPU_H
#define GPUPT_HOST_GPU_H

#include "host/pci.h"

/*
 * Base class 03: VGA (0300), 3D (0302), other display (0380). PCI Code and ID Assignment Specification,
 * "Display controller".
 */
bool gpu_is_display(const struct pci_fn *fn);

/*
 * The display chip of a server's management controller: it is the host's console, never a card to pass
 * through.
 */
bool gpu_is_bmc(const struct pci_fn *fn);

/* "NVIDIA", "AMD", "Intel", …; NULL for a vendor not in the table. */
const char *gpu_vendor(struct pci_id id);

/* A display of AMD's by its vendor (1002): the cards whose reset needs care. */
bool gpu_is_amd(const struct pci_fn *fn);
/* A display of NVIDIA's (10de). */
bool gpu_is_nvidia(const struct pci_fn *fn);

enum gpu_companion {
	GPU_COMPANION_NONE,
	GPU_COMPANION_AUDIO, /* HDMI/DP sound: class 0403, or 0401 on some APUs */
	GPU_COMPANION_USB,   /* controller behind a USB-C socket: 0c03 */
	GPU_COMPANION_UCSI,  /* USB-C controller's serial bus: 0c80 */
	GPU_COMPANION_OTHER, /* anything else that is no bridge and no display */
};

/* What fn is beside the display function of its slot; NONE for a display and for a bridge. */
enum gpu_companion gpu_companion(const struct pci_fn *fn);
/* "audio", "USB", "UCSI", "other", or "". */
const char *gpu_companion_name(enum gpu_companion c);

/*
 * The slots of `all` that hold a display function: their display functions, in order of address (the first of
 * each slot). 0 or -ENOMEM.
 */
int gpu_list(const struct pci_list *all, struct bdf_list *ret);

#endif
