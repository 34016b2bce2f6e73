/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "base/slow.h"
#include "pve/cmdline.h"
#include "pve/guest.h"

#define PIDFILE_MAX 64
#define GUEST_VMS   "/etc/pve/qemu-server"
#define GUEST_CTS   "/etc/pve/lxc"

/* The id in a name like "101.conf". */
static bool conf_name(const char *name, unsigned int *ret)
{
	char id[16];
	size_t n = strcspn(name, ".");

	if (n >= sizeof(id) || !str_eq(name + n, ".conf"))
		return false;
	memcpy(id, name, n);
	id[n] = '\0';
	return parse_vmid(id, ret) == 0;
}

static int id_cmp(const void *pa, const void *pb)
{
	const unsigned int *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

int guest_list_add(struct guest_list *l, unsigned int vmid)
{
	/* full at each power of two, so that it need not be noted how much room there is */
	if ((l->n & (l->n - 1)) == 0) {
		unsigned int *v = realloc(l->v, (l->n ? l->n * 2 : 1) * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
	}
	l->v[l->n++] = vmid;
	return 0;
}

bool guest_list_has(const struct guest_list *l, unsigned int vmid)
{
	return l->n && bsearch(&vmid, l->v, l->n, sizeof(*l->v), id_cmp);
}

int guest_list(const struct root *r, enum guest_kind kind, struct guest_list *ret, struct err *e)
{
	return guest_list_dir(r, kind == GUEST_CT ? GUEST_CTS : GUEST_VMS, ret, e);
}

int guest_list_dir(const struct root *r, const char *path, struct guest_list *ret, struct err *e)
{
	_cleanup_guest_list_ struct guest_list l = { 0 };
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *de;
	unsigned int vmid;
	int k = root_opendir(r, path, &dir);

	if (k < 0 && k != -ENOENT)
		return err_errno(e, k, "cannot read the directory '%s'", path);
	while (k == 0 && (errno = 0, de = readdir(dir)))
		if (conf_name(de->d_name, &vmid) && guest_list_add(&l, vmid) < 0)
			return err_set(e, -ENOMEM, "out of memory");
	if (k == 0 && errno)
		return err_errno(e, -errno, "cannot read the directory '%s'", path);
	if (l.n > 0)
		qsort(l.v, l.n, sizeof(*l.v), id_cmp);
	*ret = l;
	l = (struct guest_list){ 0 };
	return 0;
}

void guest_list_done(struct guest_list *l)
{
	free(l->v);
	*l = (struct guest_list){ 0 };
}

enum guest_kind guest_kind(const struct root *r, unsigned int vmid)
{
	char path[PATH_MAX];

	if (root_exists(r, config_path(path, GUEST_VM, vmid)))
		return GUEST_VM;
	return root_exists(r, config_path(path, GUEST_CT, vmid)) ? GUEST_CT : GUEST_NONE;
}

static int vm_running(const struct root *r, unsigned int vmid, pid_t *ret_pid)
{
	_cleanup_free_ char *args = NULL;
	char path[PATH_MAX], line[PIDFILE_MAX];
	uint64_t pid;
	size_t len;
	int k = root_read_line(r, path_f(path, "/run/qemu-server/%u.pid", vmid), line, sizeof(line));

	if (k < 0)
		return k == -ENOENT || k == -EOVERFLOW ? 0 : k;
	if (parse_uint(line, INT_MAX, &pid) < 0 || pid == 0)
		return 0;
	/* a process that has ended, waited for or not, has no command line any more: its memory is gone */
	k = slow_read(r, path_f(path, "/proc/%d/cmdline", (int)pid), CMDLINE_MAX, &args, &len);
	if (k == -ENOENT || k == -ESRCH)
		return 0;
	if (k < 0)
		return k;
	if (!cmdline_is_vm(args, len, vmid))
		return 0;
	if (ret_pid)
		*ret_pid = (pid_t)pid;
	return 1;
}

static int ct_running(const struct root *r, unsigned int vmid)
{
	_cleanup_guest_list_ struct guest_list running = { 0 };
	int k = guest_cts_running(r, &running);

	return k < 0 ? k : guest_list_has(&running, vmid);
}

int guest_running(const struct root *r, enum guest_kind kind, unsigned int vmid, pid_t *ret_pid)
{
	switch (kind) {
	case GUEST_VM:
		return vm_running(r, vmid, ret_pid);
	case GUEST_CT:
		return ct_running(r, vmid);
	case GUEST_NONE:
		break;
	}
	return 0;
}

void guest_flags(const struct root *r, const struct config *cfg, struct guest_flags *ret)
{
	const char *lock = config_get(cfg, "lock");
	char path[PATH_MAX];

	*ret = (struct guest_flags){
		.template = config_get_bool(cfg, "template", false),
		.onboot = config_get_bool(cfg, "onboot", false),
	};
	snprintf(ret->lock, sizeof(ret->lock), "%s", lock ? lock : "");
	str_printable(ret->lock);
	path_f(path, cfg->kind == GUEST_CT ? "/var/lib/lxc/%u/reboot" : "/run/qemu-server/%u.reboot",
	       cfg->vmid);
	ret->rebooting = root_exists(r, path);
}
