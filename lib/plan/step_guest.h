/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The targets of steps about containers. */
#ifndef GPUPT_STEP_GUEST_H
#define GPUPT_STEP_GUEST_H

#include "plan/step.h"

/* A container that runs or not, and how it is shut down: within timeout_s, and by force afterwards or not at all. */
void guest_target(unsigned int vmid, unsigned int timeout_s, bool force_stop, struct text *t);
/* A container whose state the HA manager is asked for. */
void ha_target(unsigned int vmid, unsigned int timeout_s, struct text *t);

#endif
