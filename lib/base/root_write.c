/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>

#include "base/root.h"

int root_write_attr(const struct root *r, const char *path, const char *value)
{
	_cleanup_close_ int fd = -1;
	size_t len = strlen(value);
	ssize_t n;

	if (r->hooks && r->hooks->write)
		return r->hooks->write(r->hooks->ctx, path, value);
	fd = root_open(r, path, O_WRONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	/* one write: sysfs hands each one to the driver as a whole; EINTR is the driver's answer here, not ours to repeat */
	n = write(fd, value, len);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The part of root_write_file() after whose failure the temporary file must go. */
static int write_and_rename(int dir, int fd, const char *tmp, const char *name, const char *data, size_t len)
{
	int k = write_all(fd, data, len);

	if (k < 0)
		return k;
	if (fsync(fd) < 0 || renameat(dir, tmp, dir, name) < 0 || fsync(dir) < 0)
		return -errno;
	return 0;
}

/*
 * Mode and owner, where they are not so already: pmxcfs gives every file the same and refuses others, of some versions even what it
 * gives (cfs_fuse_chmod() in src/pmxcfs/pmxcfs.c of pve-cluster).
 */
static int own_as(int fd, mode_t mode, const struct stat *like)
{
	struct stat now;

	if (fstat(fd, &now) < 0)
		return -errno;
	if ((now.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return -errno;
	if (like && (now.st_uid != like->st_uid || now.st_gid != like->st_gid) && fchown(fd, like->st_uid, like->st_gid) < 0)
		return -errno;
	return 0;
}

int root_write_file(const struct root *r, const char *path, const char *data, size_t len, mode_t mode)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, 0, &name), fd = -1;
	char tmp[NAME_MAX + 1];
	struct stat st;
	bool kept;
	int k;

	if (dir < 0)
		return dir;
	kept = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (kept && !S_ISREG(st.st_mode))
		return -EINVAL;
	if (snprintf(tmp, sizeof(tmp), ".%s.%d.tmp", name, (int)getpid()) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	k = own_as(fd, kept ? st.st_mode & 07777 : mode, kept ? &st : NULL);
	if (k == 0)
		k = write_and_rename(dir, fd, tmp, name, data, len);
	if (k < 0)
		unlinkat(dir, tmp, 0);
	return k;
}

int root_unlink(const struct root *r, const char *path)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, 0, &name);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int root_mknod(const struct root *r, const char *path, mode_t mode, dev_t dev)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, RESOLVE_NO_SYMLINKS, &name);

	if (dir < 0)
		return dir;
	if (mknodat(dir, name, S_IFCHR | 0600, dev) < 0)
		return -errno;
	/* whatever the umask is */
	return fchmodat(dir, name, mode & 07777, 0) < 0 ? -errno : 0;
}

int root_rmdir(const struct root *r, const char *path)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, RESOLVE_NO_SYMLINKS, &name);

	if (dir < 0)
		return dir;
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int mkdir_p(const struct root *r, const char *path, mode_t mode, uint64_t resolve)
{
	char part[PATH_MAX];

	for (const char *p = path + 1;; p++) {
		const char *name;
		_cleanup_close_ int dir = -1;

		if (*p && *p != '/')
			continue;
		if ((size_t)(p - path) >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, (size_t)(p - path));
		part[p - path] = '\0';
		dir = root_open_parent(r, part, resolve, &name);
		if (dir < 0)
			return dir;
		if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
			return -errno;
		if (!*p)
			return 0;
	}
}

int root_mkdir_p(const struct root *r, const char *path, mode_t mode)
{
	return mkdir_p(r, path, mode, 0);
}

int root_mkdir_p_nofollow(const struct root *r, const char *path, mode_t mode)
{
	return mkdir_p(r, path, mode, RESOLVE_NO_SYMLINKS);
}
