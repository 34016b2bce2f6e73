/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps about containers: whether one runs, and what its HA resource asks for. */
#ifndef GPUPT_STEP_GUEST_H
#define GPUPT_STEP_GUEST_H

#include "plan/step.h"
#include "pve/ctident.h"

/* Their values. */
#define GUEST_RUNNING "running"
#define GUEST_STOPPED "stopped"

/* How a container is shut down: within so many seconds, and by force afterwards or not at all. */
struct guest_stop {
	unsigned int vmid;
	unsigned int timeout_s;
	bool force;
	char ident[CTIDENT_LEN]; /* which of the containers that may get this id; "": any, as in records of before */
};

/* "lxc/200 timeout=60,force-stop=0 id=1f2e3d4c+99aabbcc": a container that runs or not. */
void guest_target(const struct guest_stop *g, struct text *t);
/* "ct:200 timeout=60 id=…": a container whose state the HA manager is asked for, HA_STARTED or HA_STOPPED by name. */
void ha_target(const struct guest_stop *g, struct text *t);
/* Of either, and only what these write. 0 or -EINVAL. */
int guest_target_parse(const char *target, struct guest_stop *ret, struct err *e);

#endif
