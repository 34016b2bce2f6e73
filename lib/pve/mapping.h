/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/pve/mapping/pci.cfg: cluster-wide names for PCI devices, as far as they concern this node. The rules
 * are those of PVE/Mapping/PCI.pm. A mapping's alternatives are tried in the file's order
 * (choose_hostpci_devices() in PVE/QemuServer/PCI.pm).
 */
#ifndef GPUPT_PVE_MAPPING_H
#define GPUPT_PVE_MAPPING_H

#include "base/bdf.h"
#include "base/root.h"

/* One `map` line of this node. */
struct mapping_choice {
	struct bdf *devices; /* path=, passed together; fn BDF_ANY_FN means every function of the slot */
	size_t n_devices;
	/*
	 * What Proxmox VE expects to find there. As written, for it compares text (assert_valid() in
	 * PVE/Mapping/PCI.pm); "": not given.
	 */
	char id[10], subsystem_id[10];
	char iommu_group[24]; /* cut if it is longer: no group is called so in any case */
};

struct mapping {
	char *name;
	/* mdev: its devices can have mediated devices made; whether a VM gets one or the device is for the VM's entry to say */
	bool mdev, live_migration_capable;
	struct mapping_choice *choices; /* none: the mapping is for other nodes */
	size_t n_choices;
	struct strv warnings; /* sentences: what Proxmox VE ignores, keys not known here */
};

struct mappings {
	struct mapping
		*v; /* in the file's order; of several with one name the last counts, see mapping_find() */
	size_t n;
};

#define NODE_NAME_MAX 64

/*
 * This node's name: the target of /etc/pve/local, else, to the first dot, the kernel's host name (nodename()
 * in PVE/INotify.pm) or /etc/hostname.
 */
int node_name(const struct root *r, char ret[static NODE_NAME_MAX], struct err *e);

/* Reads the file for this node; none = no mappings. 0, -EFBIG, -EBADMSG (a NUL byte), -errno. */
int mapping_load(const struct root *r, struct mappings *ret, struct err *e);

/* Parses len bytes for a node. 0, -EBADMSG (a NUL byte) or -ENOMEM; what Proxmox VE ignores is no error. */
int mapping_parse(const char *data, size_t len, const char *node, struct mappings *ret);

void mapping_done(struct mappings *m);
#define _cleanup_mapping_ _cleanup_(mapping_done)

/* The mapping of that name if it has a choice for this node. NULL with Proxmox VE's sentence if not. */
const struct mapping *mapping_find(const struct mappings *m, const char *name, struct err *e);

#endif
