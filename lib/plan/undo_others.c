/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/lease.h"
#include "plan/undo.h"

/*
 * Is a container of that lease between two states: on its way back, or stopped for its lines and not started again? Then that it does not
 * run is nobody's wish, and a line that is put back now may come too late for a start that is under way.
 */
static bool is_half_way(const struct record *rec, unsigned int ct)
{
	bool open = false, half_way = false;

	for (size_t i = 0; i < rec->n_steps; i++) {
		const struct record_step *rs = &rec->steps[i];

		if (!rs->step.kind->launch || step_container(&rs->step) != ct)
			continue;
		if (rs->state == RECORD_UNDOING)
			return true;
		if (record_step_open(rs)) {
			open = true;
			half_way = false; /* started once more */
		} else if (open && rs->state == RECORD_UNDONE) {
			half_way = true;
		}
	}
	return half_way;
}

static bool lease_is_half_way(const struct root *r, unsigned int vmid, unsigned int ct)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	char path[PATH_MAX];

	return lease_path(r, vmid, path) == 0 && record_load(r, path, &rec, NULL) == 0 && !lease_is_old(r, &rec) && is_half_way(&rec, ct);
}

unsigned int undo_other(const struct record *rec, unsigned int ct)
{
	_cleanup_free_ unsigned int *all = NULL;
	const char *name = strrchr(rec->path, '/');
	unsigned int own = 0;
	bool ours;
	size_t n;

	if (!name || parse_vmid(name + 1, &own) < 0 || lease_all(rec->root, &all, &n) < 0)
		return 0;
	/* two that are half-way both must not wait for each other: the lower id goes first */
	ours = is_half_way(rec, ct);
	for (size_t i = 0; i < n && (!ours || all[i] < own); i++)
		if (all[i] != own && lease_is_half_way(rec->root, all[i], ct))
			return all[i];
	return 0;
}
