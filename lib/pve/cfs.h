/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/pve as a filesystem: the cluster's (pmxcfs), there or not, and writable only while this node is among the majority. */
#ifndef GPUPT_PVE_CFS_H
#define GPUPT_PVE_CFS_H

#include "base/root.h"

/*
 * May /etc/pve be written to? By the mode of /etc/pve/local, as check_cfs_quorum() in PVE/Cluster.pm looks: root is allowed everything
 * by access(2). Where that link is not, and guests' directories are, it is no pmxcfs, and access(2) is asked. 0; -EROFS: no quorum;
 * -ENOTCONN: pmxcfs is not there (err says which).
 */
int cfs_ready(const struct root *r, struct err *e);

/* Waits until it may, so long at most; a signal ends it. True if it may. */
bool cfs_wait(const struct root *r, unsigned int timeout_ms);

/*
 * Makes what was written to /etc/pve last through a power cut: pmxcfs keeps it in a database whose log it does not sync (bdb_create() in
 * src/pmxcfs/database.c: WAL, synchronous=NORMAL), and has no fsync of its own. 0 (also without such a database), -errno.
 */
int cfs_sync(const struct root *r);

/*
 * Is the container on this node? 0; -ENODEV: it is gone, or on another node (err says which); -ENOTCONN: pmxcfs is not there, so it
 * cannot be told; -errno.
 */
int cfs_find_ct(const struct root *r, unsigned int vmid, struct err *e);

#endif
