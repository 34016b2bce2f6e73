/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of revert: what is not put back as it was, since something depends on it by now. */
#ifndef GPUPT_REVERT_KEEP_H
#define GPUPT_REVERT_KEEP_H

#include "flow/report.h"
#include "plan/plan.h"

struct revert_keep {
	const struct root *root;
	const struct engine *en;
	const struct report *report;
	struct record *rec;
	bool has_booted, dry_run;
	struct text *kept; /* gets their paths */
	bool roms_wait; /* found: nobody can tell what VMs name, so ROMs stay on record */
};

/* Says what stays and takes it off the record, of the open steps that filter wants. 0 or -errno. */
int revert_keep(struct revert_keep *k, undo_filter_fn *filter, void *ctx, struct err *e);

#endif
