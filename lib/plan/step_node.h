/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets and values of steps that put a placeholder in the place of a card's device node. */
#ifndef GPUPT_STEP_NODE_H
#define GPUPT_STEP_NODE_H

#include <sys/types.h>

#include "base/root.h"
#include "host/pci.h"
#include "plan/step.h"

#define NODE_NVIDIA_MAJOR 195 /* as in host/nodes.c: in no list of the kernel's, so that whether a driver is behind it cannot be seen */

/* "0000:01:00.0 /dev/dri/renderD128". */
void node_target(struct bdf b, const char *path, struct text *t);
/* "c 226:128 0:104 0660", with the owner and mode of the card's node, or "c 226:128" with own NULL: they are not known. */
void node_value(dev_t dev, const struct root_own *own, struct text *t);
/* Of what node_value() writes; unknown, it is root's and its group's. 0 or -EINVAL (NULL among others). */
int node_value_parse(const char *value, dev_t *ret, struct root_own *ret_own);

/*
 * Removes placeholders of these functions that are on no record: where after-stop = keep they outlive the lease, so that containers can be
 * started. For whoever is about to bind the functions to drivers that make nodes. They are found by what is remembered of their paths.
 */
void node_drop_kept(const struct root *r, const struct bdf_list *fns);

#endif
