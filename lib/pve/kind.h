/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two kinds of guest, which share one range of ids. */
#ifndef GPUPT_PVE_KIND_H
#define GPUPT_PVE_KIND_H

enum guest_kind {
	GUEST_NONE, /* no guest of this node has the id */
	GUEST_VM,
	GUEST_CT,
};

/* "VM", "CT", as Proxmox VE's own messages say (guest_type() of PVE::QemuConfig and PVE::LXC::Config). */
static inline const char *guest_kind_name(enum guest_kind kind)
{
	return kind == GUEST_VM ? "VM" : kind == GUEST_CT ? "CT" : "guest";
}

#endif
