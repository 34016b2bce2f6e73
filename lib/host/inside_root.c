/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>

#include "host/inside_root.h"

int inside_open_proc(const struct root *r, struct proc_id init)
{
	char path[PATH_MAX];
	int fd = root_open_nofollow(r, path_f(path, "/proc/%d", (int)init.pid), O_PATH | O_DIRECTORY, 0);

	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	/* what was opened is its directory if it is alive after that; a captured tree knows no processes by their start */
	if (root_is_real(r) && !proc_alive(r, init)) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

int inside_open_root(const struct root *r, struct proc_id init, struct root *ret)
{
	_cleanup_close_ int proc = inside_open_proc(r, init);
	int fd;

	if (proc < 0)
		return proc;
	/* a link that only the kernel can follow; in a captured tree a directory, and nothing else would be the container's */
	fd = openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC | (root_is_real(r) ? 0 : O_NOFOLLOW));
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	*ret = (struct root){ .fd = fd };
	return 0;
}

int inside_open_path(const struct root *inner, const char *path, struct stat *ret)
{
	_cleanup_close_ int fd = root_open_nofollow(inner, path, O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* O_PATH with O_NOFOLLOW opens a link as such, whatever else openat2(2) is told */
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	*ret = st;
	return TAKE_FD(fd);
}

int inside_shares(const struct root *r, int proc, const char *kind)
{
	_cleanup_close_ int self = root_open(r, "/proc/self/ns", O_PATH | O_DIRECTORY, 0), theirs = -1;
	struct stat a, b;

	if (self < 0)
		return self;
	theirs = openat(proc, "ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (theirs < 0 || fstatat(theirs, kind, &a, 0) < 0 || fstatat(self, kind, &b, 0) < 0)
		return -errno;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}
