/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One root: every path that this program touches is resolved below a directory that is "/" on a live host and a captured
 * tree elsewhere. Absolute symbolic links stay inside it (openat2(2), RESOLVE_IN_ROOT).
 */
#ifndef GPUPT_ROOT_H
#define GPUPT_ROOT_H

#include <limits.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/text.h"

struct exec_result;

/* What a test puts in the place of the kernel and of other programs. */
struct root_hooks {
	/* Stands for write(2) of a value into an existing attribute file. 0 or -errno. */
	int (*write)(void *ctx, const char *path, const char *value);
	/* Stands for running a program. 0 or -errno; the program's own status goes into ret. */
	int (*exec)(void *ctx, char *const argv[], struct exec_result *ret);
	/*
	 * Stands for systemd: verb "state" (fills ret_state, 32 bytes), "start", "stop"; "system-state" with unit "". 0 or
	 * -errno, -ENOENT for an unknown unit.
	 */
	int (*unit)(void *ctx, const char *unit, const char *verb, char *ret_state);
	void *ctx;
	/* where processes of ours are looked up: the machine that the test itself runs on */
	const struct root *proc;
};

struct root {
	int fd;			  /* of the directory */
	char path[PATH_MAX];	  /* as given, without a trailing slash: "" for "/"; for messages and libpci */
	const struct root_hooks *hooks; /* NULL except in tests */
};

/* Opens path as a root. 0 or -errno. */
int root_open_dir(struct root *ret, const char *path, struct err *e);
void root_close(struct root *r);

/* True if path is "/": what is written reaches a kernel. */
bool root_is_real(const struct root *r);
/* True if writes have effects: the real root, or a test's stand-in for the kernel. Elsewhere effects are only shown. */
bool root_is_live(const struct root *r);

/* A path built like printf; an over-long one becomes "" (which no call finds). Returns buf. */
char *path_f(char buf[static PATH_MAX], const char *fmt, ...) _printf_(2, 3);

/* open(2) below the root, always O_CLOEXEC | O_NOCTTY. Returns a descriptor or -errno. */
int root_open(const struct root *r, const char *path, int flags, mode_t mode);
/* The same, never through a symbolic link at any place of path: for directories that others could write to. */
int root_open_nofollow(const struct root *r, const char *path, int flags, mode_t mode);

/* Opens the directory that holds path's last component and points *ret_name at that component; resolve: further flags of openat2(2). */
int root_open_parent(const struct root *r, const char *path, uint64_t resolve, const char **ret_name);
/* A directory stream. 0 or -errno. */
int root_opendir(const struct root *r, const char *path, DIR **ret);
/* stat(2), following links inside the root. 0 or -errno. */
int root_stat(const struct root *r, const char *path, struct stat *ret);
/* The same of the name itself, if that is a link. */
int root_lstat(const struct root *r, const char *path, struct stat *ret);
bool root_exists(const struct root *r, const char *path);

/* A whole file of at most max bytes, NUL-terminated; -EFBIG if it is longer, -EISDIR, -EINVAL (not a regular file). ret_len may be NULL. */
int root_read(const struct root *r, const char *path, size_t max, char **ret, size_t *ret_len);
/* The same of an open file, from where it stands. */
int root_read_fd(int fd, size_t max, char **ret, size_t *ret_len);
/* The first line of a small file such as a sysfs attribute, without its newline. 0 or -errno (-EOVERFLOW if it does not fit). */
int root_read_line(const struct root *r, const char *path, char *buf, size_t size);
/* A hexadecimal attribute with or without 0x. 0 or -errno. */
int root_read_hex(const struct root *r, const char *path, uint32_t *ret);
/* The last component of a symbolic link's target (driver, iommu_group …). 0 or -errno; -ENOENT if there is no link. */
int root_readlink_base(const struct root *r, const char *path, char *buf, size_t size);

/* Writes value with a single write(2) to an existing attribute. 0 or -errno. Can block: see bounded.h. */
int root_write_attr(const struct root *r, const char *path, const char *value);

/*
 * Replaces a file: temporary file in the same directory, fsync, rename, fsync of the directory; mode and owner of an
 * existing file are kept, else mode is used. 0 or -errno.
 */
int root_write_file(const struct root *r, const char *path, const char *data, size_t len, mode_t mode);
/* What a file gets that is made anew; an owner of -1 is whoever makes it. */
struct root_own {
	mode_t mode;
	uid_t uid;
	gid_t gid;
};
/* The same, with an owner, too. */
int root_write_owned(const struct root *r, const char *path, const char *data, size_t len, const struct root_own *own);
/* Removes what calls of these two that were killed have left beside path, of whatever process: nobody may be writing it. */
void root_drop_temporary(const struct root *r, const char *path);
/* Makes the name of path, or its absence, durable. 0 (also if its directory is gone) or -errno. */
int root_sync_name(const struct root *r, const char *path);
/* 0 also if the file is not there. */
int root_unlink(const struct root *r, const char *path);
/* A character device below an existing directory, never through a symbolic link. 0, -EEXIST, -errno. */
int root_mknod(const struct root *r, const char *path, const struct root_own *own, dev_t dev);
/* Removes an empty directory. 0, -ENOTEMPTY, -ENOENT, -errno. */
int root_rmdir(const struct root *r, const char *path);
/* One directory with this very mode. 0, -EEXIST, -errno. */
int root_mkdir(const struct root *r, const char *path, mode_t mode);
/* Creates the directory and its parents; 0 if it exists. */
int root_mkdir_p(const struct root *r, const char *path, mode_t mode);
/* The same, never through a symbolic link: -ELOOP. */
int root_mkdir_p_nofollow(const struct root *r, const char *path, mode_t mode);

#endif
