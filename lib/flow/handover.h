/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pre-start: a VM's cards go to vfio-pci, or nothing has changed. */
#ifndef GPUPT_HANDOVER_H
#define GPUPT_HANDOVER_H

#include "flow/report.h"
#include "plan/plan.h"
#include "policy/finding.h"
#include "policy/settings.h"
#include "pve/config.h"

struct handover {
	const struct root *root;
	const struct settings *settings;
	const struct config *cfg; /* the VM's */
	unsigned int vmid;
	bool dry_run; /* decide and plan, change nothing */
	bool backup;  /* as its backup would start it: as if its configuration had `lock: backup` */
	const struct report *report;
};

#define HANDOVER_REFUSED 1 /* no errno: it says that the findings have the reason */

/*
 * 0: the VM has its cards (or needs none). HANDOVER_REFUSED: ret_findings has why. -errno: failed and put back, err says what;
 * -EUCLEAN: failed, and not everything could be put back. ret_findings holds warnings in any case; ret_plan (may be NULL) what
 * was, or with dry_run would be, done.
 */
int handover_run(const struct handover *h, struct findings *ret_findings, struct plan *ret_plan, struct err *e);

/* Is anything of this VM gpupt's business? True also where that cannot be told. */
bool handover_concerns(const struct root *r, const struct config *cfg, unsigned int vmid);

/* post-start: notes QEMU's pid in the lease and complains where its command line and the lease disagree. 0 also without a lease. */
int handover_confirm(const struct root *r, unsigned int vmid, bool dry_run, const struct report *report, struct err *e);

#endif
