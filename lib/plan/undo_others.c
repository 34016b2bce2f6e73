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

struct search {
	unsigned int ct, own, found;
	bool ours; /* it is half-way by the own lease, too */
};

/* Two that are half-way both must not wait for each other: the lower id goes first. */
static void look_at(void *ctx, unsigned int vmid, const struct record *rec)
{
	struct search *s = ctx;

	if (!s->found && vmid != s->own && (!s->ours || vmid < s->own) && is_half_way(rec, s->ct))
		s->found = vmid;
}

unsigned int undo_other(const struct record *rec, unsigned int ct)
{
	struct search s = { .ct = ct, .ours = is_half_way(rec, ct) };
	const char *name = strrchr(rec->path, '/');

	if (!name || parse_vmid(name + 1, &s.own) < 0 || lease_each(rec->root, look_at, &s) < 0)
		return 0;
	return s.found;
}
