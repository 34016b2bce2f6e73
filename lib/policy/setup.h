/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the host is set up for its cards, by whomever: what its configuration files and kernel parameters say, and the functions that it is
 * said of. lib/flow/setup.c gathers it; policy itself reads nothing.
 */
#ifndef GPUPT_POLICY_SETUP_H
#define GPUPT_POLICY_SETUP_H

#include "host/driverctl.h"
#include "host/inithook.h"
#include "host/iommu.h"
#include "host/kmod.h"
#include "host/known.h"
#include "host/loader.h"
#include "host/modload.h"
#include "host/modprobe.h"
#include "host/modrun.h"
#include "host/nvidia_files.h"
#include "host/udev_rule.h"

/* The file that the ROM of an AMD display has in rom_file.h's directory. */
enum rom_state {
	ROM_FILE_NOBODYS, /* it is no such display */
	ROM_FILE_ABSENT,
	ROM_FILE_GOOD,
	ROM_FILE_OTHER,	  /* it is no good ROM of that card: rom_why says why */
	ROM_FILE_UNKNOWN, /* it cannot be read, or a captured tree has none of what is in it */
};

/* A function of the machine. */
struct setup_fn {
	struct pci_fn fn; /* without config space */
	bool card;	  /* in the slot of a display that is no management controller's */
	bool taken;	  /* a VM has it, by gpupt or by Proxmox VE's reservation; or it is being reset */
	char module[PCI_NAME_LEN]; /* of its driver; "" without one, or built in */
	/* modules that its modalias asks for, blacklisted or not, and the one that drives it now, if that is no kmod_keeper() */
	struct strv native;
	enum rom_state rom;
	char rom_why[128];
};

struct setup {
	struct setup_fn *v; /* by address */
	size_t n;
	struct iommu iommu;
	struct boot boot;
	struct loader loader;
	struct modprobe modprobe;
	struct modload modload;
	struct udev_rules udev;
	struct driverctl driverctl;
	struct initscripts initscripts, modruns;
	struct inithooks inithooks;
	struct known_cards known;
	enum tri vendor_reset_installed; /* for the running kernel */
	bool vendor_reset_loaded;
	struct nvidia_files nvidia;
	bool rom_dir; /* there is a directory for ROMs: Proxmox VE's QEMU is installed */
};

void setup_done(struct setup *s);
#define _cleanup_setup_ _cleanup_(setup_done)

#endif
