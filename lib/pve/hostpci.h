/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostpci0 … hostpci15 of a VM: which devices of the host it gets, and how. Format and checks are those of
 * $hostpci_fmt, parse_hostpci() and parse_hostpci_devices() in PVE/QemuServer/PCI.pm. Whether the devices
 * exist is for the host to say.
 */
#ifndef GPUPT_PVE_HOSTPCI_H
#define GPUPT_PVE_HOSTPCI_H

#include "base/bdf.h"
#include "pve/config.h"

#define HOSTPCI_MAX 16 /* $MAX_HOSTPCI_DEVICES */

enum hostpci_driver {
	HOSTPCI_VFIO,
	HOSTPCI_KEEP, /* Proxmox VE neither binds nor resets (since qemu-server 9.0.25) */
};

struct hostpci {
	unsigned int index; /* N of hostpciN */
	/* host=: passed together, in this order; fn BDF_ANY_FN: all of the slot. NULL with mapping. */
	struct bdf *devices;
	size_t n_devices;
	char *mapping; /* mapping=: a name in mapping/pci.cfg, see mapping.h; NULL if devices is set */
	enum hostpci_driver driver;
	char *mdev;    /* type of the mediated device, or NULL */
	char *romfile; /* relative to /usr/share/kvm, or NULL */
	bool pcie, x_vga, legacy_igd, rombar;
	/* overrides that the guest sees; -1: none */
	int vendor_id, device_id, sub_vendor_id, sub_device_id;
	struct strv unknown; /* keys that a newer Proxmox VE may know: worth a warning */
};

struct hostpci_list {
	struct hostpci *v; /* ascending index */
	size_t n;
};

/*
 * One value, e.g. "0000:01:00,pcie=1", of hostpci<index>. 0, -ENOMEM, or -EINVAL with a sentence that names
 * key and reason in Proxmox VE's words. (Proxmox VE itself warns of a malformed value when it loads the file
 * and starts the VM without the device; what parse_hostpci() refuses, it refuses at start.)
 */
int hostpci_parse(unsigned int index, const char *value, struct hostpci *ret, struct err *e);
void hostpci_done(struct hostpci *h);
#define _cleanup_hostpci_ _cleanup_(hostpci_done)

/*
 * All entries of the current section, with the checks that Proxmox VE makes between them and the rest of the
 * configuration (pcie needs q35; legacy-igd). 0 (also with none), -EINVAL with the first error, -ENOMEM.
 */
int hostpci_all(const struct config *cfg, struct hostpci_list *ret, struct err *e);
void hostpci_list_done(struct hostpci_list *list);
#define _cleanup_hostpci_list_ _cleanup_(hostpci_list_done)

/* The N of a key "hostpciN" that Proxmox VE knows; -1 for "hostpci16", "hostpci01", "hostpci". */
int hostpci_index(const char *key);

#endif
