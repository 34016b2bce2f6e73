/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cards that are reserved for VMs: on vfio-pci from the first moment of boot. driver_override decides, for one function and not for its
 * twin, and it has to be set before a native driver is loaded, for whichever card that is loaded. udev's events for the cards of a machine
 * come side by side, so its rule alone would be a race; in the initramfs a script sets the overrides before udev is started. The rule is
 * for what comes later: a function that is removed and found again.
 */
#include "policy/prepare_parts.h"

static bool any_reserved(const struct prepare_facts *f)
{
	for (size_t i = 0; i < f->setup->n; i++)
		if (prepare_is_reserved(f, &f->setup->v[i]))
			return true;
	return false;
}

void prepare_udev(const struct prepare_facts *f, struct text *t)
{
	char name[BDF_LEN];

	if (!any_reserved(f))
		return;
	text_add(t, PREPARE_HEADER);
	for (size_t i = 0; i < f->setup->n; i++) {
		const struct pci_fn *fn = &f->setup->v[i].fn;

		if (!prepare_is_reserved(f, &f->setup->v[i]))
			continue;
		/* vfio-pci may be loaded already, or only now: it is asked to take the function in either case */
		text_addf(t,
			  "ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"%s\", ATTR{vendor}==\"0x%04x\", ATTR{device}==\"0x%04x\", "
			  "ATTR{subsystem_vendor}==\"0x%04x\", ATTR{subsystem_device}==\"0x%04x\", ATTR{driver_override}=\"vfio-pci\", "
			  "ATTR{[subsystem/pci]drivers_probe}=\"$kernel\", RUN{builtin}+=\"kmod load vfio-pci\"\n",
			  bdf_format(fn->bdf, name), fn->id.vendor, fn->id.device, fn->id.subvendor, fn->id.subdevice);
	}
}

/* mkinitramfs(8), and initramfs-tools(7) for the two kinds of scripts. */
void prepare_init_hook(const struct prepare_facts *f, struct text *t)
{
	if (!any_reserved(f) || !f->initramfs_tools)
		return;
	text_add(t, "#!/bin/sh\n" PREPARE_HEADER
		    "case $1 in\n"
		    "prereqs)\n"
		    "\techo udev\n"
		    "\texit 0\n"
		    "\t;;\n"
		    "esac\n"
		    ". /usr/share/initramfs-tools/hook-functions\n"
		    "manual_add_modules vfio_pci vfio_iommu_type1\n"
		    /* one that somebody has taken away must not keep all initramfs from being made; 1: it is in already */
		    "[ ! -e " PREPARE_UDEV " ] || copy_file rule " PREPARE_UDEV " || [ $? -eq 1 ]\n");
}

void prepare_init_script(const struct prepare_facts *f, struct text *t)
{
	char name[BDF_LEN];

	if (!any_reserved(f) || !f->initramfs_tools)
		return;
	text_add(t, "#!/bin/sh\n" PREPARE_HEADER
		    "case $1 in\n"
		    "prereqs)\n"
		    "\texit 0\n"
		    "\t;;\n"
		    "esac\n"
		    "\n"
		    "# is ADDRESS ATTRIBUTE VALUE\n"
		    "is() {\n"
		    "\tread -r now <\"/sys/bus/pci/devices/$1/$2\" && [ \"$now\" = \"$3\" ]\n"
		    "}\n"
		    "\n"
		    "# reserve ADDRESS VENDOR DEVICE SUBVENDOR SUBDEVICE: to vfio-pci, if that is what is there\n"
		    "reserve() {\n"
		    "\tdir=/sys/bus/pci/devices/$1\n"
		    "\t[ -e \"$dir/driver_override\" ] || return 0\n"
		    "\tis \"$1\" vendor \"$2\" && is \"$1\" device \"$3\" || return 0\n"
		    "\tis \"$1\" subsystem_vendor \"$4\" && is \"$1\" subsystem_device \"$5\" || return 0\n"
		    "\techo vfio-pci >\"$dir/driver_override\"\n"
		    "\t# a driver that is built into the kernel was first\n"
		    "\t[ ! -e \"$dir/driver\" ] || echo \"$1\" >\"$dir/driver/unbind\"\n"
		    "}\n"
		    "\n");
	for (size_t i = 0; i < f->setup->n; i++) {
		const struct pci_fn *fn = &f->setup->v[i].fn;

		if (prepare_is_reserved(f, &f->setup->v[i]))
			text_addf(t, "reserve %s 0x%04x 0x%04x 0x%04x 0x%04x\n", bdf_format(fn->bdf, name), fn->id.vendor, fn->id.device,
				  fn->id.subvendor, fn->id.subdevice);
	}
	text_add(t, "modprobe -q vfio-pci\n");
}
