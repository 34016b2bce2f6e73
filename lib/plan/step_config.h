/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps that take lines out of a container's configuration. */
#ifndef GPUPT_STEP_CONFIG_H
#define GPUPT_STEP_CONFIG_H

#include "plan/plan.h"
#include "pve/config.h"

/*
 * Adds to p the steps that take n lines (indices in cfg->lines, in any order, the same one perhaps twice) out of the current section of
 * a container's configuration, from the last to the first, so that each is taken out of, and put back into, what the others leave.
 * why names the functions on whose account ("it has 0000:01:00.0"). Pure. 0; -EINVAL: a line is neither a key nor a raw one of that
 * section; -E2BIG: it is far too long; -ENOMEM.
 */
int config_steps(struct plan *p, const struct config *cfg, const size_t *lines, size_t n, const char *why);

#endif
