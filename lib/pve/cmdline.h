/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of a running QEMU, as /proc/PID/cmdline has it. */
#ifndef GPUPT_PVE_CMDLINE_H
#define GPUPT_PVE_CMDLINE_H

#include "base/bdf.h"
#include "base/root.h"

/* execve(2) allows a quarter of the stack limit, 2 MiB unless it was raised. */
#define CMDLINE_MAX (8 * 1024 * 1024)

/* One `-device vfio-pci,…`, from print_hostpci_devices() in PVE/QemuServer/PCI.pm or from an `args:` line. */
struct cmdline_device {
	struct bdf bdf; /* valid unless mdev */
	bool mdev;	/* sysfsdev= of something that is no PCI function */
	char id[32];	/* "hostpci0", "hostpci0.1"; "" if none */
};

struct cmdline_devices {
	struct cmdline_device *v; /* in the command line's order */
	size_t n;
};

/* 0 (also with none), -ESRCH (no such process), -errno. */
int guest_cmdline_hostpci(const struct root *r, pid_t pid, struct cmdline_devices *ret, struct err *e);
/* The same from len bytes of NUL-terminated arguments. 0 or -ENOMEM. */
int cmdline_hostpci(const char *args, size_t len, struct cmdline_devices *ret);
void cmdline_devices_done(struct cmdline_devices *l);
#define _cleanup_cmdline_devices_ _cleanup_(cmdline_devices_done)

/* Is this the command line of the QEMU that Proxmox VE started for vmid? */
bool cmdline_is_vm(const char *args, size_t len, unsigned int vmid);

#endif
