/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Of what blocks a start, what may go away: processes that are waited for (processes = wait), VMs that may be shut down
 * (vms = shutdown). Pure.
 */
#ifndef GPUPT_OBSTACLES_H
#define GPUPT_OBSTACLES_H

#include "policy/facts.h"
#include "policy/finding.h"

/* Another VM that has some of the functions. */
struct obstacle_vm {
	unsigned int vmid;
	enum finding_code code; /* by which it blocks: FINDING_CLAIMED, _RESERVED or _IN_USE */
	struct bdf bdf;		/* the first function that it has */
	unsigned int timeout;	/* seconds that its shutdown may take: the longest that any of its cards allows */
	bool force;		/* all of them permit to stop it then */
};

struct obstacles {
	unsigned int wait;	 /* obstacles_wait() */
	struct obstacle_vm *vms; /* each once, in the order of the functions */
	size_t n;
};

/*
 * found: what judge() had to say about f. 1: all that blocks may go away, ret says how; 0: something else blocks as well, or
 * the settings permit nothing (a start for a backup is permitted nothing in any case); -ENOMEM.
 */
int obstacles_find(const struct facts *f, const struct settings *s, const struct findings *found, struct obstacles *ret);
void obstacles_done(struct obstacles *o);
#define _cleanup_obstacles_ _cleanup_(obstacles_done)

/* Seconds that a start may wait for the processes that hold f: the shortest time of any. 0: there is nobody who is waited for. */
unsigned int obstacles_wait(const struct facts *f, const struct settings *s);
/* Appends who is waited for, and what they hold: "player (4711) in container 200: it holds 0000:01:00.0". */
void obstacles_waited(const struct facts *f, const struct settings *s, struct text *to);

/* Does the code say that somebody uses the card, or may be about to? */
bool obstacle_is_use(enum finding_code code);
#endif
