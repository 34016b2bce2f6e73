/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Somebody watches: Proxmox VE calls nobody when a start fails after pre-start, and may not call post-stop. So before its first
 * step pre-start has gpupt-settle@VMID.service started; it lives until the VM's lease is settled.
 */
#ifndef GPUPT_WATCH_H
#define GPUPT_WATCH_H

#include "flow/release.h"

/*
 * Makes sure that a watcher of vmid lives. The caller has its turn on the VM, which keeps a watcher that is about to leave. 0;
 * -ENOTCONN (systemd does not run here: nobody watches, which is not refused); -errno (systemd is there, but cannot).
 */
int watch_ensure(const struct root *r, unsigned int vmid, struct err *e);

/* The same for what is left of a lease. That nobody watches is complained of, with what to do. */
int watch_over_rest(const struct release *rel);

/*
 * The watcher itself. Waits for Proxmox VE's lock of the VM; while QEMU runs, for its end; then for post-stop, for a bounded time; then
 * settles the lease under Proxmox VE's lock. What comes back late it puts back meanwhile, whenever that is due. What cannot be settled,
 * and that it cannot be told whether the VM runs, is told once, and tried again. rel's settings are not looked at: gpupt.conf is read
 * whenever something is settled, and where that has an error, what was read before counts. If another process watches already, its end is
 * waited for first. 0 when nothing is left to watch over; -EINTR at SIGTERM; -errno if it could not even begin.
 */
int watch_run(const struct release *rel, struct err *e);

#endif
