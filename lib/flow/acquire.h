/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Acquisition: which functions a VM gets is chosen and claimed in one go, with Proxmox VE's own reservation beside the claim. */
#ifndef GPUPT_ACQUIRE_H
#define GPUPT_ACQUIRE_H

#include "flow/report.h"
#include "flow/select.h"

struct acquire {
	const struct root *root;
	const struct settings *settings;
	const struct report *report;
	unsigned int vmid;
	bool live; /* else only the choice is made */
};

/*
 * Selects, claims all functions or none, and reserves those that the VM names with Proxmox VE, which then makes the same choice
 * among a mapping's alternatives. A VM in the way that is dead is settled, and the try repeated. 0; -EBUSY: another VM has one of
 * them (ret is filled all the same, for the judgement to say who); -errno.
 */
int acquire_run(const struct acquire *a, const struct vm_devices *devices, struct selection *ret, struct err *e);

/* Has Proxmox VE's reservation of what acquire_run() took last that much longer, where a start waits for somebody. Best effort. */
void acquire_prolong(const struct acquire *a, const struct selection *sel, unsigned int seconds);

/* Gives up what acquire_run() took, but for what the VM held before. */
typedef bool acquire_keep_fn(void *ctx, struct bdf b);
void acquire_drop(const struct acquire *a, const struct selection *sel, acquire_keep_fn *keep, void *ctx);

#endif
