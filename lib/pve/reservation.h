/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /run/qemu-server/pci-id-reservations: which VM Proxmox VE holds a PCI function for, by time before QEMU
 * runs and by pid afterwards. Format, lock and rules are those of reserve_pci_usage() and
 * remove_pci_reservation() in PVE/QemuServer/PCI.pm. Taken together with Proxmox VE they must never disagree,
 * so nothing is cleverer here than there.
 */
#ifndef GPUPT_PVE_RESERVATION_H
#define GPUPT_PVE_RESERVATION_H

#include "base/bdf.h"
#include "base/root.h"

/*
 * Which other VM holds b now? Reads without the lock, as Proxmox VE's get_reservations() does; the file is
 * replaced as a whole. 1 with *ret_vmid and Proxmox VE's sentence in e; 0 if none (nobody, vmid itself, a
 * time that has passed, a pid that is no longer that VM's); -errno if the file cannot be read.
 */
int reservation_holder(const struct root *r, struct bdf b, unsigned int vmid, unsigned int *ret_vmid,
		       struct err *e);

/*
 * Reserves all of the n functions for vmid for so many seconds (and the 5 that Proxmox VE adds), or none. A
 * longer reservation by the same VM is kept; with that VM running on the device nothing is changed. 0; -EBUSY
 * with Proxmox VE's sentence (another VM holds one); -EINVAL (a slot instead of a function); -ETIMEDOUT (lock
 * not had in 5 s); -errno.
 */
int reservation_reserve(const struct root *r, const struct bdf *bdfs, size_t n, unsigned int vmid,
			unsigned int seconds, struct err *e);

/* Drops vmid's reservations of the n functions; n = 0: of all. 0 (also with none), -ETIMEDOUT, -errno. */
int reservation_remove(const struct root *r, const struct bdf *bdfs, size_t n, unsigned int vmid,
		       struct err *e);

#endif
