/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ROMs that a plan brings into their files. */
#ifndef GPUPT_FLOW_ROMS_H
#define GPUPT_FLOW_ROMS_H

#include "plan/plan.h"

/*
 * Between the consent to a plan and its application: reads the ROM of each step that has ROM_UNREAD (plan/step_rom.h), so that the step
 * says what it sets. One whose ROM cannot be had is told as skipped, and leaves the plan. 0 or -ENOMEM.
 */
int roms_read(const struct engine *en, struct plan *p, struct err *e);

#endif
