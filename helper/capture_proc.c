/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes: those that hold a card, QEMU of VMs, inits of containers, and those that our own records name. */
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "helper/capture.h"
#include "host/inside.h"
#include "plan/state.h"
#include "pve/cmdline.h"
#include "pve/ctdev.h"
#include "pve/guest.h"

/* Documentation/admin-guide/devices.txt: numbers that are a card's even if none of those that are there has them now */
#define DRM_MAJOR    226
#define NVIDIA_MAJOR 195

void capture_process(struct capture *c, pid_t pid)
{
	static const char *const files[] = { "comm", "cgroup" };
	_cleanup_free_ char *args = NULL;
	_cleanup_text_ struct text kept = { 0 };
	char path[PATH_MAX];
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		capture_file(c, path_f(path, "/proc/%d/%s", (int)pid, files[i]), 65536, false, NULL);
	capture_file(c, path_f(path, "/proc/%d/stat", (int)pid), 65536, false, mask_stat);
	if (slow_read(c->root, path_f(path, "/proc/%d/cmdline", (int)pid), CMDLINE_MAX, &args, &len) < 0)
		return;
	mask_arguments(args, len, &kept);
	capture_bytes(c, path, text_str(&kept), kept.len);
}

/* The device behind a descriptor, 0 if it is none; as lib/host/holders.c looks, which waits for no filesystem. */
static dev_t fd_dev(const struct capture *c, int fds, const char *fd, pid_t pid)
{
	char path[PATH_MAX];
	struct statx st;
	dev_t dev;

	if (!root_is_real(c->root))
		return manifest_find(&c->manifest, path_f(path, "/proc/%d/fd/%s", (int)pid, fd), &dev) == 0 ? dev : 0;
	if (statx(fds, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) < 0 || !S_ISCHR(st.stx_mode))
		return 0;
	return makedev(st.stx_rdev_major, st.stx_rdev_minor);
}

static void capture_fd(struct capture *c, int fds, const char *fd, pid_t pid, dev_t dev)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n = readlinkat(fds, fd, target, sizeof(target) - 1);

	if (n < 0)
		return;
	target[n] = '\0';
	capture_link(c, path_f(path, "/proc/%d/fd/%s", (int)pid, fd), target);
	capture_node(c, path, dev);
	capture_file(c, path_f(path, "/proc/%d/fdinfo/%s", (int)pid, fd), 65536, false, mask_fdinfo);
}

