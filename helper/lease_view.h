/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A lease as a person wants to see it. Only reads: no lock, no directory, no cut line. */
#ifndef GPUPT_LEASE_VIEW_H
#define GPUPT_LEASE_VIEW_H

#include "plan/lease.h"

enum lease_state {
	LEASE_RUNNING,	    /* QEMU runs */
	LEASE_STARTING,	    /* a hook of ours or a task of Proxmox VE's is at work on it */
	LEASE_SETTLING,	    /* the same, and some of it is put back already */
	LEASE_NOT_RUNNING,  /* the VM does not run; nobody gave the cards back */
	LEASE_EARLIER_BOOT, /* from before the host was rebooted */
};

struct lease_view {
	unsigned int vmid;
	struct record rec;
	struct bdf *functions;
	size_t n;
	enum lease_state state;
	pid_t qemu; /* 0 if it does not run */
};

/* 0, -ENOENT (no lease, or none any more), -EBADMSG (err names the line), -errno. */
int lease_view_load(const struct root *r, unsigned int vmid, struct lease_view *ret, struct err *e);
void lease_view_done(struct lease_view *v);
#define _cleanup_lease_view_ _cleanup_(lease_view_done)

/* "running", "earlier boot" … */
const char *lease_state_name(enum lease_state s);
/* What to do about it; NULL if nothing. Into buf. */
const char *lease_view_remedy(const struct lease_view *v, char buf[static 80]);

/* Does somebody hold a flock(2) of the file? By looking at the list of locks: to try it would be to take it. */
bool lease_view_locked(const struct root *r, const char *path);

#endif
