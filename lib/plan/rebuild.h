/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What programs make of the system's files. */
#ifndef GPUPT_PLAN_REBUILD_H
#define GPUPT_PLAN_REBUILD_H

#include "plan/plan.h"

/* Adds the step for "initramfs", "grub", "boot-tool", "udev" or "systemd", with its command. NULL without memory, or if there is none. */
struct step *rebuild_add(struct plan *p, const char *name, const char *why);

#endif
