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
 * gives (cfs_fuse_chmod() in src/pmxcfs/pmxcfs.c of pve-cluster). The owner comes first, since another one takes bits of the mode away.
 */
static int own_as(int fd, const struct root_own *own)
{
	struct stat now;
	uid_t uid;
	gid_t gid;

	if (fstat(fd, &now) < 0)
		return -errno;
	uid = own->uid == (uid_t)-1 ? now.st_uid : own->uid;
	gid = own->gid == (gid_t)-1 ? now.st_gid : own->gid;
	if ((now.st_uid != uid || now.st_gid != gid) && (fchown(fd, uid, gid) < 0 || fstat(fd, &now) < 0))
		return -errno;
	if ((now.st_mode & 07777) != own->mode && fchmod(fd, own->mode) < 0)
		return -errno;
	return 0;
}

int root_write_owned(const struct root *r, const char *path, const char *data, size_t len, const struct root_own *own)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, 0, &name), fd = -1;
	struct root_own as = *own;
	char tmp[NAME_MAX + 1];
	struct stat st;
	int k;

	if (dir < 0)
		return dir;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!S_ISREG(st.st_mode))
			return -EINVAL;
		as = (struct root_own){ st.st_mode & 07777, st.st_uid, st.st_gid };
	}
	if (snprintf(tmp, sizeof(tmp), ".%s.%d.tmp", name, (int)getpid()) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	k = own_as(fd, &as);
	if (k == 0)
		k = write_and_rename(dir, fd, tmp, name, data, len);
	if (k < 0)
		unlinkat(dir, tmp, 0);
	return k;
}

int root_write_file(const struct root *r, const char *path, const char *data, size_t len, mode_t mode)
{
	return root_write_owned(r, path, data, len, &(struct root_own){ mode, (uid_t)-1, (gid_t)-1 });
}

/* ".NAME.PID.tmp" */
static bool is_temporary(const char *entry, const char *name)
{
	size_t n = strlen(name), digits;

	if (entry[0] != '.' || strncmp(entry + 1, name, n) != 0 || entry[1 + n] != '.')
		return false;
	entry += n + 2;
	digits = strspn(entry, "0123456789");
	return digits > 0 && strcmp(entry + digits, ".tmp") == 0;
}

void root_drop_temporary(const struct root *r, const char *path)
{
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *de;
	const char *name;
	int dir = root_open_parent(r, path, 0, &name);

	if (dir < 0)
		return;
	d = fdopendir(dir);
	if (!d) {
		close(dir);
		return;
	}
	while ((de = readdir(d)))
		if (is_temporary(de->d_name, name))
			unlinkat(dir, de->d_name, 0);
}

int root_sync_name(const struct root *r, const char *path)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, 0, &name);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	return fsync(dir) < 0 ? -errno : 0;
}

int root_unlink(const struct root *r, const char *path)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, 0, &name);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int root_mknod(const struct root *r, const char *path, const struct root_own *own, dev_t dev)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, RESOLVE_NO_SYMLINKS, &name);

	if (dir < 0)
		return dir;
	if (mknodat(dir, name, S_IFCHR | 0600, dev) < 0)
		return -errno;
	/* -1 changes nothing for fchownat(2), too; and whatever the umask is */
	if (fchownat(dir, name, own->uid, own->gid, AT_SYMLINK_NOFOLLOW) < 0 || fchmodat(dir, name, own->mode & 07777, 0) < 0)
		return -errno;
	return 0;
}

int root_rmdir(const struct root *r, const char *path)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, RESOLVE_NO_SYMLINKS, &name);

	if (dir < 0)
		return dir;
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int root_mkdir(const struct root *r, const char *path, mode_t mode)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, RESOLVE_NO_SYMLINKS, &name);

	if (dir < 0)
		return dir;
	/* with a usual umask it has its mode from the first moment on: nothing is left to do at which one could be killed */
	if (mkdirat(dir, name, mode & 07777) < 0)
		return -errno;
	return fchmodat(dir, name, mode & 07777, 0) < 0 ? -errno : 0;
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
