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

int root_lstat(const struct root *r, const char *path, struct stat *ret)
{
	_cleanup_close_ int fd = root_open(r, path, O_PATH | O_NOFOLLOW, 0);

	if (fd < 0)
		return fd;
	return fstat(fd, ret) < 0 ? -errno : 0;
}

bool root_exists(const struct root *r, const char *path)
{
	_cleanup_close_ int fd = root_open(r, path, O_PATH, 0);

	return fd >= 0;
}

int root_read_fd(int fd, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_text_ struct text t = { 0 };
	struct stat st;
	char buf[16384];
	ssize_t n;

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

int root_read(const struct root *r, const char *path, size_t max, char **ret, size_t *ret_len)
{
	/* O_NONBLOCK: a fifo in the place of a file must not hang us */
	_cleanup_close_ int fd = root_open(r, path, O_RDONLY | O_NONBLOCK, 0);

	return fd < 0 ? fd : root_read_fd(fd, max, ret, ret_len);
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

int root_open_parent(const struct root *r, const char *path, uint64_t resolve, const char **ret_name)
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

int root_readlink_base(const struct root *r, const char *path, char *buf, size_t size)
{
	char target[PATH_MAX];
	const char *name, *base;
	_cleanup_close_ int dir = root_open_parent(r, path, 0, &name);
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
