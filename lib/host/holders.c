/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "host/fdinfo.h"
#include "host/holders.h"
#include "host/manifest.h"

#define DRM_MAJOR 226 /* include/drm/drm_file.h */

struct scan {
	const struct root *root;
	const struct node_list *nodes;
	const struct bdf_list *bdfs;
	bool captured; /* descriptors are links to nowhere; their numbers are in the manifest */
	struct manifest manifest;
	int proc; /* /proc */
	struct fdinfo_list doubts;
	struct holder_list found;
};

static void holder_done(struct holder *h)
{
	strv_done(&h->nodes);
	bdf_list_done(&h->bdfs);
}

void holder_list_done(struct holder_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		holder_done(&l->v[i]);
	free(l->v);
	*l = (struct holder_list){ 0 };
}

static void scan_done(struct scan *s)
{
	manifest_done(&s->manifest);
	fdinfo_list_done(&s->doubts);
	if (s->proc >= 0)
		close(s->proc);
	holder_list_done(&s->found);
}

/*
 * The device number behind a descriptor, 0 if it is no device. AT_STATX_DONT_SYNC: a file on a
 * network filesystem whose server is gone, or of a daemon that hangs, must not stop us. NFS, CephFS and FUSE
 * then answer from what they remember (nfs_getattr(), ceph_getattr(), fuse_update_get_attr()).
 */
static dev_t fd_dev(const struct scan *s, int fds, const char *fd, pid_t pid, bool *ret_block)
{
	char path[PATH_MAX];
	struct statx st;
	dev_t dev;

	if (s->captured)
		return manifest_find_any(&s->manifest, path_f(path, "/proc/%d/fd/%s", (int)pid, fd), &dev, ret_block) == 0
			       ? dev
			       : 0;
	if (statx(fds, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) < 0 ||
	    (!S_ISCHR(st.stx_mode) && !S_ISBLK(st.stx_mode)))
		return 0;
	*ret_block = S_ISBLK(st.stx_mode);
	return makedev(st.stx_rdev_major, st.stx_rdev_minor);
}

/*
 * Was it opened to be read or written? The permissions of the link say so (tid_fd_update_inode() in
 * fs/proc/fd.c). Without any, it was opened for ioctl() alone, which holds the device as well, or with
 * O_PATH, which does not.
 */
