/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "host/holders.h"
#include "host/manifest.h"

#define DRM_MAJOR   226 /* include/drm/drm_file.h */
#define FDINFO_MAX  65536
#define CMDLINE_MAX (1 << 20)
#define O_PATH_FLAG 010000000 /* as fdinfo shows it, in octal: it names the node but does not hold it */

struct scan {
	const struct root *root;
	const struct node_list *nodes;
	const struct bdf_list *bdfs;
	bool captured; /* descriptors are links to nowhere; their numbers are in the manifest */
	struct manifest manifest;
	int proc; /* /proc */
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
	if (s->proc >= 0)
		close(s->proc);
	holder_list_done(&s->found);
}

/*
 * The device number behind a descriptor, 0 if it is no character device. AT_STATX_DONT_SYNC: a file on a
 * network filesystem whose server is gone must not stop us.
 */
static dev_t fd_dev(const struct scan *s, int fds, const char *pid, const char *fd)
{
	char path[PATH_MAX];
	struct statx st;
	dev_t dev;

	if (s->captured)
		return manifest_find(&s->manifest, path_f(path, "/proc/%s/fd/%s", pid, fd), &dev) == 0 ? dev
												       : 0;
	if (statx(fds, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) < 0 ||
	    !S_ISCHR(st.stx_mode))
		return 0;
	return makedev(st.stx_rdev_major, st.stx_rdev_minor);
}

struct fdinfo {
	bool path_only; /* opened with O_PATH */
	bool has_pdev;
	struct bdf pdev; /* drm-pdev: Documentation/gpu/drm-usage-stats.rst */
};

static void fdinfo_load(const struct scan *s, const char *pid, const char *fd, struct fdinfo *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX], *p, *line;
	struct fdinfo i = { 0 };

	*ret = i;
	if (root_read(s->root, path_f(path, "/proc/%s/fdinfo/%s", pid, fd), FDINFO_MAX, &text, NULL) < 0)
		return;
	for (p = text; (line = str_line(&p));) {
		if (str_starts(line, "flags:"))
			i.path_only = strtoul(line + 6, NULL, 8) & O_PATH_FLAG;
		else if (str_starts(line, "drm-pdev:"))
			i.has_pdev = bdf_parse_full(str_trim(line + 9), &i.pdev) == 0;
	}
	*ret = i;
}

static int holder_hold(struct holder *h, const char *name, struct bdf bdf, bool shared)
{
	if (!strv_has(&h->nodes, name) && strv_add(&h->nodes, name) < 0)
		return -ENOMEM;
	h->shared_only &= shared;
	return bdf_list_add(&h->bdfs, bdf);
}

/* Notes in h what descriptor fd holds, if it is something of ours. 0 or -ENOMEM. */
static int fd_check(const struct scan *s, int fds, const char *pid, const char *fd, struct holder *h)
{
	dev_t dev = fd_dev(s, fds, pid, fd);
	const struct node *n = dev ? nodes_find(s->nodes, dev) : NULL;
	char name[BDF_LEN], text[64];
	struct fdinfo i;

	if (!n && (!s->bdfs || major(dev) != DRM_MAJOR))
		return 0;
	fdinfo_load(s, pid, fd, &i);
	if (i.path_only)
		return 0;
	if (n)
		return holder_hold(h, n->name, n->bdf, n->shared);
	/* a node that its driver gave up at an unbind while it was open */
	if (!i.has_pdev || !bdf_list_has(s->bdfs, i.pdev))
		return 0;
	snprintf(text, sizeof(text), "a deleted DRM node of %s", bdf_format(i.pdev, name));
	return holder_hold(h, text, i.pdev, false);
}

/*
 * QEMU that Proxmox VE did not start in a scope of its own, by the -id that it always gives
 * (PVE/QemuServer.pm).
 */
static void vm_identify(const struct root *r, struct holder *h)
{
	_cleanup_free_ char *args = NULL;
	char path[PATH_MAX];
	unsigned int vmid;
	size_t len;

	if (!str_eq(h->comm, "kvm") && !str_starts(h->comm, "qemu-system-"))
		return;
	if (root_read(r, path_f(path, "/proc/%d/cmdline", (int)h->proc.pid), CMDLINE_MAX, &args, &len) < 0)
		return;
	for (char *arg = args; arg < args + len; arg += strlen(arg) + 1) {
		char *next = arg + strlen(arg) + 1;

		if (!str_eq(arg, "-id") || next >= args + len || parse_vmid(next, &vmid) < 0)
			continue;
		h->kind = HOLDER_VM;
		snprintf(h->id, sizeof(h->id), "%u", vmid);
	}
}

/* Says who the process is. It may be gone by now: then so is what it held, and -ESRCH says so. */
static int holder_identify(const struct root *r, struct holder *h)
{
	_cleanup_free_ char *cgroup = NULL;
	char path[PATH_MAX];
	int pid = (int)h->proc.pid;

	if (root_read_line(r, path_f(path, "/proc/%d/comm", pid), h->comm, sizeof(h->comm)) < 0)
		return -ESRCH;
	str_printable(h->comm);
	if (proc_start(r, h->proc.pid, &h->proc.start) < 0)
		h->proc.start = 0;
	if (root_read(r, path_f(path, "/proc/%d/cgroup", pid), 65536, &cgroup, NULL) == 0)
		h->kind = holder_cgroup_parse(cgroup, h->id, sizeof(h->id));
	if (h->kind == HOLDER_HOST || h->kind == HOLDER_UNIT)
		vm_identify(r, h);
	return 0;
}

static int found_add(struct holder_list *l, struct holder *h)
{
	struct holder *v = realloc(l->v, (l->n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n++] = *h;
	*h = (struct holder){ 0 };
	return 0;
}

static int process_fds(struct scan *s, DIR *fds, const char *pid, struct holder *h)
{
	for (struct dirent *ent; (ent = readdir(fds));) {
		int k;

		if (ent->d_name[0] == '.')
			continue;
		k = fd_check(s, dirfd(fds), pid, ent->d_name, h);
		if (k < 0)
			return k;
	}
	if (h->nodes.n == 0 || holder_identify(s->root, h) < 0)
		return 0;
	return found_add(&s->found, h);
}

static int process_check(struct scan *s, const char *pid, pid_t number)
{
	struct holder h = { .proc.pid = number, .shared_only = true };
	_cleanup_closedir_ DIR *fds = NULL;
	_cleanup_close_ int fd = -1;
	char path[32];
	int k;

	snprintf(path, sizeof(path), "%d/fd", (int)number);
	fd = openat(s->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		s->found.unseen += errno == EACCES || errno == EPERM;
		return 0; /* else it ended */
	}
	fds = fdopendir(fd);
	if (!fds)
		return -errno;
	TAKE_FD(fd);
	k = process_fds(s, fds, pid, &h);
	holder_done(&h);
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
		k = process_check(&s, ent->d_name, (pid_t)pid);
		if (k < 0)
			return err_errno(e, k, "cannot look for processes that hold the card");
	}
	if (s.found.n)
		qsort(s.found.v, s.found.n, sizeof(*s.found.v), compare_pid);
	*ret = s.found;
	s.found = (struct holder_list){ 0 };
	return 0;
}
