/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan of a hand-over: from the host's drivers to vfio-pci. Pure. */
#ifndef GPUPT_POLICY_HANDOVER_H
#define GPUPT_POLICY_HANDOVER_H

#include "plan/plan.h"
#include "policy/facts.h"

/* Functions that the VM's lease holds already: nothing is planned for their drivers. */
typedef bool handover_held_fn(void *ctx, struct bdf b);

/*
 * The steps in order: NVIDIA's persistence mode off, which its daemon must still be there for; containers that are stopped; processes
 * that may be ended (processes = terminate); the console off the card; the drivers, companions before their display, so that undo
 * returns the display first; with all functions detached, placeholders for the nodes that containers name, the choice of the reset
 * method and the reset. held may be NULL. 0 or -ENOMEM.
 */
int handover_plan(const struct facts *f, const struct settings *s, handover_held_fn *held, void *ctx, struct plan *ret);

/* The value of a function that a VM has. */
void handover_value(const struct driver_value *before, struct driver_value *ret);

/* The target of a reset step: the function and its identity. */
void reset_target(const struct fn_facts *fn, char *buf, size_t size);

/*
 * The reset at the end of a lease, if the settings want one: after the VM, before the way home; of functions that are out, by the
 * caller's word. 0 or -ENOMEM.
 */
int release_reset_plan(const struct facts *f, const struct settings *s, handover_held_fn *out, void *ctx, struct plan *ret);

#endif
