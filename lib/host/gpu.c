/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/gpu.h"

/* Vendors of display controllers, by the short name that people use; pci.ids. */
static const struct {
	uint16_t vendor;
	const char *name;
} vendors[] = {
	/* clang-format off */
	{ 0x10de, "NVIDIA" },
	{ 0x1002, "AMD" },
	{ 0x8086, "Intel" },
	{ 0x1a03, "ASPEED" },
	{ 0x102b, "Matrox" },
	{ 0x1013, "Cirrus" },
	{ 0x1234, "QEMU" },
	{ 0x1af4, "Red Hat" }, /* virtio-gpu */
	{ 0x1b36, "Red Hat" }, /* QXL */
	{ 0x15ad, "VMware" },
	{ 0x1ed5, "Moore Threads" },
	{ 0x0014, "Loongson" },
	{ 0x1d17, "Zhaoxin" },
	{ 0x19e5, "Huawei" },
	{ 0x126f, "Silicon Motion" },
	{ 0x18ca, "XGI" },
	/* clang-format on */
};

/* Display chips of management controllers, from the id tables of the kernel's drivers and from pci.ids. */
static const struct {
	uint16_t vendor, first, last;
} bmcs[] = {
	{ 0x1a03, 0x0000, 0xffff }, /* ASPEED: makes nothing else (drivers/gpu/drm/ast) */
	{ 0x102b, 0x0522, 0x0524 }, /* Matrox G200SE (drivers/gpu/drm/mgag200); 0520, 0521: a card of 1998 */
	{ 0x102b, 0x0530, 0x053f }, /* Matrox G200EV, WB, EH, ER, EW3, EH3, EH5 */
	{ 0x19e5, 0x1711, 0x1711 }, /* HiSilicon Hi171x (drivers/gpu/drm/hisilicon/hibmc) */
	{ 0x1002, 0x515e, 0x515e }, /* ATI ES1000 */
	{ 0x126f, 0x0750, 0x0750 }, /* Silicon Motion SM750 */
	{ 0x18ca, 0x0020, 0x0021 }, /* XGI Z7 and Z9 */
};

bool gpu_is_display(const struct pci_fn *fn)
{
	return fn->class >> 16 == 0x03;
}

bool gpu_is_bmc(const struct pci_fn *fn)
{
	if (!gpu_is_display(fn))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(bmcs); i++)
		if (fn->id.vendor == bmcs[i].vendor && fn->id.device >= bmcs[i].first &&
		    fn->id.device <= bmcs[i].last)
			return true;
	return false;
}

const char *gpu_vendor(struct pci_id id)
{
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++)
		if (vendors[i].vendor == id.vendor)
			return vendors[i].name;
	return NULL;
}

bool gpu_is_amd(const struct pci_fn *fn)
{
	return gpu_is_display(fn) && fn->id.vendor == 0x1002;
}

bool gpu_is_nvidia(const struct pci_fn *fn)
{
	return gpu_is_display(fn) && fn->id.vendor == 0x10de;
}

/* By base class and sub-class: PCI Code and ID Assignment Specification. */
enum gpu_companion gpu_companion(const struct pci_fn *fn)
{
	if (gpu_is_display(fn) || fn->bridge)
		return GPU_COMPANION_NONE;
	switch (fn->class >> 8) {
	case 0x0401:
	case 0x0403:
		return GPU_COMPANION_AUDIO;
	case 0x0c03:
		return GPU_COMPANION_USB;
	case 0x0c80:
		return GPU_COMPANION_UCSI;
	default:
		return GPU_COMPANION_OTHER;
	}
}

const char *gpu_companion_name(enum gpu_companion c)
{
	static const char *const names[] = {
		[GPU_COMPANION_NONE] = "",     [GPU_COMPANION_AUDIO] = "audio", [GPU_COMPANION_USB] = "USB",
		[GPU_COMPANION_UCSI] = "UCSI", [GPU_COMPANION_OTHER] = "other",
	};

	return names[c];
}

int gpu_list(const struct pci_list *all, struct bdf_list *ret)
{
	_cleanup_bdf_list_ struct bdf_list l = { 0 };

	for (size_t i = 0; i < all->n; i++) {
		const struct pci_fn *fn = &all->v[i];

		if (!gpu_is_display(fn) || (l.n && bdf_same_slot(l.v[l.n - 1], fn->bdf)))
			continue;
		if (bdf_list_add(&l, fn->bdf) < 0)
			return -ENOMEM;
	}
	*ret = l;
	l = (struct bdf_list){ 0 };
	return 0;
}
