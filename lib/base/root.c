/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "base/root.h"

int root_open_dir(struct root *ret, const char *path, struct err *e)
{
	struct root r = { .fd = -1 };
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(r.path))
		return err_set(e, -EINVAL, "'%.64s' cannot be a root directory", path);
	memcpy(r.path, path, n + 1);
	while (n > 0 && r.path[n - 1] == '/')
		r.path[--n] = '\0';
	r.fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r.fd < 0)
		return err_errno(e, -errno, "cannot open the root directory '%.200s'", path);
	*ret = r;
	return 0;
}

void root_close(struct root *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

bool root_is_real(const struct root *r)
{
	return r->path[0] == '\0';
}

bool root_is_live(const struct root *r)
{
	return root_is_real(r) || r->hooks;
}

char *path_f(char buf[static PATH_MAX], const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, PATH_MAX, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= PATH_MAX)
		buf[0] = '\0';
	return buf;
}

static int open_how(const struct root *r, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC | O_NOCTTY),
		.mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | resolve,
	};

	if (flags & O_PATH)
		how.flags &= ~(uint64_t)(O_NOCTTY | O_NONBLOCK); /* openat2 refuses what O_PATH ignores */
	for (int tries = 0; tries < 32; tries++) {
		long fd = syscall(SYS_openat2, r->fd, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		/* EAGAIN: something was renamed or mounted while ".." was resolved (openat2(2)) */
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

int root_open(const struct root *r, const char *path, int flags, mode_t mode)
{
	return open_how(r, path, flags, mode, 0);
}

int root_open_nofollow(const struct root *r, const char *path, int flags, mode_t mode)
{
	return open_how(r, path, flags, mode, RESOLVE_NO_SYMLINKS);
}

int root_opendir(const struct root *r, const char *path, DIR **ret)
{
	_cleanup_close_ int fd = root_open(r, path, O_RDONLY | O_DIRECTORY, 0);
	DIR *d;

	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d)
		return -errno;
	TAKE_FD(fd);
	*ret = d;
	return 0;
}

int root_stat(const struct root *r, const char *path, struct stat *ret)
{
	_cleanup_close_ int fd = root_open(r, path, O_PATH, 0);

	if (fd < 0)
		return fd;
	return fstat(fd, ret) < 0 ? -errno : 0;
}

bool root_exists(const struct root *r, const char *path)
{
	_cleanup_close_ int fd = root_open(r, path, O_PATH, 0);

	return fd >= 0;
}

int root_read(const struct root *r, const char *path, size_t max, char **ret, size_t *ret_len)
{
	/* O_NONBLOCK: a fifo in the place of a file must not hang us */
	_cleanup_close_ int fd = root_open(r, path, O_RDONLY | O_NONBLOCK, 0);
	_cleanup_text_ struct text t = { 0 };
	struct stat st;
	char buf[16384];
	ssize_t n;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (t.len + (size_t)n > max)
			return -EFBIG;
		text_add_n(&t, buf, (size_t)n);
	}
	if (ret_len)
		*ret_len = t.len;
	*ret = text_take(&t);
	return *ret ? 0 : -ENOMEM;
}

int root_read_line(const struct root *r, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = root_open(r, path, O_RDONLY | O_NONBLOCK, 0);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = read(fd, buf + len, size - len);
		if (n < 0 && errno != EINTR)
			return -errno;
		len += n > 0 ? (size_t)n : 0;
		if (memchr(buf, '\n', len))
			break;
		if (len == size)
			return -EOVERFLOW;
	} while (n != 0);
	if (len == size)
		len--; /* the newline that was found is there or before */
	buf[len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

int root_read_hex(const struct root *r, const char *path, uint32_t *ret)
{
	char line[32];
	int k = root_read_line(r, path, line, sizeof(line));

	if (k < 0)
		return k;
	return parse_hex(str_starts(line, "0x") ? line + 2 : line, 8, ret);
}

/* Opens the directory that holds path's last component and points *ret_name at that component. */
static int open_parent_how(const struct root *r, const char *path, uint64_t resolve, const char **ret_name)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (!slash || !slash[1] || n >= sizeof(dir))
		return -EINVAL;
	memcpy(dir, path, n);
	dir[n] = '\0';
	*ret_name = slash + 1;
	return open_how(r, n ? dir : "/", O_RDONLY | O_DIRECTORY, 0, resolve);
}

static int open_parent(const struct root *r, const char *path, const char **ret_name)
{
	return open_parent_how(r, path, 0, ret_name);
}

int root_readlink_base(const struct root *r, const char *path, char *buf, size_t size)
{
	char target[PATH_MAX];
	const char *name, *base;
	_cleanup_close_ int dir = open_parent(r, path, &name);
	ssize_t n;

	if (dir < 0)
		return dir;
	n = readlinkat(dir, name, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	base = strrchr(target, '/');
	base = base ? base + 1 : target;
	if (strlen(base) >= size)
		return -EOVERFLOW;
	memcpy(buf, base, strlen(base) + 1);
	return 0;
}

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

int root_write_file(const struct root *r, const char *path, const char *data, size_t len, mode_t mode)
{
	const char *name;
	_cleanup_close_ int dir = open_parent(r, path, &name), fd = -1;
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
	k = 0;
	if (fchmod(fd, kept ? st.st_mode & 07777 : mode) < 0 || (kept && fchown(fd, st.st_uid, st.st_gid) < 0))
		k = -errno;
	if (k == 0)
		k = write_and_rename(dir, fd, tmp, name, data, len);
	if (k < 0)
		unlinkat(dir, tmp, 0);
	return k;
}

int root_unlink(const struct root *r, const char *path)
{
	const char *name;
	_cleanup_close_ int dir = open_parent(r, path, &name);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int root_rename(const struct root *r, const char *from, const char *to)
{
	const char *old, *new;
	_cleanup_close_ int a = open_parent(r, from, &old), b = open_parent(r, to, &new);

	if (a < 0 || b < 0)
		return a < 0 ? a : b;
	if (renameat(a, old, b, new) < 0 || fsync(b) < 0)
		return -errno;
	return 0;
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
		dir = open_parent_how(r, part, resolve, &name);
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
