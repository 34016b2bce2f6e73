/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "base/slow.h"
#include "host/inside_node.h"
#include "host/inside_root.h"

/* What a child is told, and its answer. */
struct look {
	const struct manifest *manifest; /* of a captured tree */
	struct proc_id init;
	const char *path, *host;
	struct inside_stat found;
	int r;
};

static enum inside_kind kind_of(mode_t mode)
{
	if (S_ISCHR(mode))
		return INSIDE_NODE;
	if (S_ISREG(mode))
		return INSIDE_FILE;
	return S_ISDIR(mode) ? INSIDE_DIR : INSIDE_OTHER;
}

static int look(const struct root *r, const struct look *l, struct inside_stat *ret)
{
	_cleanup_(root_close) struct root inner = { .fd = -1 };
	_cleanup_close_ int fd = -1;
	struct inside_stat found = { 0 };
	char path[PATH_MAX];
	struct stat st, host;
	int k = inside_open_root(r, l->init, &inner);

	if (k < 0)
		return k;
	fd = inside_open_path(&inner, l->path, &st);
	if (fd == -ENOENT || fd == -ENOTDIR) {
		*ret = found;
		return 0;
	}
	if (fd < 0)
		return fd;
	found = (struct inside_stat){ .kind = kind_of(st.st_mode), .dev = st.st_rdev, .uid = st.st_uid, .gid = st.st_gid,
				      .mode = st.st_mode & 07777, .deleted = st.st_nlink == 0 };
	if (l->manifest && found.kind == INSIDE_FILE &&
	    manifest_find(l->manifest, path_f(path, "/proc/%d/root%s", (int)l->init.pid, l->path), &found.dev) == 0)
		found.kind = INSIDE_NODE;
	/* a captured tree has copies of a directory that was mounted */
	if (l->manifest && l->host && found.kind == INSIDE_DIR)
		found.is_host = root_stat(r, l->host, &host) == 0 && S_ISDIR(host.st_mode);
	else
		found.is_host = l->host && root_stat(r, l->host, &host) == 0 && host.st_dev == st.st_dev && host.st_ino == st.st_ino;
	*ret = found;
	return 0;
}

static void look_child(const struct root *r, void *shared)
{
	struct look *l = shared;
	struct inside_stat found;

	l->r = look(r, l, &found);
	if (l->r == 0)
		l->found = found;
}

int inside_stat(const struct root *r, struct proc_id init, const char *path, const char *host, struct inside_stat *ret)
{
	_cleanup_manifest_ struct manifest manifest = { 0 };
	struct look *l;
	int k = root_is_real(r) ? 0 : manifest_load(r, &manifest);

	if (k < 0)
		return k;
	l = slow_map(sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = (struct look){ .manifest = root_is_real(r) ? NULL : &manifest, .init = init, .path = path, .host = host };
	k = slow_call(r, look_child, l, SLOW_MS);
	if (k == 0)
		k = l->r;
	if (k == 0)
		*ret = l->found;
	slow_unmap(l, sizeof(*l));
	return k;
}

int inside_is_privileged(const struct root *r, struct proc_id init)
{
	_cleanup_close_ int proc = inside_open_proc(r, init);

	return proc < 0 ? proc : inside_shares(r, proc, "user");
}

const char *inside_group_parse(char *text)
{
	char *line;

	while ((line = str_line(&text))) {
		/* of version 2, cgroups(7); ".." is a group outside of those that we see */
		if (!str_starts(line, "0::/") || strstr(line, "/.."))
			continue;
		return line + strlen("0::");
	}
	return NULL;
}

struct question {
	struct proc_id init;
	const char *host;
	bool write;
	int r;
};

/* Joins the group and asks. This child ends behind it, and so does its being there. */
static int ask(const struct root *r, const struct question *q)
{
	_cleanup_close_ int proc = inside_open_proc(r, q->init), file = -1, procs = -1, node = -1;
	_cleanup_free_ char *text = NULL;
	const char *group, *name;
	char path[PATH_MAX];
	int k;

	if (proc < 0)
		return proc;
	file = openat(proc, "cgroup", O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	k = root_read_fd(file, 65536, &text, NULL);
	if (k < 0)
		return k;
	group = inside_group_parse(text);
	if (!group)
		return -EOPNOTSUPP;
	node = root_open_parent(r, q->host, 0, &name);
	if (node < 0)
		return node;
	procs = root_open_nofollow(r, path_f(path, "/sys/fs/cgroup%s/cgroup.procs", group), O_WRONLY, 0);
	if (procs < 0)
		return procs == -ENOENT ? -EOPNOTSUPP : procs;
	if (write(procs, "0", 1) != 1)
		return -errno;
	if (faccessat(node, name, R_OK | (q->write ? W_OK : 0), 0) == 0)
		return 1;
	return errno == EPERM ? 0 : -errno;
}

static void ask_child(const struct root *r, void *shared)
{
	struct question *q = shared;

	q->r = ask(r, q);
}

int inside_may_open(const struct root *r, struct proc_id init, const char *host, bool write)
{
	struct question *q;
	int k;

	if (!root_is_real(r))
		return -EOPNOTSUPP;
	q = slow_map(sizeof(*q));
	if (!q)
		return -ENOMEM;
	*q = (struct question){ .init = init, .host = host, .write = write };
	/* a container that is frozen freezes whoever comes in; that can be killed all the same */
	k = slow_call(r, ask_child, q, SLOW_MS);
	if (k == 0)
		k = q->r;
	slow_unmap(q, sizeof(*q));
	return k;
}
