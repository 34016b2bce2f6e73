/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guests of this node: which there are, whether one runs, and the flags that decide about its cards. */
#ifndef GPUPT_PVE_GUEST_H
#define GPUPT_PVE_GUEST_H

#include "base/bdf.h"
#include "pve/config.h"

struct guest_list {
	unsigned int *v; /* ascending */
	size_t n;
};

/* Ids of all VMs or CTs: one directory is read, no file is opened. 0 (also without Proxmox VE) or -errno. */
int guest_list(const struct root *r, enum guest_kind kind, struct guest_list *ret, struct err *e);
void guest_list_done(struct guest_list *l);
#define _cleanup_guest_list_ _cleanup_(guest_list_done)

/* What has this id on this node, by its configuration file. */
enum guest_kind guest_kind(const struct root *r, unsigned int vmid);

/*
 * Does the guest run now? 1, 0, or -errno. VM: the pid in /run/qemu-server/VMID.pid is a kvm or qemu-*
 * process whose command line names that very pid file or `-id VMID` (vm_running_locally() in
 * PVE/QemuServer/Helpers.pm looks at the pid file; both are always there). CT: its command socket stands in
 * /proc/net/unix (check_running() in PVE/LXC.pm). ret_pid may be NULL; it is set for a running VM only,
 * QEMU's pid.
 */
int guest_running(const struct root *r, enum guest_kind kind, unsigned int vmid, pid_t *ret_pid);

struct guest_flags {
	bool template;
	bool onboot;
	bool rebooting; /* VM: /run/qemu-server/VMID.reboot, CT: /var/lib/lxc/VMID/reboot is there */
	char lock[32];	/* `lock:` of the configuration ("backup", "migrate" …), "" if none */
};

void guest_flags(const struct root *r, const struct config *cfg, struct guest_flags *ret);

#endif
