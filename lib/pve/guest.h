/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guests of this node: which there are, whether one runs, and the flags that decide about its cards. */
#ifndef GPUPT_PVE_GUEST_H
#define GPUPT_PVE_GUEST_H

#include "base/bdf.h"
#include "base/proc.h"
#include "pve/config.h"

struct guest_list {
	unsigned int *v; /* ascending */
	size_t n;
};

/* Ids of all VMs or CTs: one directory is read, no file is opened. 0 (also without Proxmox VE) or -errno. */
int guest_list(const struct root *r, enum guest_kind kind, struct guest_list *ret, struct err *e);
/* The same of a directory, which may be another node's. */
int guest_list_dir(const struct root *r, const char *path, struct guest_list *ret, struct err *e);
void guest_list_done(struct guest_list *l);
bool guest_list_has(const struct guest_list *l, unsigned int vmid);
int guest_list_add(struct guest_list *l, unsigned int vmid); /* at its end. 0 or -ENOMEM */
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

/* Ids of all running CTs, for whoever asks about many: /proc/net/unix is read once. 0 or -errno. */
int guest_cts_running(const struct root *r, struct guest_list *ret);

/*
 * The init of a running CT: among the processes of its control group the one that is process 1 of a pid namespace directly below
 * ours. Proxmox VE makes the group lxc/VMID (update_lxc_config() in PVE/LXC.pm), LXC by itself lxc.payload.NAME. So many groups and
 * processes are looked at that a real container's are among them. 0, -ESRCH if there is none, -errno.
 */
int guest_ct_init(const struct root *r, unsigned int vmid, struct proc_id *ret);
/* Does the text of /proc/PID/status, which is cut in place, belong to such a process 1? */
bool guest_status_is_init(char *text);

struct guest_flags {
	bool template;
	bool onboot;
	bool rebooting; /* VM: /run/qemu-server/VMID.reboot, CT: /var/lib/lxc/VMID/reboot is there */
	char lock[32];	/* `lock:` of the configuration ("backup", "migrate" …), "" if none */
};

void guest_flags(const struct root *r, const struct config *cfg, struct guest_flags *ret);

#endif