static bool fd_opened(const struct scan *s, int fds, const char *fd)
{
	struct stat st;

	return !s->captured && fstatat(fds, fd, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mode & 0600;
}

/*
 * Does the DRM number belong to a card that is there? It is not given away again while a file is open on it
 * (drm_minor_alloc_release() in drivers/gpu/drm/drm_drv.c), so whoever has it open uses that card.
 */
static bool drm_exists(const struct root *r, dev_t dev)
{
	char path[PATH_MAX];

	return root_exists(r, path_f(path, "/sys/dev/char/%u:%u", major(dev), minor(dev)));
}

/* The holder of that pid, made if need be. 0 or -ENOMEM. */
static int found_get(struct holder_list *l, pid_t pid, struct holder **ret)
{
	struct holder *v;

	for (size_t i = l->n; i > 0; i--) {
		if (l->v[i - 1].proc.pid != pid)
			continue;
		*ret = &l->v[i - 1];
		return 0;
	}
	v = realloc(l->v, (l->n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n] = (struct holder){ .proc.pid = pid, .shared_only = true };
	*ret = &v[l->n++];
	return 0;
}

static int found_add(struct holder_list *l, pid_t pid, const struct node *n)
{
	struct holder *h;

	if (found_get(l, pid, &h) < 0 || (!strv_has(&h->nodes, n->name) && strv_add(&h->nodes, n->name) < 0))
		return -ENOMEM;
	h->shared_only &= n->shared;
	h->disk |= n->block;
	return bdf_list_add(&h->bdfs, n->bdf);
}

/* Notes what a descriptor holds, or that more has to be known about it. 0 or -ENOMEM. */
static int fd_check(struct scan *s, int fds, const char *fd, pid_t pid)
{
	bool block = false;
	dev_t dev = fd_dev(s, fds, fd, pid, &block);
	const struct node *n = !dev ? NULL : block ? nodes_find_disk(s->nodes, dev) : nodes_find(s->nodes, dev);
	uint64_t number;

	if (n && fd_opened(s, fds, fd))
		return found_add(&s->found, pid, n);
	/* not one of the card's nodes, but perhaps one that its driver gave up at an unbind while it was open
	 */
	if (!n && (!s->bdfs || block || major(dev) != DRM_MAJOR || drm_exists(s->root, dev)))
		return 0;
	if (parse_uint(fd, INT32_MAX, &number) < 0)
		return 0;
	return fdinfo_add(&s->doubts, pid, (unsigned int)number, n);
}

static int doubts_settle(struct scan *s)
{
	int k = fdinfo_load(s->root, &s->doubts);

	for (size_t i = 0; i < s->doubts.n && k == 0; i++) {
		const struct fdinfo *f = &s->doubts.v[i];
		struct node deleted = { .bdf = f->pdev };
		char name[BDF_LEN];

		if (!f->known) {
			s->found.unsure++;
		} else if (f->open && f->node) {
			k = found_add(&s->found, f->pid, f->node);
		} else if (f->open && f->has_pdev && bdf_list_has(s->bdfs, f->pdev)) {
			snprintf(deleted.name, sizeof(deleted.name), "a deleted DRM node of %s", bdf_format(f->pdev, name));
			k = found_add(&s->found, f->pid, &deleted);
		}
	}
	return k;
}

/* It opens what comes, a disk that was just given back, say, reads some blocks and does no harm if it cannot. */
static bool is_udev(const struct holder *h)
{
	return h->disk && h->kind == HOLDER_UNIT && str_eq(h->id, "systemd-udevd.service");
}

/* Leaves out those that have ended meanwhile. */
static void found_identify(const struct root *r, struct holder_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		strv_sort(&l->v[i].nodes);
		if (holder_identify(r, &l->v[i]) == 0 && !is_udev(&l->v[i]))
			l->v[n++] = l->v[i];
		else
			holder_done(&l->v[i]);
	}
	l->n = n;
}

static int process_check(struct scan *s, pid_t pid)
{
	_cleanup_closedir_ DIR *fds = NULL;
	_cleanup_close_ int fd = -1;
	char path[32];
	int k = 0;

	snprintf(path, sizeof(path), "%d/fd", (int)pid);
	fd = openat(s->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		s->found.unseen += errno == EACCES || errno == EPERM;
		return 0; /* else it ended */
	}
	fds = fdopendir(fd);
	if (!fds) /* it looks at the directory once more, and the process may have ended between the two */
		return errno == ENOMEM ? -ENOMEM : 0;
	TAKE_FD(fd);
	for (struct dirent *ent; k == 0 && (ent = readdir(fds));)
		if (ent->d_name[0] != '.')
			k = fd_check(s, dirfd(fds), ent->d_name, pid);
	return k;
}

static int compare_pid(const void *a, const void *b)
{
	pid_t x = ((const struct holder *)a)->proc.pid, y = ((const struct holder *)b)->proc.pid;

	return x < y ? -1 : x > y;
}

int holders_find(const struct root *r, const struct node_list *nodes, const struct bdf_list *bdfs,
		 struct holder_list *ret, struct err *e)
{
	_cleanup_(scan_done) struct scan s = {
		.root = r,
		.nodes = nodes,
		.bdfs = bdfs,
		.proc = -1,
		.captured = !root_is_real(r),
	};
	_cleanup_closedir_ DIR *d = NULL;
	int k;

	if (s.captured && (k = manifest_load(r, &s.manifest)) < 0)
		return err_errno(e, k, "cannot read %s" NODE_MANIFEST, r->path);
	k = root_opendir(r, "/proc", &d);
	if (k == 0)
		s.proc = root_open(r, "/proc", O_PATH | O_DIRECTORY, 0);
	if (k < 0 || s.proc < 0)
		return err_errno(e, k < 0 ? k : s.proc, "cannot see the processes in %s/proc", r->path);
	for (struct dirent *ent; (ent = readdir(d));) {
		uint64_t pid;

		if (parse_uint(ent->d_name, INT32_MAX, &pid) < 0)
			continue;
		k = process_check(&s, (pid_t)pid);
		if (k < 0)
			break;
	}
	if (k == 0)
		k = doubts_settle(&s);
	if (k < 0)
		return err_errno(e, k, "cannot look for processes that hold the card");
	s.found.unsure += nodes->unsure;
	found_identify(r, &s.found);
	if (s.found.n)
		qsort(s.found.v, s.found.n, sizeof(*s.found.v), compare_pid);
	*ret = s.found;
	s.found = (struct holder_list){ 0 };
	return 0;
}
