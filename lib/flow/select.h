/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which functions of the host a VM takes with it, as far as they are gpupt's business: the entries with a display function,
 * audio that goes with them, and the rest of their IOMMU groups, which Proxmox VE binds in any case
 * (prepare_pci_device() in PVE/QemuServer/PCI.pm). Entries with mdev=, driver=keep, a virtual function, or without a display
 * are left to Proxmox VE.
 */
#ifndef GPUPT_SELECT_H
#define GPUPT_SELECT_H

#include "policy/facts.h"
#include "policy/finding.h"
#include "pve/hostpci.h"
#include "pve/mapping.h"

struct picked {
	struct bdf bdf;
	enum fn_role role;
	char entry[40];
	bool absent;
};

struct selection {
	struct picked *v; /* sorted by address */
	size_t n;
	struct strv warnings; /* keys that this version does not know, and the like */
};

/* NULL if b is not picked. */
struct picked *selection_find(const struct selection *s, struct bdf b);
/* Picks b; what is named and also in the group of another is named. 0 or -ENOMEM. */
int selection_pick(struct selection *s, struct bdf b, enum fn_role role, const char *entry, bool absent);
void selection_done(struct selection *s);
#define _cleanup_selection_ _cleanup_(selection_done)

/* What a VM's configuration says about PCI devices. */
struct vm_devices {
	struct hostpci_list entries;
	struct mappings mappings;
	bool mapped; /* an entry uses a mapping */
};

/* Reads and parses; 0, -EINVAL (err: what Proxmox VE would say), -errno. */
int vm_devices_load(const struct root *r, const struct config *cfg, struct vm_devices *ret, struct err *e);
void vm_devices_done(struct vm_devices *d);
#define _cleanup_vm_devices_ _cleanup_(vm_devices_done)

/* May all of these functions be had now? Chooses between a mapping's alternatives. */
typedef bool select_free_fn(void *ctx, const struct bdf *b, size_t n);

/*
 * 0 (n = 0: nothing here is gpupt's business); -EINVAL for what Proxmox VE would refuse, in its words: a mapping that is not there
 * or not of this machine, a function that is named twice; -errno. With alternatives the first that is free is taken, the first of
 * all if none is; one that an earlier entry has is passed over. free may be NULL: all are.
 */
int select_functions(const struct root *r, const struct vm_devices *d, select_free_fn *free, void *ctx,
		     struct selection *ret, struct err *e);

/* The functions of a card for `check GPU`: the whole slot and its groups. */
int select_card(const struct root *r, struct bdf b, struct selection *ret, struct err *e);
/* The card's own functions, bridges excepted, without the rest of their groups. 0 or -errno. */
int select_slot(const struct root *r, struct bdf b, struct selection *ret, struct err *e);
/* Given functions as they are, for a lease. */
int select_given(const struct bdf *b, size_t n, struct selection *ret);

/* The functions that entries name, without the rest of their groups: what Proxmox VE reserves. */
int selection_named(const struct selection *s, struct bdf_list *ret);
int selection_all(const struct selection *s, struct bdf_list *ret);

#endif