/* The descriptors of one process. */
static void capture_holder(struct capture *c, int proc, const char *name)
{
	_cleanup_closedir_ DIR *d = NULL;
	char path[PATH_MAX];
	uint64_t pid;
	bool holds = false;
	int fd;

	if (parse_uint(name, INT32_MAX, &pid) < 0 || pid == 0)
		return;
	fd = openat(proc, path_f(path, "%s/fd", name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c->unseen += fd < 0 && errno == EACCES;
	if (fd < 0)
		return;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return;
	}
	for (struct dirent *ent; (ent = readdir(d));) {
		dev_t dev = ent->d_name[0] == '.' ? 0 : fd_dev(c, fd, ent->d_name, (pid_t)pid);

		if (!dev || (!nodes_find(&c->nodes, dev) && major(dev) != DRM_MAJOR && major(dev) != NVIDIA_MAJOR))
			continue;
		capture_fd(c, fd, ent->d_name, (pid_t)pid, dev);
		holds = true;
	}
	if (holds)
		capture_process(c, (pid_t)pid);
}

static void capture_holders(struct capture *c)
{
	_cleanup_closedir_ DIR *d = NULL;
	_cleanup_close_ int proc = root_open(c->root, "/proc", O_PATH | O_DIRECTORY, 0);

	if (proc < 0 || root_opendir(c->root, "/proc", &d) < 0)
		return;
	for (struct dirent *ent; (ent = readdir(d));)
		capture_holder(c, proc, ent->d_name);
}

/* QEMU's pid file: of the process no more than that it is one. */
static void capture_qemus(struct capture *c)
{
	_cleanup_guest_list_ struct guest_list vms = { 0 };
	char path[PATH_MAX], line[32];
	uint64_t pid;

	if (guest_list(c->root, GUEST_VM, &vms, NULL) < 0)
		return;
	for (size_t i = 0; i < vms.n; i++)
		if (root_read_line(c->root, path_f(path, "/run/qemu-server/%u.pid", vms.v[i]), line, sizeof(line)) == 0 &&
		    parse_uint(line, INT32_MAX, &pid) == 0 && pid > 0)
			capture_process(c, (pid_t)pid);
}

/* Whom our records name (state_read_who() in state.h, claims): who is gone has ended. */
static void capture_named_by(struct capture *c, const char *dir)
{
	_cleanup_strv_ struct strv names = { 0 };
	char path[PATH_MAX], *word, *save = NULL;
	uint64_t pid;

	if (state_list(c->root, dir, &names) < 0)
		return;
	strv_foreach(name, &names) {
		_cleanup_free_ char *text = NULL;

		if (state_read(c->root, path_f(path, "%s/%s", dir, name), &text) < 0)
			continue;
		for (word = strtok_r(text, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
			if (parse_uint(word, 4194304, &pid) == 0 && pid > 1 &&
			    root_exists(c->root, path_f(path, "/proc/%s/stat", word)))
				capture_process(c, (pid_t)pid);
	}
}

/* The nodes of cards that are in a container that runs. */
static void capture_inside(struct capture *c, struct proc_id init, const struct strv *in)
{
	_cleanup_inside_ struct inside found = { 0 };
	struct inside_place place = { .init = init, .in = in };
	char path[PATH_MAX];

	capture_dir(c, path_f(path, "/proc/%d/root/dev", (int)init.pid));
	if (inside_find(c->root, &c->manifest, &place, 1, &c->nodes, &found) < 0)
		return;
	for (size_t i = 0; i < found.n; i++)
		if (strlen(found.v[i].path) < INSIDE_PATH_LEN - 1)
			capture_node(c, path_f(path, "/proc/%d/root%s", (int)init.pid, found.v[i].path), found.v[i].dev);
}

/* Where in it a mount may have put nodes. */
static int places_of(struct capture *c, unsigned int vmid, struct strv *ret)
{
	_cleanup_ctdev_list_ struct ctdev_list devices = { 0 };
	_cleanup_config_ struct config cfg = { 0 };
	int k = strv_add(ret, "/dev");

	if (k == 0 && config_load(c->root, GUEST_CT, vmid, &cfg, NULL) == 0)
		k = ctdev_all(&cfg, &devices);
	for (size_t i = 0; k == 0 && i < devices.n; i++)
		if (devices.v[i].kind == CTDEV_MOUNT && !strv_has(ret, devices.v[i].target))
			k = strv_add(ret, devices.v[i].target);
	return k;
}

static void capture_container(struct capture *c, unsigned int vmid)
{
	_cleanup_strv_ struct strv in = { 0 };
	char path[PATH_MAX], text[32];
	struct proc_id init;

	/* also of a container whose init is not found: that it runs is known by its socket */
	capture_dir(c, path_f(path, "/sys/fs/cgroup/lxc/%u", vmid));
	if (guest_ct_init(c->root, vmid, &init) < 0)
		return;
	snprintf(text, sizeof(text), "%d\n", (int)init.pid);
	capture_text(c, path_f(path, "/sys/fs/cgroup/lxc/%u/ns/init.scope/cgroup.procs", vmid), text);
	capture_process(c, init.pid);
	capture_file(c, path_f(path, "/proc/%d/status", (int)init.pid), 65536, false, mask_status);
	if (places_of(c, vmid, &in) < 0)
		c->r = -ENOMEM;
	else
		capture_inside(c, init, &in);
}

void capture_processes(struct capture *c)
{
	static const char *const records[] = { STATE_RUN "/claim", STATE_RUN "/turn", STATE_RUN "/watch", STATE_RUN "/stuck" };
	_cleanup_guest_list_ struct guest_list running = { 0 };

	capture_holders(c);
	capture_qemus(c);
	for (size_t i = 0; i < ARRAY_SIZE(records); i++)
		capture_named_by(c, records[i]);
	if (guest_cts_running(c->root, &running) < 0)
		return;
	for (size_t i = 0; i < running.n; i++)
		capture_container(c, running.v[i]);
}
