/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/exec.h"
#include "host/manifest.h"
#include "host/nodes.h"
#include "tests/fake/inside.h"

static char *where(char buf[static PATH_MAX], pid_t pid, const char *path)
{
	return pid ? path_f(buf, "/proc/%d/root%s", (int)pid, path) : path_f(buf, "%s", path);
}

/* The list of numbers with that path's line as given; NULL: without it. */
static void list(struct fake *f, const char *path, const char *number)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_text_ struct text t = { 0 };

	if (manifest_load(&f->root, &m) < 0)
		fake_die("no list of nodes");
	for (size_t i = 0; i < m.n; i++)
		if (!str_eq(m.v[i].path, path))
			text_addf(&t, "%c %u:%u %s\n", m.v[i].block ? 'b' : 'c', major(m.v[i].dev), minor(m.v[i].dev), m.v[i].path);
	if (number)
		text_addf(&t, "c %s %s\n", number, path);
	fake_put(f, NODE_MANIFEST, text_str(&t));
}

void fake_inside(struct fake *f, bool privileged, struct proc_id *ret_init)
{
	static const char *const ns[] = { "user", "mnt" };
	char path[PATH_MAX], a[PATH_MAX], b[PATH_MAX];

	ret_init->pid = f->owner;
	if (proc_start(&f->proc, f->owner, &ret_init->start) < 0)
		fake_die("no start time");
	fake_mkdir(f, where(path, f->owner, "/dev"));
	for (size_t i = 0; i < ARRAY_SIZE(ns); i++) {
		bool same = privileged && i == 0;

		fake_put(f, path_f(path, "/proc/self/ns/%s", ns[i]), "");
		fake_path(f, a, path);
		fake_put(f, path_f(path, "/proc/%d/ns/%s", (int)f->owner, ns[i]), "");
		fake_path(f, b, path);
		if (same && (unlink(b) < 0 || link(a, b) < 0)) /* one inode is one namespace */
			fake_die("cannot link %s", b);
	}
}

void fake_node(struct fake *f, pid_t pid, const char *path, const char *number, mode_t mode)
{
	char inside[PATH_MAX], full[PATH_MAX];

	fake_remove(f, where(inside, pid, path));
	fake_put(f, inside, "");
	if (chmod(fake_path(f, full, inside), mode) < 0)
		fake_die("cannot chmod %s", full);
	list(f, inside, number);
}

void fake_node_mount(struct fake *f, pid_t pid, const char *path, const char *host)
{
	char inside[PATH_MAX], full[PATH_MAX], from[PATH_MAX];
	_cleanup_manifest_ struct manifest m = { 0 };
	char number[32] = "";
	dev_t dev;

	if (manifest_load(&f->root, &m) < 0 || manifest_find(&m, host, &dev) < 0)
		fake_die("the host has no %s", host);
	snprintf(number, sizeof(number), "%u:%u", major(dev), minor(dev));
	fake_node(f, pid, path, number, 0600);
	fake_path(f, full, where(inside, pid, path));
	if (unlink(full) < 0 || link(fake_path(f, from, host), full) < 0)
		fake_die("cannot link %s", full);
}

const char *fake_node_get(const struct fake *f, pid_t pid, const char *path)
{
	static char text[48];
	char inside[PATH_MAX], full[PATH_MAX];
	_cleanup_manifest_ struct manifest m = { 0 };
	struct stat st;
	dev_t dev;

	text[0] = '\0';
	if (manifest_load(&f->root, &m) == 0 && manifest_find(&m, where(inside, pid, path), &dev) == 0 &&
	    stat(fake_path(f, full, inside), &st) == 0)
		snprintf(text, sizeof(text), "%u:%u %04o", major(dev), minor(dev), st.st_mode & 07777);
	return text;
}

void fake_node_gone(struct fake *f, pid_t pid, const char *path)
{
	char inside[PATH_MAX];

	fake_remove(f, where(inside, pid, path));
	list(f, inside, NULL);
}

int fake_inside_write(struct fake *f, const char *path, const char *value)
{
	unsigned int major_, minor_, uid, gid, mode;
	char number[32], full[PATH_MAX];
	const char *inside = strstr(path, "/root/");
	pid_t pid = (pid_t)strtol(path + strlen("/proc/"), NULL, 10);

	if (!inside || pid == 0)
		return -EACCES;
	inside += strlen("/root");
	if (str_starts(value, "host /")) {
		if (!fake_exists(f, value + strlen("host ")))
			return -ENOENT;
		fake_node_mount(f, pid, inside, value + strlen("host "));
		return 0;
	}
	if (sscanf(value, "c %u:%u %u:%u %o", &major_, &minor_, &uid, &gid, &mode) != 5)
		return -EINVAL;
	snprintf(number, sizeof(number), "%u:%u", major_, minor_);
	fake_node(f, pid, inside, number, mode);
	return chown(fake_path(f, full, path), uid, gid) < 0 ? -errno : 0;
}

/* lxc-cgroup -n ID devices.allow|devices.deny RULE */
int fake_lxc(struct fake *f, char *const argv[], struct exec_result *ret)
{
	_cleanup_text_ struct text t = { 0 };

	if (!argv[1] || !str_eq(argv[1], "-n") || !argv[2] || !argv[3] || !argv[4] || argv[5])
		fake_die("lxc-cgroup does not understand that");
	text_addf(&t, "%s%s %s %s;", fake_lxc_calls(f), argv[2], argv[3], argv[4]);
	fake_hide(f, "lxc-calls", text_str(&t));
	ret->status = fake_is_hidden(f, "lxc-fails");
	ret->output = strdup(ret->status ? "lxc-cgroup: 200: Failed to receive response\n" : "");
	return 0;
}

const char *fake_lxc_calls(const struct fake *f)
{
	return fake_hidden(f, "lxc-calls");
}
