/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values of LXC's own lines, for ctdev.c alone. What they fill in is freed with ctdev_done() even if they fail. */
#ifndef GPUPT_PVE_CTDEV_LXC_H
#define GPUPT_PVE_CTDEV_LXC_H

#include "pve/ctdev.h"

/*
 * lxc.mount.entry of container vmid. What is no bind mount has no node of the host's, but for a devtmpfs, which is the same one
 * everywhere (drivers/base/devtmpfs.c). 0, -EINVAL (nothing of the host's, or LXC would not take it), -ENOMEM.
 */
int ctdev_mount_parse(const char *value, unsigned int vmid, struct ctdev *d);
/*
 * devices.allow: device_cgroup_rule_parse() in LXC's cgfsng.c, or for version 1 devcgroup_update_access() in the kernel, which knows
 * no paths. 0, -EINVAL, -ENOMEM.
 */
int ctdev_allow_parse(const char *value, bool paths, struct ctdev *d);

#endif
