/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A node for a running container. Where the container runs without privileges no node can be made in a filesystem of its own: it knows
 * neither the host's root user as an owner nor devices. So the node is made on a small filesystem of the host's, in a mount namespace
 * that ends with the child, and a clone of its mount goes to the place, which keeps that filesystem alive.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/slow.h"
#include "host/inside_node.h"
#include "host/inside_root.h"

#define PUT_MS 10000 /* a few calls of the kernel; none waits but for the container's own filesystems */

struct job {
	const struct inside_put *what;
	int r;
	const char *at; /* what failed */
};

static int failed(struct job *j, const char *at)
{
	j->at = at;
	return -errno;
}

/* The node itself, on a filesystem that nobody else sees. A clone of its mount, or -errno. */
static int make_own(struct job *j)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };
	_cleanup_close_ int fs = -1, top = -1;
	int fd;

	if (unshare(CLONE_NEWNS) < 0 || mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private, sizeof(private)) < 0)
		return failed(j, "make a mount namespace");
	fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "size", "64k", 0) < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return failed(j, "make a filesystem");
	top = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	/* only a mount that is somewhere in our namespace can be cloned; what it hides there is not needed any more */
	if (top < 0 || move_mount(top, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return failed(j, "mount a filesystem");
	if (mknodat(top, "node", S_IFCHR | 0600, j->what->dev) < 0 ||
	    fchownat(top, "node", j->what->uid, j->what->gid, AT_SYMLINK_NOFOLLOW) < 0 || fchmodat(top, "node", j->what->mode, 0) < 0)
		return failed(j, "make the node");
	fd = open_tree(top, "node", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return fd < 0 ? failed(j, "clone the node's mount") : fd;
}

/* Of what the host has. Without what is mounted below it: that was never shown. */
static int clone_host(const struct root *r, struct job *j)
{
	_cleanup_close_ int host = root_open(r, j->what->host, O_PATH, 0);
	int fd;

	if (host < 0) {
		errno = -host;
		return failed(j, "open the host's");
	}
	fd = open_tree(host, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return fd < 0 ? failed(j, "clone the host's mount") : fd;
}

static bool is_mount(int fd, bool *ret_is_dir)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
		return false;
	*ret_is_dir = S_ISDIR(st.stx_mode);
	return st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* The new mount is as the old one was: read-only, say. And what is mounted in it in the container does not come to the host. */
static int dress(struct job *j, int src, int old)
{
	struct mount_attr attr = { .propagation = MS_PRIVATE };
	struct statvfs st;
	bool is_dir;

	if (is_mount(old, &is_dir) && fstatvfs(old, &st) == 0) {
		attr.attr_set |= st.f_flag & ST_RDONLY ? MOUNT_ATTR_RDONLY : 0;
		attr.attr_set |= st.f_flag & ST_NOSUID ? MOUNT_ATTR_NOSUID : 0;
		attr.attr_set |= st.f_flag & ST_NOEXEC ? MOUNT_ATTR_NOEXEC : 0;
	}
	return mount_setattr(src, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ? failed(j, "set up the mount") : 0;
}

/* The place, opened below the container's root. A descriptor or -errno. */
static int open_place(struct job *j, const struct root *inner)
{
	struct stat st;
	int fd = inside_open_path(inner, j->what->path, &st);

	errno = fd < 0 ? -fd : 0;
	return fd < 0 ? failed(j, "open the place") : fd;
}

/*
 * Takes the mount away that is there. umount2(2) wants a path: that of our own descriptor, from the host's /proc. What cannot be taken
 * away (it came with a namespace of more rights) is covered.
 */
static int uncover(struct job *j, int self, int place)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", place);
	if (fchdir(self) < 0 || (umount2(name, MNT_DETACH) < 0 && errno != EINVAL))
		return failed(j, "take the old one away");
	return 0;
}

/* In the container's mount namespace. */
static int cover(struct job *j, const struct root *inner, int self, int src)
{
	bool is_dir = false, src_is_dir = false;
	_cleanup_close_ int place = open_place(j, inner), under = -1;
	int k;

	if (place < 0)
		return place;
	is_mount(src, &src_is_dir);
	if (is_mount(place, &is_dir) && is_dir == src_is_dir) {
		k = uncover(j, self, place);
		under = k < 0 ? k : open_place(j, inner);
		if (under < 0)
			return under;
		is_mount(under, &is_dir);
	}
	errno = EEXIST;
	if (is_dir != src_is_dir)
		return failed(j, "cover what is there");
	if (move_mount(src, "", under >= 0 ? under : place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return failed(j, "mount the new one");
	return 0;
}

static int put(const struct root *r, struct job *j)
{
	_cleanup_(root_close) struct root inner = { .fd = -1 };
	_cleanup_close_ int proc = -1, self = -1, ns = -1, src = -1, place = -1;
	int k = inside_open_root(r, j->what->init, &inner);

	if (k < 0)
		return k;
	proc = inside_open_proc(r, j->what->init);
	if (proc < 0)
		return proc;
	self = root_open(r, "/proc/self/fd", O_PATH | O_DIRECTORY, 0);
	ns = openat(proc, "ns/mnt", O_RDONLY | O_CLOEXEC);
	if (self < 0 || ns < 0)
		return failed(j, "open its namespace");
	place = open_place(j, &inner);
	if (place < 0)
		return place;
	src = j->what->host ? clone_host(r, j) : make_own(j);
	if (src < 0)
		return src;
	k = dress(j, src, place);
	if (k < 0)
		return k;
	if (setns(ns, CLONE_NEWNS) < 0)
		return failed(j, "enter its namespace");
	/* init may have gone into another one meanwhile: then what was opened is not what its processes see */
	k = inside_shares(r, proc, "mnt");
	if (k <= 0)
		return k < 0 ? k : -ESRCH;
	return cover(j, &inner, self, src);
}

static void put_child(const struct root *r, void *shared)
{
	struct job *j = shared;

	j->r = put(r, j);
}

/* What to mount on, made by the container's root user: outside its user namespace nobody could be its owner. */
static int make_place(const struct root *r, struct job *j)
{
	_cleanup_(root_close) struct root inner = { .fd = -1 };
	_cleanup_close_ int proc = -1, user = -1, fd = -1;
	char dir[PATH_MAX];
	struct stat st = { 0 };
	int k = inside_open_root(r, j->what->init, &inner);

	if (k < 0)
		return k;
	proc = inside_open_proc(r, j->what->init);
	if (proc < 0)
		return proc;
	if (j->what->host && root_stat(r, j->what->host, &st) < 0)
		return -ENOENT;
	k = inside_shares(r, proc, "user");
	if (k < 0)
		return k;
	user = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC);
	if (k == 0 && (user < 0 || setns(user, CLONE_NEWUSER) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		return failed(j, "become its root user");
	umask(0);
	j->at = "make the place";
	if (S_ISDIR(st.st_mode))
		return root_mkdir_p_nofollow(&inner, j->what->path, 0755);
	path_f(dir, "%.*s", (int)(strrchr(j->what->path, '/') - j->what->path), j->what->path);
	k = *dir ? root_mkdir_p_nofollow(&inner, dir, 0755) : 0;
	if (k == 0)
		fd = k = root_open_nofollow(&inner, j->what->path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	return k < 0 && k != -EEXIST ? k : 0;
}

static void make_place_child(const struct root *r, void *shared)
{
	struct job *j = shared;

	j->r = make_place(r, j);
}

static int run(const struct root *r, const struct inside_put *what, bounded_fn *fn, struct err *e)
{
	struct job *j = slow_map(sizeof(*j));
	int k;

	if (!j)
		return -ENOMEM;
	j->what = what;
	/* what it holds ends with it: nothing is half made but a place without its mount, which the next try fills */
	k = slow_call(r, fn, j, PUT_MS);
	if (k == 0)
		k = j->r;
	if (k < 0)
		err_errno(e, k, "cannot renew %s in the container: cannot %s", what->path, j->at ? j->at : "look into it");
	slow_unmap(j, sizeof(*j));
	return k;
}

/* All of it as one write, for what stands in for a kernel. */
static int put_by_hook(const struct root *r, const struct inside_put *what, struct err *e)
{
	_cleanup_text_ struct text t = { 0 };
	char path[PATH_MAX];
	int k;

	if (what->host)
		text_addf(&t, "host %s", what->host);
	else
		text_addf(&t, "c %u:%u %u:%u %04o", major(what->dev), minor(what->dev), what->uid, what->gid, what->mode);
	k = root_write_attr(r, path_f(path, "/proc/%d/root%s", (int)what->init.pid, what->path), text_str(&t));
	return k < 0 ? err_errno(e, k, "cannot renew %s in the container", what->path) : 0;
}

int inside_put(const struct root *r, const struct inside_put *what, struct err *e)
{
	struct inside_stat st;
	int k;

	if (!root_is_real(r))
		return r->hooks ? put_by_hook(r, what, e) : -EOPNOTSUPP;
	if (*what->path != '/' || !what->path[1])
		return err_set(e, -EINVAL, "'%s' is no place for a node", what->path);
	k = inside_stat(r, what->init, what->path, NULL, &st);
	if (k < 0)
		return err_errno(e, k, "cannot look at %s in the container", what->path);
	if (st.kind == INSIDE_NOTHING)
		k = run(r, what, make_place_child, e);
	return k < 0 ? k : run(r, what, put_child, e);
}
