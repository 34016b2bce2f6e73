/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proxmox VE's own lock of a guest, flock(2) on a file per guest: /var/lock/qemu-server/lock-VMID.conf
 * (config_file_lock() in PVE/QemuConfig.pm), /run/lock/lxc/pve-config-VMID.lock (PVE/LXC/Config.pm). Proxmox
 * VE holds it around everything that starts, stops or changes the guest. This program never waits for it: see
 * docs/architecture.md.
 */
#ifndef GPUPT_PVE_LOCK_H
#define GPUPT_PVE_LOCK_H

#include "base/root.h"
#include "pve/kind.h"

/*
 * Takes the lock without waiting; closing *ret_fd drops it. The file is created like Proxmox VE's
 * lock_file_full() (PVE/Tools.pm) does, mode 0644, and never removed. 0; -EBUSY (somebody holds it, the guest
 * is being worked on); -errno.
 */
int pve_lock_try(const struct root *r, enum guest_kind kind, unsigned int vmid, int *ret_fd);

/* The same for any lock file whose directory is there; with a timeout it waits, and answers -ETIMEDOUT. */
int pve_lock_file(const struct root *r, const char *path, unsigned int timeout_ms, int *ret_fd);

#endif
