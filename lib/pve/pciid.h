/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of PCI ids as Proxmox VE writes them, "0000:01:00.0;01:00": $PCIRE in PVE/QemuServer/PCI.pm, $PCI_RE
 * in PVE/Mapping/PCI.pm.
 */
#ifndef GPUPT_PVE_PCIID_H
#define GPUPT_PVE_PCIID_H

#include "base/bdf.h"
#include "base/err.h"

/* Does s have the form of such a list? Lower case only; need_domain: the short form is none (mappings). */
bool pciid_list_valid(const char *s, bool need_domain);

/*
 * The ids of a list of valid form. 0, -ENOMEM, or -EINVAL with Proxmox VE's sentence for an id that no device
 * can have: it compares ids as text (lspci() in PVE/SysFSTools.pm), so "00000:01:00" finds nothing.
 */
int pciid_list_parse(const char *s, struct bdf **ret, size_t *ret_n, struct err *e);

/* Do two patterns (perhaps whole slots) have a function in common? */
static inline bool pciid_overlap(struct bdf a, struct bdf b)
{
	return bdf_covers(a, b) || bdf_covers(b, a);
}

#endif
