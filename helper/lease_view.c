/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/sysmacros.h>

#include "helper/lease_view.h"
#include "plan/turn.h"
#include "pve/guest.h"

#define LOCKS_MAX (4 * 1024 * 1024)

static const char *const states[] = {
	[LEASE_RUNNING] = "running",
	[LEASE_STARTING] = "starting",
	[LEASE_SETTLING] = "settling",
	[LEASE_NOT_RUNNING] = "not running",
	[LEASE_EARLIER_BOOT] = "earlier boot",
};

const char *lease_state_name(enum lease_state s)
{
	return states[s];
}

bool lease_view_locked(const struct root *r, const char *path)
{
	_cleanup_free_ char *locks = NULL;
	char want[64], *p, *line;
	struct stat st;

	if (root_stat(r, path, &st) < 0 ||
	    root_read(r, "/proc/locks", LOCKS_MAX, &locks, NULL) < 0)
		return false;
	/* "1: FLOCK  ADVISORY  WRITE 1234 00:19:5678 0 EOF", proc_locks(5) */
	snprintf(want, sizeof(want), " %02x:%02x:%llu ", major(st.st_dev), minor(st.st_dev), (unsigned long long)st.st_ino);
	for (p = locks; (line = str_line(&p));)
		if (strstr(line, " FLOCK ") && strstr(line, want))
			return true;
	return false;
}

/* Does somebody hold Proxmox VE's lock of the VM? */
static bool pve_works_on(const struct root *r, unsigned int vmid)
{
	char path[PATH_MAX];

	return lease_view_locked(r, path_f(path, "/var/lock/qemu-server/lock-%u.conf", vmid));
}

static bool partly_undone(const struct record *rec)
{
	for (size_t i = 0; i < rec->n_steps; i++) {
		const struct record_step *rs = &rec->steps[i];

		if (rs->state == RECORD_UNDOING || (rs->state == RECORD_UNDONE && !rs->step.kind->effect))
			return true;
	}
	return false;
}

static enum lease_state find_state(const struct root *r, const struct lease_view *v)
{
	if (v->qemu)
		return LEASE_RUNNING;
	if (lease_is_old(r, &v->rec))
		return LEASE_EARLIER_BOOT;
	if (turn_calling(r, v->vmid, NULL))
		return LEASE_SETTLING;
	if (!turn_taken(r, v->vmid) && !pve_works_on(r, v->vmid))
		return LEASE_NOT_RUNNING;
	return partly_undone(&v->rec) ? LEASE_SETTLING : LEASE_STARTING;
}

int lease_view_load(const struct root *r, unsigned int vmid, struct lease_view *ret, struct err *e)
{
	_cleanup_lease_view_ struct lease_view v = { .vmid = vmid, .rec.fd = -1 };
	char path[PATH_MAX];
	int k = lease_path(r, vmid, path);

	if (k < 0)
		return err_errno(e, k, "cannot see whether VM %u has a lease", vmid);
	k = record_load(r, path, &v.rec, e);
	if (k == 0)
		k = lease_functions(&v.rec, &v.functions, &v.n);
	if (k < 0)
		return k;
	if (guest_running(r, GUEST_VM, vmid, &v.qemu) <= 0)
		v.qemu = 0;
	v.state = find_state(r, &v);
	*ret = v;
	v = (struct lease_view){ .rec.fd = -1 };
	return 0;
}

void lease_view_done(struct lease_view *v)
{
	record_close(&v->rec);
	free(v->functions);
	*v = (struct lease_view){ .rec.fd = -1 };
}

const char *lease_view_remedy(const struct lease_view *v, char buf[static 80])
{
	switch (v->state) {
	case LEASE_RUNNING:
	case LEASE_STARTING:
	case LEASE_SETTLING:
		return NULL;
	case LEASE_NOT_RUNNING:
	case LEASE_EARLIER_BOOT:
		break;
	}
	snprintf(buf, 80, "gpupt-helper reconcile %u", v->vmid);
	return buf;
}
