/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>

#include "plan/state.h"

#define LOCK_WAIT_MS 5000
#define STATE_MAX    (1024 * 1024)

int state_open(const struct root *r, const char *path, int flags)
{
	return root_open_nofollow(r, path, flags | O_NONBLOCK, 0600);
}

int state_read(const struct root *r, const char *path, char **ret)
{
	_cleanup_close_ int fd = state_open(r, path, O_RDONLY);

	return fd < 0 ? fd : root_read_fd(fd, STATE_MAX, ret, NULL);
}

int state_mkdir(const struct root *r, const char *path, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int k = root_mkdir_p_nofollow(r, path, 0700);

	if (k < 0)
		return err_errno(e, k, "cannot make %s", path);
	fd = root_open_nofollow(r, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return err_errno(e, fd, "cannot open %s, which must be a directory and not a link", path);
	if (fstat(fd, &st) < 0)
		return err_errno(e, -errno, "cannot examine %s", path);
	if (st.st_uid != geteuid())
		return err_set(e, -EPERM, "%s belongs to user %u: remove it, it is not gpupt's", path,
			       st.st_uid);
	return 0;
}

int state_rmdir(const struct root *r, const char *path, struct err *e)
{
	const char *const dirs[] = { path, STATE_VAR };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int k = root_rmdir(r, dirs[i]);

		if (k == -ENOTEMPTY)
			return 0;
		if (k < 0 && k != -ENOENT)
			return err_errno(e, k, "cannot remove %s", dirs[i]);
	}
	return 0;
}

int state_write(const struct root *r, const char *path, const char *text, struct err *e)
{
	char dir[PATH_MAX];
	char *slash;
	int k;

	path_f(dir, "%s", path);
	slash = strrchr(dir, '/');
	if (!slash)
		return err_set(e, -EINVAL, "'%s' is not an absolute path", path);
	*slash = '\0';
	k = state_mkdir(r, dir, e);
	if (k < 0)
		return k;
	k = root_write_file(r, path, text, strlen(text), 0600);
	return k < 0 ? err_errno(e, k, "cannot write %s", path) : 0;
}

int state_read_who(const struct root *r, const char *path, struct proc_id *ret)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long start;
	struct proc_id id;
	int pid;

	if (state_read(r, path, &text) < 0 || sscanf(text, "%d %llu", &pid, &start) != 2)
		return -ENOENT;
	id = (struct proc_id){ .pid = pid, .start = start };
	if (!proc_alive(r, id))
		return -ENOENT;
	*ret = id;
	return 0;
}

int state_write_who(const struct root *r, const char *path, struct proc_id who, struct err *e)
{
	char text[48];

	snprintf(text, sizeof(text), "%d %llu\n", (int)who.pid, (unsigned long long)who.start);
	return state_write(r, path, text, e);
}

int state_list(const struct root *r, const char *dir, struct strv *ret)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *de;
	int fd = root_open_nofollow(r, dir, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (fd >= 0 && !(d = fdopendir(fd))) {
		close(fd);
		return -ENOMEM;
	}
	while (d && (de = readdir(d))) {
		if (de->d_name[0] != '.' && strv_add(&names, de->d_name) < 0)
			return -ENOMEM;
	}
	strv_sort(&names);
	*ret = names;
	names = (struct strv){ 0 };
	return 0;
}

/* ".NAME.PID.tmp" of root_write_file(), with a PID that nobody has */
static bool abandoned(const char *name)
{
	const char *end = strrchr(name, '.'), *dot;
	char digits[16];
	uint64_t pid;

	if (name[0] != '.' || strcmp(end, ".tmp") != 0)
		return false;
	for (dot = end; dot > name && dot[-1] != '.'; dot--)
		;
	if ((size_t)(end - dot) >= sizeof(digits))
		return false;
	snprintf(digits, sizeof(digits), "%.*s", (int)(end - dot), dot);
	return parse_uint(digits, INT32_MAX, &pid) == 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

void state_drop_temporary(const struct root *r)
{
	static const char *const dirs[] = { STATE_RUN "/claim", STATE_RUN "/turn", STATE_RUN "/call", STATE_RUN "/stuck",
					    STATE_RUN "/watch", STATE_VAR "/home", STATE_VAR "/path" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_closedir_ DIR *d = NULL;
		char path[PATH_MAX];
		struct dirent *de;

		if (root_opendir(r, dirs[i], &d) < 0)
			continue;
		while ((de = readdir(d)))
			if (abandoned(de->d_name))
				root_unlink(r, path_f(path, "%s/%s", dirs[i], de->d_name));
	}
}

int state_lock(const struct root *r, struct err *e)
{
	uint64_t deadline = now_ms() + LOCK_WAIT_MS;
	_cleanup_close_ int fd = -1;
	int k = state_mkdir(r, STATE_RUN, e);

	if (k < 0)
		return k;
	fd = state_open(r, STATE_RUN "/lock", O_RDWR | O_CREAT);
	if (fd == -EROFS || fd == -ENOSPC)
		fd = state_open(r, STATE_RUN "/lock", O_RDONLY);
	if (fd < 0)
		return err_errno(e, fd, "cannot open %s/lock", STATE_RUN);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_errno(e, -errno, "cannot lock %s/lock", STATE_RUN);
		if (now_ms() >= deadline)
			return err_set(e, -EBUSY,
				       "another gpupt process has held %s/lock for 5 s; see 'fuser %s/lock'",
				       STATE_RUN, STATE_RUN);
		sleep_ms(5);
	}
	return TAKE_FD(fd);
}
