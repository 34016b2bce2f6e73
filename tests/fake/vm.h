/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Proxmox VE does with a VM, as far as it concerns the walk: each in this process, or as a fake_run() of its own. */
#ifndef GPUPT_TESTS_VM_H
#define GPUPT_TESTS_VM_H

#include "flow/handover.h"
#include "flow/release.h"
#include "tests/fake/fake.h"

/* Lines, of both kinds, into a text. */
struct report fake_report(struct text *to);

/* What came of one call. */
struct vm_result {
	int r;
	struct findings findings;
	struct plan plan;
	struct undo_result undo;
	struct text said, complained; /* lines */
	struct err e;
};

void vm_result_done(struct vm_result *v);
#define _cleanup_vm_ _cleanup_(vm_result_done)

/* pre-start as the hook does it, by the VM's configuration in the tree and by gpupt.conf. */
void vm_start(struct fake *f, unsigned int vmid, bool dry_run, struct vm_result *ret);
/* post-stop as the hook does it: not while the lease must live on (then ret->r is 1). */
void vm_stop(struct fake *f, unsigned int vmid, struct vm_result *ret);
/* `gpupt-helper release VMID`, `gpupt-helper reconcile [VMID]`. */
void vm_release(struct fake *f, unsigned int vmid, struct vm_result *ret);
void vm_reconcile(struct fake *f, unsigned int vmid, struct vm_result *ret);
/* What the watcher does when the cards are home: services come back. */
void vm_late(struct fake *f, unsigned int vmid, struct vm_result *ret);

/* For fake_run(): ctx points to the VM's id. 0, or 1 for a failure. */
int vm_start_run(struct fake *f, void *ctx);
int vm_stop_run(struct fake *f, void *ctx);
int vm_watch_run(struct fake *f, void *ctx); /* as gpupt-settle@VMID does it, by the settings that there are without a gpupt.conf */

/* Leases, claims, turns, stuck functions and reservations that are still there, a line each; "" if there is nothing. */
const char *vm_leftovers(struct fake *f);
bool vm_found(const struct vm_result *v, enum finding_code code);

#endif
