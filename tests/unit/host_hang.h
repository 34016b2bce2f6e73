/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file whose reader hangs: every open of it waits for an answer that does not come (fanotify(7), permission
 * events). */
#ifndef GPUPT_TEST_HOST_HANG_H
#define GPUPT_TEST_HOST_HANG_H

#include <sys/fanotify.h>

#include "tree.h"

/* The descriptor whose end is the end of it, or -1 where that cannot be had (not root, a kernel without it).
 */
static _unused_ int hang_with(const struct tree *t, const char *path, uint64_t mask)
{
	_cleanup_close_ int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);
	char real[PATH_MAX];

	snprintf(real, sizeof(real), "%s%s", t->dir, path);
	if (fd < 0 || fanotify_mark(fd, FAN_MARK_ADD, mask, AT_FDCWD, real) < 0)
		return -1;
	alarm(30); /* whoever reads it in this process never comes back */
	return TAKE_FD(fd);
}

static _unused_ int hang_at(const struct tree *t, const char *path)
{
	return hang_with(t, path, FAN_OPEN_PERM);
}

/* The same for a directory whose entries nobody can read. */
static _unused_ int hang_at_dir(const struct tree *t, const char *path)
{
	return hang_with(t, path, FAN_OPEN_PERM | FAN_ONDIR);
}

/* Lets go of those who wait. */
static _unused_ void hang_over(int fd)
{
	alarm(0);
	close(fd);
}

#endif
