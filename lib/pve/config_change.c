/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/proc.h"
#include "pve/cfs.h"
#include "pve/config_change.h"
#include "pve/guest.h"
#include "pve/lock.h"

/* `pct set` and the like are done in a second; for a start or a stop, which are not, nobody waits */
#define LOCK_WAIT_MS 3000
#define LOCK_LOOK_MS 50
#define CTS	     "/etc/pve/lxc"

static int take_lock(const struct root *r, unsigned int vmid, int *ret_fd, struct err *e)
{
	uint64_t deadline = now_ms() + LOCK_WAIT_MS;
	int k;

	while ((k = pve_lock_try(r, GUEST_CT, vmid, ret_fd)) == -EBUSY && now_ms() < deadline)
		sleep_ms(LOCK_LOOK_MS);
	if (k == -EBUSY)
		return err_set(e, k, "Proxmox VE is working on CT %u: try again when its task has ended", vmid);
	return k < 0 ? err_errno(e, k, "cannot take Proxmox VE's lock of CT %u", vmid) : 0;
}

/* vzdump holds a lock of its own for as long as it runs (getlock() in PVE/VZDump.pm). */
static bool backup_runs(const struct root *r)
{
	_cleanup_close_ int fd = root_open(r, "/run/vzdump.lock", O_RDONLY | O_NONBLOCK, 0);

	return fd != -ENOENT && (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0);
}

/* A task that has locked a configuration counts on finding it as it is. */
static int check_lock(const struct root *r, const struct config *cfg, bool despite_dead_backup, struct err *e)
{
	struct guest_flags flags = { 0 };

	guest_flags(r, cfg, &flags);
	if (!flags.lock[0] || (despite_dead_backup && str_eq(flags.lock, "backup") && !backup_runs(r)))
		return 0;
	return err_set(e, -EBUSY, "CT %u is locked (%s): try again when that task has ended; a lock that it has left behind is taken off by 'pct unlock %u'",
		       cfg->vmid, flags.lock, cfg->vmid);
}

static bool is_unchanged(const struct root *r, const char *path, const struct config *cfg)
{
	_cleanup_free_ char *now = NULL;
	size_t len;

	return root_read(r, path, CONFIG_MAX, &now, &len) == 0 && len == cfg->raw_len && memcmp(now, cfg->raw, len) == 0;
}

static int replace(const struct root *r, const struct config *cfg, const struct text *bytes, struct err *e)
{
	char path[PATH_MAX];
	int k;

	config_path(path, GUEST_CT, cfg->vmid);
	if (bytes->r < 0)
		return err_errno(e, bytes->r, "cannot write %s", path);
	if (!is_unchanged(r, path, cfg))
		return err_set(e, -EAGAIN, "somebody else edits %s: try again", path);
	k = root_write_file(r, path, text_str(bytes), bytes->len, 0640);
	/* pmxcfs answers EACCES to every write without quorum (dcdb_send_fuse_message() in src/pmxcfs/dcdb.c) */
	if (k < 0 && cfs_ready(r, NULL) < 0)
		return cfs_ready(r, e);
	if (k == 0)
		k = cfs_sync(r);
	return k < 0 ? err_errno(e, k, "cannot write %s", path) : 0;
}

int config_change(const struct root *r, unsigned int vmid, bool despite_dead_backup, config_edit_fn *edit, void *ctx, struct err *e)
{
	_cleanup_config_ struct config cfg = { 0 };
	_cleanup_text_ struct text bytes = { 0 };
	_cleanup_close_ int lock = -1;
	int k = cfs_ready(r, e);

	if (k == 0)
		k = take_lock(r, vmid, &lock, e);
	/* a container that is destroyed or migrated meanwhile goes under that lock */
	if (k == 0)
		k = cfs_find_ct(r, vmid, e);
	if (k == 0)
		k = config_load(r, GUEST_CT, vmid, &cfg, e);
	if (k == 0)
		k = edit(ctx, &cfg, &bytes, e);
	if (k != 0)
		return k < 0 ? k : 0;
	k = check_lock(r, &cfg, despite_dead_backup, e);
	return k < 0 ? k : replace(r, &cfg, &bytes, e);
}

/* ".200.conf.4711.tmp" of root_write_file() → 200; 0 for any other name. */
static unsigned int temporary_of(const char *name)
{
	unsigned int vmid = 0;
	int end = 0;

	if (sscanf(name, ".%9u.conf.%*9u.tmp%n", &vmid, &end) < 1 || end == 0 || name[end])
		return 0;
	return vmid;
}

void config_drop_temporary(const struct root *r)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *de;

	if (root_opendir(r, CTS, &dir) < 0)
		return;
	while ((de = readdir(dir))) {
		_cleanup_close_ int lock = -1;
		unsigned int vmid = temporary_of(de->d_name);

		/* with the lock in hand it is nobody's */
		if (vmid && pve_lock_try(r, GUEST_CT, vmid, &lock) == 0)
			root_unlink(r, path_f(path, CTS "/%s", de->d_name));
	}
}
