/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One device node in a running container, from outside: what is at its path, another one in its place, and whether the container may
 * open it. The container is not trusted: no symbolic link of its is followed, nothing outside its root directory is touched, and a
 * child with a deadline does all of it.
 */
#ifndef GPUPT_HOST_INSIDE_NODE_H
#define GPUPT_HOST_INSIDE_NODE_H

#include "base/proc.h"
#include "host/manifest.h"

enum inside_kind { INSIDE_NOTHING, INSIDE_NODE, INSIDE_FILE, INSIDE_DIR, INSIDE_OTHER };

struct inside_stat {
	enum inside_kind kind; /* a node is a character device */
	dev_t dev;
	uid_t uid; /* of the host, as the mode that the container sees with its own ids */
	gid_t gid;
	mode_t mode; /* the permissions */
	bool deleted; /* in no directory any more: it was a mount of something that the host has removed */
	bool is_host; /* the very node, or directory, that the host has at the path it was asked about */
};

/*
 * What is at path in the container of that init. host: a path of ours to compare with, or NULL. 0, -ESRCH (init has ended), -ELOOP (a
 * symbolic link is on the way), -ETIMEDOUT (no answer), -errno.
 */
int inside_stat(const struct root *r, struct proc_id init, const char *path, const char *host, struct inside_stat *ret);

struct inside_put {
	struct proc_id init;
	const char *path; /* in the container */
	const char *host; /* mount this node, or directory, of the host there; NULL: make one as the rest says */
	dev_t dev;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/*
 * Puts it in the place of what is at path: a mount is taken away, and whatever is under it is covered. With nothing there the file, or
 * directory, to mount on is made first, by the container's own root user, as Proxmox VE does when it adds a device to a running
 * container (device_passthrough_hotplug() in PVE/LXC.pm). A stand-in for a kernel gets it as one write to /proc/PID/root/PATH: "c
 * 226:129 0:44 0660" or "host PATH". 0, -ESRCH, -ELOOP, -EEXIST (a directory in the place of a node, or the reverse), -ETIMEDOUT,
 * -errno.
 */
int inside_put(const struct root *r, const struct inside_put *what, struct err *e);

/*
 * Do the container's control groups let its processes open that node of the host, for writing, too? Asked by a child of ours in init's
 * group, with access(2), which opens nothing: the check of a device cgroup is among those of inode_permission() (fs/namei.c). 1, 0, or
 * -errno: unknown (-EOPNOTSUPP: its groups are of version 1).
 */
int inside_may_open(const struct root *r, struct proc_id init, const char *host, bool write);
/* Where that group is, of the text of /proc/PID/cgroup, which is cut in place: "/lxc/200/ns/init.scope"; NULL if it has none. */
const char *inside_group_parse(char *text);

/* Is the container's root user the host's? 1, 0, -ESRCH, -errno. */
int inside_is_privileged(const struct root *r, struct proc_id init);

#endif
