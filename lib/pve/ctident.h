/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tells a container from another one that gets its id later: Proxmox VE has no number for that, and notes no time of its making.
 * So an identity is made of hashes of parts of its configuration that its successor would hardly share: its name, and the hardware
 * addresses of its network, which are made up at random (parse_lxc_network() in PVE/LXC/Config.pm). The name of its volume is made of
 * its id, and so is its successor's; it counts only where there are no two other parts.
 */
#ifndef GPUPT_PVE_CTIDENT_H
#define GPUPT_PVE_CTIDENT_H

#include "pve/config.h"

#define CTIDENT_PARTS 8
#define CTIDENT_LEN   (CTIDENT_PARTS * 9) /* of each eight digits and a "+", or the end */

/* "1f2e3d4c+99aabbcc"; "" if there are not two parts, so that one which is changed would make a stranger of it. */
void ctident_format(const struct config *cfg, char ret[static CTIDENT_LEN]);
/* Is it a text that ctident_format() may have written, and not ""? */
bool ctident_valid(const char *ident);
/*
 * Is that still the container? One part that is as before is enough: whoever renames it, moves its disk or gives it another address
 * makes no other of it. An empty identity is anybody's, and a configuration without name and addresses says nothing. 0 or -ENODEV.
 */
int ctident_check(const char *ident, const struct config *cfg, struct err *e);
/* Is it that one, and on this node? As cfs_find_ct(), and as ctident_check(); -errno also if its file cannot be read. */
int ctident_find(const struct root *r, unsigned int vmid, const char *ident, struct err *e);

#endif
