/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What NVIDIA's persistence mode, and the daemon that keeps it, mean for a card that is to change hands. Pure. */
#ifndef GPUPT_PERSISTENCE_H
#define GPUPT_PERSISTENCE_H

#include "plan/plan.h"
#include "policy/facts.h"
#include "policy/finding.h"

/* Is it nvidia-persistenced, as a service of the host? It has every card open that it keeps the mode for. */
bool persistence_is_daemon(const struct holder *h);

/* Functions whose mode is unknown, since their driver may hold them, and the daemon where it is in the way. */
void persistence_judge(const struct facts *f, struct findings *ret);

/* Adds the steps that turn it off, where it is on. 0 or -ENOMEM. */
int persistence_plan(const struct facts *f, struct plan *ret);

#endif
