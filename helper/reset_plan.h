/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan of `gpupt-helper reset`. */
#ifndef GPUPT_RESET_PLAN_H
#define GPUPT_RESET_PLAN_H

#include "plan/plan.h"
#include "policy/facts.h"

/*
 * The steps that reset the card of display function gpu: NVIDIA's persistence mode and its console off, its functions off their
 * native drivers, the method, the reset. f is about the functions of its slot. 0; -EPERM (refused: the reasons were told on stderr, err
 * has the remedy);
 * -EOPNOTSUPP (it cannot be reset by itself, err says why); -errno.
 */
int reset_plan(const struct facts *f, const struct settings *s, struct bdf gpu, struct plan *ret, struct err *e);

#endif
