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
	const struct report *report;
};

/*
 * 0: the VM has its cards (or needs none). -EPERM: refused, ret_findings has why. -errno: failed and put back, err says what;
 * -EUCLEAN: failed, and not everything could be put back. ret_findings holds warnings in any case; ret_plan (may be NULL) what
 * was, or with dry_run would be, done.
 */
int handover_run(const struct handover *h, struct findings *ret_findings, struct plan *ret_plan, struct err *e);

/* post-start: notes QEMU's pid in the lease and complains where its command line and the lease disagree. 0 also without a lease. */
int handover_confirm(const struct root *r, unsigned int vmid, const struct report *report, struct err *e);

#endif
