/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "helper/lease_view.h"
#include "plan/claim.h"
#include "pve/guest.h"

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

/* Does the pre-start that claimed a function of it still run? */
static bool in_hand(const struct root *r, const struct lease_view *v)
{
	for (size_t i = 0; i < v->n; i++) {
		struct claim claim;

		if (claim_find(r, v->functions[i], &claim) > 0 && claim.vmid == v->vmid && proc_alive(r, claim.owner))
			return true;
	}
	return false;
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
	if (in_hand(r, v))
		return LEASE_STARTING;
	return partly_undone(&v->rec) ? LEASE_SETTLING : LEASE_NOT_RUNNING;
}

int lease_view_load(const struct root *r, unsigned int vmid, struct lease_view *ret, struct err *e)
{
	_cleanup_lease_view_ struct lease_view v = { .vmid = vmid, .rec.fd = -1 };
	char path[PATH_MAX];
	int k = lease_path(r, vmid, path);

	if (k == 0)
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
		return NULL;
	case LEASE_SETTLING:
	case LEASE_NOT_RUNNING:
	case LEASE_EARLIER_BOOT:
		break;
	}
	snprintf(buf, 80, "gpupt-helper reconcile %u", v->vmid);
	return buf;
}
