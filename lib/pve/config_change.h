/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one way in which a container's configuration file is written. */
#ifndef GPUPT_PVE_CONFIG_CHANGE_H
#define GPUPT_PVE_CONFIG_CHANGE_H

#include "pve/config.h"

/* Makes the file's new bytes of what it is now. 0; 1: it is right as it is; -errno. */
typedef int config_edit_fn(void *ctx, const struct config *cfg, struct text *ret, struct err *e);

/*
 * Edits a container's file under Proxmox VE's own lock of it, for which it waits some seconds, as whoever calls holds no lock that a
 * task on this container could wait for. The file is read under the lock, looked at once more right before it is replaced (by rename),
 * since an editor takes no lock, and made to outlast a power cut. 0 (also if it was right); -EBUSY: Proxmox VE works on the container,
 * or has locked it (`lock:`; that of a backup that is not running any more does not count with despite_dead_backup, as startall in
 * PVE/API2/Nodes.pm takes it off at boot); -EROFS: no quorum; -ENODEV: the container is not on this node; -ENOTCONN: pmxcfs is not
 * there; -EAGAIN: somebody edits the file; -errno.
 */
int config_change(const struct root *r, unsigned int vmid, bool despite_dead_backup, config_edit_fn *edit, void *ctx, struct err *e);

/* Removes what an edit that was cut short has left beside the files, of containers that nobody works on. */
void config_drop_temporary(const struct root *r);

#endif
