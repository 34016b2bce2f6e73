/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/proc.h"
#include "pve/lock.h"

int pve_lock_file(const struct root *r, const char *path, unsigned int timeout_ms, int *ret_fd)
{
	/* for appending and never truncated, as lock_file_full() opens it */
	_cleanup_close_ int fd = root_open(r, path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0644);
	uint64_t end = now_ms() + timeout_ms;

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return -errno;
		if (timeout_ms == 0)
			return -EBUSY;
		if (now_ms() >= end)
			return -ETIMEDOUT;
		sleep_ms(10);
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int pve_lock_try(const struct root *r, enum guest_kind kind, unsigned int vmid, int *ret_fd)
{
	static const char *const dirs[] = {
		[GUEST_VM] = "/var/lock/qemu-server", [GUEST_CT] = "/run/lock/lxc"
	};
	char path[PATH_MAX];
	int k;

	if (kind != GUEST_VM && kind != GUEST_CT)
		return -EINVAL;
	path_f(path, kind == GUEST_VM ? "%s/lock-%u.conf" : "%s/pve-config-%u.lock", dirs[kind], vmid);
	k = pve_lock_file(r, path, 0, ret_fd);
	if (k != -ENOENT)
		return k;
	/* Proxmox VE makes the directory when its module is loaded: nothing has since boot */
	k = root_mkdir_p(r, dirs[kind], 0755);
	return k < 0 ? k : pve_lock_file(r, path, 0, ret_fd);
}
