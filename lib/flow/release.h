/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Post-stop, release and reconcile: what a lease took is given back, from its record alone. */
#ifndef GPUPT_RELEASE_H
#define GPUPT_RELEASE_H

#include "flow/report.h"
#include "plan/plan.h"
#include "policy/settings.h"

struct release {
	const struct root *root;
	const struct settings *settings;
	unsigned int vmid;
	bool dry_run;	    /* tell what would be undone, change nothing */
	bool unattended;    /* nobody reads the report: what is left goes to root by mail */
	bool mend;	    /* a person asks: a lease that cannot be read is replaced (damaged.h) */
	unsigned int quorum_wait_ms; /* reconcile: how long to wait for a quorum that something due needs; 0: not at all */
	bool has_lock;	    /* our caller holds Proxmox VE's lock of the VM; else it is tried */
	uint64_t since;	    /* when whoever waits for all this began to wait (giveback.h); 0: nobody does */
	const struct report *report;
	struct text *unmailed; /* reconcile: gets what made it fail and went to root by no mail about a VM; may be NULL */
};

/*
 * Waits (bounded by stop-timeout) until nobody holds the cards, resets AMD's, undoes the lease's steps, drops the claims, removes the
 * record. 0; -ENOENT: the VM has no lease; -EBUSY: the VM still runs, or another process of ours is at it (err says which);
 * -EUCLEAN: something could not be put back, somebody has it open perhaps, and stays on record; -errno. What was left as somebody else
 * set it is told through the report and no failure. If somebody waits, what is left gets a watcher, and it is told who goes on, or that
 * nobody does. ret (may be NULL) counts.
 */
int release_run(const struct release *rel, struct undo_result *ret, struct err *e);

/* Is the node on its way down? Then nothing is rebound, reset or started: the record waits for the next boot. why gets a clause. */
bool node_stopping(const struct root *r, const char **ret_why);

#define RELEASE_POSTPONED_S 600 /* how long a lease waits for the start that a reboot or a backup announces */
/* For a lease that outlives this stop: keeps its functions reserved for that time. */
void release_keep(const struct root *r, unsigned int vmid);

/* Must the lease outlive this stop (reboot, stop-mode backup of a running VM)? why gets a clause. */
bool release_postponed(const struct root *r, unsigned int vmid, const char **ret_why);

/*
 * Settles the lease of vmid, or all with vmid 0, whose VM does not run and is not being worked on by Proxmox VE (its lock is only
 * tried); leases of an earlier boot have lapsed, but for what survives one. Unattended, for all, what is left to be put back late gets
 * a watcher, since guests start next and nobody else would try again. A lease that somebody else settles meanwhile is settled. Forgets
 * stuck functions whose process has ended. ret counts over all. 0, -EUCLEAN if something could not be put back, -errno.
 */
int reconcile_run(const struct release *rel, struct undo_result *ret, struct err *e);

#endif
