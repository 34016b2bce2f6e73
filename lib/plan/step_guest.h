/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps about containers: whether one runs, and what its HA resource asks for. */
#ifndef GPUPT_STEP_GUEST_H
#define GPUPT_STEP_GUEST_H

#include "plan/step.h"

/* Their values. */
#define GUEST_RUNNING "running"
#define GUEST_STOPPED "stopped"

/* How a container is shut down: within so many seconds, and by force afterwards or not at all. */
struct guest_stop {
	unsigned int vmid;
	unsigned int timeout_s;
	bool force;
};

/* "lxc/200 timeout=60,force-stop=0": a container that runs or not. */
void guest_target(const struct guest_stop *g, struct text *t);
/* "ct:200 timeout=60": a container whose state the HA manager is asked for, HA_STARTED or HA_STOPPED by name. */
void ha_target(const struct guest_stop *g, struct text *t);
/* Of either. 0 or -EINVAL. */
int guest_target_parse(const char *target, struct guest_stop *ret, struct err *e);


#endif
