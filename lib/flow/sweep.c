/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/sweep.h"
#include "plan/claim.h"
#include "plan/turn.h"
#include "plan/state.h"
#include "pve/config_change.h"
#include "pve/guest.h"
#include "pve/lock.h"
#include "pve/reservation.h"

/* The hook reserves for the time until Proxmox VE does; when it was killed, others would be refused until
 * that has passed. */
static void drop_reservation(const struct root *r, struct bdf b, unsigned int vmid)
{
	_cleanup_close_ int lock = -1;

	/* the lock in hand: no start is under way that the reservation could be for */
	if (pve_lock_try(r, GUEST_VM, vmid, &lock) == 0 && guest_running(r, GUEST_VM, vmid, NULL) == 0)
		reservation_remove(r, &b, 1, vmid, NULL);
}

void sweep_run(const struct root *r)
{
	_cleanup_close_ int lock = state_lock(r, NULL);
	_cleanup_free_ struct claim *dead = NULL;
	size_t n = 0;

	if (lock < 0)
		return;
	if (claim_drop_dead(r, &dead, &n) == 0)
		for (size_t i = 0; i < n; i++)
			if (dead[i].vmid)
				drop_reservation(r, dead[i].bdf, dead[i].vmid);
	turn_drop_dead(r);
	state_drop_temporary(r);
	config_drop_temporary(r);
}
