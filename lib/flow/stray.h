/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A card that no VM of gpupt's has: on its way home from vfio-pci, or from no driver, where it is at nobody's wish; and what an errand has
 * left on record whose process is gone.
 */
#ifndef GPUPT_STRAY_H
#define GPUPT_STRAY_H

#include "flow/report.h"
#include "host/pci.h"
#include "policy/settings.h"

struct stray {
	const struct root *root;
	const struct settings *settings;
	const struct report *report;
	struct bdf gpu; /* its display */
	bool dry_run;	/* tell the steps, make none */
	char why[320];	/* of the last call: why the card stays where it is, in one clause; "": it does not */
};

/*
 * Claimed meanwhile, as for a reset, so that no VM takes it in between. 0: home, or why says what keeps it; -EUCLEAN: what was begun stays
 * on record; -errno.
 */
int stray_bring_home(struct stray *s, struct err *e);

/*
 * After a reset the functions get their drivers back. On its way home the card goes on: what is there already is left alone, whoever
 * uses it by now. 0: nothing is on record any more, or why says what keeps it, who is at work on the card, say; -EUCLEAN: something
 * stays on record; -EBADMSG: the record is damaged; -errno.
 */
int stray_settle(struct stray *s, struct err *e);

#endif
