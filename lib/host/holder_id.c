/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/holders.h"

#define PIDFILES "/run/qemu-server"

/* Does the pid file at name, "101.pid", name the process? */
static bool pidfile_names(const struct root *r, const char *name, pid_t pid, unsigned int *ret_vmid)
{
	char path[PATH_MAX], line[32], id[16];
	size_t n = strcspn(name, ".");
	uint64_t number;

	if (n >= sizeof(id) || !str_eq(name + n, ".pid"))
		return false;
	memcpy(id, name, n);
	id[n] = '\0';
	if (parse_vmid(id, ret_vmid) < 0 ||
	    root_read_line(r, path_f(path, PIDFILES "/%s", name), line, sizeof(line)) < 0)
		return false;
	return parse_uint(line, INT32_MAX, &number) == 0 && (pid_t)number == pid;
}

/*
 * QEMU that is not in the scope that Proxmox VE starts it in: by the pid file that only root can write
 * (vm_pidfile_name() in PVE/QemuServer/Helpers.pm). What the process says of itself proves nothing: anybody
 * may call a program kvm and give it `-id 101`.
 */
static void vm_identify(const struct root *r, struct holder *h)
{
	_cleanup_closedir_ DIR *d = NULL;
	unsigned int vmid;

	/* a pid file that was left behind may name a process that came later */
	if (!str_eq(h->comm, "kvm") && !str_starts(h->comm, "qemu-system-"))
		return;
	if (root_opendir(r, PIDFILES, &d) < 0)
		return;
	for (struct dirent *ent; (ent = readdir(d));) {
		if (!pidfile_names(r, ent->d_name, h->proc.pid, &vmid))
			continue;
		h->kind = HOLDER_VM;
		snprintf(h->id, sizeof(h->id), "%u", vmid);
		return;
	}
}

int holder_identify(const struct root *r, struct holder *h)
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

void holder_nodes(const struct holder *h, struct text *t)
{
	strv_foreach(n, &h->nodes) {
		text_join(t, ", ", strchr(n, ' ') ? "" : "/dev/");
		text_add(t, n);
	}
}
