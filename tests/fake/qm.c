/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `qm shutdown` and `qm stop` of another VM, with what Proxmox VE does around them. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/exec.h"
#include "plan/state.h"
#include "pve/guest.h"
#include "pve/reservation.h"
#include "tests/fake/vm.h"

/* Whoever waits for others holds none of our locks: they would wait for it in turn. */
static void must_be_free(const struct fake *f, const char *path)
{
	char full[PATH_MAX];
	int fd = open(fake_path(f, full, path), O_RDWR | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		fake_die("%s is locked while another program runs", path);
	if (fd >= 0)
		close(fd);
}

void fake_no_locks(const struct fake *f)
{
	static const char *const dirs[] = { STATE_RUN "/lease", STATE_VAR "/lease" };

	must_be_free(f, STATE_RUN "/lock");
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_strv_ struct strv names = { 0 };
		char path[PATH_MAX];

		state_list(&f->root, dirs[i], &names);
		strv_foreach(name, &names)
			must_be_free(f, path_f(path, "%s/%s", dirs[i], name));
	}
}

void fake_qm_how(struct fake *f, unsigned int vmid, const char *how)
{
	char path[PATH_MAX];

	fake_hide(f, path_f(path, "qm/%u", vmid), how);
}

static int fails(struct exec_result *ret, const char *why)
{
	ret->status = 255;
	ret->output = strdup(why);
	return 0;
}

/* What the VM's task does once QEMU is gone. "late": it leaves that to 'qm cleanup', as before qemu-server 9.1.13. */
static void ends(struct fake *f, unsigned int vmid, bool late)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_vm_ends(f, vmid);
	reservation_remove(&f->root, NULL, 0, vmid, NULL);
	if (!late)
		vm_stop(f, vmid, &v);
}

static void note_call(struct fake *f, char *const argv[])
{
	_cleanup_text_ struct text t = { 0 };

	text_add(&t, fake_hidden(f, "qm-calls"));
	text_add(&t, t.len ? "; " : "");
	for (int i = 1; argv[i]; i++)
		text_addf(&t, "%s%s", i > 1 ? " " : "", argv[i]);
	fake_hide(f, "qm-calls", text_str(&t));
}

static int under_lock(struct fake *f, unsigned int vmid, bool shutdown, struct exec_result *ret)
{
	_cleanup_config_ struct config cfg = { 0 };
	char path[PATH_MAX], how[32];
	const char *lock;

	snprintf(how, sizeof(how), "%s", fake_hidden(f, path_f(path, "qm/%u", vmid)));
	if (guest_running(&f->root, GUEST_VM, vmid, NULL) <= 0)
		return fails(ret, "VM is not running\n");
	if (config_load(&f->root, GUEST_VM, vmid, &cfg, NULL) < 0)
		return fails(ret, "Configuration file does not exist\n");
	lock = config_get(&cfg, "lock");
	if (lock)
		return fails(ret, "VM is locked\n");
	if (str_eq(how, "interrupted"))
		return -EINTR;
	if (str_eq(how, "undying") || (shutdown && str_eq(how, "deaf")))
		return fails(ret, "trying\nVM quit/powerdown failed - got timeout\n");
	if (shutdown && str_eq(how, "deaf, then locked")) {
		fake_put(f, path_f(path, "/etc/pve/qemu-server/%u.conf", vmid), "machine: q35\nlock: snapshot\n");
		return fails(ret, "VM quit/powerdown failed - got timeout\n");
	}
	if (shutdown && str_eq(how, "hangs"))
		return -ETIMEDOUT;
	ends(f, vmid, str_eq(how, "late"));
	return 0;
}

int fake_qm(struct fake *f, char *const argv[], struct exec_result *ret)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX], full[PATH_MAX];
	unsigned int vmid;

	if (!argv[1] || !argv[2] || parse_vmid(argv[2], &vmid) < 0)
		fake_die("qm without a VM");
	note_call(f, argv);
	fake_no_locks(f);
	path_f(path, "/run/lock/qemu-server/lock-%u.conf", vmid);
	fd = open(fake_path(f, full, path), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fails(ret, "can't lock file - got timeout\n");
	if (str_eq(argv[1], "shutdown"))
		return under_lock(f, vmid, true, ret);
	if (str_eq(argv[1], "stop"))
		return under_lock(f, vmid, false, ret);
	fake_die("qm %s is not known here", argv[1]);
}
