/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything that a decision about a hand-over rests on, gathered beforehand: policy itself reads nothing. */
#ifndef GPUPT_FACTS_H
#define GPUPT_FACTS_H

#include "host/console.h"
#include "host/danger.h"
#include "host/gpu.h"
#include "host/holders.h"
#include "host/iommu.h"
#include "host/known.h"
#include "host/loader.h"
#include "plan/claim.h"
#include "plan/driver.h"
#include "plan/home.h"
#include "plan/plan.h"
#include "plan/stuck.h"
#include "policy/ctnodes.h"
#include "policy/settings.h"
#include "policy/sharers.h"

/* Why a function goes along. */
enum fn_role {
	ROLE_NAMED, /* an entry of the VM names it */
	ROLE_GROUP, /* Proxmox VE binds the whole IOMMU group (PVE/QemuServer/PCI.pm, prepare_pci_device) */
};

/* What NVIDIA's driver says of its persistence mode: while it is on, the driver keeps the card open without any process. */
enum persistence {
	PERSISTENCE_UNASKED, /* it is not on that driver, or nobody asked */
	PERSISTENCE_OFF,
	PERSISTENCE_ON,
	PERSISTENCE_UNKNOWN, /* asked, and no answer: it may be held */
};

struct fn_facts {
	struct pci_fn fn;
	enum fn_role role;
	char entry[40];		  /* "hostpci0", or "hostpci0 (mapping gpu)"; "" without a VM */
	bool absent;		  /* named, but not there: only fn.bdf and entry count */
	bool stuck;
	struct stuck stuck_at;
	struct driver_value driver; /* nothing known if stuck */
	bool driver_known;
	bool unbindable; /* its driver cannot be made to let go of it */
	bool has_home;
	struct home home;	  /* what is remembered */
	char guess[PCI_NAME_LEN]; /* what its modalias asks for; looked up only where nothing better is known */
	struct danger_list dangers;
	bool claimed; /* by another VM, or for a reset by another process */
	struct claim claim;
	unsigned int reserved_by; /* the VM for which Proxmox VE reserves it, or 0 */
	bool console;		  /* the host's console shows on it */
	bool bootfb;		  /* memory of the firmware's frame buffer lies in it */
	enum persistence persistence;
	char persistence_why[160]; /* why it is unknown */
};

struct facts {
	unsigned int vmid; /* 0: no VM in particular */
	bool backup;	    /* its start is for a backup: `lock: backup` */
	bool leased;	    /* it has a lease already */
	struct fn_facts *v; /* sorted by address */
	size_t n;
	struct pci_list slots; /* every function of the slots concerned, taken or not */
	struct known_cards known;
	struct iommu iommu;
	bool boot_known; /* the next two; asked only where no IOMMU is in use */
	struct boot boot;
	struct loader loader;
	struct holder_list holders;
	struct sharers sharers; /* containers that have any of the functions, with what they have of them alone */
	struct ctnode_facts ctnodes; /* the nodes in those that run */
	struct plan stopped; /* steps of the VM's lease by which containers were stopped, which a way back that was cut short left so */
	char pve_read_only[120]; /* why /etc/pve cannot be written to, "" if it can */
	struct vtcon_list consoles;
	pid_t ancestors[32]; /* of this process, the nearest first */
	size_t n_ancestors;
	struct strv own_units;	 /* of this process and of these: to stop one of them would end us */
	struct strv batch_units; /* units that hold the card and are still on their way up: jobs of Type=oneshot, which cannot be resumed */
	unsigned int displays; /* display functions that are left to the host besides these, BMC included */
	bool vendor_reset;     /* the module vendor-reset is loaded: device_specific may be there for the asking */
	bool root; /* seen with root's eyes */
};

void facts_done(struct facts *f);
#define _cleanup_facts_ _cleanup_(facts_done)

/* NULL if b is not among them. */
const struct fn_facts *facts_find(const struct facts *f, struct bdf b);

#endif
