/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

#include "host/nodes.h"
#include "pve/ctdev.h"
#include "tests/fake/ct.h"

/* Calls fn for each container. */
static void each(const struct fake *f, void (*fn)(const struct fake *f, unsigned int vmid, void *ctx), void *ctx)
{
	char path[PATH_MAX];
	struct dirent **v;
	int n = scandir(fake_hidden_path(f, path, "ct"), &v, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		unsigned int vmid;

		if (parse_vmid(v[i]->d_name, &vmid) == 0)
			fn(f, vmid, ctx);
		free(v[i]);
	}
	if (n >= 0)
		free(v);
}

bool fake_ct_runs(const struct fake *f, unsigned int vmid)
{
	char path[PATH_MAX];

	return str_eq(fake_hidden(f, path_f(path, "ct/%u", vmid)), "running");
}

static void add_socket(const struct fake *f, unsigned int vmid, void *ctx)
{
	if (fake_ct_runs(f, vmid))
		text_addf(ctx, "0000000000000000: 00000002 00000000 00010000 0001 01 %u @/var/lib/lxc/%u/command\n", vmid, vmid);
}

void fake_ct_set(struct fake *f, unsigned int vmid, bool running)
{
	_cleanup_text_ struct text t = { 0 };
	char path[PATH_MAX];

	fake_hide(f, path_f(path, "ct/%u", vmid), running ? "running" : "stopped");
	text_add(&t, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	each(f, add_socket, &t);
	fake_put(f, "/proc/net/unix", text_str(&t));
}

void fake_ct(struct fake *f, unsigned int vmid, const char *lines, bool running)
{
	char path[PATH_MAX];

	fake_mkdir(f, "/run/lock/lxc");
	fake_putf(f, path_f(path, "/etc/pve/lxc/%u.conf", vmid), "arch: amd64\n%sostype: debian\n", lines);
	fake_ct_set(f, vmid, running);
}

void fake_ct_how(struct fake *f, unsigned int vmid, const char *how)
{
	char path[PATH_MAX];

	fake_hide(f, path_f(path, "ct-how/%u", vmid), how);
}

void fake_ct_holder(struct fake *f, unsigned int vmid, int pid, const char *comm, const char *dev, const char *name)
{
	char cgroup[64];

	snprintf(cgroup, sizeof(cgroup), "/lxc/%u/ns/system.slice/player.service", vmid);
	fake_holder(f, pid, comm, cgroup, dev, name);
}

const char *fake_pct_calls(const struct fake *f)
{
	return fake_hidden(f, "pct-calls");
}

static void note_call(struct fake *f, const char *verb, unsigned int vmid)
{
	_cleanup_text_ struct text t = { 0 };

	text_add(&t, fake_pct_calls(f));
	text_addf(&t, "%s%s %u", t.len ? "; " : "", verb, vmid);
	fake_hide(f, "pct-calls", text_str(&t));
}

static _printf_(2, 3) int fails(struct exec_result *ret, const char *fmt, ...)
{
	va_list ap;

	ret->status = 255;
	va_start(ap, fmt);
	if (vasprintf(&ret->output, fmt, ap) < 0)
		ret->output = NULL;
	va_end(ap);
	return 0;
}

/* get_device_mode_and_rdev() in PVE/LXC/Tools.pm: what is there, be it a card's node or a placeholder. */
static bool node_exists(const struct fake *f, const char *path)
{
	char full[PATH_MAX];
	struct stat st;
	dev_t dev;

	if (lstat(fake_path(f, full, path), &st) == 0)
		return S_ISCHR(st.st_mode);
	return node_rdev(&f->root, path, &dev) == 0;
}

/* Processes of a container end with it. */
static void end_processes(struct fake *f, unsigned int vmid)
{
	char path[PATH_MAX], full[PATH_MAX], group[32];
	struct dirent **v;
	int n = scandir(fake_path(f, full, "/proc"), &v, NULL, NULL);

	snprintf(group, sizeof(group), "/lxc/%u/", vmid);
	for (int i = 0; i < n; i++) {
		if (strstr(fake_get(f, path_f(path, "/proc/%s/cgroup", v[i]->d_name)), group))
			fake_holder_gone(f, atoi(v[i]->d_name));
		free(v[i]);
	}
	if (n >= 0)
		free(v);
}

static void stop(struct fake *f, unsigned int vmid)
{
	end_processes(f, vmid);
	fake_ct_set(f, vmid, false);
}

static int start(struct fake *f, unsigned int vmid, const struct config *cfg, struct exec_result *ret)
{
	_cleanup_ctdev_list_ struct ctdev_list devices = { 0 };

	if (fake_ct_runs(f, vmid))
		return fails(ret, "CT %u already running\n", vmid);
	if (ctdev_all(cfg, &devices) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < devices.n; i++)
		if (devices.v[i].kind == CTDEV_NODE && !node_exists(f, devices.v[i].path))
			return fails(ret, "Device %s does not exist\n", devices.v[i].path);
	fake_ct_set(f, vmid, true);
	return 0;
}

static int shutdown_ct(struct fake *f, unsigned int vmid, bool hard, struct exec_result *ret)
{
	char path[PATH_MAX];
	const char *how = fake_hidden(f, path_f(path, "ct-how/%u", vmid));

	if (!fake_ct_runs(f, vmid))
		return fails(ret, "CT %u not running\n", vmid);
	if (str_eq(how, "undying") || (!hard && str_eq(how, "deaf")))
		return fails(ret, "command 'lxc-stop -n %u --nokill --timeout 60' failed: exit code 1\n", vmid);
	stop(f, vmid);
	return 0;
}

static int ha_manager(struct fake *f, char *const argv[], struct exec_result *ret)
{
	unsigned int vmid;

	if (!str_eq(argv[1], "set") || sscanf(argv[2], "ct:%u", &vmid) != 1 || !str_eq(argv[3], "--state"))
		fake_die("ha-manager %s is not known here", argv[1]);
	note_call(f, argv[4], vmid);
	fake_putf(f, "/etc/pve/ha/resources.cfg", "ct: %u\n\tstate %s\n\n", vmid, argv[4]);
	/* the local resource manager does as it is asked; a start that fails is its own business */
	if (str_eq(argv[4], "stopped"))
		return shutdown_ct(f, vmid, true, ret);
	fake_ct_set(f, vmid, true);
	return 0;
}

int fake_pct(struct fake *f, char *const argv[], struct exec_result *ret)
{
	_cleanup_config_ struct config cfg = { 0 };
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX], full[PATH_MAX];
	unsigned int vmid;

	if (str_eq(argv[0], "ha-manager"))
		return ha_manager(f, argv, ret);
	if (!str_eq(argv[0], "pct"))
		return -ENOENT;
	if (!argv[1] || !argv[2] || parse_vmid(argv[2], &vmid) < 0)
		fake_die("pct without a container");
	note_call(f, argv[1], vmid);
	path_f(path, "/run/lock/lxc/pve-config-%u.lock", vmid);
	fd = open(fake_path(f, full, path), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fails(ret, "can't lock file '%s' - got timeout\n", path);
	if (config_load(&f->root, GUEST_CT, vmid, &cfg, NULL) < 0)
		return fails(ret, "Configuration file 'nodes/host/lxc/%u.conf' does not exist\n", vmid);
	if (config_get(&cfg, "lock"))
		return fails(ret, "CT is locked (%s)\n", config_get(&cfg, "lock"));
	if (str_eq(argv[1], "start"))
		return start(f, vmid, &cfg, ret);
	if (str_eq(argv[1], "shutdown"))
		return shutdown_ct(f, vmid, false, ret);
	if (str_eq(argv[1], "stop"))
		return shutdown_ct(f, vmid, true, ret);
	fake_die("pct %s is not known here", argv[1]);
}

static void describe(const struct fake *f, unsigned int vmid, void *ctx)
{
	_cleanup_free_ char *conf = NULL;
	char path[PATH_MAX];

	root_read(&f->root, path_f(path, "/etc/pve/lxc/%u.conf", vmid), 1 << 20, &conf, NULL);
	text_addf(ctx, "ct %u %s\n%s", vmid, fake_ct_runs(f, vmid) ? "running" : "stopped", conf ? conf : "");
}

void fake_ct_describe(const struct fake *f, struct text *t)
{
	char full[PATH_MAX];
	struct dirent **v;
	int n = scandir(fake_path(f, full, "/dev/dri"), &v, NULL, alphasort);

	each(f, describe, t);
	for (int i = 0; i < n; i++) {
		if (v[i]->d_name[0] != '.')
			text_addf(t, "placeholder %s\n", v[i]->d_name);
		free(v[i]);
	}
	if (n >= 0)
		free(v);
}

void fake_node_set(struct fake *f, const char *number, const char *path, bool there)
{
	_cleanup_free_ char *old = NULL;
	_cleanup_text_ struct text t = { 0 };
	char line[PATH_MAX], *p, *l;

	path_f(line, "c %s %s", number, path);
	if (root_read(&f->root, NODE_MANIFEST, 1 << 20, &old, NULL) < 0)
		old = NULL;
	for (p = old; p && (l = str_line(&p));)
		if (!str_eq(l, line))
			text_addf(&t, "%s\n", l);
	if (there)
		text_addf(&t, "%s\n", line);
	fake_put(f, NODE_MANIFEST, text_str(&t));
}
