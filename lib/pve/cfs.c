/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>

#include "base/interrupt.h"
#include "base/proc.h"
#include "pve/cfs.h"
#include "pve/config.h"

#define LOCAL "/etc/pve/local" /* the link to this node's directory */
#define CTS   "/etc/pve/lxc"
#define NODES "/etc/pve/nodes"
#define LOOK_MS 250

int cfs_ready(const struct root *r, struct err *e)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, CTS, 0, &name);
	struct stat st;
	int k = root_lstat(r, LOCAL, &st);

	if (dir < 0 || (k < 0 && !root_exists(r, CTS)))
		return err_set(e, -ENOTCONN, "the cluster's filesystem is not at /etc/pve: see 'systemctl status pve-cluster'");
	if ((k == 0 && !(st.st_mode & S_IWUSR)) || (faccessat(dir, ".", W_OK, AT_EACCESS) < 0 && errno == EROFS))
		return err_set(e, -EROFS, "/etc/pve is read-only: the cluster has no quorum, see 'pvecm status'");
	return 0;
}

bool cfs_wait(const struct root *r, unsigned int timeout_ms)
{
	uint64_t deadline = now_ms() + timeout_ms;

	while (cfs_ready(r, NULL) < 0) {
		if (interrupt_pending() || now_ms() >= deadline)
			return false;
		sleep_ms(LOOK_MS);
	}
	return true;
}

int cfs_sync(const struct root *r)
{
	static const char *const files[] = { "/var/lib/pve-cluster/config.db-wal", "/var/lib/pve-cluster/config.db" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_close_ int fd = root_open(r, files[i], O_RDONLY | O_NONBLOCK, 0);

		if (fd < 0 && fd != -ENOENT)
			return fd;
		if (fd >= 0 && fdatasync(fd) < 0)
			return -errno;
	}
	return 0;
}

/* The node that has the container's file, other than this one. */
static bool elsewhere(const struct root *r, unsigned int vmid, char ret[static NAME_MAX + 1])
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *de;

	if (root_opendir(r, NODES, &dir) < 0)
		return false;
	while ((de = readdir(dir))) {
		if (de->d_name[0] == '.' || !root_exists(r, path_f(path, NODES "/%s/lxc/%u.conf", de->d_name, vmid)))
			continue;
		snprintf(ret, NAME_MAX + 1, "%s", de->d_name);
		return true;
	}
	return false;
}

int cfs_find_ct(const struct root *r, unsigned int vmid, struct err *e)
{
	char path[PATH_MAX], node[NAME_MAX + 1];
	struct stat st;
	int k = root_stat(r, config_path(path, GUEST_CT, vmid), &st);

	if (k == 0)
		return 0;
	if (k != -ENOENT)
		return err_errno(e, k, "cannot examine %s", path);
	/* without pmxcfs the directory is empty: that says nothing of any container */
	if (!root_exists(r, CTS))
		return err_set(e, -ENOTCONN, "the cluster's filesystem is not at /etc/pve: see 'systemctl status pve-cluster'");
	if (elsewhere(r, vmid, node))
		return err_set(e, -ENODEV, "CT %u is on node %s by now", vmid, node);
	return err_set(e, -ENODEV, "CT %u does not exist any more", vmid);
}
