/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI table VFCT, in which the firmware leaves the video BIOS of AMD's chips: a header (UEFI_ACPI_VFCT), then one block after the
 * other of a VFCT_IMAGE_HEADER and an image. As amdgpu_acpi_vfct_bios() in drivers/gpu/drm/amd/amdgpu/amdgpu_bios.c reads it, with the
 * structures in drivers/gpu/drm/amd/include/atombios.h.
 */
#ifndef GPUPT_HOST_VFCT_H
#define GPUPT_HOST_VFCT_H

#include "host/pci.h"

#define VFCT_PATH "/sys/firmware/acpi/tables/VFCT"
#define VFCT_MAX  (16 << 20)

/*
 * Where the image of a card lies. The table has bus numbers as the firmware gave them, no PCI domains, and the kernel may have numbered
 * anew; so the ids have to match, and the address decides only among several that do. 0 with offset and length; -ENOENT (none of this
 * card); -ENOTUNIQ (several of such cards, none at its address, with different images); -EBADMSG (not such a table).
 */
int vfct_find(const uint8_t *data, size_t len, struct bdf bdf, struct pci_id id, size_t *ret_offset, size_t *ret_len, struct err *e);

#endif
