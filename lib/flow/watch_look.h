/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a watcher does each time that it looks: see watch.h. */
#ifndef GPUPT_WATCH_LOOK_H
#define GPUPT_WATCH_LOOK_H

#include "flow/release.h"

#define WATCH_LOOK_MS	250    /* between two looks while something is about to happen */
#define WATCH_SLOW_MS	5000   /* and while a person, or the kernel, has to do something first */
#define WATCH_RETRY_MS	300000 /* what fails is tried again at growing intervals, this at most: each try is told in the journal */
#define WATCH_GRACE_MS	30000  /* for post-stop after QEMU's end; 'qm cleanup' itself waits this long for QEMU (PVE/CLI/qm.pm) */
#define WATCH_UNREAD_MS 60000  /* until root hears that it cannot be told whether the VM runs */

struct watch_retry {
	uint64_t at;	 /* not before */
	unsigned int ms; /* how long it was put off for */
	bool alarmed;	 /* root knows; what is tried again is tried in silence */
};

/* One watcher's memory between its looks. */
struct watcher {
	struct release rel;
	struct settings settings; /* as gpupt.conf was when it last made sense */
	pid_t qemu;		  /* what ran at the last look; 0: nothing */
	bool started;		  /* Proxmox VE was done with its start */
	uint64_t gone_since;	  /* when QEMU ended; 0: none was seen, or its time is over */
	uint64_t postponed_since; /* since when the lease waits for another start; 0: it does not */
	uint64_t unread_since;	  /* since when it cannot be told whether the VM runs; 0: it can */
	bool unread_told;
	bool stuck; /* a function of the lease was, at the last look */
	/* apart: a service that does not come up keeps no card from coming home, nor the other way round */
	struct watch_retry cards, late;
	bool late_waits; /* something that comes back late was due at the last look */
	unsigned int pause_ms; /* until the next look */
};

/* Begins with gpupt.conf, in place of rel's settings. */
void watcher_init(struct watcher *w, const struct release *rel);
void watcher_done(struct watcher *w);

/* Puts back what can be, or waits for the end of the VM's QEMU, as long as nothing else is to be tried meanwhile. Sets pause_ms. */
void watch_look(struct watcher *w);

#endif
